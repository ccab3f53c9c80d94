//! The rows of waking in time. It only sleeps for a time, so the ticker computes the rest.

use ::may::coroutine::sleep;
use ::may::go;

use super::failed;
use crate::row::sum_below;
use crate::sample::{Failed, Sample, check};
use crate::ticks::{Ticks, US};

/// Wakes in time, and does nothing.
pub(super) fn ticker(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    while let Some(tick) = ticks.next() {
        while let Some(rest) = Ticks::rest(tick) {
            sleep(rest);
        }
        let due = ticks.due()?;
        ticks.served(due);
    }
    ticks.sample(US)
}

/// Spawns and joins a coroutine per tick.
pub(super) fn ticker_spawn(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    let (mut sum, mut turns) = (0, 0);
    while let Some(tick) = ticks.next() {
        while let Some(rest) = Ticks::rest(tick) {
            sleep(rest);
        }
        let due = ticks.due()?;
        let turn = turns;
        sum += go!(move || turn).join().map_err(failed)?;
        turns += 1;
        ticks.served(due);
    }
    check("sum of turns", sum, sum_below(turns))?;
    ticks.sample(US)
}
