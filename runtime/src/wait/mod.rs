//! The stairs: how a room waits and wakes, for goroutines and plain threads alike.
//!
//! ```text
//!   wait::with(|slot| {                    // the caller's own slot
//!       register slot with the primitive, under its lock; drop the lock
//!       while !my_condition() {
//!           wait::park(slot, Why::..);     // may return for no reason; may unwind
//!       }
//!   })
//! ```
//!
//! Invariants:
//! 1. A park may return for no reason, and always does when the wait is cut short; every
//!    wait loops on a condition of its own.
//! 2. A park may unwind (abort, shutdown), unless masked. A waiter that is registered anywhere
//!    takes itself out in a `Drop`.
//! 3. No lock is held over a park.
//! 4. Who wakes touches nothing of the sleeper after the store that releases it: the slot is
//!    read before that store, and slots are never unmapped.

mod blocking;
mod cancel;
mod children;
mod locked;
#[cfg(all(test, loom))]
mod loom_tests;
mod poller;
mod signal;

use crate::carrier::{self, Slot};
use crate::g::{GRef, Unwind};
use crate::sched::{self, Key, Sched};
use crate::util::{self, NoUnwind};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::time::Instant;

pub(crate) use crate::queue::{Linked, Links, List};
pub(crate) use crate::sched::{Here, What, Why, here, may_spin, point, wake};
pub(crate) use blocking::blocking;
pub use cancel::{Cancel, ContextError};
pub(crate) use cancel::{Sealed, Until, bounded, bounded_with, ended, in_time};
pub(crate) use children::{Children, Failed, parent, wait_for};
pub(crate) use locked::Locked;
pub(crate) use poller::with_poller;
pub(crate) use signal::{Signal, Watch};

/// After so many times, a goroutine that swallows its cancellation is left alone.
const ENOUGH: u8 = 100;

/// Calls `f` with the slot on which the caller waits: its goroutine's, or its thread's.
///
/// # Panics
/// On a plain thread, when the system has no memory for its slot.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&'static Slot) -> R) -> R {
    match sched::current_slot() {
        Some(slot) => f(slot),
        None => carrier::with_thread_slot(f),
    }
}

/// Waits for a wake-up. Invariants 1 and 2.
#[inline(always)]
pub(crate) fn park(slot: &'static Slot, why: impl Into<What>) {
    park_for(slot, why, None);
}

/// The same, for the end of a goroutine whose handle the caller holds: it may run at once.
#[inline(always)]
pub(crate) fn park_for(slot: &'static Slot, why: impl Into<What>, child: Option<GRef>) {
    if slot.has_stack() {
        before(slot);
        sched::note(slot, why.into());
        sched::park(slot, child);
        raise_if_cancelled(slot);
    } else {
        sched::park_thread(slot, None);
    }
}

/// Waits for a wake-up, until the end of `until` if it has one. Invariants 1 and 2. `true`: that is over, without a look at
/// the clock.
#[inline(always)]
pub(crate) fn park_until(slot: &'static Slot, why: impl Into<What>, until: Until<'_>) -> bool {
    if !until.arm(slot) {
        return true;
    }
    let Some(at) = until.at() else {
        park_watched(slot, why.into(), until);
        return false;
    };
    if !slot.has_stack() {
        sched::park_thread(slot, Some(at));
        return false;
    }
    before(slot);
    sched::note(slot, why.into());
    let over = rest_until_inline(slot, at);
    raise_if_cancelled(slot);
    over
}

/// Without a moment at which it ends.
#[inline]
fn park_watched(slot: &'static Slot, why: What, until: Until<'_>) {
    if !until.is_watched() || !slot.has_stack() {
        return park(slot, why);
    }
    before(slot);
    sched::note(slot, why);
    sched::note_deadline(slot);
    sched::park(slot, None);
    raise_if_cancelled(slot);
}

/// The same for who must not be unwound before it has looked at what it waits for: it asks
/// [`to_be_unwound`] when that has not come. So nothing that came is lost to a cancellation.
#[inline(always)]
pub(crate) fn rest(slot: &'static Slot, why: impl Into<What>, until: Until<'_>) {
    if !until.arm(slot) {
        return;
    }
    let whole = NoUnwind::begin();
    if !slot.has_stack() {
        sched::park_thread(slot, until.at());
        return whole.end();
    }
    sched::note(slot, why.into());
    if until.is_watched() {
        sched::note_deadline(slot);
    }
    match until.at() {
        None => sched::park(slot, None),
        Some(at) => {
            rest_until(slot, at);
        }
    }
    whole.end();
}

/// `true`: the moment has come.
#[inline(never)]
fn rest_until(slot: &'static Slot, at: Instant) -> bool {
    rest_until_inline(slot, at)
}

#[inline(always)]
fn rest_until_inline(slot: &'static Slot, at: Instant) -> bool {
    if sched::stays(slot) {
        // It blocks its thread, which wakes by itself: perhaps there is no other to wake it.
        sched::park_thread(slot, Some(at));
        return false;
    }
    sched::note_deadline(slot);
    let alarm = Alarm { slot, key: home(slot).wake_at(at, slot) };
    sched::park(slot, None);
    alarm.end()
}

/// Whether a wait on `slot` that has not got what it waits for is to end by [`unwind`]. Asked before
/// each [`rest`]: a cancellation that comes later ends the rest.
#[inline(always)]
pub(crate) fn to_be_unwound(slot: &'static Slot) -> bool {
    if !slot.has_stack() {
        return false;
    }
    if !slot.reachable.get() {
        publish(slot);
    }
    is_cancelled(slot) && may_raise(slot)
}

