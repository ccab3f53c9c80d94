//! The stack a signal handler runs on: one per thread, so that the handler of a stack overflow has
//! room to speak.
//!
//! Invariants
//! 1. The mapping outlives its registration: `drop` first puts the previous alternate stack back,
//!    then unmaps.
//! 2. An [`Altstack`] stays on the thread that installed it (`!Send`), the only one whose
//!    registration it may undo.

use std::io;
use std::marker::PhantomData;

use super::map::check;
use super::{Span, mem, page_size};

/// Room for a handler's frames, beside the register frame that the kernel pushes.
const ROOM: usize = 64 * 1024;

/// The alternate signal stack of the current thread, guarded; the previous one returns on drop.
#[must_use = "dropping it takes the alternate stack away again"]
pub(crate) struct Altstack {
    /// Guard page and stack.
    span: Span,
    previous: libc::stack_t,
    /// Invariant 2.
    _not_send: PhantomData<*mut ()>,
}

impl Altstack {
    /// Gives the current thread an alternate signal stack of at least 64 KiB.
    pub(crate) fn install() -> io::Result<Altstack> {
        let page = page_size();
        let room = (ROOM + kernel_frame()).next_multiple_of(page);
        let at = mem::reserve(page + room)?;
        let span = Span::new(at, page + room);
        let registered = Altstack::register(span, page, room);
        if registered.is_err() {
            // SAFETY: sys invariants 1 and 2: mapped above, and registered nowhere.
            let _ = unsafe { mem::release(span) };
        }
        registered
    }

    fn register(span: Span, page: usize, room: usize) -> io::Result<Altstack> {
        let start = span.start().cast::<u8>();
        let guard = std::ptr::NonNull::new(start).map(|start| Span::new(start, page));
        if let Some(guard) = guard {
            // A few mappings per thread are no burden: no need for the cheaper guard.
            // SAFETY: sys invariants 1 and 2: the first page of a mapping nobody uses yet.
            unsafe { mem::protect(guard) }?;
        }
        let new =
            libc::stack_t { ss_sp: start.wrapping_add(page).cast(), ss_flags: 0, ss_size: room };
        let mut previous =
            libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: `new` names mapped, writable memory that stays so until `drop` (invariant 1);
        // `previous` is a valid place for the answer.
        check(unsafe { libc::sigaltstack(&raw const new, &raw mut previous) })?;
        Ok(Altstack { span, previous, _not_send: PhantomData })
    }
}

impl Drop for Altstack {
    fn drop(&mut self) {
        // Linux refuses a size below its minimum even for SS_DISABLE on some versions: say none.
        let previous = libc::stack_t {
            ss_flags: self.previous.ss_flags & libc::SS_DISABLE,
            ss_size: self.previous.ss_size.max(libc::MINSIGSTKSZ),
            ss_sp: self.previous.ss_sp,
        };
        // SAFETY: invariant 2: the same thread puts back what it found. Whoever registered that
        // stack keeps it mapped for as long as it has not taken it back.
        let rc = unsafe { libc::sigaltstack(&raw const previous, std::ptr::null_mut()) };
        if rc == 0 {
            // SAFETY: sys invariants 1 and 2: ours, and by invariant 1 no longer registered.
            let _ = unsafe { mem::release(self.span) };
        }
        // Else this runs on that very stack (EPERM): keep it mapped, a leak beats a crash.
    }
}

/// What the kernel pushes before the handler's first frame; AVX-512 and SVE make it large.
fn kernel_frame() -> usize {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: getauxval reads the process's auxiliary vector; an unknown entry reads as 0.
        let asked = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
        usize::try_from(asked).unwrap_or(0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> libc::stack_t {
        let mut now = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: 0, ss_size: 0 };
        // SAFETY: a query; `now` is a valid place for the answer.
        let rc = unsafe { libc::sigaltstack(std::ptr::null(), &raw mut now) };
        assert_eq!(rc, 0);
        now
    }

    #[test]
    fn the_previous_one_returns_on_drop() {
        let before = current();
        let outer = Altstack::install().unwrap();
        let with_outer = current();
        assert!(with_outer.ss_size >= ROOM);
        assert_ne!(with_outer.ss_sp, before.ss_sp);
        drop(Altstack::install().unwrap());
        assert_eq!(current().ss_sp, with_outer.ss_sp);
        assert_eq!(current().ss_size, with_outer.ss_size);
        drop(outer);
        assert_eq!(current().ss_sp, before.ss_sp);
        assert_eq!(current().ss_flags, before.ss_flags);
    }

    #[test]
    fn a_thread_without_one_ends_without_one() {
        std::thread::spawn(|| {
            let none = libc::stack_t {
                ss_sp: std::ptr::null_mut(),
                ss_flags: libc::SS_DISABLE,
                ss_size: libc::MINSIGSTKSZ,
            };
            let std_made = current();
            // SAFETY: no handler runs on this thread now; std's stack is put back below.
            let rc = unsafe { libc::sigaltstack(&raw const none, std::ptr::null_mut()) };
            assert_eq!(rc, 0);
            let mine = Altstack::install().unwrap();
            assert_eq!(current().ss_flags & libc::SS_DISABLE, 0);
            drop(mine);
            assert_eq!(current().ss_flags & libc::SS_DISABLE, libc::SS_DISABLE);
            // SAFETY: std's own stack, which std keeps mapped until the thread ends.
            let rc = unsafe { libc::sigaltstack(&raw const std_made, std::ptr::null_mut()) };
            assert_eq!(rc, 0);
        })
        .join()
        .unwrap();
    }
}
