//! The table behind a [`Map`](super::Map): filling and emptying cells.
//!
//! It knows hashes and cells, not keys. While it grows there are two arrays. The old one's chains go over to the new one in order, from 0 up, so one
//! number says where a chain is:
//!
//! ```text
//!              0      done                2^B'
//! old      [ moved  |   what has not moved  ]
//! now      [ here   | not yet | here  | not yet ]
//!          0                  2^B'              2^B
//! ```
//!
//! Invariants, beside those of [`bucket`](super::bucket) and [`storage`](super::storage):
//! 1. The *live* chains: of `now` all, or while there is an `old` those whose number, below 2^B',
//!    is below `done`; and of `old` those from `done` on. Every bucket of a live chain is allocated, with
//!    marks and a link, and belongs to the table alone. Nothing else of the arrays is read.
//! 2. A key that was put in with a hash is in the live chain that [`head`](Table::head) names for it.
//! 3. `len` is the number of full cells in live chains.
//! 4. What `pool` lists are overflow buckets that belong to no chain, linked by their `next`. It is the
//!    base of the first.
//! 5. `way` and `limit` are what [`settle`](Table::settle) makes of the rest.
//! 6. While code of the user runs, be it a hash, a comparison, a clone or a destructor, 1 to 5
//!    hold. If it unwinds, the table is as it was. (A key whose hash or comparison lies is not found or
//!    found twice; none of the above depends on either.)

use super::bucket::{Base, Ptr};
use super::cell::Cell;
use super::find::Space;
use super::marks::{CELLS, EMPTY_ONE, EMPTY_REST, Marks, top};
use super::random::random;
use super::storage::{Array, Failure, Way, allocate_bucket, release_bucket};
use super::walk::Walk;
use std::marker::PhantomData;

pub(super) struct Table<K, V> {
    /// That of `now`, if there is no `old`, so that its buckets are found at once; else [`NONE`](Way::NONE).
    pub(super) way: Way,
    len: usize,
    /// With so many keys the next one needs a growth, or [an array](Self::settle) at all.
    limit: usize,
    pub(super) now: Option<Array<K, V>>,
    pub(super) old: Option<Array<K, V>>,
    /// So many chains of `old` have been moved. Go's `nevacuate`.
    pub(super) done: usize,
    /// Goes into every hash that is mixed; drawn again when the table has become empty. Go's `hash0`.
    seed: u64,
    /// Overflow buckets of `now`; of `old`. Go's `noverflow`.
    pub(super) overflow: usize,
    pub(super) old_overflow: usize,
    pool: Option<Base>,
    /// A segment of `old` that was moved, and becomes one of `now`.
    pub(super) spare: Option<Base>,
    owned: PhantomData<(K, V)>,
}

// SAFETY: `spare` is memory without content, and `way` leads to a part of `now`, or to a static. Everything else says itself who may go where; the keys
// and values are spoken for by `owned`.
unsafe impl<K: Send, V: Send> Send for Table<K, V> {}

// SAFETY: as above; with a shared reference nothing is changed.
unsafe impl<K: Sync, V: Sync> Sync for Table<K, V> {}

