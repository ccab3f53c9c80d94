//! Second halves of joins: offering them, taking them back, and running those of others. See `g::offer`.
//!
//! An offer is the last thing a processor looks for on its own, after its queue, and comes right after the queues
//! of others: whoever waits in a queue can be run by nobody else, while the joiner comes back to its offer by itself. It comes
//! to the processor's own notice when the joiner waits for something in its first half.
//!
//! A processor whose queue is never empty would never come to an offer; but a joiner may wait for what its second half does, and
//! offers that were withdrawn where they lay would pile up. So now and then ([`Held::is_offers_turn`]) it begins a slice with a look at the oldest
//! one: it runs it if the joiner waits, or blocks its thread. A joiner that does not comes back to its offer, and a second half that is begun
//! while the first is under way would only be one goroutine more in the queue; so that one goes to the top, and the next look is at another.
//! The monitor asks for such a slice where slices are long, and ends one for it that does not end.
//!
//! For the idle protocol an offer is work like any other: it is published, then `Sched::surplus`; and `Sched::any_work` sees it.
//!
//! A thief takes the oldest, which of a tree that is walked depth first is the largest. This is the work-first
//! discipline of Cilk (Frigo, Leiserson, Randall: *The implementation of the Cilk-5 multithreaded language*, 1998).

use super::{Sched, id_batch};
use crate::carrier::Slot;
use crate::g::{Half, Offer, Runnable, Scope, new_cell};
use crate::m::{self, CurrentM, M};
use crate::p::{Held, P};
use std::ptr::NonNull;

/// Offers `half` on the caller's P. `None`: not here: the caller is no goroutine, or has entered another runtime, or its
/// own stops, or is a lab, or gives it no P at the moment.
///
/// # Safety
/// What `half` names stays where it is until [`withdraw`] has said `true`, or until its `child_done` was called.
#[inline(never)]
pub(crate) unsafe fn offer(half: NonNull<dyn Half>) -> Option<Offer> {
    let m = m::current()?;
    let joiner = m.slot.get()?;
    if joiner.entered.get() {
        return None;
    }
    let was = m.enter();
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    if m.own().p.get().is_none() {
        sched.regain(m);
    }
    let offer = match m.own().p.get() {
        Some(p) if sched.is_running() && sched.lab.is_none() => {
            // SAFETY: as the caller says.
            let offer = unsafe { p.offer(half, joiner) };
            if sched.config.procs > 1 {
                sched.surplus();
            }
            Some(offer)
        }
        _ => None,
    };
    m.leave(was);
    offer
}

/// Takes back what the caller has offered. `false`: somebody else runs it.
///
/// # Safety
/// By who has offered it, once.
#[inline(never)]
pub(crate) unsafe fn withdraw(offer: Offer) -> bool {
    let Some(m) = m::current() else {
        crate::util::bug(format_args!("a goroutine joins outside of a machine"))
    };
    let was = m.enter();
    let ours = match m.own().p.get() {
        // SAFETY: as the caller says.
        Some(p) => unsafe { withdraw_from(m, p, offer) },
        None => {
            // SAFETY: as the caller says.
            let ours = unsafe { offer.withdraw() };
            if !ours {
                // SAFETY: taken by another: the node is ours.
                unsafe { offer.free() };
            }
            ours
        }
    };
    m.leave(was);
    ours
}

/// # Safety
/// As [`withdraw`].
#[inline]
unsafe fn withdraw_from(m: CurrentM, p: Held, offer: Offer) -> bool {
    let top = p.own().offers.pop();
    if top == Some(offer) {
        // SAFETY: we have taken it out, and nobody else has seen it.
        unsafe { p.keep_node(offer) };
        return true;
    }
    // SAFETY: as the caller says.
    unsafe { withdraw_below(m, p, top, offer) }
}

