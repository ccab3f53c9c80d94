//! The rows of tails: how long the slowest of many take, not the average.
//!
//! Under load [`LOADS`] tasks compute in pieces of [`PIECE`] and yield after each, for as long as the
//! probe runs. The probe is one more such task, and at the start of each of its pieces it wakes a task
//! or spawns one: the lateness is from then until that task's first look at the clock. What is spawned
//! or woken has to get a processor from those that compute.
//!
//! In a pipe nobody else is there: one computes for [`PRODUCES`] and sends, again and again, and the one that waits
//! for it computes for [`CONSUMES`]. A second processor is free, and who is woken need not wait for the first.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::load::burn_until;
use crate::random::Random;
use crate::sample::{Failed, Sample, check, quantile};

/// Tasks that compute and yield, beside the probe.
pub const LOADS: usize = 8;
/// How many microseconds a piece takes.
const PIECE: Range<u64> = 20..100;
/// How long the producer of a pipe computes for an item.
const PRODUCES: Duration = Duration::from_millis(1);
/// And the consumer.
const CONSUMES: Duration = Duration::from_micros(100);
/// What becomes of seconds in a row that counts microseconds.
pub const US: f64 = 1e6;
/// What becomes of seconds in a row that counts nanoseconds.
pub const NS: f64 = 1e9;

/// What one task computes, piece by piece: the same for every peer.
#[derive(Debug)]
pub struct Pieces(Random);

impl Pieces {
    /// The pieces of that task; other tasks have others.
    #[must_use]
    pub const fn of(task: usize) -> Self {
        Self(Random::seeded(task as u64))
    }

    /// Computes the next one.
    pub fn burn(&mut self) {
        let micros = PIECE.start + self.0.below(PIECE.end - PIECE.start);
        burn_until(Instant::now() + Duration::from_micros(micros));
    }
}

/// Makes an item for a pipe: the time when it was ready.
#[must_use]
pub fn produce() -> Instant {
    burn_until(Instant::now() + PRODUCES);
    Instant::now()
}

/// How late an item of a pipe is; then works on it.
#[must_use]
pub fn consume(item: Instant) -> Duration {
    let late = item.elapsed();
    burn_until(Instant::now() + CONSUMES);
    late
}

/// The sample of a row of tails, with `unit` of whatever it is to a second: p50, p99, p99.9, max.
///
/// # Errors
///
/// If there are not `n`.
pub fn sample(took: &[Duration], n: usize, unit: f64) -> Result<Sample, Failed> {
    check("times taken", took.len(), n)?;
    let mut sorted: Vec<f64> = took.iter().map(|took| took.as_secs_f64() * unit).collect();
    sorted.sort_by(f64::total_cmp);
    Ok([0.5, 0.99, 0.999, 1.0].map(|share| quantile(&sorted, share)).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_middle_and_the_slowest() {
        let took: Vec<Duration> = (1..=2000).rev().map(Duration::from_micros).collect();
        let sample = sample(&took, 2000, US).expect("all of them");
        let want = [1000.0, 1980.0, 1998.0, 2000.0];
        assert!(sample.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6), "{sample:?}");
    }

    #[test]
    fn one_that_is_missing_is_an_error() {
        assert!(sample(&[Duration::ZERO], 2, NS).is_err());
    }

    #[test]
    fn pieces_take_their_time() {
        let start = Instant::now();
        Pieces::of(1).burn();
        assert!(start.elapsed() >= Duration::from_micros(PIECE.start));
    }
}
