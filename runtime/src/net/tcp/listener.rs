//! `TcpListener`.

use super::TcpStream;
use crate::net::common::{accepts, example, shared};
use crate::net::socket::Socket;
use crate::net::{Closed, accept_patiently, addr};
use crate::poller::Dir;
use crate::sys::socket as sys;
use crate::wait::{Cancel, Until};
use socket2::{SockAddr, SockRef};
use std::io;
use std::net::{self, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Instant;

/// A socket to which others connect: [`std::net::TcpListener`] for goroutines. Go's `net.TCPListener`.
///
/// Several goroutines may accept at the same time; [`close`](Self::close) stops them.
///
/// # Examples
/// ```
/// use rt::net::{Closed, TcpListener, TcpStream};
/// use std::sync::Arc;
///
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
///     let listener = Arc::new(TcpListener::bind("127.0.0.1:0")?);
///     let accepting = {
///         let listener = Arc::clone(&listener);
///         rt::go!(move || loop {
///             match listener.accept() {
///                 Ok((_stream, _peer)) => {}
///                 Err(error) => break error,
///             }
///         })
///     };
///     TcpStream::connect(listener.local_addr()?)?;
///     listener.close()?;
///     assert!(Closed::is(&accepting.join().unwrap()));
///     Ok(())
/// }
/// ```
pub struct TcpListener(Socket<net::TcpListener>);

shared!(
    TcpListener,
    net::TcpListener,
    "let socket = rt::net::TcpListener::bind(\"127.0.0.1:0\")?;\n"
);
accepts!(TcpListener, "let socket = rt::net::TcpListener::bind(\"127.0.0.1:0\")?;\n");

impl TcpListener {
    /// Listens on the first of the addresses that works. Port 0: one that is free. Go's `net.Listen`.
    ///
    /// As std's, it sets `SO_REUSEADDR`, so that a server that is started again gets its port
    /// at once. As Go's, it lets as many connections wait to be accepted as the system allows.
    ///
    /// A name is looked up first, which may take its time.
    ///
    /// # Errors
    /// What the system says: the address is in use, is not this machine's, needs a privilege.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let listener = net::TcpListener::bind(&addr::resolve(address)?[..])?;
        listener.set_nonblocking(true)?;
        SockRef::from(&listener).listen(sys::max_backlog())?;
        Ok(Self(Socket::new(listener)))
    }

    /// Waits for somebody who connects. Go's `Accept`.
    ///
    /// When the process has no file left for the connection (`EMFILE`, `ENFILE`), or the system no memory, or a
    /// connection was broken off before it was accepted, it waits and tries again: after 5 ms, and then each
    /// time after twice as long, up to 1 s, until it works, the [deadline](Self::set_deadline) passes or the
    /// listener is [closed](Self::close). (Go's `net/http` does that around `Accept`.)
    ///
    /// # Errors
    /// [`Closed`]; [`TimedOut`](io::ErrorKind::TimedOut) when the deadline has passed; what else the system says.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let client = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// let (stream, peer) = listener.accept()?;
    /// assert_eq!(peer, client.local_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accepted(Until::NEVER, || self.0.op(Dir::Read, |io| sys::accept(io.as_fd())))
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
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert_eq!(listener.accept_ctx(&ctx).unwrap_err().kind(), ErrorKind::TimedOut);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn accept_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> io::Result<(TcpStream, SocketAddr)> {
        Socket::<net::TcpListener>::bounded(ctx, |until| {
            self.accepted(until, || self.0.op_until(Dir::Read, until, |io| sys::accept(io.as_fd())))
        })
    }

    fn accepted(
        &self,
        until: Until<'_>,
        accept: impl FnMut() -> io::Result<(OwnedFd, SockAddr)>,
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let pause = |pause| self.0.pause(pause, until);
        let (file, peer) = accept_patiently(self.0.waits(), accept, pause)?;
        let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        Ok((TcpStream::from_nonblocking(file.into()), peer))
    }

    /// The connections, one after the other, as [`accept`](Self::accept) gives them: without an
    /// end, unless the listener is [closed](Self::close). Then the error that says so is the last.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// let client = rt::net::TcpStream::connect(listener.local_addr()?)?;
    /// let first = listener.incoming().next().unwrap()?;
    /// assert_eq!(first.peer_addr()?, client.local_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self, ended: false }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When it was closed.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0, "one that was free");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }

    /// Sets `IP_TTL`: how many routers the packets may pass.
    ///
    /// # Errors
    /// What the system says; when it was closed.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_ttl(100)?;
    /// assert_eq!(listener.ttl()?, 100);
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
    /// assert!(rt::net::TcpListener::bind("127.0.0.1:0")?.ttl()? > 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.with(|io| io.ttl())
    }
}

/// The connections of a [`TcpListener`]; see [`incoming`](TcpListener::incoming).
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    ended: bool,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.listener.accept().map(|(stream, _)| stream);
        self.ended = next.as_ref().is_err_and(Closed::is);
        Some(next)
    }
}

impl std::iter::FusedIterator for Incoming<'_> {}
