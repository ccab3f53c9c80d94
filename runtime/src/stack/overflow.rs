//! What happens when a stack is used up: the guard faults, and the handler here asks the upper
//! floors whose guard it was.
//!
//! A fault that is nobody's overflow goes to whoever handled it before, as if this handler were not
//! there: std's own (which reports overflows of thread stacks), a crash reporter's, or the system's
//! default. A handler installed after ours is expected to do the same for us.
//!
//! Invariants
//! 1. The handler only does what is async-signal-safe: it reads cells that never change once set,
//!    computes, and calls `write`, `sigaction`, `raise`, `abort` and the previous handler.
//! 2. `PREVIOUS` and `DESCRIBE` are set before the handler is installed.
//! 3. It runs on the alternate stack of its thread ([`Altstack`](crate::sys::Altstack)): the stack
//!    at fault has no room.

use std::io;
use std::sync::{Once, OnceLock};

use super::report::Report;
use crate::sys;

/// Asked in the signal handler, so it must be async-signal-safe: says whether `address` is in the
/// guard of the current goroutine, and if so writes the message. What it writes before it says no
/// is thrown away.
pub(crate) type Describe = fn(fault_address: usize, report: &mut Report) -> bool;

const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

static PREVIOUS: [OnceLock<libc::sigaction>; 2] = [const { OnceLock::new() }; 2];
static DESCRIBE: OnceLock<Describe> = OnceLock::new();

/// Handles SIGSEGV and SIGBUS from now on: a fault that `describe` knows aborts the process with
/// its message, any other goes to the previous handler. Only the first call has an effect.
pub(crate) fn install(describe: Describe) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Invariant 2, by the order here.
        let _ = DESCRIBE.set(describe);
        for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
            if let Ok(found) = action(signal, None) {
                let ours = ours_over(previous.get_or_init(|| found));
                // A kernel that refuses leaves things as they were.
                let _ = action(signal, Some(&ours));
            }
        }
    });
}

/// Our handler with the mask of the one it will call, which then runs as it asked to.
fn ours_over(previous: &libc::sigaction) -> libc::sigaction {
    let mut ours = *previous;
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_fault;
    ours.sa_sigaction = handler as usize;
    ours.sa_flags = libc::SA_SIGINFO
        | libc::SA_ONSTACK
        | (previous.sa_flags & (libc::SA_NODEFER | libc::SA_RESTART));
    ours
}

extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let errno = sys::errno();
    // SAFETY: the kernel passes a valid siginfo to an SA_SIGINFO handler.
    let about = unsafe { &*info };
    let code = about.si_code;
    // Positive codes are the kernel's: a fault, not a `kill`.
    if code > 0
        && let Some(describe) = DESCRIBE.get()
    {
        // SAFETY: for the kernel's SIGSEGV and SIGBUS this field is the one that is set.
        let address = unsafe { about.si_addr() }.addr();
        let mut report = Report::new();
        if describe(address, &mut report) {
            report.flush();
            // SAFETY: async-signal-safe, and does not return.
            unsafe { libc::abort() };
        }
    }
    sys::set_errno(errno);
    // SAFETY: the arguments of this very call.
    unsafe { chain(signal, code, info, context) };
    sys::set_errno(errno);
}

/// Does what the previous handler would have done.
///
/// # Safety
/// In a signal handler, with its arguments.
unsafe fn chain(
    signal: libc::c_int,
    code: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let place = SIGNALS.iter().position(|&known| known == signal);
    let previous = place.and_then(|place| PREVIOUS[place].get());
    let handler = previous.map_or(libc::SIG_DFL, |previous| previous.sa_sigaction);
    let flags = previous.map_or(0, |previous| previous.sa_flags);
    // Bus errors of memory failures found in the background have no instruction to repeat.
    let repeats = code > 0 && !(signal == libc::SIGBUS && code == BUS_MCEERR_AO);
    if handler == libc::SIG_IGN && !repeats {
        return;
    }
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // The instruction faults again under the default action. A fault cannot be ignored.
        default_action(signal);
        if !repeats {
            // SAFETY: async-signal-safe; arrives when the handler has returned.
            let _ = unsafe { libc::raise(signal) };
        }
        return;
    }
    if flags & libc::SA_RESETHAND != 0 {
        default_action(signal);
    }
    if flags & libc::SA_SIGINFO != 0 {
        type Full = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: SA_SIGINFO says which of the two types the address has.
        let handler = unsafe { std::mem::transmute::<usize, Full>(handler) };
        handler(signal, info, context);
    } else {
        type Plain = extern "C" fn(libc::c_int);
        // SAFETY: as above.
        let handler = unsafe { std::mem::transmute::<usize, Plain>(handler) };
        handler(signal);
    }
}

#[cfg(target_os = "linux")]
const BUS_MCEERR_AO: libc::c_int = libc::BUS_MCEERR_AO;
#[cfg(not(target_os = "linux"))]
const BUS_MCEERR_AO: libc::c_int = -1;

fn default_action(signal: libc::c_int) {
    // SAFETY: all zeroes is a valid `sigaction`: no flags, an empty mask.
    let mut default: libc::sigaction = unsafe { std::mem::zeroed() };
    default.sa_sigaction = libc::SIG_DFL;
    let _ = action(signal, Some(&default));
}

/// Installs `new`, if any, and says what was there.
fn action(signal: libc::c_int, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: all zeroes is a valid `sigaction`.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: `new` is null or a valid action whose handler is a function of the type that its
    // flags say; `old` is a valid place for the answer.
    let rc = unsafe { libc::sigaction(signal, new, &raw mut old) };
    if rc == 0 { Ok(old) } else { Err(io::Error::last_os_error()) }
}
