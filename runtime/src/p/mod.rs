//! P, the processor: the right to run goroutines, with what is needed for it.
//!
//! There are `procs` of them. An M holds one to run goroutines; the others lie in the idle list.
//!
//! Invariants:
//! 1. At most one thread holds a P at a time; [`Held`] is the evidence. It passes through the
//!    idle list's lock, or through the word of the M that it is given to.
//! 2. Only the holder touches [`Own`], and only the holder puts into the queue.
//! 3. The owner word says who holds it: see [`Owner`]. A holder in user code may lose its P; it
//!    finds out when it enters the runtime, before it touches anything of it (`m::entry`).
//! 4. Counters are written by the holder alone, with plain loads and stores; anybody may read
//!    them, and sees a value that was true a moment ago.

mod calls;
mod owner;

pub(crate) use calls::{Calls, Credit, LONG_RUN};
pub(crate) use owner::{Owner, Seen};

use crate::carrier::Slot;
use crate::g::{Half, Offer, Runnable};
use crate::prim::global::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::queue::{Bottom, Local, Remote, Stack};
use crate::trace::Counters;
use crossbeam_utils::CachePadded;
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::ptr::NonNull;

/// How many times in a row `next` may run before others get a turn.
///
/// A pair that wakes each other, or a tree that is walked depth first, keeps its place that long;
/// 256 switches are some ten microseconds.
pub(crate) const NEXT_CAP: u32 = 256;

/// The same while a crowd waits in the queue that was woken, as who goes on was: they share what those two are at, mostly.
const CROWDED_CAP: u32 = 32;
const _: () = assert!(NEXT_CAP.is_multiple_of(CROWDED_CAP));
/// So many are a crowd.
const CROWD: usize = 3;

/// Every this many slices the global queue is looked at first, as in Go: a prime, so that it
/// does not beat with the program's own periods.
pub(crate) const GLOBAL_EVERY: u32 = 61;

/// Nodes for offers that a P keeps at most: joins nest about as deep, or are rare.
const SPARE: usize = 64;

/// What anybody may see.
pub(crate) struct P {
    pub(crate) index: u32,
    pub(crate) owner: CachePadded<Owner>,
    pub(crate) remote: Remote<Runnable>,
    /// Second halves of joins, for who has nothing else to do.
    pub(crate) offered: Bottom<Offer>,
    /// Slices begun. Runs that inherit a slice do not count.
    tick: AtomicU32,
    /// Runs begun.
    runs: AtomicU64,
    /// What was queued last has been on a stack before: see `sched::find`.
    warm: AtomicBool,
    pub(crate) calls: Calls,
    /// For who is woken here, and had a turn before.
    pub(crate) credit: Credit,
    spawned: AtomicU64,
    finished: AtomicU64,
    pub(crate) counters: Counters,
    /// Its holder is to give the older half of its idle carriers away: see `housekeep`.
    sweep: AtomicBool,
    own: CachePadded<Own>,
}

/// What only the holder may touch.
pub(crate) struct Own {
    pub(crate) queue: Local<Runnable>,
    pub(crate) offers: Stack<Offer>,
    /// Nodes for new offers.
    spare: RefCell<Vec<Offer>>,
    /// When it last had a look at its offers before its queue, by the monitor's clock.
    offers_at: Cell<u32>,
    /// Idle carriers of the default stack class, hottest last.
    pub(crate) carriers: RefCell<Vec<&'static Slot>>,
    /// How many there were when one was last taken.
    pub(crate) carriers_left: Cell<usize>,
    /// Runs in a row that came from `next`.
    pub(crate) streak: Cell<u32>,
    /// More timers are due, as of the last look; they and the queue take turns: see `sched::due`.
    pub(crate) due: Cell<u8>,
    until_global: Cell<u32>,
    /// The slice that was last given to others than the queue, and how often somebody had yielded by then.
    others_at: Cell<(u32, u64)>,
    /// The time when the clock was last read for deadlines.
    pub(crate) seen: Cell<u64>,
    /// The ids not yet given to goroutines: from, to.
    ids: Cell<(u64, u64)>,
}

// SAFETY: invariant 2: `own` is touched through `Held` alone; the rest is atomic.
unsafe impl Sync for P {}
// SAFETY: a P is built on one thread and used on others; nothing in it is bound to a thread.
unsafe impl Send for P {}

impl std::fmt::Debug for P {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("P").field("index", &self.index).field("queued", &self.remote.len()).finish()
    }
}

