//! Guarded stacks by the million: where they come from, where they go, and what happens at their
//! end.
//!
//! A [`Stack`] is one slot of a slab. A slab is one mapping of many slots, reserved without memory;
//! a slot is a power of two of bytes with its guard inside, at the bottom:
//!
//! ```text
//!  slot                                                      slot + bytes
//!  |   guard    |                usable                    | colour |
//!  |            |<- limit of growth                   base ^        |
//!  | no access  |  <------- the stack grows this way       | unused |
//! ```
//!
//! The colour is 0 to 15 times 128 bytes, by the slot's place: stacks whose bases all lie at the
//! same offset of a page fight for the same few lines of the processor's caches.
//!
//! Slots begin a page more apart than they are long. Powers of two apart, the pages in use of many stacks, and the entries of the
//! page tables that lead there, would fall into a few sets of the TLB and of the caches: with 128 to 2,000 goroutines that
//! yield, a switch took a tenth longer, with 50,000 a third.
//!
//! A stack costs no memory before it is touched, one page from then on, and its share of a page
//! table: 512 bytes for 256 KiB. A free stack costs the page table alone, and many neighbours that are given back together
//! not even that: they are unguarded then, and armed again when they are taken.
//!
//! Invariants
//! 1. **Never a stack without a guard.** A [`Stack`] exists only for a slot whose lowest [`guard_size`] bytes are
//!    inaccessible, and they stay so as long as the [`Stack`] exists.
//! 2. **One owner.** A slot is in exactly one place: not yet carved from its slab, unguarded in the
//!    pool, free in the pool, or a [`Stack`] outside. Only `take` and `give` move it.
//! 3. **For ever.** A slab is never unmapped, so the address of a slot stays that of a slot.
//! 4. The pool's locks are held for a few moves of pointers: no system call, no allocation, no
//!    foreign code. But for the one that a thread holds while it adds a slab: who waits for that wants
//!    one, too.
//!
//! `take` and `give` call the kernel, which may wait for the process's memory lock. Only
//! `take` fails.
//!
//! The environment variable `RT_STACK_GUARD` chooses how guards are made: `madvise` (marks in the
//! page table, Linux 6.13; an error on older kernels), `mprotect` (a mapping of their own, about
//! 30,000 stacks by default), or unset: the first of the two that works.

/// Whether stacks can be had at all: reads `RT_STACK_GUARD`.
///
/// # Errors
/// When it says nothing known, or asks for what the kernel has not.
pub(crate) fn check() -> std::io::Result<()> {
    GuardMode::current().map(|_| ())
}

mod class;
mod guard;
mod overflow;
mod pool;
mod regs;
mod report;
mod slot;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use class::Class;
#[cfg(test)]
use guard::force_mprotect;
pub(crate) use guard::{GuardMode, guard_size};
pub(crate) use overflow::install;
#[cfg(test)]
use pool::Stats;
pub(crate) use pool::{give, stats, take};
pub(crate) use regs::Regs;
pub(crate) use report::Report;
pub(crate) use slot::Stack;
pub(crate) use walk::Walker;
