//! Tests that need whole stacks, and tests that need a process of their own.
//!
//! A test that would kill or exhaust its process runs twice: [`child`] starts the test binary again
//! for that one test, where [`in_child`] is true.

#[cfg(target_os = "linux")]
mod limits;
mod overflow;
mod pool;

use std::io::{PipeWriter, pipe};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use super::*;

const CHILD: &str = "RT_STACK_TEST_CHILD";

fn in_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the tests whose path begins with `tests` in a process of their own.
fn child(tests: &str, environment: &[(&str, &str)]) -> Ended {
    assert!(!in_child(), "a child started a child");
    let exe = std::env::current_exe().unwrap();
    let output = Command::new(exe)
        .args([tests, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env_remove("RT_STACK_GUARD")
        // A sanitizer leaves faults to whoever else handles them.
        .env("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    Ended(output)
}

/// How a child ended.
struct Ended(Output);

impl Ended {
    fn said(&self) -> String {
        let out = String::from_utf8_lossy(&self.0.stdout);
        let err = String::from_utf8_lossy(&self.0.stderr);
        format!("{out}{err}")
    }

    #[track_caller]
    fn passed(&self) {
        assert!(self.0.status.success(), "{:?}\n{}", self.0.status, self.said());
        assert!(!self.said().contains("running 0 tests"), "{}", self.said());
    }

    #[track_caller]
    fn died_of(&self, signal: libc::c_int) -> &Self {
        assert_eq!(self.0.status.signal(), Some(signal), "{}", self.said());
        self
    }

    #[track_caller]
    fn saying(&self, text: &str) -> &Self {
        assert!(self.said().contains(text), "no {text:?} in:\n{}", self.said());
        self
    }
}

/// Tells whether an address can be read without touching it: the kernel is asked to copy a byte.
struct Prober {
    // Kept open so that writes have somewhere to go.
    _reader: std::io::PipeReader,
    writer: PipeWriter,
    left: std::cell::Cell<usize>,
}

impl Prober {
    fn new() -> Self {
        let (reader, writer) = pipe().unwrap();
        Prober {
            _reader: reader,
            writer,
            // Less than any pipe holds.
            left: 4000.into(),
        }
    }

    fn can_read(&self, address: usize) -> bool {
        self.left.set(self.left.get().checked_sub(1).unwrap());
        // SAFETY: the kernel copies the byte, or answers EFAULT where there is none.
        let rc = unsafe { libc::write(self.writer.as_raw_fd(), address as *const libc::c_void, 1) };
        if rc == 1 {
            return true;
        }
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::EFAULT), "{error}");
        false
    }
}

/// The limits of a stack, as numbers.
fn bounds(stack: &Stack) -> (usize, usize) {
    use corosensei::stack::Stack as _;
    (stack.limit().get(), stack.base().get())
}

/// The byte at `address` of a stack that runs nothing.
fn byte_at(stack: &Stack, address: usize) -> *mut u8 {
    let (limit, base) = bounds(stack);
    assert!((limit..base).contains(&address));
    address as *mut u8
}

fn write(stack: &Stack, address: usize, value: u8) {
    // SAFETY: inside an owned stack that runs nothing.
    unsafe { byte_at(stack, address).write_volatile(value) }
}

fn read(stack: &Stack, address: usize) -> u8 {
    // SAFETY: as in `write`.
    unsafe { byte_at(stack, address).read_volatile() }
}

fn taken(bytes: usize, count: usize) -> Vec<Stack> {
    let mut out = Vec::new();
    let class = Class::for_size(bytes).unwrap();
    assert_eq!(take(class, count, &mut out).unwrap(), count);
    out
}
