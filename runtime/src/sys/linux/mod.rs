//! Linux.
//!
//! Invariants: those of the [parent](super).

mod cgroup;
mod cpu;
pub(crate) mod epoll;
mod image;
pub(super) mod mem;
mod peek;
pub(crate) mod socket;
mod thread;

pub(crate) use cpu::cpus;
pub(crate) use image::images;
pub(crate) use peek::peek;
pub(crate) use thread::{
    ThreadState, join_while, take_short_turns, thread_id, thread_is_off, thread_look, thread_time,
    threads, wake_on_time,
};

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

/// Whether [`membarrier`] can be used; asks the kernel to have it ready.
pub(crate) fn membarrier_register() -> bool {
    // SAFETY: numbers alone go in and out.
    let rc = unsafe {
        libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)
    };
    rc == 0
}

/// A full memory barrier on every thread of this process that runs now.
///
/// # Errors
/// When the system does not have it, or has come to forbid it: after [`membarrier_register`] has said yes, that alone.
pub(crate) fn membarrier() -> std::io::Result<()> {
    // SAFETY: numbers alone go in and out.
    let rc = unsafe {
        libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)
    };
    if rc == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
