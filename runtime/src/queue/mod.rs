//! Run queues: a local one for each processor and a global one for all. Beside them, the list in which
//! waiters stand ([`List`]).
//!
//! The local queue is a slot for what runs next and a FIFO deque behind it. Its owner puts
//! and takes; thieves take half of the deque, and the slot only when it has gone stale. The [`Stack`] of a processor lies
//! beside it: its owner takes what it put last, thieves what has lain there longest.
//!
//! Generic over what is queued: a word-sized item that is handed over whole.
//!
//! Invariants:
//! 1. An item that was put is taken exactly once, by whoever takes it.
//! 2. One thread at a time is the owner of a [`Local`]; ownership passes with the processor.
//! 3. What the owner wrote before it put an item is seen by who takes it (Release on the
//!    way in, Acquire on the way out, in the slot and in the deque alike).

mod global;
mod list;
mod local;
#[cfg(all(test, loom))]
mod loom_tests;
mod ring;
mod stack;

pub(crate) use global::Global;
pub(crate) use list::{Linked, Links, List};
pub(crate) use local::{Local, Remote};
pub(crate) use stack::{Bottom, Stack};

use std::ptr::NonNull;

/// What can be queued: a non-null word.
pub(crate) trait Item: Copy {
    /// The item as a word.
    fn into_word(self) -> NonNull<()>;
    /// The item again.
    ///
    /// # Safety
    /// `word` came from [`into_word`](Self::into_word).
    unsafe fn from_word(word: NonNull<()>) -> Self;
}

/// crossbeam's deque has no loom support; the hand-over is modelled with this in its place.
#[cfg(loom)]
mod deque {
    use crate::prim::Mutex;
    use std::collections::VecDeque;
    use std::sync::Arc;

    pub(super) struct Worker<T> {
        items: Arc<Mutex<VecDeque<T>>>,
        lifo: bool,
    }
    #[derive(Clone)]
    pub(super) struct Stealer<T>(Arc<Mutex<VecDeque<T>>>);
    pub(super) enum Steal<T> {
        Empty,
        Success(T),
        #[allow(dead_code, reason = "the stand-in never asks for a retry, crossbeam does")]
        Retry,
    }

    impl<T> Worker<T> {
        pub(super) fn new_fifo() -> Self {
            Self { items: Arc::new(Mutex::new(VecDeque::new())), lifo: false }
        }
        pub(super) fn new_lifo() -> Self {
            Self { lifo: true, ..Self::new_fifo() }
        }
        pub(super) fn stealer(&self) -> Stealer<T> {
            Stealer(Arc::clone(&self.items))
        }
        pub(super) fn push(&self, item: T) {
            self.items.lock().push_back(item);
        }
        pub(super) fn pop(&self) -> Option<T> {
            let mut items = self.items.lock();
            if self.lifo { items.pop_back() } else { items.pop_front() }
        }
        pub(super) fn is_empty(&self) -> bool {
            self.items.lock().is_empty()
        }
        pub(super) fn len(&self) -> usize {
            self.items.lock().len()
        }
    }

    impl<T> Stealer<T> {
        pub(super) fn len(&self) -> usize {
            self.0.lock().len()
        }
        pub(super) fn is_empty(&self) -> bool {
            self.0.lock().is_empty()
        }
        pub(super) fn steal(&self) -> Steal<T> {
            self.0.lock().pop_front().map_or(Steal::Empty, Steal::Success)
        }
        pub(super) fn steal_batch_with_limit_and_pop(
            &self,
            dest: &Worker<T>,
            limit: usize,
        ) -> Steal<T> {
            let mut batch: VecDeque<T> = {
                let mut from = self.0.lock();
                let n = from.len().min(limit.max(1));
                from.drain(..n).collect()
            };
            let Some(first) = batch.pop_front() else { return Steal::Empty };
            dest.items.lock().extend(batch);
            Steal::Success(first)
        }
    }
}
#[cfg(not(loom))]
mod deque {
    pub(super) use crossbeam_deque::{Steal, Stealer, Worker};
}
