//! The part of memory mapping that every Unix shares.
//!
//! Invariants: those of the [parent](super).

use crate::prim::global::{AtomicUsize, Ordering};
use std::io;
use std::ptr::NonNull;

/// A run of whole pages, laid out as the kernel's `iovec` so that many travel in one call.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Span(libc::iovec);

impl Span {
    /// `len` bytes from `start`, both multiples of the page size.
    pub(crate) fn new(start: NonNull<u8>, len: usize) -> Self {
        debug_assert!(start.addr().get().is_multiple_of(page_size()));
        debug_assert!(len.is_multiple_of(page_size()));
        Span(libc::iovec { iov_base: start.as_ptr().cast(), iov_len: len })
    }

    pub(crate) fn start(&self) -> *mut libc::c_void {
        self.0.iov_base
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iov_len
    }
}

/// The size of a page; asked once, then a plain load.
pub(crate) fn page_size() -> usize {
    static SIZE: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: the value is the same whoever stores it, and nothing hangs on its order.
    let known = SIZE.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: sysconf reads a constant and touches no memory of ours.
    let asked = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let size = usize::try_from(asked).unwrap_or(4096);
    assert!(size.is_power_of_two() && size >= 4096, "page size of {size} bytes");
    SIZE.store(size, Ordering::Relaxed);
    size
}

/// Maps `bytes` of private, zeroed, writable memory.
pub(super) fn map(bytes: usize, flags: libc::c_int) -> io::Result<NonNull<u8>> {
    // SAFETY: an anonymous mapping at an address of the kernel's choice replaces nothing.
    let at = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON | flags,
            -1,
            0,
        )
    };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(at.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
}

/// Unmaps the pages of `span`.
///
/// # Safety
/// Invariants 1 and 2 of [`super`]; the pages are no longer the caller's afterwards.
pub(crate) unsafe fn release(span: Span) -> io::Result<()> {
    // SAFETY: invariants 1 and 2, promised by the caller.
    let rc = unsafe { libc::munmap(span.start(), span.len()) };
    check(rc)
}

/// Takes every access to the pages of `span` away. Splits the mapping.
///
/// # Safety
/// Invariants 1 and 2 of [`super`].
pub(crate) unsafe fn protect(span: Span) -> io::Result<()> {
    // SAFETY: invariants 1 and 2, promised by the caller.
    let rc = unsafe { libc::mprotect(span.start(), span.len(), libc::PROT_NONE) };
    check(rc)
}

/// What stacks take of what a process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// All that is mapped.
    AddressSpace,
    /// Private memory that may be written to.
    Data,
}

impl Room {
    pub(crate) const ALL: [Room; 2] = [Room::AddressSpace, Room::Data];

    /// The process's limit in bytes, when it has one.
    pub(crate) fn limit(self) -> Option<usize> {
        let which = match self {
            Room::AddressSpace => libc::RLIMIT_AS,
            Room::Data => libc::RLIMIT_DATA,
        };
        let mut limit =
            libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: `limit` is a valid place for the answer.
        let rc = unsafe { libc::getrlimit(which, &raw mut limit) };
        if rc != 0 || limit.rlim_cur == libc::RLIM_INFINITY {
            return None;
        }
        usize::try_from(limit.rlim_cur).ok()
    }
}

/// Turns a system call's 0 or -1 into a result.
pub(super) fn check(rc: libc::c_int) -> io::Result<()> {
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