impl<K, V> Table<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            way: Way::NONE,
            len: 0,
            limit: 0,
            now: None,
            old: None,
            done: 0,
            seed: 0,
            overflow: 0,
            old_overflow: 0,
            pool: None,
            spare: None,
            owned: PhantomData,
        }
    }

    /// With 2^`log` buckets.
    pub(super) fn with_buckets(log: u32) -> Result<Self, Failure> {
        let mut table = Self::new();
        table.now = Some(Array::zeroed(log)?);
        table.settle();
        Ok(table)
    }

    /// Derives what depends on the arrays and on the number of overflow buckets. To be called
    /// whenever an array comes or goes.
    pub(super) fn settle(&mut self) {
        let idle = self.now.as_ref().filter(|_| self.old.is_none());
        self.way = idle.map_or(Way::NONE, Array::way);
        self.limit = match self.log() {
            Some(_) if self.is_growing() => usize::MAX,
            Some(log) if self.has_long_chains(log) => 0,
            log => log.map_or(0, super::grow::capacity),
        };
    }

    /// Whether one key more needs more room.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len >= self.limit
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn set_seed(&mut self, seed: u64) {
        debug_assert_eq!(self.len, 0, "an entry that is there would not be found again");
        self.seed = seed;
    }

    #[inline]
    pub(super) fn is_growing(&self) -> bool {
        self.old.is_some()
    }

    /// The first bucket of the live chain for a hash, and how many of the low bits of the hash have chosen it.
    pub(super) fn chain_for(&self, hash: u64) -> Option<(Ptr<K, V>, u32)> {
        let head = self.head(hash)?;
        let old = self.old.as_ref().filter(|_| self.is_old(hash as usize));
        let array = old.or(self.now.as_ref())?;
        Some((head, array.len().trailing_zeros()))
    }

    /// Whether what belongs into a chain of `now` is still in `old`.
    pub(super) fn is_old(&self, number: usize) -> bool {
        self.old.as_ref().is_some_and(|old| number & old.mask() >= self.done)
    }

    /// The live chain with a number, which is at most the mask of `now`; none if it has not moved
    /// and is called by a lower number in `old`.
    #[inline]
    pub(super) fn chain(&self, number: usize) -> Option<Ptr<K, V>> {
        let now = self.now.as_ref()?;
        if let Some(old) = &self.old {
            let below = number & old.mask();
            if below >= self.done {
                // SAFETY: the chain is live (invariant 1).
                return (below == number).then(|| unsafe { old.bucket(number) });
            }
        }
        // SAFETY: as above; `number` is not above the mask.
        Some(unsafe { now.bucket(number) })
    }

    /// The same, and how many live chains lie in order up to there; or as many numbers without.
    #[inline]
    pub(super) fn chains_to(&self, number: usize) -> (Option<Ptr<K, V>>, usize) {
        let Some(now) = &self.now else { return (None, 0) };
        let in_order = match &self.old {
            None => now.in_order_to(number),
            Some(old) => {
                let below = number & old.mask();
                if below < self.done {
                    now.in_order_to(number).min(below + 1)
                } else if number < old.len() {
                    old.in_order_to(number).min(number - self.done + 1)
                } else {
                    below - self.done + 1
                }
            }
        };
        (self.chain(number), in_order)
    }

    /// A bucket of the old array that was evacuated, if its memory is still there.
    pub(super) fn left_behind(&self, number: usize) -> Option<Ptr<K, V>> {
        let old = self.old.as_ref().filter(|old| old.has_segment(number))?;
        // SAFETY: the segment is there, and its buckets have kept their marks: all were live when the
        // growth began, or are a copy's, which began zeroed. Nothing is written to them after their evacuation.
        Some(unsafe { old.bucket(number) })
    }

    /// The number of some chain.
    #[inline]
    pub(super) fn some(&self, dice: u64) -> usize {
        let array = self.old.as_ref().or(self.now.as_ref());
        dice as usize & array.map_or(0, Array::mask)
    }

    /// An empty cell for a key with this hash, made if there is none.
    #[inline]
    pub(super) fn cell(&mut self, space: Space<K, V>, hash: u64) -> Result<Cell<K, V>, Failure> {
        match space {
            Space::Cell(cell) => Ok(cell),
            Space::Behind(last) => {
                let bucket = self.overflow_bucket(self.is_old(hash as usize))?;
                last.set_next(Some(bucket));
                Ok(Cell { bucket, index: 0 })
            }
            Space::Nowhere => unreachable!("an array is made before a cell is asked for"),
        }
    }

    /// Fills a cell.
    ///
    /// # Safety
    /// The cell is empty, and in the live chain for the hash.
    #[inline]
    pub(super) unsafe fn fill(&mut self, cell: Cell<K, V>, hash: u64, key: K, value: V) {
        // SAFETY: as the caller says.
        unsafe { cell.write(top(hash), key, value) };
        self.len += 1;
    }

    /// Counts a cell that was filled by a copy.
    pub(super) fn adopt(&mut self, cell: Cell<K, V>, hash: u64) {
        cell.bucket.set_mark(cell.index, top(hash));
        self.len += 1;
    }

    /// Empties a cell. If it was the last full one, the table gets another seed.
    ///
    /// # Safety
    /// The cell is full, and in the live chain that begins with `head`.
    pub(super) unsafe fn take(&mut self, head: Ptr<K, V>, cell: Cell<K, V>) -> (K, V) {
        cell.bucket.set_mark(cell.index, EMPTY_ONE);
        self.len -= 1;
        // SAFETY: it was full, and no longer counts as that.
        let entry = unsafe { cell.read() };
        end_chain(head, cell);
        if self.len == 0 {
            self.seed = random();
        }
        entry
    }

    /// An overflow bucket that is in no chain yet, counted for the one array or the other.
    pub(super) fn overflow_bucket(&mut self, old: bool) -> Result<Ptr<K, V>, Failure> {
        let place = match self.take_pooled() {
            Some(bucket) => bucket.place(),
            None => allocate_bucket()?,
        };
        *(if old { &mut self.old_overflow } else { &mut self.overflow }) += 1;
        if !self.is_growing() {
            self.settle();
        }
        // SAFETY: it belongs to nobody else, and stays until the table gives it back.
        Ok(unsafe { Ptr::init(place) })
    }

    /// The first bucket of the pool.
    fn pool(&self) -> Option<Ptr<K, V>> {
        // SAFETY: it is an overflow bucket (invariant 4).
        self.pool.map(|first| unsafe { Ptr::single(first) })
    }

    /// Takes it.
    fn take_pooled(&mut self) -> Option<Ptr<K, V>> {
        let first = self.pool()?;
        self.pool = first.next().map(|next| next.place().base());
        Some(first)
    }

    /// Cuts the overflow buckets off a chain, and keeps them for others. How many?
    pub(super) fn recycle(&mut self, head: Ptr<K, V>) -> usize {
        let (mut next, mut buckets) = (head.next(), 0);
        head.set_next(None);
        while let Some(bucket) = next {
            next = bucket.next();
            bucket.set_next(self.pool());
            self.pool = Some(bucket.place().base());
            buckets += 1;
        }
        buckets
    }

    /// Goes over all full cells.
    pub(super) fn walk(&self) -> Walk<K, V> {
        Walk::new(self)
    }

    /// Drops all keys and values, and keeps the memory.
    pub(super) fn clear(&mut self) {
        if std::mem::needs_drop::<(K, V)>() {
            let mut walk = self.walk();
            while let Some(found) = walk.next(self) {
                // SAFETY: a walk finds full cells, with their heads.
                drop(unsafe { self.take(found.head, found.cell) });
            }
        }
        self.wipe();
    }

    /// Forgets all keys and values, and keeps the memory.
    pub(super) fn wipe(&mut self) {
        let Some(chains) = self.now.as_ref().map(Array::len) else { return };
        for number in 0..chains {
            if let Some(head) = self.chain(number) {
                head.set_marks(Marks::NONE);
                self.recycle(head);
            }
        }
        (self.overflow, self.old_overflow) = (0, 0);
        self.settle();
        self.len = 0;
        self.seed = random();
    }

    /// Gives all memory back, and forgets what is in it.
    pub(super) fn free(&mut self) {
        let chains = self.now.as_ref().map_or(0, Array::len);
        if self.overflow + self.old_overflow != 0 {
            for number in 0..chains {
                if let Some(head) = self.chain(number) {
                    self.recycle(head);
                }
            }
        }
        self.drain_pool();
        if let Some(spare) = self.spare.take() {
            // SAFETY: it was taken from a directory.
            unsafe { Array::<K, V>::release(spare) };
        }
        self.old.take().into_iter().chain(self.now.take()).for_each(Array::free);
        (self.done, self.len, self.overflow, self.old_overflow) = (0, 0, 0, 0);
        self.settle();
    }

    /// Gives back the overflow buckets that no chain has.
    pub(super) fn drain_pool(&mut self) {
        while let Some(bucket) = self.take_pooled() {
            // SAFETY: the pool's buckets come from there, and belong to nobody (invariant 4).
            unsafe { release_bucket(bucket.place()) };
        }
    }
}

