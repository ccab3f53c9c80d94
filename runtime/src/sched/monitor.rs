//! The monitor: the one thread without a P.
//!
//! It looks at the Ps while they are busy (`watch`): at work that lies in front of a P which does not get
//! to it, and at goroutines that do not give their P back. It sees to late timers, and takes apart what
//! has long been idle.
//!
//! It never wakes for nothing: with every P idle for [`QUIET`] it sleeps until the next timer, the
//! next housekeeping that is due, or until a P is taken. But Ps that are idle for want of a thread
//! are no sign of quiet: it tries to find one, at every look.
//!
//! A deadline that is put in by somebody who goes on to run others, while a P is idle, is nobody's: no sleeper has promised it, and
//! the holder may be long in coming. It is the monitor's then, which may be between two looks: it is nudged if its next one is too
//! late (`see_to`). The same holds for the next deadline of one who has woken for a deadline and runs what that was for (`expose`); but in flows of
//! deadlines that would be a nudge for each, so there the monitor looks every two milliseconds. Again store, fence, load: `next_look := ..; fence; first deadline?` against `first deadline := ..; fence; next_look?`.
//!
//! Falling asleep and taking a P are a store, a fence and a load of the other's word each:
//! `asleep := true; fence; idle_ps?` against `idle_ps := ..; fence; asleep?`. One of them sees
//! the other. The same with `short` in the place of `idle_ps`.

use super::Sched;
use super::asleep::Watchman;
use super::flow::{Gauge, LAG};
use super::machines::TURN;
use super::timers::NEVER;
use super::watch::Watch;
use crate::g::{self, Left};
use crate::m::{self, TIMERS};
use crate::parker::ParkWord;
use crate::prim::Mutex;
use crate::prim::atomic::{self, AtomicBool, AtomicU64, fence};
use crate::prim::global::{AtomicU32, Ordering};
use crate::sys;
use crate::util;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The time slice.
pub(super) const SLICE: Duration = Duration::from_millis(10);
/// Between looks, at first; doubled while there is nothing to see.
const FIRST_LOOK: Duration = Duration::from_micros(100);
/// Between looks at deadlines that come one after another, while everybody gets on and so sees them, too.
const BUSY_LOOK: Duration = Duration::from_micros(400);
/// Between looks while something is stuck, or might be as soon as there is work.
const STUCK_LOOK: Duration = Duration::from_millis(1);
/// Between looks while deadlines come one after another, and who runs one may be late for the next; and while somebody computes
/// beside an idle P.
const EXPOSED_LOOK: Duration = Duration::from_millis(2);
/// Between looks, at most.
const LAST_LOOK: Duration = Duration::from_millis(10);
/// Warm work that a spinner left alone is looked at again after so long.
const CALM: Duration = Duration::from_millis(5);
/// What waits are measured in: 2^32 of them are 497 days.
pub(super) const TICK: Duration = Duration::from_millis(10);
/// Idle for so long, it stops looking.
const QUIET: Duration = Duration::from_millis(100);
/// Who runs goroutines gets so much time to see that a deadline has passed.
const GRACE: Duration = Duration::from_micros(50);
/// A carrier idle for so many seconds is taken apart.
const KEEP: u32 = 5;

/// The monitor's own state.
pub(super) struct Monitor {
    pub(super) word: ParkWord,
    asleep: AtomicBool,
    /// It is to report what the goroutines do.
    asked: AtomicBool,
    tid: AtomicU32,
    /// When it looks next, in nanoseconds since the start.
    next_look: AtomicU64,
    /// An idle P has found no thread, and there may be work for it.
    short: AtomicBool,
    /// Since the last look somebody has run what a deadline was for, with the next one close.
    exposed: AtomicBool,
    /// Seconds since the start, as of the last look: the clock of idle carriers.
    seconds: AtomicU32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Monitor {
    pub(super) fn new() -> Self {
        Self {
            word: ParkWord::new(),
            asleep: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            tid: AtomicU32::new(0),
            next_look: AtomicU64::new(NEVER),
            short: AtomicBool::new(false),
            exposed: AtomicBool::new(false),
            seconds: AtomicU32::new(0),
            thread: Mutex::new(None),
        }
    }

    /// Seconds since the start, roughly.
    pub(super) fn seconds(&self) -> u32 {
        self.seconds.load(Ordering::Relaxed)
    }

    /// It is about to sleep for long. The caller looks at the idle Ps afterwards.
    pub(super) fn fall_asleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(atomic::Ordering::SeqCst);
    }

