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
//! Giving a P to an M that polls is a store, a fence and a load of each other's word: `polling := true;
//! fence; given?` against `given := P; fence; polling?`. One of them sees the other.
//!
//! That somebody asks is as sure as that no deadline is forgotten, and for the same reasons: see `timers`.

use super::Sched;
use crate::m::CurrentM;
use crate::poller::Poller;
use crate::prim::atomic::{self, fence};
use crate::prim::global::Ordering;
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

    #[inline(never)]
    fn ask(&self, poller: &Poller) -> bool {
        let mut found = false;
        poll(poller, Some(Duration::ZERO), |slot| {
            found = true;
            super::wake(slot);
        });
        found
    }

    /// Sleeps in the poll, until `until` at the latest. Whose sockets have become ready is in the M's `woken`
    /// then; it comes back for nothing, too.
    pub(super) fn sleep_in_poll(&self, m: CurrentM, until: Option<Instant>) {
        let Some(poller) = self.poller.get() else { return };
        m.polling.store(true, Ordering::Relaxed);
        fence(atomic::Ordering::SeqCst);
        if !m.is_given() && !self.is_stopped() {
            let timeout = until.map(|at| at.saturating_duration_since(util::now()));
            let mut woken = m.own().woken.borrow_mut();
            poll(poller, timeout, |slot| woken.push(slot));
        }
        m.polling.store(false, Ordering::Relaxed);
    }

    /// Wakes whom [`sleep_in_poll`](Self::sleep_in_poll) has found.
    pub(super) fn wake_found(&self, m: CurrentM) {
        let mut woken = m.own().woken.borrow_mut();
        woken.drain(..).for_each(super::wake);
    }

    /// Rings, if `m`, which was just given a P, may sleep in the poll.
    pub(super) fn ring(&self, m: &crate::m::M) {
        fence(atomic::Ordering::SeqCst);
        if m.polling.load(Ordering::Relaxed)
            && let Some(poller) = self.poller.get()
        {
            poller.notify();
        }
    }
}

fn poll(
    poller: &Poller,
    timeout: Option<Duration>,
    mut f: impl FnMut(&'static crate::carrier::Slot),
) {
    if let Err(error) = poller.poll(timeout, &mut f) {
        util::bug(format_args!("the poller cannot poll: {error}"));
    }
}
