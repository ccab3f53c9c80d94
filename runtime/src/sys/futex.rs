//! Sleeping on a word.
//!
//! Invariants:
//! 1. [`wait`] returns at once when the word no longer holds `expected`; it may also return
//!    for no reason. The caller looks at the word again, always.
//! 2. [`wake_one`] uses the word's address alone and never its memory, so the word may be gone
//!    or reused by then: the worst is a spurious return elsewhere.

use crate::prim::global::AtomicU32;
use std::time::Duration;

/// Blocks the thread while `word` holds `expected`, for at most `timeout`.
#[cfg(target_os = "linux")]
pub(crate) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let spec = timeout.map(|t| libc::timespec {
        tv_sec: t.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: t.subsec_nanos().into(),
    });
    let spec_ptr = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: invariant 1. The word and the timespec live over the call; every outcome
    // (woken, changed, interrupted, timed out) is the same to the caller, who looks again.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            spec_ptr,
        )
    };
    if rc < 0 {
        pause_if_refused(timeout);
    }
}

/// A filter of system calls that forbids this one makes everybody look again at once, and without a pause for ever; nor is anybody woken.
#[cfg(target_os = "linux")]
#[cold]
fn pause_if_refused(timeout: Option<Duration>) {
    const PAUSE: Duration = Duration::from_millis(1);
    let errno = super::os::errno();
    if !matches!(errno, libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT) {
        std::thread::sleep(timeout.map_or(PAUSE, |timeout| timeout.min(PAUSE)));
    }
}

/// Wakes one thread that waits on `word`, if there is one.
#[cfg(target_os = "linux")]
pub(crate) fn wake_one(word: *const AtomicU32) {
    // SAFETY: invariant 2. FUTEX_WAKE takes the address as a key and does not follow it.
    unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1_i32)
    };
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use super::AtomicU32;
    use crate::prim::global::Ordering;
    use std::sync::{Condvar, Mutex, PoisonError};
    use std::time::Duration;

    #[allow(clippy::disallowed_types, reason = "a condvar wants std's own mutex")]
    static ROOM: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

    pub(crate) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
        let guard = ROOM.0.lock().unwrap_or_else(PoisonError::into_inner);
        if word.load(Ordering::Relaxed) != expected {
            return;
        }
        match timeout {
            None => drop(ROOM.1.wait(guard)),
            Some(t) => drop(ROOM.1.wait_timeout(guard, t)),
        }
    }

    pub(crate) fn wake_one(_word: *const AtomicU32) {
        let _guard = ROOM.0.lock().unwrap_or_else(PoisonError::into_inner);
        ROOM.1.notify_all();
    }
}
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{wait, wake_one};
