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
//! Invariants: those of the [table](super::table). A chain is moved in two steps: first
//! all of its keys are hashed, which is code of the user and changes nothing; then they are moved,
//! which calls nobody.

use super::bucket::{CELLS, Cell, Cells, Marks, Ptr};
use super::storage::{Array, Failure};
use super::table::{Space, Table};
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// As many keys fit into 2^`log` buckets before they grow: 6.5 for each, or 8 in a single one.
pub(super) fn capacity(log: u32) -> usize {
    if log == 0 { CELLS } else { (13_usize << (log - 1)).max(CELLS) }
}

/// The least `log` for that many keys.
pub(super) fn log_for(keys: usize) -> Result<u32, Failure> {
    let fits = |log: &u32| capacity(*log) >= keys;
    (0..usize::BITS - 4).find(fits).ok_or(Failure::Overflow)
}

/// Which keys of a chain go up, for each of its buckets.
struct Ups {
    first: [Cells; 4],
    more: Vec<Cells>,
    len: usize,
}

impl Ups {
    fn push(&mut self, ups: Cells) {
        match self.first.get_mut(self.len) {
            Some(place) => *place = ups,
            None => self.more.push(ups),
        }
        self.len += 1;
    }

    fn get(&self, bucket: usize) -> Cells {
        self.first.get(bucket).copied().unwrap_or_else(|| self.more[bucket - self.first.len()])
    }
}

/// The end of a chain that is being written.
struct Tail<K, V> {
    bucket: Ptr<K, V>,
    marks: Marks,
    filled: usize,
}

impl<K, V> Table<K, V> {
    pub(super) fn log(&self) -> Option<u32> {
        self.now.as_ref().map(|now| now.len().trailing_zeros())
    }

    /// What each write begins with: two chains of the old array are moved, if there is one.
    #[inline]
    pub(super) fn work(&mut self, hash: impl Fn(&K) -> u64) {
        if self.is_growing() {
            self.move_two(&hash);
        }
    }

    #[inline(never)]
    fn move_two(&mut self, hash: &impl Fn(&K) -> u64) {
        for _ in 0..2 {
            if self.is_growing() {
                self.move_one(hash).unwrap_or_else(|failure| failure.raise());
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

    /// Whether there should be more room for one key more.
    #[inline]
    fn is_full(&self) -> bool {
        let Some(log) = self.log() else { return true };
        !self.is_growing() && (self.len() >= capacity(log) || self.has_long_chains(log))
    }

    /// As many overflow buckets as buckets. Go counts to 2^15 at most, above that one in many.
    #[inline]
    fn has_long_chains(&self, log: u32) -> bool {
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
            None => self.now = Some(Array::zeroed(0)?),
            Some(log) => {
                let is_small = self.len() >= capacity(log);
                let larger = Array::lazy(log + u32::from(is_small), false)?;
                self.old = self.now.replace(larger);
                (self.done, self.old_overflow) = (0, self.overflow);
                self.overflow = 0;
                self.move_two(rehash);
            }
        }
        Ok(self.space(hash))
    }

    /// Moves the chain `done`.
    fn move_one(&mut self, hash: &impl Fn(&K) -> u64) -> Result<(), Failure> {
        let (Some(old), Some(now)) = (&self.old, &self.now) else {
            unreachable!("it is asked first whether the table grows")
        };
        let (number, up, doubles) = (self.done, old.len(), now.len() != old.len());
        // SAFETY: the chain `done` of `old` is live.
        let head = unsafe { old.bucket(number) };
        let ups = if doubles { ups(head, up, hash) } else { ups(head, 0, |_| 0) };
        self.segment_for(number)?;
        if doubles {
            self.segment_for(number + up)?;
        }
        // From here on nothing fails but for a lack of memory for an overflow bucket.
        let pair = [Some(number), doubles.then_some(number + up)];
        let tails = pair.map(|number| number.map(|number| self.begin(number)));
        let [Some(low), high] = tails else { unreachable!("the first is there") };
        self.write(head, &ups, low, false);
        if let Some(high) = high {
            self.write(head, &ups, high, true);
        }
        self.leave(head, &ups);
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
    fn begin(&self, number: usize) -> Tail<K, V> {
        let Some(now) = &self.now else { unreachable!("there is an array while it grows") };
        // SAFETY: `segment_for` has seen to the segment.
        let place = unsafe { now.place(number) };
        // SAFETY: the chain is not live yet.
        let bucket = unsafe { Ptr::init(place) };
        Tail { bucket, marks: Marks::NONE, filled: 0 }
    }

    /// Copies to a tail what belongs there.
    #[inline]
    fn write(&mut self, head: Ptr<K, V>, ups: &Ups, mut to: Tail<K, V>, up: bool) {
        let (mut from, mut which) = (head, 0);
        loop {
            let (marks, chosen) = (from.marks(), ups.get(which));
            let cells = if up { chosen } else { marks.full().without(chosen) };
            for index in cells {
                if to.filled == CELLS {
                    to.bucket.set_marks(to.marks);
                    let next =
                        self.overflow_bucket(false).unwrap_or_else(|failure| failure.raise());
                    to.bucket.set_next(Some(next));
                    to = Tail { bucket: next, marks: Marks::NONE, filled: 0 };
                }
                let cell = Cell { bucket: from, index };
                let place = Cell { bucket: to.bucket, index: to.filled };
                // SAFETY: the one is full, the other new; the old chain is left after.
                unsafe { cell.copy_to(place) };
                to.marks = to.marks.with(to.filled, marks.get(index));
                to.filled += 1;
            }
            match from.next() {
                Some(next) => (from, which) = (next, which + 1),
                None => break,
            }
        }
        to.bucket.set_marks(to.marks);
    }

    /// The chain `done` has moved: it is marked, its overflow buckets are kept for others, and what
    /// was the last of a segment or of all gives that back.
    #[inline]
    fn leave(&mut self, head: Ptr<K, V>, ups: &Ups) {
        head.set_marks(head.marks().evacuated(ups.get(0)));
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
                unsafe { Array::release(spare) };
            }
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

/// Hashes the keys of a chain: which have the bit `up` in it?
#[inline]
fn ups<K, V>(head: Ptr<K, V>, up: usize, hash: impl Fn(&K) -> u64) -> Ups {
    let mut ups = Ups { first: [Cells::NONE; 4], more: Vec::new(), len: 0 };
    let mut bucket = head;
    loop {
        let mut chosen = Cells::NONE;
        if up != 0 {
            for index in bucket.marks().full() {
                // SAFETY: the cell is full.
                if hash(unsafe { &*bucket.key(index) }) as usize & up != 0 {
                    chosen.insert(index);
                }
            }
        }
        ups.push(chosen);
        match bucket.next() {
            Some(next) => bucket = next,
            None => return ups,
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
