//! A heap of deadlines: what is due first comes out first, and of those that are due at the same
//! time, what was put in first.
//!
//! Generic over what a deadline is for. A 4-ary heap of small entries that point into a slab; four
//! children share a cache line. Made for cancellation, since most timeouts never fire: cancelling marks
//! the entry dead and leaves it in the heap, where it costs nothing until it comes to the top, or until the
//! dead outnumber the living and are swept out. (Go's timers do so too, with a quarter.) An entry that is
//! cancelled while it is still the last of the heap, as a far deadline is, goes at once: nothing is sifted.
//!
//! Invariants:
//! 1. An entry of the heap has a place in the slab of its own: it is freed when the entry goes, so no
//!    index means anything else while the heap has it.
//! 2. The first and the last entry of the heap are alive. So `first` is exact: nobody wakes for
//!    a deadline that was cancelled.
//! 3. `dead` counts the dead entries of the heap, and is at most [`FEW`] more than the living.

#![forbid(unsafe_code)]

mod slab;

use crate::util;
use slab::Slab;
use std::time::{Duration, Instant};

/// So many dead entries are left alone.
const FEW: usize = 64;
/// Children of a node.
const ARITY: usize = 4;
/// A deadline that is further away than the heap can tell, 292 years: it never comes.
const NEVER: i64 = i64::MAX;

/// Names an entry, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Never given twice.
    seq: u64,
    index: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Nanoseconds since the heap's `base`.
    at: i64,
    /// The low half of the entry's number: the order of those that are due at the same time. Two of
    /// them that lie 2^31 insertions apart may come out the other way round.
    seq: u32,
    index: u32,
}

impl Entry {
    #[inline]
    fn is_before(self, other: Self) -> bool {
        let seq = self.seq.wrapping_sub(other.seq).cast_signed();
        self.at < other.at || (self.at == other.at && seq < 0)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Heap<T> {
    heap: Vec<Entry>,
    slab: Slab<T>,
    dead: usize,
    next_seq: u64,
    /// When the first deadline came in. Not that deadline itself: it may be one that never comes, and all that
    /// are to come would be further from it than can be told.
    base: Option<Instant>,
}

impl<T> Heap<T> {
    pub(crate) const fn new() -> Self {
        Self { heap: Vec::new(), slab: Slab::new(), dead: 0, next_seq: 0, base: None }
    }

    /// Adds `what` for `at`. `true`: it is now the first.
    #[inline]
    pub(crate) fn insert(&mut self, at: Instant, what: T) -> (Key, bool) {
        let at = since(*self.base.get_or_insert_with(util::now), at);
        let seq = self.next_seq;
        self.next_seq += 1;
        let index = self.slab.insert(seq, what);
        let last = self.heap.len();
        self.heap.push(Entry { at, seq: seq as u32, index });
        let place = self.sift_up(last);
        if place != last {
            // What it came before may be dead, and last now.
            self.trim();
        }
        (Key { seq, index }, place == 0)
    }

    /// Sees to it that an entry does not come out, and gives back what it was for. `None`: it has
    /// come out, or was cancelled before.
    #[inline]
    pub(crate) fn cancel(&mut self, key: Key) -> Option<T> {
        let what = self.slab.take(key.index, key.seq)?;
        self.dead += 1;
        if self.heap.last().is_some_and(|entry| entry.index == key.index) {
            self.trim();
        } else if self.heap.first().is_some_and(|entry| entry.index == key.index) {
            self.clear_top();
        } else if self.dead > FEW + self.len() {
            self.sweep();
        }
        self.shrink();
        Some(what)
    }

    /// Takes the first entry that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        let first = self.heap.first()?;
        if first.at > since(self.base?, now) || first.at == NEVER {
            return None;
        }
        self.pop()
    }

    /// When the first entry is due. `None`: there is none, or none that will ever be due.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.moment(self.heap.first()?)
    }

