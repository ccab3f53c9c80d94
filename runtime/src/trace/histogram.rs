//! Histograms of times: buckets that double, from 256 ns to 9 minutes.

use crate::prim::global::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets, the last one without an end.
const BUCKETS: usize = 32;
/// The first bucket ends at two to this, in nanoseconds.
const FIRST: u32 = 8;

/// Counts times. Anybody may add.
#[derive(Debug)]
pub(crate) struct Recorder {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl Recorder {
    pub(crate) const fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum: AtomicU64::new(0) }
    }

    pub(crate) fn add(&self, ns: u64) {
        // A bucket holds what is at most its end.
        let bits = u64::BITS - ns.saturating_sub(1).leading_zeros();
        let bucket = (bits.saturating_sub(FIRST) as usize).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(ns, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Histogram {
        Histogram {
            counts: self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: Duration::from_nanos(self.sum.load(Ordering::Relaxed)),
        }
    }
}

/// How often a time fell between which bounds. The bounds double, from 256 ns on; the last bucket has none.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let latency = rt::metrics().latency;
///     let counted: u64 = latency.buckets().map(|(_bound, count)| count).sum();
///     assert_eq!(counted, latency.count());
///     assert!(latency.quantile(0.5) <= latency.quantile(0.99));
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    sum: Duration,
}

impl Histogram {
    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The buckets in order: the longest time that falls in it, and how many did. The last has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let last = self.counts.len().saturating_sub(1);
        let bound =
            move |i: usize| (i < last).then(|| Duration::from_nanos(1 << (FIRST as usize + i)));
        self.counts.iter().enumerate().map(move |(i, &count)| (bound(i), count))
    }

    /// The bound of the bucket in which this part of all, 0 to 1, is reached: `quantile(0.99)` is a time that at most
    /// one in a hundred exceeds. [`Duration::MAX`] in the last bucket; zero if there is nothing.
    pub fn quantile(&self, part: f64) -> Duration {
        let count = self.count();
        if count == 0 {
            return Duration::ZERO;
        }
        let wanted = (part.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.buckets().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.and_then(|(bound, _)| bound).unwrap_or(Duration::MAX)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_bucket_that_it_does_not_exceed() {
        for (ns, bound) in [(0, 256), (256, 256), (257, 512), (512, 512), (1_000_000, 1 << 20)] {
            let recorder = Recorder::new();
            recorder.add(ns);
            let of: Vec<_> = recorder.snapshot().buckets().filter(|(_, n)| *n == 1).collect();
            assert_eq!(of, [(Some(Duration::from_nanos(bound)), 1)], "{ns}");
        }
    }

    #[test]
    fn what_is_too_long_is_counted_in_the_last() {
        let recorder = Recorder::new();
        recorder.add(1 << 60);
        let histogram = recorder.snapshot();
        assert_eq!(histogram.buckets().last(), Some((None, 1)));
        assert_eq!(histogram.quantile(1.0), Duration::MAX);
    }

    #[test]
    fn quantiles_are_bounds() {
        let recorder = Recorder::new();
        assert_eq!(recorder.snapshot().quantile(0.5), Duration::ZERO);
        (0..99).for_each(|_| recorder.add(300));
        recorder.add(1_000_000);
        let histogram = recorder.snapshot();
        assert_eq!(histogram.quantile(0.5), Duration::from_nanos(512));
        assert_eq!(histogram.quantile(0.99), Duration::from_nanos(512));
        assert_eq!(histogram.quantile(0.995), Duration::from_nanos(1 << 20));
        assert_eq!((histogram.count(), histogram.sum()), (100, Duration::from_nanos(1_029_700)));
    }
}
