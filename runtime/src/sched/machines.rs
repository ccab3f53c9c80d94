//! Threads: starting them, waking them with a P, letting them go.
//!
//! Invariant: an M's id is its place in the list, and the list only grows; so an id that was
//! read once names the same M for ever.

use super::idle::Rejoin;
use super::lab::Rest;
use super::timers::NEVER;
use super::{Phase, Sched};
use crate::m::{self, CurrentM, M, SEEDED};
use crate::p::Held;
use crate::prim::Mutex;
use crate::prim::global::{AtomicBool, AtomicU32, Ordering};
use crate::sys::{self, Altstack};
use crate::trace::Event;
use crate::util;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A thread that nobody has needed for so long ends, if there are more asleep than processors.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a thread of ours asks the system for, where the usual is some milliseconds: one that wakes for a deadline or a socket waits less for those that
/// compute, its siblings among them. A change of threads costs some microseconds, so these turns cost a hundredth where threads compete.
pub(super) const TURN: Duration = Duration::from_micros(200);

/// The Ms of one scheduler.
pub(super) struct Machines {
    list: Mutex<Vec<Arc<M>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Ms in the list that have no thread.
    spare: Mutex<Vec<Arc<M>>>,
    alive: AtomicU32,
    warned: AtomicBool,
}

impl Machines {
    pub(super) fn new() -> Self {
        Self {
            list: Mutex::new(Vec::new()),
            threads: Mutex::new(Vec::new()),
            spare: Mutex::new(Vec::new()),
            alive: AtomicU32::new(0),
            warned: AtomicBool::new(false),
        }
    }

    pub(super) fn get(&self, id: u32) -> Option<Arc<M>> {
        self.list.lock().get(id as usize).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<M>> {
        self.list.lock().clone()
    }

    /// Shows each to `f`, under the lock, without a copy of the list.
    pub(super) fn each(&self, f: impl Fn(&M)) {
        self.list.lock().iter().for_each(|m| f(m));
    }

    pub(super) fn any(&self, f: impl Fn(&M) -> bool) -> bool {
        self.list.lock().iter().any(|m| f(m))
    }

    pub(super) fn alive(&self) -> u32 {
        self.alive.load(Ordering::Relaxed)
    }

    /// Whether nobody has warned yet that threads are short.
    pub(super) fn first_warning(&self) -> bool {
        !self.warned.swap(true, Ordering::Relaxed)
    }

    pub(super) fn take_threads(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut *self.threads.lock())
    }
}

impl Sched {
    /// P4 of the idle protocol: one more M that looks for work.
    #[cold]
    pub(super) fn wake_one(&self) {
        if let Some(claim) = self.idle.claim() {
            self.start(claim.p, claim.m, true);
        }
    }

    /// Lets `id`, or a new thread, run with P `index`. `false`: there is none, and the P is idle.
    pub(super) fn start(&self, index: u32, id: Option<u32>, spinning: bool) -> bool {
        self.tell_here(|| Event::Wake { p: index });
        let Some(id) = id else {
            let Err(error) = self.new_machine(Some((index, spinning))) else { return true };
            self.spill_queue(index);
            let again = self.idle.unclaim(index, spinning);
            self.warn_no_thread(&error);
            if again {
                self.surplus();
            } else {
                self.serve_waiting();
                self.monitor.try_again();
            }
            return false;
        };
        self.give(id, index, spinning);
        true
    }

    /// A P is put back for want of a thread: what is queued on it would wait there until others have nothing else to do.
    /// (With one P there are no others.)
    fn spill_queue(&self, index: u32) {
        let remote = &self.ps[index as usize].remote;
        // What runs next would be seen by nobody.
        if let Some(first) = remote.take_next() {
            self.global.push(first);
        }
        if self.config.procs != 1 {
            std::iter::from_fn(|| remote.steal()).for_each(|item| self.global.push(item));
        }
    }

    pub(super) fn give(&self, id: u32, index: u32, spinning: bool) {
        if let Some(m) = self.machines.get(id) {
            m.give(index, spinning);
            self.ring(&m);
        }
    }

    /// The processor waits until one of the threads there are can take it, or there is another one.
    #[cold]
    fn warn_no_thread(&self, error: &io::Error) {
        if self.machines.first_warning() {
            let (alive, procs) = (self.machines.alive(), self.config.procs);
            util::say(format_args!(
                "rt: cannot start another worker thread: {error}. The {alive} there are go on, for {procs} processors; \
                 raise the limit on threads (ulimit -u, or max_threads of the Builder)",
            ));
        }
    }