/// Keeps the second invariant of `bucket` when a cell has been marked [`EMPTY_ONE`]: from the last
/// full cell of the chain on all are the rest.
fn end_chain<K, V>(head: Ptr<K, V>, cell: Cell<K, V>) {
    let Cell { mut bucket, mut index } = cell;
    let behind = if index + 1 < CELLS {
        bucket.marks().get(index + 1)
    } else {
        bucket.next().map_or(EMPTY_REST, |next| next.marks().get(0))
    };
    if behind != EMPTY_REST {
        return;
    }
    loop {
        bucket.set_mark(index, EMPTY_REST);
        if index > 0 {
            index -= 1;
        } else if bucket == head {
            return;
        } else {
            let mut before = head;
            while let Some(next) = before.next().filter(|next| *next != bucket) {
                before = next;
            }
            (bucket, index) = (before, CELLS - 1);
        }
        if bucket.marks().get(index) != EMPTY_ONE {
            return;
        }
    }
}

impl<K: Clone, V: Clone> Table<K, V> {
    /// A copy with everything in the same chain. Nothing is hashed.
    pub(super) fn duplicate(&self) -> Result<Self, Failure> {
        let Some(now) = self.now.as_ref().filter(|_| self.len != 0) else { return Ok(Self::new()) };
        let mut copy = Self::new();
        copy.now = Some(now.like()?);
        copy.old = self.old.as_ref().map(Array::like).transpose()?;
        (copy.done, copy.seed) = (self.done, self.seed);
        copy.settle();
        for number in 0..self.done {
            if let (Some(from), Some(to)) = (self.left_behind(number), copy.left_behind(number)) {
                to.set_marks(from.marks());
            }
        }
        for number in 0..now.len() {
            let (Some(mut from), Some(mut to)) = (self.chain(number), copy.chain(number)) else {
                continue;
            };
            let mut filled = 0;
            loop {
                for index in from.marks().full() {
                    if filled == CELLS {
                        let next = copy.overflow_bucket(copy.is_old(number))?;
                        to.set_next(Some(next));
                        (to, filled) = (next, 0);
                    }
                    let cell = Cell { bucket: from, index };
                    // SAFETY: the cell is full.
                    let key = unsafe { (*cell.key()).clone() };
                    // SAFETY: as above.
                    let value = unsafe { (*cell.value()).clone() };
                    // SAFETY: in a new chain, which is filled in order, the cell is empty.
                    unsafe { Cell { bucket: to, index: filled }.write(cell.mark(), key, value) };
                    copy.len += 1;
                    filled += 1;
                }
                match from.next() {
                    Some(next) => from = next,
                    None => break,
                }
            }
        }
        Ok(copy)
    }
}

impl<K, V> Drop for Table<K, V> {
    fn drop(&mut self) {
        /// The memory goes even if a destructor panics; what comes after it is leaked then, as
        /// std's `HashMap` does.
        struct Memory<'a, K, V>(&'a mut Table<K, V>);

        impl<K, V> Drop for Memory<'_, K, V> {
            fn drop(&mut self) {
                self.0.free();
            }
        }

        let memory = Memory(self);
        if std::mem::needs_drop::<(K, V)>() {
            let mut walk = memory.0.walk();
            while let Some(found) = walk.next(memory.0) {
                // SAFETY: a walk finds each full cell once, and nobody looks at them after.
                drop(unsafe { found.cell.read() });
            }
        }
    }
}
