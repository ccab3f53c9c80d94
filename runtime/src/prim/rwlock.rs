//! A readers-writer lock without poison.

use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

/// [`std::sync::RwLock`] whose locks cannot fail. As for [`Mutex`](super::Mutex), no code of the
/// user runs under it.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(std::sync::RwLock<T>);

impl<T> RwLock<T> {
    /// Blocks the thread while somebody writes.
    #[inline]
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks the thread while anybody reads or writes.
    #[inline]
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
