//! A part of a buffer: what is behind a `ForkSlice`, and all of its `unsafe`.
//!
//! ```text
//!             0      start        end          taken         room
//!  buffer     ├────────┼───────────┼─────────────┼─────────────┤
//!             │ written, each place once         │ never written
//!  this part           │ elements  │
//! ```
//!
//! A buffer is a `Vec`'s memory with two words: how many parts there are (`refs`), and how many of its places are *taken*.
//! A part is a window `start..end` of the taken places. To push, a part takes the place at its own end, and so owns what lies
//! there; which it can only if no other part has taken it before. Else it has to copy.
//!
//! # Who may touch what
//!
//! 1. **A place is taken by one.** While there are several parts `taken` only grows, by a compare-exchange from the end of
//!    the part that wants the place to behind it. Of those that want one place, one succeeds.
//! 2. **Who took a place writes it,** at once, without a panic in between, and before it lets go of its part. Nobody else
//!    touches a place beyond its own end. So every place below `taken` is written, except those that a part is just taking.
//! 3. **The elements of a part are written and visible to it.** It was made of a `Vec`, or from a part that had them, or has
//!    written them itself. Between threads parts travel by means that order what was before with what comes after.
//! 4. **Elements do not change.** While there are several parts only `&T` is given out, and no place is written again.
//! 5. **Who is alone owns all.** A part that finds itself the only one (`refs` is 1, Acquire) comes after all that others ever
//!    did: each counted itself out at last (Release). It has `&mut self`, so nobody makes another part of it meanwhile. It may
//!    drop what lies beyond its end, and set `taken` back. It needs no read-modify-write to take a place.
//! 6. **Invariant in `T`** (`elements` is a `*mut T`): a part may own what was pushed through another, and drop it last. Were
//!    `Part<Guard<'static>>` a `Part<Guard<'a>>`, a guard that borrows for `'a` could be pushed and outlive it.
//!
//! Orderings: `taken` needs none. That a place is one's own follows from (1) alone, which is about one word; and who looks at
//! `taken` as the only part, or to drop the buffer, comes after all others by `refs`. `refs` is what `Arc`'s strong count is.
//! It is our own because `Arc`'s way to say "the only one", `get_mut`, costs a read-modify-write for weak references,
//! which there are none of here: with it, a push would cost five times that of a `Vec`.
//!
//! The models in `loom_tests.rs` run this very code: pushes, clones, drops, against each other.

use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::process::abort;
use std::ptr::{self, NonNull};

#[cfg(loom)]
use loom::sync::atomic::{AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicUsize, Ordering, fence};

pub(super) struct Part<T> {
    buffer: NonNull<Buffer<T>>,
    start: usize,
    len: usize,
    /// It owns one, with others.
    owns: PhantomData<Buffer<T>>,
}

struct Buffer<T> {
    refs: AtomicUsize,
    taken: AtomicUsize,
    /// A `Vec`'s memory, with room for so many elements.
    elements: *mut T,
    room: usize,
}

// SAFETY: as of an `Arc`: parts on several threads give out `&T` (Sync), and the last one drops the elements, or gives
// them out (Send). All else is ordered by invariants 1 to 5.
unsafe impl<T: Send + Sync> Send for Part<T> {}
// SAFETY: a `&Part` gives out `&T`, and clones, which are Send for the same reason.
unsafe impl<T: Send + Sync> Sync for Part<T> {}

impl<T> Part<T> {
    pub(super) fn from_vec(vec: Vec<T>) -> Self {
        let mut vec = ManuallyDrop::new(vec);
        let (elements, len, room) = (vec.as_mut_ptr(), vec.len(), vec.capacity());
        let (refs, taken) = (AtomicUsize::new(1), AtomicUsize::new(len));
        let buffer = Box::new(Buffer { refs, taken, elements, room });
        Self { buffer: NonNull::from(Box::leak(buffer)), start: 0, len, owns: PhantomData }
    }

    #[inline]
    fn buffer(&self) -> &Buffer<T> {
        // SAFETY: this part is counted in `refs`, and the last one frees the buffer.
        unsafe { self.buffer.as_ref() }
    }

    #[inline]
    pub(super) fn elements(&self) -> &[T] {
        // SAFETY: within the memory, by invariant 3; of elements without a size it is the address itself.
        let first = unsafe { self.buffer().elements.add(self.start) };
        // SAFETY: invariants 3 and 4.
        unsafe { std::slice::from_raw_parts(first, self.len) }
    }

    pub(super) fn is_of_the_same_buffer(&self, other: &Self) -> bool {
        self.buffer == other.buffer
    }

    /// The elements `i..j` of this part.
    pub(super) fn window(&self, i: usize, j: usize) -> Self {
        assert!(i <= j && j <= self.len, "a window is within its part");
        let mut part = self.clone();
        (part.start, part.len) = (self.start + i, j - i);
        part
    }

