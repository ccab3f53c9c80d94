//! `Pool`: things kept to be used again, near the processor that used them.
//!
//! There are as many shards as CPUs. Who takes or gives back uses the shard of its processor, or of
//! its thread: a short lock that is hardly ever contended, since one goroutine at a time runs there.
//! Only who finds its own shard empty looks into the others.
//!
//! What nobody wants goes in two steps, as with Go's collector: a *sweep* drops what is old, and makes
//! old what is fresh; and what is given back is fresh. There is no collector to sweep, nor does a
//! thread: the destructors are the user's, and run where the pool is used. So every 64th `put` of
//! a shard looks at the clock.
//!
//! Invariants:
//! 1. No code of the user runs under a lock of the pool, and nothing waits under one.
//! 2. An item is in one shard, or in somebody's hands.
//!
//! Rejected: a slot per processor without a lock, as Go has it. A goroutine of ours cannot be kept
//! on its processor for the length of an access, so the slot would need the same atomic exchange
//! that an uncontended lock costs.

use super::spread;
use crate::prim::global::{AtomicUsize, Mutex, Ordering};
use crate::{util, wait};
use crossbeam_utils::CachePadded;
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What has lain about for longer than this, and for at most twice as long, is dropped.
const SWEEP: Duration = Duration::from_secs(5);

/// Every so many times something is given back, the clock is looked at.
const LOOK: u32 = 64;

/// Things that are dear to make, kept to be used again: buffers, parsers, scratch space. Go's
/// `sync.Pool`.
///
/// [`get`](Self::get) takes one out, or makes one; [`put`](Self::put) gives it back.
/// [`pull`](Self::pull) does both: what it returns goes back when it is dropped. A thing comes as it
/// was given back: empty it before or after. None of the calls waits; from goroutines they use
/// what lies at their processor, from plain threads what lies at their thread.
///
/// **Things may vanish.** What nobody takes for five to ten seconds is dropped by one of the
/// calls that give something back; so a pool that was large for a moment becomes small again while
/// it is used. A pool that nobody uses keeps what it has: see [`clear`](Self::clear). Do not keep
/// what must not be lost, such as connections with a state.
///
/// # Examples
/// ```
/// use rt::sync::Pool;
/// use std::fmt::Write as _;
///
/// static BUFFERS: Pool<String> = Pool::new(String::new);
///
/// fn greet(name: &str) -> usize {
///     let mut buffer = BUFFERS.pull();
///     buffer.clear();
///     write!(buffer, "Hello, {name}!").unwrap();
///     buffer.len()
/// }
///
/// #[rt::main]
/// fn main() {
///     assert_eq!(greet("Ann"), 11);
///     assert_eq!(greet("Bob"), 11); // in the same buffer
/// }
/// ```
pub struct Pool<T, F = fn() -> T> {
    make: F,
    /// None until something is put in. A power of two.
    shards: OnceLock<Box<[CachePadded<Shard<T>>]>>,
    swept: Mutex<Option<Instant>>,
}

struct Shard<T> {
    /// How many items there are; written under the lock, and for others a hint.
    count: AtomicUsize,
    room: Mutex<Room<T>>,
}

struct Room<T> {
    fresh: Vec<T>,
    old: Vec<T>,
    puts: u32,
}

impl<T> Shard<T> {
    fn new() -> Self {
        let room = Room { fresh: Vec::new(), old: Vec::new(), puts: 0 };
        Self { count: AtomicUsize::new(0), room: Mutex::new(room) }
    }

    fn take(&self) -> Option<T> {
        let mut room = self.room.lock();
        let item = room.fresh.pop().or_else(|| room.old.pop())?;
        self.note(&room);
        Some(item)
    }

    /// `true`: it is time to look at the clock.
    fn put(&self, item: T) -> bool {
        let mut room = self.room.lock();
        room.fresh.push(item);
        room.puts = room.puts.wrapping_add(1);
        self.note(&room);
        room.puts.is_multiple_of(LOOK)
    }

    /// What was old, out of the pool.
    fn sweep(&self) -> Vec<T> {
        let mut room = self.room.lock();
        let fresh = mem::take(&mut room.fresh);
        let gone = mem::replace(&mut room.old, fresh);
        self.note(&room);
        gone
    }

