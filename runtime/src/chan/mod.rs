//! Channels: one core, two faces.
//!
//! [`Chan`] is Go's: one handle for both ends, with `nil` and `close`. [`Sender`] and [`Receiver`] are
//! crossbeam's: a channel ends when the last handle of a side is dropped, and errors are values. [`select!`](crate::select)
//! and [`Select`] wait for several of either kind.
//!
//! Values are moved through the stacks of those who send and receive; without optimization many times, so that one of some KiB takes
//! ten or twenty times its size there. Send a `Box` of what is large: 16 KiB overflow a default stack in a debug build.

mod buffer;
mod clock;
mod core;
mod error;
mod gate;
mod go;
mod iter;
#[cfg(all(test, loom))]
mod loom_tests;
mod new;
mod offer;
mod peek;
mod receiver;
mod same;
pub(crate) mod select;
mod sender;
#[cfg(all(test, shuttle))]
mod shuttle_tests;
mod wait;

pub use error::{
    ReadyTimeoutError, RecvCtxError, RecvError, RecvTimeoutError, SelectTimeoutError, SendCtxError,
    SendError, SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use go::Chan;
pub use iter::{IntoIter, Iter, ReceiverIntoIter, ReceiverIter, TryIter};
pub use new::{after, at, bounded, never, tick, unbounded};
pub(crate) use new::{bell, clock, watched};
pub(crate) use peek::{Peeked, peek, peek_cases};
pub use receiver::Receiver;
pub use select::{Select, SelectedOperation};
pub use sender::Sender;
