//! Calls that block the thread, and are known to.

use crate::sched;

/// Runs `f`, which is about to block the thread: the caller's P goes to others meanwhile.
pub(crate) fn blocking<T>(f: impl FnOnce() -> T) -> T {
    let _back = sched::step_out().then_some(Back);
    f()
}

/// Steps in again, when `f` unwinds, too.
struct Back;

impl Drop for Back {
    fn drop(&mut self) {
        sched::step_in();
    }
}
