//! A walk over all full cells of a table, from a random place on.
//!
//! Invariants:
//! 1. A walk is used with the table that it was made for, in which since then at most cells were
//!    emptied that the walk has already found. So its chain is live, and `left` counts what is to
//!    come. (Values may be changed.)

use super::bucket::{CELLS, Cell, Cells, Ptr};
use super::random::random;
use super::table::{Found, Table};

pub(super) struct Walk<K, V> {
    /// Chains that have been begun.
    begun: usize,
    /// The number of the first, and above it the cell with which every bucket begins.
    start: usize,
    turn: u32,
    /// The chain that is being walked.
    at: Option<(Ptr<K, V>, Ptr<K, V>)>,
    /// What is left of its bucket, turned.
    cells: Cells,
    left: usize,
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
        Self { begun: 0, start: dice as usize, turn, at: None, cells: Cells::NONE, left }
    }

    /// How many are to come.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next full cell. See invariant 1.
    #[inline]
    pub(super) fn next(&mut self, table: &Table<K, V>) -> Option<Found<K, V>> {
        loop {
            if let Some((head, bucket)) = self.at {
                if let Some(turned) = self.cells.next() {
                    let index = (turned + self.turn as usize / 8) % CELLS;
                    self.left -= 1;
                    return Some(Found { head, cell: Cell { bucket, index } });
                }
                if let Some(next) = bucket.next() {
                    self.enter(head, next);
                    continue;
                }
            }
            if self.left == 0 {
                return None;
            }
            self.next_chain(table);
        }
    }

    #[inline]
    fn enter(&mut self, head: Ptr<K, V>, bucket: Ptr<K, V>) {
        self.at = Some((head, bucket));
        self.cells = Cells(bucket.marks().full().0.rotate_right(self.turn));
    }

    #[inline]
    fn next_chain(&mut self, table: &Table<K, V>) {
        let Some(now) = &table.now else { unreachable!("a table without an array has no cells") };
        loop {
            debug_assert!(self.begun < now.len(), "{} cells were not found", self.left);
            let number = self.start.wrapping_add(self.begun) & now.mask();
            self.begun += 1;
            if let Some(head) = table.chain(number) {
                return self.enter(head, head);
            }
        }
    }
}
