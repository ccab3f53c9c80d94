//! One stack: an address with its class in the low bits.
//!
//! Invariants, beside those of the [parent](super)
//! 1. A slot begins at a page, so the twelve low bits of its address are free; the lowest four hold
//!    the class.
//! 2. A stack's base lies less than [`LEAST_PAGE`] below the end of its slot, which is a page boundary, and is a multiple
//!    of [`COLOUR_STEP`]: its low bits hold the class, too, and the slot follows from it. For it is asked at every switch.

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use super::class::Class;
use super::guard::guard_size;
use crate::sys::{Span, page_size};

const CLASS_BITS: usize = 0xf;
const _: () = assert!(Class::COUNT <= CLASS_BITS + 1);

/// How far apart two colours are, and how many there are: together below a page.
const COLOUR_STEP: usize = 128;
const COLOURS: usize = 16;
/// Pages are a multiple of it everywhere.
const LEAST_PAGE: usize = 4096;
const _: () = assert!(COLOUR_STEP * COLOURS <= LEAST_PAGE);
const _: () = assert!(COLOUR_STEP > CLASS_BITS);
const _: () = assert!(COLOUR_STEP.is_multiple_of(corosensei::stack::STACK_ALIGNMENT));

/// A place for a stack, guarded or not.
#[derive(Clone, Copy)]
pub(super) struct Slot(NonNull<u8>);

// SAFETY: an address and four bits; what it stands for has one owner (stack invariant 2) and no tie
// to any thread.
unsafe impl Send for Slot {}

// SAFETY: every method only computes with the address.
unsafe impl Sync for Slot {}

impl Slot {
    /// The slot of `class` at `start`, a page boundary.
    pub(super) fn new(start: NonNull<u8>, class: Class) -> Slot {
        debug_assert_eq!(start.addr().get() & CLASS_BITS, 0);
        Slot(start.map_addr(|addr| addr | class.index()))
    }

    #[inline]
    pub(super) fn class(self) -> Class {
        Class::from_index(self.0.addr().get() & CLASS_BITS)
    }

    /// The lowest byte: that of the guard.
    #[inline]
    pub(super) fn start(self) -> NonNull<u8> {
        self.0.map_addr(|addr| {
            // A mapping's address is above its low bits.
            NonZeroUsize::new(addr.get() & !CLASS_BITS).unwrap_or(addr)
        })
    }

    #[inline]
    pub(super) fn end(self) -> usize {
        self.start().addr().get() + self.class().bytes()
    }

    /// How far below the end a stack begins.
    fn colour(self) -> usize {
        let place = self.start().addr().get() >> self.class().shift();
        COLOUR_STEP * (place % COLOURS)
    }

    /// The guard.
    pub(super) fn guard(self) -> Span {
        Span::new(self.start(), guard_size())
    }

    /// Everything but the guard.
    pub(super) fn memory(self) -> Span {
        self.memory_below(self.end())
    }

    /// The page that the first push lands in.
    pub(super) fn top_page(self) -> Span {
        Span::new(self.at(self.class().bytes() - page_size()), page_size())
    }

    /// The whole pages between the guard and `keep`; the page that holds `keep` is not among them.
    pub(super) fn memory_below(self, keep: usize) -> Span {
        let bottom = self.start().addr().get() + guard_size();
        let keep = keep.clamp(bottom, self.end());
        let whole_pages = (keep - bottom) / page_size() * page_size();
        Span::new(self.at(guard_size()), whole_pages)
    }

    /// The page-aligned `offset` in this slot.
    fn at(self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.class().bytes());
        // SAFETY: a slot is one mapped run of `bytes` (stack invariant 3), and `offset` is below.
        unsafe { self.start().add(offset) }
    }
}

/// A guarded stack, owned: its base, with the class in the low bits (invariant 2). It goes back by [`give`](super::give);
/// dropped, it is lost for good.
#[must_use = "a stack that is not given back is lost"]
pub(crate) struct Stack(NonNull<u8>);

// SAFETY: as for its slot.
unsafe impl Send for Stack {}
// SAFETY: as for its slot.
unsafe impl Sync for Stack {}

impl Stack {
    /// # Safety
    /// The slot's guard is installed (stack invariant 1), and the caller is its owner (2).
    pub(super) unsafe fn new(guarded: Slot) -> Stack {
        let height = guarded.class().bytes() - guarded.colour();
        Stack(
            guarded
                .start()
                .map_addr(|start| start.saturating_add(height | guarded.class().index())),
        )
    }

    pub(super) fn slot(&self) -> Slot {
        let end = self.base_addr().next_multiple_of(LEAST_PAGE);
        let start = self.0.map_addr(|base| {
            // A slot is not at address 0.
            NonZeroUsize::new(end - self.class().bytes()).unwrap_or(base)
        });
        Slot::new(start, self.class())
    }

    /// No longer a stack: the guard may go.
    pub(super) fn into_slot(self) -> Slot {
        self.slot()
    }

    /// The class it was taken from.
    pub(crate) fn class(&self) -> Class {
        Class::from_index(self.0.addr().get() & CLASS_BITS)
    }

    #[inline]
    fn base_addr(&self) -> usize {
        self.0.addr().get() & !CLASS_BITS
    }

    /// How many bytes of frames it holds.
    #[cfg(test)]
    pub(crate) fn usable(&self) -> usize {
        self.base_addr() - self.slot().start().addr().get() - guard_size()
    }

    /// Whether `addr` is in the guard. May be called in a signal handler.
    #[cfg(test)]
    pub(crate) fn contains_guard(&self, addr: usize) -> bool {
        let start = self.slot().start().addr().get();
        (start..start + guard_size()).contains(&addr)
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack")
            .field("start", &self.slot().start())
            .field("class", &self.class())
            .finish()
    }
}

// SAFETY: at the bottom is a guard (stack invariant 1), and above it are at least 4096 bytes
// below the base whatever the colour (class invariant 1). The base is 16-aligned: a page boundary
// less a multiple of 128.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        // SAFETY: it is above a guard and more (invariant 2), so not at address 0.
        unsafe { NonZeroUsize::new_unchecked(self.base_addr()) }
    }

    #[inline]
    fn limit(&self) -> NonZeroUsize {
        self.slot().start().addr()
    }
}
