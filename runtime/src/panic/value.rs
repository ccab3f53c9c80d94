//! A panic as a value: what it was raised with, where, and which panics it superseded.
//!
//! Invariants:
//! 1. A payload is `Send`, and perhaps not `Sync`. Shared references to a [`Panic`] show it only as a
//!    type that is; else it is reached by value, or by `&mut`.

use super::message;
use std::any::Any;
use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

/// What is said of a payload that `panic!` did not make.
pub(super) const NO_TEXT: &str = "(a payload that is no text)";

/// Where a panic was raised; as [`std::panic::Location`], and shown in the same form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    file: Box<str>,
    line: u32,
    column: u32,
}

impl Location {
    /// The source file, as the compiler was told its name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, from 1.
    pub fn column(&self) -> u32 {
        self.column
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What the panic hook saw.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) at: Option<Location>,
    /// If `RUST_BACKTRACE` asks for it.
    pub(super) trace: Option<Backtrace>,
}

/// A panic that was caught: what Go's `recover` gives.
///
/// The payload is what the panic was raised with, unchanged; [`downcast`](Self::downcast) gets at it. With
/// the panic hook ([`Builder::panic_hook`](crate::Builder::panic_hook), `#[rt::main]`, `#[rt::test]`) the
/// panic also knows where it was raised.
///
/// # Examples
/// ```
/// use rt::panic;
///
/// let caught = panic::Panic::new(Box::new("out of cheese"));
/// assert_eq!(caught.message(), "out of cheese");
/// assert_eq!(*caught.downcast::<&str>().unwrap(), "out of cheese");
/// ```
pub struct Panic(Box<Inner>);

struct Inner {
    /// Gone when the panic was recovered and the caller has it: then `text` is what it said.
    payload: Option<Box<dyn Any + Send>>,
    text: Box<str>,
    seen: Option<Arc<Seen>>,
    previous: Option<Arc<Panic>>,
}

// SAFETY: invariant 1: `downcast_ref` asks for `Sync`, and the text of a payload is `Sync`.
unsafe impl Sync for Panic {}

impl Panic {
    /// A panic whose payload was caught elsewhere: by [`std::panic::catch_unwind`], or by
    /// [`JoinError::into_panic`](crate::JoinError::into_panic).
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(Box::new(Inner {
            payload: Some(payload),
            text: Box::default(),
            seen: None,
            previous: None,
        }))
    }

    /// The text that `panic!` was given. Other payloads have none, and are called
    /// `(a payload that is no text)`.
    pub fn message(&self) -> &str {
        match &self.0.payload {
            Some(payload) => message(&**payload).unwrap_or(NO_TEXT),
            None => &self.0.text,
        }
    }

    /// Where it was raised, if the panic hook is installed.
    pub fn location(&self) -> Option<&Location> {
        self.0.seen.as_ref()?.at.as_ref()
    }

    /// The stack where it was raised, if the panic hook is installed and `RUST_BACKTRACE` (or
    /// `RUST_LIB_BACKTRACE`) asks for it.
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.0.seen.as_ref()?.trace.as_ref()
    }

    /// The panic that this one superseded: it was raised by deferred code that ran because of that.
    pub fn previous(&self) -> Option<&Panic> {
        self.0.previous.as_deref()
    }

    /// Whether it was raised with a `T`.
    pub fn is<T: Any>(&self) -> bool {
        self.0.payload.as_ref().is_some_and(|payload| payload.is::<T>())
    }

    /// What it was raised with, if that is a `T`.
    pub fn downcast_ref<T: Any + Sync>(&self) -> Option<&T> {
        self.0.payload.as_ref()?.downcast_ref()
    }

    /// What it was raised with, if that is a `T`; else the panic again.
    ///
    /// # Errors
    /// The panic, when its payload is something else.
    pub fn downcast<T: Any>(mut self) -> Result<Box<T>, Self> {
        match self.0.payload.take().map(<Box<dyn Any + Send>>::downcast) {
            Some(Ok(value)) => Ok(value),
            Some(Err(other)) => {
                self.0.payload = Some(other);
                Err(self)
            }
            None => Err(self),
        }
    }

    /// What it was raised with.
    pub fn into_payload(mut self) -> Box<dyn Any + Send> {
        // A panic that a caller has by value has its payload; a recovered one is shown by reference.
        self.0.payload.take().unwrap_or_else(|| Box::new(std::mem::take(&mut self.0.text)))
    }

    /// Goes on with the panic, as if it had not been caught. Go's `panic(recovered)`.
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Panic");
        shown.field("message", &self.message());
        if let Some(at) = self.location() {
            shown.field("location", &format_args!("{at}"));
        }
        if let Some(previous) = self.previous() {
            shown.field("previous", previous);
        }
        shown.finish()
    }
}

impl Error for Panic {
    /// The panic that this one superseded.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.previous().map(|previous| previous as _)
    }
}
