//! Small things that every floor needs: the clock, the dice, numbers for threads, the last words.

#![forbid(unsafe_code)]

mod clock;
mod rng;
mod thread;

#[cfg(any(loom, shuttle))]
pub(crate) use clock::pass;
pub(crate) use clock::{Clock, follow, now, real_now};
pub(crate) use rng::{Rng, below};
pub(crate) use thread::{enlist_servant, servants, thread_number};

use std::fmt;

/// Our own mistake: says so and aborts. Nothing unwinds from inside the scheduler.
#[cold]
#[inline(never)]
pub(crate) fn bug(what: fmt::Arguments<'_>) -> ! {
    eprintln!("rt: internal error, please report it: {what}");
    std::process::abort()
}