    fn note(&self, room: &Room<T>) {
        self.count.store(room.fresh.len() + room.old.len(), Ordering::Relaxed);
    }
}

impl<T, F> Pool<T, F> {
    /// An empty pool whose [`get`](Self::get) makes what it lacks by `make`. Takes no memory of its
    /// own until something is put in.
    ///
    /// # Examples
    /// ```
    /// let buffers = rt::sync::Pool::new(|| Vec::<u8>::with_capacity(4096));
    /// assert!(buffers.get().capacity() >= 4096);
    /// ```
    pub const fn new(make: F) -> Self {
        Self { make, shards: OnceLock::new(), swept: Mutex::new(None) }
    }

    /// Takes an item if there is one; makes none. Go's `Get` on a pool without `New`.
    ///
    /// # Examples
    /// ```
    /// let pool = rt::sync::Pool::<Vec<u8>>::default();
    /// assert_eq!(pool.try_get(), None);
    /// pool.put(Vec::with_capacity(4096));
    /// assert_eq!(pool.try_get().unwrap().capacity(), 4096);
    /// ```
    pub fn try_get(&self) -> Option<T> {
        wait::point("before Pool::get");
        let shards = self.shards.get()?;
        let here = wait::place();
        let at = |n: usize| &shards[here.wrapping_add(n) & (shards.len() - 1)];
        at(0).take().or_else(|| {
            let others = (1..shards.len()).map(at);
            others.filter(|shard| shard.count.load(Ordering::Relaxed) != 0).find_map(|s| s.take())
        })
    }

    /// Gives an item back, or adds one. Go's `Put`. May drop others, which nobody has wanted for a
    /// while.
    ///
    /// # Examples
    /// ```
    /// let buffers = rt::sync::Pool::new(Vec::<u8>::new);
    /// buffers.put(Vec::with_capacity(64));
    /// assert!(buffers.get().capacity() <= 64, "that one, or a new one");
    /// ```
    pub fn put(&self, item: T) {
        let shards = self
            .shards
            .get_or_init(|| (0..spread::width()).map(|_| CachePadded::new(Shard::new())).collect());
        if shards[wait::place() & (shards.len() - 1)].put(item) {
            self.look();
        }
        wait::point("after Pool::put");
    }

    /// Drops everything that is in the pool now.
    ///
    /// # Examples
    /// ```
    /// let pool = rt::sync::Pool::<Vec<u8>>::default();
    /// pool.put(Vec::new());
    /// pool.clear();
    /// assert_eq!(pool.try_get(), None);
    /// ```
    pub fn clear(&self) {
        self.sweep();
        self.sweep();
    }

    fn count(&self) -> usize {
        let shards = self.shards.get().into_iter().flatten();
        shards.map(|shard| shard.count.load(Ordering::Relaxed)).sum()
    }

    #[cold]
    fn look(&self) {
        let now = util::now();
        let due = {
            let mut swept = self.swept.lock();
            let due = is_due(*swept.get_or_insert(now), now);
            if due {
                *swept = Some(now);
            }
            due
        };
        if due {
            self.sweep();
        }
    }

    fn sweep(&self) {
        for shard in self.shards.get().into_iter().flatten() {
            // Dropped here, without the lock.
            drop(shard.sweep());
        }
    }
}

fn is_due(swept: Instant, now: Instant) -> bool {
    now.saturating_duration_since(swept) >= SWEEP
}

impl<T, F: Fn() -> T> Pool<T, F> {
    /// Takes an item out, or makes one. Go's `Get`.
    ///
    /// # Panics
    /// With what the pool's function panics with.
    ///
    /// # Examples
    /// ```
    /// let pool = rt::sync::Pool::new(|| Vec::<u8>::with_capacity(1024));
    /// let mut buffer = pool.get();
    /// buffer.extend(b"some bytes");
    /// buffer.clear();
    /// pool.put(buffer);
    /// ```
    pub fn get(&self) -> T {
        self.try_get().unwrap_or_else(&self.make)
    }

    /// [`get`](Self::get), with a [`put`](Self::put) when the guard is dropped.
    ///
    /// Not when it is dropped by a panic: what was being done to it is not finished.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// let buffers = rt::sync::Pool::new(Vec::<u8>::new);
    /// {
    ///     let mut buffer = buffers.pull();
    ///     buffer.extend_from_slice(b"text");
    ///     assert_eq!(buffer.len(), 4);
    ///     buffer.clear();
    /// } // it is back, and may be pulled again
    /// assert!(buffers.pull().is_empty());
    /// ```
    pub fn pull(&self) -> Pooled<'_, T, F> {
        Pooled { item: Some(self.get()), pool: self }
    }
}

