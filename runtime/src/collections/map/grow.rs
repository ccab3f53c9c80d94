//! How a table becomes larger, a little with each write.
//!
//! A growth begins when the next key would be one too many: a new array is announced, and from then on each
//! write moves two chains of the old one, in order, until there are none. Nothing is zeroed: a
//! chain of the new array is written as a whole when its old one is moved. The segments of a large
//! array are allocated when the first chain of them is to be written, and a segment of the old one
//! whose last chain has moved becomes the next that is needed. So of a growth to twice
//! the size there is never more memory in use than the new array has, and no write
//! does more than this:
//!
//! ```text
//! two chains of the old array, four of the new one; two segments to allocate; one to give back
//! ```
//!
//! Go also moves the chain that the write itself touches, so each look-up has to ask the old
//! bucket whether it has moved; here it is a comparison with `done`. docs/DESIGN.md says
//! what that is worth.
//!
//! Invariants: those of the [table](super::table). A chain is moved in two steps. First its cells are hashed, which is
//! code of the user, and copied to chains that are not live yet; if that unwinds, the copies are
//! forgotten. Then `done` says that it has moved, which makes the copies live and calls nobody.

use super::bucket::{Lane, Ptr};
use super::cell::Cell;
use super::find::Space;
use super::marks::{CELLS, Cells};
use super::storage::{Array, Failure};
use super::table::Table;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// So many chains before one is moved, it is fetched. Its overflow bucket is anywhere in memory, and to wait for
/// those was half of what an evacuation took.
const AHEAD: usize = 4;

/// As many keys fit into 2^`log` buckets before they grow: 6.5 for each, or 8 in a single one.
pub(super) fn capacity(log: u32) -> usize {
    if log == 0 { CELLS } else { (13_usize << (log - 1)).max(CELLS) }
}

/// The least `log` for that many keys.
pub(super) fn log_for(keys: usize) -> Result<u32, Failure> {
    let fits = |log: &u32| capacity(*log) >= keys;
    (0..usize::BITS - 4).find(fits).ok_or(Failure::Overflow)
}

/// The end of a chain that is being written.
struct Tail<K, V> {
    cells: Lane<K, V>,
    filled: usize,
}

/// A chain that is being moved: to two others, or to one. Until it is finished it is still live, and the
/// others are not. If a hash unwinds before, their overflow buckets go back.
struct Move<'a, K, V> {
    table: &'a mut Table<K, V>,
    heads: [Ptr<K, V>; 2],
}

impl<K, V> Table<K, V> {
    pub(super) fn log(&self) -> Option<u32> {
        self.now.as_ref().map(|now| now.len().trailing_zeros())
    }

    /// What each write begins with: two chains of the old array are moved, if there is one.
    #[inline(never)]
    pub(super) fn work(&mut self, hash: impl Fn(&K) -> u64) {
        for _ in 0..2 {
            if self.is_growing() {
                self.move_one(&hash).unwrap_or_else(|failure| failure.raise());
            }
        }
    }

    /// Moves all that is left.
    pub(super) fn finish(&mut self, hash: impl Fn(&K) -> u64) -> Result<(), Failure> {
        while self.is_growing() {
            self.move_one(&hash)?;
        }
        Ok(())
    }

    /// An empty cell for a new key. If it is one too many, a growth begins.
    #[inline]
    pub(super) fn cell_for_new(
        &mut self,
        hash: u64,
        space: Space<K, V>,
        rehash: impl Fn(&K) -> u64,
    ) -> Cell<K, V> {
        let cell = if self.is_full() {
            self.make_room(hash, &rehash).and_then(|space| self.cell(space, hash))
        } else {
            self.cell(space, hash)
        };
        cell.unwrap_or_else(|failure| failure.raise())
    }

    /// As many overflow buckets as buckets. Go counts to 2^15 at most, above that one in many.
    pub(super) fn has_long_chains(&self, log: u32) -> bool {
        self.overflow >> log != 0
    }

    #[cold]
    #[inline(never)]
    fn make_room(
        &mut self,
        hash: u64,
        rehash: &impl Fn(&K) -> u64,
    ) -> Result<Space<K, V>, Failure> {
        match self.log() {
            None => {
                self.now = Some(Array::zeroed(0)?);
                self.settle();
            }
            Some(log) => {
                let is_small = self.len() >= capacity(log);
                let larger = Array::lazy(log + u32::from(is_small), false)?;
                self.old = self.now.replace(larger);
                (self.done, self.old_overflow) = (0, self.overflow);
                self.overflow = 0;
                self.settle();
                self.work(rehash);
            }
        }
        Ok(self.space(hash))
    }

    /// Moves the chain `done`.
    #[inline]
    fn move_one(&mut self, hash: &impl Fn(&K) -> u64) -> Result<(), Failure> {
        let (Some(old), Some(now)) = (&self.old, &self.now) else {
            unreachable!("it is asked first whether the table grows")
        };
        let number = self.done;
        // If it does not double, there is one chain to be written, and no hash has the bit.
        let up = if now.len() == old.len() { 0 } else { old.len() };
        // SAFETY: the chain `done` of `old` is live.
        let head = unsafe { old.bucket(number) };
        if old.in_order(number) > AHEAD {
            // SAFETY: a later chain is live, too, and this one is in the same allocation.
            fetch_chain(unsafe { head.following(AHEAD) });
        }
        self.segment_for(number)?;
        self.segment_for(number + up)?;
        let heads = [self.begin(number), self.begin(number + up)];
        let ups = Move { table: self, heads }.run(head, up, hash)?;
        self.leave(head, ups);
        Ok(())
    }

