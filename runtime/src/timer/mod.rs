//! Deadlines: what is due first comes out first, and of those that are due at the same
//! time, what was put in first.
//!
//! Times are nanoseconds since whatever the caller counts from. Generic over what a deadline is for. Small entries are sorted, which point into a slab. Few of them are in a heap. Of many, the
//! later ones are in buckets by time ([`far`]), and come near bucket by bucket, where each is sorted: so with a million pending
//! an insertion appends to a list, and who comes out lies at the end of one, and those who come after it are known: their
//! memory is fetched ahead.
//!
//! Made for cancellation, since most timeouts never fire: cancelling marks
//! the entry dead and leaves it where it is, where it costs nothing until it comes to the top, or until the
//! dead outnumber the living and are swept out. (Go's timers do so too, with a quarter.) An entry that is
//! cancelled while it is still the last of the heap, or of the bucket that was put into last, as a new deadline mostly is, goes at once.
//!
//! Invariants:
//! 1. An entry has a place in the slab of its own: it is freed when the entry goes, so no
//!    index means anything else while the entry is there.
//! 2. What is far is later than what is in the heap or the run, and there is something in one of those if there is anything at
//!    all. The first of all is alive, and so is the last of the heap. So `first` is exact: nobody wakes for
//!    a deadline that was cancelled.
//! 3. `dead` counts the dead entries. When one has been cancelled, it is at most [`FEW`] more than the living.
//! 4. `run` is sorted, the first one last.

#![forbid(unsafe_code)]

mod entry;
mod far;
mod heap;
mod slab;

use entry::{Entry, shrink};
use far::Far;
use heap::Heap;
use slab::Slab;

/// A time that never comes.
pub(crate) const NEVER: u64 = u64::MAX;

/// So many dead entries are left alone.
const FEW: usize = 64;
/// A heap of so many fits into the fastest cache.
const NEAR: usize = 512;
/// An entry moves in less time than the heap's growth costs for one.
const WORTH: usize = 8;
/// So many are named at a time, before they come out.
pub(crate) const AHEAD: usize = 8;

/// Names an entry, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Never given twice.
    seq: u64,
    index: u32,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Deadlines<T> {
    heap: Heap,
    run: Vec<Entry>,
    far: Far,
    slab: Slab<T>,
    dead: usize,
    next_seq: u64,
    /// When the run has so many left, the next ones are named.
    named: usize,
    /// The heap may be so large before entries go from it to the buckets.
    limit: usize,
}

