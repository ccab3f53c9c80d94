//! A 4-ary heap of entries; four children share a cache line.

use super::entry::{Entry, shrink};

/// Children of a node.
const ARITY: usize = 4;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Heap(Vec<Entry>);

impl Heap {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    #[inline]
    pub(super) fn first(&self) -> Option<Entry> {
        self.0.first().copied()
    }

    #[inline]
    pub(super) fn last(&self) -> Option<Entry> {
        self.0.last().copied()
    }

    /// Returns its place; 0 is that of the first.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) -> usize {
        let last = self.0.len();
        self.0.push(entry);
        self.sift_up(last)
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let last = self.0.pop()?;
        let Some(first) = self.0.first_mut() else { return Some(last) };
        let first = std::mem::replace(first, last);
        self.sift_down(0);
        shrink(&mut self.0);
        Some(first)
    }

    /// Removes entries from the end, as long as they are not to be kept.
    #[inline]
    pub(super) fn trim(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        while let Some(&last) = self.0.last()
            && !keep(last)
        {
            self.0.pop();
        }
        shrink(&mut self.0);
    }

    /// Removes all that are not to be kept. Linear.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        self.0.retain(|entry| keep(*entry));
        for parent in (0..self.0.len().div_ceil(ARITY)).rev() {
            self.sift_down(parent);
        }
        shrink(&mut self.0);
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn room(&self) -> usize {
        self.0.capacity()
    }

    #[inline]
    fn sift_up(&mut self, mut place: usize) -> usize {
        let entry = self.0[place];
        while place > 0 {
            let parent = (place - 1) / ARITY;
            if !entry.is_before(self.0[parent]) {
                break;
            }
            self.0[place] = self.0[parent];
            place = parent;
        }
        self.0[place] = entry;
        place
    }

    fn sift_down(&mut self, mut place: usize) {
        let Some(&entry) = self.0.get(place) else { return };
        loop {
            let first = place * ARITY + 1;
            let end = self.0.len().min(first + ARITY);
            let Some(children) = self.0.get(first..end).filter(|c| !c.is_empty()) else { break };
            let mut least = (first, children[0]);
            for (i, &child) in children.iter().enumerate().skip(1) {
                if child.is_before(least.1) {
                    least = (first + i, child);
                }
            }
            if !least.1.is_before(entry) {
                break;
            }
            self.0[place] = least.1;
            place = least.0;
        }
        self.0[place] = entry;
    }
}
