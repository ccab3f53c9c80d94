//! A millisecond ticker that charges every tick.
//!
//! 1. The ticks are fixed from the start: a late one does not move those after it.
//! 2. A tick is served once the work after it is done. Its lateness is from its time until then.
//! 3. All that have become due while a task was stalled are served by one turn of work, and each is
//!    charged its own lateness: a stall of 100 ms is 100 late ticks, not one.

use std::time::{Duration, Instant};

use crate::sample::{Failed, Sample, check, quantile};

/// From one tick to the next.
const PERIOD: Duration = Duration::from_millis(1);
/// What becomes of seconds in a row that counts microseconds.
pub const US: f64 = 1e6;
/// What becomes of seconds in a row that counts milliseconds.
pub const MS: f64 = 1e3;

/// The ticks of one sample.
#[derive(Debug)]
pub struct Ticks {
    start: Instant,
    n: usize,
    late: Vec<Duration>,
}

/// The ticks that one turn of work serves: those before this one.
#[derive(Debug)]
#[must_use = "do the work, then call `served`"]
pub struct Due(usize);

impl Ticks {
    /// The first of `n` ticks is a millisecond from now.
    #[must_use]
    pub fn start(n: usize) -> Self {
        Self { start: Instant::now(), n, late: Vec::with_capacity(n) }
    }

    /// When the last tick is due: until then the load beside the ticker goes on.
    #[must_use]
    pub fn end(&self) -> Instant {
        self.start + PERIOD * self.n as u32
    }

    /// What to sleep until; `None` when all are served.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let served = self.late.len();
        (served < self.n).then(|| self.time(served))
    }

    /// How long to sleep, for peers that only sleep for a time; `None` once the tick has come.
    #[must_use]
    pub fn rest(tick: Instant) -> Option<Duration> {
        tick.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
    }

    fn time(&self, tick: usize) -> Instant {
        self.start + PERIOD * (tick as u32 + 1)
    }

    /// The task woke.
    ///
    /// # Errors
    ///
    /// If no tick is due: it woke too early.
    pub fn due(&self) -> Result<Due, Failed> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Result<Due, Failed> {
        let early = self.time(self.late.len()).saturating_duration_since(now);
        if !early.is_zero() {
            return Err(Failed(format!("the ticker woke {early:?} early")));
        }
        let passed = now.duration_since(self.start).as_nanos() / PERIOD.as_nanos();
        Ok(Due(self.n.min(passed as usize)))
    }

    /// The work after the ticks that were due is done.
    pub fn served(&mut self, due: Due) {
        self.served_at(due, Instant::now());
    }

    fn served_at(&mut self, Due(due): Due, now: Instant) {
        for tick in self.late.len()..due {
            self.late.push(now.duration_since(self.time(tick)));
        }
    }

    /// How late the ticks were, in order, with `unit` of whatever it is to a second.
    fn sorted(&self, unit: f64) -> Result<Vec<f64>, Failed> {
        check("ticks served", self.late.len(), self.n)?;
        let mut late: Vec<f64> = self.late.iter().map(|late| late.as_secs_f64() * unit).collect();
        late.sort_by(f64::total_cmp);
        Ok(late)
    }

    /// The sample of a ticker row: p50, p99, max.
    ///
    /// # Errors
    ///
    /// If not every tick was served.
    pub fn sample(&self, unit: f64) -> Result<Sample, Failed> {
        let late = self.sorted(unit)?;
        Ok([0.5, 0.99, 1.0].map(|share| quantile(&late, share)).to_vec())
    }

    /// The sample of the stall row: the longest, p99.
    ///
    /// # Errors
    ///
    /// If not every tick was served.
    pub fn stall(&self) -> Result<Sample, Failed> {
        let late = self.sorted(MS)?;
        Ok([1.0, 0.99].map(|share| quantile(&late, share)).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_charged_to_every_tick_in_it() {
        let mut ticks = Ticks::start(200);
        let at = |ms| ticks.start + Duration::from_millis(ms);
        let (woke, done, end) = (at(100), at(101), at(201));
        let due = ticks.due_at(woke).expect("due");
        ticks.served_at(due, done);
        // Ticks 1 to 100 were due: the first is 100 ms late, the hundredth 1 ms.
        assert_eq!(ticks.late.len(), 100);
        assert_eq!(ticks.late[0], Duration::from_millis(100));
        assert_eq!(ticks.late[99], Duration::from_millis(1));
        assert_eq!(ticks.next(), Some(done));
        assert!(ticks.sample(MS).is_err(), "half of them are missing");

        let due = ticks.due_at(end).expect("due");
        ticks.served_at(due, end);
        assert_eq!(ticks.next(), None);
        assert_eq!(ticks.sample(MS), Ok(vec![50.0, 99.0, 100.0]));
        assert_eq!(ticks.stall(), Ok(vec![100.0, 99.0]));
    }

    #[test]
    fn waking_early_is_an_error() {
        let ticks = Ticks::start(2);
        assert!(ticks.due_at(ticks.start + Duration::from_micros(999)).is_err());
        assert!(ticks.due_at(ticks.start + Duration::from_micros(1000)).is_ok());
    }
}
