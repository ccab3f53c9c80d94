//! Where the next runnable comes from.
//!
//! In this order: on every 61st slice, and when it was asked for, a second half on offer whose joiner waits (`offers`), or the global queue, or else who waited for a deadline or a socket
//! (but not twice running, while something lies in the P's own queue); `next`,
//! which inherits the slice, so that a pair that wakes each other shares one; the P's own queue, in turns with
//! deadlines while several are due; second halves of joins that it has on offer; the P's share of the global queue, in turns with who
//! waits for a P on a thread of its own (`waiting`), and both in turns with who is at home on the M and was woken elsewhere (`home`);
//! deadlines and sockets; half of another P's queue, or its oldest offer; at last another P's `next`, when it has gone stale.
//!
//! **Warm work stays where it is, unless it has to wait.** A goroutine that has been on a stack before is
//! in the queue because somebody on that P has just woken it, and mostly to talk to it: to move it
//! to another core costs more than its turn. So a thief takes what is fresh at once, but from a queue whose
//! last item is warm only what has lain there for as long as the thief was looking, some microseconds. If
//! all is on the move it leaves it alone and says so (`Idle::set_calm`): for a few milliseconds
//! more warm work wakes nobody. The monitor ends that, and meanwhile sees to any P that does
//! not get to its work. Measured with two procs, 128 slots: MPSC 87 to 150 -> 20 to 30 ns an
//! item, select over four channels 125 to 230 -> 50 to 80. Whom a socket has woken has no partner on that P, and counts as
//! fresh: a batch of them is shared at once.
//!
//! **A thief looks for some microseconds**, for to be woken costs more. But where nobody watches the sockets, and the other Ps
//! have nothing queued, it goes and does that, asleep: what it waits for may need the processor that it would spin on. Measured with
//! HTTP over 64 connections, the client on the same two cores: p99 3.7 -> 2 ms, 4.9 -> 4.7 us of processor time a request.

use super::Sched;
use super::due::Due;
use super::idle::Rejoin;
use super::tell::tell;
use crate::g::{GBox, GRef, Runnable};
use crate::m::{CurrentM, OTHERS, SEEDED};
use crate::p::{Held, P};
use crate::prim::global::Ordering;
use crate::trace::Event;

/// Looks at all other queues before an M gives up, and the time for which warm work must have waited.
const ROUNDS: usize = 8;
/// Nanoseconds between two of them.
const PAUSE: u64 = 800;
/// The Ps whose `next` a spinner watches for staleness, at most.
const WATCHED: usize = 16;

/// Whether what came out of a queue is to be run: a fresh goroutine is begun here, unless it was
/// claimed, and then its word was all that was left of it in the queue.
#[inline(always)]
fn begin(found: Runnable) -> bool {
    let Runnable::Fresh(g) = found else { return true };
    // SAFETY: its word came out of the queue: alive until `bury`.
    unsafe { g.get() }.state.begin() || bury(g)
}

/// Empties the queues of a scheduler at its end: there are only words of claimed goroutines left.
pub(super) fn bury_rest(queue: impl Fn() -> Option<Runnable>) {
    while let Some(found) = queue() {
        if begin(found) {
            crate::util::bug(format_args!("{found:?} was queued when its scheduler ended"));
        }
    }
}

/// The word of a goroutine that was claimed came out of a queue. Always `false`.
#[cold]
#[inline(never)]
pub(super) fn bury(g: GRef) -> bool {
    // SAFETY: as above.
    if unsafe { g.get() }.state.bury() {
        // SAFETY: the last side, as `bury` says.
        unsafe { GBox::of(g).free() };
    }
    false
}

/// A P as a spinner saw it when it began.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    next: usize,
    runs: u64,
    slices: u32,
    queued: usize,
}

impl Seen {
    fn of(p: &P) -> Self {
        Self {
            next: p.remote.peek_next(),
            runs: p.runs(),
            slices: p.tick(),
            queued: p.remote.len(),
        }
    }

    /// Whether some of what was queued then still is: a slice takes one at most.
    fn queue_waits(&self, p: &P) -> bool {
        self.queued > p.tick().wrapping_sub(self.slices) as usize
    }

    /// Whether `next` has not moved, of a P that has not run anything else: its owner is busy.
    fn next_waits(&self, p: &P) -> bool {
        self.next != 0 && self.next == p.remote.peek_next() && self.runs == p.runs()
    }
}