    /// All entries that are still to come out, in no order, and when they are due.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&T, Option<Instant>)> {
        self.heap.iter().filter_map(|entry| Some((self.slab.get(entry.index)?, self.moment(entry))))
    }

    fn moment(&self, entry: &Entry) -> Option<Instant> {
        if entry.at == NEVER {
            return None;
        }
        let base = self.base?;
        let distance = Duration::from_nanos(entry.at.unsigned_abs());
        if entry.at < 0 { base.checked_sub(distance) } else { base.checked_add(distance) }
    }

    /// What the first entry is for. The one that comes after it is asked of the memory: so who looks here at
    /// each turn does not wait for it.
    #[inline]
    pub(crate) fn coming(&self) -> Option<&T> {
        let first = self.heap.first()?;
        let children = self.heap.get(1..)?;
        let children = children.iter().take(ARITY);
        if let Some(second) = children.reduce(|a, b| if b.is_before(*a) { b } else { a }) {
            self.slab.prefetch(second.index);
        }
        self.slab.get(first.index)
    }

    /// Takes the first entry, due or not.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let first = self.remove_first()?;
        let what = self.slab.free(first.index);
        self.clear_top();
        self.shrink();
        what
    }

    /// Takes out all for which `is_meant` holds, in no order.
    pub(crate) fn extract(&mut self, is_meant: impl Fn(&T) -> bool) -> Vec<T> {
        let slab = &mut self.slab;
        let taken = self.heap.iter().filter_map(|entry| slab.take_if(entry.index, &is_meant));
        let taken = taken.collect();
        self.sweep();
        self.shrink();
        taken
    }

    /// How many entries there are that were neither taken out nor cancelled.
    pub(crate) fn len(&self) -> usize {
        self.heap.len() - self.dead
    }

    /// Takes the first entry out of the heap; its place stays.
    #[inline]
    fn remove_first(&mut self) -> Option<Entry> {
        let last = self.heap.pop()?;
        let Some(first) = self.heap.first_mut() else { return Some(last) };
        let first = std::mem::replace(first, last);
        self.sift_down(0);
        Some(first)
    }

    /// Removes dead entries from both ends (invariant 2), after the first was taken away or died.
    fn clear_top(&mut self) {
        while let Some(first) = self.heap.first().copied()
            && !self.slab.is_live(first.index)
        {
            self.remove_first();
            self.slab.free(first.index);
            self.dead -= 1;
        }
        self.trim();
    }

    /// Removes dead entries from the end (invariant 2).
    #[inline]
    fn trim(&mut self) {
        while let Some(last) = self.heap.last().copied()
            && !self.slab.is_live(last.index)
        {
            self.heap.pop();
            self.slab.free(last.index);
            self.dead -= 1;
        }
    }

    /// Removes all that is dead. Linear, and as much was cancelled since the last time.
    #[cold]
    #[inline(never)]
    fn sweep(&mut self) {
        let slab = &mut self.slab;
        self.heap.retain(|entry| {
            let live = slab.is_live(entry.index);
            if !live {
                slab.free(entry.index);
            }
            live
        });
        self.dead = 0;
        for parent in (0..self.heap.len().div_ceil(ARITY)).rev() {
            self.sift_down(parent);
        }
    }

    /// Gives back memory that was needed once: half of it at least, so that it costs little on the whole.
    #[inline]
    fn shrink(&mut self) {
        let capacity = self.heap.capacity();
        if capacity > 4 * FEW && self.heap.len() < capacity / 4 {
            self.heap.shrink_to(2 * self.heap.len());
        }
    }

    #[inline]
    fn sift_up(&mut self, mut place: usize) -> usize {
        let entry = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / ARITY;
            if !entry.is_before(self.heap[parent]) {
                break;
            }
            self.heap[place] = self.heap[parent];
            place = parent;
        }
        self.heap[place] = entry;
        place
    }

    fn sift_down(&mut self, mut place: usize) {
        let Some(&entry) = self.heap.get(place) else { return };
        loop {
            let first = place * ARITY + 1;
            let end = self.heap.len().min(first + ARITY);
            let Some(children) = self.heap.get(first..end).filter(|c| !c.is_empty()) else { break };
            let mut least = (first, children[0]);
            for (i, &child) in children.iter().enumerate().skip(1) {
                if child.is_before(least.1) {
                    least = (first + i, child);
                }
            }
            if !least.1.is_before(entry) {
                break;
            }
            self.heap[place] = least.1;
            place = least.0;
        }
        self.heap[place] = entry;
    }
}

/// Nanoseconds from `base` to `at`, as far as 292 years.
#[inline]
fn since(base: Instant, at: Instant) -> i64 {
    match at.checked_duration_since(base) {
        Some(after) => nanoseconds(after),
        None => -nanoseconds(base.duration_since(at)),
    }
}

#[inline]
fn nanoseconds(duration: Duration) -> i64 {
    let nanos = duration.as_secs().checked_mul(1_000_000_000);
    let nanos = nanos.and_then(|nanos| nanos.checked_add(u64::from(duration.subsec_nanos())));
    nanos.and_then(|nanos| i64::try_from(nanos).ok()).unwrap_or(NEVER)
}

#[cfg(all(test, not(loom)))]
mod tests;
