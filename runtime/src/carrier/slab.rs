//! Where slots come from: chunks of memory that are mapped once and stay.
//!
//! Invariants:
//! 1. A chunk is never unmapped (slot invariant 1) and comes zeroed, which is a free slot. A page of free slots may become
//!    zeroes again at any time.
//! 2. A slot in the free list has no stack and no home.

use super::Slot;
use crate::prim::global::Mutex;
use crate::{sys, util};
use std::cell::Cell;
use std::io;
use std::ptr::NonNull;

/// One chunk, and the slots that fit.
const CHUNK_BYTES: usize = 1 << 20;
const CHUNK: usize = CHUNK_BYTES / size_of::<Slot>();

struct Slab {
    chunks: Vec<NonNull<Slot>>,
    /// How many slots of the last chunk have been handed out at least once.
    used: usize,
    free: Vec<&'static Slot>,
}

// SAFETY: the chunks are shared memory of `Sync` slots; the pointers own nothing else.
unsafe impl Send for Slab {}

static SLAB: Mutex<Slab> = Mutex::new(Slab { chunks: Vec::new(), used: 0, free: Vec::new() });

/// Adds `want` free slots to `out`.
///
/// # Errors
/// When the system gives no memory for the first of them.
pub(crate) fn take(want: usize, out: &mut Vec<&'static Slot>) -> io::Result<()> {
    let mut slab = SLAB.lock();
    for taken in 0..want {
        match slab.one() {
            Ok(slot) => out.push(slot),
            Err(error) if taken == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(())
}

/// Gives slots back. Late wake-ups may still reach them; that does no harm.
pub(crate) fn give(slots: impl IntoIterator<Item = &'static Slot>) {
    let mut slots: Vec<_> = slots.into_iter().collect();
    for slot in &slots {
        slot.set_home(std::ptr::null());
        slot.clear_job();
        debug_assert!(!slot.has_stack());
    }
    discard_pages(&mut slots);
    SLAB.lock().free.append(&mut slots);
}

/// Gives back the pages of which all slots are here. What a late wake-up writes there is lost or stays; neither does harm.
#[cfg(not(any(loom, shuttle)))]
fn discard_pages(slots: &mut [&'static Slot]) {
    let page = sys::page_size();
    let per_page = page / size_of::<Slot>();
    if slots.len() < per_page {
        return;
    }
    let addr = |slot: &Slot| std::ptr::from_ref(slot).addr();
    slots.sort_unstable_by_key(|slot| addr(slot));
    let mut pages = Vec::new();
    let mut rest = &*slots;
    while rest.len() >= per_page {
        let first = addr(rest[0]);
        let whole = first.is_multiple_of(page)
            && addr(rest[per_page - 1]) == first + page - size_of::<Slot>();
        if whole {
            pages.push(sys::Span::new(NonNull::from(rest[0]).cast(), page));
        }
        rest = &rest[if whole { per_page } else { 1 }..];
    }
    // SAFETY: sys invariants 1 and 2: pages of a chunk of ours; the slots in them are all the caller's, and zeroes are
    // free slots (invariant 1).
    unsafe { sys::mem::discard(&pages) };
}
#[cfg(any(loom, shuttle))]
fn discard_pages(_: &mut [&'static Slot]) {}

/// Calls `f` with every slot that was ever handed out.
pub(crate) fn for_each(mut f: impl FnMut(&'static Slot)) {
    let (chunks, used) = {
        let slab = SLAB.lock();
        (slab.chunks.clone(), slab.used)
    };
    for (i, chunk) in chunks.iter().enumerate() {
        let count = if i + 1 == chunks.len() { used } else { CHUNK };
        for j in 0..count {
            // SAFETY: j < CHUNK slots of a chunk that is never unmapped (invariant 1).
            let slot = unsafe { chunk.add(j) };
            // SAFETY: as above; zeroed memory is a free slot.
            let slot = unsafe { slot.as_ref() };
            f(slot);
        }
    }
}

impl Slab {
    fn one(&mut self) -> io::Result<&'static Slot> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        if self.chunks.is_empty() || self.used == CHUNK {
            let chunk = sys::mem::reserve(CHUNK_BYTES).map_err(|error| {
                io::Error::new(error.kind(), format!("no memory for goroutine headers: {error}"))
            })?;
            self.chunks.push(chunk.cast());
            self.used = 0;
        }
        let Some(chunk) = self.chunks.last() else { util::bug(format_args!("slab without chunk")) };
        // SAFETY: `used` is below CHUNK, the slots of a live, zeroed chunk (invariant 1).
        let slot = unsafe { chunk.add(self.used) };
        // SAFETY: as above; zeroed memory is a free slot.
        let slot = unsafe { slot.as_ref() };
        self.used += 1;
        Ok(slot)
    }
}

/// A plain thread's slot, returned when the thread ends, or what it was borrowed for at the end.
struct Lent(&'static Slot);

impl Drop for Lent {
    fn drop(&mut self) {
        give([self.0]);
    }
}

thread_local! {
    static LENT: Lent = Lent(borrow());
    /// What the thread has borrowed since its own one is gone. Nothing that is dropped: it is there to the very end.
    static AGAIN: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

fn borrow() -> &'static Slot {
    let mut out = Vec::with_capacity(1);
    match take(1, &mut out) {
        Ok(()) => out[0],
        Err(error) => panic!("rt: this thread cannot wait: {error}"),
    }
}

/// Calls `f` with the slot of the calling plain thread.
///
/// In the destructors of thread locals, when the thread's own slot is gone, the call
/// borrows one for its duration: calls inside of it have the same one, so who calls is known by it there, too.
///
/// # Panics
/// When the system has no memory for a slot.
#[cfg(not(any(loom, shuttle)))]
#[inline(never)]
pub(crate) fn with_thread_slot<R>(f: impl FnOnce(&'static Slot) -> R) -> R {
    match LENT.try_with(|lent| lent.0) {
        Ok(slot) => f(slot),
        Err(_) => with_another(f),
    }
}

#[cfg(not(any(loom, shuttle)))]
#[cold]
fn with_another<R>(f: impl FnOnce(&'static Slot) -> R) -> R {
    /// First of all nobody has it any more; then it goes back.
    struct Again(Lent);
    impl Drop for Again {
        fn drop(&mut self) {
            AGAIN.set(None);
        }
    }
    if let Some(slot) = AGAIN.get() {
        return f(slot);
    }
    let again = Again(Lent(borrow()));
    let slot = again.0.0;
    AGAIN.set(Some(slot));
    f(slot)
}

/// In a model every wait has a slot of its own, which lives to the end of the process.
#[cfg(any(loom, shuttle))]
pub(crate) fn with_thread_slot<R>(f: impl FnOnce(&'static Slot) -> R) -> R {
    f(Box::leak(Box::new(Slot::for_model())))
}
