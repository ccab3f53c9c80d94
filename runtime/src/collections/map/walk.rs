//! A walk over all full cells of a table, from a random place on.
//!
//! It takes a *row* at a time: the first buckets of up to eight chains that lie side by side, with a bit for
//! each full cell. What is behind them in their chains comes then, bucket by bucket. The row with which it
//! begins is taken in two parts, the one at the beginning and the other in the end.
//!
//! Invariants:
//! 1. A walk is used with the table that it was made for, in which since then at most cells were
//!    emptied that the walk has already found. So its chains are live, and `left` counts what is to
//!    come behind the row. (Values may be changed.)
//! 2. The chains of a row are in one allocation, in order, and live.

use super::bucket::{Lane, Place, Ptr};
use super::cell::Cell;
use super::find::Found;
use super::marks::{CELLS, ROW};
use super::random::random;
use super::table::Table;
use std::mem;
use std::num::NonZero;

pub(super) struct Walk<K, V> {
    /// What is left of the row, a bit for each cell.
    cells: u64,
    /// The bits that are the number of a cell. A row of four buckets or less, if it is the whole array, is there twice, so
    /// that it can begin anywhere.
    number: u32,
    /// The last bucket of the row. It is used once there were cells: before that nothing is there.
    row: Ptr<K, V>,
    /// Its cells.
    lane: Lane<K, V>,
    /// How many cells are behind the row.
    left: usize,
    /// The last row of chains; and the last cell of each of them that has more buckets, perhaps.
    chains: Ptr<K, V>,
    longer: u64,
    /// As many chains lie behind those, in order in memory.
    run: usize,
    /// The overflow bucket that comes next.
    next: Option<Ptr<K, V>>,
    /// The first bucket of its chain, and of the one that is the row.
    head: Option<Ptr<K, V>>,
    /// Where it begins: the number of a chain, and a cell of its row, of 64 if it is so wide.
    start: usize,
    turn: u32,
    /// So many numbers are done.
    done: usize,
    /// What comes of a row that is the whole array when it has come to its end.
    later: u64,
}

impl<K, V> Clone for Walk<K, V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<K, V> Walk<K, V> {
    #[inline]
    pub(super) fn new(table: &Table<K, V>) -> Self {
        // SAFETY: it is not used before another has taken its place.
        let row = unsafe { Ptr::new(Place::nowhere()) };
        let (left, mut start, mut turn) = (table.len(), 0, 0);
        if left != 0 {
            let dice = random();
            turn = (dice >> 58) as u32;
            start = table.some(dice) & !(ROW - 1);
        }
        let (cells, number, chains, longer, run) = (0, u64::BITS - 1, row, 0, 0);
        let (next, head, done, later) = (None, None, 0, 0);
        Self {
            cells,
            number,
            row,
            lane: Lane::nowhere(),
            left,
            chains,
            longer,
            run,
            next,
            head,
            start,
            turn,
            done,
            later,
        }
    }

    /// How many are to come.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.left + self.cells.count_ones() as usize
    }

    /// The number of the next cell in its row.
    #[inline]
    fn step(&mut self, table: &Table<K, V>) -> Option<usize> {
        if self.cells == 0 {
            self.enter(table);
        }
        let cells = NonZero::new(self.cells)?;
        self.cells &= self.cells - 1;
        Some((cells.trailing_zeros() & self.number) as usize)
    }

    /// The next full cell. See invariant 1.
    #[inline]
    pub(super) fn next(&mut self, table: &Table<K, V>) -> Option<Found<K, V>> {
        let number = self.step(table)?;
        // SAFETY: the row has so many buckets (invariant 2).
        let bucket = unsafe { self.row.preceding(number / CELLS) };
        let head = self.head.unwrap_or(bucket);
        Some(Found { head, cell: Cell { bucket, index: number % CELLS } })
    }

    /// The key and the value in it. See invariant 1.
    #[inline]
    pub(super) fn next_entry(&mut self, table: &Table<K, V>) -> Option<(*mut K, *mut V)> {
        let number = self.step(table)?;
        // SAFETY: the row has so many buckets (invariant 2).
        Some(unsafe { self.lane.entry_in_row(number) })
    }

    /// The next row that is not empty, if there is one.
    #[inline(never)]
    fn enter(&mut self, table: &Table<K, V>) {
        while self.cells == 0 && self.left != 0 {
            if self.later != 0 {
                self.cells = mem::take(&mut self.later);
            } else if self.next.is_some() || self.longer != 0 {
                self.enter_overflow();
            } else if self.run >= ROW {
                self.run -= ROW;
                // SAFETY: there is a row in order behind this one (invariant 2).
                let row = unsafe { self.chains.following(ROW) };
                self.set_row(row, ROW);
                // SAFETY: a row is so wide (invariant 2).
                let (full, longer) = unsafe { row.row(ROW) };
                (self.cells, self.longer) = (full, longer);
            } else {
                self.enter_elsewhere(table);
            }
            self.left -= self.cells.count_ones() as usize;
        }
    }

    #[inline]
    fn set_row(&mut self, first: Ptr<K, V>, width: usize) {
        (self.chains, self.head) = (first, None);
        // SAFETY: it has so many (invariant 2).
        self.row = unsafe { first.following(width - 1) };
        self.lane = self.row.lane();
    }

    /// The next overflow bucket, if there is one.
    #[inline]
    fn enter_overflow(&mut self) {
        let Some(bucket) = self.next else {
            let number = self.longer.trailing_zeros() as usize / CELLS;
            self.longer &= self.longer - 1;
            // SAFETY: it is one of the row (invariant 2).
            let head = unsafe { self.chains.following(number) };
            self.next = head.next();
            self.head = Some(head);
            return;
        };
        self.cells = bucket.marks().bits();
        self.next = bucket.next();
        self.row = bucket;
        self.lane = bucket.lane();
    }

    /// The next row, wherever it is.
    #[inline(never)]
    fn enter_elsewhere(&mut self, table: &Table<K, V>) {
        let Some(now) = &table.now else { unreachable!("a table without an array has no cells") };
        debug_assert!(self.done <= now.len(), "{} cells were not found", self.left);
        let (first, mut count) = table.chains(self.start.wrapping_add(self.done) & now.mask());
        let Some(row) = first else {
            self.done += count;
            return;
        };
        let left = now.len() - self.done;
        // Once around, it is the first row again, and nothing behind it.
        count = count.min(if left == 0 { ROW } else { left });
        let width = count.min(ROW);
        count -= count % width;
        // SAFETY: a row is so wide (invariant 2).
        let (full, longer) = unsafe { row.row(width) };
        let begin = u64::MAX << (self.turn as usize * width / ROW);
        (self.cells, self.longer) = match self.done {
            0 => (full & begin, longer),
            // What is behind its buckets has come with the first part.
            _ if left == 0 => (full & !begin, 0),
            _ => (full, longer),
        };
        if width == now.len() {
            let bits = CELLS * width;
            if width < ROW {
                self.cells = (full | full << bits) & begin & !(begin << bits);
                self.number = bits as u32 - 1;
            } else {
                self.later = full & !begin;
            }
        }
        self.set_row(row, width);
        // They count as done now: nobody comes to them otherwise.
        self.done += count;
        self.run = count - width;
    }
}
