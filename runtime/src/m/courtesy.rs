//! How often an M lets other threads run before it goes to sleep, as experience tells.
//!
//! Each sleep allows some turns. If something came during one of them, the next sleep does so, too. If all were in vain, the next one
//! allows none; if they are again, the next two, and four at most. A turn that took long is worse: for so long the M was kept from what came.

use std::cell::Cell;
use std::time::Duration;

/// Turns before a sleep: with nobody else to run, ten microseconds or so.
const TURNS: u32 = 16;
/// So long a turn does not take, except beside threads that compute.
const LONG: Duration = Duration::from_millis(1);
/// At most so many sleeps in a row allow none.
const MOST_VAIN: u32 = 4;
/// The same where turns take long.
const MOST_LONG: u32 = 4096;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Courtesy {
    /// Turns before the next sleep.
    left: Cell<u32>,
    /// The next sleeps that allow none.
    skipped: Cell<u32>,
    /// So many will be, if the turns are in vain now.
    skips: Cell<u32>,
}

impl Courtesy {
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(TURNS), skipped: Cell::new(0), skips: Cell::new(1) }
    }

    /// Whether there is a turn left before the next sleep.
    #[inline]
    pub(crate) fn is_left(&self) -> bool {
        self.left.get() != 0
    }

    /// One is left no longer. It took so long.
    pub(crate) fn took(&self, time: Duration) {
        self.left.update(|left| left - 1);
        if time >= LONG {
            self.skip(8, MOST_LONG);
        }
    }

    fn skip(&self, times: u32, most: u32) {
        self.left.set(0);
        self.skipped.set(self.skips.get());
        self.skips.update(|skips| skips.max(most.min(skips * times)));
    }

    /// The M has something to run. If it came while others ran, that was worth it.
    #[inline]
    pub(crate) fn found(&self) {
        if self.left.get() != TURNS && self.skipped.get() == 0 {
            self.left.set(TURNS);
            self.skips.set(1);
        }
    }

    /// The M goes to sleep: the turns were in vain.
    pub(crate) fn sleeps(&self) {
        match self.skipped.get() {
            0 if self.left.get() == TURNS => {}
            0 => self.skip(2, MOST_VAIN),
            1 => {
                self.skipped.set(0);
                self.left.set(TURNS);
            }
            skipped => self.skipped.set(skipped - 1),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// How many of `sleeps` had turns, where those are in vain, and take so long.
    fn tried(courtesy: &Courtesy, sleeps: u32, time: Duration) -> u32 {
        let one = |_: &u32| {
            let tries = courtesy.is_left();
            while courtesy.is_left() {
                courtesy.took(time);
            }
            courtesy.sleeps();
            tries
        };
        (0..sleeps).filter(one).count() as u32
    }

    #[test]
    fn what_is_in_vain_becomes_rare_and_what_is_not_goes_on() {
        let courtesy = Courtesy::new();
        let short = Duration::from_micros(1);
        assert_eq!(tried(&courtesy, 2, short), 1);
        assert!(tried(&courtesy, 1000, short) <= 201);
        while !courtesy.is_left() {
            courtesy.sleeps();
        }
        for _ in 0..100 {
            assert!(courtesy.is_left());
            courtesy.took(short);
            courtesy.found();
            courtesy.sleeps();
        }
    }

    #[test]
    fn beside_threads_that_compute_it_is_very_rare() {
        let courtesy = Courtesy::new();
        assert!(tried(&courtesy, 10_000, LONG) < 10);
        // And not for ever.
        assert!(tried(&courtesy, 10_000, LONG) > 1);
    }
}
