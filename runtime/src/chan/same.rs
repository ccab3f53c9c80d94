//! Handles of channels as keys: two are equal if they are of one channel.

#![forbid(unsafe_code)]

use super::{Chan, Receiver, Sender};
use std::hash::{Hash, Hasher};

macro_rules! by_identity {
    ($($(#[$doc:meta])* $handle:ident),+) => {$(
        $(#[$doc])*
        impl<T> PartialEq for $handle<T> {
            fn eq(&self, other: &Self) -> bool {
                self.same_channel(other)
            }
        }

        impl<T> Eq for $handle<T> {}

        /// Of the channel, not of what is in it.
        impl<T> Hash for $handle<T> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.identity().hash(state);
            }
        }
    )+};
}

by_identity! {
    /// Of one channel, or both nil: [`same_channel`](Chan::same_channel), Go's `==`.
    Chan,
    /// Of one channel: [`same_channel`](Sender::same_channel).
    Sender,
    /// Of one channel: [`same_channel`](Receiver::same_channel).
    Receiver
}
