//! `UnixStream`.

use super::{path_addr, system_addr};
use crate::net::Within;
use crate::net::common::{bounded, example, shared, timed};
use crate::net::connect;
use crate::net::socket::Socket;
use crate::poller::Dir;
use crate::sys::socket::{self as sys, NO_SIGNAL};
use crate::wait::{Cancel, Until};
use socket2::{SockAddr, SockRef};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

/// A connection within this machine: [`std::os::unix::net::UnixStream`] for goroutines. Go's `net.UnixConn`.
///
/// It reads and writes by reference, too, as [`TcpStream`](crate::net::TcpStream) does.
///
/// # Examples
/// ```
/// use rt::net::UnixStream;
/// use std::io::{Read, Write};
///
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
///     let (mut a, mut b) = UnixStream::pair()?;
///     rt::go!(move || a.write_all(b"hello"));
///     let mut text = String::new();
///     b.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     Ok(())
/// }
/// ```
pub struct UnixStream(Socket<net::UnixStream>);

shared!(UnixStream, net::UnixStream, "let (socket, _other) = rt::net::UnixStream::pair()?;\n");
timed!(UnixStream, "let (socket, _other) = rt::net::UnixStream::pair()?;\n");
bounded!(UnixStream, net::UnixStream, "let (socket, _other) = rt::net::UnixStream::pair()?;\n");

impl UnixStream {
    /// Connects to who listens at `path`. Waits while too many others do.
    ///
    /// # Errors
    /// What the system says: nobody listens, there is no such path, it is too long. And if there is a zero in it: it
    /// names no file, nor what has a name without one.
    ///
    /// # Examples
    /// ```
    /// use rt::net::{UnixListener, UnixStream};
    /// let path = std::env::temp_dir().join(format!("rt-doc-stream-{}", std::process::id()));
    /// assert!(UnixStream::connect(&path).is_err(), "nobody listens");
    /// let _listener = UnixListener::bind(&path)?;
    /// assert!(UnixStream::connect(&path).is_ok());
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        connect::connect_local(&path_addr(path.as_ref())?, Until::NEVER).map(Self)
    }

    /// As [`connect`](Self::connect), until `ctx` is done at most. Go's `Dialer.DialContext`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); a [`ContextError`](crate::context::ContextError).
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use rt::net::{UnixListener, UnixStream};
    /// use std::time::Duration;
    ///
    /// let path = std::env::temp_dir().join(format!("rt-connect-ctx-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_secs(5));
    /// UnixStream::connect_ctx(&path, &ctx)?;
    /// std::fs::remove_file(path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_ctx<P: AsRef<Path>>(path: P, ctx: &(impl Cancel + ?Sized)) -> io::Result<Self> {
        let address = path_addr(path.as_ref())?;
        Self::connect_bounded(&address, ctx)
    }

    /// The same, with an address of std's.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// use rt::net::{UnixListener, UnixStream};
    /// let path = std::env::temp_dir().join(format!("rt-doc-at-addr-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let stream = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// std::fs::remove_file(&path)?;
    /// assert_eq!(stream.peer_addr()?.as_pathname(), Some(&*path));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        connect::connect_local(&system_addr(address)?, Until::NEVER).map(Self)
    }

    /// As [`connect_addr`](Self::connect_addr), until `ctx` is done at most.
    ///
    /// # Errors
    /// As [`connect_ctx`](Self::connect_ctx).
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use rt::net::{UnixListener, UnixStream};
    /// let path = std::env::temp_dir().join(format!("rt-doc-addr-ctx-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// std::fs::remove_file(&path)?;
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// cancel();
    /// assert!(UnixStream::connect_addr_ctx(&listener.local_addr()?, &ctx).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_addr_ctx(
        address: &SocketAddr,
        ctx: &(impl Cancel + ?Sized),
    ) -> io::Result<Self> {
        Self::connect_bounded(&system_addr(address)?, ctx)
    }

    fn connect_bounded(address: &SockAddr, ctx: &(impl Cancel + ?Sized)) -> io::Result<Self> {
        Socket::<net::UnixStream>::bounded(ctx, |until| connect::connect_local(address, until))
            .map(Self)
    }

    /// Two that are connected with each other. Go's `net.Pipe`, but a system's socket.
    ///
    /// # Errors
    /// When the process has no files left.
    ///
    /// # Examples
    /// See [`UnixStream`].
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = net::UnixStream::pair()?;
        Ok((Self::from(a), Self::from(b)))
    }

    /// Reads without taking anything away: the next read gets it again.
    ///
    /// # Errors
    /// As reading.
    ///
    /// # Examples
    /// ```
    /// use std::io::Write;
    /// let (mut a, b) = rt::net::UnixStream::pair()?;
    /// a.write_all(b"x")?;
    /// assert_eq!(b.peek(&mut [0; 9])?, 1);
    /// assert_eq!(b.peek(&mut [0; 9])?, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return self.0.nothing(Dir::Read);
        }
        self.0.op(Dir::Read, |io| sys::peek(io.as_fd(), buf))
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
    /// let (a, mut b) = rt::net::UnixStream::pair()?;
    /// a.shutdown(std::net::Shutdown::Write)?;
    /// assert_eq!(b.read(&mut [0; 1])?, 0);
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
    /// assert!(rt::net::UnixStream::pair()?.0.peer_addr()?.is_unnamed());
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
    /// assert!(rt::net::UnixStream::pair()?.0.local_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }
}

/// Waits until there is something to read, or the stream has ended; but not without room for it.
///
/// A read that got less than it asked for says nothing about what is left: it ends behind a message that carries
/// files, for instance. The next one asks the system again.
impl Read for &UnixStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return self.0.nothing(Dir::Read);
        }
        self.0.op(Dir::Read, |io| sys::receive(io.as_fd(), buf))
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
impl Write for &UnixStream {
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

impl Read for UnixStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for UnixStream {
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
