//! A processor's own queue.

use super::Item;
use super::deque::{Steal, Stealer, Worker};
use crate::prim::atomic::{AtomicPtr, Ordering};
use crossbeam_utils::CachePadded;
use std::ptr::{self, NonNull};

/// The queue as its owner sees it. `!Sync`: invariant 2 of the [module](super).
pub(crate) struct Local<T> {
    deque: Worker<T>,
}

/// The queue as thieves see it, and the slot that both share.
pub(crate) struct Remote<T> {
    /// The item that runs next, or null.
    ///
    /// The owner alone makes it non-null; a thief may only empty it.
    next: CachePadded<AtomicPtr<()>>,
    stealer: Stealer<T>,
}

impl<T: Item> Local<T> {
    /// An empty queue, in its two halves.
    pub(crate) fn new() -> (Self, Remote<T>) {
        let deque = Worker::new_fifo();
        let stealer = deque.stealer();
        (Self { deque }, Remote { next: CachePadded::new(AtomicPtr::new(ptr::null_mut())), stealer })
    }

    /// Puts `item` last.
    #[inline]
    pub(crate) fn push(&self, item: T) {
        self.deque.push(item);
    }

    /// Takes the first item of the deque.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        self.deque.pop()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.deque.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.deque.len()
    }

    /// Steals the older half of `victim`'s deque: runs one of it, queues the rest here.
    /// A single item is half enough.
    pub(crate) fn steal_half(&self, victim: &Remote<T>) -> Option<T> {
        loop {
            let half = victim.stealer.len().div_ceil(2);
            if half == 0 {
                return None;
            }
            match victim.stealer.steal_batch_with_limit_and_pop(&self.deque, half) {
                Steal::Success(item) => return Some(item),
                Steal::Empty => return None,
                Steal::Retry => crate::prim::spin_hint(),
            }
        }
    }

    pub(super) fn deque(&self) -> &Worker<T> {
        &self.deque
    }
}

impl<T: Item> Remote<T> {
    /// The owner puts `item` in the slot and gets back what it drove out.
    ///
    /// Release pairs with the Acquire of `take_next`, by owner or thief. An empty slot is
    /// filled by a plain store: only the owner can fill it, so nothing is overwritten.
    #[inline]
    pub(crate) fn put_next(&self, item: T) -> Option<T> {
        let word = item.into_word().as_ptr();
        if self.next.load(Ordering::Relaxed).is_null() {
            self.next.store(word, Ordering::Release);
            return None;
        }
        Self::item(self.next.swap(word, Ordering::AcqRel))
    }

    /// Owner or thief takes what runs next.
    #[inline]
    pub(crate) fn take_next(&self) -> Option<T> {
        if self.next.load(Ordering::Relaxed).is_null() {
            return None;
        }
        Self::item(self.empty_next())
    }

    #[cfg(not(loom))]
    #[inline]
    fn empty_next(&self) -> *mut () {
        self.next.swap(ptr::null_mut(), Ordering::Acquire)
    }

    /// The same, but for null swapped for null. loom does not know that such a swap comes before
    /// the owner's next store (nothing stands between what a swap reads and what it writes), and
    /// would let the owner read that null after it.
    #[cfg(loom)]
    fn empty_next(&self) -> *mut () {
        let null = ptr::null_mut();
        let mut seen = self.next.load(Ordering::Relaxed);
        while !seen.is_null() {
            match self.next.compare_exchange(seen, null, Ordering::Acquire, Ordering::Relaxed) {
                Ok(item) => return item,
                Err(now) => seen = now,
            }
        }
        null
    }

    /// What is in the slot, as a bare number to compare with: a thief that sees the same
    /// one twice takes it for stale.
    pub(crate) fn peek_next(&self) -> usize {
        self.next.load(Ordering::Relaxed).addr()
    }

    /// Whether the deque is empty; the slot does not count.
    pub(crate) fn is_empty(&self) -> bool {
        self.stealer.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.stealer.len()
    }

    #[inline]
    fn item(word: *mut ()) -> Option<T> {
        let word = NonNull::new(word)?;
        // SAFETY: only `put_next` stores here, and it stores `into_word`s.
        Some(unsafe { T::from_word(word) })
    }
}
