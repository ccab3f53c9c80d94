//! `Receiver`: the Rust face's way out.

#![forbid(unsafe_code)]

use super::core::Core;
use super::error::{RecvCtxError, RecvError, RecvTimeoutError, TryRecvError};
use super::gate::End;
use super::iter::{ReceiverIter, TryIter};
use crate::prim::atomic::Ordering;
use crate::util;
use crate::wait::{self, Cancel, Until};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The receiving side of a channel: of [`bounded`](super::bounded), [`unbounded`](super::unbounded),
/// [`after`](super::after), [`tick`](super::tick) or [`never`](super::never).
///
/// Each value goes to one receiver. Clones share the channel; when the last one is dropped, what is still
/// in it is dropped, and senders get their values back.
///
/// crossbeam's `Receiver`, for goroutines and plain threads alike.
///
/// # Examples
/// ```
/// use rt::chan;
///
/// #[rt::main]
/// fn main() {
///     let (tx, rx) = chan::unbounded();
///     tx.send("hello").unwrap();
///     drop(tx);
///     assert_eq!(rx.recv(), Ok("hello"));
///     assert_eq!(rx.recv(), Err(chan::RecvError));
/// }
/// ```
pub struct Receiver<T> {
    core: Arc<Core<T>>,
}

impl<T> Receiver<T> {
    /// For a core that counts one receiver.
    pub(super) fn first(core: Arc<Core<T>>) -> Self {
        Self { core }
    }

    pub(super) fn core(&self) -> &Core<T> {
        &self.core
    }

    /// Of a clock's channel: see [`Gate::set_clock`](super::gate::Gate::set_clock).
    pub(crate) fn set_clock(&self, next: Option<Instant>, period: Option<Duration>) -> bool {
        self.core.gate.set_clock(next, period)
    }

    /// The same, of [`Gate::halt_clock`](super::gate::Gate::halt_clock).
    pub(crate) fn halt_clock(&self) -> bool {
        self.core.gate.halt_clock()
    }

