//! `WaitGroup`: waits until a count is zero.
//!
//! One word holds the count, a generation, and whether anybody waits; a list under a lock holds
//! the waiters, whose nodes lie on their own stacks.
//!
//! Invariants:
//! 1. WAITERS is set under the lock, by a compare-exchange that finds the count above zero; and
//!    cleared, together with a step of the generation, by the one that takes the count to zero.
//!    So each waiter belongs to the generation whose end releases it, and a waiter of the
//!    next generation, which may come before the old ones are released, is not released early.
//! 2. A node is in the list exactly until `released` is set, under the lock; its waiter returns
//!    only after it saw that, or took the node out under the lock. So a node in the list is alive.
//! 3. After `released` is set the node may be gone: the slot to wake is read before.

use crate::carrier::Slot;
use crate::g::Unwind;
use crate::panic::caught;
use crate::prim::Mutex;
use crate::prim::global::{AtomicBool, AtomicU64, Ordering};
use crate::task;
use crate::util;
use crate::wait::{self, Why};
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::resume_unwind;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// #[rt::main]
/// fn main() {
///     let wg = rt::sync::WaitGroup::new();
///     let sum = Arc::new(AtomicU32::new(0));
///     for i in 1..=10 {
///         let sum = Arc::clone(&sum);
///         wg.go(move || {
///             sum.fetch_add(i, Ordering::Relaxed);
///         });
///     }
///     wg.wait();
///     assert_eq!(sum.load(Ordering::Relaxed), 55);
/// }
/// ```
#[derive(Clone, Default)]
pub struct WaitGroup {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Count in the high half, generation in the middle, WAITERS at the bottom.
    word: AtomicU64,
    panicked: AtomicBool,
    room: Mutex<Room>,
}

#[derive(Default)]
struct Room {
    waiters: List,
    /// What a goroutine of `go` panicked with, for the first `wait` to come.
    panic: Option<Box<dyn Any + Send>>,
}

/// A doubly linked list of nodes on their waiters' stacks.
struct List {
    head: *const Node,
    tail: *const Node,
}

/// The cells are touched under the lock alone.
struct Node {
    prev: Cell<*const Node>,
    next: Cell<*const Node>,
    slot: &'static Slot,
    generation: Cell<u32>,
    released: AtomicBool,
}

const WAITERS: u64 = 1;
const GENERATION: u64 = 2;
const GENERATIONS: u64 = 0xFFFF_FFFE;
const ONE: u64 = 1 << 32;

fn count(word: u64) -> u32 {
    (word >> 32) as u32
}

fn generation(word: u64) -> u32 {
    (word & GENERATIONS) as u32
}

// SAFETY: the pointers are to nodes that are alive while listed (invariant 2), and are followed
// under the lock alone.
unsafe impl Send for List {}

impl Default for List {
    fn default() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }
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
    /// as it was), and on more than `u32::MAX`.
    #[track_caller]
    pub fn add(&self, delta: isize) {
        let mut word = self.inner.word.load(Ordering::Relaxed);
        loop {
            let sum = (count(word) as isize).saturating_add(delta);
            assert!(sum >= 0, "negative WaitGroup counter");
            let Ok(sum) = u32::try_from(sum) else { panic!("WaitGroup counter overflow") };
            match self.inner.change(word, sum) {
                Ok(()) => return,
                Err(seen) => word = seen,
            }
        }
    }

    /// One less. See [`add`](Self::add).
    ///
    /// # Panics
    /// "negative WaitGroup counter", when the count is zero.
    #[track_caller]
    #[inline]
    pub fn done(&self) {
        let mut word = self.inner.word.load(Ordering::Relaxed);
        loop {
            let Some(less) = count(word).checked_sub(1) else {
                panic!("negative WaitGroup counter")
            };
            match self.inner.change(word, less) {
                Ok(()) => return,
                Err(seen) => word = seen,
            }
        }
    }

    /// Waits until the count is zero. Blocks the goroutine that calls, or the thread.
    ///
    /// # Panics
    /// With what a goroutine of [`go`](Self::go) panicked with, if one did and no `wait` has
    /// said so before.
    pub fn wait(&self) {
        self.wait_until(None);
    }

    /// Waits for at most `timeout`. Returns whether the count fell to zero.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        match util::now().checked_add(timeout) {
            Some(at) => self.wait_until(Some(at)),
            None => self.wait_until(None),
        }
    }

    /// Runs `f` in a goroutine that the group waits for.
    ///
    /// If `f` panics, the group is done with it all the same, and the first [`wait`](Self::wait)
    /// panics with the same payload.
    ///
    /// # Panics
    /// When there is no runtime here, as [`spawn`](crate::spawn).
    #[track_caller]
    pub fn go<F: FnOnce() + Send + 'static>(&self, f: F) {
        struct Done(WaitGroup);
        impl Drop for Done {
            fn drop(&mut self) {
                self.0.done();
            }
        }
        self.add(1);
        // Also when the runtime stops and drops the closure, or there is none.
        let done = Done(self.clone());
        let handle = task::spawn(move || {
            let done = done;
            if let Err(payload) = caught(f) {
                if !payload.is::<Unwind>() {
                    done.0.inner.keep_panic(payload);
                    return;
                }
                drop(done);
                resume_unwind(payload);
            }
        });
        drop(handle);
    }

    #[inline]
    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        // Acquire pairs with the Release of `change`: what was done is seen.
        let done = count(self.inner.word.load(Ordering::Acquire)) == 0
            || wait::with(|slot| self.inner.wait_slow(slot, deadline));
        if self.inner.panicked.load(Ordering::Relaxed) && done {
            self.inner.raise_panic();
        }
        done
    }
}

