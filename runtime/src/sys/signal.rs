//! Catching signals: the handler counts, and wakes one reader.
//!
//! Invariants
//! 1. The handler only does what is async-signal-safe: it reads and writes atomics, calls `write`, and keeps
//!    `errno` as it was.
//! 2. The pipe is there before the first handler is, and is never closed.
//! 3. `CAUGHT` is counted before the byte is written. So the thread that reads the byte counts it in, and who finds as many
//!    settled as caught knows that all that came before has been dealt with.
//! 4. The handler runs on the alternate stack of its thread, where there is one: a goroutine's stack may
//!    be small, and full.

use super::map::check;
use super::{errno, set_errno};
use crate::prim::global::{AtomicI32, AtomicU32, AtomicU64, Condvar, Mutex, Ordering};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};

/// No signal has a higher number.
pub(crate) const LAST: libc::c_int = 64;

/// How often each came since it was last taken.
static PENDING: [AtomicU32; LAST as usize + 1] = [const { AtomicU32::new(0) }; LAST as usize + 1];
/// How many have come, of all kinds.
static CAUGHT: AtomicU64 = AtomicU64::new(0);
/// How many of those have been dealt with, and who waits for that. Not for handlers.
static SETTLED: Mutex<u64> = Mutex::new(0);
static SETTLING: Condvar = Condvar::new();
/// The end of the pipe that handlers write to.
static WRITER: AtomicI32 = AtomicI32::new(-1);

/// What becomes of a signal: what the system has returned.
#[derive(Clone, Copy)]
pub(crate) struct Action(libc::sigaction);

/// Where the one thread that looks after signals waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader(libc::c_int);

extern "C" fn on_signal(signal: libc::c_int) {
    let saved = errno();
    if let Some(pending) = PENDING.get(signal as usize) {
        // Release pairs with the Acquire in `take`; the pipe orders it as well.
        pending.fetch_add(1, Ordering::Release);
    }
    // Release pairs with `caught`.
    CAUGHT.fetch_add(1, Ordering::Release);
    let byte = 0_u8;
    // SAFETY: one byte that is there. A pipe that is full has been written to by others: the reader is
    // going to look.
    let _ = unsafe { libc::write(WRITER.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
    set_errno(saved);
}

/// Makes ready for [`catch`]. Once in a process.
///
/// # Errors
/// When there are too many open files.
pub(crate) fn open() -> io::Result<Reader> {
    // Not inherited, from the beginning.
    let (reader, writer) = io::pipe()?;
    // A handler never waits.
    // SAFETY: ours.
    check(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
    WRITER.store(writer.into_raw_fd(), Ordering::Release);
    Ok(Reader(reader.into_raw_fd()))
}

impl Reader {
    /// Blocks the thread until a signal has come since the last time; also for no reason.
    pub(crate) fn wait(self) {
        let mut bytes = [0_u8; 512];
        // SAFETY: room for so many. Every outcome is the same to the caller, who looks.
        let _ = unsafe { libc::read(self.0, bytes.as_mut_ptr().cast(), bytes.len()) };
    }
}

/// How often `signal` has come since the last time it was taken.
pub(crate) fn take(signal: libc::c_int) -> u32 {
    let pending = PENDING.get(signal as usize);
    pending.map_or(0, |pending| pending.swap(0, Ordering::Acquire))
}

/// How many have come. Acquire: they can be taken.
pub(crate) fn caught() -> u64 {
    CAUGHT.load(Ordering::Acquire)
}

/// The first `count` that came have been taken, and who is notified of them has been.
pub(crate) fn settled(count: u64) {
    *SETTLED.lock() = count;
    SETTLING.notify_all();
}

/// Waits until all that have come are [settled], which takes a moment. How many those are. Not for who settles them, nor with
/// a lock that he needs.
///
/// [settled]: self::settled
pub(crate) fn settle() -> u64 {
    let mut settled = SETTLED.lock();
    loop {
        let caught = caught();
        if *settled == caught {
            return caught;
        }
        settled = SETTLING.wait(settled).unwrap_or_else(|poisoned| poisoned.into_inner());
    }
}

/// Whether `signal` may be had; changes nothing.
///
/// # Errors
/// When the system does not know it, or keeps it for itself.
pub(crate) fn ask(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: no action to be set, and no place for the one there is: nothing is read or written.
    check(unsafe { libc::sigaction(signal, std::ptr::null(), std::ptr::null_mut()) })
}

/// From now on `signal` is counted. Returns what became of it before.
///
/// # Errors
/// When the system does not know it, or keeps it for itself.
pub(crate) fn catch(signal: libc::c_int) -> io::Result<Action> {
    let handler: extern "C" fn(libc::c_int) = on_signal;
    set(signal, handler as usize, libc::SA_RESTART | libc::SA_ONSTACK)
}

/// From now on `handler` is called for `signal`, if nobody handles it: it is ignored, or what the system does by itself.
/// `false`: somebody does, or the system refuses.
///
/// # Safety
/// The handler does what is async-signal-safe alone, and keeps `errno` as it was.
pub(crate) unsafe fn handle_unhandled(
    signal: libc::c_int,
    handler: extern "C" fn(libc::c_int),
) -> bool {
    let Ok(Action(before)) = set(signal, handler as usize, libc::SA_RESTART | libc::SA_ONSTACK)
    else {
        return false;
    };
    let ours = before.sa_sigaction == libc::SIG_DFL || before.sa_sigaction == libc::SIG_IGN;
    if !ours {
        let _ = exchange(signal, &before);
    }
    ours
}

/// Writes to standard error, as it comes, past all locks: whoever has them may wait for ever. Where it does not block, and is
/// full, who reads it has a [`PATIENCE`] for each piece.
pub(crate) fn write_to_stderr(text: &[u8]) {
    write_to(libc::STDERR_FILENO, text);
}

/// So long, in milliseconds, what is full is waited for.
const PATIENCE: libc::c_int = 1000;

/// `false`: nobody reads.
fn write_to(fd: libc::c_int, mut text: &[u8]) -> bool {
    while !text.is_empty() {
        // SAFETY: pointer and length describe `text`.
        let rc = unsafe { libc::write(fd, text.as_ptr().cast(), text.len()) };
        if let Ok(written) = usize::try_from(rc) {
            text = text.get(written..).unwrap_or_default();
            continue;
        }
        match io::Error::last_os_error().kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock if has_room(fd) => {}
            // It is closed.
            _ => return false,
        }
    }
    true
}

/// Waits for room to write.
fn has_room(fd: libc::c_int) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    loop {
        // SAFETY: one that is there.
        let rc = unsafe { libc::poll(&raw mut poll, 1, PATIENCE) };
        if rc >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return rc > 0;
        }
    }
}

