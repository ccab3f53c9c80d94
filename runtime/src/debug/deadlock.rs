//! What is done when all goroutines are asleep for ever, when none is left, and at SIGQUIT: a report, and the end of the
//! process.
//!
//! Why a deadlock is one is in `sched::asleep`; here is what only the floors above the scheduler know of it.

use super::{Dump, dump};
use crate::prim::global::{AtomicPtr, Ordering};
use crate::sched::{Asleep, Doing, Sched, Seen, Why};
use crate::{signal, sys, task, util};
use std::sync::Arc;
use std::time::Duration;

/// The code with which the process ends, as Go's.
const CODE: i32 = 2;

/// Whether nobody can wake any of the goroutines, 3 to 6 of `sched::asleep`.
pub(crate) fn nobody_wakes(sched: &Sched) -> Asleep {
    let mut all_asleep = true;
    let unstarted = sched.look(None, &mut |seen| all_asleep &= is_asleep(&seen));
    if !all_asleep || unstarted != 0 || signal::has_receivers() {
        return Asleep::No;
    }
    match has_other_threads(sched, &sched.waiting_threads()) {
        None => Asleep::No,
        Some(true) => Asleep::ButForThreads,
        Some(false) => Asleep::Yes,
    }
}

/// A goroutine that waits, for what nobody but another goroutine can bring. No deadline is pending (2): of one that is held,
/// a time limit is thus a context without a deadline, which somebody has to cancel.
fn is_asleep(seen: &Seen) -> bool {
    if seen.doing != Doing::Waiting || seen.timed && !seen.held {
        return false;
    }
    match seen.why {
        None | Some(Why::Sleep | Why::Runtime | Why::NetRead | Why::NetWrite) => false,
        // SAFETY: held, and this is what `block_on` notes.
        Some(Why::Future) => seen.held && !unsafe { task::has_wakers(seen.object) },
        Some(_) => true,
    }
}

/// Whether the process has a thread that may run anything but the runtime's code, other than `known`. `None`: the system does not say.
fn has_other_threads(sched: &Sched, known: &[u32]) -> Option<bool> {
    let mut ours = util::servants();
    ours.extend(sched.threads().iter().map(|thread| thread.tid));
    ours.extend(known);
    ours.push(sched.monitor_thread());
    Some(!sys::threads()?.iter().all(|tid| ours.contains(tid)))
}

/// Ends the process.
pub(crate) fn deadlocked(sched: &Arc<Sched>) {
    end("fatal error: all goroutines are asleep - deadlock!", &dump::take(sched));
}

/// How often the main thread looks whether a goroutine is left, when main has exited.
const LOOK: Duration = Duration::from_millis(5);
/// The longest it waits for somebody else's threads, which end without a sign, before it looks again.
const LONG_LOOK: Duration = Duration::from_millis(320);

/// What the main thread does when main has exited: the other goroutines go on. Ends the process when none is left, nor
/// a thread that may start one.
pub(crate) fn main_has_exited(sched: &Arc<Sched>) -> ! {
    sched.thread_waits(|| {
        let mut pause = LOOK;
        loop {
            let idle = sched.live() == 0;
            // A thread may have started one just before its end; and one that waits for a goroutine that has ended is about to go on.
            let is_alone = || has_other_threads(sched, &[sys::thread_id()]) == Some(false);
            if idle && is_alone() && sched.live() == 0 {
                break;
            }
            pause = if idle { (pause * 2).min(LONG_LOOK) } else { LOOK };
            std::thread::sleep(pause);
        }
    });
    let why = "fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n";
    sys::signal::write_to_stderr(why.as_bytes());
    std::process::exit(CODE)
}

/// The runtime whose goroutines are shown at SIGQUIT.
static SHOWN: AtomicPtr<Sched> = AtomicPtr::new(std::ptr::null_mut());

/// From now on SIGQUIT shows the goroutines of `sched`, which lives as long as the process, and ends the process; unless
/// somebody handles that signal already, or [`notify`](crate::signal::notify) is called for it.
pub(crate) fn show_at_quit(sched: &Arc<Sched>) {
    let shown = Arc::into_raw(Arc::clone(sched)).cast_mut();
    // Release pairs with the Acquire in the handler.
    if SHOWN.swap(shown, Ordering::AcqRel).is_null() {
        // SAFETY: it loads, stores and wakes a thread by a system call, and keeps `errno`.
        unsafe { sys::signal::handle_unhandled(libc::SIGQUIT, on_quit) };
    }
}

extern "C" fn on_quit(_signal: libc::c_int) {
    let errno = sys::errno();
    // SAFETY: null, or a scheduler whose count was given away for ever.
    if let Some(sched) = unsafe { SHOWN.load(Ordering::Acquire).as_ref() } {
        sched.ask_monitor();
    }
    sys::set_errno(errno);
}

/// What the monitor does when it was asked: SIGQUIT. Ends the process, as Go.
///
/// Exit handlers may need the monitor, and so may those of somebody who ends the process already, for whom std makes who comes
/// second wait for ever: a thread of its own does it.
pub(crate) fn quit(sched: &Arc<Sched>) {
    report("SIGQUIT: quit", &dump::take(sched));
    let new = std::thread::Builder::new().name("rt-quit".to_owned());
    if new.spawn(|| std::process::exit(CODE)).is_err() {
        std::process::exit(CODE);
    }
}

fn end(why: &str, dump: &Dump) -> ! {
    report(why, dump);
    std::process::exit(CODE)
}

fn report(why: &str, dump: &Dump) {
    sys::signal::write_to_stderr(format!("{why}\n\n{dump}").as_bytes());
}
