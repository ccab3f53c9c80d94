//! How something becomes runnable.

use super::tell::tell;
use super::{NEXT_ID, Sched, id_batch};
use crate::carrier::Slot;
use crate::g::{GRef, Runnable};
use crate::m;
use crate::p::{Credit, Held, P};
use crate::parker::Woke;
use crate::prim::global::Ordering;
use crate::trace::Event;
use crate::util;
use std::sync::Arc;

/// Queues a new goroutine on the P of the caller, a goroutine of `Sched` itself.
///
/// `Err`: the caller is no goroutine, or entered another runtime, or its runtime is
/// stopping; the goroutine is the caller's again.
#[inline(never)]
pub(crate) fn spawn_here(g: GRef) -> Result<(), GRef> {
    put_here(g, true)
}

/// The same for one that has had a turn, or is to have its first.
#[inline(never)]
pub(crate) fn respawn_here(g: GRef) -> Result<(), GRef> {
    // SAFETY: not queued yet: it is ours.
    put_here(g, unsafe { g.get() }.id() == 0)
}

#[inline(always)]
fn put_here(g: GRef, is_new: bool) -> Result<(), GRef> {
    let Some(m) = m::current() else { return Err(g) };
    let Some(slot) = m.slot.get() else { return Err(g) };
    if slot.entered.get() {
        return Err(g);
    }
    let was = m.enter();
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    if m.own().p.get().is_none() {
        sched.regain(m);
    }
    let result = match m.own().p.get() {
        Some(p) if sched.is_running() => {
            // SAFETY: not queued yet: it is ours.
            let header = unsafe { g.get() };
            if is_new {
                header.set_id(p.next_id(id_batch));
                header.set_parent(slot.id.load(Ordering::Relaxed));
            }
            header.set_home(m.own().home.get());
            slot.spawns.set(slot.spawns.get().saturating_add(1));
            p.count_spawn();
            if m.entry.is_watched() {
                sched.tell_spawn(header);
            }
            sched.put_next(p, Runnable::Fresh(g));
            Ok(())
        }
        _ => Err(g),
    };
    m.leave(was);
    result
}

