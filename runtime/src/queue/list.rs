//! Who waits, in order: a doubly linked list of nodes that lie on their waiters' own stacks.
//!
//! It allocates nothing and has no lock: each room keeps it under its own.
//!
//! Invariants:
//! 1. A listed node is alive and does not move: whoever lists it takes it out before it goes.
//! 2. Links are touched under the lock of the room that the list lies in, and a node is only ever
//!    in lists of that lock at one time.
//! 3. A node that takes itself out in its `Drop` is there as a `&mut`, while others, who hold the lock, may still
//!    touch its links. The compiler takes a `&mut` for the only way to what it shows, and may read before the lock what is to
//!    be read under it; but not where something is not `Unpin`. So no node is.

use std::cell::Cell;
use std::marker::PhantomPinned;
use std::ptr;

/// A node's place in a list.
#[derive(Debug)]
pub(crate) struct Links<N> {
    prev: Cell<*const N>,
    next: Cell<*const N>,
    listed: Cell<bool>,
    /// Invariant 3.
    _pinned: PhantomPinned,
}

impl<N> Links<N> {
    pub(crate) const fn new() -> Self {
        Self {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            listed: Cell::new(false),
            _pinned: PhantomPinned,
        }
    }

    /// Whether the node is in a list. Asked under the lock.
    #[inline]
    pub(crate) fn are_listed(&self) -> bool {
        self.listed.get()
    }
}

/// What can be listed.
pub(crate) trait Linked: Sized {
    fn links(&self) -> &Links<Self>;
}

/// A queue of waiters, first come first out.
#[derive(Debug)]
pub(crate) struct List<N> {
    head: *const N,
    tail: *const N,
}

// SAFETY: the nodes are followed under a lock alone (invariant 2).
unsafe impl<N> Send for List<N> {}

impl<N> Default for List<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> List<N> {
    pub(crate) const fn new() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    #[inline]
    pub(crate) fn has_one(&self) -> bool {
        !self.is_empty() && ptr::eq(self.head, self.tail)
    }
}

impl<N: Linked> List<N> {
    /// The first node; good while it is listed.
    #[inline]
    pub(crate) fn front<'a>(&self) -> Option<&'a N> {
        // SAFETY: listed, hence alive (invariant 1).
        unsafe { self.head.as_ref() }
    }

    /// The nodes in order; the list is not changed meanwhile.
    pub(crate) fn iter(&mut self) -> impl Iterator<Item = &N> {
        // SAFETY: listed, hence alive (invariant 1).
        std::iter::successors(self.front(), |node| unsafe { node.links().next.get().as_ref() })
    }

    /// Takes out the first node; good until its waiter is released.
    #[inline]
    pub(crate) fn pop_front<'a>(&mut self) -> Option<&'a N> {
        let node = self.front()?;
        // SAFETY: it is the head of this list.
        unsafe { self.unlink(node) };
        Some(node)
    }

    /// Puts `node` last.
    ///
    /// # Safety
    /// `node` is in no list, and it stays where it is until it is out of this one again.
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: &N) {
        let links = node.links();
        debug_assert!(!links.listed.get());
        links.listed.set(true);
        links.prev.set(self.tail);
        links.next.set(ptr::null());
        // SAFETY: a listed node is alive (invariant 1).
        match unsafe { self.tail.as_ref() } {
            Some(tail) => tail.links().next.set(node),
            None => self.head = node,
        }
        self.tail = node;
    }

    /// Puts `node` first.
    ///
    /// # Safety
    /// As [`push_back`](Self::push_back).
    #[inline]
    pub(crate) unsafe fn push_front(&mut self, node: &N) {
        let links = node.links();
        debug_assert!(!links.listed.get());
        links.listed.set(true);
        links.prev.set(ptr::null());
        links.next.set(self.head);
        // SAFETY: a listed node is alive (invariant 1).
        match unsafe { self.head.as_ref() } {
            Some(head) => head.links().prev.set(node),
            None => self.tail = node,
        }
        self.head = node;
    }

    /// Takes `node` out.
    ///
    /// # Safety
    /// `node` is in this list.
    #[inline]
    pub(crate) unsafe fn unlink(&mut self, node: &N) {
        let links = node.links();
        debug_assert!(links.listed.get());
        links.listed.set(false);
        let (prev, next) = (links.prev.get(), links.next.get());
        // SAFETY: neighbours are listed, hence alive (invariant 1).
        match unsafe { prev.as_ref() } {
            Some(prev) => prev.links().next.set(next),
            None => self.head = next,
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            Some(next) => next.links().prev.set(prev),
            None => self.tail = prev,
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::Links;
    use std::marker::PhantomData;

    struct Probe<T>(PhantomData<T>);
    impl<T: Unpin> Probe<T> {
        const IS_UNPIN: bool = true;
    }
    /// Asked where there is no other.
    trait Otherwise {
        const IS_UNPIN: bool = false;
    }
    impl<T> Otherwise for Probe<T> {}

    /// A node, as those that have a `Drop` of their own.
    struct Node(#[allow(dead_code, reason = "what is asked is what its type is")] Links<Self>);

    #[test]
    fn a_node_is_not_the_compilers_alone() {
        const { assert!(Probe::<u8>::IS_UNPIN && !Probe::<Node>::IS_UNPIN) };
    }
}
