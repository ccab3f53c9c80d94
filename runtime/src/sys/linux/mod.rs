//! Linux.
//!
//! Invariants: those of the [parent](super).

mod cgroup;
mod cpu;
pub(super) mod mem;

pub(crate) use cpu::cpus;

/// This thread's `errno`. Async-signal-safe, as is [`set_errno`].
pub(crate) fn errno() -> libc::c_int {
    // Reads the thread's variable and wraps it.
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Puts a saved `errno` back.
pub(crate) fn set_errno(value: libc::c_int) {
    // SAFETY: no arguments, and nothing but an address for an answer.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: always the calling thread's own variable.
    unsafe { *place = value };
}
