//! How deep a job has been on its stack: by which pages of the stack have memory.
//!
//! A stack keeps the memory of all its jobs. So it tells about one of them only while it is *fresh*: nobody has used its memory
//! but the job that is there, or the next one, if there is none. A new stack is fresh until its first job ends; a used one
//! becomes so when it gives its memory back.

use super::Slot;
use crate::prim::global::Ordering;
use crate::stack::guard_size;
use crate::sys::{Span, mem};
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// There is no stack, which is how free slots begin.
pub(super) const NONE: u8 = 0;
/// Its memory is that of one job.
pub(super) const FRESH: u8 = 1;
/// Its memory may be that of earlier jobs, too.
const USED: u8 = 2;

impl Slot {
    #[inline(always)]
    pub(crate) fn is_fresh(&self) -> bool {
        self.stack.load(Ordering::Relaxed) == FRESH
    }

    /// Its job has ended, or will have before the next begins.
    pub(crate) fn has_been_used(&self) {
        self.stack.store(USED, Ordering::Relaxed);
    }

    /// Gives the memory back that lies below the caller's frame, if the system does so: then it is fresh.
    ///
    /// # Safety
    /// The caller runs on this carrier, which has no job.
    pub(crate) unsafe fn refresh(&self) {
        // SAFETY: from above the guard on, the stack is mapped (stack invariant 3), and we are on it.
        if unsafe { mem::discard_below_here(self.stack_floor()) } {
            self.stack.store(FRESH, Ordering::Relaxed);
        }
    }

    /// How many bytes, in whole pages, have memory. `None`: that is not known.
    ///
    /// Of a fresh stack these are as many as the job has used, or a page where that was less. The job may be running; if the caller
    /// is not on its stack, the slot may even pass to another one meanwhile: then it is any number, up to the size of a stack.
    pub(crate) fn depth(&self) -> Option<usize> {
        // Read once: even if they are those of two stacks, the end lies behind the start.
        let (limit, bytes) = (self.stack_limit(), self.class().bytes());
        let (start, end) = (limit + guard_size(), limit + bytes);
        let at = NonNull::<u8>::without_provenance(NonZeroUsize::new(start)?);
        let lowest = mem::first_in_memory(&Span::new(at, end - start))?;
        Some(end - lowest)
    }
}
