//! In the runtime or in user code: how a P is taken from an M that does not come back.
//!
//! An M that runs user code may block in the system or burn for ever. The monitor takes its P away and
//! gives it to another M; the first one finds out when it enters the runtime again. Entering is so
//! frequent that it must cost nothing, and taking is rare: an asymmetric Dekker.
//!
//! # The words
//! * `inside`, of the M: 1 in the runtime, 0 in user code. Written by the M alone.
//! * `wants`, of the M: what others want of it. [`GIVE`] is set by the monitor alone.
//! * the owner word, of the P: (M, epoch), see [`p::Owner`](crate::p::Owner).
//!
//! ```text
//!   the M enters the runtime                the monitor takes the P that M holds
//!   E1  inside := 1                         T1  (M, e) := owner word
//!   E2  light barrier                       T2  wants |= GIVE
//!   E3  wants has GIVE?                     T3  heavy barrier
//!         CAS owner (M, e) -> (M, e + 1)    T4  inside == 0? (Acquire)
//!         failed: it has lost its P           CAS owner (M, e) -> (nobody, e + 1)
//!   ...                                     T5  not taken: wants &= !GIVE
//!   L1  inside := 0 (Release)
//! ```
//!
//! After a failed take the monitor clears GIVE; after a success only the M does, when it finds out.
//!
//! # Why nobody else touches what the holder owns
//! *What the holder of a P owns is touched by the M between E1 and L1 alone, and by the monitor, and whom
//! it gives the P to, after T4 succeeded.* Look at any stay of the M in the runtime, and a take that succeeds.
//!
//! * The stay's E3 saw GIVE of this take: then the owner word decides, by two CASes from the same (M, e). If the
//!   M's wins, the take fails. If the take's wins, the M touches nothing and drops its evidence.
//! * It did not. By the barriers (E1 before E3, T2 before T4, one of them sees the other) T4 would read
//!   what E1 wrote or something later. It read 0: the L1 of this stay, or of a later one. It is an Acquire of a
//!   Release, so all that the stay did comes before.
//! * The stay's E3 saw GIVE of an *earlier*, failed take, and the M has insisted in vain: nothing but the epoch moved.
//!
//! An M inside the runtime that lets its P go and holds another, or the same one again, moves the epoch, and
//! the take from what T1 saw fails. Without the epoch it would succeed: the M lets go inside a stay
//! that began before T2, another M holds the P, lets it go, ours holds it again and leaves, T4 reads 0: and
//! the P may be in somebody's hands between.
//!
//! Stays nest: L1 restores what E1 found, so only the outermost one leaves, and only that one asks: the inner
//! ones find `inside` 1. So evidence of a P that was seen in a stay is good to the end of that stay.
//!
//! # Without the heavy barrier
//! Where the system has no `membarrier`, [`FENCED`] stands in every M's `wants` for ever, and E3, finding
//! something there, first goes through a full fence and then looks again. T3 is a full fence, too.
//!
//! A filter of system calls that comes later may forbid `membarrier` when Ms without that mark are there. Then T3 is a look at the M's thread: if
//! the kernel says that it has been switched out, and is on no CPU, that was a full barrier on its side after T2, as it will be when it is
//! switched in again. So who blocks in the system still loses its P. Who runs on keeps it.
//!
//! The models in `loom_tests` check the claim on this code.

use crate::prim::atomic::{AtomicU32, Ordering, fence};
use crate::sys::barrier;
use crossbeam_utils::CachePadded;

/// The running goroutine's slice is over.
pub(crate) const PREEMPT: u32 = 1;
/// The P is wanted: see the [module](self).
const GIVE: u32 = 2;
/// It has lost its P, and has a goroutine that runs.
const LOST: u32 = 4;
/// Timers are due that nobody has got to.
pub(crate) const TIMERS: u32 = 8;
/// Entering needs a fence.
const FENCED: u32 = 16;
/// Somebody looks: what happens on this M is to be noted. It stands here so that it costs nothing: the test that
/// sees GIVE sees it.
const WATCHED: u32 = 32;
/// A seed decides at every checkpoint who goes on (`sched::lab`). Set for good, before the M runs anything.
pub(crate) const SEEDED: u32 = 64;
/// When its slice ends, and no sooner, it is to look at what does not lie in its P's queue.
pub(crate) const OTHERS: u32 = 128;

/// What a goroutine that could go on does well to make way for, until its M has a P.
const WANTED: u32 = PREEMPT | LOST | TIMERS;

/// The two words of an M.
#[derive(Debug)]
pub(crate) struct Entry {
    inside: CachePadded<AtomicU32>,
    wants: AtomicU32,
    /// In a model a light barrier is a full one: without a heavy one there is none.
    #[cfg(any(loom, shuttle))]
    barrier: bool,
}

