//! The last words of a goroutine whose stack is full.

use crate::g::GRef;
use crate::sched;
use crate::stack::{Report, guard_size};
use crate::util::Shown;
use std::ptr::NonNull;

/// Runs in a signal handler, on the thread that faulted: whether `addr` is in the guard of the
/// goroutine that runs there, and if so, who that is.
pub(super) fn describe(addr: usize, out: &mut Report) -> bool {
    let Some(slot) = sched::current_slot() else { return false };
    let limit = slot.stack_limit();
    if !slot.has_stack() || !(limit..limit + guard_size()).contains(&addr) {
        return false;
    }
    if let Some(job) = NonNull::new(slot.job()) {
        // SAFETY: it runs on this thread, which is in this handler: alive.
        let g = unsafe { GRef::from_ptr(job.cast()).get() };
        out.str("\ngoroutine ").num(g.id());
        if let Some(name) = g.name() {
            out.str(" '");
            for c in Shown(name).chars() {
                out.str(c.encode_utf8(&mut [0; 4]));
            }
            out.str("'");
        }
        let site = g.site();
        out.str(", spawned at ").str(site.file()).str(":").num(site.line().into()).str(",");
    } else {
        // Its joiner's waker, perhaps, or the runtime's own code.
        out.str("\nwhat ran after the end of a goroutine");
    }
    out.str(" has overflowed its stack of ").num(slot.class().bytes() as u64).str(
        " bytes\nraise it for one goroutine with rt::task::Builder::stack_size, for all with \
         Runtime::builder().stack_size, #[rt::main(stack_size = ..)] or RT_STACK_SIZE\n",
    );
    true
}
