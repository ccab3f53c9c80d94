//! The Rust peers: one file each, one function per row in it.
//!
//! Every peer runs as it comes: only the number of workers is set (and, for
//! `rt`, the stack size that the row names).

use crate::child::Job;
use crate::row::Row;
use crate::sample::{Failed, Sample};

mod go_lib;
mod may;
mod rayon;
mod rt;
mod tokio;

/// A row's body on a started peer: one call, one sample.
pub type Body = Box<dyn FnMut() -> Result<Sample, Failed>>;

/// A runtime that can be asked.
#[derive(Debug)]
pub struct Peer {
    /// The name on the command line and in the table.
    pub name: &'static str,
    /// The package whose version the report names.
    pub package: &'static str,
    /// The rows that it has.
    pub rows: &'static [Row],
    /// How many tasks it can have parked, if it cannot have a million.
    pub parked_limit: Option<usize>,
    /// Starts the runtime and hands back the row's body.
    pub start: fn(&Job) -> Result<Body, Failed>,
}

/// The peers, in the order of the table.
pub const PEERS: &[Peer] = &[rt::PEER, tokio::PEER, may::PEER, go_lib::PEER, rayon::PEER];

/// The answer to a row that is not in [`Peer::rows`].
fn unknown(job: &Job) -> Failed {
    Failed(format!("the peer has no row {}", job.row.spec().name))
}