impl Entry {
    /// Of an M that is in the runtime.
    pub(crate) fn new() -> Self {
        Self::with(barrier::is_available())
    }

    fn with(barrier: bool) -> Self {
        let wants = if barrier { 0 } else { FENCED };
        Self {
            inside: CachePadded::new(AtomicU32::new(1)),
            wants: AtomicU32::new(wants),
            #[cfg(any(loom, shuttle))]
            barrier,
        }
    }

    /// E1 to E3: what `leave` is to restore, and whether there is something to see to:
    /// [`is_asked`](Self::is_asked), [`is_watched`](Self::is_watched).
    #[inline(always)]
    pub(crate) fn enter(&self) -> (u32, bool) {
        let before = self.inside.load(Ordering::Relaxed);
        // A plain store: the other side's barrier orders it.
        self.inside.store(1, Ordering::Relaxed);
        self.light_barrier();
        let wants = self.wants.load(Ordering::Relaxed);
        (before, wants & (GIVE | FENCED | WATCHED) != 0)
    }

    #[inline(always)]
    fn light_barrier(&self) {
        #[cfg(any(loom, shuttle))]
        if !self.barrier {
            return;
        }
        barrier::light();
    }

    /// The rest of E3: whether the M, which has entered and found `before`, has been asked for its P.
    pub(crate) fn is_asked(&self, before: u32) -> bool {
        // Needed without a heavy barrier alone.
        fence(Ordering::SeqCst);
        before == 0 && self.wants.load(Ordering::Relaxed) & GIVE != 0
    }

    /// Whether what happens is to be noted.
    #[inline(always)]
    pub(crate) fn is_watched(&self) -> bool {
        self.wants.load(Ordering::Relaxed) & WATCHED != 0
    }

    /// From now on it is. AcqRel, here and in [`unwatch`](Self::unwatch): who comes second sees why the first did it.
    pub(crate) fn watch(&self) {
        self.wants.fetch_or(WATCHED, Ordering::AcqRel);
    }

    /// By the M itself.
    pub(crate) fn unwatch(&self) {
        self.wants.fetch_and(!WATCHED, Ordering::AcqRel);
    }

    /// L1.
    #[inline(always)]
    pub(crate) fn leave(&self, before: u32) {
        self.inside.store(before, Ordering::Release);
    }

    /// The M was asked for its P, and has lost it.
    pub(crate) fn lose(&self) {
        self.wants.fetch_or(LOST, Ordering::Relaxed);
        self.wants.fetch_and(!GIVE, Ordering::Relaxed);
    }

    /// The M has a P: what was wanted of the last one's holder is no longer.
    pub(crate) fn gain(&self) {
        if self.wants.load(Ordering::Relaxed) & WANTED != 0 {
            self.wants.fetch_and(!WANTED, Ordering::Relaxed);
        }
    }

    /// Whether the goroutine that runs should make way: one plain load.
    #[inline(always)]
    pub(crate) fn wanted(&self) -> bool {
        self.wants.load(Ordering::Relaxed) & (WANTED | SEEDED) != 0
    }

    /// Whether a seed decides who runs on it.
    #[inline]
    pub(crate) fn is_seeded(&self) -> bool {
        self.wants.load(Ordering::Relaxed) & SEEDED != 0
    }

    /// Takes what was asked of it, but for what stays: until it has a P, or for good.
    #[inline]
    pub(crate) fn take_wants(&self) -> u32 {
        const ONCE: u32 = PREEMPT | TIMERS | OTHERS;
        const ASKED: u32 = ONCE | SEEDED;
        if self.wants.load(Ordering::Relaxed) & ASKED == 0 {
            return 0;
        }
        self.wants.fetch_and(!ONCE, Ordering::Relaxed) & ASKED
    }

    /// Asks something of it.
    pub(crate) fn ask(&self, what: u32) {
        self.wants.fetch_or(what, Ordering::Relaxed);
    }

    /// Whether the M was in the runtime a moment ago.
    pub(crate) fn is_inside(&self) -> bool {
        self.inside.load(Ordering::Relaxed) != 0
    }

    /// Whether it has lost a P and has not found out.
    pub(crate) fn is_bereft(&self) -> bool {
        self.wants.load(Ordering::Relaxed) & GIVE != 0
    }