    /// Makes sure that a bucket of `now` has a segment.
    #[inline]
    fn segment_for(&mut self, number: usize) -> Result<(), Failure> {
        let Some(now) = &self.now else { unreachable!("there is an array while it grows") };
        if now.is_large()
            && number.is_multiple_of(Array::<K, V>::SEGMENT)
            && !now.has_segment(number)
        {
            let segment = match self.spare.take() {
                Some(spare) => spare,
                None => Array::<K, V>::allocate(false)?,
            };
            now.put_segment(number, segment);
        }
        Ok(())
    }

    /// The beginning of a chain of `now` that is to be written.
    #[inline]
    fn begin(&self, number: usize) -> Ptr<K, V> {
        let Some(now) = &self.now else { unreachable!("there is an array while it grows") };
        // SAFETY: `segment_for` has seen to the segment.
        let place = unsafe { now.place(number) };
        // SAFETY: the chain is not live yet.
        unsafe { Ptr::init(place) }
    }

    /// The chain `done` has moved: it is marked, its overflow buckets are kept for others, and what
    /// was the last of a segment or of all gives that back.
    #[inline]
    fn leave(&mut self, head: Ptr<K, V>, ups: Cells) {
        head.set_marks(head.marks().evacuated(ups));
        if head.next().is_some() {
            self.old_overflow -= self.recycle(head);
        }
        let number = self.done;
        self.done += 1;
        let Some(old) = &self.old else { unreachable!("there is an old array while it grows") };
        if self.done == old.len() {
            self.old.take().into_iter().for_each(Array::free);
            self.done = 0;
            if let Some(spare) = self.spare.take() {
                // SAFETY: it was taken from a directory, and nothing live is in it.
                unsafe { Array::<K, V>::release(spare) };
            }
            self.settle();
        } else if old.is_large() && self.done.is_multiple_of(Array::<K, V>::SEGMENT) {
            debug_assert!(self.spare.is_none(), "a segment is needed before the next is left");
            self.spare = old.take_segment(number);
        }
    }

    /// Makes an array of 2^`log` buckets and moves everything there at once, or leaves all as it is.
    pub(super) fn rebuild(&mut self, log: u32, hash: impl Fn(&K) -> u64) -> Result<(), Failure> {
        let mut fresh = Shell::new(Self::with_buckets(log)?);
        fresh.set_seed(self.seed());
        let mut walk = self.walk();
        while let Some(found) = walk.next(self) {
            // SAFETY: a walk finds full cells.
            let hash = hash(unsafe { &*found.cell.key() });
            let space = fresh.space(hash);
            let cell = fresh.cell(space, hash)?;
            // SAFETY: of the two tables one counts: this one while `fresh` is a shell, then the other.
            unsafe { found.cell.copy_to(cell) };
            fresh.adopt(cell, hash);
        }
        std::mem::swap(self, &mut fresh);
        Ok(())
    }
}

/// Has the processor fetch a chain that will be moved. Its marks are beside others, which have been read already.
#[inline]
fn fetch_chain<K, V>(head: Ptr<K, V>) {
    head.place().fetch_content();
    if let Some(next) = head.next() {
        next.place().fetch();
    }
}

impl<K, V> Move<'_, K, V> {
    /// Copies what is in a chain to where it belongs. Which cells of its first bucket went up?
    #[inline]
    fn run(self, head: Ptr<K, V>, up: usize, hash: &impl Fn(&K) -> u64) -> Result<Cells, Failure> {
        let mut tails = self.heads.map(|bucket| Tail { cells: bucket.lane(), filled: 0 });
        let mut buckets = self.heads;
        let mut from = head;
        let mut first = None;
        loop {
            let (marks, mut ups) = (from.marks(), Cells::NONE);
            for index in marks.full() {
                // SAFETY: the cell is full.
                let hash = hash(unsafe { &*from.key(index) });
                // As a number, not as a branch, which would be foreseen every other time.
                let is_up = hash as usize & up != 0;
                ups.insert_if(index, is_up);
                let to = &mut tails[usize::from(is_up)];
                if to.filled == CELLS {
                    let next = self.table.overflow_bucket(false)?;
                    let last = &mut buckets[usize::from(is_up)];
                    last.set_next(Some(next));
                    *last = next;
                    *to = Tail { cells: next.lane(), filled: 0 };
                }
                let cell = Cell { bucket: from, index };
                // SAFETY: the one is full, and counts as that until the chain is left; the other is new,
                // and its bucket not full.
                unsafe { to.cells.take_copy(to.filled, cell, marks.get(index)) };
                to.filled += 1;
            }
            let ups = *first.get_or_insert(ups);
            match from.next() {
                Some(next) => from = next,
                None => {
                    let _ = ManuallyDrop::new(self);
                    return Ok(ups);
                }
            }
        }
    }
}

impl<K, V> Drop for Move<'_, K, V> {
    #[cold]
    fn drop(&mut self) {
        for head in self.heads {
            self.table.overflow -= self.table.recycle(head);
        }
    }
}

/// A table whose keys and values belong to another one: only its memory is given back.
struct Shell<K, V>(ManuallyDrop<Table<K, V>>);

impl<K, V> Shell<K, V> {
    fn new(table: Table<K, V>) -> Self {
        Self(ManuallyDrop::new(table))
    }
}

impl<K, V> Deref for Shell<K, V> {
    type Target = Table<K, V>;

    fn deref(&self) -> &Table<K, V> {
        &self.0
    }
}

impl<K, V> DerefMut for Shell<K, V> {
    fn deref_mut(&mut self) -> &mut Table<K, V> {
        &mut self.0
    }
}

impl<K, V> Drop for Shell<K, V> {
    fn drop(&mut self) {
        self.0.free();
    }
}