impl Inner {
    /// Takes the count of `word` to `to`.
    #[inline]
    fn change(&self, word: u64, to: u32) -> Result<(), u64> {
        let kept = word & (ONE - 1);
        let ends = to == 0 && word & WAITERS != 0;
        let next = if ends {
            (kept & GENERATIONS).wrapping_add(GENERATION) & GENERATIONS
        } else {
            u64::from(to) << 32 | kept
        };
        // Release: what was done before is seen by who waits; Acquire: and by who releases them.
        self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed)?;
        if ends {
            self.release(generation(word));
        }
        Ok(())
    }

    /// Releases the waiters of a generation, and of those before it.
    #[cold]
    fn release(&self, ended: u32) {
        let mut room = self.room.lock();
        // Those of a later generation stand behind them.
        while let Some(node) = room.waiters.front() {
            // Generations end in order, but those who end them may come here in another.
            if (ended.wrapping_sub(node.generation.get()) as i32) < 0 {
                break;
            }
            let slot = node.slot;
            // SAFETY: it is the head of the list.
            unsafe { room.waiters.unlink(node) };
            // Invariant 3. Release pairs with the waiter's Acquire.
            node.released.store(true, Ordering::Release);
            wait::wake(slot);
        }
    }

    /// The parks are inlined into this function, and this is one frame below the user's.
    #[inline]
    fn wait_slow(&self, slot: &'static Slot, deadline: Option<Instant>) -> bool {
        let node = Node {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            slot,
            generation: Cell::new(0),
            released: AtomicBool::new(false),
        };
        if !self.enlist(&node) {
            return true;
        }
        let listed = Listed { inner: self, node: &node };
        while !listed.is_released() {
            if wait::is_over(deadline) {
                // Perhaps released in this very moment.
                return listed.delist();
            }
            match deadline {
                None => wait::park(slot, Why::WaitGroup),
                Some(_) => wait::park_until(slot, Why::WaitGroup, deadline),
            }
        }
        true
    }

    /// Puts `node` in the list. `false`: the count is zero.
    fn enlist(&self, node: &Node) -> bool {
        let mut room = self.room.lock();
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
        node.generation.set(generation(word));
        // SAFETY: the caller takes it out of the list before it goes (invariant 2).
        unsafe { room.waiters.push_back(node) };
        true
    }

    #[cold]
    fn keep_panic(&self, payload: Box<dyn Any + Send>) {
        let mut room = self.room.lock();
        if room.panic.is_none() {
            room.panic = Some(payload);
            self.panicked.store(true, Ordering::Relaxed);
        }
    }

    #[cold]
    fn raise_panic(&self) {
        let payload = {
            let mut room = self.room.lock();
            self.panicked.store(false, Ordering::Relaxed);
            room.panic.take()
        };
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }
}

/// A node that may be in the list; out of it when this is dropped.
struct Listed<'a> {
    inner: &'a Inner,
    node: &'a Node,
}

impl Listed<'_> {
    #[inline]
    fn is_released(&self) -> bool {
        self.node.released.load(Ordering::Acquire)
    }

    /// Out of the list. `true`: it was released.
    #[cold]
    fn delist(&self) -> bool {
        let mut room = self.inner.room.lock();
        if self.is_released() {
            return true;
        }
        // SAFETY: it is in the list, under whose lock we are (invariant 2).
        unsafe { room.waiters.unlink(self.node) };
        // No longer listed: the drop has nothing to do.
        self.node.released.store(true, Ordering::Relaxed);
        false
    }
}

impl Drop for Listed<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_released() {
            self.delist();
        }
    }
}

impl List {
    /// The first node; good until it is released.
    fn front<'a>(&self) -> Option<&'a Node> {
        // SAFETY: listed, hence alive (invariant 2).
        unsafe { self.head.as_ref() }
    }

    /// # Safety
    /// `node` is alive until it is out of the list again.
    unsafe fn push_back(&mut self, node: &Node) {
        node.prev.set(self.tail);
        // SAFETY: a listed node is alive.
        match unsafe { self.tail.as_ref() } {
            Some(tail) => tail.next.set(node),
            None => self.head = node,
        }
        self.tail = node;
    }

    /// # Safety
    /// `node` is listed.
    unsafe fn unlink(&mut self, node: &Node) {
        let (prev, next) = (node.prev.replace(ptr::null()), node.next.replace(ptr::null()));
        // SAFETY: neighbours are listed, hence alive.
        match unsafe { prev.as_ref() } {
            Some(prev) => prev.next.set(next),
            None => self.head = next,
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            Some(next) => next.prev.set(prev),
            None => self.tail = prev,
        }
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = count(self.inner.word.load(Ordering::Relaxed));
        f.debug_struct("WaitGroup").field("count", &count).finish()
    }
}
