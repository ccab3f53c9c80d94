//! Goroutines that stand on their threads' stacks and wait there for a P.
//!
//! A goroutine that may not leave its thread comes back from a wait, or from the system, and finds every P held. It gets in
//! line here, and its M sleeps, though not as one of the idle Ms: it will run this goroutine alone. The line is work like
//! what lies in the global queue, with which it takes turns: whoever takes one out of it gives its own P to that
//! M ([`Sched::send_home`]).
//!
//! It is no part of that queue, because who waits here brings a thread: when no thread is to be had for an idle P, the
//! P goes to the first in line ([`Sched::serve_waiting`]). Nobody is left waiting beside an idle P: who gets in line acts as a
//! producer afterwards (P1 to P4 of `idle`); if the claim that this makes, or that it leaves its work to, finds no
//! thread, then whoever made it puts the P back, and looks at the line after a fence.

use super::Sched;
use crate::carrier::Slot;
use crate::g::Runnable;
use crate::prim::Mutex;
use crate::prim::atomic::{self, fence};
use crate::prim::global::{AtomicBool, AtomicUsize, Ordering};
use crate::trace::Event;
use std::collections::VecDeque;

/// The line.
pub(super) struct Waiting {
    line: Mutex<VecDeque<&'static Slot>>,
    /// Its length. Written under the lock.
    len: AtomicUsize,
    /// Whose turn it was last: the line's, or the global queue's.
    turn: AtomicBool,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self {
            line: Mutex::new(VecDeque::new()),
            len: AtomicUsize::new(0),
            turn: AtomicBool::new(false),
        }
    }

    /// Puts `slot` last. The caller acts as a producer afterwards.
    fn push(&self, slot: &'static Slot) {
        let mut line = self.line.lock();
        line.push_back(slot);
        self.len.store(line.len(), Ordering::Relaxed);
    }

    /// Takes the first in line; it is to get a P.
    pub(super) fn pop(&self) -> Option<&'static Slot> {
        if self.is_empty() {
            return None;
        }
        let mut line = self.line.lock();
        let slot = line.pop_front();
        self.len.store(line.len(), Ordering::Relaxed);
        slot
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Somebody waits, and it is the line's turn, as it is every second time.
    fn has_turn(&self) -> bool {
        !self.is_empty() && !self.turn.fetch_not(Ordering::Relaxed)
    }
}

impl Sched {
    /// What belongs to no P: the global queue, and the line.
    pub(super) fn has_shared(&self) -> bool {
        !self.global.is_empty() || !self.waiting.is_empty()
    }

    /// How much.
    pub(super) fn shared_len(&self) -> usize {
        self.global.len() + self.waiting.len()
    }

    /// The first in line, if nothing lies in the global queue or it is the line's turn.
    pub(super) fn next_waiting(&self) -> Option<Runnable> {
        if self.waiting.is_empty() || !self.global.is_empty() && !self.waiting.has_turn() {
            return None;
        }
        self.waiting.pop().map(Runnable::Started)
    }

    /// Gets in line for a P: the caller sleeps until it is given one.
    pub(super) fn wait_for_p(&self, slot: &'static Slot) {
        self.waiting.push(slot);
        self.surplus();
    }

    /// The caller has put a P back for which no thread was to be had: who waits in line needs none.
    #[cold]
    pub(super) fn serve_waiting(&self) {
        // The P was put back; is somebody in line? Against: got in line; is a P idle? The other fence is P2.
        fence(atomic::Ordering::SeqCst);
        while !self.waiting.is_empty()
            && let Some(p) = self.idle.take_p()
        {
            let Some(slot) = self.waiting.pop() else {
                // Somebody was quicker. The next one may have come meanwhile, and seen no idle P.
                if self.idle.unclaim(p, false) {
                    return self.surplus();
                }
                fence(atomic::Ordering::SeqCst);
                continue;
            };
            self.tell_here(|| Event::Wake { p });
            // It stands pinned.
            self.give(slot.bound.get() - 1, p, false);
        }
    }
}
