//! Ways to wait for each other, for goroutines and plain threads alike.

mod barrier;
mod condvar;
#[cfg(all(test, loom))]
mod loom_tests;
mod mutex;
mod once;
mod once_lock;
mod rwlock;
mod semaphore;
mod waiter;
mod waitgroup;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use once::Once;
pub use once_lock::OnceLock;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{OwnedPermit, Permit, Semaphore};
pub use waitgroup::WaitGroup;
