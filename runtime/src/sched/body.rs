//! The carrier's loop: one goroutine after another on the same stack.

use super::tell::{tell, tell_run};
use super::{Sched, depth};
use crate::carrier::{Cmd, Slot};
use crate::g::{AfterComplete, G, GBox, GRef, Joiner, Outcome, Rest, Runnable, Unwind};
use crate::m::{self, CurrentM};
use crate::prim::global::Ordering;
use crate::trace::Event;
use crate::util;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// What every carrier runs. Without a job it returns, and the carrier can be dismantled.
pub(super) fn body(slot: &'static Slot, input: NonNull<()>) {
    let mut input = input;
    while let Some(job) = NonNull::new(slot.job()) {
        // SAFETY: what comes with a job is the M that resumed us.
        let m = unsafe { CurrentM::from_input(input) };
        m.leave(0);
        run_one(GRef::from_ptr(job.cast()), slot);

        let Some(m) = m::current() else {
            crate::util::bug(format_args!("a goroutine ended outside of a machine"))
        };
        m.enter_telling(move || {
            tell(m, Event::End { g: slot.id.load(Ordering::Relaxed) });
            // SAFETY: on the carrier's own stack, and `run_one` has cleared the job.
            unsafe { depth::at_rest(m, slot) };
        });
        // SAFETY: an M's scheduler outlives it.
        let sched = unsafe { Sched::from_home(m.own().home.get()) };
        sched.count_finish(m);
        if slot.bound.get() != 0 {
            unbind(sched, m, slot);
        }
        match sched.follow(m, slot) {
            Some(g) => {
                // SAFETY: it came out of the queue: we are its runtime side.
                let id = unsafe { g.get() }.id();
                slot.set_job(g.as_ptr().as_ptr().cast(), id);
                if !sched.config.migrate {
                    slot.bound.set(m.id + 1);
                }
                if m.entry.is_watched() {
                    tell_run(m, slot);
                }
                input = m.into_input();
            }
            // SAFETY: we are on this carrier's stack.
            None => input = unsafe { slot.suspend(Cmd::Done) },
        }
    }
}

/// A goroutine that ends pinned takes its thread with it, unless others are at home there.
#[cold]
fn unbind(sched: &Sched, m: CurrentM, slot: &Slot) {
    if slot.pins.replace(0) != 0 {
        sched.count_pinned(false);
        if sched.config.migrate && !sched.keeps_pinned() {
            m.own().retire.set(true);
        }
    }
    slot.bound.set(0);
}

/// Runs a goroutine from its first instruction to its last trace; for as many turns as it has at a time.
#[inline]
fn run_one(g: GRef, slot: &'static Slot) {
    while run_turn(g, slot) {}
}

/// `true`: it goes on with another turn.
#[inline(always)]
fn run_turn(g: GRef, slot: &'static Slot) -> bool {
    let cell = GBox::of(g);
    // SAFETY: we are the runtime side until `complete` below.
    let header = unsafe { g.get() };
    if header.state.is_aborted() || !home(slot).is_running() {
        slot.masks.set(1);
        // SAFETY: as above, and the closure was not taken.
        quietly(|| unsafe { cell.drop_stage(Outcome::Cancelled) });
    } else {
        // SAFETY: as above; on its carrier, once.
        match unsafe { cell.run() } {
            Ok(()) => {}
            Err(payload) => ended_by_panic(header, cell, slot, payload),
        }
    }
    // What is dropped from here on is dropped whole: cancellation does not cut it short.
    slot.masks.set(1);
    if leaves_something(slot) {
        drop_what_it_left(slot);
    }
    if slot.is_fresh() {
        depth::at_end(header, slot);
    }
    let again = finish(g, Some(slot));
    // The goroutine may be gone. Strangers' destructors and wakers have run since it ended, and may
    // have left what the next one on this stack must not find.
    if leaves_something(slot) {
        drop_what_it_left(slot);
    }
    slot.entered.set(false);
    slot.reachable.set(false);
    slot.raised.set(0);
    slot.masks.set(0);
    slot.spawns.set(0);
    again
}

/// The scheduler of a carrier that has a job.
pub(super) fn home(slot: &Slot) -> &Sched {
    // SAFETY: a carrier's home outlives the carrier's goroutines.
    unsafe { Sched::from_home(slot.home()) }
}

