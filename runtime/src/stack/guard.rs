//! How a slot gets its guard.
//!
//! Two ways. A mark in the page table (`MADV_GUARD_INSTALL`) costs no mapping. Without it, or where
//! it is refused (locked memory), `mprotect` cuts the guard page out of the slab's mapping, which
//! costs two mappings a stack; the system allows 65,530 in all by default.
//!
//! Invariants
//! 1. A slot that [`arm`] puts in `armed` has its guard; one that stays in `slots` was not touched.
//! 2. Guards made by `mprotect` stop short of the limit by [`headroom`], so that the rest of the
//!    process (the allocator, new threads) can still map memory when stacks run out.

use crate::prim::global::{AtomicU8, AtomicUsize, Ordering};
use std::io;

use super::slot::{Slot, Stack};
use crate::sys::{mem, page_size};

/// How many bytes a guard has: whole pages.
///
/// No code that probes its large frames steps over it. Rust's does so every 4 KiB, and so does what a C compiler makes under
/// `-fstack-clash-protection`. But GCC for aarch64 takes a guard to be of 64 KiB, as those of the C library's threads are there.
#[inline]
pub(crate) fn guard_size() -> usize {
    const LEAST: usize = if cfg!(target_arch = "aarch64") { 64 << 10 } else { 4 << 10 };
    page_size().max(LEAST)
}

/// How guards are made in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardMode {
    /// Marks in the page table.
    Madvise,
    /// Mappings without access.
    Mprotect,
}

const UNKNOWN: u8 = 0;
const MADVISE: u8 = 1;
const MPROTECT: u8 = 2;

/// Found once. Relaxed everywhere: the answer is the same for all, and nothing hangs on its order.
static MODE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Guards that have a mapping of their own. Relaxed: a count, checked before and not exactly.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// Makes every guard from now on by `mprotect`. For tests of the fallback; call it before the first
/// stack is taken.
#[cfg(test)]
pub(crate) fn force_mprotect() {
    MODE.store(MPROTECT, Ordering::Relaxed);
}

impl GuardMode {
    /// The mode of this process, found at the first call.
    ///
    /// # Errors
    /// When `RT_STACK_GUARD` says nothing known, or asks for what the kernel has not.
    pub(crate) fn current() -> io::Result<GuardMode> {
        match MODE.load(Ordering::Relaxed) {
            MADVISE => Ok(GuardMode::Madvise),
            MPROTECT => Ok(GuardMode::Mprotect),
            _ => {
                let asked = std::env::var_os("RT_STACK_GUARD").unwrap_or_default();
                let mode = choose(asked.to_string_lossy().trim(), mem::guard_is_supported)?;
                MODE.store(
                    match mode {
                        GuardMode::Madvise => MADVISE,
                        GuardMode::Mprotect => MPROTECT,
                    },
                    Ordering::Relaxed,
                );
                Ok(mode)
            }
        }
    }
}

fn choose(asked: &str, supported: impl Fn() -> bool) -> io::Result<GuardMode> {
    match asked {
        "" if supported() => Ok(GuardMode::Madvise),
        "" | "mprotect" => Ok(GuardMode::Mprotect),
        "madvise" if supported() => Ok(GuardMode::Madvise),
        "madvise" => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the environment variable RT_STACK_GUARD is \"madvise\": this kernel has no \
             MADV_GUARD_INSTALL (Linux 6.13)",
        )),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "the environment variable RT_STACK_GUARD is {other:?}: it must be \"madvise\", \
                 \"mprotect\" or nothing"
            ),
        )),
    }
}

