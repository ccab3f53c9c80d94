//! What can go wrong with a trace.

use std::fmt;
use std::io;

/// Why a trace was not begun, or not written.
///
/// # Examples
/// ```
/// use rt::trace::{self, TraceError};
/// assert!(matches!(trace::stop(), Err(TraceError::NotStarted)));
/// let error = trace::start("/no/such/folder/trace.json").unwrap_err();
/// assert!(matches!(error, TraceError::Io { .. }), "{error}");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// There is a trace on already: one at a time in a process.
    AlreadyStarted,
    /// There is none.
    NotStarted,
    /// A setting is out of range.
    Invalid(String),
    /// The file cannot be written.
    Io {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyStarted => f.write_str("a trace is on already: rt::trace::stop ends it"),
            Self::NotStarted => {
                f.write_str("no trace is on: rt::trace::start or rt::trace::record begins one")
            }
            Self::Invalid(what) => f.write_str(what),
            Self::Io { path, error } => {
                write!(f, "cannot write the trace {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// So that `?` works where all else is I/O.
impl From<TraceError> for io::Error {
    fn from(error: TraceError) -> Self {
        let kind = match &error {
            TraceError::Io { error, .. } => error.kind(),
            TraceError::Invalid(_) => io::ErrorKind::InvalidInput,
            TraceError::AlreadyStarted => io::ErrorKind::AlreadyExists,
            TraceError::NotStarted => io::ErrorKind::NotFound,
        };
        Self::new(kind, error)
    }
}
