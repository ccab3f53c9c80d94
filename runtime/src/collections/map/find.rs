//! Finding a key, or a place for one.
//!
//! Most look-ups are over after one look at one bucket: the way to it is known beforehand, as long as the
//! table does not grow, and one mark is the key's or none is. That is inlined where a map is asked, and
//! as small as can be: what the processor has under way at once is a number of instructions, so each one
//! less counts even where all waits for memory. A write begins with the same look, which tells of most keys that are
//! new where they go. The rest is called: a chain of several buckets, two keys with the same mark, a
//! table that grows.
//!
//! Invariants: those of the [table](super::table).

use super::bucket::Ptr;
use super::cell::{Cell, Spot};
use super::marks::wide_top;
use super::table::Table;
use std::borrow::Borrow;

/// A full cell that was found by its hash, and the head of its chain.
pub(super) struct Found<K, V> {
    pub(super) head: Ptr<K, V>,
    pub(super) cell: Cell<K, V>,
}

/// Where a key may be put that is not there.
pub(super) enum Space<K, V> {
    Cell(Cell<K, V>),
    /// Behind the last bucket of its chain.
    Behind(Ptr<K, V>),
    /// There is no array yet.
    Nowhere,
}

/// What one look at one bucket says, the first of its chain. Cells are of that bucket.
pub(super) enum Look<K, V> {
    /// The key is there.
    Found(Cell<K, V>),
    /// It is not, and may be put here: there is room.
    Space(Cell<K, V>),
    /// More has to be looked at, or room to be made.
    Unclear,
}

impl<K, V> Table<K, V> {
    /// The first bucket of the live chain for a hash, if it is known at once: if there is an array, and the table does not grow. Else a stand-in, whose marks
    /// say that nothing is in it, and that there is more to ask.
    ///
    /// # Safety
    /// The content is asked for only if the marks say that a cell is full, or that the chain ends here.
    #[inline]
    unsafe fn head_at_once(&self, hash: u64) -> Ptr<K, V> {
        // SAFETY: the way is that of `now` if there is no `old` (invariant 5), all chains of which are there then
        // (invariant 1). If it is none, the marks say neither of what the caller waits for.
        let place = unsafe { self.way.place(hash as usize) };
        // SAFETY: and live; the stand-in has marks and a link, too, and stays.
        unsafe { Ptr::new(place) }
    }

    /// The first bucket of the live chain for a hash.
    #[inline]
    pub(super) fn head(&self, hash: u64) -> Option<Ptr<K, V>> {
        let now = self.now.as_ref()?;
        if let Some(old) = &self.old {
            let number = hash as usize & old.mask();
            if number >= self.done {
                // SAFETY: the chain is live (invariant 1).
                return Some(unsafe { old.bucket(number) });
            }
        }
        // SAFETY: as above.
        Some(unsafe { now.bucket(hash as usize & now.mask()) })
    }

    /// Has the processor fetch what a search for a hash will begin with.
    #[inline]
    pub(super) fn fetch(&self, hash: u64) {
        if let Some(head) = self.head(hash) {
            head.place().fetch();
        }
    }

    /// What one wants of the cell of a key. What is here is what most look-ups need, and no more: it is inlined.
    #[inline]
    pub(super) fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<Spot<K, V>>
    where
        K: Borrow<Q>,
    {
        // SAFETY: a key is looked at where a mark says that it is there.
        let bucket = unsafe { self.head_at_once(hash) };
        let marks = bucket.marks();
        match marks.matching(wide_top(hash)).first() {
            Some(index) => {
                let spot = bucket.spot(index);
                // SAFETY: it is that of a cell.
                let other = unsafe { spot.key() };
                // SAFETY: the cell is full, for its mark is a top.
                if key == unsafe { &*other }.borrow() {
                    return Some(spot);
                }
            }
            None if marks.has_rest() => return None,
            None => {}
        }
        let spot = self.find_slow(hash, key);
        if spot.is_none() { None } else { Some(spot) }
    }

    /// The same, where one look at one bucket is not enough.
    #[cold]
    #[inline(never)]
    fn find_slow<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Spot<K, V>
    where
        K: Borrow<Q>,
    {
        let Some(mut bucket) = self.head(hash) else { return Spot::NONE };
        let mark = wide_top(hash);
        loop {
            let marks = bucket.marks();
            let mut matching = marks.matching(mark);
            while let Some(index) = matching.first() {
                let spot = bucket.spot(index);
                // SAFETY: it is that of a cell.
                let other = unsafe { spot.key() };
                // SAFETY: the cell is full, for its mark is a top.
                if key == unsafe { &*other }.borrow() {
                    return spot;
                }
                matching = matching.others();
            }
            if marks.has_rest() {
                return Spot::NONE;
            }
            match bucket.next() {
                Some(next) => bucket = next,
                None => return Spot::NONE,
            }
        }
    }

    /// Where a key is, or may be put. As with [`find`](Self::find), what most writes need, and no more.
    #[inline]
    pub(super) fn look<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Look<K, V>
    where
        K: Borrow<Q>,
    {
        // SAFETY: a key is looked at where a mark says that it is there, and a cell is filled where the chain ends.
        let bucket = unsafe { self.head_at_once(hash) };
        let marks = bucket.marks();
        match marks.matching(wide_top(hash)).first() {
            // SAFETY: the cell is full, for its mark is a top.
            Some(index) if key == unsafe { &*bucket.key(index) }.borrow() => {
                return Look::Found(Cell { bucket, index });
            }
            None if marks.has_rest() && !self.is_full() => {
                if let Some(index) = marks.vacant() {
                    return Look::Space(Cell { bucket, index });
                }
            }
            _ => {}
        }
        Look::Unclear
    }

    /// The same, or a place for it.
    #[inline]
    pub(super) fn find_or_space(
        &self,
        hash: u64,
        mut eq: impl FnMut(&K) -> bool,
    ) -> Result<Found<K, V>, Space<K, V>> {
        let Some(head) = self.head(hash) else { return Err(Space::Nowhere) };
        let mark = wide_top(hash);
        let mut bucket = head;
        let mut space = None;
        loop {
            let marks = bucket.marks();
            let mut matching = marks.matching(mark);
            while let Some(index) = matching.first() {
                // SAFETY: the cell is full, for its mark is a top.
                if eq(unsafe { &*bucket.key(index) }) {
                    return Ok(Found { head, cell: Cell { bucket, index } });
                }
                matching = matching.others();
            }
            if space.is_none() {
                space = marks.vacant().map(|index| Cell { bucket, index });
            }
            if marks.has_rest() {
                break;
            }
            match bucket.next() {
                Some(next) => bucket = next,
                None => break,
            }
        }
        Err(space.map_or(Space::Behind(bucket), Space::Cell))
    }

    /// Where a key with this hash may be put, wherever the others are.
    pub(super) fn space(&self, hash: u64) -> Space<K, V> {
        match self.find_or_space(hash, |_| false) {
            Ok(_) => unreachable!("no key is equal"),
            Err(space) => space,
        }
    }
}
