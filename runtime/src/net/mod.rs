//! Sockets: std's names and meaning, but a call that waits blocks the goroutine, not its thread. Go's
//! package `net`.
//!
//! ```
//! use rt::net::{TcpListener, TcpStream};
//! use std::io::{Read, Write};
//!
//! #[rt::main]
//! fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let address = listener.local_addr()?;
//!     rt::go!(move || -> std::io::Result<()> {
//!         for stream in listener.incoming() {
//!             let stream = stream?;
//!             rt::go!(move || std::io::copy(&mut &stream, &mut &stream));
//!         }
//!         Ok(())
//!     });
//!     let mut stream = TcpStream::connect(address)?;
//!     stream.write_all(b"hello")?;
//!     let mut echo = [0; 5];
//!     stream.read_exact(&mut echo)?;
//!     assert_eq!(&echo, b"hello");
//!     Ok(())
//! }
//! ```
//!
//! What is different from std:
//!
//! * Any number of goroutines and plain threads may use one socket at the same time, by reference: [`Read`](std::io::Read)
//!   and [`Write`](std::io::Write) are there for `&TcpStream`, too. Those who wait for the same
//!   direction are served in order, as far as nobody who comes at the right moment is quicker.
//! * `close(&self)` ends the waits of all, with [`Closed`]: of all on that handle. A [clone](TcpListener::try_clone) is another one, and an accept loop
//!   on it goes on. Share the handle with who is to be stopped, by an `Arc` or in a [`scope`](crate::scope()).
//! * Deadlines, as in Go: moments after which calls fail, which may be moved while somebody waits. They, and
//!   std's timeouts, end with [`ErrorKind::TimedOut`](std::io::ErrorKind::TimedOut).
//! * A deadline or a timeout is of one handle, and not of its [clones](TcpStream::try_clone), as std's timeouts are: set it where the
//!   reads and writes are. `&stream` needs no clone.
//! * What may wait has a form that a [context](crate::context::Context) ends: `accept_ctx`, `connect_ctx`, and
//!   [`within`](TcpStream::within) for streams. Not so `peek`.
//! * Listeners are bound with the largest backlog that the system allows, as Go's.
//! * Reads of streams without room for a byte, and writes of nothing, do not wait, nor ask the system.
//! * A write to a socket whose other end is gone is an error and never a signal.
//!
//! What is different from Go, and as in std:
//!
//! * Small writes are gathered, and nothing is sent to keep a silent connection alive: Go sets `TCP_NODELAY` and `SO_KEEPALIVE`. There is
//!   [`set_nodelay`](TcpStream::set_nodelay); for options without a method, the crate `socket2` has `SockRef::from(&stream)`.
//! * A `write_all` of which a part has to wait may be mixed with those of others. Go holds a lock over each `Write`: put a
//!   [`Mutex`](crate::sync::Mutex) there if several write to one stream.
//! * The addresses that a name has are tried one after the other.
//! * The file of a [`UnixListener`] stays when that is closed. Go removes it.
//!
//! A goroutine that is aborted, or whose runtime stops, is unwound while it waits. On plain threads everything works,
//! too, and blocks the thread.
//!
//! Names of hosts are looked up by the system, which blocks a thread; addresses are not looked up.

#![deny(unsafe_code)]

mod addr;
mod common;
mod connect;
mod raw;
mod socket;
mod tcp;
mod udp;
mod unix;

pub use tcp::{Incoming, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};

use std::fmt;
use std::io;
use std::time::Duration;

/// The error of calls on a socket that [was closed](TcpStream::close): Go's `net.ErrClosed`.
///
/// It comes inside of an [`io::Error`], of the kind [`NotConnected`](io::ErrorKind::NotConnected).
///
/// # Examples
/// ```
/// let socket = rt::net::UdpSocket::bind("127.0.0.1:0")?;
/// socket.close()?;
/// let error = socket.recv(&mut [0; 1]).unwrap_err();
/// assert!(rt::net::Closed::is(&error));
/// assert_eq!(error.to_string(), "use of closed network connection");
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl Closed {
    /// Whether that is what `error` says. Go's `errors.Is(err, net.ErrClosed)`.
    ///
    /// # Examples
    /// ```
    /// let listener = rt::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.close()?;
    /// assert!(rt::net::Closed::is(&listener.accept().unwrap_err()));
    /// assert!(!rt::net::Closed::is(&std::io::Error::other("something else")));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("use of closed network connection")
    }
}

impl std::error::Error for Closed {}

impl From<Closed> for io::Error {
    fn from(closed: Closed) -> Self {
        Self::new(io::ErrorKind::NotConnected, closed)
    }
}

/// A stream whose reads and writes a context bounds. Made by [`TcpStream::within`] and [`UnixStream::within`].
pub struct Within<'a, S, C: ?Sized> {
    stream: &'a S,
    ctx: &'a C,
}

impl<S, C: ?Sized> Clone for Within<'_, S, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, C: ?Sized> Copy for Within<'_, S, C> {}

impl<S: fmt::Debug, C: ?Sized> fmt::Debug for Within<'_, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").field("stream", self.stream).finish_non_exhaustive()
    }
}

/// Accepts, patiently: see [`TcpListener::accept`]. `accept` fails with "closed" or "timed out" when
/// it is to end; `pause` waits, and fails likewise.
fn accept_patiently<T>(
    waits: bool,
    mut accept: impl FnMut() -> io::Result<T>,
    mut pause: impl FnMut(Duration) -> io::Result<()>,
) -> io::Result<T> {
    const LONGEST: Duration = Duration::from_secs(1);
    let mut next = Duration::from_millis(5);
    loop {
        match accept() {
            Err(error) if waits && will_pass(&error) => {
                pause(next)?;
                next = LONGEST.min(2 * next);
            }
            result => return result,
        }
    }
}

/// No file or no memory left, or a connection that ended before it was accepted.
fn will_pass(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::ECONNABORTED)
    )
}