    /// T2 to T5; `take` is T4's CAS, and `is_off` says whether the M's thread is on no CPU.
    #[must_use]
    pub(crate) fn take_p(
        &self,
        take: impl FnOnce() -> bool,
        is_off: impl FnOnce() -> bool,
    ) -> bool {
        self.wants.fetch_or(GIVE, Ordering::Relaxed);
        let ordered = if self.wants.load(Ordering::Relaxed) & FENCED != 0 {
            fence(Ordering::SeqCst);
            true
        } else {
            barrier::heavy().is_ok() || is_off()
        };
        let taken = ordered && self.inside.load(Ordering::Acquire) == 0 && take();
        if !taken {
            self.wants.fetch_and(!GIVE, Ordering::Relaxed);
        }
        taken
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    //! One M that enters and leaves, lets its P go and holds it again; a monitor that takes it.
    //!
    //! Broken on purpose, and noticed: no heavy barrier; `keep` that does not move the epoch; GIVE cleared by the
    //! monitor after a success; no fence in `is_asked`, or in `take_p`, where there is no heavy barrier; `leave` Relaxed, or of an
    //! inner stay; `take_p` that looks inside Relaxed; `watch` without Release, `unwatch` without Acquire. Not noticed: the orderings of
    //! `Owner` Relaxed, for `inside` orders what the holder does.

    use super::Entry;
    use crate::p::Owner;
    use crate::prim::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::thread;

    struct World {
        entry: Entry,
        owner: Owner,
        /// What the holder owns.
        owned: UnsafeCell<u32>,
        /// Where a P lies that nobody holds.
        list: crate::prim::Mutex<bool>,
    }

    impl World {
        fn new(barrier: bool) -> Arc<Self> {
            let world = Self {
                entry: Entry::with(barrier),
                owner: Owner::new(),
                owned: UnsafeCell::new(0),
                list: crate::prim::Mutex::new(false),
            };
            world.owner.hold(0);
            world.entry.leave(0);
            Arc::new(world)
        }

        fn touch(&self) {
            // SAFETY: the model checks that nobody else does.
            self.owned.with_mut(|n| unsafe { *n += 1 });
        }

        /// A stay in the runtime of an M that holds the P; `false`: it has lost it.
        fn stay(&self, inside: impl FnOnce()) -> bool {
            let (before, odd) = self.entry.enter();
            let asked = odd && self.entry.is_asked(before);
            let keeps = !asked || self.owner.keep(0);
            if keeps {
                self.touch();
                inside();
            } else {
                self.entry.lose();
            }
            self.entry.leave(before);
            keeps
        }

        fn monitor(&self) -> bool {
            let seen = self.owner.look();
            if seen.holder() != Some(0) {
                return false;
            }
            let taken = self.entry.take_p(|| self.owner.take(seen), || false);
            if taken {
                self.touch();
                self.owner.hold(1);
                self.touch();
            }
            taken
        }
    }

    fn model(barrier: bool, rounds: usize, m: fn(&World) -> bool) {
        loom::model(move || {
            let world = World::new(barrier);
            let other = Arc::clone(&world);
            let monitor = thread::spawn(move || (0..rounds).any(|_| other.monitor()));
            let keeps = m(&world);
            let taken = monitor.join().unwrap();
            if taken {
                assert_eq!(world.owner.look().holder(), Some(1));
                assert!(!keeps || world.entry.is_bereft());
            } else {
                assert!(keeps);
                assert_eq!(world.owner.look().holder(), Some(0));
                world.touch();
            }
        });
    }

    #[test]
    fn it_enters_and_leaves() {
        for barrier in [true, false] {
            model(barrier, 1, |world| world.stay(|| {}) && world.stay(|| {}));
        }
    }

    #[test]
    fn two_takes() {
        for barrier in [true, false] {
            model(barrier, 2, |world| world.stay(|| {}) && world.stay(|| {}));
        }
    }

    /// The inner stay leaves the M where it is.
    #[test]
    fn it_stays_within_a_stay() {
        for barrier in [true, false] {
            model(barrier, 1, |world| {
                world.stay(|| {
                    let (before, _) = world.entry.enter();
                    world.touch();
                    world.entry.leave(before);
                    world.touch();
                })
            });
        }
    }

    /// Somebody begins to watch while the M finds that nobody does any more, as `sched::tell` does.
    #[test]
    fn watching_begins_while_it_ends() {
        loom::model(|| {
            let world = Arc::new((Entry::with(true), AtomicU32::new(0)));
            world.0.watch();
            let watcher = {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    world.1.store(1, Ordering::Relaxed);
                    world.0.watch();
                })
            };
            let (entry, wanted) = &*world;
            if wanted.load(Ordering::Relaxed) == 0 {
                entry.unwatch();
                if wanted.load(Ordering::Relaxed) != 0 {
                    entry.watch();
                }
            }
            watcher.join().unwrap();
            assert!(entry.is_watched(), "it looks, and nothing is told");
        });
    }

    /// It puts the P into a list and takes it out again, or finds that another has.
    #[test]
    fn it_lets_go_and_holds_again() {
        for barrier in [true, false] {
            model(barrier, 1, |world| {
                world.stay(|| {
                    world.owner.release();
                    *world.list.lock() = true;
                    if std::mem::take(&mut *world.list.lock()) {
                        world.owner.hold(0);
                        world.touch();
                    }
                }) && world.stay(|| {})
            });
        }
    }
}
