//! Carriers: pooled coroutines, each with its stack and its slot.
//!
//! A carrier runs one job after another. It is created once, loops in the body that the
//! scheduler gave it, and between two jobs it is suspended inside that loop with nothing of
//! value on its stack. This room knows no goroutine: a job, a home and locals are bare
//! pointers that the floors above fill and read.
//!
//! ```text
//!   g0 (a thread's own stack)            the carrier's stack
//!   -------------------------            -------------------
//!   resume(slot, input)  --------------> body: take the job, run it ..
//!        (blocked here)                    .. deep in the job: suspend(Park) --+
//!   <- Cmd::Park  <-------------------------------------------------------------+
//!   resume(slot, input)  --------------> suspend returns the new input
//!                                        .. the job ends: suspend(Done)
//!   <- Cmd::Done                           (idle: pooled, or told to exit)
//! ```
//!
//! The switch is asymmetric: a carrier always returns to the thread that resumed it. While
//! `resume` has not returned, the coroutine is borrowed; so **a carrier may be handed to
//! another thread only after the switch**, by g0.

mod depth;
mod look;
#[cfg(all(test, loom))]
mod loom_tests;
mod slab;
mod slot;
mod stacks;

pub(crate) use slab::{for_each, give, take, with_thread_slot};
pub(crate) use slot::{Cmd, FIRST, Slot};
pub(crate) use stacks::Stacks;
