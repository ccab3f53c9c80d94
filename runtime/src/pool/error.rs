//! What can go wrong: a task that is not accepted, a pool that is not built, workers that do not end.

use std::error::Error;
use std::fmt;

/// A task that was not accepted, and why. It gives back what was submitted.
///
/// # Examples
/// ```
/// use rt::pool::{Pool, SubmitError};
///
/// #[rt::main]
/// fn main() -> Result<(), rt::pool::BuildError> {
///     let pool = Pool::new(1)?;
///     pool.release();
///     let Err(error) = pool.submit(|| println!("here after all")) else { unreachable!() };
///     assert!(matches!(error, SubmitError::Closed(_)));
///     error.into_inner()(); // runs it here
///     Ok(())
/// }
/// ```
/// What can be said of any:
/// ```
/// let error = rt::pool::SubmitError::Timeout("back");
/// assert!(error.is_timeout() && !error.is_cancelled() && !error.is_closed() && !error.is_overloaded());
/// assert_eq!(error.into_inner(), "back");
/// ```
pub enum SubmitError<F> {
    /// The pool was released, or its runtime has stopped.
    Closed(F),
    /// There is no place, and nobody may wait for one: the call does not, or the pool does not let so many wait.
    Overloaded(F),
    /// There was no place in time.
    Timeout(F),
    /// The context was done before there was a place.
    Cancelled(F),
}

impl<F> SubmitError<F> {
    /// What was submitted.
    pub fn into_inner(self) -> F {
        match self {
            Self::Closed(f) | Self::Overloaded(f) | Self::Timeout(f) | Self::Cancelled(f) => f,
        }
    }

    /// Whether the pool was released, or its runtime has stopped.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Whether there was no place.
    pub fn is_overloaded(&self) -> bool {
        matches!(self, Self::Overloaded(_))
    }

    /// Whether there was no place in time.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Whether the context was done first.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// The same about something else.
    pub(super) fn map<G>(self, f: impl FnOnce(F) -> G) -> SubmitError<G> {
        match self {
            Self::Closed(inner) => SubmitError::Closed(f(inner)),
            Self::Overloaded(inner) => SubmitError::Overloaded(f(inner)),
            Self::Timeout(inner) => SubmitError::Timeout(f(inner)),
            Self::Cancelled(inner) => SubmitError::Cancelled(f(inner)),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Closed(_) => "Closed",
            Self::Overloaded(_) => "Overloaded",
            Self::Timeout(_) => "Timeout",
            Self::Cancelled(_) => "Cancelled",
        }
    }
}

impl<F> fmt::Debug for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubmitError::{}(..)", self.name())
    }
}

impl<F> fmt::Display for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "the pool is closed",
            Self::Overloaded(_) => "the pool is full",
            Self::Timeout(_) => "the pool had no place in time",
            Self::Cancelled(_) => "the context was done before the pool had a place",
        })
    }
}

impl<F> Error for SubmitError<F> {}

/// Settings that a pool cannot be built with.
///
/// # Examples
/// ```
/// use rt::pool::{BuildError, Pool};
///
/// #[rt::main]
/// fn main() {
///     assert_eq!(Pool::new(0).unwrap_err(), BuildError::ZeroCapacity);
///     let error = Pool::builder().capacity(1).nonblocking(true).max_blocking(5).build().unwrap_err();
///     let text = "nonblocking(true) and max_blocking(..) contradict each other: choose one";
///     assert_eq!(error.to_string(), text);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A pool without workers.
    ZeroCapacity,
    /// More workers than there can be goroutines, or a longer queue than fits into memory.
    TooLarge {
        /// The setting: `capacity`, `queue` or `number of pools`.
        what: &'static str,
        /// What was asked for.
        value: usize,
        /// What there may be.
        most: usize,
    },
    /// A setting of zero that says too little.
    Zero {
        /// The setting.
        what: &'static str,
        /// What says it clearly.
        instead: &'static str,
    },
    /// Two settings that cannot both hold.
    Conflict {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// There is no runtime for the workers to run in.
    NoRuntime,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroCapacity => f.write_str("a pool needs workers: set a capacity of 1 or more"),
            Self::TooLarge { what, value, most } => {
                write!(f, "{what}: {value} is too large: there can be {most}")
            }
            Self::Zero { what, instead } => write!(f, "{what} of zero: use {instead}"),
            Self::Conflict { first, second } => {
                write!(f, "{first} and {second} contradict each other: choose one")
            }
            Self::NoRuntime => f.write_str(
                "there is no rt runtime here for the workers: build the pool in a goroutine, or \
                 enter a runtime on this thread with Handle::enter",
            ),
        }
    }
}

impl Error for BuildError {}

/// Workers had not ended in time; see [`Pool::release_timeout`](super::Pool::release_timeout).
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = rt::pool::Pool::new(1)?;
///     pool.submit(|| rt::time::sleep(Duration::from_secs(3600)))?;
///     let error = pool.release_timeout(Duration::from_millis(1)).unwrap_err();
///     assert_eq!(error.running(), 1);
///     assert_eq!(error.to_string(), "the pool still ran a task when the time was up");
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseTimeout {
    running: usize,
}

impl ReleaseTimeout {
    pub(super) fn new(running: usize) -> Self {
        Self { running }
    }

    /// How many tasks still ran. None: only the workers had not ended yet.
    pub fn running(&self) -> usize {
        self.running
    }
}

impl fmt::Display for ReleaseTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.running {
            0 => f.write_str("the pool's workers had not ended when the time was up"),
            1 => f.write_str("the pool still ran a task when the time was up"),
            n => write!(f, "the pool still ran {n} tasks when the time was up"),
        }
    }
}

impl Error for ReleaseTimeout {}