impl P {
    pub(crate) fn new(index: u32, solo: bool) -> Self {
        let (queue, remote) = Local::new(solo);
        let (offers, offered) = Stack::new(solo);
        Self {
            index,
            owner: CachePadded::new(Owner::new()),
            remote,
            offered,
            tick: AtomicU32::new(0),
            runs: AtomicU64::new(0),
            warm: AtomicBool::new(false),
            calls: Calls::new(),
            credit: Credit::none(),
            spawned: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            counters: Counters::new(),
            sweep: AtomicBool::new(false),
            own: CachePadded::new(Own {
                queue,
                offers,
                spare: RefCell::new(Vec::new()),
                offers_at: Cell::new(0),
                carriers: RefCell::new(Vec::new()),
                carriers_left: Cell::new(0),
                streak: Cell::new(0),
                due: Cell::new(0),
                until_global: Cell::new(GLOBAL_EVERY),
                others_at: Cell::new((0, 0)),
                seen: Cell::new(0),
                ids: Cell::new((0, 0)),
            }),
        }
    }

    pub(crate) fn tick(&self) -> u32 {
        self.tick.load(Ordering::Relaxed)
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.warm.load(Ordering::Relaxed)
    }

    /// Whether `next` runs at once, which would be the `streak`th time, or has had its turn.
    #[inline(always)]
    pub(crate) fn goes_on(&self, next: Runnable, streak: u32) -> bool {
        let is_one_of_a_crowd = || {
            let woken = self.is_warm() && matches!(next, Runnable::Started(_));
            woken && self.remote.len() >= CROWD
        };
        !streak.is_multiple_of(CROWDED_CAP) || streak < NEXT_CAP && !is_one_of_a_crowd()
    }

    /// What was queued last waited for no partner on this P.
    pub(crate) fn set_cold(&self) {
        self.warm.store(false, Ordering::Relaxed);
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Runs begun that were runs: `runs` counts the looks for one.
    pub(crate) fn true_runs(&self) -> u64 {
        let counters = &self.counters;
        (self.runs() + counters.found.get()).saturating_sub(counters.misses.get())
    }

    /// Goroutines spawned by this P. Acquire: see `Sched::live`.
    pub(crate) fn spawned(&self) -> u64 {
        self.spawned.load(Ordering::Acquire)
    }

    /// Goroutines ended on this P.
    pub(crate) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    /// What is queued, at the scheduler's end, when nobody holds a P any more.
    pub(crate) fn drain(&self) -> Option<Runnable> {
        debug_assert!(self.holder().is_none());
        self.remote.take_next().or_else(|| self.own.queue.pop(&self.remote))
    }

    /// Asks the holder to sweep, or takes note that it was asked.
    pub(crate) fn set_sweep(&self, sweep: bool) -> bool {
        self.sweep.swap(sweep, Ordering::Relaxed)
    }

    /// The idle carriers, at the scheduler's end.
    pub(crate) fn take_carriers(&mut self) -> Vec<&'static Slot> {
        self.own.carriers.take()
    }

    /// The idle carriers of a P that was taken from its holder, and goes to the idle ones.
    ///
    /// # Safety
    /// The caller took it, and has given it to nobody yet.
    pub(crate) unsafe fn carriers_of_taken(&self) -> Vec<&'static Slot> {
        debug_assert!(self.holder().is_none());
        self.own.carriers.take()
    }

    /// The id of the M that holds it.
    pub(crate) fn holder(&self) -> Option<u32> {
        self.owner.look().holder()
    }

    /// Becomes the holder.
    ///
    /// # Safety
    /// The caller took the P from the idle list, or it was given to it; `self` outlives the
    /// evidence.
    pub(crate) unsafe fn hold(&self, m: u32) -> Held {
        self.owner.hold(m);
        Held { p: NonNull::from(self) }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        while let Some(offer) = self.offers.pop() {
            // SAFETY: taken out just now, at the scheduler's end: every joiner has withdrawn its own.
            let left = unsafe { offer.take() };
            debug_assert!(left.is_none(), "an offer is open whose joiner has ended");
            // SAFETY: withdrawn, and taken out.
            unsafe { offer.free() };
        }
        for offer in self.spare.take() {
            // SAFETY: a spare one is nobody's.
            unsafe { offer.free() };
        }
    }
}