/// The same, of one that is not on top of this P's stack.
///
/// # Safety
/// As [`withdraw`].
#[cold]
#[inline(never)]
unsafe fn withdraw_below(m: CurrentM, p: Held, top: Option<Offer>, offer: Offer) -> bool {
    if let Some(top) = top {
        p.own().offers.push(top);
        // SAFETY: an M's scheduler outlives it. Who looked meanwhile has missed it.
        unsafe { Sched::from_home(m.own().home.get()) }.surplus();
    }
    // SAFETY: as the caller says.
    let ours = unsafe { offer.withdraw() };
    if !ours {
        // SAFETY: taken by another: the node is ours.
        unsafe { p.keep_node(offer) };
    }
    ours
}

impl Sched {
    /// One that a goroutine which waits has left on this P.
    #[cold]
    #[inline(never)]
    pub(super) fn own_offer(&self, p: Held) -> Option<Runnable> {
        loop {
            let offer = p.own().offers.pop()?;
            if let Some(found) = self.take_offer(p, offer) {
                return Some(found);
            }
        }
    }

    /// One whose joiner waits, though others lie in the queue of this P. What was withdrawn is freed on the way.
    #[cold]
    #[inline(never)]
    pub(super) fn waiting_offer(&self, p: Held) -> Option<Runnable> {
        let offers = &p.own().offers;
        let oldest = offers.take_oldest(&p.offered, |offer| {
            // SAFETY: just taken out, and not by its joiner.
            if unsafe { offer.joiner() }.is_some_and(|joiner| !self.waits(joiner)) {
                return Some(Err(offer));
            }
            self.take_offer(p, offer).map(Ok)
        });
        match oldest? {
            Ok(found) => Some(found),
            Err(offer) => {
                offers.push(offer);
                // Who looked meanwhile has missed it.
                self.surplus();
                None
            }
        }
    }

    /// Whether a joiner is neither on a P nor queued for one: it waits, or is on a thread that has lost its P.
    fn waits(&self, joiner: &'static Slot) -> bool {
        let is_on = |m: &M| m.slot.get().is_some_and(|slot| std::ptr::eq(slot, joiner));
        let has_p = |m: &M| self.ps.iter().any(|p| p.holder() == Some(m.id));
        joiner.word.is_parked()
            || joiner.word.is_asleep()
            || self.machines.any(|m| is_on(m) && !has_p(m))
    }

    /// One from another P.
    pub(super) fn steal_offer(&self, p: Held, victim: &P) -> Option<Runnable> {
        loop {
            let offer = victim.offered.steal()?;
            if let Some(found) = self.take_offer(p, offer) {
                return Some(found);
            }
        }
    }

    /// A goroutine for an offer that was taken out of a stack; `None`: it has been withdrawn.
    fn take_offer(&self, p: Held, offer: Offer) -> Option<Runnable> {
        // SAFETY: just taken out, and not by its joiner.
        let Some(half) = (unsafe { offer.take() }) else {
            // SAFETY: withdrawn: we are the last.
            unsafe { p.keep_node(offer) };
            return None;
        };
        let scope: NonNull<dyn Scope> = half;
        // SAFETY: its joiner waits for `child_done`.
        let its = unsafe { half.as_ref() };
        let half = Taken(half);
        let cell = new_cell(move || half.run(), self.config.class, its.site(), None, scope);
        let g = cell.as_ref();
        // SAFETY: not queued yet: it is ours.
        let header = unsafe { g.get() };
        header.set_id(p.next_id(id_batch));
        header.set_home(self.this());
        header.set_parent(its.parent());
        // Nobody will join it by a handle.
        let _ = header.state.detach();
        its.taken(g);
        p.count_spawn();
        if self.hub.is_watching() {
            self.tell_spawn(header);
        }
        Some(Runnable::Fresh(g))
    }
}

/// The half that a goroutine runs.
struct Taken(NonNull<dyn Half>);

impl Taken {
    fn run(&self) {
        // SAFETY: its joiner waits for `child_done`, which comes when this goroutine has ended.
        unsafe { self.0.as_ref() }.run();
    }
}
