//! Channels.

mod error;
mod go;
mod iter;

pub use error::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
pub use go::Chan;
pub use iter::{IntoIter, Iter};
