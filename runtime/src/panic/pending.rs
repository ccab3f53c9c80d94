//! Reports that are being made: a backtrace takes long to put into words, the first of a program without optimizations
//! perhaps a second. Main waits for them, as nothing else would keep the process; of one that is not ready in time it
//! says all but the backtrace.
//!
//! Invariants:
//! 1. Who takes the head out of an entry writes the report: it is said once, and in one write.
//! 2. In the panic hook nothing may panic, as `eprint!` does where standard error has no reader. It is used there only where
//!    what it prints is kept in memory: every thread of a test, and of what it starts, has inherited that.
//! 3. An entry is in the list until its report is written, or main has taken it over. Nothing is
//!    formatted or written under the lock.

use crate::prim::global::{AtomicBool, Condvar, Mutex, Ordering};
use crate::util;
use std::io::Write as _;
use std::time::Duration;

static REPORTS: Reports = Reports::new();

/// The harness of tests keeps what is printed in this process.
static CAPTURED: AtomicBool = AtomicBool::new(false);

struct Reports {
    list: Mutex<List>,
    /// One has left the list.
    written: Condvar,
}

struct List {
    last: u64,
    entries: Vec<Entry>,
}

struct Entry {
    number: u64,
    /// `None`: it is being written.
    head: Option<String>,
}

/// Says `head` and, below it, what `rest` gives, which takes its time.
pub(super) fn say(head: String, rest: impl FnOnce() -> Option<String>) {
    REPORTS.say(head, rest, print);
}

/// The same of what has no trace; not from the panic hook. Whatever `eprint!` goes to: a test may be printing.
pub(super) fn say_at_end(head: String) {
    REPORTS.say(
        head,
        || None,
        |text| {
            if let Err(payload) = super::caught(|| eprint!("{text}")) {
                util::drop_payload(payload);
            }
        },
    );
}

/// Whether all of this process are tests whose harness keeps what they print, and is to have the reports, too.
pub(crate) fn capture_reports(captured: bool) {
    CAPTURED.store(captured, Ordering::Relaxed);
}

/// Waits until the reports that are being made are written, for `limit` at most; what is not ready then is said without
/// its backtrace.
pub(crate) fn finish_reports(limit: Duration) {
    REPORTS.finish(limit, print);
}

impl Reports {
    const fn new() -> Self {
        let list = List { last: 0, entries: Vec::new() };
        Self { list: Mutex::new(list), written: Condvar::new() }
    }

    fn say(&self, head: String, rest: impl FnOnce() -> Option<String>, print: impl FnOnce(&str)) {
        let number = {
            let mut list = self.list.lock();
            list.last += 1;
            let number = list.last;
            list.entries.push(Entry { number, head: Some(head) });
            number
        };
        let rest = rest().map(|rest| rest + "\n");
        let Some(text) = self.list.lock().take(number) else { return };
        print(&(text + rest.as_deref().unwrap_or_default()));
        self.list.lock().entries.retain(|entry| entry.number != number);
        self.written.notify_all();
    }

    fn finish(&self, limit: Duration, print: impl Fn(&str)) {
        let end = util::real_now() + limit;
        let mut list = self.list.lock();
        // Not for those that others go on to make.
        let last = list.last;
        while list.entries.iter().any(|entry| entry.number <= last)
            && let Some(left) = end.checked_duration_since(util::real_now())
        {
            list = match self.written.wait_timeout(list, left) {
                Ok((list, _)) => list,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        let late = list.entries.extract_if(.., |entry| entry.head.is_some());
        let late: Vec<_> = late.filter_map(|entry| entry.head).collect();
        drop(list);
        late.iter().for_each(|head| print(head));
    }
}

impl List {
    /// Invariant 1.
    fn take(&mut self, number: u64) -> Option<String> {
        self.entries.iter_mut().find(|entry| entry.number == number)?.head.take()
    }
}

fn print(text: &str) {
    if CAPTURED.load(Ordering::Relaxed) {
        eprint!("{text}");
        return;
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const LONG: Duration = Duration::from_secs(600);

    /// Two ends of the time: what is ready in time, and what never would be.
    #[test]
    fn main_waits_for_what_is_being_said() {
        let reports = Reports::new();
        let (said, heard) = channel();
        let (began, begins) = channel();
        let print = |text: &str| said.send(text.to_owned()).unwrap();
        std::thread::scope(|s| {
            let (go_on, goes_on) = channel::<()>();
            let (reports, began, own) = (&reports, began.clone(), print);
            s.spawn(move || {
                let trace = || {
                    began.send(()).unwrap();
                    goes_on.recv().ok()?;
                    Some("0: main".to_owned())
                };
                reports.say("in time\n".to_owned(), trace, own);
            });
            begins.recv().unwrap();
            s.spawn(move || go_on.send(()).unwrap());
            reports.finish(LONG, print);
            assert_eq!(heard.try_recv().unwrap(), "in time\n0: main\n");
        });
        std::thread::scope(|s| {
            let (go_on, goes_on) = channel::<()>();
            let (reports, own) = (&reports, print);
            s.spawn(move || {
                let trace = || {
                    began.send(()).unwrap();
                    goes_on.recv().ok().map(|()| "0: main".to_owned())
                };
                reports.say("too late\n".to_owned(), trace, own);
            });
            begins.recv().unwrap();
            reports.finish(Duration::ZERO, print);
            assert_eq!(heard.try_recv().unwrap(), "too late\n");
            go_on.send(()).unwrap();
        });
        assert!(heard.try_recv().is_err(), "said twice");
        reports.finish(LONG, print);
    }
}