/// A number below `n`, which is not zero: every random choice of the rooms.
pub(crate) fn dice(n: usize) -> usize {
    #[cfg(any(loom, shuttle))]
    return crate::prim::model::below(n);
    #[cfg(not(any(loom, shuttle)))]
    sched::dice(n)
}

/// Whether `deadline` has passed.
pub(crate) fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|at| util::now() >= at)
}

/// Takes the wake-up of a timed wait back.
struct Alarm {
    slot: &'static Slot,
    key: Key,
}

impl Alarm {
    /// Whether it had rung.
    fn end(self) -> bool {
        let alarm = ManuallyDrop::new(self);
        home(alarm.slot).cancel_wake(alarm.key).is_none()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        home(self.slot).cancel_wake(self.key);
    }
}

fn home(slot: &Slot) -> &Sched {
    // SAFETY: the goroutine that runs on this carrier keeps its scheduler alive.
    unsafe { Sched::from_home(slot.home()) }
}

/// A number for the place where the caller runs, the same for all who run there one after another:
/// of its processor, or of its thread if it has none. A hint: another one after the next switch.
pub(crate) fn place() -> usize {
    sched::current_p().map_or_else(util::thread_number, |index| index as usize)
}

/// Gives other goroutines their turn; a point at which cancellation arrives.
#[inline(always)]
pub(crate) fn yield_now() {
    match sched::yield_now() {
        Some(slot) => raise_if_cancelled(slot),
        None => std::thread::yield_now(),
    }
}

/// A call that might have waited but did not have to, `what`: honours the time slice.
#[inline]
pub(crate) fn checkpoint(what: &'static str) {
    sched::checkpoint(what);
}

/// Lets who was just woken run first, if the caller is a goroutine. Not a point at which
/// cancellation arrives: destructors may call it.
pub(crate) fn give_way() {
    sched::yield_now();
}

/// The same, unless many others are queued where the caller runs.
#[inline]
pub(crate) fn give_way_to_next() {
    sched::give_way_to_next();
}

/// Before the first park, who may abort the goroutine must be able to find it.
#[inline(always)]
fn before(slot: &'static Slot) {
    if !slot.reachable.get() {
        publish(slot);
    }
    raise_if_cancelled(slot);
}

#[cold]
#[inline(never)]
fn publish(slot: &'static Slot) {
    slot.reachable.set(true);
    if let Some(g) = job(slot) {
        // SAFETY: it is the goroutine that runs this: alive.
        unsafe { g.get() }.publish(slot);
    }
}

fn job(slot: &Slot) -> Option<GRef> {
    NonNull::new(slot.job()).map(|job| GRef::from_ptr(job.cast()))
}

/// Unwinds if the goroutine was aborted or its runtime stops.
#[inline(always)]
pub(crate) fn raise_if_cancelled(slot: &'static Slot) {
    if is_cancelled(slot) {
        raise(slot);
    }
}

/// Whether the goroutine of `slot`, the caller, is to end.
#[inline(always)]
pub(crate) fn is_cancelled(slot: &'static Slot) -> bool {
    // SAFETY: it is the goroutine that runs this: alive.
    let aborted = job(slot).is_some_and(|g| unsafe { g.get() }.state.is_aborted());
    aborted || !home(slot).is_running()
}

/// Whether the goroutine of `slot`, the caller under one mask of its own, is to end what it waits
/// for. Not in destructors that run because it ends: what is done there is done whole.
///
/// Who aborts it after the look wakes it: under the mask, the park that comes next does not look again.
pub(crate) fn passes_on(slot: &'static Slot) -> bool {
    if !slot.has_stack() {
        return false;
    }
    if !slot.reachable.get() {
        publish(slot);
    }
    is_cancelled(slot) && slot.masks.get() <= 1 && !std::thread::panicking()
}

/// Nothing is delivered where it would do harm: under a mask, or while panicking.
#[cold]
#[inline(never)]
fn raise(slot: &'static Slot) {
    if may_raise(slot) {
        unwind();
    }
}

/// Whether the caller may be unwound because of what happened to another: not in the destructors that run while it is, or at
/// its end.
#[cold]
pub(crate) fn may_unwind() -> bool {
    sched::current_slot().map_or_else(|| !std::thread::panicking(), may_raise)
}

#[cold]
fn may_raise(slot: &'static Slot) -> bool {
    slot.masks.get() == 0 && !std::thread::panicking() && slot.raised.get() < ENOUGH
}

/// Unwinds the goroutine without a word from any panic hook. Counts it, if that delivers a
/// cancellation: one that [`to_be_unwound`] has announced may yet be overtaken.
#[cold]
pub(crate) fn unwind() -> ! {
    if let Some(slot) = sched::current_slot()
        && is_cancelled(slot)
    {
        slot.raised.set(slot.raised.get().saturating_add(1));
    }
    std::panic::resume_unwind(Box::new(Unwind))
}

/// Calls `f`, which catches what ends in it, as it should be: unwindings that it takes do not count among those that somebody
/// catches who should not, of whom a goroutine that is to end has only so many.
pub(crate) fn inside(f: impl FnOnce()) {
    let Some(slot) = sched::current_slot() else { return f() };
    let raised = slot.raised.get();
    f();
    slot.raised.set(raised);
}

/// Keeps cancellation away while it lives. Not `Send`: it counts in a cell of the slot, which is its goroutine's alone.
#[derive(Debug)]
pub(crate) struct Mask {
    slot: &'static Slot,
    on_one_goroutine: PhantomData<*const ()>,
}

impl Mask {
    pub(crate) fn new(slot: &'static Slot) -> Self {
        slot.masks.set(slot.masks.get() + 1);
        Self { slot, on_one_goroutine: PhantomData }
    }
}

impl Drop for Mask {
    fn drop(&mut self) {
        self.slot.masks.set(self.slot.masks.get() - 1);
    }
}
