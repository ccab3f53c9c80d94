//! Parking: one word on which a goroutine or a thread waits for its wake-up.
//!
//! The word is a state and a count of tokens. A wake-up adds a token; a park returns when one has
//! come that the owner has not seen. Wake-ups that come before the park are thus not lost, and two that
//! come together count as one, so **every wait loops on a condition of its own**.
//!
//! ```text
//!              suspend (g0, after the switch)        sleep (a thread, before the futex)
//!   RUNNING ----------------------------> PARKED     RUNNING ----------> ASLEEP
//!      ^  only if no token came since `take`  |         ^                   |
//!      |                                      |         |                   |
//!      +--------------------------------------+         +-------------------+
//!             notify: + 1 token, and it                    notify: + 1 token, and a
//!             queues the goroutine                         futex wake; or time is up
//!
//!              hold (who looks at it)
//!   PARKED <---------------------------> HELD ----> RUNNING
//!              let_go, if no token came      notify: + 1 token, and nothing else:
//!                                            who holds it queues it when it lets go
//! ```
//!
//! Invariants:
//! 1. Only the owner (the goroutine, its g0, or the thread) leaves RUNNING for PARKED or
//!    ASLEEP, and only if the count is what it saw when it last took the tokens, which was before it
//!    last looked at what it waits for.
//! 2. PARKED and HELD are left for RUNNING once for each time that PARKED was entered by its g0. Who leaves PARKED, a
//!    notifier, or who holds the goroutine when a notifier has left HELD: it alone may resume the
//!    goroutine, and until it has queued it nobody touches the goroutine's stack.
//! 3. A notifier always exchanges the word (AcqRel), also when nobody waits: the exchanges form
//!    one release sequence, and the owner's `take` (Acquire) reads one of them. If it reads an older
//!    one than the last, the last has changed the count, and the owner cannot leave RUNNING.
//! 4. Zero is RUNNING without tokens, so that zeroed memory is a valid word.
//! 5. One at a time holds a goroutine: HELD is entered from PARKED alone, by a compare-exchange. While it does, the
//!    goroutine's stack and all that the goroutine owns stays as it is, and belongs to who holds it, to look at.
//!
//! The count has 30 bits. A wake-up would be lost if exactly 2^30 of them, or a multiple, came between
//! one `take` and the next `suspend`: the time of a few instructions, or of a thread's preemption.
//!
//! A swap in the owner's place (take NOTIFIED back to RUNNING) needs no count and no such argument. It was
//! tried first; a swap is 6 to 8 ns, and a park and its wake-up are three of them without it.

#![cfg_attr(not(test), forbid(unsafe_code))]

#[cfg(all(test, loom))]
mod loom_tests;
mod word;

pub(crate) use word::{Hold, LetGo, ParkWord, Woke};
