//! A look at a parked carrier: what goes in through the switch in the place of an M.
//!
//! Invariant: the lowest bit of an input tells a look from all else, for whatever else goes in is aligned.

use crate::stack::Regs;
use std::cell::Cell;
use std::ptr::NonNull;

const LOOK: usize = 1;

/// What a carrier fills in, on the stack of who looks at it.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) regs: Cell<Option<Regs>>,
}

const _: () = assert!(align_of::<Look>() > LOOK);

impl Look {
    pub(super) fn as_input(&self) -> NonNull<()> {
        NonNull::from(self).cast::<()>().map_addr(|addr| addr | LOOK)
    }

    #[inline(always)]
    pub(super) fn is(input: NonNull<()>) -> bool {
        input.addr().get() & LOOK != 0
    }

    /// Fills in the registers of the frame that this is inlined into.
    ///
    /// # Safety
    /// `input` is a look, of somebody who waits for the carrier.
    #[inline(always)]
    pub(super) unsafe fn show(input: NonNull<()>) {
        let look = input.as_ptr().map_addr(|addr| addr & !LOOK).cast::<Self>();
        // SAFETY: as the caller says.
        unsafe { &*look }.regs.set(Regs::here());
    }
}