    /// Starts a thread that runs goroutines.
    ///
    /// # Errors
    /// When the system, or `max_threads`, allows no more.
    pub(super) fn new_machine(&self, with: Option<(u32, bool)>) -> io::Result<()> {
        let alive = self.machines.alive.fetch_add(1, Ordering::Relaxed);
        let started = self.try_new_machine(alive, with);
        if started.is_err() {
            self.machines.alive.fetch_sub(1, Ordering::Relaxed);
        }
        started
    }

    fn try_new_machine(&self, alive: u32, with: Option<(u32, bool)>) -> io::Result<()> {
        if alive >= self.config.max_threads {
            let max = self.config.max_threads;
            return Err(io::Error::other(format!("the limit of {max} threads is reached")));
        }
        let spare = self.machines.spare.lock().pop();
        let m = spare.unwrap_or_else(|| {
            let mut list = self.machines.list.lock();
            let m = Arc::new(M::new(list.len() as u32));
            // Under the lock: a trace that begins finds it in the list, or it finds the trace.
            if self.hub.is_traced() {
                m.entry.watch();
            }
            list.push(Arc::clone(&m));
            m
        });
        let sched = self.arc();
        let name = format!("rt-{}", m.id);
        if let Some((index, spinning)) = with {
            m.give(index, spinning);
        }
        let its = Arc::clone(&m);
        let thread = std::thread::Builder::new().name(name).spawn(move || machine(&sched, &its));
        let thread = thread.inspect_err(|_| {
            let _ = m.given();
            self.machines.spare.lock().push(Arc::clone(&m));
        })?;
        let mut threads = self.machines.threads.lock();
        threads.retain(|t| !t.is_finished());
        threads.push(thread);
        Ok(())
    }

    /// Another count of the `Arc` that holds this.
    pub(super) fn arc(&self) -> Arc<Self> {
        let this: *const Self = self;
        // SAFETY: a scheduler exists in an `Arc` alone, and `self` is borrowed from it.
        unsafe { Arc::increment_strong_count(this) };
        // SAFETY: the count was just taken.
        unsafe { Arc::from_raw(this) }
    }

    /// Whether a P finds a thread: one that sleeps, one of somebody in line, or a new one.
    pub(super) fn has_machine(&self) -> bool {
        self.idle.has_m()
            || !self.waiting.is_empty()
            || self.machines.alive() < self.config.max_threads
    }

    /// Becomes the holder of P `index`.
    pub(super) fn hold(&self, m: CurrentM, index: u32, spinning: bool) {
        // SAFETY: the index came out of the idle list, or was given to us; the Ps live as
        // long as the scheduler, and that as long as this M.
        let held = unsafe { self.ps[index as usize].hold(m.id) };
        m.own().p.set(Some(held));
        m.entry.gain();
        m.own().spinning.set(spinning);
        m.own().timed.set(false);
        if self.monitor.wake_if_asleep() {
            self.tick(util::real_now());
        }
        self.tell_hold(m, held);
    }

