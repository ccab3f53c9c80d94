//! The scheduler of one runtime.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | g0's loop: take a runnable, switch to it, do what it asks for |
//! | `body` | the carrier's loop: run one goroutine after another |
//! | `find` | where the next runnable comes from; stealing |
//! | `idle` | who sleeps and who is woken, with the proof |
//! | `offers` | second halves of joins, for who has nothing to do |
//! | `ready` | how something becomes runnable, from inside and from outside |
//! | `home` | without migration: how who was woken elsewhere gets back to its thread |
//! | `switch` | leaving the stack: yield, park, and the same for pinned goroutines |
//! | `lab` | a runtime whose time and choices are a test's |
//! | `why` | what a goroutine waits for, for those who look from outside |
//! | `carriers` | where a fresh goroutine gets its carrier |
//! | `machines` | starting, waking and ending threads |
//! | `due` | what a deadline is for: a wake-up, or a goroutine that begins later |
//! | `timers` | deadlines, and who wakes for them |
//! | `vigil`, `flow` | how early they wake, and what many deadlines have in common |
//! | `poll` | the network, and who asks for it |
//! | `monitor` | the thread without a P: late timers, housekeeping |
//! | `watch` | what it sees of the Ps: stale work, long slices, goroutines that block or burn |
//! | `spans` | `tracing`'s spans, which follow their goroutine |
//! | `stats` | the runtime in numbers |
//! | `look`, `unstarted` | looking at the goroutines from outside, for dumps |
//! | `asleep` | whether all goroutines are asleep for ever |
//! | `stop` | shutting down |
//! | `tell` | what happens, for those who look |
//!
//! Invariants:
//! 1. A G or a carrier is in one place at a time: running, parked (reachable through its
//!    word alone), or in exactly one queue.
//! 2. A carrier is put into a queue only by g0 after the switch (yield), or by who found
//!    PARKED in its word.
//! 3. No lock of the scheduler is held over a switch or over user code.
//! 4. `Sched` lives as long as one of its Ms, handles, or unfinished goroutines: Ms and
//!    handles count in its `Arc`; who readies a goroutine from outside holds a count
//!    from before the goroutine is queued until it is done with the scheduler.

mod asleep;
mod body;
mod carriers;
mod depth;
mod due;
mod find;
mod flow;
mod home;
mod idle;
mod lab;
mod look;
#[cfg(all(test, loom))]
mod loom_tests;
mod machines;
mod monitor;
mod offers;
mod poll;
mod ready;
mod run;
#[cfg(feature = "tracing")]
mod spans;
mod stats;
mod stop;
mod switch;
mod tell;
mod timers;
mod unstarted;
mod vigil;
mod waiting;
mod watch;
mod why;

pub(crate) use asleep::Asleep;
pub(crate) use body::end_unstarted;
pub(crate) use lab::{Hold, Plan, Schedule, Trouble, Waiter, point};
pub(crate) use look::{Doing, Seen, ThreadSeen, threads_that_wait};
pub(crate) use offers::{offer, withdraw};
pub(crate) use ready::{inject_spawn, respawn_here, spawn_here, wake};
pub(crate) use stop::Unfinished;
pub(crate) use switch::{
    Here, checkpoint, exit_process, give_way_to_next, here, may_spin, park, park_thread, pin,
    stays, step_in, step_out, unpin, yield_now,
};
pub(crate) use timers::Key;
pub(crate) use why::{What, Why, note, note_deadline};

use crate::carrier::Slot;
use crate::g::{G, GRef, Runnable};
use crate::p::P;
use crate::poller::Poller;
use crate::prim::Mutex;
use crate::prim::global::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::queue::Global;
use crate::stack::Class;
use crate::trace::{self, Hub};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What a runtime was built with.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) procs: u32,
    pub(crate) class: Class,
    pub(crate) max_threads: u32,
    pub(crate) abort_on_panic: bool,
    /// Thieves may take carriers, not only goroutines that have not started.
    pub(crate) migrate: bool,
    /// How often a line about the scheduler is printed.
    pub(crate) schedtrace: Option<Duration>,
    /// That all goroutines are asleep for ever is to be found out.
    pub(crate) find_deadlocks: bool,
    /// Time and choices are a test's.
    pub(crate) lab: Option<Plan>,
    pub(crate) hooks: Hooks,
}