    /// What is behind it goes at once if nobody else can have a part in it.
    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.len = len;
        if self.is_alone() {
            self.drop_behind(self.start + len);
        }
    }

    /// Whether there is no other part of the buffer; then this one owns all of it.
    #[inline]
    fn is_alone(&mut self) -> bool {
        // Acquire: with the Release in `drop`.
        self.buffer().refs.load(Ordering::Acquire) == 1
    }

    /// Takes the `count` places behind this part, if they are there and free. Then they have to be written, and nothing may
    /// panic before they are.
    #[inline]
    fn take(&mut self, count: usize) -> bool {
        let end = self.start + self.len;
        if count > self.buffer().room - end {
            return false;
        }
        if !self.is_alone() {
            let taken = &self.buffer().taken;
            let (old, new) = (Ordering::Relaxed, Ordering::Relaxed);
            return taken.compare_exchange(end, end + count, old, new).is_ok();
        }
        if self.buffer().taken.load(Ordering::Relaxed) != end {
            self.drop_behind(end);
        }
        self.buffer().taken.store(end + count, Ordering::Relaxed);
        true
    }

    /// Drops what other parts, or this one when it was longer, have left behind. This part is alone.
    #[cold]
    fn drop_behind(&mut self, end: usize) {
        let Buffer { taken, elements, .. } = self.buffer();
        let count = taken.load(Ordering::Relaxed) - end;
        // Set back first: what panics while it is dropped is not dropped again.
        taken.store(end, Ordering::Relaxed);
        // SAFETY: within the memory: `end <= taken <= room`.
        let first = unsafe { elements.add(end) };
        // SAFETY: written (2), owned by who is alone (5), and no longer counted as taken.
        unsafe { ptr::drop_in_place(ptr::slice_from_raw_parts_mut(first, count)) };
    }

    /// Pushes `value`, or gives it back if the place is not free or not there.
    #[inline]
    pub(super) fn try_push(&mut self, value: T) -> Result<(), T> {
        if !self.take(1) {
            return Err(value);
        }
        // SAFETY: within the memory: `take` has looked.
        let place = unsafe { self.buffer().elements.add(self.start + self.len) };
        // SAFETY: the place is this part's (1, 2), or all are (5), and nothing is in it.
        unsafe { place.write(value) };
        self.len += 1;
        Ok(())
    }

    /// Moves all of `values` behind the elements, or none.
    pub(super) fn try_append(&mut self, values: &mut Vec<T>) -> bool {
        if !self.take(values.len()) {
            return false;
        }
        // SAFETY: as in `try_push`.
        let place = unsafe { self.buffer().elements.add(self.start + self.len) };
        // SAFETY: as in `try_push`, for so many places; a `Vec` of somebody's own is not in this buffer.
        unsafe { place.copy_from_nonoverlapping(values.as_ptr(), values.len()) };
        self.len += values.len();
        // SAFETY: the elements have moved.
        unsafe { values.set_len(0) };
        true
    }

    /// The whole buffer as a `Vec`, and where in it this part is; or the part again, if it is not alone.
    pub(super) fn into_vec(mut self) -> Result<(Vec<T>, usize, usize), Self> {
        if !self.is_alone() {
            return Err(self);
        }
        let part = ManuallyDrop::new(self);
        // SAFETY: made of a `Box`, and freed by who is alone, once: the part is forgotten.
        let buffer = unsafe { Box::from_raw(part.buffer.as_ptr()) };
        Ok((buffer.into_vec(), part.start, part.start + part.len))
    }
}

impl<T> Buffer<T> {
    fn into_vec(self) -> Vec<T> {
        ManuallyDrop::new(self).take_vec()
    }

    /// To be called once, by who owns all.
    fn take_vec(&mut self) -> Vec<T> {
        let len = self.taken.load(Ordering::Relaxed);
        let elements = mem::replace(&mut self.elements, ptr::null_mut());
        debug_assert!(!elements.is_null(), "taken once");
        // SAFETY: the parts of the `Vec` that the buffer was made of; so many are written (2), and owned (5).
        unsafe { Vec::from_raw_parts(elements, len, self.room) }
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        drop(self.take_vec());
    }
}

impl<T> Clone for Part<T> {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed: there is at least this part, so nobody frees the buffer meanwhile.
        if self.buffer().refs.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
            // That many were forgotten. The count must not come round to zero.
            abort();
        }
        Self { ..*self }
    }
}

impl<T> Drop for Part<T> {
    #[inline]
    fn drop(&mut self) {
        // Release: what this part did comes before what the last one does.
        if self.buffer().refs.fetch_sub(1, Ordering::Release) == 1 {
            // With the Release of all others.
            fence(Ordering::Acquire);
            // SAFETY: made of a `Box`; the last part frees it.
            drop(unsafe { Box::from_raw(self.buffer.as_ptr()) });
        }
    }
}
