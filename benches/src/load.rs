//! What runs beside a ticker: blocking calls, computing, or a mixture.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use crate::random::Random;

/// How long one blocking call takes.
pub const BLOCK: Duration = Duration::from_millis(100);
/// Steps between two looks at the clock: some microseconds.
const BURST: u32 = 4096;

/// Computes until then, without a call that any runtime could notice.
pub fn burn_until(end: Instant) {
    let mut state = 1_u64;
    while Instant::now() < end {
        for _ in 0..BURST {
            state = black_box(state ^ (state << 13) ^ (state >> 7));
        }
    }
}

/// Sits in one blocking call of the system, of which no runtime is told.
pub fn block() {
    thread::sleep(BLOCK);
}

/// One blocking call after the other until then, and nothing that tells a runtime.
pub fn block_until(end: Instant) {
    while Instant::now() < end {
        block();
    }
}

/// One thing that a task of the mixed load does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A blocking call of that length.
    Block(Duration),
    /// Computing for that long.
    Burn(Duration),
    /// Numbers to another task and back.
    Talk,
    /// Spawning and joining.
    Spawn,
}

/// Numbers that are passed, or tasks that are spawned, in one act.
pub const ACT_SIZE: usize = 100;
/// Blocking and computing take less than that many microseconds.
const LONGEST: u64 = 50_000;

/// What one task of the mixed load does, one after the other.
#[derive(Clone, Debug)]
pub struct Acts(Random);

impl Acts {
    /// The acts of that task; other tasks do others.
    #[must_use]
    pub const fn of(task: usize) -> Self {
        Self(Random::seeded(task as u64))
    }

    /// The next one.
    pub const fn draw(&mut self) -> Act {
        let kind = self.0.below(4);
        let long = Duration::from_micros(self.0.below(LONGEST));
        match kind {
            0 => Act::Block(long),
            1 => Act::Burn(long),
            2 => Act::Talk,
            _ => Act::Spawn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burning_ends_after_its_time() {
        let end = Instant::now() + Duration::from_millis(2);
        burn_until(end);
        assert!(Instant::now() >= end);
    }

    #[test]
    fn every_act_comes_and_tasks_differ() {
        let mut acts = Acts::of(3);
        let some: Vec<Act> = (0..100).map(|_| acts.draw()).collect();
        assert!(some.iter().any(|act| matches!(act, Act::Block(_))));
        assert!(some.iter().any(|act| matches!(act, Act::Burn(_))));
        assert!(some.contains(&Act::Talk) && some.contains(&Act::Spawn));
        let mut others = Acts::of(4);
        assert!(some.iter().any(|&act| act != others.draw()));
    }
}
