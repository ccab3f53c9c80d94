//! Who waits at a pool's gate: a submitter with its task, or somebody who waits for the workers to be gone.
//!
//! ```text
//!             list               take                 release
//!   unlisted ------> listed ------------> taken -----------------> released: it goes on
//!       ^               |   (gate's lock)     (no lock, and a wake-up)
//!       +---------------+
//!             leave: its time is up, or it is cancelled
//! ```
//!
//! Invariants:
//! 1. A node that is listed or taken stays where it is: whoever listed it returns only after it has
//!    left the list, or was released. Links and `taken` are touched under the gate's lock.
//! 2. `task` and `number` belong to the node's owner before it is listed and after it is released, to who holds
//!    the gate's lock while it is listed, and to who took it from then until the release.
//! 3. Who took a node releases it, once, without the lock. After the store that does so it may be
//!    gone: its slot is read before.

use super::line::Number;
use crate::carrier::Slot;
use crate::prim::UnsafeCell;
use crate::prim::atomic::{AtomicU32, Ordering};
use crate::wait::{self, Linked, Links, List, Until, Why};
use std::cell::Cell;
use std::ptr::NonNull;

const WAITING: u32 = 0;

/// What a node is released with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Word {
    /// To a submitter: its task was accepted, and is no longer there. To who waits for the workers: they are gone.
    Done = 1,
    /// To a submitter: the pool was closed, and its task is still there.
    Closed = 2,
}

/// Why a wait is to end before its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Over,
    Cancelled,
}

/// See the [module](self).
pub(super) struct Node<T> {
    links: Links<Self>,
    slot: &'static Slot,
    word: AtomicU32,
    taken: Cell<bool>,
    task: UnsafeCell<Option<T>>,
    /// That of the task in the queue, if it was accepted there.
    number: Cell<Option<Number>>,
}

impl<T> Linked for Node<T> {
    #[inline]
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl<T> Node<T> {
    pub(super) fn new(slot: &'static Slot) -> Self {
        Self {
            links: Links::new(),
            slot,
            word: AtomicU32::new(WAITING),
            taken: Cell::new(false),
            task: UnsafeCell::new(None),
            number: Cell::new(None),
        }
    }

    /// The goroutine that waits here, as a number; 0: it is a thread.
    pub(super) fn goroutine(&self) -> usize {
        self.slot.job().addr()
    }

    /// Whether a task that its owner, who calls, runs in its place finds enough of a stack.
    pub(super) fn has_stack_left(&self) -> bool {
        let left = crate::sys::stack_address().saturating_sub(self.slot.stack_floor());
        left > self.slot.class().bytes() / 4
    }

    /// What lies in it.
    ///
    /// # Safety
    /// The caller is who invariant 2 says.
    #[inline]
    pub(super) unsafe fn take_task(&self) -> Option<T> {
        // SAFETY: as the caller says: nobody else touches it.
        self.task.with_mut(|task| unsafe { (*task).take() })
    }

    /// Puts it there.
    ///
    /// # Safety
    /// The caller is who invariant 2 says.
    #[inline]
    pub(super) unsafe fn put_task(&self, task: T) {
        // SAFETY: as the caller says: nobody else touches it.
        self.task.with_mut(|place| unsafe { *place = Some(task) });
    }

    /// Where the task lies, if its owner, who asks, hears that it was accepted.
    pub(super) fn number(&self) -> Option<Number> {
        self.number.get()
    }

    /// Acquire pairs with [`Taken::release`].
    #[inline]
    fn word(&self) -> Option<Word> {
        match self.word.load(Ordering::Acquire) {
            WAITING => None,
            word if word == Word::Done as u32 => Some(Word::Done),
            _ => Some(Word::Closed),
        }
    }

    /// Waits until it is released. `Err`: it is to end before; the caller makes it
    /// [leave](leave), and if it was taken already waits on with [`wait_taken`](Self::wait_taken).
    #[inline]
    pub(super) fn wait(&self, why: Why, until: Until<'_>) -> Result<Word, End> {
        loop {
            if let Some(word) = self.word() {
                return Ok(word);
            }
            if until.is_over() {
                return Err(End::Over);
            }
            if wait::to_be_unwound(self.slot) {
                return Err(End::Cancelled);
            }
            wait::rest(self.slot, why, until);
        }
    }

    /// Waits for the release that is on its way.
    #[cold]
    pub(super) fn wait_taken(&self, why: Why) -> Word {
        loop {
            if let Some(word) = self.word() {
                return word;
            }
            wait::rest(self.slot, why, Until::NEVER);
        }
    }
}

/// Takes the first of `list`.
#[inline]
pub(super) fn take_front<T>(list: &mut List<Node<T>>) -> Option<Taken<T>> {
    let node = list.pop_front()?;
    node.taken.set(true);
    Some(Taken(NonNull::from(node)))
}

/// Takes `node` out, which is not to wait any more. `false`: it was taken, and its release is on its way.
///
/// # Safety
/// It was listed in `list`.
pub(super) unsafe fn leave<T>(list: &mut List<Node<T>>, node: &Node<T>) -> bool {
    if node.taken.get() {
        return false;
    }
    // SAFETY: it was listed here, as the caller says, and was not taken.
    unsafe { list.unlink(node) };
    true
}

/// A node that was taken from its list.
#[must_use = "it waits for its release"]
#[derive(Debug)]
pub(super) struct Taken<T>(NonNull<Node<T>>);

// SAFETY: what it may do with the node (invariants 2 and 3) any thread may do, the task's own
// thread included: that is `Send`.
unsafe impl<T: Send> Send for Taken<T> {}

impl<T> Taken<T> {
    fn node(&self) -> &Node<T> {
        // SAFETY: taken, and not released before: alive (invariant 1).
        unsafe { self.0.as_ref() }
    }

    /// Of a submitter: the task.
    #[inline]
    pub(super) fn task(&self) -> Option<T> {
        // SAFETY: it was taken (invariant 2).
        unsafe { self.node().take_task() }
    }

    /// Of a submitter: its task has that number.
    #[inline]
    pub(super) fn set_number(&self, number: Number) {
        // It was taken (invariant 2).
        self.node().number.set(Some(number));
    }

    /// Lets it go on. Not under the lock.
    #[inline]
    pub(super) fn release(self, word: Word) {
        let node = self.node();
        let slot = node.slot;
        // Release pairs with the Acquire of `word`. Invariant 3.
        node.word.store(word as u32, Ordering::Release);
        wait::wake(slot);
    }
}

/// Lets them go on, the first one last: it runs next, and the others behind it in their order.
pub(super) fn release_all<T>(taken: Vec<Taken<T>>, word: Word) {
    let mut taken = taken.into_iter();
    let Some(first) = taken.next() else { return };
    taken.for_each(|node| node.release(word));
    first.release(word);
}
