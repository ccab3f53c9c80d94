//! What stands for permits, and gives them back.

use super::{Semaphore, too_many};
use crate::wait;
use std::fmt;
use std::sync::Arc;

/// Permits of a [`Semaphore`], given back when this is dropped.
///
/// # Examples
/// ```
/// let semaphore = rt::sync::Semaphore::new(2);
/// let permit = semaphore.acquire(2);
/// assert_eq!(semaphore.available_permits(), 0);
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 2);
/// ```
#[must_use = "the permits are given back when it is dropped"]
pub struct Permit<'a> {
    pub(super) semaphore: &'a Semaphore,
    pub(super) count: usize,
}

/// Permits of a [`Semaphore`] in an [`Arc`], given back when this is dropped.
///
/// # Examples
/// ```
/// let semaphore = std::sync::Arc::new(rt::sync::Semaphore::new(2));
/// let permit = semaphore.acquire_owned(2); // may go to another goroutine
/// assert_eq!(semaphore.available_permits(), 0);
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 2);
/// ```
#[must_use = "the permits are given back when it is dropped"]
pub struct OwnedPermit {
    pub(super) semaphore: Arc<Semaphore>,
    pub(super) count: usize,
}

impl Permit<'_> {
    /// How many permits it stands for.
    ///
    /// # Examples
    /// ```
    /// let semaphore = rt::sync::Semaphore::new(2);
    /// assert_eq!(semaphore.acquire(2).count(), 2);
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }

    /// Does not give the permits back: somebody calls [`Semaphore::release`], or they are lost.
    ///
    /// # Examples
    /// ```
    /// let semaphore = rt::sync::Semaphore::new(2);
    /// semaphore.acquire(2).forget();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }
}

impl OwnedPermit {
    /// How many permits it stands for.
    ///
    /// # Examples
    /// ```
    /// let semaphore = std::sync::Arc::new(rt::sync::Semaphore::new(2));
    /// assert_eq!(semaphore.acquire_owned(2).count(), 2);
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }

    /// Does not give the permits back: somebody calls [`Semaphore::release`], or they are lost.
    ///
    /// # Examples
    /// ```
    /// let semaphore = std::sync::Arc::new(rt::sync::Semaphore::new(2));
    /// semaphore.acquire_owned(2).forget();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }
}

/// Panics if somebody has released what this stands for, unless the thread is panicking.
impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        give_back(self.semaphore, self.count);
    }
}

/// Panics if somebody has released what this stands for, unless the thread is panicking.
impl Drop for OwnedPermit {
    #[inline]
    fn drop(&mut self) {
        give_back(&self.semaphore, self.count);
    }
}

#[inline]
fn give_back(semaphore: &Semaphore, count: usize) {
    if count != 0 && !semaphore.give(count) && !std::thread::panicking() {
        too_many();
    }
    wait::point("after the release of a permit");
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count).finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("count", &self.count).finish_non_exhaustive()
    }
}
