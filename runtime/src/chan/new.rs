//! How channels of the Rust face are made.

#![forbid(unsafe_code)]

use super::core::{Core, UNBOUNDED};
use super::{Receiver, Sender, peek};
use crate::util;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A channel that holds at most `cap` values. With a capacity of zero a value passes only when sender
/// and receiver are both there.
///
/// The buffer is allocated now, unless it is larger than a mebibyte: then it grows as needed.
///
/// # Examples
/// ```
/// use rt::chan::{self, TrySendError};
///
/// let (tx, rx) = chan::bounded(1);
/// tx.send('a').unwrap();
/// assert_eq!(tx.try_send('b'), Err(TrySendError::Full('b')));
/// assert_eq!(rx.recv(), Ok('a'));
/// ```
#[must_use]
pub fn bounded<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::new(cap));
    (Sender::first(Arc::clone(&core)), Receiver::first(core))
}

/// The same, with something to be called once when the channel is closed: when its last receiver, or its
/// last sender, is dropped, or by name. It is called without any lock.
pub(crate) fn watched<T>(cap: usize, on_close: fn()) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::watched(cap, on_close));
    (Sender::first(Arc::clone(&core)), Receiver::first(core))
}

/// A channel that holds any number of values: a send never waits.
///
/// # Examples
/// ```
/// let (tx, rx) = rt::chan::unbounded();
/// (0..1000).for_each(|i| tx.send(i).unwrap());
/// drop(tx);
/// assert_eq!(rx.iter().count(), 1000);
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(UNBOUNDED)
}

/// A channel on which one value comes, the time at which it was due: after `delay`. Go's `time.After`.
///
/// There is no timer behind it: nothing runs, and nothing has to be stopped, if nobody receives. Of
/// several receivers one gets the value. The channel is never closed.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let rx = rt::chan::after(Duration::from_millis(5));
/// rx.recv().unwrap();
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
#[must_use]
pub fn after(delay: Duration) -> Receiver<Instant> {
    clock(util::now().checked_add(delay), None)
}

/// A channel on which one value comes, `when` itself: then, or at once if that has passed. Else as [`after`].
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let when = rt::time::now() + Duration::from_millis(2);
/// let soon = rt::chan::at(when);
/// assert_eq!(soon.recv(), Ok(when));
/// assert!(rt::time::now() >= when);
/// ```
#[must_use]
pub fn at(when: Instant) -> Receiver<Instant> {
    clock(Some(when), None)
}

/// A channel on which a value comes every `period`: the time at which it was due. Go's `time.Tick`.
///
/// Who is slow loses ticks: those that passed while nobody received count as one, and the next comes
/// when it would have come anyway. With a period of zero there always is one.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let ticks = rt::chan::tick(Duration::from_millis(2));
/// let first = ticks.recv().unwrap();
/// let second = ticks.recv().unwrap();
/// assert!(second - first >= Duration::from_millis(2));
/// ```
#[must_use]
pub fn tick(period: Duration) -> Receiver<Instant> {
    clock(util::now().checked_add(period), Some(period))
}

/// A channel on which a value comes at `first`, and then every `period`.
pub(crate) fn clock(first: Option<Instant>, period: Option<Duration>) -> Receiver<Instant> {
    Receiver::first(Arc::new(Core::clock(first, period, |at| at)))
}

/// A channel without values, that is closed by [`ring`](Receiver::ring), and by time at `end`; by
/// nothing else.
pub(crate) fn bell(end: Option<Instant>) -> Receiver<()> {
    Receiver::first(Arc::new(Core::bell(end)))
}

/// A channel on which nothing ever comes, and which is never closed: a case of a select that is
/// switched off.
///
/// # Examples
/// ```
/// use rt::chan::{self, RecvTimeoutError};
/// use std::time::Duration;
///
/// let rx = chan::never::<u32>();
/// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
/// ```
#[must_use]
pub fn never<T>() -> Receiver<T> {
    // The one sender that a new core counts is never there to be dropped.
    Receiver::first(Arc::new(peek::never(Core::new(0))))
}
