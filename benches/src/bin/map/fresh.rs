//! A function in a process of its own, whose memory nobody has used.

#![allow(unsafe_code, reason = "to fork is unsafe where there are threads")]

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// What the function returns in a child process.
pub(crate) fn fresh(numbers: impl FnOnce() -> Vec<u32>) -> Vec<u32> {
    let (mut here, mut there) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: this program has one thread, so nobody holds a lock that the child would miss.
    match unsafe { fork() }.expect("a process more") {
        ForkResult::Child => {
            let bytes: Vec<u8> = numbers().into_iter().flat_map(u32::to_ne_bytes).collect();
            let sent = there.write_all(&bytes);
            std::process::exit(i32::from(sent.is_err()));
        }
        ForkResult::Parent { child } => {
            drop(there);
            let mut bytes = Vec::new();
            here.read_to_end(&mut bytes).expect("what the child sends");
            let end = waitpid(child, None).expect("there is a child");
            assert_eq!(end, WaitStatus::Exited(child, 0), "the run failed");
            let (numbers, _) = bytes.as_chunks::<4>();
            numbers.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect()
        }
    }
}
