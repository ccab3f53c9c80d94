//! Ways to wait for each other, for goroutines and plain threads alike.

mod map;
mod pool;
mod spread;
mod waitgroup;

pub use map::Map;
pub use pool::{Pool, Pooled};
pub use waitgroup::WaitGroup;