/// Guards `slots` and moves those that got theirs to `armed`. The first refusal is returned when
/// any slot stays behind.
///
/// # Safety
/// The caller owns the slots (stack invariant 2), and nothing lives in their lowest pages.
pub(super) unsafe fn arm(
    mode: GuardMode,
    slots: &mut Vec<Slot>,
    armed: &mut Vec<Stack>,
) -> io::Result<()> {
    // Those that need a mapping of their own; the rest is guarded.
    let mut left: Vec<usize> = Vec::new();
    match mode {
        GuardMode::Madvise => {
            let guards: Vec<_> = slots.iter().map(|slot| slot.guard()).collect();
            // SAFETY: sys invariants 1 and 2, promised by the caller.
            unsafe { mem::guard(&guards, |index, _| left.push(index)) };
        }
        GuardMode::Mprotect => left.extend(0..slots.len()),
    }
    let mut first_refusal = Ok(());
    left.retain(|&index| {
        // Whoever refuses one refuses the rest, and each refusal reads the limit anew.
        if first_refusal.is_ok() {
            // SAFETY: promised by the caller.
            first_refusal = unsafe { cut(slots[index]) };
        }
        first_refusal.is_err()
    });
    armed.reserve(slots.len() - left.len());
    let mut left = left.into_iter().peekable();
    let mut index = 0;
    slots.retain(|&slot| {
        let stays = left.next_if_eq(&index).is_some();
        index += 1;
        if !stays {
            // SAFETY: neither call above left it out: its guard is installed. The slot leaves
            // `slots` with this, so the stack is its one owner.
            armed.push(unsafe { Stack::new(slot) });
        }
        stays
    });
    first_refusal
}

/// Guards one slot by `mprotect`.
///
/// # Safety
/// As [`arm`].
unsafe fn cut(slot: Slot) -> io::Result<()> {
    let existing = MAPPED.fetch_add(1, Ordering::Relaxed);
    let limit = map_budget();
    let room = limit.is_none_or(|limit| 2 * (existing + 1) + headroom(limit) <= limit);
    let tried = if room {
        // SAFETY: sys invariants 1 and 2, promised by the caller.
        unsafe { mem::protect(slot.guard()) }
    } else {
        Err(io::Error::from_raw_os_error(libc::ENOMEM))
    };
    tried.map_err(|error| {
        MAPPED.fetch_sub(1, Ordering::Relaxed);
        explain(&error, existing)
    })
}

/// The mappings a process may have; read once, as long as it suffices. An administrator may raise
/// it while the process runs.
fn map_budget() -> Option<usize> {
    static LIMIT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: any value once read will do.
    let known = LIMIT.load(Ordering::Relaxed);
    let used = 2 * MAPPED.load(Ordering::Relaxed);
    if known != 0 && used + headroom(known) <= known {
        return Some(known);
    }
    let limit = mem::map_count_limit()?;
    LIMIT.store(limit, Ordering::Relaxed);
    Some(limit)
}

/// What stacks leave of the `limit` to the rest of the process.
fn headroom(limit: usize) -> usize {
    (limit / 16).max(512).min(limit / 2)
}

/// Says why there is no guard, and what to do.
fn explain(error: &io::Error, existing: usize) -> io::Error {
    if error.raw_os_error() != Some(libc::ENOMEM) {
        return io::Error::new(error.kind(), format!("cannot guard a goroutine stack: {error}"));
    }
    let limit = mem::map_count_limit()
        .map_or_else(|| "its limit".to_owned(), |limit| format!("vm.max_map_count = {limit}"));
    io::Error::new(
        io::ErrorKind::OutOfMemory,
        format!(
            "cannot guard another goroutine stack: {existing} exist, each takes two memory \
             mappings, and the process is near {limit}. Raise the sysctl vm.max_map_count, run \
             fewer goroutines at once, or use Linux 6.13 or later, whose MADV_GUARD_INSTALL needs \
             no mappings"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_chooses() {
        assert_eq!(choose("", || true).unwrap(), GuardMode::Madvise);
        assert_eq!(choose("", || false).unwrap(), GuardMode::Mprotect);
        assert_eq!(choose("madvise", || true).unwrap(), GuardMode::Madvise);
        assert_eq!(choose("mprotect", || true).unwrap(), GuardMode::Mprotect);
        let old = choose("madvise", || false).unwrap_err().to_string();
        assert!(old.contains("6.13"), "{old}");
        let bad = choose("none", || true).unwrap_err().to_string();
        let says = "the environment variable RT_STACK_GUARD is \"none\": it must be \"madvise\", \
                    \"mprotect\" or nothing";
        assert_eq!(bad, says);
    }

    #[test]
    fn headroom_leaves_room_for_both() {
        for limit in [2, 1000, 65_530, 1_000_000] {
            assert!(headroom(limit) <= limit / 2);
        }
        assert!(headroom(65_530) >= 4_000);
    }
}
