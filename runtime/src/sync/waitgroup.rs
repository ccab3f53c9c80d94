//! `WaitGroup`: waits until a count is zero.
//!
//! # The word
//! ```text
//!   63            32 31             1       0
//!   [ adds, mod 2^32 |     count     | WAITERS ]
//! ```
//! `add` is one addition to `adds` and `count` together, `done` one subtraction from `count`, and
//! neither looks at anything else while nobody waits.
//!
//! # Whom an end releases
//! A waiter comes into the queue under its lock, by a compare-exchange that sets WAITERS and finds the
//! count above zero; it notes `adds` as its tag. Who takes the count to zero, with WAITERS set, goes to
//! the queue and releases those whose tag is not beyond `adds` as it was at that end.
//!
//! * Who waits for this end is released by it: it came before, when `adds` was no greater.
//! * Who comes later is not released early, though the queue still be full of those of before:
//!   for it to wait, the count must have risen again, and `adds` with it.
//!
//! So the ends need not be counted, and the group can be used again at once. Tags are compared by
//! wrapping difference. So that the difference stays right for one who waits while billions of adds pass and the
//! count never falls to zero, whoever takes `adds` over a multiple of [`EPOCH`] while
//! somebody waits draws the tags after. It is right as long as fewer than 2^30 adds pass
//! between an operation of a thread on the word and its next on the queue.
//!
//! Invariants:
//! 1. WAITERS is set, under the queue's lock, before a waiter is listed, and cleared under it when none is.
//! 2. Tags do not decrease along the queue, and none is more than 2^30 behind `adds`.
//! 3. A listed waiter leaves the queue or is released before `wait_slow` returns.

use super::waiter::{Locked, Queue, Waiter};
use crate::carrier::Slot;
use crate::g::Unwind;
use crate::panic::caught;
use crate::prim::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sched;
use crate::task;
use crate::util;
use crate::wait::{self, Cancel, ContextError, Until, Why};
use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

/// Waits until a number of things are done. Go's `sync.WaitGroup`, as a handle: clones share the
/// count.
///
/// Call [`add`](Self::add) before the goroutines start, [`done`](Self::done) as each ends, and
/// [`wait`](Self::wait) where all must have ended; or [`go`](Self::go), which does the first two.
/// It can be used again and again; a `wait` is released when the count it saw falls to
/// zero, even if it rises again at once. Works from plain threads, too.
///
/// # Examples
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// static SUM: AtomicU32 = AtomicU32::new(0);
///
/// #[rt::main]
/// fn main() {
///     let wg = rt::sync::WaitGroup::new();
///     for i in 1..=10 {
///         wg.go(move || drop(SUM.fetch_add(i, Relaxed)));
///     }
///     wg.add(1); // the same by hand
///     rt::go!(wg => { SUM.fetch_add(45, Relaxed); wg.done() });
///     wg.wait();
///     assert_eq!(SUM.load(Relaxed), 100);
/// }
/// ```
#[derive(Clone, Default)]
pub struct WaitGroup {
    inner: Arc<Inner>,
}

struct Inner {
    word: AtomicU64,
    panicked: AtomicBool,
    room: Locked<Room>,
}

struct Room {
    waiters: Queue,
    /// What a goroutine of `go` panicked with, for the first `wait` to come.
    panic: Option<Box<dyn Any + Send>>,
}

const WAITERS: u64 = 1;
/// One to count.
const ONE: u64 = 1 << 1;
/// Half of what there is room for: one that is too many does not run over before it is undone.
const MOST: u32 = (1 << 30) - 1;
/// One of `adds`.
const ADD: u64 = 1 << 32;
/// How often tags are drawn after.
const EPOCH: u32 = 1 << 29;

/// What waiters are released with.
const RELEASED: u32 = 1;
/// So many are taken and released at a time: what was touched to take them is still in the cache.
const BATCH: usize = 64;
/// After so many batches those who were released run, for the same reason. After each, there would be little to steal (BENCHMARKS.md).
const TURN: usize = 16;

fn count(word: u64) -> u32 {
    (word as u32) >> 1
}

fn adds(word: u64) -> u32 {
    (word >> 32) as u32
}

impl WaitGroup {
    /// A group with nothing to wait for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `delta`, which may be negative, to the count; at zero, everybody who waits is released.
    ///
    /// # Panics
    /// "negative WaitGroup counter", Go's words, when the count would fall below zero (it stays
    /// as it was), and when it would rise above 2³⁰ - 1.
    #[track_caller]
    #[inline]
    pub fn add(&self, delta: isize) {
        match u32::try_from(delta) {
            Ok(more) if more <= MOST => self.inner.add(more),
            Ok(_) => overflow(),
            Err(_) => match u32::try_from(delta.unsigned_abs()) {
                Ok(less) if delta < 0 && less <= MOST => self.inner.sub(less),
                _ if delta < 0 => negative(),
                _ => overflow(),
            },
        }
        wait::point("after WaitGroup::add");
    }

