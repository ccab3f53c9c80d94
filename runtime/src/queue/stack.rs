//! A processor's stack: its owner puts and takes at one end, and thieves take at the other, the oldest first.

use super::Item;
use super::deque::{Steal, Stealer, Worker};
use super::local::item;
use crate::prim::global::{AtomicU32, Ordering};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

/// An item as it lies there: one word.
type Word = NonNull<()>;

/// The stack as its owner sees it. `!Sync`: invariant 2 of the [module](super).
///
/// With a single processor there are no thieves: then it is a plain one, without the fence of a deque.
pub(crate) struct Stack<T> {
    deque: Worker<Word>,
    plain: Option<Plain>,
    items: PhantomData<T>,
}

/// The stack of a single processor.
#[derive(Default)]
struct Plain {
    words: UnsafeCell<Vec<Word>>,
    /// Its length, for those who look from outside.
    len: Arc<AtomicU32>,
}

impl Plain {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Vec<Word>) -> R) -> R {
        // SAFETY: the owner alone touches it, here and now, and `f` does not come back here.
        let words = unsafe { &mut *self.words.get() };
        let result = f(words);
        self.len.store(words.len() as u32, Ordering::Relaxed);
        result
    }
}

/// The stack as thieves see it.
pub(crate) struct Bottom<T> {
    stealer: Stealer<Word>,
    plain: Option<Arc<AtomicU32>>,
    items: PhantomData<T>,
}

// SAFETY: items are handed over whole, from owner to thief; `T: Send` is what that takes.
unsafe impl<T: Send> Send for Stack<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Bottom<T> {}
// SAFETY: as above; all that is shared is atomic.
unsafe impl<T: Send> Sync for Bottom<T> {}

impl<T: Item> Stack<T> {
    /// An empty one, in its two halves; `solo`: there is no other to steal from it.
    pub(crate) fn new(solo: bool) -> (Self, Bottom<T>) {
        let deque = Worker::new_lifo();
        let plain = solo.then(Plain::default);
        let len = plain.as_ref().map(|plain| Arc::clone(&plain.len));
        let bottom = Bottom { stealer: deque.stealer(), plain: len, items: PhantomData };
        (Self { deque, plain, items: PhantomData }, bottom)
    }

    /// Puts `item` on top.
    #[inline]
    pub(crate) fn push(&self, item: T) {
        match &self.plain {
            Some(plain) => plain.with(|words| words.push(item.into_word())),
            None => self.deque.push(item.into_word()),
        }
    }

    /// Takes what lies on top.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        let word = match &self.plain {
            Some(plain) => plain.with(Vec::pop),
            None => self.deque.pop(),
        };
        word.map(item)
    }

    /// Takes what lies at the bottom, as thieves do, and so on, until `f` has made something of it. `bottom` is this stack's, and
    /// `f` does not touch it.
    pub(crate) fn take_oldest<R>(
        &self,
        bottom: &Bottom<T>,
        mut f: impl FnMut(T) -> Option<R>,
    ) -> Option<R> {
        let Some(plain) = &self.plain else {
            loop {
                if let Some(made) = f(bottom.steal()?) {
                    return Some(made);
                }
            }
        };
        // Many may be at the bottom that nothing is made of: those above move once.
        let mut words = plain.with(std::mem::take);
        let (mut taken, mut made) = (0, None);
        while made.is_none()
            && let Some(word) = words.get(taken)
        {
            taken += 1;
            made = f(item(*word));
        }
        words.drain(..taken);
        plain.with(|place| *place = words);
        made
    }

    /// As the owner sees it: a thief may have emptied it.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        match &self.plain {
            Some(plain) => plain.len.load(Ordering::Relaxed) == 0,
            None => self.deque.is_empty(),
        }
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
        match &self.plain {
            Some(len) => len.load(Ordering::Relaxed) == 0,
            None => self.stealer.is_empty(),
        }
    }
}
