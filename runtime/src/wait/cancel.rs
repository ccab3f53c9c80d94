//! Waits with an end: a time, or something that may be cancelled.

use super::signal::{Signal, Watch};
use crate::carrier::Slot;
use crate::util;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// What can end a wait before its time: a [`Context`](crate::context::Context). What ends in `_ctx` takes one.
///
/// Implemented by contexts and by what points to one, and by nothing else.
///
/// # Examples
/// ```
/// use rt::chan::{Receiver, RecvCtxError};
/// use rt::context::{Cancel, Context};
///
/// fn first<T>(from: &Receiver<T>, limit: &impl Cancel) -> Result<T, RecvCtxError> {
///     from.recv_ctx(limit)
/// }
///
/// let (ctx, _cancel) = Context::background().with_deadline(rt::time::now());
/// assert!(first(&rt::chan::never::<u8>(), &ctx).is_err());
/// ```
pub trait Cancel: Sealed {
    /// Why it is done; `None`: it is not.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Cancel, Context, ContextError};
    ///
    /// fn is_cancelled(by: &impl Cancel) -> bool {
    ///     by.err() == Some(ContextError::Canceled)
    /// }
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// cancel();
    /// assert!(is_cancelled(&ctx));
    /// ```
    fn err(&self) -> Option<ContextError>;
}

/// What only a context can say.
#[expect(unnameable_types, reason = "so that nobody else implements it")]
pub trait Sealed {
    /// What is raised when it is done. `None`: it never is.
    fn signal(&self) -> Option<&Signal>;
}

macro_rules! through {
    ($($pointer:ty),+) => {$(
        impl<C: Cancel + ?Sized> Cancel for $pointer {
            fn err(&self) -> Option<ContextError> {
                (**self).err()
            }
        }

        impl<C: Sealed + ?Sized> Sealed for $pointer {
            fn signal(&self) -> Option<&Signal> {
                (**self).signal()
            }
        }
    )+};
}

through!(&C, Box<C>, std::sync::Arc<C>);

/// Why a context is done. Go's `context.Canceled` and `context.DeadlineExceeded`, in Go's words.
///
/// As an [`io::Error`] the first is of the kind `Other`, the second `TimedOut`.
///
/// # Examples
/// ```
/// use rt::context::ContextError;
///
/// assert_eq!(ContextError::Canceled.to_string(), "context canceled");
/// assert_eq!(ContextError::DeadlineExceeded.to_string(), "context deadline exceeded");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextError {
    /// It was cancelled, or what it comes from was.
    Canceled,
    /// Its time was up.
    DeadlineExceeded,
}

impl ContextError {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Canceled => "context canceled",
            Self::DeadlineExceeded => "context deadline exceeded",
        }
    }
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Error for ContextError {}

impl From<ContextError> for io::Error {
    fn from(error: ContextError) -> Self {
        let kind = match error {
            ContextError::Canceled => io::ErrorKind::Other,
            ContextError::DeadlineExceeded => io::ErrorKind::TimedOut,
        };
        Self::new(kind, error)
    }
}

/// How long a wait may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until<'a> {
    at: Option<Instant>,
    watch: Option<&'a Watch<'a>>,
}

impl<'a> Until<'a> {
    /// Without an end.
    pub(crate) const NEVER: Self = Self { at: None, watch: None };

    /// What [`of`](Self::of) makes it of again.
    #[inline(always)]
    pub(crate) fn parts(self) -> (Option<Instant>, Option<&'a Watch<'a>>) {
        (self.at, self.watch)
    }

    #[inline(always)]
    pub(crate) fn of(at: Option<Instant>, watch: Option<&'a Watch<'a>>) -> Self {
        Self { at, watch }
    }

    /// Until `at`, if that is sooner.
    pub(crate) fn or_at(mut self, at: Option<Instant>) -> Self {
        self.at = [self.at, at].into_iter().flatten().min();
        self
    }

    /// Whether that is over. Asked between two rests.
    #[inline]
    pub(crate) fn is_over(self) -> bool {
        self.watch.is_some_and(Watch::is_raised) || super::is_over(self.at)
    }

    /// Whether it is over by itself in less than `time`.
    pub(crate) fn is_within(self, time: Duration) -> bool {
        self.at.is_some_and(|at| at.saturating_duration_since(util::now()) < time)
    }

    /// Whether it has no end.
    #[inline]
    pub(crate) fn is_never(self) -> bool {
        self.at.is_none() && self.watch.is_none()
    }

    /// Whether a context may end it.
    #[inline]
    pub(super) fn is_watched(self) -> bool {
        self.watch.is_some()
    }

    /// When the wait is over at the latest.
    #[inline]
    pub(super) fn at(self) -> Option<Instant> {
        self.at
    }

    /// The caller is about to rest on `slot`. `false`: it is over, and nobody would wake it.
    #[inline]
    pub(super) fn arm(self, slot: &'static Slot) -> bool {
        // SAFETY: a watch that an `Until` refers to stays in `bounded`.
        self.watch.is_none_or(|watch| unsafe { watch.arm(slot) })
    }
}

/// `None`: without an end.
impl From<Option<Instant>> for Until<'_> {
    #[inline]
    fn from(at: Option<Instant>) -> Self {
        Self { at, watch: None }
    }
}

/// Calls `f` with the end that `ctx` sets for its waits.
///
/// # Errors
/// When `ctx` is done already: `f` is not called. It may be done when `f` returns, too; a wait of `f` that was
/// over says why with [`ended`].
#[inline]
pub(crate) fn bounded<R>(
    ctx: &(impl Cancel + ?Sized),
    f: impl FnOnce(Until<'_>) -> R,
) -> Result<R, ContextError> {
    bounded_with(ctx, (), |(), until| f(until)).map_err(|(error, ())| error)
}

/// The same for what wants `value`, which is given back if `f` is not called.
///
/// # Errors
/// As [`bounded`].
#[inline]
pub(crate) fn bounded_with<V, R>(
    ctx: &(impl Cancel + ?Sized),
    value: V,
    f: impl FnOnce(V, Until<'_>) -> R,
) -> Result<R, (ContextError, V)> {
    if let Some(error) = ctx.err() {
        return Err((error, value));
    }
    let Some(signal) = ctx.signal() else { return Ok(f(value, Until::NEVER)) };
    let watch = Watch::new(signal);
    Ok(f(value, Until { at: signal.deadline(), watch: Some(&watch) }))
}

/// The same for what says whether it was done in time.
///
/// # Errors
/// Why it was not.
#[inline]
pub(crate) fn in_time(
    ctx: &(impl Cancel + ?Sized),
    f: impl FnOnce(Until<'_>) -> bool,
) -> Result<(), ContextError> {
    if bounded(ctx, f)? { Ok(()) } else { Err(ended(ctx)) }
}

/// Why `ctx`, which has ended a wait, is done.
#[cold]
pub(crate) fn ended(ctx: &(impl Cancel + ?Sized)) -> ContextError {
    match ctx.err() {
        Some(error) => error,
        None => util::bug(format_args!("a context ended a wait and is not done")),
    }
}