    /// Sleeps, as one of the idle Ms, until it is given a P, or a deadline comes that it has promised to
    /// wake for, or the scheduler stops.
    pub(super) fn sleep(&self, m: CurrentM) {
        self.tell_outside(|| Event::Sleep);
        // One that nobody has needed for a while ends; but not what carriers are bound to.
        let mut patience = (self.config.migrate && !self.is_lab()).then(|| util::now() + PATIENCE);
        let mut dry = None;
        // Every P was held when its time came: their holders see to the deadlines.
        let mut relieved = false;
        loop {
            if let Some((index, spinning)) = m.given() {
                self.hold(m, index, spinning);
                return;
            }
            if self.is_stopped() {
                return;
            }
            // Who is relieved takes its promise back, unless a P has been put down meanwhile: who did that
            // may have relied on it.
            let kept = self.idle.keep(m.id, || {
                let relieved = relieved && self.idle.idle_ps() == 0;
                let earliest = if relieved { NEVER } else { self.earliest() };
                (earliest, self.net().is_some())
            });
            let (until, polls) = kept.unwrap_or((NEVER, false));
            let (until, end) = if self.is_lab() {
                match self.rest(&mut dry) {
                    Rest::No => (Some(self.start), Some(self.start)),
                    Rest::Until(end) => (None, end),
                }
            } else {
                let until = self.instant(until).map(|at| self.ahead_of(at));
                (until, [until, patience].into_iter().flatten().min())
            };
            let woken = if polls {
                self.sleep_in_poll(m, end);
                false
            } else {
                m.word.sleep(end)
            };
            if woken {
                continue;
            }
            if !m.own().woken.borrow().is_empty() {
                if self.wake_polled(m) {
                    return;
                }
            } else if let Some(asked) = until
                && let now = util::now()
                && now >= asked
            {
                self.lateness.note(asked, now);
                match self.idle.rejoin(m.id, false) {
                    Rejoin::With(index) => {
                        self.hold(m, index, false);
                        m.own().timed.set(true);
                        return;
                    }
                    Rejoin::Given => {}
                    Rejoin::NoP => relieved = true,
                }
            } else if patience.take_if(|at| util::now() >= *at).is_some() && self.idle.leave(m.id) {
                self.machines.alive.fetch_sub(1, Ordering::Relaxed);
                m.own().retire.set(true);
                // It may have been the one that promised to wake.
                self.cover();
                return;
            }
        }
    }

    /// It slept in the poller and has found somebody: takes a P for them. `false`: there is none, and others
    /// will run them.
    fn wake_polled(&self, m: CurrentM) -> bool {
        let has_p = match self.idle.rejoin(m.id, false) {
            Rejoin::With(index) => {
                self.hold(m, index, false);
                true
            }
            Rejoin::Given => loop {
                if let Some((index, spinning)) = m.given() {
                    self.hold(m, index, spinning);
                    break true;
                }
                m.word.sleep(None);
            },
            Rejoin::NoP => false,
        };
        self.wake_found(m);
        has_p
    }

    /// Its P, if it has one, goes to the idle ones.
    pub(super) fn drop_p(&self, m: CurrentM) {
        if let Some(p) = m.own().p.take() {
            self.tell_release(m, p);
            self.spill_carriers(p);
            let _ = self.idle.unclaim(p.release(), m.own().spinning.replace(false));
        }
    }

    /// A goroutine ended pinned to this thread: another one takes its place.
    pub(super) fn end_pinned_machine(&self, m: CurrentM) {
        if m.own().spinning.replace(false) {
            let _ = self.idle.stop_spinning();
        }
        // It makes room for its successor.
        self.machines.alive.fetch_sub(1, Ordering::Relaxed);
        self.hand_off(m, None);
    }

    /// Wakes every M, to let it see that the scheduler stopped.
    pub(super) fn wake_all(&self) {
        debug_assert!(self.phase() == Phase::Stopped);
        for m in self.machines.all() {
            let _ = m.word.notify();
            self.ring(&m);
        }
        self.monitor.nudge();
    }

    /// Carriers that nobody caches at the P any more.
    pub(super) fn spill_carriers(&self, p: Held) {
        let mut cache = p.own().carriers.borrow_mut();
        self.pool_all(&mut cache, 0);
    }
}

/// What an M's thread runs.
fn machine(sched: &Arc<Sched>, m: &Arc<M>) {
    let altstack = Altstack::install();
    sys::wake_on_time();
    sys::take_short_turns(TURN);
    m.tid.store(sys::thread_id(), Ordering::Relaxed);
    m::set_current(Some(m));
    if let Some(lab) = &sched.lab {
        util::follow(Arc::clone(&lab.clock));
        if lab.seeded.is_some() {
            m.entry.ask(SEEDED);
        }
    }
    let mut retired = false;
    if let Some(m) = m::current() {
        m.own().home.set(sched.home());
        sched.sleep(m);
        sched.run_machine(m);
        retired = m.own().retire.replace(false);
        if !retired {
            sched.machines.alive.fetch_sub(1, Ordering::Relaxed);
        }
    }
    m::set_current(None);
    if sched.is_stopped() {
        // It has put its P down, and with it the carriers that the P kept.
        sched.give_carriers_back();
    }
    drop(altstack);
    // The system may give the number to a thread that is not ours.
    m.tid.store(0, Ordering::Relaxed);
    if retired {
        // Nothing is bound to it, and it is not among the idle. From here on another thread may be it.
        sched.machines.spare.lock().push(Arc::clone(m));
    }
}
