//! `Chan`: Go's channel, as a handle.
//!
//! One lock holds the buffer and the two queues of waiters, whose nodes lie on their own stacks.
//!
//! Invariants:
//! 1. A node is queued exactly while its state is WAITING, and both change under the lock. Its owner
//!    returns only after it saw another state under the lock. So a queued node is alive.
//! 2. Receivers wait only while the buffer is empty and no sender waits; senders only while the
//!    buffer is full. So values are FIFO, and so are waiters.
//! 3. A value is in one place: with its sender, in the buffer, in a node, or with its receiver.

use super::Iter;
use super::error::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use crate::carrier::Slot;
use crate::prim::global::{Mutex, MutexGuard};
use crate::util;
use crate::wait::{self, Why};
use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

struct Core<T> {
    cap: usize,
    room: Mutex<Room<T>>,
}

struct Room<T> {
    buffer: VecDeque<T>,
    closed: bool,
    senders: VecDeque<NonNull<Node<T>>>,
    receivers: VecDeque<NonNull<Node<T>>>,
}

// SAFETY: the pointers are to nodes that are alive while queued (invariant 1), followed under the
// lock alone; the values are sent.
unsafe impl<T: Send> Send for Room<T> {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// A partner has taken, or left, the value.
    Passed,
    Closed,
}

/// A waiter. Touched under the lock alone.
struct Node<T> {
    slot: &'static Slot,
    inside: UnsafeCell<(State, Option<T>)>,
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
    pub fn new(cap: usize) -> Self {
        let room = Room {
            buffer: VecDeque::with_capacity(cap.min(1024)),
            closed: false,
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
        };
        Self { core: Some(Arc::new(Core { cap, room: Mutex::new(room) })) }
    }

    /// The nil channel.
    pub const fn nil() -> Self {
        Self { core: None }
    }

    /// Sends `value`; waits while the buffer is full, or nobody receives.
    ///
    /// # Panics
    /// "send on closed channel", also when it is closed while the call waits.
    #[track_caller]
    pub fn send(&self, value: T) {
        match self.send_until(value, None) {
            Ok(()) => {}
            Err(SendFailed::Closed(value)) => {
                drop(value);
                panic!("send on closed channel")
            }
            Err(SendFailed::Timeout(_)) => util::bug(format_args!("timeout without a deadline")),
        }
    }

