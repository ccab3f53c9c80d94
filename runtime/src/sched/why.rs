//! What a goroutine waits for, as those see it who look from outside.

use super::Sched;
use crate::carrier::Slot;
use crate::prim::global::Ordering;

/// What a waiter waits for; shown in dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Why {
    Join = 1,
    Scope = 2,
    WaitGroup = 3,
    ChanSend = 4,
    ChanRecv = 5,
    Sleep = 6,
    Runtime = 7,
    Mutex = 8,
    RwLock = 9,
    Condvar = 10,
    Once = 11,
    Semaphore = 12,
    Barrier = 13,
    Select = 14,
    ErrGroup = 15,
    NetRead = 16,
    NetWrite = 17,
    Future = 18,
    PoolSubmit = 19,
    PoolRelease = 20,
}

impl Why {
    /// All of them, by their numbers from 1 on.
    const ALL: [Self; 20] = [
        Self::Join,
        Self::Scope,
        Self::WaitGroup,
        Self::ChanSend,
        Self::ChanRecv,
        Self::Sleep,
        Self::Runtime,
        Self::Mutex,
        Self::RwLock,
        Self::Condvar,
        Self::Once,
        Self::Semaphore,
        Self::Barrier,
        Self::Select,
        Self::ErrGroup,
        Self::NetRead,
        Self::NetWrite,
        Self::Future,
        Self::PoolSubmit,
        Self::PoolRelease,
    ];

    /// In a few words, Go's where Go has them.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Scope => "scope",
            Self::WaitGroup => "waitgroup",
            Self::ChanSend => "chan send",
            Self::ChanRecv => "chan receive",
            Self::Sleep => "sleep",
            Self::Runtime => "runtime",
            Self::Mutex => "mutex",
            Self::RwLock => "rwlock",
            Self::Condvar => "condvar",
            Self::Once => "once",
            Self::Semaphore => "semaphore",
            Self::Barrier => "barrier",
            Self::Select => "select",
            Self::ErrGroup => "errgroup",
            Self::NetRead => "IO read",
            Self::NetWrite => "IO write",
            Self::Future => "future",
            Self::PoolSubmit => "pool submit",
            Self::PoolRelease => "pool release",
        }
    }

    /// What a slot's reason says; `None`: its goroutine has not waited yet.
    pub(super) fn of(reason: u8) -> Option<Self> {
        Self::ALL.get(usize::from(reason & !TIMED).checked_sub(1)?).copied()
    }

    /// The same in words.
    pub(super) fn name_of(reason: u8) -> &'static str {
        Self::of(reason).map_or("nothing yet", Self::name)
    }

    /// The same, and for which one: what dumps look at while the waiter is parked, and keeps it there.
    #[inline(always)]
    pub(crate) fn on<T: ?Sized>(self, object: *const T) -> What {
        What { why: self, object: object.expose_provenance() }
    }

    /// The same, with a number.
    #[inline(always)]
    pub(crate) fn number(self, number: usize) -> What {
        What { why: self, object: number }
    }
}

/// What a waiter waits for, and which one; shown in dumps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) why: Why,
    /// An address, or a number; 0 if there is nothing to say.
    pub(crate) object: usize,
}

impl From<Why> for What {
    #[inline(always)]
    fn from(why: Why) -> Self {
        why.number(0)
    }
}

/// In a slot's reason: the wait has a deadline.
pub(super) const TIMED: u8 = 0x80;

/// Notes that the wait has a deadline.
#[inline]
pub(crate) fn note_deadline(slot: &Slot) {
    slot.reason.store(slot.reason.load(Ordering::Relaxed) | TIMED, Ordering::Relaxed);
}

/// Notes what the goroutine is about to wait for, and when.
#[inline(always)]
pub(crate) fn note(slot: &Slot, what: What) {
    slot.reason.store(what.why as u8, Ordering::Relaxed);
    slot.object.store(what.object, Ordering::Relaxed);
    // SAFETY: the goroutine that runs on this carrier keeps its scheduler alive.
    let now = unsafe { Sched::from_home(slot.home()) }.ticks.load(Ordering::Relaxed);
    slot.since.store(now, Ordering::Relaxed);
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{TIMED, Why};

    #[test]
    fn every_number_is_a_reason() {
        for (at, why) in Why::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, at + 1);
            assert_eq!(Why::of(why as u8), Some(why));
            assert_eq!(Why::of(why as u8 | TIMED), Some(why));
        }
        assert_eq!((Why::of(0), Why::of(100)), (None, None));
        assert_eq!(Why::name_of(Why::Sleep as u8 | TIMED), "sleep");
    }
}
