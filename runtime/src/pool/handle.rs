//! What all kinds of pools are asked and told.

use super::builder::check_capacity;
use super::core::Core;
use super::error::ReleaseTimeout;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Keeps a pool open: the last one that is dropped releases it.
pub(super) struct Owner<T: Send + 'static>(pub(super) Arc<Core<T>>);

impl<T: Send + 'static> Drop for Owner<T> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl<T: Send + 'static> Owner<T> {
    #[track_caller]
    pub(super) fn tune(&self, n: usize) {
        if let Err(error) = check_capacity(n) {
            panic!("Pool::tune: {error}");
        }
        self.0.tune(n);
    }

    pub(super) fn release_timeout(&self, timeout: Duration) -> Result<(), ReleaseTimeout> {
        self.0.release();
        if self.0.wait_for_workers(timeout) {
            return Ok(());
        }
        Err(ReleaseTimeout::new(self.0.counts().busy))
    }

    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.counts();
        f.debug_struct(name)
            .field("capacity", &counts.capacity)
            .field("running", &counts.busy)
            .field("idle", &(counts.live - counts.busy))
            .field("queued", &counts.queued)
            .field("waiting", &counts.waiting)
            .field("closed", &counts.closed)
            .finish()
    }
}

/// The counters and the life of a pool that has an `owner`.
macro_rules! pool_methods {
    () => {
        /// How many tasks run: those that a worker has, or is being started for. Never more than the
        /// [capacity](Self::capacity), but for those that ran when it was lowered.
        ///
        /// All counters are exact at one instant; the next may differ.
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(2).unwrap();
        ///     let waits = pool.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
        ///     assert_eq!(pool.running(), 1);
        ///     waits.abort();
        /// }
        /// ```
        pub fn running(&self) -> usize {
            self.owner.0.counts().busy
        }

        /// How many workers wait for a task.
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::builder().capacity(2).prealloc(true).no_purge().build().unwrap();
        ///     assert_eq!(pool.idle(), 2);
        /// }
        /// ```
        pub fn idle(&self) -> usize {
            let counts = self.owner.0.counts();
            counts.live - counts.busy
        }

        /// How many more tasks could run now: the capacity, less those that run. (In ants idle workers are
        /// not free.)
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(2).unwrap();
        ///     let waits = pool.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
        ///     assert_eq!(pool.free(), 1);
        ///     waits.abort();
        /// }
        /// ```
        pub fn free(&self) -> usize {
            let counts = self.owner.0.counts();
            counts.capacity.saturating_sub(counts.busy)
        }

        /// How many submitters wait for a place.
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(1).unwrap();
        ///     let busy = pool.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
        ///     let waits = rt::go!(pool => pool.submit(|| ()).unwrap());
        ///     while pool.waiting() != 1 {
        ///         rt::yield_now();
        ///     }
        ///     busy.abort();
        ///     waits.join().unwrap();
        /// }
        /// ```
        pub fn waiting(&self) -> usize {
            self.owner.0.counts().waiting
        }

        /// How many tasks lie in the queue, if the pool has one.
        ///
        /// # Examples
        /// ```
        /// use rt::pool::{Pool, Queue};
        ///
        /// #[rt::main]
        /// fn main() {
        ///     let pool = Pool::builder().capacity(1).queue(Queue::Unbounded).build().unwrap();
        ///     let busy = pool.spawn(|| rt::chan::Chan::<()>::nil().recv()).unwrap();
        ///     pool.submit(|| ()).unwrap();
        ///     assert_eq!(pool.queued(), 1);
        ///     busy.abort();
        /// }
        /// ```
        pub fn queued(&self) -> usize {
            self.owner.0.counts().queued
        }

        /// How many tasks may run at the same time.
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     assert_eq!(rt::pool::Pool::new(2).unwrap().capacity(), 2);
        /// }
        /// ```
        pub fn capacity(&self) -> usize {
            self.owner.0.counts().capacity
        }

        /// Whether it was released. Tasks that were accepted before may still run.
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(2).unwrap();
        ///     assert!(!pool.is_closed());
        ///     pool.release();
        ///     assert!(pool.is_closed());
        /// }
        /// ```
        pub fn is_closed(&self) -> bool {
            self.owner.0.counts().closed
        }

        /// Changes the capacity. Upwards, it lets in who waits; downwards, idle workers that are too many end at
        /// once, others when they have done their task. Nobody is cut short.
        ///
        /// # Panics
        /// When `n` is 0, or more than [`MAX_CAPACITY`](crate::pool::Builder::MAX_CAPACITY).
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(2).unwrap();
        ///     assert_eq!(pool.capacity(), 2);
        ///     pool.tune(8);
        ///     assert_eq!((pool.capacity(), pool.free()), (8, 8));
        /// }
        /// ```
        #[track_caller]
        pub fn tune(&self, n: usize) {
            self.owner.tune(n);
        }

        /// Closes the pool, and does not wait. What was accepted is run, queued tasks included; who waits for a place
        /// gets [`Closed`](crate::pool::SubmitError::Closed), and so does who comes later. Workers end when there is nothing
        /// left to do. Dropping the last handle of the pool does the same.
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(2).unwrap();
        ///     pool.release();
        ///     assert!(pool.is_closed() && pool.submit(|| ()).unwrap_err().is_closed());
        /// }
        /// ```
        pub fn release(&self) {
            self.owner.0.release();
        }

        /// The same, and waits until all that was accepted has been done and the workers have ended, for at most
        /// `timeout`. Blocks the goroutine that calls, or the thread. Not in a task of the pool: it waits for itself.
        ///
        /// # Errors
        /// When tasks still ran then. They go on.
        ///
        /// # Examples
        /// ```
        /// use std::time::Duration;
        ///
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(2).unwrap();
        ///     let task = pool.spawn(|| 7).unwrap();
        ///     pool.release_timeout(Duration::from_secs(60)).unwrap();
        ///     assert!(task.is_finished() && pool.running() == 0 && pool.idle() == 0);
        /// }
        /// ```
        pub fn release_timeout(&self, timeout: Duration) -> Result<(), ReleaseTimeout> {
            self.owner.release_timeout(timeout)
        }

        /// Opens a pool that was released; one that is open stays so. Tasks that are left from before count. If its
        /// runtime has stopped, it still accepts nothing.
        ///
        /// # Examples
        /// ```
        /// #[rt::main]
        /// fn main() {
        ///     let pool = rt::pool::Pool::new(2).unwrap();
        ///     pool.release();
        ///     pool.reboot();
        ///     assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
        /// }
        /// ```
        pub fn reboot(&self) {
            self.owner.0.reboot();
        }
    };
}

pub(super) use pool_methods;
