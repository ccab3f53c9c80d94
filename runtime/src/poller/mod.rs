//! Readiness of sockets: who waits for it, and who is told.
//!
//! A [`Poller`] asks the kernel. A [`Source`] stands for one socket, with a [`Side`] for each
//! direction: whether it is ready, who waits, until when. The protocol between those who read or
//! write, those who wait, and the poller is in [`side`], with its proof.
//!
//! ```text
//!   goroutine: system call -> "would block" -> add to a poller, once -> list -> park
//!                                                                               ^
//!   poller:    epoll -> event -> Source -> Side: ready; the first who waits ----+
//! ```
//!
//! Edge-triggered, both directions at once, once per socket and poller. A socket may be used from
//! several runtimes, each of which may have a poller of its own: it is added to each with which
//! somebody waits, at the first wait.
//!
//! Invariants:
//! 1. What an event is about is found by index and generation, in memory that is never freed. An
//!    event of a socket that was closed is at worst one for its successor, which looks for nothing.
//! 2. A source that is closed is added to no poller, and one that is dropped is in none.
//! 3. No lock is held over [`Poller::poll`]'s system call.
//!
//! It knows no goroutine: it is handed what wakes a [`Slot`]. Nothing here blocks but
//! [`Poller::poll`].

#[cfg(all(test, loom))]
mod loom_tests;
mod moment;
mod side;
mod source;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

pub(crate) use side::{Seen, Side};
pub(crate) use source::{Dir, Source};

use crate::carrier::Slot;
use crate::prim::atomic::AtomicBool;
use crate::prim::global::{AtomicU64, AtomicUsize, Ordering};
use crate::sys::epoll::{Bell, Epoll, Events};
use std::io;
use std::time::Duration;

/// What the kernel says of the bell. No source's: their indices have 32 bits.
const BELL: u64 = u64::MAX;

/// So many events ahead the memory is asked for what they are about, and for who waits there. With many sockets that
/// is in no cache, and each piece says where the next one lies.
const FAR: usize = 8;
const NEAR: usize = 4;

/// Asks the kernel which sockets have become ready.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: Epoll,
    bell: Bell,
    rung: Rung,
    sources: AtomicUsize,
    id: u64,
}

impl Poller {
    /// # Errors
    /// When the process, or the system, has no file left.
    pub(crate) fn new() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (epoll, bell) = (Epoll::new()?, Bell::new()?);
        epoll.add_bell(&bell, BELL)?;
        Ok(Self {
            epoll,
            bell,
            rung: Rung::new(),
            sources: AtomicUsize::new(0),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Waits for events, for at most `timeout` (zero: not at all; `None`: as long as it takes), and
    /// wakes those that they concern. It may return for no reason. `true`: somebody
    /// [notified](Self::notify).
    ///
    /// Several threads may call at once; each event comes to one of them.
    ///
    /// # Errors
    /// When the system cannot wait. It always can, short of a bug.
    pub(crate) fn poll(
        &self,
        timeout: Option<Duration>,
        wake: &mut dyn FnMut(&'static Slot),
    ) -> io::Result<bool> {
        let mut events = Events::new();
        self.epoll.wait(&mut events, timeout)?;
        let mut notified = false;
        let (mut far, mut near) = (events.iter(), events.iter());
        far.by_ref().take(FAR).for_each(source::fetch);
        near.by_ref().take(NEAR).for_each(source::fetch_reader);
        for event in events.iter() {
            far.next().into_iter().for_each(source::fetch);
            near.next().into_iter().for_each(source::fetch_reader);
            if event.data == BELL {
                self.rung.hear();
                notified = true;
            } else {
                source::happened(event, wake);
            }
        }
        Ok(notified)
    }

    /// Waits as [`poll`](Self::poll) does, and leaves what it finds to who polls. Whether there is something.
    #[allow(
        dead_code,
        reason = "for those who poll beside other work; the thread of `wait` does not"
    )]
    pub(crate) fn look(&self, timeout: Option<Duration>) -> bool {
        self.epoll.look(timeout)
    }

    /// Ends the [`poll`](Self::poll) of one who waits, or else the next one. Never blocks. What the
    /// caller wrote before is seen by who is told.
    #[allow(
        dead_code,
        reason = "for those who poll beside other work; the thread of `wait` does not"
    )]
    pub(crate) fn notify(&self) {
        if self.rung.ring() {
            self.bell.ring();
        }
    }

    /// Whether there is a socket that it could tell about. A hint.
    #[allow(
        dead_code,
        reason = "for those who poll beside other work; the thread of `wait` does not"
    )]
    #[inline]
    pub(crate) fn has_sources(&self) -> bool {
        self.sources.load(Ordering::Relaxed) != 0
    }

    /// Its number: no other poller has it, or had.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

/// Whether a bell was rung that nobody has heard yet: it need not be rung again. What one wrote before he rang is seen by who
/// hears it.
#[derive(Debug)]
pub(crate) struct Rung(AtomicBool);

impl Rung {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// `true`: the caller is to ring.
    ///
    /// AcqRel pairs with that of [`hear`](Self::hear), also of who leaves it at this.
    #[must_use]
    pub(crate) fn ring(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// The caller hears it.
    pub(crate) fn hear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}
