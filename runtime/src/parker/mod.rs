//! Parking: one word on which a goroutine or a thread waits for its wake-up.
//!
//! The word is a token. A wake-up leaves the token; a park takes it, or waits until somebody
//! leaves one. Wake-ups that come before the park are thus not lost, and two that come
//! together count as one, so **every wait loops on a condition of its own**.
//!
//! ```text
//!              suspend (g0, after the switch)        sleep (a thread, before the futex)
//!   RUNNING ----------------------------> PARKED     RUNNING ----------> ASLEEP
//!      |  ^                                  |                              |
//!      |  | take                      notify |                       notify | + futex wake
//!      |  |        (the notifier queues it)  |                              |
//!      v  |                                  v                              v
//!     NOTIFIED  <----------------------------+------------------------------+
//! ```
//!
//! Invariants:
//! 1. Only the owner (the goroutine, its g0, or the thread) leaves RUNNING for PARKED or
//!    ASLEEP, and only the owner takes NOTIFIED back to RUNNING.
//! 2. Exactly one notifier finds PARKED for each time it was entered: it alone may resume the
//!    goroutine, and until it has queued it nobody touches the goroutine's stack.
//! 3. A notifier always swaps (AcqRel), also when the word already says NOTIFIED: the swaps form
//!    one release sequence, and the owner's `take` (Acquire, also a swap) reads the last of
//!    them, so it sees what every notifier wrote before it.
//!    A load in place of either would let a wake-up be overwritten unseen.
//! 4. Zero is RUNNING, so that zeroed memory is a valid word.

#![cfg_attr(not(test), forbid(unsafe_code))]

#[cfg(all(test, loom))]
mod loom_tests;
mod word;

pub(crate) use word::{ParkWord, Woke};
