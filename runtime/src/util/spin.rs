//! Waiting awake for a moment.

/// Spins for so many nanoseconds, or a little longer: by the clock, for one pause takes a processor from 10 to 60 of them. In
/// a model it is others' turn.
#[inline]
pub(crate) fn spin_for(nanos: u64) {
    #[cfg(any(loom, shuttle))]
    {
        let _ = nanos;
        crate::prim::spin_hint();
    }
    #[cfg(not(any(loom, shuttle)))]
    spin_by(super::real_now, nanos);
}

/// A look at the clock takes more than a nanosecond: who has looked so often has waited for long enough, though the clock
/// stands still. (It may: where a debugger, or a library that makes up the time, has stopped it.)
#[cfg(not(any(loom, shuttle)))]
#[inline(always)]
fn spin_by(clock: impl Fn() -> std::time::Instant, nanos: u64) {
    let time = std::time::Duration::from_nanos(nanos);
    let start = clock();
    for _ in 0..nanos {
        if clock() - start >= time {
            return;
        }
        crate::prim::spin_hint();
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn it_takes_as_long_as_it_is_told() {
        let start = Instant::now();
        spin_for(300_000);
        assert!(start.elapsed() >= Duration::from_micros(300));
    }

    #[test]
    fn it_ends_though_the_clock_stands_still() {
        let still = Instant::now();
        spin_by(|| still, 800);
    }
}