    /// A P was taken. `true`: the monitor was asleep.
    pub(super) fn wake_if_asleep(&self) -> bool {
        fence(atomic::Ordering::SeqCst);
        let asleep = self.asleep.load(Ordering::Relaxed);
        if asleep {
            self.nudge();
        }
        asleep
    }

    /// It looks next at `at`. It looks for held Ps and for deadlines afterwards.
    pub(super) fn announce(&self, at: u64) {
        self.next_look.store(at, Ordering::Relaxed);
        fence(atomic::Ordering::SeqCst);
    }

    /// When it looks next. The caller holds a P, and has put its deadline in, or has broken its promise.
    pub(super) fn next_look(&self) -> u64 {
        fence(atomic::Ordering::SeqCst);
        self.next_look.load(Ordering::Relaxed)
    }

    /// No thread was to be had for an idle P: the monitor tries again, until there is one or nothing to do.
    pub(super) fn try_again(&self) {
        // Release pairs with the Acquire of `late_threads`: it sees the P that was put back, and by the fence before that the work
        // of who left it to the spinner that never was.
        self.short.store(true, Ordering::Release);
        self.wake_if_asleep();
    }

    /// Whether somebody has said so since it looked.
    pub(super) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Makes it look now.
    pub(super) fn nudge(&self) {
        let _ = self.word.notify();
    }

    pub(super) fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread.lock().take()
    }
}

