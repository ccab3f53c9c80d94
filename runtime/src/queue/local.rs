//! A processor's own queue.

use super::Item;
use super::deque::{Steal, Stealer, Worker};
use super::ring::{Ends, Ring};
use crate::prim::atomic::{AtomicPtr, Ordering};
use crossbeam_utils::CachePadded;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// An item as it lies in a queue: one word.
type Word = NonNull<()>;

/// The queue as its owner sees it. `!Sync`: invariant 2 of the [module](super).
///
/// With a single processor there are no thieves, and never will be: then the deque is a plain ring,
/// and the slot is read and written without atomic read-modify-writes, which cost more than all the
/// rest of a switch.
pub(crate) struct Local<T> {
    deque: Worker<Word>,
    ring: Option<UnsafeCell<Ring>>,
    items: PhantomData<T>,
}

/// The queue as thieves see it, and the slot that both share.
pub(crate) struct Remote<T> {
    /// The item that runs next, or null.
    ///
    /// The owner alone makes it non-null; a thief may only empty it.
    next: CachePadded<AtomicPtr<()>>,
    stealer: Stealer<Word>,
    /// The ring's, for those who look from outside.
    ends: Ends,
    solo: bool,
    items: PhantomData<T>,
}

// SAFETY: items are handed over whole, from owner to thief; `T: Send` is what that takes.
unsafe impl<T: Send> Send for Local<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Remote<T> {}
// SAFETY: as above; all that is shared is atomic.
unsafe impl<T: Send> Sync for Remote<T> {}

impl<T: Item> Local<T> {
    /// An empty queue, in its two halves; `solo`: there is no other to steal from it.
    pub(crate) fn new(solo: bool) -> (Self, Remote<T>) {
        let deque = Worker::new_fifo();
        let stealer = deque.stealer();
        let remote = Remote {
            next: CachePadded::new(AtomicPtr::new(ptr::null_mut())),
            stealer,
            ends: Ends::default(),
            solo,
            items: PhantomData,
        };
        let ring = solo.then(|| UnsafeCell::new(Ring::new()));
        (Self { deque, ring, items: PhantomData }, remote)
    }

    /// Puts `item` last.
    #[inline]
    pub(crate) fn push(&self, remote: &Remote<T>, item: T) {
        match &self.ring {
            Some(ring) => {
                // SAFETY: the owner alone touches the ring, and it does so here and now.
                let ring = unsafe { &mut *ring.get() };
                ring.push(&remote.ends, item.into_word());
            }
            None => self.deque.push(item.into_word()),
        }
    }

    /// Takes the first item.
    #[inline]
    pub(crate) fn pop(&self, remote: &Remote<T>) -> Option<T> {
        let word = match &self.ring {
            Some(ring) => {
                // SAFETY: as in `push`.
                let ring = unsafe { &mut *ring.get() };
                ring.pop(&remote.ends)?
            }
            None => self.deque.pop()?,
        };
        Some(item(word))
    }

    /// Shows `f` what is queued, the first one first. With a single processor alone: else nothing.
    pub(crate) fn look(&self, remote: &Remote<T>, mut f: impl FnMut(T)) {
        if let Some(ring) = &self.ring {
            // SAFETY: as in `push`; `f` is shown copies of words, and does not come back here.
            let ring = unsafe { &*ring.get() };
            ring.iter(&remote.ends).for_each(|word| f(item(word)));
        }
    }

    /// Takes the one that lies `at` places behind the first. With a single processor alone.
    pub(crate) fn take_at(&self, remote: &Remote<T>, at: usize) -> Option<T> {
        // SAFETY: as in `push`.
        let ring = unsafe { &mut *self.ring.as_ref()?.get() };
        Some(item(ring.remove(&remote.ends, at)?))
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
                Steal::Success(word) => return Some(item(word)),
                Steal::Empty => return None,
                Steal::Retry => crate::prim::spin_hint(),
            }
        }
    }

    /// Lets `fill` put words into the deque, and moves them to where this queue keeps its own.
    pub(super) fn fill<R>(&self, remote: &Remote<T>, fill: impl FnOnce(&Worker<Word>) -> R) -> R {
        let result = fill(&self.deque);
        if self.ring.is_some() {
            while let Some(word) = self.deque.pop() {
                self.push(remote, item(word));
            }
        }
        result
    }
}

/// Back from a word.
#[inline]
pub(super) fn item<T: Item>(word: Word) -> T {
    // SAFETY: only `into_word`s of `T` are put into the queues of `T`.
    unsafe { T::from_word(word) }
}

impl<T: Item> Remote<T> {
    /// The owner puts `item` in the slot and gets back what it drove out.
    ///
    /// Release pairs with the Acquire of `take_next`, by owner or thief. An empty slot is
    /// filled by a plain store: only the owner can fill it, so nothing is overwritten.
    #[inline]
    pub(crate) fn put_next(&self, item: T) -> Option<T> {
        let word = item.into_word().as_ptr();
        let out = self.next.load(Ordering::Relaxed);
        if out.is_null() || self.solo {
            self.next.store(word, Ordering::Release);
            return Self::item(out);
        }
        Self::item(self.next.swap(word, Ordering::AcqRel))
    }

    /// Owner or thief takes what runs next.
    #[inline]
    pub(crate) fn take_next(&self) -> Option<T> {
        let out = self.next.load(Ordering::Relaxed);
        if out.is_null() {
            return None;
        }
        if self.solo {
            self.next.store(ptr::null_mut(), Ordering::Relaxed);
            return Self::item(out);
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

    /// A thief that runs nothing takes the first item of the deque. With a single processor there is none.
    pub(crate) fn steal(&self) -> Option<T> {
        loop {
            match self.stealer.steal() {
                Steal::Success(word) => return Some(item(word)),
                Steal::Empty => return None,
                Steal::Retry => crate::prim::spin_hint(),
            }
        }
    }

    /// What is in the slot, as a bare number to compare with: a thief that sees the same
    /// one twice takes it for stale.
    pub(crate) fn peek_next(&self) -> usize {
        self.next.load(Ordering::Relaxed).addr()
    }

    /// Whether the queue is empty; the slot does not count.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        if self.solo { self.ends.len() } else { self.stealer.len() }
    }

    #[inline]
    fn item(word: *mut ()) -> Option<T> {
        NonNull::new(word).map(item)
    }
}
