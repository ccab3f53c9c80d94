//! Shows how far it is, on standard error: on a terminal one line that is written over, elsewhere now and then a line.
//!
//! Only `main` writes, so nothing can come between a line and its erasure.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use examples::{memory, plural};

/// What the goroutines count while they work. Only shown, so the order of it all does not matter.
#[derive(Debug, Default)]
pub(crate) struct Live {
    bytes: AtomicU64,
}

impl Live {
    pub(crate) fn add_bytes(&self, n: u64) {
        self.bytes.fetch_add(n, Ordering::Relaxed);
    }
}

/// How often a line is written where lines stay.
const LINE_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Progress {
    live: Arc<Live>,
    terminal: bool,
    last_line: Instant,
}

impl Progress {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Progress {
            live,
            terminal: std::io::stderr().is_terminal() && !dumb,
            last_line: Instant::now(),
        }
    }

    /// Shows that `done` files are done, if it is time.
    pub(crate) fn show(&mut self, done: u64) {
        let line = self.line(done);
        if self.terminal {
            write(&format!("\r\x1b[K{line}"));
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            write(&format!("{line}\n"));
        }
    }

    /// Shows that it is over: an empty line on a terminal, elsewhere a last one.
    pub(crate) fn finish(&mut self, done: u64) {
        if self.terminal {
            write("\r\x1b[K");
        } else {
            write(&format!("{}\n", self.line(done)));
        }
    }

    fn line(&self, done: u64) -> String {
        let bytes = self.live.bytes.load(Ordering::Relaxed);
        format!("counted {}, {}", plural(done, "file"), memory(bytes))
    }
}

/// Writes `text` at once. Whoever closed standard error does not want to know.
fn write(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