impl Sched {
    /// Starts the monitor's thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start_monitor(self: &Arc<Self>) -> io::Result<()> {
        let sched = Arc::clone(self);
        let name = "rt-monitor".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || sched.run_monitor())?;
        *self.monitor.thread.lock() = Some(thread);
        Ok(())
    }

    /// Sets the clock of those who begin to wait. While a P is held, the monitor does so all the time; who takes
    /// one while it sleeps does so first.
    #[cold]
    pub(super) fn tick(&self, now: Instant) {
        let ticks = now.saturating_duration_since(self.start).as_nanos() / TICK.as_nanos();
        self.ticks.store(ticks as u32, Ordering::Relaxed);
    }

    /// Has the monitor's thread call the hook `asked`. May be called in a signal handler.
    pub(crate) fn ask_monitor(&self) {
        // Release pairs with the Acquire of the swap; the token orders it as well.
        self.monitor.asked.store(true, Ordering::Release);
        self.monitor.nudge();
    }

    /// The monitor's thread, as the system numbers it.
    pub(crate) fn monitor_thread(&self) -> u32 {
        self.monitor.tid.load(Ordering::Relaxed)
    }

    fn run_monitor(&self) {
        self.monitor.tid.store(sys::thread_id(), Ordering::Relaxed);
        sys::take_short_turns(TURN);
        let mut watchman = Watchman::default();
        let start = util::real_now();
        let mut watch = Watch::new(self, start);
        let mut delay = FIRST_LOOK;
        let mut busy_at = start;
        let mut calm_since = None;
        let mut was_stuck = false;
        let mut asked = NEVER;
        let mut depot = Left::Nothing;
        let mut followed = start;
        let mut gauge = Gauge::new(start);
        let mut next_line = self.config.schedtrace.map(|every| start + every);
        while !self.is_stopped() {
            if self.monitor.asked.swap(false, Ordering::Acquire) {
                (self.config.hooks.asked)(&self.arc());
            }
            let now = util::real_now();
            self.tick(now);
            let seconds = (now - start).as_secs() as u32;
            if self.monitor.seconds.swap(seconds, Ordering::Relaxed) != seconds {
                self.ps.iter().for_each(|p| {
                    p.set_sweep(true);
                });
                depot = g::trim(now, depot == Left::Unneeded);
            } else if depot == Left::Unneeded {
                depot = g::trim(now, true);
            }
            let dense = self.gauge(&mut gauge, now);
            let (next_timer, late) = self.late_timers(&mut asked, dense, now);
            self.late_sockets();
            let short = self.late_threads();
            let look = watch.look(self, late, short, now);
            self.observe(&mut followed, now);
            if let (Some(at), Some(every)) = (&mut next_line, self.config.schedtrace)
                && now >= *at
            {
                util::say(format_args!("{}", self.schedtrace()));
                // Lines that it is too late for are left out.
                *at = Some(*at + every).filter(|at| *at > now).unwrap_or(now + every);
            }
            // Where deadlines come one after another it looks often, or it would be nudged for each of them.
            let exposed = self.monitor.exposed.swap(false, Ordering::Relaxed);
            let stuck = look.stuck | self.end_calm(&mut calm_since, now);
            let next_trim = match depot {
                Left::Nothing => None,
                Left::Something => Some(start + Duration::from_secs(u64::from(seconds) + 1)),
                Left::Unneeded => Some(now + LAST_LOOK),
            };
            let next_chore = [self.housekeep(start, now), next_trim].into_iter().flatten().min();
            if dense || short || self.idle.idle_ps() != self.config.procs {
                busy_at = now;
            }
            delay = match (stuck, was_stuck) {
                (true, false) => FIRST_LOOK,
                (true, true) => (delay * 2).min(STUCK_LOOK),
                (false, _) if look.tight || dense => (delay * 2).min(STUCK_LOOK),
                (false, _) if exposed || look.lone => (delay * 2).min(EXPOSED_LOOK),
                (false, _) => (delay * 2).min(LAST_LOOK),
            };
            was_stuck = stuck;
            let quiet = now.duration_since(busy_at) >= QUIET;
            let soon = now + if look.rests { FIRST_LOOK } else { BUSY_LOOK };
            let next_timer = next_timer.map(|at| at.max(soon));
            let mut wake_at = [next_timer, next_chore, next_line].into_iter().flatten().min();
            if quiet {
                let next_look = watchman.look(self, now);
                wake_at = [wake_at, next_look].into_iter().flatten().min();
                self.monitor.fall_asleep();
            }
            let quiet = quiet && !self.monitor.is_short();
            if !quiet || self.idle.idle_ps() != self.config.procs {
                let look = now + delay;
                wake_at = Some(wake_at.map_or(look, |at| at.min(look)));
            }
            let wake_at = self.announce(wake_at, now);
            let woken = self.monitor.word.sleep(wake_at);
            if self.monitor.asleep.swap(false, Ordering::Relaxed) && woken {
                busy_at = util::real_now();
                delay = FIRST_LOOK;
            }
        }
        self.give_carriers_back();
        g::empty();
    }

    /// The first deadline, if no sleeper has promised to wake for it while some P is held.
    fn unpromised(&self) -> Option<u64> {
        let earliest = self.earliest();
        // In a lab no deadline gets late by itself, and a seed is not to be disturbed.
        let promised = self.is_seeded()
            || earliest >= self.idle.promised()
            || self.idle.idle_ps() == self.config.procs;
        (!promised).then_some(earliest)
    }

    /// Deadlines that no sleeper has promised to wake for, while some P is held. Tells when to look again, and
    /// whether one has passed: then it is work like any other, for whoever gets a P.
    /// `asked`: the one for which the holders were asked at the last look; `dense`: see `flow`.
    fn late_timers(&self, asked: &mut u64, dense: bool, now: Instant) -> (Option<Instant>, bool) {
        let Some(earliest) = self.unpromised() else {
            *asked = NEVER;
            return (None, false);
        };
        let lag = if dense { LAG } else { 0 };
        let late = earliest.saturating_add(lag) <= self.due_by(now);
        if !late {
            *asked = NEVER;
        } else if *asked != earliest {
            *asked = earliest;
            let holders = self.ps.iter().filter_map(|p| self.machines.get(p.holder()?));
            holders.for_each(|m| m.entry.ask(TIMERS));
            self.surplus();
        }
        if self.is_lab() {
            return (late.then_some(now), late);
        }
        // The next look comes soon anyway, and a deadline may be so late.
        if dense {
            return (None, late);
        }
        (Some(self.instant(earliest).map_or(now, |at| at + GRACE)), late)
    }

    /// Tells when the next look is. Earlier, if a deadline has come in meanwhile.
    fn announce(&self, wake_at: Option<Instant>, now: Instant) -> Option<Instant> {
        self.monitor.announce(wake_at.map_or(NEVER, |at| self.ns(at)));
        // The time of a lab is another clock's.
        let deadline = self.unpromised().filter(|_| !self.is_lab() && !self.flow.is_dense());
        let deadline = deadline.and_then(|at| self.instant(at));
        let deadline = deadline.map(|at| (at + GRACE).max(now + FIRST_LOOK));
        [wake_at, deadline].into_iter().flatten().min()
    }

    /// A deadline was put in, the first of the caller's P: if the caller goes on to run others, while a P is idle,
    /// the monitor sees to it.
    pub(super) fn see_to(&self, at: u64) {
        let has_others = || {
            let p = m::current().and_then(|m| m.own().p.get());
            p.is_some_and(|p| p.remote.peek_next() != 0 || !p.remote.is_empty())
        };
        if self.idle.idle_ps() == 0 || self.is_lab() || !has_others() {
            return;
        }
        let late = at.saturating_add(GRACE.as_nanos() as u64);
        if self.monitor.next_look() > late && at < self.idle.promised() {
            self.monitor.nudge();
        }
    }

    /// The caller has broken its promise, and runs what a deadline was for; the next one is at `next`, and a P is idle. If the
    /// caller does not come back in time, the monitor sees to that one, no later than a short look after it.
    pub(super) fn expose(&self, next: u64, now: u64) {
        let far = now.saturating_add(LAST_LOOK.as_nanos() as u64);
        if next >= far || self.idle.idle_ps() == 0 || self.is_lab() {
            return;
        }
        if !self.monitor.exposed.load(Ordering::Relaxed) {
            self.monitor.exposed.store(true, Ordering::Relaxed);
        }
        let late = next + EXPOSED_LOOK.as_nanos() as u64;
        if self.monitor.next_look() > late && next < self.idle.promised() {
            self.monitor.nudge();
        }
    }

    /// Sockets that no sleeper watches, while some P is held.
    fn late_sockets(&self) {
        if !self.is_deaf() {
            return;
        }
        match self.idle.idle_ps() {
            // Whoever gives its P up next looks.
            0 => {
                self.poll_now();
            }
            all if all == self.config.procs => {}
            _ => self.cover(),
        }
    }

    /// Idle Ps that have found no thread, or had none to give: there may be one by now. `true`: there is not.
    ///
    /// Who came meanwhile and found an idle P, or a spinner that never was, has left its work to this. That all Ps are idle
    /// says nothing here: nobody sleeps who could have promised anything.
    fn late_threads(&self) -> bool {
        if !self.monitor.short.swap(false, Ordering::Acquire) {
            return false;
        }
        if self.idle.idle_ps() != 0 && self.any_work(false) {
            self.surplus();
        }
        self.cover();
        self.monitor.is_short()
    }

    /// Has somebody look again at the warm work that a spinner left alone, after a while. `true`: there
    /// is some, and the while is not over.
    fn end_calm(&self, since: &mut Option<Instant>, now: Instant) -> bool {
        if !self.idle.is_calm() {
            *since = None;
            return false;
        }
        if now.duration_since(*since.get_or_insert(now)) < CALM {
            return true;
        }
        *since = None;
        self.idle.set_calm(false);
        if self.ps.iter().any(|p| !p.remote.is_empty()) {
            self.surplus();
        }
        false
    }

    /// Frees what has been idle for long; tells when there will be more.
    fn housekeep(&self, start: Instant, now: Instant) -> Option<Instant> {
        let seconds = (now - start).as_secs() as u32;
        // Idle since second s means: at least until s + 1 has begun.
        let oldest = match seconds.checked_sub(KEEP + 1) {
            Some(before) => self.free_idle_carriers(before),
            None => self.oldest_idle(),
        }?;
        let due = start + Duration::from_secs(u64::from(oldest + KEEP + 1));
        Some(due.max(now + FIRST_LOOK))
    }
}
