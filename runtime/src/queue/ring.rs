//! The queue of the only processor: without thieves it needs no atomic read-modify-write, and a switch through it few
//! instructions.
//!
//! ```text
//!   taken <- [ near: a ring of 256 places ] <- [ far: whatever has found no room ] <- put
//! ```
//!
//! Invariants:
//! 1. The words from place `head` to before `tail` are in `near`, of two counts that wrap around; the low byte of a count is its
//!    place.
//! 2. While there is something in `far`, `limit` is 0, and everything is put there: first in, first out.

use crate::prim::global::{AtomicU32, Ordering};
use std::collections::VecDeque;
use std::ptr::NonNull;

type Word = NonNull<()>;

/// As many as a byte can name, so that no place is out of bounds.
const NEAR: usize = 1 << u8::BITS;

/// How many have been put into `near`, and how many taken; how many are in `far`. The owner writes them; others may look.
#[derive(Debug, Default)]
pub(super) struct Ends {
    head: AtomicU32,
    tail: AtomicU32,
    far: AtomicU32,
}

/// What is queued. The owner's.
#[derive(Debug)]
pub(super) struct Ring {
    near: [Word; NEAR],
    /// So many may be in `near` after the next push.
    limit: u32,
    far: VecDeque<Word>,
}

impl Ends {
    #[inline(always)]
    fn near(&self) -> (u32, u32) {
        let head = self.head.load(Ordering::Relaxed);
        (head, self.tail.load(Ordering::Relaxed))
    }

    /// How many are queued; for who is not the owner, about so many.
    #[inline]
    pub(super) fn len(&self) -> usize {
        let (head, tail) = self.near();
        tail.wrapping_sub(head) as usize + self.far.load(Ordering::Relaxed) as usize
    }
}

/// Invariant 1.
#[inline(always)]
fn place(count: u32) -> usize {
    usize::from(count as u8)
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { near: [NonNull::dangling(); NEAR], limit: NEAR as u32, far: VecDeque::new() }
    }

    /// Puts `word` last.
    #[inline(always)]
    pub(super) fn push(&mut self, ends: &Ends, word: Word) {
        let (head, tail) = ends.near();
        if tail.wrapping_sub(head) >= self.limit {
            return self.push_far(ends, word);
        }
        self.near[place(tail)] = word;
        ends.tail.store(tail.wrapping_add(1), Ordering::Relaxed);
    }

    /// Takes the first one.
    #[inline(always)]
    pub(super) fn pop(&mut self, ends: &Ends) -> Option<Word> {
        let (mut head, tail) = ends.near();
        if head == tail {
            if self.limit != 0 {
                return None;
            }
            head = self.refill(ends);
        }
        ends.head.store(head.wrapping_add(1), Ordering::Relaxed);
        Some(self.near[place(head)])
    }

    /// All that are queued, the first one first.
    pub(super) fn iter(&self, ends: &Ends) -> impl Iterator<Item = Word> {
        let (head, tail) = ends.near();
        let near = (0..tail.wrapping_sub(head)).map(move |at| head.wrapping_add(at));
        near.map(|count| self.near[place(count)]).chain(self.far.iter().copied())
    }

    /// Takes the one that lies `at` places behind the first.
    pub(super) fn remove(&mut self, ends: &Ends, at: usize) -> Option<Word> {
        let (head, tail) = ends.near();
        let near = tail.wrapping_sub(head);
        if at >= near as usize {
            let word = self.far.remove(at - near as usize)?;
            self.note_far(ends);
            return Some(word);
        }
        let first = head.wrapping_add(at as u32);
        let word = self.near[place(first)];
        // Those behind it move up.
        for count in (0..near - 1 - at as u32).map(|at| first.wrapping_add(at)) {
            self.near[place(count)] = self.near[place(count.wrapping_add(1))];
        }
        ends.tail.store(tail.wrapping_sub(1), Ordering::Relaxed);
        Some(word)
    }

    #[inline(never)]
    fn push_far(&mut self, ends: &Ends, word: Word) {
        self.far.push_back(word);
        self.note_far(ends);
    }

    /// `near` is empty, and `far` is not: as much as there is room for comes nearer. Where the first one is.
    #[inline(never)]
    fn refill(&mut self, ends: &Ends) -> u32 {
        let (head, tail) = ends.near();
        debug_assert!(head == tail && !self.far.is_empty());
        let more = self.far.len().min(NEAR);
        for (at, word) in self.far.drain(..more).enumerate() {
            self.near[place(tail.wrapping_add(at as u32))] = word;
        }
        ends.tail.store(tail.wrapping_add(more as u32), Ordering::Relaxed);
        self.note_far(ends);
        head
    }

    /// Invariant 2.
    fn note_far(&mut self, ends: &Ends) {
        self.limit = if self.far.is_empty() { NEAR as u32 } else { 0 };
        ends.far.store(self.far.len() as u32, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn word(n: usize) -> Word {
        NonNull::without_provenance((n + 1).try_into().unwrap())
    }

    /// The same as one of std's does, also where the counts wrap around; near, far, and back.
    #[test]
    fn first_in_first_out_whatever_is_done() {
        for start in [0, 5, u32::MAX - 100, u32::MAX] {
            let ends = Ends { head: start.into(), tail: start.into(), far: 0.into() };
            let (mut ring, mut model) = (Ring::new(), VecDeque::new());
            let (mut dice, mut longest) = (1_usize, 0);
            for n in 0..20_000 {
                dice = dice.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                // It fills up in the first half, and runs dry in the second.
                let push = (dice >> 33) % 16 < if n < 10_000 { 9 } else { 7 };
                if push {
                    ring.push(&ends, word(n));
                    model.push_back(word(n));
                } else if (dice >> 40) % 8 == 0 {
                    let at = (dice >> 45) % (model.len() + 1);
                    assert_eq!(ring.remove(&ends, at), model.remove(at));
                } else {
                    assert_eq!(ring.pop(&ends), model.pop_front());
                }
                assert_eq!(ends.len(), model.len());
                if n % 64 == 0 {
                    assert!(ring.iter(&ends).eq(model.iter().copied()));
                }
                longest = longest.max(model.len());
            }
            assert!(longest > 3 * NEAR && model.len() < NEAR, "{longest}, {}", model.len());
        }
    }
}