    /// Sends `value` if that needs no waiting.
    ///
    /// # Errors
    /// Gives the value back.
    ///
    /// # Panics
    /// "send on closed channel".
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let Some(core) = &self.core else { return Err(TrySendError(value)) };
        let pushed = core.push_now(&mut core.room.lock(), value);
        if let Ok(woken) = pushed {
            wake(woken);
        }
        // Who is to be woken has been: they do not wait for our next turn.
        wait::checkpoint();
        match pushed {
            Ok(_) => Ok(()),
            Err((true, value)) => {
                drop(value);
                panic!("send on closed channel")
            }
            Err((false, value)) => Err(TrySendError(value)),
        }
    }

    /// Sends `value`; waits for at most `timeout`.
    ///
    /// # Errors
    /// Gives the value back.
    ///
    /// # Panics
    /// "send on closed channel".
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        match self.send_until(value, util::now().checked_add(timeout)) {
            Ok(()) => Ok(()),
            Err(SendFailed::Timeout(value)) => Err(SendTimeoutError(value)),
            Err(SendFailed::Closed(value)) => {
                drop(value);
                panic!("send on closed channel")
            }
        }
    }

    /// Receives a value; waits while there is none. `None`: the channel is closed and empty.
    pub fn recv(&self) -> Option<T> {
        self.recv_until(None).unwrap_or_default()
    }

    /// Receives a value, or `T`'s default from a closed channel, as Go's `<-ch` does.
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
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let Some(core) = &self.core else { return Err(TryRecvError::Empty) };
        let pulled = core.pull_now(&mut core.room.lock());
        if let Pulled::Value(_, woken) = pulled {
            wake(woken);
        }
        wait::checkpoint();
        match pulled {
            Pulled::Value(value, _) => Ok(value),
            Pulled::Closed => Err(TryRecvError::Disconnected),
            Pulled::Empty => Err(TryRecvError::Empty),
        }
    }

    /// Receives a value; waits for at most `timeout`.
    ///
    /// # Errors
    /// When the time was up, or the channel is closed and empty.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match self.recv_until(util::now().checked_add(timeout)) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(RecvTimeoutError::Disconnected),
            Err(TimedOut) => Err(RecvTimeoutError::Timeout),
        }
    }

    /// Closes the channel: what is buffered can still be received, and who waits is released.
    ///
    /// # Panics
    /// "close of closed channel", "close of nil channel".
    #[track_caller]
    pub fn close(&self) {
        let Some(core) = &self.core else { panic!("close of nil channel") };
        let woken: Vec<_> = {
            let mut room = core.room.lock();
            if room.closed {
                drop(room);
                panic!("close of closed channel")
            }
            room.closed = true;
            let Room { receivers, senders, .. } = &mut *room;
            let all = receivers.drain(..).chain(senders.drain(..));
            // SAFETY: queued, hence alive, and we hold the lock (invariant 1).
            all.map(|node| unsafe { release(node, State::Closed) }).collect()
        };
        woken.into_iter().for_each(wait::wake);
    }

    /// How many values are buffered.
    pub fn len(&self) -> usize {
        self.core.as_ref().map_or(0, |core| core.room.lock().buffer.len())
    }

    /// Whether no value is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values it can buffer; 0 of the nil channel.
    pub fn cap(&self) -> usize {
        self.core.as_ref().map_or(0, |core| core.cap)
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.core.as_ref().is_some_and(|core| core.room.lock().closed)
    }

    /// The values as they come, until the channel is closed and empty. Go's `for v := range ch`.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    fn send_until(&self, value: T, deadline: Option<Instant>) -> Result<(), SendFailed<T>> {
        let Some(core) = &self.core else {
            forever(Why::ChanSend, deadline);
            return Err(SendFailed::Timeout(value));
        };
        wait::with(|slot| {
            let mut room = core.room.lock();
            let value = match core.push_now(&mut room, value) {
                Ok(woken) => {
                    drop(room);
                    wake(woken);
                    wait::checkpoint();
                    return Ok(());
                }
                Err((true, value)) => return Err(SendFailed::Closed(value)),
                Err((false, value)) => value,
            };
            let node = Node { slot, inside: UnsafeCell::new((State::Waiting, Some(value))) };
            room.senders.push_back(NonNull::from(&node));
            drop(room);
            match core.wait(&node, Why::ChanSend, deadline) {
                (State::Passed, _) => Ok(()),
                (State::Closed, Some(value)) => Err(SendFailed::Closed(value)),
                (State::Waiting, Some(value)) => Err(SendFailed::Timeout(value)),
                (_, None) => util::bug(format_args!("a sender lost its value")),
            }
        })
    }

    fn recv_until(&self, deadline: Option<Instant>) -> Result<Option<T>, TimedOut> {
        let Some(core) = &self.core else {
            forever(Why::ChanRecv, deadline);
            return Err(TimedOut);
        };
        wait::with(|slot| {
            let mut room = core.room.lock();
            match core.pull_now(&mut room) {
                Pulled::Value(value, woken) => {
                    drop(room);
                    wake(woken);
                    wait::checkpoint();
                    return Ok(Some(value));
                }
                Pulled::Closed => return Ok(None),
                Pulled::Empty => {}
            }
            let node = Node { slot, inside: UnsafeCell::new((State::Waiting, None)) };
            room.receivers.push_back(NonNull::from(&node));
            drop(room);
            match core.wait(&node, Why::ChanRecv, deadline) {
                (State::Passed, value) => Ok(value),
                (State::Closed, _) => Ok(None),
                (State::Waiting, _) => Err(TimedOut),
            }
        })
    }
}

struct TimedOut;

enum SendFailed<T> {
    Closed(T),
    Timeout(T),
}

enum Pulled<T> {
    Value(T, Option<&'static Slot>),
    Closed,
    Empty,
}

/// A nil channel: waits until the deadline, or for ever.
fn forever(why: Why, deadline: Option<Instant>) {
    wait::with(|slot| {
        while !wait::is_over(deadline) {
            wait::park_until(slot, why, deadline);
        }
    });
}

fn wake(slot: Option<&'static Slot>) {
    if let Some(slot) = slot {
        wait::wake(slot);
    }
}

/// Takes a node out of waiting and returns whom to wake.
///
/// # Safety
/// The node is alive, just out of its queue, and the lock is held.
unsafe fn release<T>(node: NonNull<Node<T>>, state: State) -> &'static Slot {
    // SAFETY: as the caller says.
    let node = unsafe { node.as_ref() };
    // SAFETY: the lock is held, so nobody else looks inside.
    unsafe { (*node.inside.get()).0 = state };
    node.slot
}