/// Sets COMPLETE and does what falls to the runtime side: wakes who joins, frees what nobody holds,
/// tells the scope. `slot` is the carrier it ran on, if it did. `true`: it has another turn, and the carrier is still its own.
#[inline]
fn finish(g: GRef, slot: Option<&Slot>) -> bool {
    let cell = GBox::of(g);
    // SAFETY: the runtime side, before COMPLETE.
    let header = unsafe { g.get() };
    // SAFETY: as above.
    let scope = unsafe { cell.scope() };
    if let Some(scope) = scope {
        // SAFETY: a scope waits for its children before it ends; this one has not ended.
        unsafe { scope.as_ref() }.child_ends(g, header.outcome());
    }
    if let Some(slot) = slot {
        // COMPLETE lets the handle's side free `header`. Who looks from outside must not find it then, nor
        // must a waker, which is a stranger's code, find it as the current goroutine.
        slot.clear_job();
    }
    let mut joiner = std::ptr::null_mut();
    match header.state.complete(|| joiner = header.joiner.load(Ordering::Relaxed)) {
        AfterComplete::Handle { joiner: true, claimed } => {
            // SAFETY: JOINER was set in what we replaced: it is ours (invariant 3 of `g`).
            wake_joiner(unsafe { Joiner::from_raw(joiner) }, claimed);
        }
        AfterComplete::Handle { joiner: false, .. } => {}
        AfterComplete::Orphan => {
            if let Some(slot) = slot {
                // SAFETY: the runtime side. If it rests, nothing more is done with it.
                match unsafe { cell.rest() } {
                    Rest::Again => {
                        slot.resume_job(g.as_ptr().as_ptr().cast());
                        return true;
                    }
                    Rest::Rests => return false,
                    Rest::Ends => {}
                }
                slot.resume_job(g.as_ptr().as_ptr().cast());
            }
            // SAFETY: not complete and no handle: the stage is ours alone.
            quietly(|| unsafe { cell.drop_stage(Outcome::Taken) });
            if let Some(slot) = slot {
                slot.clear_job();
            }
            if header.state.complete_orphan() {
                // SAFETY: the last side, and the stage is dropped.
                unsafe { cell.free() };
            }
        }
    }
    if let Some(scope) = scope {
        // SAFETY: as above. It may be gone when the call returns.
        unsafe { scope.as_ref() }.child_done();
    }
    false
}

/// Ends a goroutine that was never queued: its runtime stops.
pub(crate) fn end_unstarted(g: GRef, outcome: Outcome) {
    let cell = GBox::of(g);
    // SAFETY: it was not queued: the caller is its runtime side.
    quietly(|| unsafe { cell.drop_stage(outcome) });
    finish(g, None);
}

fn wake_joiner(joiner: Option<Joiner>, claimed: bool) {
    match joiner {
        // Depth first: who claimed it goes on at once.
        Some(Joiner::Parked(slot)) if claimed => super::wake(slot),
        Some(Joiner::Parked(slot)) => super::ready::wake_joiner(slot),
        // A stranger's code.
        Some(Joiner::Task(waker)) => quietly(|| waker.wake()),
        None => {}
    }
}

#[cold]
fn ended_by_panic(header: &G, cell: GBox, slot: &Slot, payload: Box<dyn Any + Send>) {
    if payload.is::<Unwind>() {
        return;
    }
    let sched = home(slot);
    (sched.config.hooks.uncaught)(header, &*payload);
    if sched.config.abort_on_panic {
        super::exit_process(2);
    }
    // SAFETY: the runtime side; the closure is consumed and the stage empty.
    unsafe { cell.put_panic(payload) };
}

#[inline(always)]
fn leaves_something(slot: &Slot) -> bool {
    !slot.locals.get().is_null() || !slot.panics.get().is_null()
}

#[cold]
fn drop_what_it_left(slot: &'static Slot) {
    let hooks = home(slot).config.hooks;
    // A destructor that panics leaves the rest, and each may leave more: until there is nothing.
    while leaves_something(slot) {
        let locals = slot.locals.replace(std::ptr::null_mut());
        if !locals.is_null() {
            quietly(|| (hooks.drop_locals)(locals));
        }
        let panics = slot.panics.replace(std::ptr::null_mut());
        if !panics.is_null() {
            quietly(|| (hooks.drop_panics)(panics));
        }
    }
}

/// Runs a stranger's destructor or waker. If it panics, the hook has said so, and the goroutine's
/// own fate does not change; nor does that of the payload, should its drop panic as well.
///
/// Never inlined, as [`caught`](crate::panic::caught): in a shared library the address of the thread's panic count would be computed
/// in front of the carrier's loop, and used on other threads.
#[inline(never)]
pub(super) fn quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        util::drop_payload(payload);
    }
}

impl Sched {
    #[inline]
    pub(super) fn count_finish(&self, m: CurrentM) {
        match m.own().p.get() {
            Some(p) => p.count_finish(),
            None => {
                self.finished_outside.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// What runs next if it can run on this stack at once; anything else is left to g0.
    #[inline]
    fn follow(&self, m: CurrentM, slot: &'static Slot) -> Option<GRef> {
        if m.own().retire.get() {
            return None;
        }
        match self.next_live(m)? {
            // SAFETY: it came out of the queue: we are its runtime side.
            Runnable::Fresh(g) if unsafe { g.get() }.class() == slot.class() => Some(g),
            other => {
                m.own().next.set(Some(other));
                None
            }
        }
    }
}
