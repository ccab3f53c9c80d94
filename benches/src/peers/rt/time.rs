//! The rows of sleeping, waking in time, and what runs beside.

use std::time::Instant;

use ::rt::spawn;
use ::rt::time::sleep_until;

use super::{chan, failed};
use crate::load::{ACT_SIZE, Act, Acts, burn_until};
use crate::row::{LOADS, sum_below};
use crate::sample::{Failed, Sample, check};
use crate::sleepers::{Asleep, late, wake_time};
use crate::ticks::{MS, Ticks, US};

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

/// Spawns and joins a goroutine per tick.
fn spawning(ticks: &mut Ticks) -> Result<(), Failed> {
    let (mut sum, mut turns) = (0, 0);
    while let Some(tick) = ticks.next() {
        sleep_until(tick);
        let due = ticks.due()?;
        let turn = turns;
        sum += spawn(move || turn).join().map_err(failed)?;
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

/// Beside `tasks` that do something until the last tick is due.
pub(super) fn ticker_beside(n: usize, tasks: usize, load: fn(Instant)) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    let end = ticks.end();
    let tasks: Vec<_> = (0..tasks).map(|_| spawn(move || load(end))).collect();
    spawning(&mut ticks)?;
    for task in tasks {
        task.join().map_err(failed)?;
    }
    ticks.sample(MS)
}

/// Sleepers: two waves.
pub(super) fn sleepers(n: usize) -> Result<Sample, Failed> {
    Ok([wave(n)?, wave(n)?].concat())
}

fn wave(n: usize) -> Result<Sample, Failed> {
    let mut asleep = Asleep::start(n)?;
    let mut handles = Vec::with_capacity(n);
    for task in 0..n {
        handles.push(spawn(move || {
            let wake = wake_time(task);
            sleep_until(wake);
            late(wake)
        }));
    }
    for handle in handles {
        asleep.joined(handle.join().map_err(failed)?);
    }
    asleep.done(n)
}

/// A ticker beside goroutines that do all kinds of things.
pub(super) fn stall(n: usize) -> Result<Sample, Failed> {
    let mut ticks = Ticks::start(n);
    let end = ticks.end();
    let loads: Vec<_> = (0..LOADS).map(|task| spawn(move || mixed(task, end))).collect();
    spawning(&mut ticks)?;
    for load in loads {
        load.join().map_err(failed)??;
    }
    ticks.stall()
}

fn mixed(task: usize, end: Instant) -> Result<(), Failed> {
    let mut acts = Acts::of(task);
    while Instant::now() < end {
        match acts.draw() {
            Act::Block(long) => std::thread::sleep(long),
            Act::Burn(long) => burn_until(Instant::now() + long),
            Act::Talk => drop(chan::ping_pong(ACT_SIZE, 0)?),
            Act::Spawn => drop(super::spawn_join(ACT_SIZE)?),
        }
    }
    Ok(())
}
