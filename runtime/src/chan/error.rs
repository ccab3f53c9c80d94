//! Why a value did not pass: crossbeam's names.

#![forbid(unsafe_code)]

use crate::wait::ContextError;
use std::error::Error;
use std::fmt;

/// The value could not be sent: the channel is closed, or there are no receivers.
///
/// # Examples
/// ```
/// use rt::chan::{self, SendError};
///
/// let (tx, rx) = chan::bounded(1);
/// drop(rx);
/// assert_eq!(tx.send("back"), Err(SendError("back")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// Why a value could not be sent without waiting.
///
/// # Examples
/// ```
/// let (tx, rx) = rt::chan::bounded(1);
/// tx.send(1).unwrap();
/// let full = tx.try_send(2).unwrap_err();
/// assert!(full.is_full() && !full.is_disconnected());
/// assert_eq!(full.into_inner(), 2);
/// drop(rx);
/// assert!(tx.try_send(2).unwrap_err().is_disconnected());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The channel is full, or nobody is there to receive.
    Full(T),
    /// The channel is closed, or there are no receivers.
    Disconnected(T),
}

/// Why a value could not be sent in time.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let (tx, _rx) = rt::chan::bounded(1);
/// tx.send(1).unwrap();
/// let late = tx.send_timeout(2, Duration::from_millis(1)).unwrap_err();
/// assert!(late.is_timeout() && !late.is_disconnected());
/// assert_eq!(late.into_inner(), 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// The time was up.
    Timeout(T),
    /// The channel is closed, or there are no receivers.
    Disconnected(T),
}

/// There is no value, and there will be none: the channel is empty, and closed or without senders.
///
/// # Examples
/// ```
/// use rt::chan::{self, RecvError};
///
/// let (tx, rx) = chan::bounded::<u8>(1);
/// drop(tx);
/// assert_eq!(rx.recv(), Err(RecvError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

/// Why there was no value to receive at once.
///
/// # Examples
/// ```
/// let (tx, rx) = rt::chan::bounded::<u8>(1);
/// assert!(rx.try_recv().unwrap_err().is_empty());
/// drop(tx);
/// assert!(rx.try_recv().unwrap_err().is_disconnected());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is none now.
    Empty,
    /// There is none, and there will be none.
    Disconnected,
}

/// Why there was no value to receive in time.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let (tx, rx) = rt::chan::bounded::<u8>(1);
/// assert!(rx.recv_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
/// drop(tx);
/// assert!(rx.recv_timeout(Duration::from_millis(1)).unwrap_err().is_disconnected());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// The time was up.
    Timeout,
    /// There is none, and there will be none.
    Disconnected,
}

/// Why a value could not be sent before a context was done.
///
/// # Examples
/// ```
/// use rt::context::{Context, ContextError};
///
/// let (ctx, cancel) = Context::background().with_cancel();
/// let (tx, _rx) = rt::chan::bounded(1);
/// cancel();
/// let error = tx.send_ctx("back", &ctx).unwrap_err();
/// assert!(!error.is_disconnected() && error.context_error() == Some(ContextError::Canceled));
/// assert_eq!(error.into_inner(), "back");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendCtxError<T> {
    /// The context is done, and why. The value.
    Cancelled(ContextError, T),
    /// The channel is closed, or there are no receivers.
    Disconnected(T),
}

/// Why there was no value to receive before a context was done.
///
/// # Examples
/// ```
/// use rt::context::Context;
///
/// let (tx, rx) = rt::chan::bounded::<u8>(1);
/// drop(tx);
/// let error = rx.recv_ctx(&Context::background()).unwrap_err();
/// assert!(error.is_disconnected() && error.context_error().is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvCtxError {
    /// The context is done, and why.
    Cancelled(ContextError),
    /// There is no value, and there will be none.
    Disconnected,
}

/// No case of a [`Select`](super::Select) was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrySelectError;

/// No case of a [`Select`](super::Select) became ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectTimeoutError;

/// No case of a [`Select`](super::Select) was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryReadyError;

/// No case of a [`Select`](super::Select) became ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyTimeoutError;

const CLOSED_TO_SENDERS: &str = "the channel is closed, or nobody receives from it";
const CLOSED_TO_RECEIVERS: &str = "the channel is empty and closed";