impl Sched {
    /// What this M can run without looking elsewhere.
    #[inline(always)]
    pub(super) fn next_here(&self, m: CurrentM) -> Option<Runnable> {
        let p = m.own().p.get()?;
        let own = p.own();
        if let Some(next) = p.remote.take_next() {
            let streak = own.streak.get() + 1;
            if p.goes_on(next, streak) && !m.wanted() {
                own.streak.set(streak);
                p.count_run(false);
                return Some(next);
            }
            // It had its turn: behind the others.
            p.push(next);
        }
        own.streak.set(0);
        // Who had a whole slice is at the end of the P's own queue, and perhaps alone there: those who
        // asked for the slice's end come first.
        let asked = m.entry.take_wants();
        p.count_run(true);
        if asked & SEEDED != 0 {
            return self.draw(m, p);
        }
        if (p.global_turn() || asked != 0)
            && let Some(found) = self.others_turn(m, p, asked)
        {
            return Some(found);
        }
        if own.due.get() != 0
            && let Some(found) = self.due_turn(m, p)
        {
            return Some(found);
        }
        if let Some(found) = p.pop() {
            found.fetch();
            return Some(found);
        }
        if !own.offers.is_empty()
            && let Some(found) = self.own_offer(p)
        {
            return Some(found);
        }
        let found = self.next_from_afar(m, p);
        if found.is_none() {
            p.counters.misses.add_one();
        }
        found
    }

    /// The same, without the words of goroutines that were claimed.
    #[inline(always)]
    pub(super) fn next_live(&self, m: CurrentM) -> Option<Runnable> {
        loop {
            let found = self.next_here(m)?;
            if begin(found) {
                return Some(found);
            }
            if let Some(p) = m.own().p.get() {
                p.counters.misses.add_one();
            }
        }
    }

    /// More timers are due than one: they and the queue take turns.
    #[cold]
    #[inline(never)]
    fn due_turn(&self, m: CurrentM, p: Held) -> Option<Runnable> {
        if p.own().due.replace(Due::NOW) != Due::NOW {
            return None;
        }
        p.own().due.set(0);
        if self.run_timer(m) { p.remote.take_next() } else { None }
    }

    /// What must not wait until the P's own queue is empty. `asked`: it was asked for, and so may be at every slice's end; then the
    /// others and the queue take turns.
    #[cold]
    #[inline(never)]
    fn others_turn(&self, m: CurrentM, p: Held, asked: u32) -> Option<Runnable> {
        if asked != 0 && p.is_queues_turn() {
            p.own().due.set(Due::NOW);
            // The others are next.
            m.entry.ask(asked & OTHERS);
            let found = p.pop()?;
            found.fetch();
            return Some(found);
        }
        let offer = if p.is_offers_turn(self.ticks.load(Ordering::Relaxed)) {
            self.waiting_offer(p)
        } else {
            None
        };
        if offer.is_some() {
            p.own().due.set(Due::NOW);
            // The others are next.
            m.entry.ask(OTHERS);
        }
        let found = offer.or_else(|| self.next_of_others(m));
        if found.is_some()
            && let Some(p) = m.own().p.get()
        {
            p.others_come();
        }
        found
    }

    fn next_of_others(&self, m: CurrentM) -> Option<Runnable> {
        // Who is woken here waits in `next`. It does not go first: somebody is woken at every look while there is
        // much to do, and what is queued globally would never have its turn.
        let woke = self.run_timer(m) | self.poll_now();
        if let Some(p) = m.own().p.get()
            && p.set_sweep(false)
        {
            self.sweep_carriers(p);
        }
        let found = self.next_at_home_or(m, || {
            let waits = self.next_waiting();
            let found =
                waits.or_else(|| if self.global.is_empty() { None } else { self.global.pop() })?;
            if let Some(p) = m.own().p.get() {
                p.counters.global.add_one();
            }
            Some(found)
        });
        match found {
            None if woke => m.own().p.get()?.remote.take_next(),
            found => found,
        }
    }

    #[cold]
    #[inline(never)]
    fn next_from_afar(&self, m: CurrentM, p: Held) -> Option<Runnable> {
        self.next_at_home_or(m, || {
            if !self.has_shared() {
                return None;
            }
            let share = || self.global.pop_share(&p.own().queue, &p.remote, self.ps.len());
            let found = self.next_waiting().or_else(share)?;
            found.fetch();
            m.own().timed.set(false);
            p.counters.global.add_one();
            Some(found)
        })
    }

    /// Finds something to run; sleeps while there is nothing. `None`: the thread is to end.
    #[inline(never)]
    pub(super) fn find(&self, m: CurrentM) -> Option<Runnable> {
        loop {
            if self.is_stopped() || m.own().retire.get() {
                self.drop_p(m);
                return None;
            }
            let Some(p) = m.own().p.get() else {
                self.retire_without_p(m);
                continue;
            };
            // With a seed all that are due are drawn from; else one at a time, for the next would drive this one out.
            let woke = self.run_timer(m);
            if woke && self.is_seeded() {
                continue;
            }
            let here = match self.next_live(m) {
                None if woke => continue,
                None if !self.idle.is_polled() && self.poll_now() => continue,
                here => here,
            };
            if let Some(found) = here.or_else(|| self.steal_live(m, p)) {
                self.found(m);
                return Some(found);
            }
            if self.run_any_timer(m) || self.let_others_run(m) {
                continue;
            }
            if !self.linger(m) {
                self.retire(m, p);
            }
        }
    }

