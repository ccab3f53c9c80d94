//! The panic hook: names the goroutine.

use super::describe;
use crate::sched;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::Once;

static INSTALLED: Once = Once::new();

/// Whether panics are reported by our hook.
pub(super) fn is_installed() -> bool {
    INSTALLED.is_completed()
}

/// Puts our hook before the one there is; once per process. Panics of plain threads go on to that.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match sched::current_g() {
            Some(_) => report(info),
            None => before(info),
        }));
    });
}

/// One write for all of it, so that lines of several goroutines do not mix.
fn report(info: &PanicHookInfo<'_>) {
    let mut text = String::new();
    let Some(g) = sched::current_g() else { return };
    // SAFETY: the goroutine that runs this: alive.
    describe(&mut text, unsafe { g.get() });
    text.push_str(" panicked");
    if let Some(at) = info.location() {
        let _ = write!(text, " at {}:{}:{}", at.file(), at.line(), at.column());
    }
    let what = info.payload_as_str().unwrap_or("(a payload that is no text)");
    let _ = writeln!(text, ": {what}");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        let _ = writeln!(text, "stack backtrace:\n{trace}");
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