impl<T: Default> Default for Pool<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T, F> fmt::Debug for Pool<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("idle", &self.count()).finish_non_exhaustive()
    }
}

/// An item that goes back to its [`Pool`] when it is dropped; see [`Pool::pull`].
pub struct Pooled<'a, T, F = fn() -> T> {
    /// None while it is dropped alone.
    item: Option<T>,
    pool: &'a Pool<T, F>,
}

impl<T, F> Pooled<'_, T, F> {
    /// The item, which does not go back by itself any more.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::{Pool, Pooled};
    /// let pool = Pool::<String>::default();
    /// let kept: String = Pooled::into_inner(pool.pull());
    /// assert!(pool.try_get().is_none());
    /// # drop(kept);
    /// ```
    pub fn into_inner(mut this: Self) -> T {
        match this.item.take() {
            Some(item) => item,
            None => empty(),
        }
    }
}

#[cold]
fn empty() -> ! {
    util::bug(format_args!("sync::Pooled without its item"))
}

impl<T, F> Deref for Pooled<'_, T, F> {
    type Target = T;
    fn deref(&self) -> &T {
        self.item.as_ref().unwrap_or_else(|| empty())
    }
}

impl<T, F> DerefMut for Pooled<'_, T, F> {
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().unwrap_or_else(|| empty())
    }
}

impl<T, F> Drop for Pooled<'_, T, F> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take()
            && !std::thread::panicking()
        {
            self.pool.put(item);
        }
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Pooled<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_nobody_takes_is_gone_after_two_sweeps() {
        let pool = Pool::<Arc<()>>::default();
        let (wanted, unwanted) = (Arc::new(()), Arc::new(()));
        pool.put(Arc::clone(&unwanted));
        pool.put(Arc::clone(&wanted));
        for _ in 0..5 {
            // The last to come is the first to go, also when both are old.
            let item = pool.get();
            assert!(Arc::ptr_eq(&item, &wanted));
            pool.put(item);
            assert_eq!(pool.count(), Arc::strong_count(&unwanted), "two, then one");
            pool.sweep();
        }
        assert_eq!(Arc::strong_count(&unwanted), 1);
        pool.sweep();
        assert_eq!((Arc::strong_count(&wanted), pool.count()), (1, 0));
    }

    #[test]
    fn every_so_often_the_clock_is_looked_at_and_then_it_sweeps() {
        let pool = Pool::<u32>::default();
        for n in 1..LOOK {
            pool.put(n);
            assert!(pool.swept.lock().is_none());
        }
        pool.put(0);
        let first = pool.swept.lock().expect("the clock was looked at");
        let ago = |seconds| *pool.swept.lock() = Some(first - Duration::from_secs(seconds));
        ago(4);
        pool.look();
        assert_eq!(pool.count(), LOOK as usize);
        assert!(pool.shards.get().unwrap().iter().all(|s| s.room.lock().old.is_empty()));
        ago(5);
        pool.look();
        assert!(pool.swept.lock().unwrap() >= first);
        assert_eq!(pool.count(), LOOK as usize);
        assert!(pool.shards.get().unwrap().iter().all(|s| s.room.lock().fresh.is_empty()));
        ago(5);
        pool.look();
        assert_eq!(pool.count(), 0);
    }
    /// What a processor gave back it gets again, not what another one did.
    #[test]
    fn goroutines_use_what_lies_at_their_processor() {
        let runtime = crate::Runtime::builder().procs(1).build().unwrap();
        let pool = Pool::<usize>::default();
        let place = runtime.run(wait::place);
        assert_eq!(place, 0, "the index of the only processor");
        if spread::width() < 2 {
            return;
        }
        pool.put(1);
        let shards = pool.shards.get().unwrap();
        shards[1].put(100);
        runtime.run(|| {
            pool.put(7);
            assert_eq!(pool.get(), 7);
            pool.put(8);
            pool.put(9);
            assert_eq!((pool.get(), pool.get()), (9, 8));
        });
        assert_eq!(pool.count(), 2);
    }
}
