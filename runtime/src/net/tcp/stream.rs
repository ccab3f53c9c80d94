//! `TcpStream`.

use crate::net::Within;
use crate::net::common::{bounded, example, shared, timed};
use crate::net::socket::Socket;
use crate::net::{addr, connect};
use crate::poller::Dir;
use crate::sys::socket::{self as sys, NO_SIGNAL};
use crate::util;
use crate::wait::{Cancel, Until};
use socket2::{SockAddr, SockRef};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// A connection: [`std::net::TcpStream`] for goroutines. Go's `net.TCPConn`.
///
/// It reads and writes by reference, too: one goroutine may read while another writes, without a
/// [clone](Self::try_clone). Dropping it closes the connection.
///
/// # Examples
/// ```
/// use rt::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let stream = TcpStream::connect(listener.local_addr()?)?;
///     let (server, _) = listener.accept()?;
///     rt::scope(|s| {
///         s.spawn(|| (&stream).write_all(b"ping"));
///         s.spawn(|| {
///             let mut request = [0; 4];
///             (&server).read_exact(&mut request)?;
///             (&server).write_all(b"pong")
///         });
///         let mut answer = [0; 4];
///         (&stream).read_exact(&mut answer)?;
///         assert_eq!(&answer, b"pong");
///         Ok(())
///     })
/// }
/// ```
pub struct TcpStream(Socket<net::TcpStream>);

shared!(
    TcpStream,
    net::TcpStream,
    "let listener = rt::net::TcpListener::bind(\"127.0.0.1:0\")?;\nlet socket = rt::net::TcpStream::connect(listener.local_addr()?)?;\n"
);
timed!(
    TcpStream,
    "let listener = rt::net::TcpListener::bind(\"127.0.0.1:0\")?;\nlet socket = rt::net::TcpStream::connect(listener.local_addr()?)?;\n"
);
bounded!(
    TcpStream,
    net::TcpStream,
    "let listener = rt::net::TcpListener::bind(\"127.0.0.1:0\")?;\nlet socket = rt::net::TcpStream::connect(listener.local_addr()?)?;\n"
);

impl TcpStream {
    pub(super) fn from_nonblocking(io: net::TcpStream) -> Self {
        Self(Socket::new(io))
    }

