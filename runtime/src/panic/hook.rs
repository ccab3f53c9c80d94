//! The panic hook: names the goroutine, and leaves panics that a frame may recover unsaid.

use super::flight::{self, Owner};
use super::report;
use super::value::{Location, NO_TEXT, Seen};
use crate::sched;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::Once;

static INSTALLED: Once = Once::new();

/// Whether panics are reported by our hook.
pub(super) fn is_installed() -> bool {
    INSTALLED.is_completed()
}

/// Puts our hook before the one there is; once per process. Panics of plain threads go on to that, but not
/// those in a frame, which may be recovered.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let owner = Owner::current();
            if owner.level() != 0 {
                flight::seen(owner, info.payload(), seen(info));
            } else if sched::current_g().is_some() {
                // Known before its trace is taken, which waits for others that are being put into words.
                let message = info.payload_as_str().unwrap_or(NO_TEXT);
                report::whole(message, place(info).as_ref(), None, trace);
            } else {
                before(info);
            }
        }));
    });
}

fn seen(info: &PanicHookInfo<'_>) -> Seen {
    Seen { at: place(info), trace: trace() }
}

fn place(info: &PanicHookInfo<'_>) -> Option<Location> {
    info.location().map(Location::of)
}

fn trace() -> Option<Backtrace> {
    let trace = Backtrace::capture();
    (trace.status() == BacktraceStatus::Captured).then_some(trace)
}
