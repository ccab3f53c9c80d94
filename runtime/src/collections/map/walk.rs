//! A walk over all full cells of a table, from a random place on.
//!
//! It takes a *row* at a time: the first buckets of up to eight chains that lie side by side, with a bit for
//! each full cell. What is behind them in their chains comes then, bucket by bucket. The row with which it
//! begins is taken in two parts, the one at the beginning and the other in the end.
//!
//! Rows come with falling numbers, and the buckets of a row with falling numbers, too. The contents of buckets
//! lie in memory that way round, so a walk reads them upwards, line by line, as processors foresee it.
//!
//! Invariants:
//! 1. A walk is used with the table that it was made for, in which since then at most cells were
//!    emptied that the walk has already found. So its chains are live, and `left` counts what is to
//!    come behind the row. (Values may be changed.)
//! 2. The chains of a row are in one allocation, in order, and live; and so are the `run` before them.

use super::bucket::{Lane, Place, Ptr};
use super::cell::Cell;
use super::find::Found;
use super::marks::{CELLS, ROW};
use super::random::random;
use super::storage::Array;
use super::table::Table;
use std::mem;
use std::num::NonZero;

pub(super) struct Walk<K, V> {
    /// What is left of the row, a bit for each cell.
    cells: u64,
    /// Whether there are so many chains that they are fetched ahead.
    large: bool,
    /// The last bucket of the row. It is used once there were cells: before that nothing is there.
    row: Ptr<K, V>,
    /// Its cells.
    lane: Lane<K, V>,
    /// How many cells are behind the row.
    left: usize,
    /// The last row of chains; and which of them have more buckets, a bit for each.
    chains: Ptr<K, V>,
    longer: u64,
    /// As many chains lie before those, in order in memory.
    run: usize,
    /// The overflow bucket that comes next.
    next: Option<Ptr<K, V>>,
    /// The first bucket of its chain, and of the one that is the row.
    head: Option<Ptr<K, V>>,
    /// Where it begins: the last chain of a row, and a cell of that, of 64 if it is so wide.
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
            start = table.some(dice | (ROW as u64 - 1));
        }
        let (cells, chains, longer, run) = (0, row, 0, 0);
        let (next, head, done, later) = (None, None, 0, 0);
        Self {
            cells,
            large: table.now.as_ref().is_some_and(Array::is_large),
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
        let cells = if self.cells == 0 { self.enter(table) } else { self.cells };
        let cells = NonZero::new(cells)?;
        self.cells = cells.get() & (cells.get() - 1);
        Some(cells.trailing_zeros() as usize)
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

    /// All that are to come, one after the other. See invariant 1.
    #[inline]
    pub(super) fn fold<A>(
        mut self,
        table: &Table<K, V>,
        init: A,
        mut f: impl FnMut(A, (*mut K, *mut V)) -> A,
    ) -> A {
        let (mut folded, mut cells) = (init, self.cells);
        loop {
            while cells != 0 {
                let number = cells.trailing_zeros() as usize;
                cells &= cells - 1;
                // SAFETY: the row has so many buckets (invariant 2).
                folded = f(folded, unsafe { self.lane.entry_in_row(number) });
            }
            cells = self.enter(table);
            if cells == 0 {
                return folded;
            }
        }
    }

    /// The cells of the next row that is not empty, if there is one.
    #[inline(never)]
    fn enter(&mut self, table: &Table<K, V>) -> u64 {
        while self.left != 0 {
            let (cells, count) = if self.later != 0 {
                counted(mem::take(&mut self.later))
            } else if self.next.is_some() || self.longer != 0 {
                counted(self.enter_overflow())
            } else if self.run >= ROW {
                self.enter_preceding()
            } else {
                counted(self.enter_elsewhere(table))
            };
            self.left -= count;
            if cells != 0 {
                return cells;
            }
        }
        0
    }

    /// The row before the last one.
    #[inline]
    fn enter_preceding(&mut self) -> (u64, usize) {
        self.run -= ROW;
        // SAFETY: there is a row in order before this one (invariant 2).
        let row = unsafe { self.chains.preceding(ROW) };
        self.set_row(row, ROW);
        // SAFETY: a row is so wide (invariant 2).
        let (full, count) = unsafe { row.row() };
        // SAFETY: as above.
        self.longer = unsafe { row.longer() };
        if self.large {
            // SAFETY: as above.
            unsafe { fetch(row, self.longer) };
        }
        (full, count)
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
    fn enter_overflow(&mut self) -> u64 {
        if self.next.is_none() {
            let number = self.longer.trailing_zeros() as usize;
            self.longer &= self.longer - 1;
            // SAFETY: it is one of the row (invariant 2).
            let head = unsafe { self.chains.following(number) };
            self.next = head.next();
            self.head = Some(head);
        }
        let Some(bucket) = self.next else { return 0 };
        self.next = bucket.next();
        self.row = bucket;
        self.lane = bucket.lane();
        bucket.marks().bits()
    }

    /// The next row, wherever it is.
    #[inline(never)]
    fn enter_elsewhere(&mut self, table: &Table<K, V>) -> u64 {
        let Some(now) = &table.now else { unreachable!("a table without an array has no cells") };
        debug_assert!(self.done <= now.len(), "{} cells were not found", self.left);
        let (last, mut count) = table.chains_to(self.start.wrapping_sub(self.done) & now.mask());
        let Some(last) = last else {
            self.done += count;
            return 0;
        };
        let left = now.len() - self.done;
        // Once around, it is the first row again, and nothing behind it.
        count = count.min(if left == 0 { ROW } else { left });
        let width = count.min(ROW);
        count -= count % width;
        // SAFETY: there are so many in order.
        let row = unsafe { last.preceding(width - 1) };
        // SAFETY: a row is so wide (invariant 2).
        let (full, longer) = unsafe { row.narrow_row(width) };
        let begin = u64::MAX << (self.turn as usize * width / ROW);
        let cells;
        (cells, self.longer) = match self.done {
            0 => (full & begin, longer),
            // What is behind its buckets has come with the first part.
            _ if left == 0 => (full & !begin, 0),
            _ => (full, longer),
        };
        if width == now.len() {
            self.later = full & !begin;
        }
        self.set_row(row, width);
        // They count as done now: nobody comes to them otherwise.
        self.done += count;
        self.run = count - width;
        cells
    }
}

#[inline]
fn counted(cells: u64) -> (u64, usize) {
    (cells, cells.count_ones() as usize)
}

/// Has the processor fetch what a walk will come to after a row, of which those chains are longer.
///
/// # Safety
/// There is a row, the chains of which are live.
#[inline(never)]
unsafe fn fetch<K, V>(row: Ptr<K, V>, mut longer: u64) {
    row.fetch_row_before();
    while longer != 0 {
        let number = longer.trailing_zeros() as usize;
        // SAFETY: it is one of the row.
        if let Some(next) = unsafe { row.following(number) }.next() {
            next.place().fetch();
        }
        longer &= longer - 1;
    }
}
