//! Settings that make no sense, and what is said of them.

use crate::common::{runtime, test};
use rt::pool::{BuildError, Pool, Queue};
use std::time::Duration;

#[test]
fn settings_that_make_no_sense_are_refused() {
    let _test = test();
    runtime(1).run(|| {
        let error = |builder: rt::pool::Builder| {
            let error = builder.build().unwrap_err();
            (error, error.to_string())
        };
        let one = || Pool::builder().capacity(1);
        let (zero, text) = error(Pool::builder());
        assert_eq!(
            (zero, text.as_str()),
            (BuildError::ZeroCapacity, "a pool needs workers: set a capacity of 1 or more")
        );
        assert_eq!(Pool::new(0).unwrap_err(), BuildError::ZeroCapacity);
        for absurd in [usize::MAX, isize::MAX as usize, rt::pool::Builder::MAX_CAPACITY + 1] {
            let error = Pool::new(absurd).unwrap_err();
            assert!(matches!(error, BuildError::TooLarge { what: "capacity", .. }), "{error}");
        }
        Pool::new(rt::pool::Builder::MAX_CAPACITY).unwrap();
        assert!(matches!(error(one().queue(Queue::Bounded(0))).0, BuildError::Zero { .. }));
        assert!(matches!(
            error(one().queue(Queue::Bounded(usize::MAX))).0,
            BuildError::TooLarge { .. }
        ));
        let too_long = one().queue(Queue::Bounded(isize::MAX as usize)).prealloc(true);
        assert!(matches!(error(too_long).0, BuildError::TooLarge { .. }));
        assert!(matches!(error(one().max_blocking(0)).0, BuildError::Zero { .. }));
        assert!(matches!(error(one().expiry(Duration::ZERO)).0, BuildError::Zero { .. }));
        for builder in [
            one().nonblocking(true).max_blocking(1),
            one().expiry(Duration::from_secs(1)).no_purge(),
            one().queue(Queue::Unbounded).max_blocking(1),
        ] {
            let (error, text) = error(builder);
            assert!(matches!(error, BuildError::Conflict { .. }), "{text}");
            assert!(text.ends_with("contradict each other: choose one"), "{text}");
        }
        one().expiry(Duration::MAX).build().unwrap().submit(|| {}).unwrap();
        assert!(matches!(
            rt::pool::MultiPool::new(0, 1, rt::pool::RoundRobin),
            Err(BuildError::Zero { .. })
        ));
        for (n, capacity, wrong) in
            [(usize::MAX, 1, "number of pools"), (2, usize::MAX, "capacity")]
        {
            let error = rt::pool::MultiPool::new(n, capacity, rt::pool::RoundRobin).unwrap_err();
            assert!(matches!(error, BuildError::TooLarge { what, .. } if what == wrong), "{error}");
        }
        let none = rt::pool::MultiPool::new(2, 0, rt::pool::RoundRobin);
        assert_eq!(none.unwrap_err(), BuildError::ZeroCapacity);
    });
    let error = Pool::new(1).unwrap_err();
    assert_eq!(error, BuildError::NoRuntime);
    assert!(error.to_string().contains("Handle::enter"), "{error}");
}
