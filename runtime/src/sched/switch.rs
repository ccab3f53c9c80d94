//! Leaving the stack, from the goroutine's side.
//!
//! The fast paths are inlined into the public operations: the processor predicts returns, and each
//! frame between the user's call and the switch is one prediction that fails.
//!
//! Invariants:
//! 1. After a switch the M is the one that the switch returned; nothing read before is used.
//! 2. **A goroutine that waits while its thread is panicking does not leave the thread**: std
//!    counts panics per thread. It hands its P over and blocks the thread, as a pinned one does.
//! 3. The entry word is 1 from before the switch until after it.

#[cfg(feature = "tracing")]
use super::spans::Spans;
use super::tell::tell;
use super::timers::NEVER;
use super::why::TIMED;
use super::{Sched, lab};
use crate::carrier::{Cmd, Slot};
use crate::g::{GRef, Runnable};
use crate::lock::Holder;
use crate::m::{self, CurrentM};
use crate::p::NEXT_CAP;
use crate::prim::global::Ordering;
use crate::stack::Regs;
use crate::sys;
use crate::trace::{Event, Reason};
use std::time::Instant;

/// Waits for the word's token, which may come for no reason. `child`: a goroutine whose end the
/// caller waits for, and whose handle it holds.
///
/// `slot` is the caller's own, a goroutine's, and the caller is not inside the runtime.
#[inline(always)]
pub(crate) fn park(slot: &'static Slot, child: Option<GRef>) {
    match m::current() {
        Some(m) if !stays(slot) => {
            #[cfg(feature = "tracing")]
            let Some(spans) = Spans::leave(m, slot, |_, slot| park_thread(slot, None)) else {
                return;
            };
            m.enter_telling(move || {
                let (g, why) =
                    (slot.id.load(Ordering::Relaxed), slot.reason.load(Ordering::Relaxed) & !TIMED);
                tell(m, Event::Park { g, why });
            });
            if let Some(g) = child {
                claim(m, slot, g);
            }
            // SAFETY: on the carrier's own stack.
            let input = unsafe { slot.suspend_parked() };
            // SAFETY: what the switch just returned.
            let m = unsafe { CurrentM::from_input(input) };
            m.leave(0);
            slot.word.take();
            #[cfg(feature = "tracing")]
            spans.enter(m, slot);
        }
        _ => park_thread(slot, None),
    }
}

/// A goroutine that joins after this many spawns starts many, and lets them run as they come.
const FEW: u8 = 64;

/// Makes the goroutine that the caller is about to wait for run next, if nobody has begun it.
///
/// A tree of goroutines is thus walked depth first: few are on a stack at a time, and those are
/// hot. Who has started many wants them all to end, and lets them run in their order.
#[inline(never)]
fn claim(m: CurrentM, slot: &Slot, g: GRef) {
    let few = slot.spawns.replace(0) <= FEW;
    let Some(p) = m.own().p.get() else { return };
    let streak = p.own().streak.get() + 1;
    // SAFETY: the caller holds the handle.
    let header = unsafe { g.get() };
    if !few || streak >= NEXT_CAP || m.wanted() || header.home() != m.own().home.get() {
        return;
    }
    if p.remote.peek_next() == g.as_ptr().addr().get() {
        match p.remote.take_next() {
            Some(Runnable::Fresh(next)) if next == g => header.state.claim_taken(),
            Some(other) => return p.push(other),
            // A thief was quicker.
            None => return,
        }
    } else if !header.state.claim() {
        return;
    }
    p.own().streak.set(streak);
    p.count_run(false);
    m.own().claimed.set(Some(g));
}

/// Lets everything else that is runnable on this P run first.
#[inline(always)]
pub(crate) fn yield_now() -> Option<&'static Slot> {
    let m = m::current()?;
    let slot = m.slot.get()?;
    if stays(slot) {
        yield_pinned(m, slot);
        return Some(slot);
    }
    #[cfg(feature = "tracing")]
    let Some(spans) = Spans::leave(m, slot, yield_pinned) else { return Some(slot) };
    m.enter_telling(move || tell(m, Event::Yield { g: slot.id.load(Ordering::Relaxed) }));
    // SAFETY: on the carrier's own stack: it is the one that runs on this M.
    let input = unsafe { slot.suspend(Cmd::Yield) };
    // SAFETY: what the switch just returned.
    let m = unsafe { CurrentM::from_input(input) };
    m.leave(0);
    #[cfg(feature = "tracing")]
    spans.enter(m, slot);
    Some(slot)
}

/// Lets who was just woken or spawned here run first, unless many others are queued on this P: behind those the caller
/// would wait for long.
#[inline]
pub(crate) fn give_way_to_next() {
    const MANY: usize = 32;
    let few = |m: CurrentM| m.own().p.get().is_some_and(|p| p.remote.len() < MANY);
    if m::current().is_some_and(few) {
        yield_now();
    }
}

/// Where the caller is, looked up once for all that a short operation wants to know. Good until the
/// next switch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here(Option<CurrentM>);

#[inline(always)]
pub(crate) fn here() -> Here {
    Here(m::current())
}