impl<T> Deadlines<T> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: Heap::new(),
            run: Vec::new(),
            far: Far::new(),
            slab: Slab::new(),
            dead: 0,
            next_seq: 0,
            named: 0,
            limit: NEAR,
        }
    }

    /// Adds `what` for `at`. `true`: it is now the first.
    #[inline]
    pub(crate) fn insert(&mut self, at: u64, what: T) -> (Key, bool) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let index = self.slab.insert(seq, what);
        let key = Key { seq, index };
        let entry = Entry { at, seq: seq as u32, index };
        if self.far.is_far(at) {
            self.far.push(entry);
            return (key, false);
        }
        let place = self.heap.push(entry);
        let first = place == 0 && self.run.last().is_none_or(|run| entry.is_before(*run));
        if place + 1 != self.heap.len() {
            // What it came before may be dead, and last now.
            self.trim();
        }
        let count = self.heap.len();
        if count > self.limit || place == 0 && count > NEAR && self.far.can_move_back(at) {
            self.spill();
        }
        (key, first)
    }

    /// Sees to it that an entry does not come out, and gives back what it was for. `None`: it has
    /// come out, or was cancelled before.
    #[inline]
    pub(crate) fn cancel(&mut self, key: Key) -> Option<T> {
        let what = self.slab.take(key.index, key.seq)?;
        self.dead += 1;
        if self.far.pop_last(key.index) {
            self.bury(key.index);
        } else if self.heap.last().is_some_and(|last| last.index == key.index) {
            self.trim();
            if self.heap.len() == 0 {
                self.clear_first();
            }
        } else if self.peek().is_some_and(|first| first.index == key.index) {
            self.clear_first();
        }
        if self.dead > FEW + self.len() {
            self.sweep();
        }
        Some(what)
    }

    /// Takes the first entry that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<T> {
        if self.first() > now || now == NEVER {
            return None;
        }
        self.pop()
    }

    /// When the first entry is due: [`NEVER`] if there is none.
    #[inline]
    pub(crate) fn first(&self) -> u64 {
        self.peek().map_or(NEVER, |first| first.at)
    }

    /// All entries that are still to come out, in no order, and when they are due.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&T, u64)> {
        let near = self.heap.entries().iter().chain(&self.run);
        near.chain(self.far.entries())
            .filter_map(|entry| Some((self.slab.get(entry.index)?, entry.at)))
    }

    /// Takes the first entry, due or not.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let first = self.remove_first()?;
        let what = self.slab.free(first.index);
        self.clear_first();
        what
    }

    /// The next ones that are to come out, if nothing comes before them. Each is named once, some time before: their
    /// memory can be fetched then.
    #[inline]
    pub(crate) fn coming(&mut self) -> impl Iterator<Item = &T> {
        let before = self.run.len();
        let left = before.saturating_sub(AHEAD);
        let now = before != 0 && before <= self.named;
        if now {
            self.named = left;
            self.fetch(left);
        }
        let coming = self.run[if now { left } else { before }..].iter().rev();
        coming.filter_map(|entry| self.slab.get(entry.index))
    }

    /// Takes out all for which `is_meant` holds, in no order.
    pub(crate) fn extract(&mut self, is_meant: impl Fn(&T) -> bool) -> Vec<T> {
        let slab = &mut self.slab;
        let near = self.heap.entries().iter().chain(&self.run);
        let all = near.chain(self.far.entries());
        let taken: Vec<T> = all.filter_map(|entry| slab.take_if(entry.index, &is_meant)).collect();
        self.dead += taken.len();
        self.sweep();
        taken
    }

    /// How many entries there are that were neither taken out nor cancelled.
    pub(crate) fn len(&self) -> usize {
        self.heap.len() + self.run.len() + self.far.len() - self.dead
    }

    /// How many entries there are, dead or alive.
    #[cfg(all(test, not(loom)))]
    fn entries(&self) -> usize {
        self.len() + self.dead
    }

    /// For how many entries there is room.
    #[cfg(all(test, not(loom)))]
    fn room(&self) -> usize {
        self.heap.room() + self.run.capacity() + self.far.room()
    }

    /// The first entry.
    #[inline]
    fn peek(&self) -> Option<Entry> {
        match (self.heap.first(), self.run.last()) {
            (Some(heap), Some(&run)) => Some(if heap.is_before(run) { heap } else { run }),
            (heap, run) => heap.or(run.copied()),
        }
    }

    /// Takes the first entry out of its order; its place stays.
    #[inline]
    fn remove_first(&mut self) -> Option<Entry> {
        let of_run = match (self.heap.first(), self.run.last()) {
            (Some(heap), Some(&run)) => !heap.is_before(run),
            (_, run) => run.is_some(),
        };
        if !of_run {
            let first = self.heap.pop();
            self.trim();
            return first;
        }
        self.run.pop()
    }

    /// The entry of a dead one is gone.
    #[inline]
    fn bury(&mut self, index: u32) {
        self.slab.free(index);
        self.dead -= 1;
    }

    /// Removes dead entries that are the first of all, and brings near what is far when all else is gone (invariant 2).
    #[inline]
    fn clear_first(&mut self) {
        loop {
            match self.peek() {
                Some(first) if self.slab.is_live(first.index) => return,
                Some(first) => {
                    self.remove_first();
                    self.bury(first.index);
                }
                None if self.far.len() == 0 => {
                    self.far.end();
                    self.limit = NEAR;
                    self.run = Vec::new();
                    return;
                }
                None => self.bring_near(),
            }
        }
    }

    /// The next bucket becomes the run.
    #[cold]
    #[inline(never)]
    fn bring_near(&mut self) {
        self.far.take_first(&mut self.run);
        self.limit = NEAR;
        // The oldest of all numbers is the furthest from the next one: a total order, even where numbers wrap.
        let next = self.next_seq as u32;
        self.run.sort_unstable_by_key(|entry| {
            std::cmp::Reverse((entry.at, entry.seq.wrapping_sub(next)))
        });
        self.named = self.run.len();
        self.fetch(self.named);
    }

    /// Fetches the places of the entries that follow those after which `left` are left.
    fn fetch(&self, left: usize) {
        for entry in self.run[..left].iter().rev().take(AHEAD) {
            self.slab.prefetch(entry.index);
        }
    }

    /// Removes dead entries from the end of the heap (invariant 2).
    #[inline]
    fn trim(&mut self) {
        let (slab, dead) = (&mut self.slab, &mut self.dead);
        self.heap.trim(|last| keep(slab, dead, last));
    }

    /// Removes all that is dead. Linear, and as much was cancelled since the last time.
    #[cold]
    #[inline(never)]
    fn sweep(&mut self) {
        let (slab, dead) = (&mut self.slab, &mut self.dead);
        self.heap.retain(|entry| keep(slab, dead, entry));
        self.run.retain(|entry| keep(slab, dead, *entry));
        shrink(&mut self.run);
        self.far.retain(|entry| keep(slab, dead, entry));
        self.clear_first();
    }

    /// The heap has grown too large: all but what is due first goes to the buckets, if that moves at most [`WORTH`] entries
    /// for each of the heap's. If it does not, or if most of them stay, the heap may grow to twice its size before the next time,
    /// unless something comes in that is due in an earlier tick than all that stayed.
    #[cold]
    #[inline(never)]
    fn spill(&mut self) {
        let Some(first) = self.heap.first() else { return };
        if self.run.len() + self.far.moved_by(first.at) <= WORTH * self.heap.len() {
            self.far.move_back(first.at);
            self.far.push_sorted(&mut self.run);
            let far = &mut self.far;
            self.heap.retain(|entry| {
                let is_far = far.is_far(entry.at);
                if is_far {
                    far.push(entry);
                }
                !is_far
            });
            self.trim();
        }
        self.limit = NEAR.max(2 * self.heap.len());
    }
}

/// Whether an entry is alive. If not, its place is freed.
#[inline]
fn keep<T>(slab: &mut Slab<T>, dead: &mut usize, entry: Entry) -> bool {
    let live = slab.is_live(entry.index);
    if !live {
        slab.free(entry.index);
        *dead -= 1;
    }
    live
}

#[cfg(all(test, not(loom)))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
