//! Goroutines that keep to the thread that they began on, where the runtime was built so (`migrate(false)`).
//!
//! A carrier that was woken, or is taken out of a queue, where it is not at home is sent there: it gets in the *line* of its M, which nobody else
//! looks into.
//!
//! * An M that sleeps is given a P for it, if one is idle.
//! * While all Ps are held, the carriers of one that sleeps lie in the global queue: who takes one out gives that M its own P.
//! * An M that is awake looks before it sleeps, and when its slice ends: it is asked to ([`OTHERS`]), and the line counts as work for which a
//!   slice ends (`watch`). The line takes turns with the queue of the P that the M holds, and with what belongs to no P.
//!
//! Nobody stays in the line of an M that sleeps: `in the line; lock of the idle lists: is the M there?` against `in the idle lists, under their lock; is
//! anybody in the line?` One of them sees the other.
//!
//! With a seed one M runs all goroutines, in an order that is drawn: there is no line then.

use super::Sched;
use super::idle::Rejoin;
use crate::carrier::{FIRST, Slot};
use crate::g::Runnable;
use crate::m::{CurrentM, OTHERS};
use crate::p::Held;
use crate::prim::Mutex;
use crate::trace::Event;
use std::collections::{HashMap, VecDeque};

/// The lines, by the numbers of their Ms.
pub(super) struct Lines(Mutex<HashMap<u32, VecDeque<&'static Slot>>>);

impl Lines {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn push(&self, id: u32, slot: &'static Slot) {
        self.0.lock().entry(id).or_default().push_back(slot);
    }

    /// The first one, and whether there are more.
    fn pop(&self, id: u32) -> Option<(&'static Slot, bool)> {
        let mut lines = self.0.lock();
        let line = lines.get_mut(&id)?;
        Some((line.pop_front()?, !line.is_empty()))
    }

    fn is_empty(&self, id: u32) -> bool {
        self.0.lock().get(&id).is_none_or(VecDeque::is_empty)
    }
}

impl Sched {
    /// Whether somebody waits for the M of this number.
    #[inline]
    pub(super) fn has_line(&self, id: u32) -> bool {
        !self.config.migrate && !self.lines.is_empty(id)
    }

    /// Who waits for this very thread, and what belongs to no P, by `shared`, in turns.
    #[inline]
    pub(super) fn next_at_home_or(
        &self,
        m: CurrentM,
        shared: impl Fn() -> Option<Runnable>,
    ) -> Option<Runnable> {
        if self.config.migrate {
            return shared();
        }
        match m.own().at_home.replace(false) {
            true => shared().or_else(|| self.next_at_home(m)),
            false => self.next_at_home(m).or_else(shared),
        }
    }

    fn next_at_home(&self, m: CurrentM) -> Option<Runnable> {
        let (slot, more) = self.lines.pop(m.id)?;
        m.own().at_home.set(true);
        if more {
            m.entry.ask(OTHERS);
        }
        Some(Runnable::Started(slot))
    }

    /// A carrier was woken, and does not go on where the caller is.
    pub(super) fn ready_elsewhere(&self, slot: &'static Slot) {
        let home = slot.bound.get();
        // Who is pinned stands on a thread, and waits for it there.
        let is_at_home =
            !self.config.migrate && ![0, FIRST].contains(&home) && slot.pins.get() == 0;
        if is_at_home && !self.is_seeded() {
            self.send(home - 1, slot);
        } else {
            self.inject(Runnable::Started(slot));
        }
    }

    /// To the M of this number.
    fn send(&self, id: u32, slot: &'static Slot) {
        self.lines.push(id, slot);
        match self.idle.rejoin(id, false) {
            Rejoin::With(index) => {
                self.tell_here(|| Event::Wake { p: index });
                self.give(id, index, false);
            }
            // It does not sleep.
            Rejoin::Given => self.ask_at_home(id),
            Rejoin::NoP => {
                if let Some((slot, _)) = self.lines.pop(id) {
                    self.inject(Runnable::Started(slot));
                }
            }
        }
    }

    fn ask_at_home(&self, id: u32) {
        if let Some(m) = self.machines.get(id) {
            m.entry.ask(OTHERS);
        }
    }

    /// Every P is held, and the caller sleeps from now on: those that wait for it lie in the global queue until somebody gives it a P.
    #[cold]
    pub(super) fn clear_line(&self, m: CurrentM) {
        while let Some((slot, _)) = self.lines.pop(m.id) {
            self.inject(Runnable::Started(slot));
        }
    }

    /// A carrier that must run on another M, or whose M waits for a P: `true`, and it is on
    /// its way. `false`: it is at home here.
    #[cold]
    pub(super) fn send_home(&self, m: CurrentM, slot: &'static Slot) -> bool {
        if slot.bound.get() == FIRST {
            slot.bound.set(m.id + 1);
            return false;
        }
        let Some(target) = slot.bound.get().checked_sub(1) else { return false };
        if target == m.id {
            return false;
        }
        let Some(p) = m.own().p.get() else {
            self.send(target, slot);
            return true;
        };
        // It does not run here.
        p.counters.misses.add_one();
        if slot.pins.get() != 0 {
            // The goroutine stands on its thread's stack and waits there, for a P.
            self.give_own(m, p, target);
            return true;
        }
        self.lines.push(target, slot);
        match self.idle.rejoin(target, false) {
            Rejoin::With(index) => self.give(target, index, false),
            Rejoin::NoP if self.idle.remove_m(target) => self.give_own(m, p, target),
            // It does not sleep.
            Rejoin::NoP | Rejoin::Given => self.ask_at_home(target),
        }
        true
    }

    /// The M of this number gets the caller's P.
    fn give_own(&self, m: CurrentM, p: Held, id: u32) {
        m.own().p.set(None);
        self.tell_release(m, p);
        self.spill_carriers(p);
        self.give(id, p.release(), false);
    }
}