    /// Receives a value; waits while there is none.
    ///
    /// # Errors
    /// When the channel is empty and closed, or empty and without senders.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// tx.send(7).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv(), Ok(7));
    /// assert!(rx.recv().is_err(), "no sender is left");
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.core.recv(Until::NEVER).map_err(|end| match end {
            End::Closed => RecvError,
            _ => wait::unwind(),
        })
    }

    /// Receives a value if one is there.
    ///
    /// # Errors
    /// `Empty`, or `Disconnected` if there will be none.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded::<u8>(1);
    /// assert!(rx.try_recv().unwrap_err().is_empty());
    /// drop(tx);
    /// assert!(rx.try_recv().unwrap_err().is_disconnected());
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.core.try_recv().map_err(|end| match end {
            End::Closed => TryRecvError::Disconnected,
            _ => TryRecvError::Empty,
        })
    }

    /// Receives a value; waits for at most `timeout`.
    ///
    /// # Errors
    /// `Timeout`, or `Disconnected` if there will be no value.
    ///
    /// # Examples
    /// ```
    /// let rx = rt::chan::never::<u8>();
    /// assert!(rx.recv_timeout(std::time::Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(util::now().checked_add(timeout))
    }

    /// Receives a value; waits until `deadline` at most.
    ///
    /// # Errors
    /// `Timeout`, or `Disconnected` if there will be no value.
    ///
    /// # Examples
    /// ```
    /// let deadline = rt::time::now() + std::time::Duration::from_millis(1);
    /// assert!(rt::chan::never::<u8>().recv_deadline(deadline).is_err());
    /// assert!(rt::time::now() >= deadline);
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(deadline))
    }

    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        self.core.recv(deadline.into()).map_err(|end| match end {
            End::Closed => RecvTimeoutError::Disconnected,
            End::Cancelled => wait::unwind(),
            _ => RecvTimeoutError::Timeout,
        })
    }

    /// Receives a value; waits until `ctx` is done at most. If it is done already, nothing is received.
    ///
    /// # Errors
    /// Why the context is done, or `Disconnected` if there will be no value.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{self, RecvCtxError};
    /// use rt::context::{Context, ContextError};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let (tx, rx) = chan::bounded(1);
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.recv_ctx(&ctx), Ok(1));
    /// cancel();
    /// assert_eq!(rx.recv_ctx(&ctx), Err(RecvCtxError::Cancelled(ContextError::Canceled)));
    /// ```
    pub fn recv_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> Result<T, RecvCtxError> {
        let result = wait::bounded(ctx, |until| self.core.recv(until));
        result.map_err(RecvCtxError::Cancelled)?.map_err(|end| not_received(end, ctx))
    }

    /// The values as they come, until there will be no more; waits for each.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::unbounded();
    /// std::thread::spawn(move || (1..=3).for_each(|n| tx.send(n).unwrap()));
    /// assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// ```
    pub fn iter(&self) -> ReceiverIter<'_, T> {
        ReceiverIter(self)
    }

    /// The values that are there now; never waits.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::unbounded();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.try_iter().sum::<i32>(), 3, "though `tx` may send more");
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// Closes the channel for all its handles: sends fail from now on, and what is there can still be
    /// received. A clock stands still: what is due already is there. Returns whether it was open until now.
    ///
    /// Of a [context](crate::context::Context::done)'s channel: does nothing, and returns `false`.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// tx.send(1).unwrap();
    /// rx.close();
    /// assert!(tx.send(2).is_err() && rx.recv() == Ok(1));
    /// ```
    pub fn close(&self) -> bool {
        let was_open = !self.core.owned && self.core.close();
        wait::point("after close");
        was_open
    }

    /// Of a bell: closes it.
    pub(crate) fn ring(&self) {
        debug_assert!(self.core.owned);
        self.core.close();
    }

    /// Whether there are other handles to receive with. `false` is so until this one is cloned.
    pub(crate) fn has_others(&self) -> bool {
        // Relaxed: of what the others did nothing is looked at.
        self.core.receivers.load(Ordering::Relaxed) > 1
    }

    /// Whether nothing more comes in: closed, or without senders. Values may still be there.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed() && rx.len() == 1);
    /// ```
    pub fn is_closed(&self) -> bool {
        let is_closed = self.core.is_closed();
        wait::point("after is_closed");
        is_closed
    }

    /// How many values are in the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(4);
    /// assert!(rx.is_empty());
    /// tx.send(()).unwrap();
    /// assert_eq!(rx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        let len = self.core.len();
        wait::point("after len");
        len
    }

    /// Whether no value is in the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// assert!(rx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a send would have to wait for room; always of a channel without capacity. A place that a select
    /// [keeps](super::SelectedOperation) is no room for others.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// assert!(!rx.is_full());
    /// tx.send(1).unwrap();
    /// assert!(rx.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        let is_full = self.core.is_full();
        wait::point("after is_full");
        is_full
    }

    /// How many values fit; `None`: any number.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::chan::bounded::<u8>(3).1.capacity(), Some(3));
    /// assert_eq!(rt::chan::unbounded::<u8>().1.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.core.capacity()
    }

    /// Whether both receive from one channel. `==` says the same, so they may be keys of a map.
    ///
    /// # Examples
    /// ```
    /// let (_tx, rx) = rt::chan::bounded::<u8>(1);
    /// assert!(rx == rx.clone() && rx != rt::chan::never());
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    pub(super) fn identity(&self) -> *const () {
        Arc::as_ptr(&self.core).cast()
    }
}

/// Why a wait that a context bounded has no value.
#[cold]
pub(super) fn not_received(end: End, ctx: &(impl Cancel + ?Sized)) -> RecvCtxError {
    match end {
        End::Closed => RecvCtxError::Disconnected,
        End::Cancelled => wait::unwind(),
        _ => RecvCtxError::Cancelled(wait::ended(ctx)),
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        // Relaxed: who clones holds one, so it is not about to reach zero.
        self.core.receivers.fetch_add(1, Ordering::Relaxed);
        Self { core: Arc::clone(&self.core) }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // AcqRel, as in an `Arc`: what the others did with theirs comes before the close.
        if self.core.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.core.close();
            self.core.discard();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish()
    }
}