    /// Nothing anywhere: gives up the P and sleeps, unless something has come meanwhile.
    fn retire(&self, m: CurrentM, p: Held) {
        self.spill_carriers(p);
        m.own().p.set(None);
        m.own().courtesy.sleeps();
        self.tell_release(m, p);
        let index = p.release();
        let calm = m.own().left_warm.replace(false);
        if calm && self.idle.set_calm(true) {
            self.monitor.nudge();
        }
        let was_spinner = m.own().spinning.replace(false);
        self.idle.retire(index, m.id, was_spinner);
        if self.any_work(calm) || self.has_line(m.id) || was_spinner && self.is_called() {
            match self.idle.rejoin(m.id, true) {
                Rejoin::With(index) => {
                    self.hold(m, index, true);
                    return;
                }
                Rejoin::Given => {}
                Rejoin::NoP => self.clear_line(m),
            }
        }
        self.stop.nudge_if_idle(self);
        self.sleep(m);
    }

    /// Without a P: waits to be given one, but sees to what waits for this very thread, and to what nobody runs: whoever
    /// published that may have found no thread for an idle P before this one was among the idle (R4).
    fn retire_without_p(&self, m: CurrentM) {
        self.idle.retire_m(m.id);
        let has_line = self.has_line(m.id);
        if has_line || self.idle.idle_ps() != 0 && self.any_work(false) {
            match self.idle.rejoin(m.id, true) {
                Rejoin::With(index) => {
                    self.hold(m, index, true);
                    return;
                }
                Rejoin::Given => {}
                Rejoin::NoP if has_line => self.clear_line(m),
                Rejoin::NoP => {}
            }
        }
        // The last goroutine may have ended here, on a thread that had lost its P.
        self.stop.nudge_if_idle(self);
        self.sleep(m);
    }

    /// A look at everything that a producer may have filled; `calm`: but for warm work.
    pub(super) fn any_work(&self, calm: bool) -> bool {
        self.has_shared()
            || self.ps.iter().any(|p| !(p.remote.is_empty() || calm && p.is_warm()))
            || self.ps.iter().any(|p| !p.offered.is_empty())
            || self.is_stopped()
    }

    /// A spinner found work: if it was the last, somebody else must look now.
    fn found(&self, m: CurrentM) {
        m.own().courtesy.found();
        if m.own().spinning.replace(false) && self.idle.stop_spinning() {
            self.surplus();
        }
    }

    /// Whether what lies in a `next` could run elsewhere.
    pub(super) fn moves(&self, next: usize) -> bool {
        self.config.migrate || Runnable::is_fresh(next)
    }

    fn steal_live(&self, m: CurrentM, p: Held) -> Option<Runnable> {
        loop {
            let found = self.steal(m, p)?;
            if begin(found) {
                found.fetch();
                p.counters.found.add_one();
                return Some(found);
            }
        }
    }

    fn steal(&self, m: CurrentM, p: Held) -> Option<Runnable> {
        let count = self.ps.len();
        if count == 1 {
            return None;
        }
        m.own().left_warm.set(false);
        if !m.own().spinning.get() {
            // Nobody is at work from whom something could come, and its time had come, or it will come from sockets, which are
            // watched asleep. It does not count as a spinner, so nobody leaves work to it.
            if self.idle.idle_ps() + 1 >= self.config.procs
                && (m.own().timed.get() || self.net().is_some())
            {
                return None;
            }
            if !self.idle.start_spinning(self.config.procs) {
                return None;
            }
            m.own().spinning.set(true);
        }
        p.counters.steal_attempts.add_one();
        let stolen = |victim: &P| {
            p.counters.steals.add_one();
            if m.entry.is_watched() {
                tell(m, Event::Steal { from: victim.index });
            }
        };
        let start = m.own().rng.below(count);
        let others =
            || (0..count).map(|i| &self.ps[(start + i) % count]).filter(|v| v.index != p.index);
        let mut watched = [Seen::default(); WATCHED];
        for (seen, victim) in watched.iter_mut().zip(others()) {
            *seen = Seen::of(victim);
        }
        for _ in 0..ROUNDS {
            for victim in others().filter(|victim| !victim.is_warm()) {
                if let Some(found) = p.own().queue.steal_half(&victim.remote) {
                    stolen(victim);
                    return Some(found);
                }
            }
            for victim in others() {
                if let Some(found) = self.steal_offer(p, victim) {
                    stolen(victim);
                    return Some(found);
                }
            }
            if let Some(found) = self.next_from_afar(m, p) {
                return Some(found);
            }
            // Nothing to wait for, and the sockets are its to watch: it does that asleep.
            let empty = |p: &P| p.remote.is_empty() && p.remote.peek_next() == 0;
            if self.is_deaf() && others().all(empty) {
                return None;
            }
            crate::util::spin_for(PAUSE);
        }
        for (seen, victim) in watched.iter().zip(others()) {
            let found = if seen.queue_waits(victim) {
                p.own().queue.steal_half(&victim.remote)
            } else if seen.next_waits(victim) && self.moves(seen.next) {
                victim.calls.answer(victim.runs());
                victim.remote.take_next()
            } else {
                None
            };
            if found.is_some() {
                stolen(victim);
                return found;
            }
        }
        m.own().left_warm.set(others().any(|victim| !victim.remote.is_empty()));
        None
    }
}