/// From now on nothing happens at `signal`. Returns what became of it before.
///
/// # Errors
/// As [`catch`].
pub(crate) fn ignore(signal: libc::c_int) -> io::Result<Action> {
    set(signal, libc::SIG_IGN, 0)
}

fn set(signal: libc::c_int, handler: usize, flags: libc::c_int) -> io::Result<Action> {
    // SAFETY: all zeroes is a valid `sigaction`: no flags, an empty mask.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = handler;
    new.sa_flags = flags;
    exchange(signal, &new)
}

/// Has become of `signal` what became of it before.
///
/// # Errors
/// As [`catch`].
pub(crate) fn restore(signal: libc::c_int, before: Action) -> io::Result<()> {
    exchange(signal, &before.0).map(drop)
}

fn exchange(signal: libc::c_int, new: &libc::sigaction) -> io::Result<Action> {
    // SAFETY: all zeroes is a valid `sigaction`.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both are valid. The new one is ours, whose handler is as safe as invariants 1 and 2 say, or
    // what the system had.
    check(unsafe { libc::sigaction(signal, new, &raw mut old) })?;
    Ok(Action(old))
}

#[cfg(test)]
mod tests {
    use super::{check, write_to};
    use std::io::{PipeReader, PipeWriter, Read as _};
    use std::os::fd::AsRawFd as _;

    /// A pipe whose writer does not block.
    fn pipe() -> (PipeReader, PipeWriter) {
        let (reader, writer) = std::io::pipe().unwrap();
        // SAFETY: ours.
        check(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).unwrap();
        (reader, writer)
    }

    #[test]
    fn a_full_pipe_is_waited_for() {
        let (mut reader, writer) = pipe();
        let text: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_ne_bytes).collect();
        let reads = std::thread::spawn(move || {
            let mut text = Vec::new();
            reader.read_to_end(&mut text).map(|_| text)
        });
        assert!(write_to(writer.as_raw_fd(), &text));
        drop(writer);
        assert!(reads.join().unwrap().unwrap() == text, "something is missing");
    }

    #[test]
    fn who_does_not_read_is_not_waited_for_for_ever() {
        let (reader, writer) = pipe();
        assert!(!write_to(writer.as_raw_fd(), &[0; 1 << 20]));
        drop(reader);
        assert!(!write_to(writer.as_raw_fd(), &[0]));
    }
}
