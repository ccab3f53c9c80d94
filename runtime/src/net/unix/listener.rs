//! `UnixListener`.

use super::UnixStream;
use crate::net::common::{accepts, example, shared};
use crate::net::socket::Socket;
use crate::net::{Closed, accept_patiently};
use crate::poller::Dir;
use crate::sys::socket as sys;
use crate::wait::{Cancel, Until};
use socket2::SockRef;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Instant;

/// A socket of the file system to which others connect: [`std::os::unix::net::UnixListener`] for goroutines. Go's
/// `net.UnixListener`.
///
/// Neither closing nor dropping it removes the file at its path, as with std. (Go's removes it.)
///
/// # Examples
/// ```
/// use rt::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
///
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
///     let path = std::env::temp_dir().join(format!("rt-doc-{}", std::process::id()));
///     let listener = UnixListener::bind(&path)?;
///     let mut client = UnixStream::connect(&path)?;
///     std::fs::remove_file(&path)?;
///     let (mut server, _) = listener.accept()?;
///     client.write_all(b"hello")?;
///     let mut hello = [0; 5];
///     server.read_exact(&mut hello)?;
///     assert_eq!(&hello, b"hello");
///     Ok(())
/// }
/// ```
pub struct UnixListener(Socket<net::UnixListener>);

shared!(
    UnixListener,
    net::UnixListener,
    "let path = std::env::temp_dir().join(format!(\"rt-{:?}-{}\", std::thread::current().id(), std::process::id()));\n# let _ = std::fs::remove_file(&path);\nlet socket = rt::net::UnixListener::bind(&path)?;\n# std::fs::remove_file(&path)?;\n"
);
accepts!(
    UnixListener,
    "let path = std::env::temp_dir().join(format!(\"rt-{:?}-{}\", std::thread::current().id(), std::process::id()));\n# let _ = std::fs::remove_file(&path);\nlet socket = rt::net::UnixListener::bind(&path)?;\n# std::fs::remove_file(&path)?;\n"
);

impl UnixListener {
    /// Listens at `path`, where there must be nothing yet. As many connections as the system
    /// allows may wait to be accepted.
    ///
    /// # Errors
    /// What the system says: there is something at the path, or it is too long.
    ///
    /// # Examples
    /// See [`UnixListener`].
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        net::UnixListener::bind(path).and_then(Self::begin)
    }

    /// The same, at an address of std's, which may be one without a file.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// let name = format!("rt-doc-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(name)?;
    /// let listener = rt::net::UnixListener::bind_addr(&address)?;
    /// let stream = rt::net::UnixStream::connect_addr(&address)?;
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        net::UnixListener::bind_addr(address).and_then(Self::begin)
    }

    fn begin(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        SockRef::from(&listener).listen(sys::max_backlog())?;
        Ok(Self(Socket::new(listener)))
    }

    /// Waits for somebody who connects; just as [`TcpListener::accept`](crate::net::TcpListener::accept).
    ///
    /// # Errors
    /// [`Closed`]; [`TimedOut`](io::ErrorKind::TimedOut) when the deadline has passed; what else the system says.
    ///
    /// # Examples
    /// See [`UnixListener`].
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.accepted(Until::NEVER, || self.0.op(Dir::Read, |io| io.accept()))
    }

    /// The same, until `ctx` is done at most. If it is done already, nobody is accepted.
    ///
    /// # Errors
    /// The same; a [`ContextError`](crate::context::ContextError).
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// # let path = std::env::temp_dir().join(format!("rt-accept-ctx-{}", std::process::id()));
    /// let listener = rt::net::UnixListener::bind(&path)?;
    /// # std::fs::remove_file(&path)?;
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert_eq!(listener.accept_ctx(&ctx).unwrap_err().kind(), ErrorKind::TimedOut);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn accept_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> io::Result<(UnixStream, SocketAddr)> {
        Socket::<net::UnixListener>::bounded(ctx, |until| {
            self.accepted(until, || self.0.op_until(Dir::Read, until, |io| io.accept()))
        })
    }

    fn accepted(
        &self,
        until: Until<'_>,
        accept: impl FnMut() -> io::Result<(net::UnixStream, SocketAddr)>,
    ) -> io::Result<(UnixStream, SocketAddr)> {
        let pause = |pause| self.0.pause(pause, until);
        let (stream, peer) = accept_patiently(self.0.waits(), accept, pause)?;
        Ok((UnixStream::from(stream), peer))
    }

    /// The connections, one after the other, as [`accept`](Self::accept) gives them: without an
    /// end, unless the listener is [closed](Self::close). Then the error that says so is the last.
    ///
    /// # Examples
    /// ```
    /// use rt::net::{UnixListener, UnixStream};
    /// let path = std::env::temp_dir().join(format!("rt-doc-incoming-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let _client = UnixStream::connect(&path)?;
    /// std::fs::remove_file(&path)?;
    /// assert!(listener.incoming().next().unwrap().is_ok());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming { listener: self, ended: false }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When it was closed.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// let address = SocketAddr::from_abstract_name(format!("rt-doc-2-{}", std::process::id()))?;
    /// let listener = rt::net::UnixListener::bind_addr(&address)?;
    /// assert_eq!(listener.local_addr()?.as_abstract_name(), address.as_abstract_name());
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }
}

/// The connections of a [`UnixListener`]; see [`incoming`](UnixListener::incoming).
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
    ended: bool,
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = UnixIncoming<'a>;

    fn into_iter(self) -> UnixIncoming<'a> {
        self.incoming()
    }
}

impl Iterator for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.listener.accept().map(|(stream, _)| stream);
        self.ended = next.as_ref().is_err_and(Closed::is);
        Some(next)
    }
}

impl std::iter::FusedIterator for UnixIncoming<'_> {}
