//! `Sender`: the Rust face's way in.

#![forbid(unsafe_code)]

use super::core::Core;
use super::error::{SendCtxError, SendError, SendTimeoutError, TrySendError};
use super::gate::End;
use crate::prim::atomic::Ordering;
use crate::util;
use crate::wait::{self, Cancel, Until};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The sending side of a channel made by [`bounded`](super::bounded) or
/// [`unbounded`](super::unbounded). Clones share the channel; when the last one is dropped, receivers
/// get what is still there, and then `Err`.
///
/// crossbeam's `Sender`, for goroutines and plain threads alike.
///
/// # Examples
/// ```
/// use rt::chan;
///
/// #[rt::main]
/// fn main() {
///     let (tx, rx) = chan::bounded(1);
///     for id in 0..3 {
///         let tx = tx.clone();
///         rt::spawn(move || tx.send(id * 10).unwrap());
///     }
///     drop(tx);
///     assert_eq!(rx.iter().sum::<i32>(), 30);
/// }
/// ```
pub struct Sender<T> {
    core: Arc<Core<T>>,
}

impl<T> Sender<T> {
    /// For a core that counts one sender.
    pub(super) fn first(core: Arc<Core<T>>) -> Self {
        Self { core }
    }

    pub(super) fn core(&self) -> &Core<T> {
        &self.core
    }

    /// Sends `value`; waits while the channel is full, or until somebody receives it.
    ///
    /// # Errors
    /// Gives the value back when the channel is closed or has no receivers, also if that happens while
    /// the call waits.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::unbounded();
    /// assert!(tx.send(1).is_ok());
    /// drop(rx);
    /// assert_eq!(tx.send(2).unwrap_err().into_inner(), 2, "nobody can receive it");
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.core.send(value, Until::NEVER).map_err(|(end, value)| match end {
            End::Closed => SendError(value),
            _ => cancelled(value),
        })
    }

    /// Sends `value` if that needs no waiting.
    ///
    /// # Errors
    /// `Full` or `Disconnected` gives the value back.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = rt::chan::bounded(1);
    /// assert!(tx.try_send(1).is_ok());
    /// assert!(tx.try_send(2).unwrap_err().is_full());
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.core.try_send(value).map_err(|(end, value)| match end {
            End::Closed => TrySendError::Disconnected(value),
            _ => TrySendError::Full(value),
        })
    }

    /// Sends `value`; waits for at most `timeout`.
    ///
    /// # Errors
    /// `Timeout` or `Disconnected` gives the value back.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = rt::chan::bounded(0);
    /// let late = tx.send_timeout("hello", std::time::Duration::from_millis(1));
    /// assert!(late.unwrap_err().is_timeout());
    /// ```
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, util::now().checked_add(timeout))
    }

    /// Sends `value`; waits until `deadline` at most.
    ///
    /// # Errors
    /// `Timeout` or `Disconnected` gives the value back.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = rt::chan::bounded(1);
    /// let deadline = rt::time::now() + std::time::Duration::from_millis(1);
    /// assert!(tx.send_deadline(1, deadline).is_ok());
    /// assert!(tx.send_deadline(2, deadline).is_err());
    /// ```
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, Some(deadline))
    }

    fn send_until(&self, value: T, deadline: Option<Instant>) -> Result<(), SendTimeoutError<T>> {
        self.core.send(value, deadline.into()).map_err(|(end, value)| match end {
            End::Closed => SendTimeoutError::Disconnected(value),
            End::Cancelled => cancelled(value),
            _ => SendTimeoutError::Timeout(value),
        })
    }

    /// Sends `value`; waits until `ctx` is done at most. If it is done already, nothing is sent.
    ///
    /// # Errors
    /// Gives the value back: with why the context is done, or `Disconnected`.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{self, SendCtxError};
    /// use rt::context::{Context, ContextError};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let (tx, rx) = chan::bounded(1);
    /// assert_eq!(tx.send_ctx(1, &ctx), Ok(()));
    /// cancel();
    /// assert_eq!(tx.send_ctx(2, &ctx), Err(SendCtxError::Cancelled(ContextError::Canceled, 2)));
    /// # drop(rx);
    /// ```
    pub fn send_ctx(&self, value: T, ctx: &(impl Cancel + ?Sized)) -> Result<(), SendCtxError<T>> {
        match wait::bounded_with(ctx, value, |value, until| self.core.send(value, until)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err((End::Closed, value))) => Err(SendCtxError::Disconnected(value)),
            Ok(Err((End::Cancelled, value))) => cancelled(value),
            Ok(Err((_, value))) => Err(SendCtxError::Cancelled(wait::ended(ctx), value)),
            Err((error, value)) => Err(SendCtxError::Cancelled(error, value)),
        }
    }

    /// Closes the channel for all its handles: sends fail from now on, receivers get what is there,
    /// and then `Err`. Returns whether it was open until now.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// tx.send(1).unwrap();
    /// assert!(tx.close() && !tx.close());
    /// assert!(tx.send(2).is_err() && rx.recv() == Ok(1) && rx.recv().is_err());
    /// ```
    pub fn close(&self) -> bool {
        let was_open = self.core.close();
        wait::point("after close");
        was_open
    }

    /// Whether nothing that is sent can be received any more: closed, or without receivers.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded::<u8>(1);
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        let is_closed = self.is_closed_here();
        wait::point("after is_closed");
        is_closed
    }

    /// The same under a lock, where nobody else is to go on.
    pub(crate) fn is_closed_here(&self) -> bool {
        self.core.gate.is_closed()
    }

    /// How many values are in the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = rt::chan::unbounded();
    /// (0..3).for_each(|n| tx.send(n).unwrap());
    /// assert_eq!(tx.len(), 3);
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
    /// let (tx, _rx) = rt::chan::bounded(1);
    /// assert!(tx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!tx.is_empty());
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
    /// tx.send(1).unwrap();
    /// assert!(tx.is_full() && !tx.is_empty());
    /// rx.recv().unwrap();
    /// assert!(!tx.is_full() && tx.is_empty());
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
    /// assert_eq!(rt::chan::bounded::<u8>(4).0.capacity(), Some(4));
    /// assert_eq!(rt::chan::unbounded::<u8>().0.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.core.capacity()
    }

    /// Whether both send into one channel. `==` says the same, so they may be keys of a map.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = rt::chan::bounded::<u8>(1);
    /// assert!(tx == tx.clone() && tx != rt::chan::bounded(1).0);
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    pub(super) fn identity(&self) -> *const () {
        Arc::as_ptr(&self.core).cast()
    }
}

#[cold]
fn cancelled<T, R>(value: T) -> R {
    drop(value);
    wait::unwind()
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: who clones holds one, so it is not about to reach zero.
        self.core.senders.fetch_add(1, Ordering::Relaxed);
        Self { core: Arc::clone(&self.core) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel, as in an `Arc`: what the others did with theirs comes before the close.
        if self.core.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.core.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish()
    }
}