impl<T> Core<T> {
    /// Hands the value to a receiver or to the buffer; `Err`: closed or not, the value.
    fn push_now(
        &self,
        room: &mut MutexGuard<'_, Room<T>>,
        value: T,
    ) -> Result<Option<&'static Slot>, (bool, T)> {
        if room.closed {
            return Err((true, value));
        }
        if let Some(node) = room.receivers.pop_front() {
            // SAFETY: queued, hence alive, and we hold the lock (invariant 1).
            let waiting = unsafe { node.as_ref() };
            // SAFETY: as above: nobody else looks inside.
            unsafe { (*waiting.inside.get()).1 = Some(value) };
            // SAFETY: as above.
            return Ok(Some(unsafe { release(node, State::Passed) }));
        }
        if room.buffer.len() < self.cap {
            room.buffer.push_back(value);
            return Ok(None);
        }
        Err((false, value))
    }

    /// Takes the first value; a sender that waits moves up.
    fn pull_now(&self, room: &mut MutexGuard<'_, Room<T>>) -> Pulled<T> {
        let buffered = room.buffer.pop_front();
        let next = match room.senders.pop_front() {
            Some(node) => {
                // SAFETY: queued, hence alive, and we hold the lock (invariant 1).
                let waiting = unsafe { node.as_ref() };
                // SAFETY: as above: nobody else looks inside.
                let value = unsafe { (*waiting.inside.get()).1.take() };
                // SAFETY: as above.
                (value, Some(unsafe { release(node, State::Passed) }))
            }
            None => (None, None),
        };
        match (buffered, next) {
            (Some(value), (moved, woken)) => {
                room.buffer.extend(moved);
                Pulled::Value(value, woken)
            }
            (None, (Some(value), woken)) => Pulled::Value(value, woken),
            (None, (None, _)) if room.closed => Pulled::Closed,
            (None, (None, _)) => Pulled::Empty,
        }
    }

    /// Waits until the queued node is released, or the time is up; takes out what is inside.
    fn wait(&self, node: &Node<T>, why: Why, deadline: Option<Instant>) -> (State, Option<T>) {
        let queued = Queued { core: self, node, left: Cell::new(false) };
        loop {
            wait::park_until(node.slot, why, deadline);
            let room = self.room.lock();
            // SAFETY: we hold the lock.
            let inside = unsafe { &mut *node.inside.get() };
            if inside.0 != State::Waiting {
                let result = (inside.0, inside.1.take());
                drop(room);
                queued.left.set(true);
                return result;
            }
            drop(room);
            if wait::is_over(deadline) {
                let state = queued.leave();
                // SAFETY: out of the queue: it is ours alone.
                return (state, unsafe { (*node.inside.get()).1.take() });
            }
        }
    }
}

/// A node that may be queued; out of the queue when this is dropped.
struct Queued<'a, T> {
    core: &'a Core<T>,
    node: &'a Node<T>,
    /// It is known to be out.
    left: Cell<bool>,
}

impl<T> Queued<'_, T> {
    /// Takes the node out of its queue, if it is in one. Returns its state.
    fn leave(&self) -> State {
        let mut room = self.core.room.lock();
        // SAFETY: we hold the lock.
        let state = unsafe { (*self.node.inside.get()).0 };
        if state == State::Waiting {
            let me = NonNull::from(self.node);
            room.senders.retain(|node| *node != me);
            room.receivers.retain(|node| *node != me);
        }
        self.left.set(true);
        state
    }
}

impl<T> Drop for Queued<'_, T> {
    fn drop(&mut self) {
        if !self.left.get() {
            self.leave();
        }
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.core.is_none() {
            return f.write_str("Chan(nil)");
        }
        f.debug_struct("Chan")
            .field("len", &self.len())
            .field("cap", &self.cap())
            .field("closed", &self.is_closed())
            .finish()
    }
}
