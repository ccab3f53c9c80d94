//! `UnixDatagram`.

use crate::net::common::{datagrams, example, shared, timed};
use crate::net::socket::Socket;
use crate::poller::Dir;
use crate::sys::socket as sys;
use crate::wait::{Cancel, Until};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

/// Sends and receives datagrams within this machine: [`std::os::unix::net::UnixDatagram`] for goroutines.
/// Go's `net.UnixConn` for `unixgram`.
///
/// # Examples
/// ```
/// let (a, b) = rt::net::UnixDatagram::pair()?;
/// a.send(b"hello")?;
/// assert_eq!(b.recv(&mut [0; 64])?, 5);
/// # std::io::Result::Ok(())
/// ```
pub struct UnixDatagram(Socket<net::UnixDatagram>);

shared!(
    UnixDatagram,
    net::UnixDatagram,
    "let (socket, _other) = rt::net::UnixDatagram::pair()?;\n"
);
timed!(UnixDatagram, "let (socket, _other) = rt::net::UnixDatagram::pair()?;\n");
datagrams!(
    UnixDatagram,
    net::UnixDatagram,
    "let (socket, _other) = rt::net::UnixDatagram::pair()?;\n"
);

impl UnixDatagram {
    /// Opens a socket at `path`, where there must be nothing yet.
    ///
    /// # Errors
    /// What the system says: there is something at the path, or it is too long.
    ///
    /// # Examples
    /// ```
    /// use rt::net::UnixDatagram;
    /// let path = std::env::temp_dir().join(format!("rt-doc-datagram-{}", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to(b"hello", &path)?;
    /// std::fs::remove_file(&path)?;
    /// let (n, from) = socket.recv_from(&mut [0; 64])?;
    /// assert_eq!(n, 5);
    /// assert!(from.is_unnamed());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        net::UnixDatagram::bind(path).map(Self::from)
    }

    /// The same, at an address of std's, which may be one without a file.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use rt::net::UnixDatagram;
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// let name = format!("rt-doc-bind-addr-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(name)?;
    /// let socket = UnixDatagram::bind_addr(&address)?;
    /// UnixDatagram::unbound()?.send_to_addr(b"hello", &address)?;
    /// assert_eq!(socket.recv(&mut [0; 64])?, 5);
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        net::UnixDatagram::bind_addr(address).map(Self::from)
    }

    /// Opens a socket without an address: it can send.
    ///
    /// # Errors
    /// When the process has no files left.
    ///
    /// # Examples
    /// ```
    /// assert!(rt::net::UnixDatagram::unbound()?.local_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn unbound() -> io::Result<Self> {
        net::UnixDatagram::unbound().map(Self::from)
    }

    /// Two that are connected with each other.
    ///
    /// # Errors
    /// When the process has no files left.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = rt::net::UnixDatagram::pair()?;
    /// a.send(b"one")?;
    /// a.send(b"three")?;
    /// assert_eq!((b.recv(&mut [0; 9])?, b.recv(&mut [0; 9])?), (3, 5));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = net::UnixDatagram::pair()?;
        Ok((Self::from(a), Self::from(b)))
    }

    /// Sets the other end: [`send`](Self::send) goes there, and only what comes from there is received.
    ///
    /// # Errors
    /// What the system says; when it was closed.
    ///
    /// # Examples
    /// ```
    /// use rt::net::UnixDatagram;
    /// let path = std::env::temp_dir().join(format!("rt-doc-connect-{}", std::process::id()));
    /// let (server, client) = (UnixDatagram::bind(&path)?, UnixDatagram::unbound()?);
    /// client.connect(&path)?;
    /// std::fs::remove_file(&path)?;
    /// client.send(b"hello")?;
    /// assert_eq!(server.recv(&mut [0; 64])?, 5);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.0.with(|io| io.connect(path))
    }

    /// The same, with an address of std's.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use rt::net::UnixDatagram;
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// let name = format!("rt-doc-connect-addr-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(name)?;
    /// let (server, client) = (UnixDatagram::bind_addr(&address)?, UnixDatagram::unbound()?);
    /// client.connect_addr(&address)?;
    /// client.send(b"hello")?;
    /// assert_eq!(server.recv(&mut [0; 64])?, 5);
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.0.with(|io| io.connect_addr(address))
    }

    /// Waits for a datagram. Returns its length and who sent it; what does not fit into `buf` is lost.
    ///
    /// # Errors
    /// [`Closed`](crate::net::Closed); [`TimedOut`](io::ErrorKind::TimedOut); what the system says.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = rt::net::UnixDatagram::pair()?;
    /// a.send(b"hello")?;
    /// let (n, from) = b.recv_from(&mut [0; 64])?;
    /// assert!(n == 5 && from.is_unnamed());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.op(Dir::Read, |io| self.receive_from(io, buf))
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Examples
    /// ```
    /// let (a, b) = rt::net::UnixDatagram::pair()?;
    /// a.send(b"hello")?;
    /// assert_eq!(b.recv(&mut [0; 64])?, 5);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.op(Dir::Read, |io| self.receive(io, buf))
    }

    /// As [`recv`](Self::recv), and the datagram stays for the next one who receives.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = rt::net::UnixDatagram::pair()?;
    /// a.send(b"x")?;
    /// assert_eq!(b.peek(&mut [0; 9])?, 1);
    /// assert_eq!(b.recv(&mut [0; 9])?, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.op(Dir::Read, |io| self.0.or_end(sys::peek(io.as_fd(), buf), || 0))
    }

    /// Sends a datagram to `path`. While there is no room for it, it is tried again, after a millisecond and then
    /// after twice as long each time, up to a tenth of a second: the system does not tell when there is. (It
    /// does for [`send`](Self::send).)
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from); when nobody is there.
    ///
    /// # Examples
    /// ```
    /// use rt::net::UnixDatagram;
    /// let path = std::env::temp_dir().join(format!("rt-doc-send-to-{}", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// assert_eq!(UnixDatagram::unbound()?.send_to(b"hello", &path)?, 5);
    /// std::fs::remove_file(&path)?;
    /// assert!(UnixDatagram::unbound()?.send_to(b"hello", &path).is_err(), "nobody is there");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.0.op_patiently(Until::NEVER, |io| io.send_to(buf, &path))
    }

    /// The same, until `ctx` is done at most.
    ///
    /// # Errors
    /// The same; a [`ContextError`](crate::context::ContextError).
    ///
    /// # Examples
    /// ```
    /// let (ctx, cancel) = rt::context::Context::background().with_cancel();
    /// cancel();
    /// let socket = rt::net::UnixDatagram::unbound()?;
    /// assert_eq!(socket.send_to_ctx(b"x", "/nowhere", &ctx).unwrap_err().to_string(), "context canceled");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_to_ctx<P: AsRef<Path>>(
        &self,
        buf: &[u8],
        path: P,
        ctx: &(impl Cancel + ?Sized),
    ) -> io::Result<usize> {
        Socket::<net::UnixDatagram>::bounded(ctx, |until| {
            self.0.op_patiently(until, |io| io.send_to(buf, &path))
        })
    }

    /// As [`send_to`](Self::send_to), to an address of std's.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// use rt::net::UnixDatagram;
    /// let path = std::env::temp_dir().join(format!("rt-doc-to-addr-{}", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to_addr(b"hello", &socket.local_addr()?)?;
    /// std::fs::remove_file(&path)?;
    /// assert_eq!(socket.recv(&mut [0; 64])?, 5);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_to_addr(&self, buf: &[u8], address: &SocketAddr) -> io::Result<usize> {
        self.0.op_patiently(Until::NEVER, |io| io.send_to_addr(buf, address))
    }

    /// The same, until `ctx` is done at most.
    ///
    /// # Errors
    /// The same; a [`ContextError`](crate::context::ContextError).
    ///
    /// # Examples
    /// ```
    /// let (ctx, cancel) = rt::context::Context::background().with_cancel();
    /// cancel();
    /// let socket = rt::net::UnixDatagram::unbound()?;
    /// let address = std::os::unix::net::SocketAddr::from_pathname("/nowhere")?;
    /// assert_eq!(socket.send_to_addr_ctx(b"x", &address, &ctx).unwrap_err().to_string(), "context canceled");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_to_addr_ctx(
        &self,
        buf: &[u8],
        address: &SocketAddr,
        ctx: &(impl Cancel + ?Sized),
    ) -> io::Result<usize> {
        Socket::<net::UnixDatagram>::bounded(ctx, |until| {
            self.0.op_patiently(until, |io| io.send_to_addr(buf, address))
        })
    }

    /// Sends a datagram to the [other end](Self::connect). Waits while there is no room for it.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from); when there is no other end, or it is gone.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = rt::net::UnixDatagram::pair()?;
    /// assert_eq!(a.send(b"hello")?, 5);
    /// drop(b);
    /// assert!(a.send(b"hello").is_err(), "the other end is gone");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.op(Dir::Write, |io| io.send(buf))
    }

    fn receive(&self, io: &net::UnixDatagram, buf: &mut [u8]) -> io::Result<usize> {
        self.0.or_end(io.recv(buf), || 0)
    }

    fn receive_from(
        &self,
        io: &net::UnixDatagram,
        buf: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        match self.0.or_end(io.recv_from(buf).map(Some), || None)? {
            Some(received) => Ok(received),
            None => Ok((0, SocketAddr::from_pathname("")?)),
        }
    }

    /// Ends one direction, or both, for all handles of the socket: who sends gets an error; who receives gets what has come, and then
    /// always a datagram of no length, from nobody; or, as from std, [`WouldBlock`](io::ErrorKind::WouldBlock) of a handle that is
    /// [not to wait](Self::set_nonblocking).
    ///
    /// # Errors
    /// When it has no other end, or was closed.
    ///
    /// # Examples
    /// ```
    /// let (a, _b) = rt::net::UnixDatagram::pair()?;
    /// a.shutdown(std::net::Shutdown::Both)?;
    /// assert!(a.send(b"x").is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// The address at the [other end](Self::connect).
    ///
    /// # Errors
    /// When there is none, or it was closed.
    ///
    /// # Examples
    /// ```
    /// let (a, _b) = rt::net::UnixDatagram::pair()?;
    /// assert!(a.peer_addr()?.is_unnamed());
    /// assert!(rt::net::UnixDatagram::unbound()?.peer_addr().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.peer_addr())
    }

    /// The address at this end.
    ///
    /// # Errors
    /// When it was closed.
    ///
    /// # Examples
    /// ```
    /// let (a, _b) = rt::net::UnixDatagram::pair()?;
    /// assert!(a.local_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }
}
