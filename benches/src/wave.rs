//! The many-parked row: its clocks and its two readings of memory.
//!
//! Two waves run in one process. The first pays for fresh stacks, the second
//! shows what spawning costs once they are warm.

use std::time::{Duration, Instant};

use crate::memory::{self, Usage};
use crate::sample::{Failed, Sample, check, ns_each};

/// Time for the last of the parked to be really parked, and for a collector to finish its cycle.
const SETTLE: Duration = Duration::from_millis(50);

/// A wave of tasks that is being spawned.
#[derive(Debug)]
#[must_use = "call `parked` once every task has arrived"]
pub struct Spawning {
    n: usize,
    before: Usage,
    start: Instant,
}

/// A wave whose tasks are all parked, about to be woken.
#[derive(Debug)]
#[must_use = "call `done` once every task has been joined"]
pub struct Waking {
    wave: Wave,
    start: Instant,
}

/// What one wave measured.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    n: usize,
    bytes_each: f64,
    mappings: usize,
    spawn: Duration,
    wake: Duration,
}

impl Spawning {
    /// Reads the memory and starts the spawn clock for `n` tasks.
    pub fn start(n: usize) -> Self {
        Self { n, before: Usage::now(), start: Instant::now() }
    }

    /// Every task has arrived: stops the clock, reads the memory, starts the wake clock.
    pub fn parked(self) -> Waking {
        let spawn = self.start.elapsed();
        std::thread::sleep(SETTLE);
        let bytes_each = Usage::now().each_since(self.before, self.n);
        let mappings = memory::mappings();
        let wave = Wave { n: self.n, bytes_each, mappings, spawn, wake: Duration::ZERO };
        Waking { wave, start: Instant::now() }
    }
}

impl Waking {
    /// Every task has been woken and joined; `joined` is how many there were.
    ///
    /// # Errors
    ///
    /// If that is not the number spawned.
    pub fn done(mut self, joined: usize) -> Result<Wave, Failed> {
        self.wave.wake = self.start.elapsed();
        check("tasks woken", joined, self.wave.n)?;
        Ok(self.wave)
    }
}

impl Wave {
    /// The row's sample: memory, spawn and wake of the first wave, spawn of the second.
    #[must_use]
    pub fn sample(first: Wave, second: Wave) -> Sample {
        vec![
            first.bytes_each,
            ns_each(first.spawn, first.n),
            ns_each(second.spawn, second.n),
            ns_each(first.wake, first.n),
            first.mappings as f64,
        ]
    }
}
