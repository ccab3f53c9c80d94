//! `Chan`: Go's face of the channel.

#![forbid(unsafe_code)]

mod bounded;

use super::core::Core;
use super::error::{TryRecvError, TrySendError};
use super::gate::End;
use super::{Iter, peek};
use crate::util;
use crate::wait::{self, Until, Why};
use std::fmt;
use std::sync::Arc;

/// Go's channel: a handle that can be cloned and used from both ends.
///
/// With a capacity of zero a value passes only when sender and receiver are both there. The default
/// is Go's nil channel, on which every operation waits for ever. Works from goroutines and
/// plain threads alike.
///
/// | | nil | open | closed |
/// |---|---|---|---|
/// | receive | waits for ever | a value, or waits | what is buffered, then `None` |
/// | send | waits for ever | sends, or waits | panics |
/// | close | panics | closes | panics |
///
/// # Examples
/// ```
/// use rt::chan::Chan;
///
/// #[rt::main]
/// fn main() {
///     let ch = Chan::new(0);
///     let tx = ch.clone();
///     rt::spawn(move || {
///         for i in 0..3 {
///             tx.send(i);
///         }
///         tx.close();
///     });
///     assert_eq!(ch.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
/// }
/// ```
pub struct Chan<T> {
    core: Option<Arc<Core<T>>>,
}

impl<T> Clone for Chan<T> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<T> Default for Chan<T> {
    fn default() -> Self {
        Self::nil()
    }
}