    /// One less. See [`add`](Self::add).
    ///
    /// # Panics
    /// "negative WaitGroup counter", when the count is zero.
    #[track_caller]
    #[inline]
    pub fn done(&self) {
        self.inner.sub(1);
        wait::point("after WaitGroup::done");
    }

    /// Waits until the count is zero. Blocks the goroutine that calls, or the thread.
    ///
    /// # Panics
    /// With what a goroutine of [`go`](Self::go) panicked with, if one did and no `wait` has
    /// said so before; and if one got no stack.
    pub fn wait(&self) {
        self.wait_until(Until::NEVER);
    }

    /// Waits for at most `timeout`. Returns whether the count fell to zero.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// let group = rt::sync::WaitGroup::new();
    /// group.add(1);
    /// assert!(!group.wait_timeout(std::time::Duration::from_millis(1)));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        match util::now().checked_add(timeout) {
            Some(at) => self.wait_until(Some(at).into()),
            None => self.wait_until(Until::NEVER),
        }
    }

    /// Waits until `ctx` is done at most.
    ///
    /// # Errors
    /// Why the context is done; it may be so before the call, whatever the count is.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use std::time::Duration;
    /// let wg = rt::sync::WaitGroup::new();
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert_eq!(wg.wait_ctx(&ctx), Ok(()));
    /// wg.add(1);
    /// assert_eq!(wg.wait_ctx(&ctx), Err(ContextError::DeadlineExceeded));
    /// ```
    pub fn wait_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> Result<(), ContextError> {
        wait::in_time(ctx, |until| self.wait_until(until))
    }

    /// Runs `f` in a goroutine that the group waits for.
    ///
    /// If `f` panics, the group is done with it all the same, and the first [`wait`](Self::wait)
    /// panics with the same payload. It also panics if there was no stack for the goroutine, and `f` was dropped.
    ///
    /// # Panics
    /// When there is no runtime here, as [`spawn`](crate::spawn).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let group = rt::sync::WaitGroup::new();
    ///     (0..3).for_each(|n| group.go(move || println!("{n}")));
    ///     group.wait();
    /// }
    /// ```
    #[track_caller]
    pub fn go<F: FnOnce() + Send + 'static>(&self, f: F) {
        struct Done(WaitGroup);
        impl Drop for Done {
            fn drop(&mut self) {
                if sched::lacks_stack() {
                    self.0.inner.keep_panic(Box::new(super::NO_STACK));
                }
                self.0.done();
            }
        }
        self.add(1);
        // Also when the runtime stops and drops the closure, or there is none: `f` first, then this.
        let done = Done(self.clone());
        drop(task::spawn(move || {
            let (f, done) = (f, done);
            if let Err(payload) = caught(f) {
                if !payload.is::<Unwind>() {
                    done.0.inner.keep_panic(payload);
                    return;
                }
                drop(done);
                resume_unwind(payload);
            }
        }));
    }

    #[inline]
    pub(super) fn wait_until(&self, until: Until<'_>) -> bool {
        // Acquire pairs with the Release of `change`: what was done is seen.
        let done = count(self.inner.word.load(Ordering::Acquire)) == 0
            || wait::with(|slot| self.inner.wait_slow(slot, until));
        if self.inner.panicked.load(Ordering::Relaxed) && done {
            self.inner.raise_panic();
        }
        done
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            word: AtomicU64::new(0),
            panicked: AtomicBool::new(false),
            room: Locked::new(Room { waiters: Queue::new(), panic: None }),
        }
    }
}

#[cold]
#[track_caller]
fn negative() -> ! {
    panic!("negative WaitGroup counter")
}

#[cold]
#[track_caller]
fn overflow() -> ! {
    panic!("WaitGroup counter overflow")
}

impl Inner {
    #[track_caller]
    #[inline]
    fn add(&self, more: u32) {
        let change = u64::from(more) * ONE;
        // Relaxed: as a read-modify-write it passes on what `sub` released.
        let was = self.word.fetch_add(change + ADD, Ordering::Relaxed);
        if count(was) > MOST - more {
            self.take_back(change);
            overflow();
        }
        if was & WAITERS != 0 {
            self.draw_after(adds(was));
        }
    }

    #[track_caller]
    #[inline]
    fn sub(&self, less: u32) {
        let change = u64::from(less) * ONE;
        // Release: what was done before is seen by who waits. Acquire: and by who releases them.
        let was = self.word.fetch_sub(change, Ordering::AcqRel);
        if count(was) < less {
            self.take_back(change.wrapping_neg());
            negative();
        }
        if count(was) == less && was & WAITERS != 0 {
            self.release(adds(was));
        }
    }

    /// Undoes a change of the count that must not be. What others saw meanwhile was one above zero.
    #[cold]
    #[inline(never)]
    fn take_back(&self, change: u64) {
        let was = self.word.fetch_sub(change, Ordering::AcqRel);
        let word = was.wrapping_sub(change);
        if count(word) == 0 && word & WAITERS != 0 {
            self.release(adds(word));
        }
    }

