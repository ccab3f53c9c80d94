//! Telling what happens: to a trace, and to the histograms.
//!
//! An M on which nobody looks is not *watched*, and comes here for nothing: where it enters the runtime, the test that sees that its
//! P is wanted sees that it is watched (`m::Entry`); only where a goroutine begins to run, or is spawned, there is a test of its own.
//!
//! Watching begins with the Ms that hold a P: `wanted := ..; fence; who holds?` against `hold; fence; wanted?` of an M that
//! becomes a holder. One of them sees the other. It ends when an M that has told something finds that nothing is wanted any more.

use super::Sched;
use crate::carrier::Slot;
use crate::g::{G, GRef};
use crate::m::{self, CurrentM, M};
use crate::p::{Held, P};
use crate::prim::atomic::{self, fence};
use crate::prim::global::Ordering;
use crate::trace::{Event, Follow, NO_M, NO_P, Reason, SiteId, Watched};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// A goroutine is followed at most so often.
const FOLLOW: Duration = Duration::from_millis(1);

/// The caller is on `m`, inside the runtime, and `m` is watched.
pub(super) fn tell(m: CurrentM, event: Event) {
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    sched.hub.note(m.own().p.get().map(|p| p.index), m.id, event);
    if !sched.hub.is_watching() {
        m.entry.unwatch();
        // It may just have begun again.
        if sched.hub.is_watching() {
            m.entry.watch();
        }
    }
}

/// The job of `slot`, which is the caller's, begins or goes on.
#[cold]
#[inline(never)]
pub(super) fn tell_run(m: CurrentM, slot: &Slot) {
    let Some(job) = NonNull::new(slot.job()) else { return };
    // SAFETY: who holds the carrier is its job's runtime side.
    let g = unsafe { GRef::from_ptr(job.cast()).get() };
    tell(m, Event::Run { g: g.id(), site: SiteId::of(g.site()) });
}

impl Sched {
    /// For the caller's P, if it is on one of this runtime's and inside the runtime; else for none.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_here(&self, event: impl FnOnce() -> Event) {
        match m::current().filter(|m| m.own().home.get() == self.this()) {
            Some(m) if m.entry.is_inside() => {
                if m.entry.is_watched() {
                    tell(m, event());
                }
            }
            _ => self.tell_outside(event),
        }
    }

    /// For no P.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_outside(&self, event: impl FnOnce() -> Event) {
        if self.hub.is_watching() {
            let m = m::current().filter(|m| m.own().home.get() == self.this());
            self.hub.note(None, m.map_or(NO_M, |m| m.id), event());
        }
    }

    /// `g` has its id, and is queued next.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_spawn(&self, g: &G) {
        self.tell_here(|| {
            if let Some(name) = g.name()
                && self.hub.is_traced()
            {
                self.hub.name(g.id(), name);
            }
            let by = m::current().and_then(|m| m.slot.get());
            let by = by.map_or(0, |by| by.id.load(Ordering::Relaxed));
            Event::Spawn { g: g.id(), by, site: SiteId::of(g.site()) }
        });
    }

    /// `m` holds `p` from now on. The caller has gone through a fence since.
    pub(super) fn tell_hold(&self, m: CurrentM, p: Held) {
        m.detached.end();
        let slot = m.slot.get();
        if slot.is_some() {
            p.counters.continued.add_one();
        }
        if self.hub.is_watching() {
            m.entry.watch();
            tell(m, Event::Hold { g: slot.map_or(0, |slot| slot.id.load(Ordering::Relaxed)) });
        }
    }

    /// `m` is about to release `p`.
    pub(super) fn tell_release(&self, m: CurrentM, p: Held) {
        if self.hub.is_watching() {
            self.hub.note(Some(p.index), m.id, Event::Release);
        }
    }

    /// `p`, which is in the caller's hands, has left `m` while a goroutine ran there.
    pub(super) fn tell_hand_off(&self, p: &P, m: &M, why: Reason) {
        p.counters.hand_off(why).add_one();
        if self.hub.is_watching() {
            let g = m.slot.get().map_or(0, |slot| slot.id.load(Ordering::Relaxed));
            self.hub.note(Some(p.index), m.id, Event::HandOff { g, why });
        }
    }

    /// The monitor's look: tells what is queued, and has another goroutine followed.
    pub(super) fn observe(&self, last: &mut Instant, now: Instant) {
        if self.hub.is_traced() {
            let note = |event| self.hub.note(None, NO_M, event);
            for p in &self.ps {
                note(Event::Queue { p: p.index, len: queued(p) as u32 });
            }
            note(Event::Queue { p: NO_P, len: self.shared_len() as u32 });
            note(Event::Live { count: self.live() });
        }
        if now.duration_since(*last) < FOLLOW || self.idle.idle_ps() == self.config.procs {
            return;
        }
        match self.hub.follow_next() {
            Follow::AsBefore => {}
            Follow::Somebody => {
                *last = now;
                fence(atomic::Ordering::SeqCst);
                let holders = self.ps.iter().filter_map(|p| self.machines.get(p.holder()?));
                holders.for_each(|m| m.entry.watch());
            }
            Follow::Nobody => {
                self.machines.each(|m| m.entry.unwatch());
                // A trace may just have begun. AcqRel of `watch` and `unwatch`: who comes second sees why the first did it.
                if self.hub.is_watching() {
                    self.watch_all();
                }
            }
        }
    }
}

/// What lies in the queue of `p`, with what runs next.
pub(super) fn queued(p: &P) -> usize {
    p.remote.len() + usize::from(p.remote.peek_next() != 0)
}

impl Watched for Sched {
    fn watch_all(&self) {
        self.machines.each(|m| m.entry.watch());
    }

    fn reason(&self, why: u8) -> &'static str {
        super::Why::name_of(why)
    }
}