impl Here {
    /// The thread, as locks know it.
    #[inline(always)]
    pub(crate) fn holder(self) -> Option<&'static Holder> {
        self.0.map(|m| m.holder)
    }

    /// The slot of the goroutine that runs; `None` on a plain thread.
    #[inline(always)]
    pub(crate) fn slot(self) -> Option<&'static Slot> {
        self.0?.slot.get()
    }

    /// A call that might have switched but did not, `what`: honours the time slice.
    #[inline(always)]
    pub(crate) fn checkpoint(self, what: &'static str) {
        if self.0.is_some_and(CurrentM::wanted) {
            preempted(what);
        }
    }
}

/// A call that might have switched but did not: honours the time slice.
#[inline]
pub(crate) fn checkpoint(what: &'static str) {
    here().checkpoint(what);
}

/// Whether who waits for something short does well to spin for it: others run beside the caller,
/// and nobody else wants the caller's P.
pub(crate) fn may_spin() -> bool {
    let Some(m) = m::current() else { return sys::has_many_cpus() };
    let Some(p) = m.own().p.get() else { return false };
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    sched.config.procs > sched.idle.idle_ps() + 1
        && p.remote.is_empty()
        && p.remote.peek_next() == 0
        && sys::has_many_cpus()
}

#[cold]
#[inline(never)]
fn preempted(what: &'static str) {
    if let Some(m) = m::current() {
        let was = m.enter();
        if m.own().p.get().is_none() {
            // SAFETY: an M's scheduler outlives it.
            unsafe { Sched::from_home(m.own().home.get()) }.regain(m);
        }
        let drawn = m.entry.is_seeded() && m.own().p.get().is_some();
        m.leave(was);
        if drawn && let Some(slot) = m.slot.get() {
            return lab::stop(m, slot, what);
        }
        if !m.wanted() {
            return;
        }
    }
    yield_now();
}

/// Whether the goroutine must keep its thread: pinned, or panicking (invariant 2).
#[inline(always)]
pub(crate) fn stays(slot: &Slot) -> bool {
    slot.pins.get() != 0 && keeps(slot) || std::thread::panicking()
}

/// Whether a pinned goroutine that waits must block its thread, for others would run there.
#[cold]
fn keeps(slot: &Slot) -> bool {
    // SAFETY: the goroutine that runs on this carrier keeps its scheduler alive.
    !unsafe { Sched::from_home(slot.home()) }.keeps_pinned()
}

/// Blocks the thread itself until the token comes or the time is up. On an M, its P goes to
/// somebody else meanwhile.
#[cold]
#[inline(never)]
pub(crate) fn park_thread(slot: &'static Slot, deadline: Option<Instant>) {
    let on_m = m::current().filter(|m| m.slot.get().is_some_and(|s| std::ptr::eq(s, slot)));
    let Some(m) = on_m else {
        slot.word.sleep(deadline);
        return;
    };
    let _pin = Pin::new(m, slot);
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    m.stand.take(Regs::here(), deadline.map_or(NEVER, |at| sched.ns(at)));
    let was = m.enter();
    if sched.is_lab() {
        sched.rest_on_thread(m, slot, deadline, was);
    } else {
        sched.hand_off(m, Some(Reason::Pinned));
        m.leave(was);
        slot.word.sleep(deadline);
    }
    sched.come_back(m, slot, false);
    m.stand.leave();
}

/// Yields without leaving the thread.
#[cold]
#[inline(never)]
fn yield_pinned(m: CurrentM, slot: &'static Slot) {
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    let _pin = Pin::new(m, slot);
    let was = m.enter();
    let alone = !sched.has_shared()
        && m.own().p.get().is_none_or(|p| p.remote.is_empty() && p.remote.peek_next() == 0);
    if !alone {
        // Without a thread to run the others, the P is idle, and we take it back.
        let taken = sched.hand_off(m, Some(Reason::Pinned));
        sched.come_back(m, slot, taken);
    }
    m.leave(was);
}

/// Of so many pins that they were not all counted, one stays.
fn one_less(pins: u16) -> u16 {
    if pins == u16::MAX { pins } else { pins.saturating_sub(1) }
}

/// Binds a goroutine to its thread while it blocks it.
pub(super) struct Pin {
    slot: &'static Slot,
    /// What was before.
    bound: u32,
    is_pinned: bool,
}

impl Pin {
    pub(super) fn new(m: CurrentM, slot: &'static Slot) -> Self {
        let pins = slot.pins.replace(slot.pins.get().saturating_add(1));
        Self { slot, bound: slot.bound.replace(m.id + 1), is_pinned: pins != 0 }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let pins = one_less(self.slot.pins.get());
        self.slot.pins.set(pins);
        if (pins != 0) == self.is_pinned {
            self.slot.bound.set(self.bound);
        } else {
            self.changed(pins != 0);
        }
    }
}

