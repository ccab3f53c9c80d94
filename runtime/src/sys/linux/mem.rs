//! Memory advice, one span or many at a time.
//!
//! Linux 6.13 made two things possible that a million stacks need: guard pages that are marks in
//! the page table (`MADV_GUARD_INSTALL`) instead of mappings of their own, and `process_madvise`
//! with any advice on the caller's own memory, so that one system call serves hundreds of spans.
//! Everything here works without either: a refused batch is repeated span by span.
//!
//! Invariants: those of the [parent](super::super), and
//! 1. A pidfd is used for advice only on this process. After a `fork` an inherited one names the
//!    parent, and the kernel refuses any advice of ours on another process's memory; the batch is
//!    then repeated span by span.

use crate::prim::global::{AtomicI32, Ordering};
use std::io;
use std::ptr::NonNull;

use super::super::map::{self, Room, Span, check, page_size};

/// `MADV_GUARD_INSTALL` and `MADV_GUARD_REMOVE`, Linux 6.13.
const GUARD_INSTALL: libc::c_int = 102;
const GUARD_REMOVE: libc::c_int = 103;

/// Most spans in one call (`IOV_MAX` is 1024), and most bytes: the kernel cuts a longer list off
/// below 2 GiB without saying so.
const BATCH_SPANS: usize = 512;
const BATCH_BYTES: usize = 1 << 30;

/// Reserves `bytes` of address space: writable, zeroed, without memory until touched, and never
/// backed by huge pages, which would give a stack 2 MiB for its first byte.
pub(crate) fn reserve(bytes: usize) -> io::Result<NonNull<u8>> {
    let at = map::map(bytes, libc::MAP_NORESERVE | libc::MAP_STACK)?;
    let span = Span::new(at, bytes);
    // A kernel without huge pages refuses; then there is nothing to forbid.
    // SAFETY: sys invariants 1 and 2: mapped just now.
    let _ = unsafe { advise(&span, libc::MADV_NOHUGEPAGE) };
    Ok(at)
}

/// Marks every span inaccessible without splitting its mapping. Calls `refused` with the index of
/// each one that the kernel would not mark; the others are guarded on return.
///
/// # Safety
/// Invariants 1 and 2 of [`sys`](super::super).
pub(crate) unsafe fn guard(spans: &[Span], refused: impl FnMut(usize, io::Error)) {
    // SAFETY: sys invariants 1 and 2, promised by the caller.
    unsafe { advise_all(spans, GUARD_INSTALL, refused) };
}

/// Gives the memory of every span back; it reads as zeroes then. Guards survive. Locked memory
/// stays as it is.
///
/// # Safety
/// Invariants 1 and 2 of [`sys`](super::super).
pub(crate) unsafe fn discard(spans: &[Span]) {
    // SAFETY: sys invariants 1 and 2, promised by the caller.
    unsafe { advise_all(spans, libc::MADV_DONTNEED, |_, _| ()) };
}

/// The same, but the guards go, too, and with them, from Linux 6.14 on, the page tables of every whole 2 MiB of a span.
///
/// # Safety
/// Invariants 1 and 2 of [`sys`](super::super).
pub(crate) unsafe fn clear(spans: &[Span]) {
    // SAFETY: sys invariants 1 and 2, promised by the caller. What keeps its guard is guarded again before it is used.
    unsafe { advise_all(spans, GUARD_REMOVE, |_, _| ()) };
    // SAFETY: as above.
    unsafe { discard(spans) };
}

/// Gives every span its memory now, where one call does it for all; else the first touch will.
///
/// # Safety
/// Invariant 1 of [`sys`](super::super). Contents are kept.
pub(crate) unsafe fn populate(spans: &[Span]) {
    if let Some(pidfd) = self_pidfd() {
        for spans in spans.chunks(BATCH_SPANS) {
            // SAFETY: sys invariant 1, promised by the caller; this advice changes no contents.
            let _ = unsafe { advise_batch(pidfd, spans, libc::MADV_POPULATE_WRITE) };
        }
    }
}