fn bump(counter: &AtomicU64) {
    // Invariant 4: one writer. Release pairs with `Sched::live`.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

/// Evidence that this thread holds a P.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    /// Not `Send`, and with a niche: it is kept in an `Option`.
    p: NonNull<P>,
}

impl Deref for Held {
    type Target = P;
    #[inline]
    fn deref(&self) -> &P {
        // SAFETY: `hold`'s caller promised that the P outlives this.
        unsafe { self.p.as_ref() }
    }
}

impl Held {
    #[inline]
    pub(crate) fn own(&self) -> &Own {
        // By invariant 1 this thread is the only one that gets here.
        &self.deref().own
    }

    /// Puts `item` last.
    #[inline]
    pub(crate) fn push(&self, item: Runnable) {
        self.warm.store(matches!(item, Runnable::Started(_)), Ordering::Relaxed);
        self.own().queue.push(&self.remote, item);
    }

    /// Takes the first of the queue.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Runnable> {
        self.own().queue.pop(&self.remote)
    }

    /// Offers `half` of the goroutine on `joiner` to other Ps.
    ///
    /// # Safety
    /// Invariant 3 of `g::offer`.
    #[inline]
    pub(crate) unsafe fn offer(&self, half: NonNull<dyn Half>, joiner: &'static Slot) -> Offer {
        let spare = self.own().spare.borrow_mut().pop();
        // SAFETY: a spare one is nobody's; the rest is as the caller says.
        let offer = unsafe { Offer::new(spare, half, NonNull::from(joiner)) };
        self.own().offers.push(offer);
        offer
    }

    /// Whether this slice, one of those that begin with a look at others than the queue, begins with a look at the offers: if it is the
    /// 61st, or the first such in a tick of the monitor's clock.
    pub(crate) fn is_offers_turn(&self, ticks: u32) -> bool {
        let own = self.own();
        let is_61st = own.until_global.get() == GLOBAL_EVERY - 1;
        !own.offers.is_empty() && (own.offers_at.replace(ticks) != ticks || is_61st)
    }

    /// Keeps the node of `offer` for another one, or frees it.
    ///
    /// # Safety
    /// The caller is the last side of it.
    #[inline]
    pub(crate) unsafe fn keep_node(&self, offer: Offer) {
        let mut spare = self.own().spare.borrow_mut();
        if spare.len() < SPARE {
            spare.push(offer);
        } else {
            // SAFETY: as the caller says.
            unsafe { offer.free() };
        }
    }

    /// No longer the holder. The caller puts the P where the next one finds it.
    pub(crate) fn release(self) -> u32 {
        self.owner.release();
        self.index
    }

    #[inline]
    pub(crate) fn count_spawn(&self) {
        bump(&self.spawned);
    }

    #[inline]
    pub(crate) fn count_finish(&self) {
        bump(&self.finished);
    }

    /// A run begins; `slice`: with a slice of its own.
    #[inline]
    pub(crate) fn count_run(&self, slice: bool) {
        let runs = self.runs.load(Ordering::Relaxed);
        self.runs.store(runs + 1, Ordering::Relaxed);
        if slice {
            let tick = self.tick.load(Ordering::Relaxed);
            self.tick.store(tick.wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Whether this slice is one that looks at the global queue first.
    #[inline]
    pub(crate) fn global_turn(&self) -> bool {
        let left = self.own().until_global.get();
        if left == 0 {
            self.own().until_global.set(GLOBAL_EVERY - 1);
            return true;
        }
        self.own().until_global.set(left - 1);
        false
    }

    /// This slice is for somebody who did not lie in the queue, and comes before it.
    pub(crate) fn others_come(&self) {
        self.own().others_at.set((self.tick(), self.counters.yields.get()));
    }

    /// So was the slice before this one, and somebody waits in the queue: more than who has just been made to yield.
    pub(crate) fn is_queues_turn(&self) -> bool {
        let (at, yields) = self.own().others_at.get();
        let least = if yields == self.counters.yields.get() { 1 } else { 2 };
        at == self.tick().wrapping_sub(1) && self.remote.len() >= least
    }

    /// The next goroutine id; `refill` yields the first of a batch.
    #[inline]
    pub(crate) fn next_id(&self, refill: impl FnOnce() -> (u64, u64)) -> u64 {
        let (mut id, mut end) = self.own().ids.get();
        if id == end {
            (id, end) = refill();
        }
        self.own().ids.set((id + 1, end));
        id
    }
}
