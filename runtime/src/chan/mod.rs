//! Channels.

mod go;

pub use go::{Chan, IntoIter, Iter, SendTimeoutError, TryRecvError, TrySendError, RecvTimeoutError};