/// The lowest address of a page of `span` that has memory now. `None`: no page has, or the kernel does not say.
///
/// What was swapped out counts as no memory.
pub(crate) fn first_in_memory(span: &Span) -> Option<usize> {
    /// On the stack, which may be a small one.
    const PAGES: usize = 64;
    let mut pages = [0_u8; PAGES];
    let (start, bytes) = (span.start().addr(), PAGES * page_size());
    for offset in (0..span.len()).step_by(bytes) {
        let len = bytes.min(span.len() - offset);
        let at = span.start().wrapping_byte_add(offset);
        // SAFETY: the kernel writes a byte for each page, and there is room for so many.
        if unsafe { libc::mincore(at, len, pages.as_mut_ptr()) } != 0 {
            return None;
        }
        let first = pages[..len / page_size()].iter().position(|page| page & 1 != 0);
        if let Some(page) = first {
            return Some(start + offset + page * page_size());
        }
    }
    None
}

/// So far below the stack pointer lies nothing of [`discard_below_here`] or of what it calls.
const NEAR: usize = 1024;

/// Gives back the pages from `start` up to where the caller's frame lies, but for the last [`NEAR`] bytes. `false`: the
/// kernel refuses, as it does for locked memory.
///
/// # Safety
/// `start` is a page boundary, and the stack that the caller runs on is mapped from there to its frame.
#[inline(never)]
pub(crate) unsafe fn discard_below_here(start: usize) -> bool {
    // AddressSanitizer puts its own function, with frames of its own, before the system's.
    if cfg!(feature = "sanitizer") {
        return false;
    }
    let end = super::super::stack_address().saturating_sub(NEAR) & !(page_size() - 1);
    let at = std::ptr::without_provenance_mut(start);
    // SAFETY: below the stack pointer nothing lives, and the system's function has no frame of `NEAR` bytes. A signal's
    // handler runs before or after the call, not during it.
    end <= start || unsafe { libc::madvise(at, end - start, libc::MADV_DONTNEED) } == 0
}

/// Whether this kernel can [`guard`] without splitting mappings: found by trying. An emulator may say yes to all advice, and follow
/// none; but what is guarded cannot be populated.
pub(crate) fn guard_is_supported() -> bool {
    let bytes = page_size();
    let Ok(at) = reserve(bytes) else {
        return false;
    };
    let probe = Span::new(at, bytes);
    // SAFETY: sys invariants 1 and 2: a page that nobody else knows.
    let tried = unsafe { advise(&probe, GUARD_INSTALL) };
    // SAFETY: as above.
    let populated = unsafe { advise(&probe, libc::MADV_POPULATE_READ) };
    // SAFETY: sys invariants 1 and 2: the same page, used no more.
    let _ = unsafe { map::release(probe) };
    tried.is_ok() && populated.is_err()
}

/// How many mappings a process may have: the sysctl `vm.max_map_count`.
pub(crate) fn map_count_limit() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?;
    text.trim().parse().ok()
}

/// How much of `room` the process uses, in bytes.
pub(crate) fn used(room: Room) -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let column = match room {
        Room::AddressSpace => 0,
        Room::Data => 5,
    };
    let pages: usize = text.split_whitespace().nth(column)?.parse().ok()?;
    Some(pages * page_size())
}

/// # Safety
/// Invariants 1 and 2 of [`sys`](super::super), as far as `advice` touches contents.
unsafe fn advise(span: &Span, advice: libc::c_int) -> io::Result<()> {
    // SAFETY: sys invariants 1 and 2, promised by the caller.
    check(unsafe { libc::madvise(span.start(), span.len(), advice) })
}

