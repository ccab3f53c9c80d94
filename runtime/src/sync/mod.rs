//! Ways to wait for each other, for goroutines and plain threads alike.

#[cfg(all(test, loom))]
mod loom_tests;
mod mutex;
mod waiter;
mod waitgroup;

pub use mutex::{Mutex, MutexGuard};
pub use waitgroup::WaitGroup;