/// Queues a new goroutine from anywhere. `Err`: the runtime is stopping.
pub(crate) fn inject_spawn(sched: &Arc<Sched>, g: GRef) -> Result<(), GRef> {
    // SAFETY: not queued yet: it is ours.
    let header = unsafe { g.get() };
    // Not of one that has had a turn.
    if header.id() == 0 {
        header.set_id(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        header.set_parent(super::current_slot().map_or(0, |slot| slot.id.load(Ordering::Relaxed)));
    }
    header.set_home(sched.home());
    // SeqCst, as the stop's store and look: either we see that it stops, or it sees us live.
    sched.spawned_outside.fetch_add(1, Ordering::SeqCst);
    if sched.phase.load(Ordering::SeqCst) != 0 {
        sched.finished_outside.fetch_add(1, Ordering::SeqCst);
        // The last M to go idle may have counted us as alive.
        entered(|| sched.stop.nudge_if_idle(sched));
        return Err(g);
    }
    if sched.is_seeded() && sched.live() > 1 && !sched.is_current_m() {
        sched.note(|| "a goroutine was spawned from outside".into());
    }
    entered(|| {
        sched.tell_spawn(header);
        sched.inject(Runnable::Fresh(g));
    });
    Ok(())
}

/// Wakes whoever waits on `slot`: a goroutine or a thread. Never blocks.
///
/// The slot may have passed to somebody else meanwhile: they get a spurious wake-up.
#[inline]
pub(crate) fn wake(slot: &'static Slot) {
    if slot.word.notify() == Woke::Goroutine {
        ready(slot, false);
    }
}

/// The same for one who waited for the caller's end: it runs at once only if nothing else is
/// queued here. Who joins many is thus woken by the first, and finds that the rest have ended.
#[inline]
pub(super) fn wake_joiner(slot: &'static Slot) {
    if slot.word.notify() == Woke::Goroutine {
        ready(slot, true);
    }
}

/// Queues a carrier that the caller found parked.
#[inline(never)]
pub(super) fn ready(slot: &'static Slot, behind: bool) {
    let home = slot.home();
    if let Some(m) = m::current()
        && m.own().home.get() == home
    {
        let was = m.enter_telling(move || tell(m, is_ready(slot)));
        // SAFETY: an M's scheduler outlives it.
        let sched = unsafe { Sched::from_home(home) };
        if slot.bound.get() == 0 || slot.bound.get() == m.id + 1 {
            match m.own().p.get() {
                Some(p) => {
                    p.counters.wakes.add_one();
                    if behind && !p.remote.is_empty() {
                        // Others wait here already, and were surplus when they came: nobody to wake.
                        p.push(Runnable::Started(slot));
                    } else {
                        sched.put_next(p, Runnable::Started(slot));
                    }
                }
                None => sched.ready_elsewhere(slot),
            }
        } else {
            sched.ready_elsewhere(slot);
        }
        m.leave(was);
        return;
    }
    let home = home.cast::<Sched>();
    // SAFETY: a parked goroutine keeps its scheduler alive (invariant 4), and this one stays as it
    // is until we queue it.
    unsafe { Arc::increment_strong_count(home) };
    // SAFETY: the count was just taken.
    let sched = unsafe { Arc::from_raw(home) };
    sched.tell_outside(|| is_ready(slot));
    sched
        .note(|| format!("goroutine {} was woken by a thread from outside", sched.number_of(slot)));
    entered(|| sched.ready_elsewhere(slot));
    // The last count may be ours, and the scheduler end here: after it has left its queues.
    drop(sched);
}

fn is_ready(slot: &Slot) -> Event {
    let by = m::current().and_then(|m| m.slot.get());
    let by = by.map_or(0, |by| by.id.load(Ordering::Relaxed));
    Event::Ready { g: slot.id.load(Ordering::Relaxed), by }
}

/// Does `f` inside the runtime, if this is an M at all.
pub(super) fn entered(f: impl FnOnce()) {
    match m::current() {
        Some(m) => {
            let was = m.enter();
            f();
            m.leave(was);
        }
        None => f(),
    }
}

impl Sched {
    /// What the caller's P runs next; what it drives out is surplus.
    #[inline(always)]
    fn put_next(&self, p: Held, item: Runnable) {
        if let Some(out) = p.remote.put_next(item) {
            p.push(out);
            let warm = matches!(out, Runnable::Started(_));
            if self.config.procs > 1 && !(warm && self.idle.is_calm()) {
                self.surplus();
            }
            return;
        }
        let credit = self.credit(&p, matches!(item, Runnable::Fresh(_)));
        if credit.is_left() && self.idle.idle_ps() != 0 {
            self.wake_for_next(p, credit);
        }
    }

    /// For a wake-up because of who lies alone in the `next` of `p`.
    #[inline(always)]
    fn credit<'a>(&'a self, p: &'a P, is_fresh: bool) -> &'a Credit {
        if is_fresh { &self.idle.credit } else { &p.credit }
    }

    /// Whoever is woken may find it gone: see `idle`.
    #[cold]
    #[inline(never)]
    fn wake_for_next(&self, p: Held, credit: &Credit) {
        if self.idle.wants_wake() {
            self.call(&p, credit);
            self.wake_one();
        }
    }

    /// Somebody is to look into the `next` of `p`.
    fn call(&self, p: &P, credit: &Credit) {
        if p.calls.call(p.runs(), self.ns(util::now())) {
            credit.renew();
        } else {
            credit.spend();
        }
    }

    /// Whether the caller, a spinner that has found nothing and is among the idle now, is to look again for somebody who lies alone in a
    /// `next`: it was left to the caller, who had begun to look before.
    #[cold]
    pub(super) fn is_called(&self) -> bool {
        let lone = |p: &P| {
            let next = p.remote.peek_next();
            let credit = self.credit(p, Runnable::is_fresh(next));
            let calls = next != 0 && credit.is_left();
            if calls {
                self.call(p, credit);
            }
            calls
        };
        self.ps.iter().any(lone)
    }

    /// Queues globally, for any P, and sees to it that one looks.
    pub(super) fn inject(&self, item: Runnable) {
        self.global.push(item);
        self.surplus();
    }

    /// Work was published: wakes somebody for it, if the protocol of `idle` says so.
    #[inline]
    pub(super) fn surplus(&self) {
        if self.idle.wants_wake() {
            self.wake_one();
        }
    }
}