/// Advises every span, in batches where possible; `refused` hears of those that cannot be.
///
/// # Safety
/// Invariants 1 and 2 of [`sys`](super::super), as far as `advice` touches contents.
unsafe fn advise_all(
    spans: &[Span],
    advice: libc::c_int,
    mut refused: impl FnMut(usize, io::Error),
) {
    let mut done = 0;
    while done < spans.len() {
        let batch = batch_len(&spans[done..]);
        // How many the batch call left for one-by-one: all of them, or the one it stopped at.
        let mut singles = batch;
        if batch > 1
            && let Some(pidfd) = self_pidfd()
        {
            // SAFETY: sys invariants 1 and 2, promised by the caller.
            let tried = unsafe { advise_batch(pidfd, &spans[done..done + batch], advice) };
            if let Ok(advised) = tried {
                done += advised;
                singles = usize::from(advised < batch);
            }
        }
        for span in &spans[done..done + singles] {
            // SAFETY: sys invariants 1 and 2, promised by the caller.
            if let Err(error) = unsafe { advise(span, advice) } {
                refused(done, error);
            }
            done += 1;
        }
    }
}

/// How many of the first `spans` one call takes: at least one.
fn batch_len(spans: &[Span]) -> usize {
    let mut bytes = 0;
    let fits = |span: &&Span| {
        bytes += span.len();
        bytes <= BATCH_BYTES
    };
    spans.iter().take(BATCH_SPANS).take_while(fits).count().max(1)
}

/// One `process_madvise`; says how many of the spans it served, from the first on.
///
/// # Safety
/// Invariants 1 and 2 of [`sys`](super::super), as far as `advice` touches contents.
unsafe fn advise_batch(
    pidfd: libc::c_int,
    spans: &[Span],
    advice: libc::c_int,
) -> io::Result<usize> {
    // SAFETY: sys invariants 1 and 2, promised by the caller; invariant 1 here for `pidfd`. A
    // `Span` is a transparent `iovec`.
    let rc = unsafe {
        libc::syscall(libc::SYS_process_madvise, pidfd, spans.as_ptr(), spans.len(), advice, 0)
    };
    let Ok(mut bytes) = usize::try_from(rc) else {
        return Err(io::Error::last_os_error());
    };
    let served = |span: &&Span| {
        let whole = span.len() <= bytes;
        bytes = bytes.saturating_sub(span.len());
        whole
    };
    Ok(spans.iter().take_while(served).count())
}

