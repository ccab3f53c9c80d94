//! Who has a lock: which goroutine, for dumps. In debug builds alone; else it is nothing, and costs nothing.
//!
//! A hint: written by who has the lock, read by anybody.

#[cfg(debug_assertions)]
use crate::prim::global::{AtomicU64, Ordering};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Owner {
    #[cfg(debug_assertions)]
    id: AtomicU64,
}

impl Owner {
    /// Nobody.
    pub(super) const fn new() -> Self {
        Self {
            #[cfg(debug_assertions)]
            id: AtomicU64::new(0),
        }
    }

    /// The goroutine that calls has just locked it.
    #[inline(always)]
    pub(super) fn set(&self) {
        #[cfg(debug_assertions)]
        self.id.store(crate::wait::goroutine(), Ordering::Relaxed);
    }

    /// It is about to be unlocked.
    #[inline(always)]
    pub(super) fn clear(&self) {
        #[cfg(debug_assertions)]
        self.id.store(0, Ordering::Relaxed);
    }

    /// The id of the goroutine that locked it. `None`: nobody, a plain thread, or it is not known.
    pub(super) fn get(&self) -> Option<u64> {
        #[cfg(debug_assertions)]
        return Some(self.id.load(Ordering::Relaxed)).filter(|id| *id != 0);
        #[cfg(not(debug_assertions))]
        None
    }
}
