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

pub(super) struct Walk<K, V> {
    /// What is left of the bucket that is being walked, turned.
    cells: Cells,
    /// The cell with which every bucket begins, times eight.
    turn: u32,
    /// The chain that is being walked, and its bucket, and the next one.
    at: Option<(Ptr<K, V>, Ptr<K, V>)>,
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
        Self { cells, turn, at: None, next: None, run: 0, left, begun: 0, start }
    }

    /// How many are to come.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.left + self.cells.len()
    }

    /// The next full cell. See invariant 1.
    #[inline]
    pub(super) fn next(&mut self, table: &Table<K, V>) -> Option<Found<K, V>> {
        loop {
            if let (Some((head, bucket)), Some(turned)) = (self.at, self.cells.next()) {
                let index = (turned + self.turn as usize / 8) % CELLS;
                return Some(Found { head, cell: Cell { bucket, index } });
            }
            if self.left == 0 {
                return None;
            }
            self.enter(table);
        }
    }

    /// The next bucket.
    #[inline]
    fn enter(&mut self, table: &Table<K, V>) {
        let (head, bucket) = match (self.next, self.at) {
            (Some(next), Some((head, _))) => (head, next),
            (None, Some((head, _))) if self.run != 0 => {
                self.run -= 1;
                self.begun += 1;
                // SAFETY: the chain is in order behind this one, and live (invariant 2).
                let head = unsafe { head.following() };
                (head, head)
            }
            _ => {
                let head = self.chain(table);
                (head, head)
            }
        };
        (self.at, self.next) = (Some((head, bucket)), bucket.next());
        let full = bucket.marks().full();
        self.cells = Cells(full.0.rotate_right(self.turn));
        self.left -= full.len();
    }

    /// The next chain, wherever it is.
    #[inline(never)]
    fn chain(&mut self, table: &Table<K, V>) -> Ptr<K, V> {
        let Some(now) = &table.now else { unreachable!("a table without an array has no cells") };
        loop {
            debug_assert!(self.begun < now.len(), "{} cells were not found", self.left);
            let number = self.start.wrapping_add(self.begun) & now.mask();
            self.begun += 1;
            if let Some(head) = table.chain(number) {
                self.run = if table.is_growing() { 0 } else { now.in_order(number) };
                return head;
            }
        }
    }
}
