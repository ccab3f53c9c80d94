//! Who has a lock: which goroutine, for dumps.
//!
//! What is noted is an address in the stack of who locked it: one store, no look at who that is. Whose stack it is, a dump finds out.
//!
//! A hint: written by who has the lock, read by anybody. It names the wrong goroutine if a guard has been given away, or was
//! forgotten by one that has ended and whose stack another has now.

use crate::prim::global::{AtomicUsize, Ordering};
use crate::sys;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Owner {
    stack: AtomicUsize,
}

impl Owner {
    /// Nobody.
    pub(super) const fn new() -> Self {
        Self { stack: AtomicUsize::new(0) }
    }

    /// The goroutine that calls has just locked it.
    #[inline(always)]
    pub(super) fn set(&self) {
        self.stack.store(sys::stack_address(), Ordering::Relaxed);
    }

    /// It is about to be unlocked.
    #[inline(always)]
    pub(super) fn clear(&self) {
        self.stack.store(0, Ordering::Relaxed);
    }

    /// An address in the stack of who locked it. `None`: nobody, as far as is known.
    pub(super) fn get(&self) -> Option<usize> {
        Some(self.stack.load(Ordering::Relaxed)).filter(|address| *address != 0)
    }
}
