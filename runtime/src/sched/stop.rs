//! Shutting down.
//!
//! Stopping means: nothing new starts, what has not started is dropped, and every goroutine is
//! unwound from its park point, over and over, until it has ended. When none is left, the
//! threads leave.
//!
//! A goroutine that looked at the phase before it changed may still park. The stop wakes every
//! carrier *after* it changed the phase, and the park word keeps that wake-up. A carrier that
//! was being built and not yet visible then is seen by the next round: an M that goes idle passes
//! a fence, and then either sees the phase and starts another round, or is seen by this one.
//!
//! **Threads are joined until the deadline.** A thread ends after the destructors of its thread-locals: code of the user's that may take
//! any time, or wait for who waits here. So a join without an end would not keep the time that was asked for. Who is left holds a
//! count of the scheduler for as long as it uses it, and needs nobody to end: the scheduler goes with the last count.
//!
//! **Idle carriers go with the threads**, with their stacks, and not with the scheduler's last count, which a handle may keep for
//! ever. A thread that sees at its end that the scheduler has stopped takes apart all that lies in the pool; the
//! monitor's always sees it. Nothing stays behind: Ms and the monitor alone put carriers there, an M at its end has put
//! down its P with all that the P kept, and each has put its last there before it looks whether the scheduler has
//! stopped. Of that and the monitor's taking out, one has the pool's lock first. If it was the putting, the monitor has
//! found what was put. If it was the taking out, who put something had the lock after one who had seen the stop: so it sees the
//! stop as well, and takes out what is there. (A P for which no thread was to be had may keep some. They go with the scheduler.)
//!
//! **Rounds have a pause.** An M that goes idle nudges who waits for the stop, for another round. But a goroutine that waits
//! for its children, or in a destructor, is not to be unwound there: it looks, parks again, and its M goes idle again. So a
//! round after which nobody has ended is followed by the next one only after a pause, which grows. That delays a round
//! and loses none: a nudge brings one when the pause is over. The end waits for no round: the M that goes idle, or blocks,
//! sees by itself that nobody is left.

use super::{Phase, Sched, end_unstarted};
use crate::carrier::{self, Slot};
use crate::g::{GRef, Outcome};
use crate::m;
use crate::prim::Mutex;
use crate::prim::atomic::{self, fence};
use crate::prim::global::{AtomicU32, Ordering};
use crate::{sys, util};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rounds of wake-ups that Ms start by themselves, if nobody waits for the stop.
const OWN_ROUNDS: u32 = 4;

/// Between two rounds with nobody that has ended, at first; doubled each time.
const PAUSE: Duration = Duration::from_millis(1);
/// The longest pause. A second without any M going idle is a goroutine that burns: there is another round then, too.
const LONG: Duration = Duration::from_secs(1);

/// Who waits for the stop.
pub(super) struct Stop {
    waiting: Mutex<Vec<&'static Slot>>,
    /// Goroutines that were to begin while it stops: never counted, never queued.
    too_late: Mutex<Vec<GRef>>,
    own_rounds: AtomicU32,
}

/// The goroutines that did not end in time: their ids.
#[derive(Clone, Debug)]
pub(crate) struct Unfinished(pub(crate) Vec<u64>);

impl Stop {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::new(Vec::new()),
            too_late: Mutex::new(Vec::new()),
            own_rounds: AtomicU32::new(0),
        }
    }

    /// `g` is ended when the threads have ended.
    pub(super) fn too_late(&self, g: GRef) {
        self.too_late.lock().push(g);
    }

    /// An M went idle, or blocks: perhaps the last goroutine has ended.
    pub(super) fn nudge_if_idle(&self, sched: &Sched) {
        if sched.is_running() || sched.is_stopped() {
            return;
        }
        if sched.nobody_is_left() {
            sched.stopped();
        } else if sched.idle.idle_ps() == sched.config.procs {
            let waiting = self.waiting.lock().clone();
            if waiting.is_empty() && self.own_rounds.fetch_add(1, Ordering::Relaxed) < OWN_ROUNDS {
                sched.wake_goroutines();
            }
            waiting.into_iter().for_each(super::wake);
        }
    }
}

impl Sched {
    /// Begins to stop. Does not wait.
    pub(crate) fn begin_stop(&self) {
        // SeqCst, as `inject_spawn`'s count and look.
        let _ = self.phase.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
        fence(atomic::Ordering::SeqCst);
        self.end_delayed();
        self.wake_goroutines();
        if self.idle.idle_ps() == self.config.procs && self.nobody_is_left() {
            self.stopped();
        }
    }

