//! Small things that every floor needs: the clock, the dice, numbers for threads, the last words.

#![forbid(unsafe_code)]

mod address;
mod clock;
mod rng;
mod shown;
mod spin;
mod thread;

pub(crate) use address::Addresses;
#[cfg(any(loom, shuttle))]
pub(crate) use clock::pass;
pub(crate) use clock::{Clock, follow, now, real_now};
pub(crate) use rng::{Rng, below};
pub(crate) use shown::{Shown, is_obeyed};
pub(crate) use spin::spin_for;
pub(crate) use thread::{enlist_servant, servants, thread_number};

use crate::prim::global::{AtomicBool, Ordering};
use std::any::Any;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Our own mistake: says so and aborts. Nothing unwinds from inside the scheduler.
#[cold]
#[inline(never)]
pub(crate) fn bug(what: fmt::Arguments<'_>) -> ! {
    say(format_args!("rt: internal error, please report it: {what}"));
    std::process::abort()
}

/// The system refuses a call that it has allowed before, and nothing can go on without it: says which, and why, and aborts.
#[cold]
#[inline(never)]
pub(crate) fn refused(call: &str, error: &std::io::Error, advice: &str) -> ! {
    say(format_args!(
        "rt: the system refuses a call that the runtime cannot do without, and which it has allowed before: {call}: {error}. A \
         filter of system calls that is installed while the runtime is there has to allow it{advice}"
    ));
    std::process::abort()
}

/// Puts a line on standard error, if it can be had: without its lock, which a goroutine may hold that waits, and without a
/// panic where nobody reads. Nothing that may run inside the scheduler says anything in another way.
#[cold]
#[inline(never)]
pub(crate) fn say(line: fmt::Arguments<'_>) {
    crate::sys::signal::write_to_stderr(format!("{line}\n").as_bytes());
}

/// Drops the payload of a panic that goes no further. If its destructor panics, that panic's payload is dropped likewise;
/// after so many the next one stays in memory, since perhaps there is no end of them.
#[cold]
#[inline(never)]
pub(crate) fn drop_payload(mut payload: Box<dyn Any + Send>) {
    const ENOUGH: usize = 16;
    for _ in 0..ENOUGH {
        match dropped(payload) {
            Some(next) => payload = next,
            None => return,
        }
    }
    let _leaked = ManuallyDrop::new(payload);
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        say(format_args!(
            "rt: the payload of a panic stays in memory: the destructors of {ENOUGH} before it panicked, one in the other"
        ));
    }
}

/// Never inlined: it catches, and what is dropped may switch.
#[inline(never)]
fn dropped(payload: Box<dyn Any + Send>) -> Option<Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(payload))).err()
}

/// Whoever unwinds past it aborts the process.
///
/// For a wait in which something of the waiter's is registered that no destructor takes out.
#[derive(Debug)]
pub(crate) struct NoUnwind(());

impl NoUnwind {
    #[inline(always)]
    pub(crate) fn begin() -> Self {
        Self(())
    }

    #[inline(always)]
    pub(crate) fn end(self) {
        let _kept = std::mem::ManuallyDrop::new(self);
    }
}

impl Drop for NoUnwind {
    #[cold]
    fn drop(&mut self) {
        bug(format_args!("a panic inside a wait"));
    }
}
