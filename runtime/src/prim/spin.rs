//! A lock for sections of a few dozen instructions: one atomic read-modify-write to lock, a plain
//! store to unlock.
//!
//! Whoever finds it held backs off: first in the processor, for longer each time, and without
//! touching the line, so that the holder's core gets many sections done for each time the line
//! moves between cores. In the end it gives its processor up to the system, for a holder that was
//! preempted cannot go on without one.
//!
//! In a model it is a mutex: several threads that spin for each other lead it nowhere.

#[cfg(not(any(loom, shuttle)))]
use super::global::{AtomicU32, Ordering};

/// The lock alone; what it guards lies beside it.
#[derive(Debug)]
pub(crate) struct SpinLock(Word);

/// Unlocks when dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct SpinGuard<'a>(Held<'a>);

#[cfg(not(any(loom, shuttle)))]
type Word = AtomicU32;
#[cfg(not(any(loom, shuttle)))]
type Held<'a> = &'a SpinLock;
#[cfg(any(loom, shuttle))]
type Word = super::mutex::Model<()>;
#[cfg(any(loom, shuttle))]
type Held<'a> = super::mutex::ModelGuard<'a, ()>;

#[cfg(not(any(loom, shuttle)))]
const FREE: u32 = 0;
#[cfg(not(any(loom, shuttle)))]
const HELD: u32 = 1;

/// Pauses before the first look again; a pause is some 30 to 50 ns on current x86.
#[cfg(not(any(loom, shuttle)))]
const FIRST: u32 = 4;
/// Pauses between two looks, at most.
#[cfg(not(any(loom, shuttle)))]
const LAST: u32 = 64;
/// Looks before the thread yields to the system.
#[cfg(not(any(loom, shuttle)))]
const LOOKS: u32 = 12;

#[cfg(not(any(loom, shuttle)))]
impl SpinLock {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Waits until the lock is held.
    #[inline(always)]
    pub(crate) fn lock(&self) -> SpinGuard<'_> {
        if !self.take() {
            self.lock_slow();
        }
        SpinGuard(self)
    }

    /// Acquire pairs with the Release of the guard's drop.
    #[inline(always)]
    fn take(&self) -> bool {
        self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[inline(never)]
    fn lock_slow(&self) {
        let (mut looks, mut pauses) = (0, FIRST);
        loop {
            if looks < LOOKS {
                for _ in 0..pauses {
                    std::hint::spin_loop();
                }
                pauses = (pauses * 2).min(LAST);
                looks += 1;
            } else {
                std::thread::yield_now();
            }
            if self.0.load(Ordering::Relaxed) == FREE && self.take() {
                return;
            }
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
impl Drop for SpinGuard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.0.store(FREE, Ordering::Release);
    }
}

#[cfg(any(loom, shuttle))]
impl SpinLock {
    pub(crate) fn new() -> Self {
        Self(Word::new(()))
    }

    pub(crate) fn lock(&self) -> SpinGuard<'_> {
        SpinGuard(self.0.lock())
    }
}
