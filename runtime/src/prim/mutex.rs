//! A mutex without poison.
//!
//! The runtime's own critical sections run no user code and so cannot panic half way; a
//! poisoned flag would only turn one bug into two.

/// [`std::sync::Mutex`] whose `lock` cannot fail.
#[derive(Debug, Default)]
pub(crate) struct Global<T>(std::sync::Mutex<T>);

impl<T> Global<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Blocks the thread until the lock is held.
    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
pub(crate) use Global as Mutex;

#[cfg(any(loom, shuttle))]
pub(super) use Mutex as Model;
#[cfg(any(loom, shuttle))]
pub(super) use model::MutexGuard as ModelGuard;

#[cfg(loom)]
use loom::sync as model;
#[cfg(shuttle)]
use shuttle::sync as model;

/// The same, from a model.
#[cfg(any(loom, shuttle))]
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(model::Mutex<T>);

#[cfg(any(loom, shuttle))]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(model::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> model::MutexGuard<'_, T> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}
