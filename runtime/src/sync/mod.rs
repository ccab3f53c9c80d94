//! Ways to wait for each other, for goroutines and plain threads alike.

mod barrier;
mod condvar;
mod errgroup;
mod lazy_lock;
#[cfg(all(test, loom))]
mod loom_tests;
mod map;
mod mutex;
mod once;
mod once_lock;
mod owner;
mod peek;
mod pool;
mod rwlock;
mod semaphore;
#[cfg(all(test, shuttle))]
mod shuttle_tests;
mod singleflight;
mod spread;
mod waiter;
mod waitgroup;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::Condvar;
pub use errgroup::ErrGroup;
pub use lazy_lock::LazyLock;
pub use map::Map;
pub use mutex::{Mutex, MutexGuard};
pub use once::Once;
pub use once_lock::OnceLock;
pub(crate) use peek::{peek_mutex, peek_rwlock};
pub use pool::{Pool, Pooled};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{OwnedPermit, Permit, Semaphore};
pub use singleflight::SingleFlight;
pub use waitgroup::WaitGroup;

/// What a group's `wait` panics with for a member that never began.
const NO_STACK: &str = "a goroutine of the group got no stack to start on";
