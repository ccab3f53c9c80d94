//! The sleepers row: how long each task sleeps, and what a wave of them costs.
//!
//! Two waves run in one process. The first pays for fresh stacks, the second finds them warm.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::random::Random;
use crate::sample::{Failed, Sample, check, median};

/// Nobody sleeps longer.
const LONGEST: Duration = Duration::from_secs(1);

/// When the task is to wake: less than a second from now, and every peer's task of that number
/// sleeps as long.
#[must_use]
pub fn wake_time(task: usize) -> Instant {
    Instant::now() + sleep_of(task)
}

fn sleep_of(task: usize) -> Duration {
    Duration::from_nanos(Random::seeded(task as u64).below(LONGEST.as_nanos() as u64))
}

/// The longest sleep of `n` tasks: no peer's wave can end before.
#[must_use]
pub fn floor(n: usize) -> Duration {
    (0..n).map(sleep_of).max().unwrap_or_default()
}

/// How many nanoseconds late the task woke: below zero if early.
#[must_use]
pub fn late(wake: Instant) -> i64 {
    let now = Instant::now();
    let early = wake.saturating_duration_since(now).as_nanos() as i64;
    now.saturating_duration_since(wake).as_nanos() as i64 - early
}

/// A wave that runs.
#[derive(Debug)]
#[must_use = "call `done` once every task has been joined"]
pub struct Asleep {
    cpu: Duration,
    start: Instant,
    late: Vec<i64>,
}

impl Asleep {
    /// Starts the clocks for `n` tasks.
    ///
    /// # Errors
    ///
    /// If the system does not say what this process has used.
    pub fn start(n: usize) -> Result<Self, Failed> {
        Ok(Self { cpu: cpu()?, start: Instant::now(), late: Vec::with_capacity(n) })
    }

    /// A task was joined, and says how late it woke.
    pub fn joined(&mut self, late: i64) {
        self.late.push(late);
    }

    /// The wave's three numbers; `n` is how many were spawned.
    ///
    /// # Errors
    ///
    /// If another number was joined, or if any woke early.
    pub fn done(self, n: usize) -> Result<Sample, Failed> {
        let wall = self.start.elapsed().as_secs_f64() * 1e3;
        let cpu = (cpu()? - self.cpu).as_secs_f64() * 1e6 / n as f64;
        check("sleepers woken", self.late.len(), n)?;
        check("sleepers that woke early", self.late.iter().filter(|&&late| late < 0).count(), 0)?;
        let late: Vec<f64> = self.late.iter().map(|&late| late as f64 / 1e6).collect();
        Ok(vec![wall, cpu, median(&late).unwrap_or_default()])
    }
}

/// The processor time of this process, in the kernel and out of it.
fn cpu() -> Result<Duration, Failed> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(|error| Failed(error.to_string()))?;
    let micros = |time: TimeVal| time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64;
    Ok(Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waking_early_or_not_at_all_is_an_error() {
        let mut asleep = Asleep::start(1).expect("clocks");
        assert!(Asleep::start(1).expect("clocks").done(1).is_err());
        asleep.joined(-1);
        assert_eq!(
            asleep.done(1),
            Err(Failed("sleepers that woke early: got 1, want 0".to_owned()))
        );
    }

    #[test]
    fn the_floor_rises_to_the_longest() {
        assert_eq!(floor(0), Duration::ZERO);
        assert!(floor(10) <= floor(1000) && floor(1000) < LONGEST);
        assert!(floor(1000) > LONGEST * 9 / 10);
    }

    #[test]
    fn lateness_has_a_sign() {
        assert!(late(Instant::now()) >= 0);
        assert!(late(Instant::now() + Duration::from_secs(60)) < 0);
    }

    #[test]
    fn sleeps_are_below_a_second_and_differ() {
        let longest = Instant::now() + 2 * LONGEST;
        assert!((0..1000).all(|task| wake_time(task) < longest));
        let now = Instant::now();
        let (a, b) = (wake_time(1) - now, wake_time(2) - now);
        assert!(a.abs_diff(b) > Duration::from_millis(1), "{a:?} {b:?}");
    }
}