/// What the floors above do for the scheduler, in user code's place: outside of the runtime, on
/// the goroutine's own stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hooks {
    /// A goroutine is ended by a panic that nobody caught.
    pub(crate) uncaught: fn(&G, &(dyn Any + Send)),
    /// Drops a goroutine's locals, which are not null. May panic.
    pub(crate) drop_locals: fn(*mut ()),
    /// Whether nobody can wake any goroutine, of a runtime that does not move: see `asleep`. On the monitor's thread, as
    /// the following two.
    pub(crate) nobody_wakes: fn(&Sched) -> Asleep,
    /// Whether a signal may come for somebody. Not under a lock of the scheduler.
    pub(crate) awaits_signals: fn() -> bool,
    /// All goroutines are asleep for ever.
    pub(crate) deadlocked: fn(&Arc<Sched>),
    /// The monitor was asked to report ([`Sched::ask_monitor`]).
    pub(crate) asked: fn(&Arc<Sched>),
    /// Drops what a goroutine knew of panics, which is not null. May panic.
    pub(crate) drop_panics: fn(*mut ()),
}

/// Runs its course once: `Running`, `Stopping`, `Stopped`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Phase {
    Running = 0,
    /// Goroutines unwind from their park points; nothing new starts.
    Stopping = 1,
    /// Every goroutine has ended: the threads leave.
    Stopped = 2,
}

/// See the [module](self).
pub(crate) struct Sched {
    pub(crate) config: Config,
    ps: Box<[P]>,
    global: Global<Runnable>,
    /// Who waits for a P on a thread of its own.
    waiting: waiting::Waiting,
    /// Who waits for a certain M.
    lines: home::Lines,
    lab: Option<Box<lab::Lab>>,
    idle: idle::Idle,
    phase: AtomicU32,
    /// The monitor's clock, for who begins to wait: see `monitor`.
    ticks: AtomicU32,
    /// Goroutines that were spawned or ended without a P.
    spawned_outside: AtomicU64,
    finished_outside: AtomicU64,
    /// Those that look into the queues from outside.
    looking: AtomicU64,
    machines: machines::Machines,
    /// Idle carriers that no P caches, by class.
    pool: Box<[Mutex<Vec<&'static Slot>>]>,
    /// Carriers that exist, by class.
    carriers: Box<[carriers::Count]>,
    /// Fresh goroutines that found no stack and wait for a carrier.
    starved: Mutex<VecDeque<GRef>>,
    starving: AtomicUsize,
    /// By P.
    timers: Box<[timers::Timers]>,
    lateness: vigil::Lateness,
    vigil: vigil::Vigil,
    flow: flow::Flow,
    /// Made when the first socket is waited for.
    poller: OnceLock<Arc<Poller>>,
    /// What timers count from.
    start: Instant,
    monitor: monitor::Monitor,
    stop: stop::Stop,
    hub: Arc<Hub>,
    /// Plain threads that wait for goroutines.
    waiting_threads: Mutex<Vec<u32>>,
}

/// Its own sections run no user code, so no panic leaves it half changed; `Runtime` and `Handle`
/// may be used in and after a `catch_unwind`.
impl std::panic::UnwindSafe for Sched {}
impl std::panic::RefUnwindSafe for Sched {}

impl std::fmt::Debug for Sched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sched").field("config", &self.config).field("live", &self.live()).finish()
    }
}

