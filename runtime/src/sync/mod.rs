//! Ways to wait for each other, for goroutines and plain threads alike.

mod waitgroup;

pub use waitgroup::WaitGroup;
