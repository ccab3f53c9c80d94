//! The two halves of an asymmetric barrier.
//!
//! [`light`] and [`heavy`], one on each side of a "store mine, look at yours" between two threads, order
//! the two as two full barriers would: the light one costs nothing, the heavy one makes every
//! thread of the process that runs go through a full barrier (`membarrier(2)`).

use crate::prim::global::{AtomicU32, Ordering};
use std::ffi::OsStr;
use std::io;

const UNKNOWN: u32 = 0;
const MISSING: u32 = 1;
const THERE: u32 = 2;

static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);

/// Whether the system has it, and `RT_BARRIER=fence` does not forbid it. Without it nobody may rely on
/// [`light`].
pub(crate) fn is_available() -> bool {
    if cfg!(any(loom, shuttle)) {
        return true;
    }
    match STATE.load(Ordering::Relaxed) {
        UNKNOWN => {
            let asked = std::env::var_os("RT_BARRIER").unwrap_or_default();
            let there = !is_fence(&asked) && super::os::membarrier_register();
            STATE.store(if there { THERE } else { MISSING }, Ordering::Relaxed);
            there
        }
        state => state == THERE,
    }
}

/// Whether `RT_BARRIER` asks to do without. With blanks around it, too: `runtime::env` takes it so.
fn is_fence(asked: &OsStr) -> bool {
    asked.to_str().is_some_and(|asked| asked.trim() == "fence")
}

/// The side that is taken often: keeps the compiler in order.
#[inline(always)]
pub(crate) fn light() {
    #[cfg(any(loom, shuttle))]
    crate::prim::atomic::fence(crate::prim::atomic::Ordering::SeqCst);
    #[cfg(not(any(loom, shuttle)))]
    crate::prim::compiler_fence();
}

/// The side that is taken rarely: some 20 microseconds if another thread of the process runs.
///
/// # Errors
/// There was none, though [`is_available`] had said yes: a filter of system calls has been installed since. It says no from now on.
pub(crate) fn heavy() -> io::Result<()> {
    #[cfg(any(loom, shuttle))]
    {
        crate::prim::atomic::fence(crate::prim::atomic::Ordering::SeqCst);
        Ok(())
    }
    #[cfg(not(any(loom, shuttle)))]
    super::os::membarrier().inspect_err(|_| STATE.store(MISSING, Ordering::Relaxed))
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::is_fence;

    #[test]
    fn what_the_environment_says_may_have_blanks_around_it() {
        assert!(["fence", " fence", "fence\n"].iter().all(|asked| is_fence(asked.as_ref())));
        assert!(["", " ", "membarrier", "fences"].iter().all(|asked| !is_fence(asked.as_ref())));
    }
}