    /// Connects to the first of the addresses that works. Go's `net.Dial`. Waits for as long as the
    /// system tries.
    ///
    /// A name is looked up first, which may take its time.
    ///
    /// # Errors
    /// What the system says about the last of the addresses: refused, unreachable, timed out.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// assert_eq!(rt::net::TcpStream::connect(address)?.peer_addr()?, address);
    /// drop(listener);
    /// assert!(rt::net::TcpStream::connect(address).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        addr::each(&addr::resolve(address)?, |address| Self::connect_until(address, Until::NEVER))
    }

    /// Connects to `address`, and waits for at most `timeout`. Go's `net.DialTimeout`.
    ///
    /// # Errors
    /// What the system says; [`TimedOut`](io::ErrorKind::TimedOut); [`InvalidInput`](io::ErrorKind::InvalidInput)
    /// for a timeout of zero, as std's.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// rt::net::TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        if timeout.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        Self::connect_until(*address, util::now().checked_add(timeout).into())
    }

    /// As [`connect`](Self::connect), until `ctx` is done at most. Go's `Dialer.DialContext`. A name is looked up
    /// first, which the context does not end.
    ///
    /// # Errors
    /// What the system says; a [`ContextError`](crate::context::ContextError).
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use rt::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_secs(5));
    /// TcpStream::connect_ctx(listener.local_addr()?, &ctx)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_ctx<A: ToSocketAddrs>(
        address: A,
        ctx: &(impl Cancel + ?Sized),
    ) -> io::Result<Self> {
        Socket::<net::TcpStream>::bounded(ctx, |until| {
            addr::each(&addr::resolve(address)?, |address| Self::connect_until(address, until))
        })
    }

    fn connect_until(address: SocketAddr, limit: Until<'_>) -> io::Result<Self> {
        connect::connect(&SockAddr::from(address), limit).map(Self)
    }

    /// Reads without taking anything away: the next read gets it again.
    ///
    /// # Errors
    /// As reading.
    ///
    /// # Examples
    /// ```
    /// use std::io::Write;
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// rt::net::TcpStream::connect(listener.local_addr()?)?.write_all(b"x")?;
    /// let (stream, _) = listener.accept()?;
    /// assert_eq!(stream.peek(&mut [0; 9])?, 1);
    /// assert_eq!(stream.peek(&mut [0; 9])?, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return self.0.nothing(Dir::Read);
        }
        self.0.op(Dir::Read, |io| io.peek(buf))
    }

    /// Ends one direction, or both, for all handles of the connection: the other end reads the end of the stream;
    /// reads here get what has come, and then the end. Go's `CloseWrite`, `CloseRead`.
    ///
    /// # Errors
    /// When it is not connected any more, or was closed.
    ///
    /// # Examples
    /// ```
    /// use std::io::Read;
    /// use std::net::Shutdown;
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.shutdown(Shutdown::Write)?;
    /// assert_eq!(listener.accept()?.0.read(&mut [0; 1])?, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// The address at the other end.
    ///
    /// # Errors
    /// When it is not connected any more, or was closed.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
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
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(listener.accept()?.1, stream.local_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }

    /// Sets `TCP_NODELAY`: small writes are sent at once, and not gathered (Nagle's algorithm). It is off at first, as
    /// with std; Go has it on.
    ///
    /// # Errors
    /// When it was closed.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.with(|io| io.set_nodelay(nodelay))
    }

    /// `TCP_NODELAY`.
    ///
    /// # Errors
    /// When it was closed.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert!(!stream.nodelay()?, "unless it is set");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.with(|io| io.nodelay())
    }

    /// Sets `IP_TTL`: how many routers the packets may pass.
    ///
    /// # Errors
    /// What the system says; when it was closed.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_ttl(100)?;
    /// assert_eq!(stream.ttl()?, 100);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.with(|io| io.set_ttl(ttl))
    }

    /// `IP_TTL`.
    ///
    /// # Errors
    /// When it was closed.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert!(stream.ttl()? > 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.with(|io| io.ttl())
    }
}

/// Waits until there is something to read, or the stream has ended; but not without room for it.
///
/// A read that got less than it asked for has emptied the stream: the next one does not ask the system before
/// something new has come. (What ends a read early otherwise, the end of the stream or urgent data, is known: the
/// kernel says so.)
impl Read for &TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return self.0.nothing(Dir::Read);
        }
        let len = buf.len();
        self.0.op_that(Dir::Read, |io| sys::receive(io.as_fd(), buf), |n| (1..len).contains(n))
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let Some(first) = bufs.iter().position(|buf| !buf.is_empty()) else {
            return self.0.nothing(Dir::Read);
        };
        // The system takes some at once; if those had no room for a byte, that would look like the end of the stream.
        let bufs = &mut bufs[first..];
        self.0.op(Dir::Read, |mut io| io.read_vectored(bufs))
    }
}

/// Waits until the system takes at least a part; but not to write nothing.
impl Write for &TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return self.0.nothing(Dir::Write);
        }
        self.0.op(Dir::Write, |io| sys::send(io.as_fd(), buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(first) = bufs.iter().position(|buf| !buf.is_empty()) else {
            return self.0.nothing(Dir::Write);
        };
        // The system takes no more of them at once.
        let bufs = &bufs[first..];
        let bufs = &bufs[..bufs.len().min(libc::UIO_MAXIOV as usize)];
        self.0.op(Dir::Write, |io| SockRef::from(io).send_vectored_with_flags(bufs, NO_SIGNAL))
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