impl Pin {
    /// Whoever ran meanwhile has [pinned](pin) the goroutine for longer, or has [let it go](unpin), which did not seem to change
    /// anything then.
    #[cold]
    fn changed(&self, is_pinned: bool) {
        // SAFETY: the goroutine that runs on this carrier keeps its scheduler alive.
        let sched = unsafe { Sched::from_home(self.slot.home()) };
        sched.count_pinned(is_pinned);
        if !is_pinned {
            self.slot.bound.set(if sched.config.migrate { 0 } else { self.bound });
        }
    }
}

/// The caller is about to block in the system: its P goes to others at once. `false`: it has none to give.
pub(crate) fn step_out() -> bool {
    let Some(m) = m::current() else { return false };
    if m.slot.get().is_none() {
        return false;
    }
    let was = m.enter();
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    // In a lab with a seed all wait for it, unless it takes very long: so the schedule stays what it is.
    let has_p = m.own().p.get().is_some() && !sched.is_seeded();
    if has_p {
        sched.hand_off(m, Some(Reason::Asked));
    }
    m.leave(was);
    has_p
}

/// It is back, on whatever thread, and wants a P again; waits for one if need be.
pub(crate) fn step_in() {
    let Some(m) = m::current() else { return };
    let Some(slot) = m.slot.get() else { return };
    let was = m.enter();
    if m.own().p.get().is_none() {
        let _pin = Pin::new(m, slot);
        // SAFETY: an M's scheduler outlives it.
        unsafe { Sched::from_home(m.own().home.get()) }.come_back(m, slot, false);
    }
    m.leave(was);
}

/// Binds the current goroutine to its thread. `false`: the caller is no goroutine.
pub(crate) fn pin() -> bool {
    let Some(m) = m::current() else { return false };
    let Some(slot) = m.slot.get() else { return false };
    if slot.pins.replace(slot.pins.get().saturating_add(1)) == 0 {
        // SAFETY: an M's scheduler outlives it.
        unsafe { Sched::from_home(m.own().home.get()) }.count_pinned(true);
    }
    slot.bound.set(m.id + 1);
    true
}

/// Ends the process, on behalf of the goroutine that calls if one does. Exit handlers, and destructors of this thread's locals, run on its stack,
/// and may wait: others' code, which is done whole, on this thread. So no other goroutine runs here that could end the process as well, which std takes for an exit
/// inside of the exit, and aborts. (Where goroutines do not migrate it may be one at home here that they wait for.)
pub(crate) fn exit_process(code: i32) -> ! {
    if let Some(m) = m::current()
        && let Some(slot) = m.slot.get()
    {
        slot.masks.set(slot.masks.get().saturating_add(1));
        // SAFETY: an M's scheduler outlives it.
        if unsafe { Sched::from_home(m.own().home.get()) }.config.migrate {
            pin();
        }
    }
    std::process::exit(code)
}

/// Undoes one [`pin`].
pub(crate) fn unpin() {
    let Some(m) = m::current() else { return };
    let Some(slot) = m.slot.get() else { return };
    let pins = slot.pins.get();
    slot.pins.set(one_less(pins));
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    if pins == 1 {
        sched.count_pinned(false);
    }
    if slot.pins.get() == 0 && sched.config.migrate {
        slot.bound.set(0);
    }
}

impl Sched {
    /// This M is about to block: its P goes to an M that can use it, or to the idle ones.
    /// `true`: the work that it had is in somebody's hands. `why`: a goroutine runs on it.
    pub(super) fn hand_off(&self, m: CurrentM, why: Option<Reason>) -> bool {
        let Some(p) = m.own().p.take() else {
            // It blocks all the same, and may wait for a deadline or a socket of its own; or it ends, and makes room for a
            // thread that could not be had.
            if self.idle.idle_ps() != 0 && self.any_work(false) {
                self.surplus();
            }
            self.cover();
            return true;
        };
        match why {
            Some(why) => {
                m.detached.begin(why);
                self.tell_hand_off(&p, &m, why);
            }
            None => self.tell_release(m, p),
        }
        if let Some(next) = p.remote.take_next() {
            p.push(next);
        }
        self.spill_carriers(p);
        let has_work = !p.remote.is_empty() || self.has_shared();
        let index = p.release();
        if has_work {
            return self.start(index, self.idle.take_m(), false);
        }
        self.idle.retire_p(index);
        if self.any_work(false) {
            self.surplus();
        }
        self.cover();
        self.stop.nudge_if_idle(self);
        true
    }

    /// This M has lost its P and has something to run: takes another one, if there is one idle.
    #[cold]
    #[inline(never)]
    pub(super) fn regain(&self, m: CurrentM) {
        if self.idle.idle_ps() != 0
            && let Some(index) = self.idle.take_p()
        {
            self.hold(m, index, false);
        }
    }

    /// This M has something to run and wants a P; without `queue` an idle one will do at once.
    ///
    /// Otherwise it gets in line: see `waiting`.
    fn come_back(&self, m: CurrentM, slot: &'static Slot, queue: bool) {
        let was = m.enter();
        match if queue { None } else { self.idle.take_p() } {
            Some(index) => self.hold(m, index, false),
            None => {
                self.wait_for_p(slot);
                self.sleep(m);
            }
        }
        m.leave(was);
    }
}