impl<T> SendError<T> {
    /// The value that was not sent.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(0);
    /// drop(rx);
    /// assert_eq!(tx.send("back").unwrap_err().into_inner(), "back");
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether there was no room, or nobody to receive.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the channel is closed.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

impl<T> SendTimeoutError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Whether the channel is closed.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

impl<T> SendCtxError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Cancelled(_, value) | Self::Disconnected(value) => value,
        }
    }

    /// Why the context is done, if it is that.
    pub fn context_error(&self) -> Option<ContextError> {
        match self {
            Self::Cancelled(error, _) => Some(*error),
            Self::Disconnected(_) => None,
        }
    }

    /// Whether the channel is closed.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

impl RecvCtxError {
    /// Why the context is done, if it is that.
    pub fn context_error(&self) -> Option<ContextError> {
        match self {
            Self::Cancelled(error) => Some(*error),
            Self::Disconnected => None,
        }
    }

    /// Whether there will be no value.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected)
    }
}

impl TryRecvError {
    /// Whether there was no value.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether there will be none.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected)
    }
}

impl RecvTimeoutError {
    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// Whether there will be no value.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected)
    }
}

/// An error that says less becomes one that says more: of a call that waits not at all, for a time, or with a context.
macro_rules! converts {
    ($($from:ty => $($into:ident)* { $pattern:pat => $value:expr };)+) => {$($(
        impl<T> From<$from> for $into<T> {
            fn from($pattern: $from) -> Self {
                $value
            }
        }
    )*)+};
    ($($from:ident => $($into:ident)*;)+) => {$($(
        impl From<$from> for $into {
            fn from(_: $from) -> Self {
                Self::Disconnected
            }
        }
    )*)+};
}

converts! {
    SendError<T> => TrySendError SendTimeoutError SendCtxError {
        SendError(value) => Self::Disconnected(value)
    };
}
converts! {
    RecvError => TryRecvError RecvTimeoutError RecvCtxError;
}

impl From<ContextError> for RecvCtxError {
    fn from(error: ContextError) -> Self {
        Self::Cancelled(error)
    }
}

/// `Display` and `Error`, and for what holds a value a `Debug` without bounds on it.
macro_rules! describe {
    ($name:ident<T> { $($pattern:pat => $debug:expr, $text:expr;)+ }) => {
        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($pattern => $text,)+ })
            }
        }
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($pattern => $debug,)+ })
            }
        }
        impl<T> Error for $name<T> {}
    };
    ($name:ident { $($pattern:pat => $text:expr;)+ }) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($pattern => $text,)+ })
            }
        }
        impl Error for $name {}
    };
}

describe!(SendError<T> { Self(_) => "SendError(..)", CLOSED_TO_SENDERS; });
describe!(TrySendError<T> {
    Self::Full(_) => "Full(..)", "the channel is full, or nobody receives now";
    Self::Disconnected(_) => "Disconnected(..)", CLOSED_TO_SENDERS;
});
describe!(SendTimeoutError<T> {
    Self::Timeout(_) => "Timeout(..)", "the value was not taken in time";
    Self::Disconnected(_) => "Disconnected(..)", CLOSED_TO_SENDERS;
});
describe!(SendCtxError<T> {
    Self::Cancelled(error, _) => match error {
        ContextError::Canceled => "Cancelled(Canceled, ..)",
        ContextError::DeadlineExceeded => "Cancelled(DeadlineExceeded, ..)",
    }, error.text();
    Self::Disconnected(_) => "Disconnected(..)", CLOSED_TO_SENDERS;
});
describe!(RecvError { Self => CLOSED_TO_RECEIVERS; });
describe!(TryRecvError {
    Self::Empty => "the channel is empty";
    Self::Disconnected => CLOSED_TO_RECEIVERS;
});
describe!(RecvTimeoutError {
    Self::Timeout => "no value came in time";
    Self::Disconnected => CLOSED_TO_RECEIVERS;
});
describe!(RecvCtxError {
    Self::Cancelled(error) => error.text();
    Self::Disconnected => CLOSED_TO_RECEIVERS;
});
describe!(TrySelectError { Self => "no case was ready"; });
describe!(SelectTimeoutError { Self => "no case became ready in time"; });
describe!(TryReadyError { Self => "no case was ready"; });
describe!(ReadyTimeoutError { Self => "no case became ready in time"; });
