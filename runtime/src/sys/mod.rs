//! Everything the operating system decides: pages, stacks for signals, CPUs, thread ids, readiness.
//!
//! One same-shaped file per system, chosen here and nowhere else. Linux is first class; any other
//! Unix gets `other`, which answers the same calls with what POSIX has.
//!
//! Invariants
//! 1. **Ownership.** Whoever passes a [`Span`] to a function of [`mem`] owns those pages: they lie
//!    inside a mapping that [`mem::reserve`] returned and that is not released.
//! 2. **Liveness.** Pages that are discarded, guarded or released hold nothing that is read again.
//! 3. Nothing here allocates on a path that a signal handler may take ([`page_size`], [`Span`]).
//!
//! Nothing here blocks, except that the kernel may make any memory call wait for the process's own
//! memory lock.

mod altstack;
pub(crate) mod barrier;
pub(crate) mod futex;
mod map;
pub(crate) mod signal;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as os;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as os;

use crate::prim::global::{AtomicUsize, Ordering};

pub(crate) use altstack::Altstack;
pub(crate) use map::{Span, page_size};
pub(crate) use os::{
    ThreadState, cpus, errno, images, join_while, peek, set_errno, take_short_turns, thread_id,
    thread_is_off, thread_look, thread_time, threads, wake_on_time,
};
pub(crate) use os::{epoll, socket};

/// Whether two threads of this process can run at the same time, as of the first time it was asked.
pub(crate) fn has_many_cpus() -> bool {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    match SEEN.load(Ordering::Relaxed) {
        0 => {
            let cpus = cpus();
            SEEN.store(cpus, Ordering::Relaxed);
            cpus > 1
        }
        cpus => cpus > 1,
    }
}

/// An address in the stack that the caller runs on. Not that of a local variable: AddressSanitizer puts those elsewhere.
#[inline(always)]
pub(crate) fn stack_address() -> usize {
    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    {
        let here: usize;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: reads a register.
        unsafe {
            core::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: reads a register.
        unsafe {
            core::arch::asm!("mov {}, sp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        here
    }
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
    std::ptr::from_ref(&0_u8).addr()
}

/// Bytes of a cache line, on nearly every machine.
pub(crate) const LINE: usize = 64;

/// Asks the processor to fetch the cache line at `address`, which need not be valid: a hint.
#[inline(always)]
pub(crate) fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and never faults; every x86-64 has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address)) };
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch reads nothing and never faults.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

/// The same for all lines of so many bytes from `start` on.
#[inline(always)]
pub(crate) fn prefetch_all(start: usize, bytes: usize) {
    for offset in (0..bytes).step_by(LINE) {
        prefetch(start.wrapping_add(offset));
    }
}

/// Other threads run first, if any wait for this one's processor.
pub(crate) fn yield_thread() {
    std::thread::yield_now();
}

/// Address space: reserve it, guard it, give its pages back.
pub(crate) mod mem {
    pub(crate) use super::map::{Room, protect, release};
    pub(crate) use super::os::mem::{
        clear, discard, discard_below_here, first_in_memory, guard, guard_is_supported,
        map_count_limit, populate, reserve, used,
    };
}
