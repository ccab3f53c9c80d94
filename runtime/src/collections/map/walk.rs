//! A walk over all full cells of a table, from a random place on.
//!
//! Invariants:
//! 1. A walk is used with the table that it was made for, in which since then at most cells were
//!    emptied that the walk has already found. So its chain is live, and `left` counts what is to
//!    come behind the bucket that it is in. (Values may be changed.)
//! 2. `run` chains lie behind the one that is being walked, in order in memory, and are live.

use super::bucket::{CELLS, Cell, Cells, Ptr};
use super::random::random;
use super::table::{Found, Table};
use std::ptr::NonNull;

pub(super) struct Walk<K, V> {
    /// What is left of the bucket that is being walked, turned.
    cells: Cells,
    /// The cell with which every bucket begins, times eight.
    turn: u32,
    /// The bucket that is being walked, and the first of its chain, and the next. The two are used once
    /// there were cells: before that nothing is there.
    bucket: Ptr<K, V>,
    head: Ptr<K, V>,
    next: Option<Ptr<K, V>>,
    run: usize,
    /// How many are behind the bucket.
    left: usize,
    /// Chains that have been begun.
    begun: usize,
    /// The number of the first.
    start: usize,
}

impl<K, V> Clone for Walk<K, V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<K, V> Walk<K, V> {
    pub(super) fn new(table: &Table<K, V>) -> Self {
        let left = table.len();
        let dice = if left == 0 { 0 } else { random() };
        let turn = (dice >> 61) as u32 * 8;
        let (start, cells) = (dice as usize, Cells::NONE);
        // SAFETY: it is not used before another has taken its place.
        let none = unsafe { Ptr::new(NonNull::dangling()) };
        Self { cells, turn, bucket: none, head: none, next: None, run: 0, left, begun: 0, start }
    }

    /// How many are to come.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.left + self.cells.len()
    }

    /// The next full cell. See invariant 1.
    #[inline]
    pub(super) fn next(&mut self, table: &Table<K, V>) -> Option<Found<K, V>> {
        while self.cells == Cells::NONE {
            if self.left == 0 {
                return None;
            }
            self.enter(table);
        }
        let index = (self.cells.next()? + self.turn as usize / 8) % CELLS;
        Some(Found { head: self.head, cell: Cell { bucket: self.bucket, index } })
    }

    /// The next bucket.
    #[inline]
    fn enter(&mut self, table: &Table<K, V>) {
        if let Some(next) = self.next {
            self.bucket = next;
        } else if self.run != 0 {
            self.run -= 1;
            // SAFETY: the chain is in order behind this one, and live (invariant 2).
            self.head = unsafe { self.head.following() };
            self.bucket = self.head;
        } else {
            self.chain(table);
        }
        self.next = self.bucket.next();
        let full = self.bucket.marks().full();
        self.cells = Cells(full.0.rotate_right(self.turn));
        self.left -= full.len();
    }

    /// The next chain, wherever it is.
    #[inline(never)]
    fn chain(&mut self, table: &Table<K, V>) {
        let Some(now) = &table.now else { unreachable!("a table without an array has no cells") };
        loop {
            debug_assert!(self.begun < now.len(), "{} cells were not found", self.left);
            let number = self.start.wrapping_add(self.begun) & now.mask();
            self.begun += 1;
            if let Some(head) = table.chain(number) {
                self.run = if table.is_growing() { 0 } else { now.in_order(number) };
                // They count as begun now: nobody comes to them otherwise.
                self.begun += self.run;
                (self.head, self.bucket) = (head, head);
                return;
            }
        }
    }
}
