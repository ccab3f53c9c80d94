//! Why a join has no value to give.

use crate::g::Unwind;
use crate::sched;
use crate::wait::ContextError;
use std::any::Any;
use std::fmt;
use std::io;

/// Why a join has no value to give.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let error = rt::spawn(|| panic!("out of cheese")).join().unwrap_err();
///     assert!(error.is_panic());
///     assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"out of cheese"));
/// }
/// ```
pub struct JoinError(Cause);

enum Cause {
    Panic(Box<dyn Any + Send>),
    Cancelled,
    Timeout,
    Context(ContextError),
    Resource,
}

// SAFETY: the payload is reached by value or by `&mut` alone; a shared reference shows only text.
unsafe impl Sync for JoinError {}

// Its payload is what unwound: who has it knows.
impl std::panic::UnwindSafe for JoinError {}
impl std::panic::RefUnwindSafe for JoinError {}

impl JoinError {
    /// About what unwound a task.
    pub(crate) fn of(payload: Box<dyn Any + Send>) -> Self {
        if payload.is::<Unwind>() { Self(Cause::Cancelled) } else { Self(Cause::Panic(payload)) }
    }

    /// About a task that panicked.
    pub(super) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Self(Cause::Panic(payload))
    }

    /// About a task that never began.
    pub(super) fn resource() -> Self {
        Self(Cause::Resource)
    }

    /// About a task whose closure is dropped by who was to run it.
    pub(crate) fn unbegun() -> Self {
        if sched::lacks_stack() { Self::resource() } else { Self::cancelled() }
    }

    /// About a task that was cancelled.
    pub(crate) fn cancelled() -> Self {
        Self(Cause::Cancelled)
    }

    /// About a task that goes on.
    pub(crate) fn timeout() -> Self {
        Self(Cause::Timeout)
    }

    /// About a task that goes on when a context is done.
    pub(crate) fn context(error: ContextError) -> Self {
        Self(Cause::Context(error))
    }

    /// The goroutine panicked.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let error = rt::spawn(|| panic!("oops")).join().unwrap_err();
    ///     assert!(error.is_panic() && !error.is_cancelled());
    /// }
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Cause::Panic(_))
    }

    /// What it panicked with, to downcast or to [resume](std::panic::resume_unwind).
    ///
    /// # Panics
    /// When it did not end by a panic.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let error = rt::spawn(|| std::panic::panic_any(7)).join().unwrap_err();
    ///     assert_eq!(error.into_panic().downcast_ref(), Some(&7));
    /// }
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.0 {
            Cause::Panic(payload) => payload,
            _ => panic!("JoinError::into_panic: {self}"),
        }
    }

    /// It was aborted, or called [`exit`](super::exit), or its runtime shut down.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let waits = rt::spawn(|| rt::chan::Chan::<()>::nil().recv());
    ///     waits.abort();
    ///     assert!(waits.join().unwrap_err().is_cancelled());
    /// }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Cause::Cancelled)
    }

    /// The time of a [`join_timeout`](super::JoinHandle::join_timeout) was up; the goroutine goes on.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let waits = rt::spawn(|| rt::chan::Chan::<()>::nil().recv());
    ///     let error = waits.join_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    ///     assert!(error.is_timeout(), "it may be joined again");
    /// }
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Cause::Timeout)
    }

    /// Why the context of a [`join_ctx`](super::JoinHandle::join_ctx) is done, if that was first; the goroutine goes on.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (ctx, cancel) = Context::background().with_cancel();
    ///     let waits = rt::spawn(|| rt::chan::Chan::<()>::nil().recv());
    ///     cancel();
    ///     let error = waits.join_ctx(&ctx).unwrap_err();
    ///     assert_eq!(error.context_error(), Some(ContextError::Canceled));
    /// }
    /// ```
    pub fn context_error(&self) -> Option<ContextError> {
        match self.0 {
            Cause::Context(error) => Some(error),
            _ => None,
        }
    }

    /// It never began: there was no memory for a stack, and no other goroutine that would
    /// leave one. Standard error says which limit was met.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     match rt::spawn(|| 7).join() {
    ///         Ok(seven) => assert_eq!(seven, 7),
    ///         Err(error) if error.is_resource() => println!("there are too many goroutines"),
    ///         Err(error) => panic!("{error}"),
    ///     }
    /// }
    /// ```
    pub fn is_resource(&self) -> bool {
        matches!(self.0, Cause::Resource)
    }

    /// The text that `panic!` was given, if it was text.
    fn message(&self) -> Option<&str> {
        match &self.0 {
            Cause::Panic(payload) => crate::panic::message(&**payload),
            _ => None,
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Cause::Panic(_) => "Panic",
            Cause::Cancelled => "Cancelled",
            Cause::Timeout => "Timeout",
            Cause::Context(error) => return write!(f, "JoinError::Context({error:?})"),
            Cause::Resource => "Resource",
        };
        match self.message() {
            Some(message) => write!(f, "JoinError::{kind}({message:?})"),
            None => write!(f, "JoinError::{kind}"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.message()) {
            (Cause::Panic(_), Some(message)) => write!(f, "the goroutine panicked: {message}"),
            (Cause::Panic(_), None) => f.write_str("the goroutine panicked"),
            (Cause::Cancelled, _) => f.write_str("the goroutine was cancelled"),
            (Cause::Timeout, _) => f.write_str("the goroutine did not end in time"),
            (Cause::Context(error), _) => write!(f, "{error}"),
            (Cause::Resource, _) => f.write_str("there was no stack to start the goroutine on"),
        }
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    /// Of the kind `TimedOut` if the time was up, of the context's if that is done, else `Other`.
    fn from(error: JoinError) -> Self {
        match error.0 {
            Cause::Context(error) => error.into(),
            Cause::Timeout => Self::new(io::ErrorKind::TimedOut, error),
            _ => Self::other(error),
        }
    }
}