/// A handle on this process for `process_madvise`, when the kernel takes batches on it.
fn self_pidfd() -> Option<libc::c_int> {
    const UNKNOWN: i32 = i32::MIN;
    const NONE: i32 = i32::MIN + 1;
    static PIDFD: AtomicI32 = AtomicI32::new(UNKNOWN);
    // Relaxed: a descriptor number guards no memory; any thread may find it for itself.
    match PIDFD.load(Ordering::Relaxed) {
        NONE => None,
        UNKNOWN => {
            let found = find_self_pidfd();
            let stored = PIDFD.compare_exchange(
                UNKNOWN,
                found.unwrap_or(NONE),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match stored {
                Ok(_) => found,
                // Another thread was first: keep its answer, close ours.
                Err(first) => {
                    found.into_iter().for_each(close);
                    (first != NONE).then_some(first)
                }
            }
        }
        known => Some(known),
    }
}

fn find_self_pidfd() -> Option<libc::c_int> {
    /// `PIDFD_SELF`, Linux 6.15: this process, without a descriptor.
    const PIDFD_SELF: libc::c_int = -10_000;
    if takes_batches(PIDFD_SELF) {
        return Some(PIDFD_SELF);
    }
    // SAFETY: pidfd_open makes a descriptor (close-on-exec always) and touches no memory.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
    let pidfd = libc::c_int::try_from(opened).ok().filter(|&fd| fd >= 0)?;
    if takes_batches(pidfd) {
        return Some(pidfd);
    }
    close(pidfd);
    None
}

/// An empty batch changes nothing, yet the kernel checks handle and advice first.
fn takes_batches(pidfd: libc::c_int) -> bool {
    // SAFETY: no span, no memory.
    unsafe { advise_batch(pidfd, &[], libc::MADV_DONTNEED) }.is_ok()
}

fn close(pidfd: libc::c_int) {
    if pidfd >= 0 {
        // SAFETY: a descriptor that `find_self_pidfd` opened and nobody else uses.
        let _ = unsafe { libc::close(pidfd) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of a fresh mapping, released on drop.
    struct Pages(NonNull<u8>, usize);

    impl Pages {
        fn new(count: usize) -> Self {
            Pages(reserve(count * page_size()).unwrap(), count)
        }

        fn span(&self, page: usize) -> Span {
            assert!(page < self.1);
            // SAFETY: inside the mapping by the assertion.
            let at = unsafe { self.0.add(page * page_size()) };
            Span::new(at, page_size())
        }

        fn byte(&self, page: usize) -> *mut u8 {
            self.span(page).start().cast()
        }
    }

    impl Drop for Pages {
        fn drop(&mut self) {
            // SAFETY: sys invariants 1 and 2: ours, and the test is over.
            unsafe { map::release(Span::new(self.0, self.1 * page_size())) }.unwrap();
        }
    }

    #[test]
    fn discard_zeroes_every_span_and_no_other_page() {
        let pages = Pages::new(2000);
        for page in 0..2000 {
            // SAFETY: a writable page of ours.
            unsafe { pages.byte(page).write(7) };
        }
        let even: Vec<Span> = (0..2000).step_by(2).map(|page| pages.span(page)).collect();
        // SAFETY: sys invariants 1 and 2: the test's own pages.
        unsafe { discard(&even) };
        for page in 0..2000 {
            // SAFETY: a readable page of ours.
            let byte = unsafe { pages.byte(page).read() };
            assert_eq!(byte, if page % 2 == 0 { 0 } else { 7 }, "page {page}");
        }
    }

    #[test]
    fn populate_keeps_contents() {
        let pages = Pages::new(600);
        // SAFETY: a writable page of ours.
        unsafe { pages.byte(3).write(9) };
        let all: Vec<Span> = (0..600).map(|page| pages.span(page)).collect();
        // SAFETY: sys invariant 1: the test's own pages.
        unsafe { populate(&all) };
        // SAFETY: a readable page of ours.
        assert_eq!(unsafe { pages.byte(3).read() }, 9);
    }

    #[test]
    fn a_refused_span_is_named_and_the_rest_is_served() {
        if !guard_is_supported() {
            return;
        }
        let pages = Pages::new(8);
        let locked = pages.span(5);
        // The system call itself: sanitizers make libc's function do nothing.
        // SAFETY: a page of ours; locking changes no contents.
        let rc = unsafe { libc::syscall(libc::SYS_mlock, locked.start(), locked.len()) };
        assert_eq!(rc, 0, "mlock: {}", io::Error::last_os_error());
        let spans: Vec<Span> = (0..8).map(|page| pages.span(page)).collect();
        let mut names = Vec::new();
        // SAFETY: sys invariants 1 and 2: the test's own pages.
        unsafe { guard(&spans, |index, _| names.push(index)) };
        assert_eq!(names, [5]);
    }

    #[test]
    fn batches_are_bounded_in_spans_and_bytes() {
        let at = NonNull::<u8>::dangling()
            .map_addr(|addr| addr.saturating_mul(page_size().try_into().unwrap()));
        let small = vec![Span::new(at, page_size()); 3 * BATCH_SPANS];
        assert_eq!(batch_len(&small), BATCH_SPANS);
        let large = vec![Span::new(at, BATCH_BYTES / 4); 8];
        assert_eq!(batch_len(&large), 4);
        let huge = vec![Span::new(at, 4 * BATCH_BYTES); 2];
        assert_eq!(batch_len(&huge), 1);
    }
}
