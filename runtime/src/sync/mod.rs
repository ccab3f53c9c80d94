//! Ways to wait for each other, for goroutines and plain threads alike.

mod map;
mod spread;
mod waitgroup;

pub use map::Map;
pub use waitgroup::WaitGroup;