    /// The count was zero when there had been `adds` adds.
    #[cold]
    #[inline(never)]
    fn release(&self, adds: u32) {
        // The first one is woken last, and runs next.
        let mut first = None;
        for batch in 1_usize.. {
            let mut left = BATCH;
            let mut taken = self.room.with(|room| {
                let taken = room.waiters.take_while(|tag| {
                    let takes = left != 0 && !is_behind(adds, tag as u32);
                    left -= usize::from(takes);
                    takes
                });
                self.tidy(room);
                taken
            });
            first = first.or_else(|| taken.pop());
            taken.release_in_order(RELEASED);
            if left != 0 {
                break;
            }
            if batch.is_multiple_of(TURN) {
                wait::give_way();
            }
        }
        first.into_iter().for_each(|first| first.release(RELEASED));
    }

    /// Clears WAITERS if there are none.
    fn tidy(&self, room: &Room) {
        if room.waiters.is_empty() {
            self.word.fetch_and(!WAITERS, Ordering::Relaxed);
        }
    }

    /// An add was made, the first after `adds`, while somebody waits.
    #[cold]
    #[inline(never)]
    fn draw_after(&self, adds: u32) {
        let adds = adds.wrapping_add(1);
        if !adds.is_multiple_of(EPOCH) {
            return;
        }
        let oldest = adds.wrapping_sub(EPOCH);
        self.room.with(|room| {
            room.waiters.for_each_while(|tag| {
                let old = is_behind(tag.get() as u32, oldest);
                if old {
                    tag.set(oldest as usize);
                }
                old
            });
        });
    }

    /// The parks are inlined into this function, and this is one frame below the user's.
    #[inline]
    fn wait_slow(&self, slot: &'static Slot, until: Until<'_>) -> bool {
        let waiter = Waiter::new(slot, 0);
        if !self.enlist(&waiter) {
            return true;
        }
        match waiter.wait(Why::WaitGroup.on(self), until) {
            Ok(_) => true,
            Err(end) => {
                if self.leave(&waiter) {
                    end.raise();
                    return false;
                }
                waiter.wait_taken(Why::WaitGroup);
                true
            }
        }
    }

    /// Puts `waiter` in the queue. `false`: the count is zero.
    fn enlist(&self, waiter: &Waiter) -> bool {
        self.room.with(|room| {
            // Acquire, here and below, pairs with the Release of `sub`.
            let mut word = self.word.load(Ordering::Acquire);
            loop {
                if count(word) == 0 {
                    return false;
                }
                match self.word.compare_exchange_weak(
                    word,
                    word | WAITERS,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                ) {
                    Ok(_) => break,
                    Err(seen) => word = seen,
                }
            }
            waiter.tag().set(adds(word) as usize);
            // SAFETY: `wait_slow` keeps it until it is released or has left (invariant 3).
            unsafe { room.waiters.push_back(waiter) };
            true
        })
    }

    /// Takes `waiter` out. `false`: it is being released.
    #[cold]
    fn leave(&self, waiter: &Waiter) -> bool {
        self.room.with(|room| {
            // SAFETY: `enlist` put it there.
            let left = unsafe { room.waiters.leave(waiter) };
            self.tidy(room);
            left
        })
    }

    #[cold]
    fn keep_panic(&self, payload: Box<dyn Any + Send>) {
        let second = self.room.with(|room| match room.panic {
            None => {
                room.panic = Some(payload);
                self.panicked.store(true, Ordering::Relaxed);
                None
            }
            Some(_) => Some(payload),
        });
        // Not under the lock: it is the user's.
        drop(second);
    }

    #[cold]
    fn raise_panic(&self) {
        let payload = self.room.with(|room| {
            self.panicked.store(false, Ordering::Relaxed);
            room.panic.take()
        });
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }
}

/// Whether `a` adds were fewer than `b` adds.
fn is_behind(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = count(self.inner.word.load(Ordering::Relaxed));
        f.debug_struct("WaitGroup").field("count", &count).finish()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// One waits while 2^32 adds pass and more, and the count never falls to zero.
    #[test]
    fn who_waits_for_very_long_is_not_forgotten() {
        let wg = WaitGroup::new();
        wg.add(1);
        std::thread::scope(|s| {
            let patient = s.spawn(|| wg.wait_timeout(Duration::from_secs(10)));
            while wg.inner.word.load(Ordering::Relaxed) & WAITERS == 0 {
                std::thread::yield_now();
            }
            for _ in 0..22 {
                // As if there had been so many adds and dones; then the one that is looked at.
                let next = (adds(wg.inner.word.load(Ordering::Relaxed)) | (EPOCH - 1)) as u64;
                let word = wg.inner.word.load(Ordering::Relaxed) as u32;
                wg.inner.word.store(next * ADD + u64::from(word), Ordering::Relaxed);
                wg.add(1);
                wg.done();
                assert!(!wg.wait_timeout(Duration::from_micros(10)));
            }
            wg.done();
            assert!(patient.join().unwrap());
        });
        assert_eq!(wg.inner.word.load(Ordering::Relaxed) as u32, 0);
    }
}
