//! What the benchmarks share: the rows, and each Rust peer's way to run them.
//!
//! A *row* is one question (how long does spawn + join take?), a *peer* is one
//! runtime that answers it. The program `compare` puts every question to every
//! peer, each in a process of its own; this library is what runs inside such a
//! process. `README.md` says what is measured and how to read it.
//!
//! 1. A peer's body runs inside a task of that peer, never on a plain thread (a net row's body is a
//!    server, and its driver a process of its own).
//! 2. Every body checks a count or a sum; a wrong one is an error, not a sample.
//! 3. One sample holds one number per metric of its row, in the row's order.

#![forbid(unsafe_code)]

pub mod chart;
pub mod child;
pub mod load;
pub mod memory;
pub mod net;
pub mod peers;
pub mod random;
pub mod row;
pub mod sample;
pub mod sleepers;
pub mod tails;
pub mod ticks;
pub mod wave;
