//! The global queue: for what comes from outside, and for what must wait its turn.

#[cfg(not(loom))]
use super::local::item;
use super::{Item, Local, Remote};
#[cfg(not(loom))]
use crossbeam_deque::{Injector, Steal};
#[cfg(not(loom))]
use std::marker::PhantomData;
#[cfg(not(loom))]
use std::ptr::NonNull;

/// A FIFO that anybody may push to and any owner of a [`Local`] may drain.
#[cfg(not(loom))]
pub(crate) struct Global<T>(Injector<NonNull<()>>, PhantomData<T>);

// SAFETY: items go from thread to thread whole; `T: Send` is what that takes.
#[cfg(not(loom))]
unsafe impl<T: Send> Send for Global<T> {}
// SAFETY: as above; the injector is made to be shared.
#[cfg(not(loom))]
unsafe impl<T: Send> Sync for Global<T> {}

#[cfg(not(loom))]
impl<T: Item> Global<T> {
    pub(crate) fn new() -> Self {
        Self(Injector::new(), PhantomData)
    }

    /// Puts `item` last. From any thread.
    #[inline(never)]
    pub(crate) fn push(&self, item: T) {
        self.0.push(item.into_word());
    }

    /// Takes the first item.
    #[inline(never)]
    pub(crate) fn pop(&self) -> Option<T> {
        loop {
            match self.0.steal() {
                Steal::Success(word) => return Some(item(word)),
                Steal::Empty => return None,
                Steal::Retry => crate::prim::spin_hint(),
            }
        }
    }

    /// Takes this processor's share, `len / procs + 1` and no more than half a deque
    /// block: one to run, the rest into `local`.
    #[inline(never)]
    pub(crate) fn pop_share(
        &self,
        local: &Local<T>,
        remote: &Remote<T>,
        procs: usize,
    ) -> Option<T> {
        loop {
            let share = (self.0.len() / procs + 1).min(128);
            let stolen =
                local.fill(remote, |deque| self.0.steal_batch_with_limit_and_pop(deque, share));
            match stolen {
                Steal::Success(word) => return Some(item(word)),
                Steal::Empty => return None,
                Steal::Retry => crate::prim::spin_hint(),
            }
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The stand-in that loom can look into.
#[cfg(loom)]
pub(crate) struct Global<T>(crate::prim::Mutex<std::collections::VecDeque<T>>);

#[cfg(loom)]
impl<T: Item> Global<T> {
    pub(crate) fn new() -> Self {
        Self(crate::prim::Mutex::new(std::collections::VecDeque::new()))
    }
    pub(crate) fn push(&self, item: T) {
        self.0.lock().push_back(item);
    }
    pub(crate) fn pop(&self) -> Option<T> {
        self.0.lock().pop_front()
    }
    pub(crate) fn pop_share(
        &self,
        local: &Local<T>,
        remote: &Remote<T>,
        procs: usize,
    ) -> Option<T> {
        let mut queue = self.0.lock();
        let share = queue.len() / procs + 1;
        let first = queue.pop_front();
        for _ in 1..share {
            match queue.pop_front() {
                Some(item) => local.push(remote, item),
                None => break,
            }
        }
        first
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