impl Sched {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let start = crate::util::real_now();
        let sched = Arc::new(Self {
            ps: (0..config.procs).map(|i| P::new(i, config.procs == 1)).collect(),
            global: Global::new(),
            waiting: waiting::Waiting::new(),
            lines: home::Lines::new(),
            lab: config.lab.as_ref().map(|plan| Box::new(lab::Lab::new(plan, start))),
            idle: idle::Idle::new(config.procs),
            phase: AtomicU32::new(Phase::Running as u32),
            ticks: AtomicU32::new(0),
            spawned_outside: AtomicU64::new(0),
            finished_outside: AtomicU64::new(0),
            looking: AtomicU64::new(0),
            machines: machines::Machines::new(),
            pool: (0..Class::COUNT).map(|_| Mutex::new(Vec::new())).collect(),
            carriers: (0..Class::COUNT).map(|_| carriers::Count::new()).collect(),
            starved: Mutex::new(VecDeque::new()),
            starving: AtomicUsize::new(0),
            timers: (0..config.procs).map(|_| timers::Timers::new()).collect(),
            lateness: vigil::Lateness::default(),
            vigil: vigil::Vigil::default(),
            flow: flow::Flow::new(),
            poller: OnceLock::new(),
            start,
            monitor: monitor::Monitor::new(),
            stop: stop::Stop::new(),
            hub: trace::hub(config.procs),
            waiting_threads: Mutex::new(Vec::new()),
            config,
        });
        let it: Arc<dyn trace::Watched> = Arc::clone(&sched) as _;
        trace::register(&sched.hub, Arc::downgrade(&it));
        sched
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Stopping,
            _ => Phase::Stopped,
        }
    }

    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == Phase::Running as u32
    }

    /// No goroutine lives, and nobody looks for those that have not started (`unstarted`).
    fn nobody_is_left(&self) -> bool {
        self.live() == 0 && self.looking.load(Ordering::SeqCst) == 0
    }

    /// The goroutines that have been spawned and have not ended, at some instant of the call
    /// when it is zero, and about that many otherwise.
    pub(crate) fn live(&self) -> u64 {
        let (spawned, finished) = self.counts();
        spawned.saturating_sub(finished)
    }

    /// How many goroutines have been spawned, and how many have ended. Neither ever falls.
    ///
    /// The ends are read before the spawns: each end comes after its spawn, so the difference is never
    /// too low, and zero means that there was an instant with none alive.
    fn counts(&self) -> (u64, u64) {
        let mut finished = self.finished_outside.load(Ordering::Acquire);
        for p in &self.ps {
            finished += p.finished();
        }
        crate::prim::atomic::fence(Ordering::SeqCst);
        let mut spawned = self.spawned_outside.load(Ordering::Acquire);
        for p in &self.ps {
            spawned += p.spawned();
        }
        (spawned, finished)
    }

    /// The scheduler of the M whose `home` this is.
    ///
    /// # Safety
    /// `home` came from `Arc::as_ptr` of a scheduler that the caller knows to be alive.
    #[inline]
    pub(crate) unsafe fn from_home<'a>(home: *const ()) -> &'a Self {
        // SAFETY: alive, as the caller says.
        unsafe { &*home.cast::<Self>() }
    }

    pub(crate) fn home(self: &Arc<Self>) -> *const () {
        Arc::as_ptr(self).cast()
    }

    fn this(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }
}

/// Batches of goroutine ids, process-wide: an id names one goroutine for ever.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Ids a P takes at a time, as in Go.
const ID_BATCH: u64 = 16;

fn id_batch() -> (u64, u64) {
    let from = NEXT_ID.fetch_add(ID_BATCH, Ordering::Relaxed);
    (from, from + ID_BATCH)
}

/// What the panic hook asks about the current goroutine. See `panic`.
pub(crate) fn current_g() -> Option<GRef> {
    let m = crate::m::current()?;
    let slot = m.slot.get()?;
    let job = std::ptr::NonNull::new(slot.job())?;
    Some(GRef::from_ptr(job.cast()))
}

/// The scheduler whose goroutine the caller is.
pub(crate) fn current_sched() -> Option<Arc<Sched>> {
    let m = crate::m::current()?;
    let home = m.own().home.get().cast::<Sched>();
    // SAFETY: an M's scheduler lives at least as long as the M (invariant 4).
    unsafe { Arc::increment_strong_count(home) };
    // SAFETY: the count was just taken.
    Some(unsafe { Arc::from_raw(home) })
}

/// [`Sched::home`] of the scheduler whose goroutine the caller is.
pub(crate) fn current_home() -> Option<*const ()> {
    Some(crate::m::current()?.own().home.get())
}

/// The slot of the goroutine that calls.
#[inline]
pub(crate) fn current_slot() -> Option<&'static Slot> {
    crate::m::current()?.slot.get()
}

/// Whether who calls is a destructor of a closure whose goroutine ends for want of a stack.
#[inline]
pub(crate) fn lacks_stack() -> bool {
    crate::m::current().is_some_and(|m| m.own().starves.get())
}

/// A number below `n`, from the thread's own dice.
pub(crate) fn dice(n: usize) -> usize {
    match crate::m::current() {
        Some(m) => lab::throw(m, n).unwrap_or_else(|| m.own().rng.below(n)),
        None => crate::util::below(n),
    }
}

/// The index of the P that the caller runs on. A hint: it may be another one after the next switch.
#[inline]
pub(crate) fn current_p() -> Option<u32> {
    Some(crate::m::current()?.own().p.get()?.index)
}

/// The stack class of goroutines that the caller spawns; `None` outside of a runtime, or where
/// the caller has entered another one.
#[inline]
pub(crate) fn current_class() -> Option<Class> {
    let m = crate::m::current()?;
    if m.slot.get()?.entered.get() {
        return None;
    }
    // SAFETY: an M's scheduler outlives it.
    Some(unsafe { Sched::from_home(m.own().home.get()) }.config.class)
}
