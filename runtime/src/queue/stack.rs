//! A processor's stack: its owner puts and takes at one end, and thieves take at the other, the oldest first.

use super::Item;
use super::deque::{Steal, Stealer, Worker};
use super::local::item;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// An item as it lies there: one word.
type Word = NonNull<()>;

/// The stack as its owner sees it. `!Sync`: invariant 2 of the [module](super).
pub(crate) struct Stack<T> {
    deque: Worker<Word>,
    items: PhantomData<T>,
}

/// The stack as thieves see it.
pub(crate) struct Bottom<T> {
    stealer: Stealer<Word>,
    items: PhantomData<T>,
}

// SAFETY: items are handed over whole, from owner to thief; `T: Send` is what that takes.
unsafe impl<T: Send> Send for Stack<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Bottom<T> {}
// SAFETY: as above; all that is shared is atomic.
unsafe impl<T: Send> Sync for Bottom<T> {}

impl<T: Item> Stack<T> {
    /// An empty one, in its two halves.
    pub(crate) fn new() -> (Self, Bottom<T>) {
        let deque = Worker::new_lifo();
        let bottom = Bottom { stealer: deque.stealer(), items: PhantomData };
        (Self { deque, items: PhantomData }, bottom)
    }

    /// Puts `item` on top.
    #[inline]
    pub(crate) fn push(&self, item: T) {
        self.deque.push(item.into_word());
    }

    /// Takes what lies on top.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        self.deque.pop().map(item)
    }

    /// As the owner sees it: a thief may have emptied it.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.deque.is_empty()
    }
}

impl<T: Item> Bottom<T> {
    /// Takes what lies at the bottom.
    pub(crate) fn steal(&self) -> Option<T> {
        loop {
            match self.stealer.steal() {
                Steal::Success(word) => return Some(item(word)),
                Steal::Empty => return None,
                Steal::Retry => crate::prim::spin_hint(),
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stealer.is_empty()
    }
}
