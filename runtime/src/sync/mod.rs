//! Ways to wait for each other, for goroutines and plain threads alike.

mod errgroup;
mod map;
mod pool;
mod singleflight;
mod spread;
mod waitgroup;

pub use errgroup::ErrGroup;
pub use map::Map;
pub use pool::{Pool, Pooled};
pub use singleflight::SingleFlight;
pub use waitgroup::WaitGroup;
