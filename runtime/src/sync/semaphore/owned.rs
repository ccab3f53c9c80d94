//! Permits that outlive who takes them.

use super::{OwnedPermit, Semaphore};
use crate::util;
use crate::wait::{self, Cancel, ContextError, Until};
use std::sync::Arc;
use std::time::Duration;

impl Semaphore {
    /// As [`acquire`](Self::acquire), with a permit that can outlive the caller.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// #[rt::main]
    /// fn main() {
    ///     let semaphore = Arc::new(rt::sync::Semaphore::new(1));
    ///     let permit = semaphore.acquire_owned(1);
    ///     rt::spawn(move || drop(permit)).join().unwrap();
    ///     assert_eq!(semaphore.available_permits(), 1);
    /// }
    /// ```
    #[track_caller]
    #[inline]
    pub fn acquire_owned(self: &Arc<Self>, k: usize) -> OwnedPermit {
        self.acquire_until(k, Until::NEVER);
        let permit = OwnedPermit { semaphore: Arc::clone(self), count: k };
        wait::point("after Semaphore::acquire_owned");
        permit
    }

    /// As [`acquire_timeout`](Self::acquire_timeout), with a permit that can outlive the caller.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire), if a `timeout` beyond the clock's range never ends.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// let semaphore = Arc::new(rt::sync::Semaphore::new(1));
    /// let permit = semaphore.acquire_owned_timeout(1, Duration::from_secs(1)).unwrap();
    /// assert!(semaphore.acquire_owned_timeout(1, Duration::from_millis(1)).is_none());
    /// # drop(permit);
    /// ```
    #[track_caller]
    pub fn acquire_owned_timeout(
        self: &Arc<Self>,
        k: usize,
        timeout: Duration,
    ) -> Option<OwnedPermit> {
        let permit = self
            .acquire_until(k, util::now().checked_add(timeout).into())
            .then(|| OwnedPermit { semaphore: Arc::clone(self), count: k });
        wait::point("after Semaphore::acquire_owned_timeout");
        permit
    }

    /// As [`acquire_ctx`](Self::acquire_ctx), with a permit that can outlive the caller.
    ///
    /// # Errors
    /// Why the context is done.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire), if `ctx` never ends.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use std::sync::Arc;
    /// let semaphore = Arc::new(rt::sync::Semaphore::new(1));
    /// let permit = semaphore.acquire_owned_ctx(1, &Context::background()).unwrap();
    /// assert_eq!(permit.count(), 1);
    /// ```
    #[track_caller]
    pub fn acquire_owned_ctx(
        self: &Arc<Self>,
        k: usize,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<OwnedPermit, ContextError> {
        self.check_ctx(k, ctx);
        wait::in_time(ctx, |until| self.acquire_until(k, until))?;
        let permit = OwnedPermit { semaphore: Arc::clone(self), count: k };
        wait::point("after Semaphore::acquire_owned_ctx");
        ctx.err().map_or(Ok(permit), Err)
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can outlive the caller.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// let semaphore = Arc::new(rt::sync::Semaphore::new(1));
    /// let permit = semaphore.try_acquire_owned(1).unwrap();
    /// assert!(semaphore.try_acquire_owned(1).is_none());
    /// ```
    #[inline]
    pub fn try_acquire_owned(self: &Arc<Self>, k: usize) -> Option<OwnedPermit> {
        let permit = self.take(k).then(|| OwnedPermit { semaphore: Arc::clone(self), count: k });
        wait::point("after Semaphore::try_acquire_owned");
        permit
    }
}
