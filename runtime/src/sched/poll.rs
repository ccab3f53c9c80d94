//! The network: who asks the kernel which sockets have become ready.
//!
//! * **An M that runs goroutines** asks without waiting when it has nothing else to run, and in every 61st
//!   slice.
//! * **An M that goes to sleep** does so in the kernel's poll, if no other sleeper does (`Idle::keep`). It can be
//!   given a P there as elsewhere: who gives it one rings the poller's bell. When it wakes with
//!   sockets it takes a P and runs their goroutines itself.
//! * **The monitor** asks when no sleeper does: some P is held, and its holder may be in user code for
//!   long. If a P is idle it wakes an M instead, which goes to sleep in the poll.
//!
//! *Before it sleeps there* it lets other threads run, and asks again, several times where that proves worthwhile ([`Courtesy`](crate::m::Courtesy)).
//! For who sends may be a thread that waits for this very processor; and to be woken by each packet costs the sender, and
//! a change of threads, where this finds several at once. It keeps its P meanwhile, as who runs does: no state of the protocols.
//!
//! Giving a P to an M that polls is a store, a fence and a load of each other's word: `polling := true;
//! fence; given?` against `given := P; fence; polling?`. One of them sees the other.
//!
//! The bell is heard by one, and not by whom it was for if somebody else asks first: a given M that has not yet woken
//! is no longer in the idle list, so others ask beside it. Who hears it rings on while there is one whom
//! it is for ([`Sched::ring_on`]). What rang for whom is seen by who hears it: `poller::Rung`. The models in `loom_tests` check this.
//!
//! That somebody asks is as sure as that no deadline is forgotten, and for the same reasons: see `timers`.

use super::Sched;
use crate::m::{self, CurrentM, M};
use crate::poller::Poller;
use crate::sys;
use crate::trace::Event;
use crate::util;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Sched {
    /// The runtime's own poller, made when it is first asked for.
    ///
    /// # Errors
    /// When the process, or the system, has no file left.
    pub(crate) fn poller(&self) -> io::Result<&Arc<Poller>> {
        if let Some(poller) = self.poller.get() {
            return Ok(poller);
        }
        let new = Arc::new(Poller::new()?);
        // Two may make one; the first one counts.
        Ok(self.poller.get_or_init(|| new))
    }

    /// The poller, if there are sockets that it could tell about.
    #[inline]
    pub(super) fn net(&self) -> Option<&Arc<Poller>> {
        self.poller.get().filter(|poller| poller.has_sources())
    }

    /// Sockets are to be watched, and no sleeper does.
    pub(super) fn is_deaf(&self) -> bool {
        self.net().is_some() && !self.idle.is_polled()
    }

    /// Makes runnable whose sockets are ready now. `true`: somebody is.
    #[inline]
    pub(super) fn poll_now(&self) -> bool {
        self.net().is_some_and(|poller| self.ask(poller))
    }

    /// The caller has found nothing, and is about to sleep: if it is for sockets, other threads run first. `true`: they have, and it is to
    /// look again.
    #[inline]
    pub(super) fn let_others_run(&self, m: CurrentM) -> bool {
        let lets = m.own().courtesy.is_left() && self.is_deaf() && !self.is_lab();
        if lets {
            let start = util::now();
            sys::yield_thread();
            m.own().courtesy.took(start.elapsed());
        }
        lets
    }

    #[inline(never)]
    fn ask(&self, poller: &Poller) -> bool {
        if let Some(m) = m::current()
            && let Some(p) = m.own().p.get()
            && m.entry.is_inside()
        {
            p.counters.polls.add_one();
        }
        if let Some(lab) = &self.lab {
            lab.begin_ask();
        }
        let mut found = false;
        let rang = poll(poller, Some(Duration::ZERO), |slot| {
            if !std::mem::replace(&mut found, true) {
                self.tell_here(|| Event::Net);
            }
            self.note(|| "a socket has become ready".into());
            super::wake(slot);
        });
        if let Some(lab) = &self.lab {
            lab.end_ask();
        }
        if rang {
            self.ring_on(poller);
        }
        if found && let Some(p) = m::current().and_then(|m| m.own().p.get()) {
            p.set_cold();
        }
        found
    }

    /// The caller has heard the bell. Whom it was for sleeps on, if the caller was quicker.
    #[cold]
    fn ring_on(&self, poller: &Poller) {
        let stopped = self.is_stopped();
        let is_meant = |m: &M| m.is_polling() && (stopped || m.is_given());
        if self.machines.any(is_meant) {
            poller.notify();
            // It was woken before, and has not run since.
            std::thread::yield_now();
        }
    }

    /// Sleeps in the poll, until `until` at the latest. Whose sockets have become ready is in the M's `woken`
    /// then; it comes back for nothing, too. In a lab always: what it took there, nobody would see (`lab::time`).
    pub(super) fn sleep_in_poll(&self, m: CurrentM, until: Option<Instant>) {
        let Some(poller) = self.poller.get() else { return };
        let mut rang = false;
        if m.begin_poll() && !self.is_stopped() {
            let timeout = until.map(|at| at.saturating_duration_since(util::real_now()));
            if self.is_lab() {
                poller.look(timeout);
            } else {
                let mut woken = m.own().woken.borrow_mut();
                rang = poll(poller, timeout, |slot| woken.push(slot));
            }
        }
        m.end_poll();
        if rang {
            self.ring_on(poller);
        }
    }

    /// Wakes whom [`sleep_in_poll`](Self::sleep_in_poll) has found.
    pub(super) fn wake_found(&self, m: CurrentM) {
        let mut woken = m.own().woken.borrow_mut();
        self.note(|| "a socket has become ready".into());
        woken.drain(..).for_each(super::wake);
        if let Some(p) = m.own().p.get() {
            p.set_cold();
        }
    }

    /// Rings, if `m`, which was just given a P, may sleep in the poll.
    pub(super) fn ring(&self, m: &M) {
        if m.may_poll()
            && let Some(poller) = self.poller.get()
        {
            poller.notify();
        }
    }
}

/// `true`: the bell rang.
fn poll(
    poller: &Poller,
    timeout: Option<Duration>,
    mut f: impl FnMut(&'static crate::carrier::Slot),
) -> bool {
    match poller.poll(timeout, &mut f) {
        Ok(rang) => rang,
        Err(error) => util::refused("epoll_wait", &error, ""),
    }
}
