//! The rows of waking in time: what a sleeping thread gets from the kernel.

use std::thread;
use std::time::Instant;

use super::failed;
use crate::row::sum_below;
use crate::sample::{Failed, Sample, check};
use crate::ticks::{MS, Ticks, US};

fn sleep_until(tick: Instant) {
    if let Some(rest) = Ticks::rest(tick) {
        thread::sleep(rest);
    }
}

/// Wakes in time, and does nothing.
pub(super) fn ticker(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    while let Some(tick) = ticks.next() {
        sleep_until(tick);
        let due = ticks.due()?;
        ticks.served(due);
    }
    ticks.sample(US)
}

/// Spawns and joins a thread per tick.
fn spawning(ticks: &mut Ticks) -> Result<(), Failed> {
    let (mut sum, mut turns) = (0, 0);
    while let Some(tick) = ticks.next() {
        sleep_until(tick);
        let due = ticks.due()?;
        let turn = turns;
        sum += thread::spawn(move || turn).join().map_err(failed)?;
        turns += 1;
        ticks.served(due);
    }
    check("sum of turns", sum, sum_below(turns))
}

pub(super) fn ticker_spawn(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    spawning(&mut ticks)?;
    ticks.sample(US)
}

/// Beside threads that do something until the last tick is due.
pub(super) fn ticker_beside(n: usize, threads: usize, load: fn(Instant)) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    let end = ticks.end();
    let threads: Vec<_> = (0..threads).map(|_| thread::spawn(move || load(end))).collect();
    spawning(&mut ticks)?;
    for thread in threads {
        thread.join().map_err(failed)?;
    }
    ticks.sample(MS)
}
