//! Seeing inside a runtime: what [`rt::metrics`](crate::metrics()) returns, and a page that shows it live.
//!
//! The page is `debug::serve`, with the cargo feature `debug-server`.

#![forbid(unsafe_code)]

mod prometheus;
#[cfg(feature = "debug-server")]
mod server;

#[cfg(feature = "debug-server")]
pub use server::{Options, Server, serve};

pub use crate::trace::{
    GoroutineMetrics, HandOffMetrics, Histogram, Metrics, ProcMetrics, StackMetrics, ThreadMetrics,
};