impl<T> Chan<T> {
    /// A channel that buffers `cap` values. Go's `make(chan T, cap)`.
    ///
    /// The buffer is allocated now, unless it is larger than a mebibyte: then it grows as needed.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(2);
    /// ch.send('a');
    /// ch.send('b'); // a third would wait
    /// assert_eq!((ch.len(), ch.cap()), (2, 2));
    /// ```
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { core: Some(peek::counted(Arc::new(Core::new(cap)))) }
    }

    /// The nil channel.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::<u8>::nil();
    /// rt::select! {
    ///     recv(ch) -> _ => unreachable!(),
    ///     default => {}
    /// }
    /// ```
    #[must_use]
    pub const fn nil() -> Self {
        Self { core: None }
    }

    /// Whether this is the nil channel.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::Chan;
    ///
    /// assert!(Chan::<u8>::default().is_nil() && !Chan::<u8>::new(0).is_nil());
    /// ```
    pub const fn is_nil(&self) -> bool {
        self.core.is_none()
    }

    pub(super) fn core(&self) -> Option<&Core<T>> {
        self.core.as_deref()
    }

    /// Sends `value`; waits while the buffer is full, or nobody receives. Go's `ch <- value`.
    ///
    /// # Panics
    /// "send on closed channel", also when it is closed while the call waits.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(1);
    /// ch.send("hello");
    /// ch.close();
    /// assert!(std::panic::catch_unwind(|| ch.send("too late")).is_err());
    /// assert_eq!(ch.recv(), Some("hello"));
    /// ```
    #[track_caller]
    #[inline]
    pub fn send(&self, value: T) {
        let Some(core) = &self.core else { nil(Why::ChanSend) };
        if let Err((end, value)) = core.send(value, Until::NEVER) {
            drop(value);
            not_sent(end);
        }
    }

    /// Sends `value` if that needs no waiting.
    ///
    /// # Errors
    /// `Full` gives the value back, also from a nil channel.
    ///
    /// # Panics
    /// "send on closed channel".
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(1);
    /// assert!(ch.try_send(1).is_ok());
    /// assert_eq!(ch.try_send(2).unwrap_err().into_inner(), 2);
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let Some(core) = &self.core else {
            wait::checkpoint("after try_send");
            return Err(TrySendError::Full(value));
        };
        match core.try_send(value) {
            Ok(()) => Ok(()),
            Err((End::TimedOut, value)) => Err(TrySendError::Full(value)),
            Err((end, value)) => {
                drop(value);
                not_sent(end)
            }
        }
    }

    /// Receives a value; waits while there is none. `None`: the channel is closed and empty. Go's
    /// `v, ok := <-ch`.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(1);
    /// ch.send(7);
    /// ch.close();
    /// assert_eq!([ch.recv(), ch.recv()], [Some(7), None]);
    /// ```
    #[inline]
    pub fn recv(&self) -> Option<T> {
        let Some(core) = &self.core else { nil(Why::ChanRecv) };
        match core.recv(Until::NEVER) {
            Ok(value) => Some(value),
            Err(End::Closed) => None,
            Err(_) => wait::unwind(),
        }
    }

    /// Receives a value, or `T`'s default from a closed channel, as Go's `<-ch` does.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::<u8>::new(0);
    /// ch.close();
    /// assert_eq!(ch.recv_or_default(), 0);
    /// ```
    #[inline]
    pub fn recv_or_default(&self) -> T
    where
        T: Default,
    {
        self.recv().unwrap_or_default()
    }

    /// Receives a value if one is there.
    ///
    /// # Errors
    /// `Empty`, also of a nil channel; `Disconnected` when it is closed and empty.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{Chan, TryRecvError};
    ///
    /// let ch = Chan::<u8>::new(1);
    /// assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
    /// ch.close();
    /// assert_eq!(ch.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let Some(core) = &self.core else {
            wait::checkpoint("after try_recv");
            return Err(TryRecvError::Empty);
        };
        core.try_recv().map_err(|end| match end {
            End::Closed => TryRecvError::Disconnected,
            _ => TryRecvError::Empty,
        })
    }

    /// Closes the channel: what is buffered can still be received, and who waits is released.
    ///
    /// # Panics
    /// "close of closed channel", "close of nil channel".
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::<u8>::new(0);
    /// std::thread::scope(|s| {
    ///     let waits = s.spawn(|| ch.recv());
    ///     ch.close();
    ///     assert_eq!(waits.join().unwrap(), None);
    /// });
    /// ```
    #[track_caller]
    pub fn close(&self) {
        let Some(core) = &self.core else { panic!("close of nil channel") };
        assert!(core.close(), "close of closed channel");
        wait::point("after close");
    }

    /// How many values are buffered. Go's `len(ch)`.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(8);
    /// ch.send(());
    /// assert!(ch.len() == 1 && !ch.is_empty());
    /// ```
    pub fn len(&self) -> usize {
        let len = self.core.as_ref().map_or(0, |core| core.len());
        wait::point("after len");
        len
    }

    /// Whether no value is buffered.
    ///
    /// # Examples
    /// ```
    /// assert!(rt::chan::Chan::<u8>::new(8).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values it can buffer; 0 of the nil channel. Go's `cap(ch)`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::chan::Chan::<u8>::new(8).cap(), 8);
    /// ```
    pub fn cap(&self) -> usize {
        self.core.as_ref().map_or(0, |core| core.gate.cap)
    }

    /// Whether it was closed.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(1);
    /// ch.send(1);
    /// ch.close();
    /// assert!(ch.is_closed() && ch.len() == 1, "closed, not drained");
    /// ```
    pub fn is_closed(&self) -> bool {
        let is_closed = self.core.as_ref().is_some_and(|core| core.gate.is_closed());
        wait::point("after is_closed");
        is_closed
    }

    /// Whether both are handles of one channel, or both nil. Go's `==`, which is `==` here too; so channels may be
    /// keys of a map, as in Go. (Clippy's `mutable_key_type` does not know that what is in a channel does not count: allow it.)
    ///
    /// # Examples
    /// ```
    /// use rt::chan::Chan;
    /// use std::collections::HashSet;
    ///
    /// let ann = Chan::<&str>::new(1);
    /// let mut clients = HashSet::from([ann.clone(), Chan::new(1)]);
    /// assert!(clients.remove(&ann) && !clients.remove(&ann));
    /// assert!(ann.same_channel(&ann.clone()) && ann != Chan::nil());
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    pub(super) fn identity(&self) -> Option<*const ()> {
        self.core.as_ref().map(|core| Arc::as_ptr(core).cast())
    }

    /// The values as they come, until the channel is closed and empty. Go's `for v := range ch`.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(3);
    /// (1..=3).for_each(|n| ch.send(n));
    /// ch.close();
    /// assert_eq!(ch.iter().sum::<i32>(), 6);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }
}

/// A send that did not get through. The value is dropped already.
#[track_caller]
#[cold]
#[inline(never)]
pub(super) fn not_sent(end: End) -> ! {
    match end {
        End::Closed => panic!("send on closed channel"),
        End::Cancelled => wait::unwind(),
        _ => util::bug(format_args!("a send without a deadline ended as {end:?}")),
    }
}

/// A nil channel: waits until `until` is over, and for nothing else.
pub(super) fn idle(why: Why, until: Until<'_>) {
    wait::with(|slot| {
        while !until.is_over() {
            wait::park_until(slot, why, until);
        }
    });
}

#[cold]
#[inline(never)]
fn nil(why: Why) -> ! {
    idle(why, Until::NEVER);
    util::bug(format_args!("the end of time"))
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nil() {
            return f.write_str("Chan(nil)");
        }
        f.debug_struct("Chan")
            .field("len", &self.len())
            .field("cap", &self.cap())
            .field("closed", &self.is_closed())
            .finish()
    }
}
