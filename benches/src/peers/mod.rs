//! The Rust peers: a file or a folder each, a function per row in it.
//!
//! Every peer runs as it comes: only the number of workers is set (and, for
//! `rt`, the stack size that the row names). Peers without a runtime of their
//! own run on threads, or on tokio's tasks.

use crate::child::Job;
use crate::row::Row;
use crate::sample::{Failed, Sample};

mod crossbeam;
mod flume;
mod go_lib;
mod kanal;
mod may;
mod rayon;
mod rt;
mod smol;
mod std;
mod threads;
mod tokio;

/// A row's body on a started peer: one call, one sample.
pub type Body = Box<dyn FnMut() -> Result<Sample, Failed>>;

/// A runtime that can be asked.
#[derive(Debug)]
pub struct Peer {
    /// The name on the command line and in the table.
    pub name: &'static str,
    /// The package whose version the report names; `None`: it comes with the compiler.
    pub package: Option<&'static str>,
    /// The rows that it has.
    pub rows: &'static [Row],
    /// Sizes below the row's own: what it cannot have, or would take minutes for.
    pub limits: &'static [(Row, usize)],
    /// Starts the runtime and hands back the row's body.
    pub start: fn(&Job) -> Result<Body, Failed>,
}

/// The peers, in the order of the table.
pub const PEERS: &[Peer] = &[
    rt::PEER,
    tokio::PEER,
    smol::PEER,
    kanal::PEER,
    may::PEER,
    go_lib::PEER,
    crossbeam::PEER,
    flume::PEER,
    std::PEER,
    rayon::PEER,
];

impl Peer {
    /// The row's size on this peer, which is at most `size`; `None`: it has no such row.
    #[must_use]
    pub fn size(&self, row: Row, size: usize) -> Option<usize> {
        let limit = self.limits.iter().find(|(limited, _)| *limited == row);
        self.rows.contains(&row).then_some(limit.map_or(size, |&(_, limit)| size.min(limit)))
    }
}

/// The answer to a row that is not in [`Peer::rows`].
fn unknown(job: &Job) -> Failed {
    Failed(format!("the peer has no row {}", job.row.spec().name))
}

#[cfg(test)]
mod tests {
    use super::PEERS;

    #[test]
    fn limits_are_below_the_size_of_rows_that_the_peer_has() {
        for peer in PEERS {
            for &(row, limit) in peer.limits {
                let size = row.spec().size;
                assert!(limit < size, "{} {row:?}", peer.name);
                assert_eq!(peer.size(row, size), Some(limit), "{} {row:?}", peer.name);
            }
        }
    }
}
