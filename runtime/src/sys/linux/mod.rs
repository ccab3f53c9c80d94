//! Linux.
//!
//! Invariants: those of the [parent](super).

mod cgroup;
mod cpu;
pub(super) mod mem;

pub(crate) use cpu::cpus;

/// The kernel's id of the current thread, as `/proc/self/task` names it.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: gettid has no arguments and cannot fail.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    u32::try_from(id).unwrap_or(0)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_id_is_the_one_in_proc() {
        std::thread::spawn(|| {
            let entry = std::fs::read_link("/proc/thread-self").unwrap();
            let name = entry.file_name().unwrap().to_str().unwrap();
            assert_eq!(name, thread_id().to_string());
        })
        .join()
        .unwrap();
    }
}
