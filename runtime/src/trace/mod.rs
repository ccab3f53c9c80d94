//! What the scheduler does, event by event, in a file that Perfetto shows.
//!
//! [`start`] and [`stop`] write a trace; [`record`] and [`write`](fn@write) are a flight recorder. For numbers, see
//! [`rt::metrics`](crate::metrics()).
//!
//! # Examples
//! ```
//! #[rt::main]
//! fn main() -> std::io::Result<()> {
//! #   let path = std::env::temp_dir().join(format!("mod-{}.json", std::process::id()));
//!     rt::trace::start(&path)?;
//!     let squares: Vec<_> = (0..10_u64).map(|n| rt::spawn(move || n * n)).collect();
//!     let sum: u64 = squares.into_iter().map(|square| square.join().unwrap()).sum();
//!     let summary = rt::trace::stop()?;
//!     println!("{sum}; {} events, {} lost", summary.events, summary.lost);
//! #   std::fs::remove_file(path)?;
//!     Ok(())
//! }
//! ```

// The cellar's part: events and where they are kept, counters, histograms, and the file. Who comes by an event, and how
// that costs nothing when nobody looks: `sched::tell` and `m::Entry`.
//
// | file | what it holds |
// |---|---|
// | `event` | what can happen, in four words |
// | `ring`, `track` | where events are kept, and how they are read meanwhile |
// | `site` | places in the source as numbers |
// | `hub` | one runtime as it is looked at; the goroutine that is followed |
// | `session`, `error` | beginning and ending a trace |
// | `json` | the file |
// | `counters`, `histogram`, `depths`, `metrics` | numbers |
#![forbid(unsafe_code)]

mod counters;
mod depths;
mod error;
mod event;
mod histogram;
mod hub;
mod json;
mod metrics;
mod ring;
mod session;
mod site;
mod track;

pub use error::TraceError;
pub use session::{Options, Summary, is_on, record, start, stop, write};

pub(crate) use counters::Counters;
pub(crate) use event::{Event, NO_M, NO_P, Reason};
pub(crate) use hub::{Follow, Hub, Watched, clock};
#[cfg(feature = "debug-server")]
pub(crate) use json::Escaped;
#[cfg(feature = "debug-server")]
pub(crate) use session::last;
pub(crate) use session::{hub, register};
pub(crate) use site::SiteId;

/// Public as `rt::debug`'s.
pub use histogram::Histogram;
pub use metrics::{
    GoroutineMetrics, HandOffMetrics, Metrics, ProcMetrics, StackHighWater, StackMetrics,
    ThreadMetrics,
};
