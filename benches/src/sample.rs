//! Samples, and the checks without which there is none.

use std::fmt;
use std::time::{Duration, Instant};

/// One measurement: one number per metric of the row, in the row's order.
pub type Sample = Vec<f64>;

/// Why a body yielded no sample.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

/// Compares what a body computed with what it must compute.
///
/// # Errors
///
/// If they differ, with both values.
pub fn check<T: PartialEq + fmt::Display>(what: &str, got: T, want: T) -> Result<(), Failed> {
    if got == want { Ok(()) } else { Err(Failed(format!("{what}: got {got}, want {want}"))) }
}

/// Nanoseconds for each of `n`.
#[must_use]
pub fn ns_each(elapsed: Duration, n: usize) -> f64 {
    elapsed.as_secs_f64() * 1e9 / n as f64
}

/// A sample of one metric: nanoseconds for each of `n` since `start`.
#[must_use]
pub fn ns_since(start: Instant, n: usize) -> Sample {
    vec![ns_each(start.elapsed(), n)]
}

/// A sample of one metric: milliseconds since `start`.
#[must_use]
pub fn ms_since(start: Instant) -> Sample {
    vec![start.elapsed().as_secs_f64() * 1e3]
}

/// The middle value, or the mean of the two middle ones; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        Some(upper)
    } else {
        Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper))
    }
}

/// The value that a share of all, between 0 and 1, does not exceed; `sorted` is in order and not
/// empty.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_sum_is_an_error() {
        assert_eq!(check("sum", 3, 3), Ok(()));
        assert_eq!(check("sum", 2, 3), Err(Failed("sum: got 2, want 3".to_owned())));
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.5), 100.0);
        assert_eq!(quantile(&sorted, 0.99), 198.0);
        assert_eq!(quantile(&sorted, 1.0), 200.0);
        assert_eq!(quantile(&[7.0], 0.01), 7.0);
    }
}
