//! Goroutines that are queued and have not started, for who looks.
//!
//! They have no slot, and nothing is noted of them when they are spawned: the queues alone know them. A queue that others
//! use cannot be read in place. So who looks takes words out, as anybody may who is to run them; looks; and queues them
//! again: in the caller's own P where they were, all others globally.
//!
//! Nothing gets lost, or is seen once it is gone:
//!
//! 1. Whose word is taken out is alive until the word is used up (`find`): it may be claimed and aborted meanwhile, as if it were queued,
//!    and what is read of it does not change (invariant 4 of `g`).
//! 2. It is put back as by any producer, who wakes somebody if all have gone to sleep because nothing was to be seen.
//! 3. The scheduler does not end meanwhile. A goroutine that looks is one that lives; all others are counted
//!    ([`KeptOpen`]).
//!
//! With a single processor only its holder can look into its queue. In a lab nobody from outside does: what is taken out
//! would not be work, and time go on without it.

use super::look::{Doing, Seen};
use super::ready::entered;
use super::{Sched, find};
use crate::g::{Header, Runnable};
use crate::m;
use crate::p::Held;
use crate::prim::global::Ordering;

/// Evidence that a scheduler does not end: 3.
struct KeptOpen<'a>(&'a Sched);

impl<'a> KeptOpen<'a> {
    fn new(sched: &'a Sched) -> Option<Self> {
        // SeqCst, as `inject_spawn`.
        sched.looking.fetch_add(1, Ordering::SeqCst);
        let open = Self(sched);
        (sched.phase.load(Ordering::SeqCst) == 0).then_some(open)
    }
}

impl Drop for KeptOpen<'_> {
    fn drop(&mut self) {
        self.0.looking.fetch_sub(1, Ordering::SeqCst);
        entered(|| self.0.stop.nudge_if_idle(self.0));
    }
}

impl Sched {
    /// The goroutines that are queued and have not started, each once. One that starts in the meantime may be among them.
    pub(super) fn unstarted(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        if self.is_current_m() {
            entered(|| self.look_into_queues(&mut seen));
        } else if !self.is_lab()
            && let Some(_open) = KeptOpen::new(self)
        {
            self.look_into_queues(&mut seen);
        }
        seen.sort_unstable_by_key(|seen| seen.who.id);
        seen.dedup_by_key(|seen| seen.who.id);
        seen
    }

    fn look_into_queues(&self, seen: &mut Vec<Seen>) {
        // First, since others are put there.
        for _ in 0..self.global.len() {
            let Some(item) = self.global.pop() else { break };
            self.show_and_inject(item, seen);
        }
        let own = m::current().filter(|_| self.is_current_m()).and_then(|m| m.own().p.get());
        if let Some(p) = own {
            look_into_own(p, seen);
            self.surplus();
        }
        if self.config.procs == 1 {
            return;
        }
        for p in self.ps.iter().filter(|p| own.is_none_or(|own| own.index != p.index)) {
            if Runnable::is_fresh(p.remote.peek_next())
                && let Some(item) = p.remote.take_next()
            {
                self.show_and_inject(item, seen);
            }
            for _ in 0..p.remote.len() {
                let Some(item) = p.remote.steal() else { break };
                self.show_and_inject(item, seen);
            }
        }
    }

    fn show_and_inject(&self, item: Runnable, seen: &mut Vec<Seen>) {
        if show(item, seen) {
            self.inject(item);
        }
    }
}

/// The order stays as it is.
fn look_into_own(p: Held, seen: &mut Vec<Seen>) {
    if let Some(next) = p.remote.take_next()
        && show(next, seen)
        && let Some(out) = p.remote.put_next(next)
    {
        p.push(out);
    }
    for _ in 0..p.remote.len() {
        let Some(item) = p.pop() else { break };
        if show(item, seen) {
            p.push(item);
        }
    }
}

/// The caller has taken `item` out of a queue. `false`: it was the word of one that was claimed, and that is used up.
fn show(item: Runnable, seen: &mut Vec<Seen>) -> bool {
    let Runnable::Fresh(g) = item else { return true };
    // SAFETY: 1: its word came out of a queue.
    let header = unsafe { g.get() };
    if header.state.is_taken() {
        return find::bury(g);
    }
    seen.push(Seen { doing: Doing::Unstarted, ..Seen::of(Header::of(header)) });
    true
}
