//! What may end a wait from outside: a signal, raised once and then for good.
//!
//! # The protocol
//! A wait that a signal may end has a [`Watch`] on its waiter's stack.
//!
//! ```text
//!   arm    A1  lock { raised: say so; else list the watch }     before each rest
//!   raise  R1  lock { store the code }
//!          R2  lock { take some out, note their slots }, then wake those; until none is listed
//!   end    E1  lock { still listed: take it out }                the watch's Drop
//! ```
//!
//! **No raise is missed.** The lock orders A1 and R1. If A1 was first, R2 finds the watch, and leaves a
//! token in its slot's word: the rest that follows A1 ends, and the waiter sees the code, which was stored
//! before the token (Release, Acquire). If R1 was first, A1 says so, and there is no rest. Every wait asks
//! [`Until::is_over`](super::Until::is_over) between two rests (invariant 1 of the [module](super)).
//!
//! **Nothing is lost to it.** A raise takes nobody out of a room: it only wakes. The waiter takes itself out as it
//! does when its time is up, and if what it waited for has come by then, it has it.
//!
//! **Who raises never waits for who waits.** It wakes slots, which are never unmapped; a waiter that
//! has gone on meanwhile gets a wake-up for nothing.
//!
//! A signal may have a deadline. From then on it counts as raised for those who wait, without anybody's doing:
//! each wakes by itself. No timer is needed.
//!
//! Invariants:
//! 1. A listed node is alive and stays in place: [`bounded`](super::bounded) keeps it on its own stack, and
//!    takes it out before it returns or unwinds.
//! 2. The list, and the links of what is in it, are touched under the lock alone.
//! 3. The code is written once, under the lock. Before, it is zero.

use super::{Linked, Links, List};
use crate::carrier::Slot;
use crate::prim::atomic::{AtomicU32, Ordering};
use crate::prim::{SpinLock, UnsafeCell};
use std::cell::Cell;
use std::fmt;
use std::time::Instant;

/// See the [module](self).
#[expect(unnameable_types, reason = "it is for contexts alone")]
pub struct Signal {
    word: AtomicU32,
    deadline: Option<Instant>,
    lock: SpinLock,
    waiting: UnsafeCell<List<Node>>,
}

// SAFETY: the list and its nodes are touched under the lock alone (invariant 2).
unsafe impl Sync for Signal {}
// SAFETY: as above.
unsafe impl Send for Signal {}

// No section panics half way: none runs user code.
impl std::panic::UnwindSafe for Signal {}
impl std::panic::RefUnwindSafe for Signal {}

#[derive(Debug)]
struct Node {
    links: Links<Node>,
    /// Whom to wake. Of a listed node, written under the lock.
    slot: Cell<Option<&'static Slot>>,
}

impl Linked for Node {
    fn links(&self) -> &Links<Node> {
        &self.links
    }
}

/// A wait that the signal may end. [`bounded`](super::bounded) makes it, and keeps it in its place.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    signal: &'a Signal,
    node: Node,
}

impl Signal {
    pub(crate) fn new(deadline: Option<Instant>) -> Self {
        Self {
            word: AtomicU32::new(0),
            deadline,
            lock: SpinLock::new(),
            waiting: UnsafeCell::new(List::new()),
        }
    }

    /// From when on it counts as raised.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What it was raised with; zero: it was not. Acquire pairs with [`set`](Self::set).
    #[inline]
    pub(crate) fn code(&self) -> u32 {
        self.word.load(Ordering::Acquire)
    }

    /// R1. `true`: somebody waits, and the caller calls [`release`](Self::release). `false`: nobody does, or
    /// somebody was quicker.
    #[must_use]
    pub(crate) fn set(&self, code: u32) -> bool {
        debug_assert!(code != 0);
        self.with(|waiting| {
            // Written under the lock alone.
            let first = self.word.load(Ordering::Relaxed) == 0;
            if first {
                self.word.store(code, Ordering::Release);
            }
            first && !waiting.is_empty()
        })
    }

    /// R2.
    pub(crate) fn release(&self) {
        const BATCH: usize = 32;
        loop {
            let mut woken = [None; BATCH];
            self.with(|waiting| {
                for place in &mut woken {
                    *place = waiting.pop_front().and_then(|node| node.slot.get());
                    if place.is_none() {
                        break;
                    }
                }
            });
            let full = woken[BATCH - 1].is_some();
            woken.into_iter().flatten().for_each(super::wake);
            if !full {
                break;
            }
        }
    }

    /// Nobody is listed.
    #[cfg(all(test, loom))]
    pub(super) fn is_idle(&self) -> bool {
        self.with(|waiting| waiting.is_empty())
    }

    fn with<R>(&self, f: impl FnOnce(&mut List<Node>) -> R) -> R {
        let _held = self.lock.lock();
        // SAFETY: the lock is held, and the reference ends before it is not (invariant 2).
        self.waiting.with_mut(|waiting| f(unsafe { &mut *waiting }))
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").field("code", &self.code()).finish_non_exhaustive()
    }
}

impl<'a> Watch<'a> {
    pub(super) fn new(signal: &'a Signal) -> Self {
        Self { signal, node: Node { links: Links::new(), slot: Cell::new(None) } }
    }

    /// Whether the signal was raised, not counting its deadline.
    #[inline]
    pub(super) fn is_raised(&self) -> bool {
        self.signal.code() != 0
    }

    /// A1: the waiter rests on `slot` from now on, unless this says `false`.
    ///
    /// # Safety
    /// The watch stays where it is until it is dropped (invariant 1).
    pub(super) unsafe fn arm(&self, slot: &'static Slot) -> bool {
        if self.node.slot.get().is_some_and(|armed| std::ptr::eq(armed, slot)) {
            // Listed; or raised, and taken out for that.
            return !self.is_raised();
        }
        self.signal.with(|waiting| {
            if self.is_raised() {
                return false;
            }
            self.node.slot.set(Some(slot));
            if !self.node.links.are_listed() {
                // SAFETY: it is in no list, and stays (as the caller says, and by the drop below).
                unsafe { waiting.push_back(&self.node) };
            }
            true
        })
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.node.slot.get().is_some() {
            self.signal.with(|waiting| {
                if self.node.links.are_listed() {
                    // SAFETY: in this list, and no other.
                    unsafe { waiting.unlink(&self.node) };
                }
            });
        }
    }
}