    /// Waits until every goroutine has ended and every thread is gone. Returns how many threads are not, when the time is up:
    /// they have left the scheduler, or are about to, and destructors of thread-locals take their time.
    ///
    /// `park` waits on the slot it is given, until the instant at the latest.
    pub(crate) fn wait_stopped(
        self: &Arc<Self>,
        deadline: Option<Instant>,
        slot: &'static Slot,
        mut park: impl FnMut(Option<Instant>),
    ) -> Result<usize, Unfinished> {
        self.stop.waiting.lock().push(slot);
        let mut before = u64::MAX;
        let (mut pause, mut paused) = (PAUSE, util::now());
        let result = loop {
            if self.nobody_is_left() {
                self.stopped();
                break Ok(());
            }
            let now = util::now();
            if deadline.is_some_and(|at| now >= at) {
                break Err(self.unfinished());
            }
            // Before the round: who ends because of it counts as ended after it.
            let left = self.live();
            if left < before {
                (pause, paused) = (PAUSE, now);
            }
            let until = if now < paused {
                paused
            } else {
                before = left;
                self.wake_goroutines();
                paused = util::now() + pause;
                pause = (pause * 2).min(LONG);
                now + LONG
            };
            park(Some(deadline.map_or(until, |at| at.min(until))));
        };
        self.stop.waiting.lock().retain(|other| !std::ptr::eq(*other, slot));
        result?;
        let threads = self.join_threads(deadline);
        self.end_too_late();
        Ok(threads)
    }

    fn stopped(&self) {
        self.phase.store(Phase::Stopped as u32, Ordering::SeqCst);
        self.wake_all();
        let waiting = self.stop.waiting.lock().clone();
        waiting.into_iter().for_each(super::wake);
    }

    fn wake_goroutines(&self) {
        let home = self.this();
        carrier::for_each(|slot| {
            if slot.home() == home {
                super::wake(slot);
            }
        });
    }

    fn unfinished(&self) -> Unfinished {
        let mut ids = Vec::new();
        let home = self.this();
        carrier::for_each(|slot| {
            if slot.home() == home && !slot.job().is_null() {
                ids.push(slot.id.load(Ordering::Relaxed));
            }
        });
        ids.sort_unstable();
        Unfinished(ids)
    }

    /// Waits for the threads, until `deadline` at most. How many have not ended by then, and end by themselves.
    fn join_threads(&self, deadline: Option<Instant>) -> usize {
        let me = std::thread::current().id();
        let mut left = 0;
        loop {
            // One of them may just be starting another.
            let mut threads = self.machines.take_threads();
            threads.extend(self.monitor.take_thread());
            if threads.is_empty() {
                return left;
            }
            for thread in threads.into_iter().filter(|t| t.thread().id() != me) {
                let time = || deadline.map(|at| at.saturating_duration_since(util::now()));
                left += usize::from(!sys::join_while(thread, time));
            }
        }
    }

    /// Ends the goroutines that were to begin while it stopped. Their closures are dropped here.
    pub(super) fn end_too_late(&self) {
        let too_late = std::mem::take(&mut *self.stop.too_late.lock());
        too_late.into_iter().for_each(|g| end_unstarted(g, Outcome::Cancelled));
    }

    /// Starts what a runtime needs before its first goroutine.
    ///
    /// # Errors
    /// When the system gives not even one thread.
    pub(crate) fn start_threads(self: &Arc<Self>) -> std::io::Result<()> {
        self.start_monitor()?;
        if let Err(error) = self.first_machine() {
            self.phase.store(Phase::Stopped as u32, Ordering::SeqCst);
            self.monitor.nudge();
            self.join_threads(None);
            return Err(error);
        }
        Ok(())
    }

    fn first_machine(&self) -> std::io::Result<()> {
        let Some(index) = self.idle.take_p() else { return Ok(()) };
        self.new_machine(Some((index, false)))
    }

    /// Whether the caller is one of this scheduler's own threads.
    pub(super) fn is_current_m(&self) -> bool {
        m::current().is_some_and(|m| m.own().home.get() == self.this())
    }

    /// Whether the caller is one of this scheduler's own goroutines.
    pub(crate) fn is_current(&self) -> bool {
        m::current().is_some_and(|m| m.slot.get().is_some() && m.own().home.get() == self.this())
    }
}
