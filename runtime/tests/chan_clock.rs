//! Channels that time fills: `after`, `tick`, and `never`, which nothing fills.

mod common;

use common::{Party, everywhere};
use rt::chan::{self, RecvError, RecvTimeoutError, Select, TryRecvError};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn after_comes_once_and_not_before() {
    let _t = common::test();
    everywhere(|| {
        let start = Instant::now();
        let rx = chan::after(SHORT);
        let due = rx.recv().unwrap();
        let end = Instant::now();
        assert!(start + SHORT <= due && due <= end);
        // Not closed, and nothing more.
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!((rx.len(), rx.is_empty(), rx.is_closed()), (0, true, false));
        // At once.
        assert!(chan::after(Duration::ZERO).try_recv().unwrap() <= Instant::now());
        // Two handles, one value.
        let (rx, rx2) = (chan::after(SHORT), chan::after(LONG));
        let other = rx.clone();
        assert!(rx.same_channel(&other) && !rx.same_channel(&rx2));
        assert!(rx.recv_timeout(LONG).is_ok() && other.try_recv().is_err());
    });
}

#[test]
fn at_comes_at_its_time() {
    let _t = common::test();
    everywhere(|| {
        let when = Instant::now() + SHORT;
        let rx = chan::at(when);
        assert_eq!(rx.recv(), Ok(when));
        assert!(Instant::now() >= when);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        // It was in the past already.
        assert_eq!(chan::at(when).try_recv(), Ok(when));
        assert_eq!(chan::at(when + LONG).try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn after_is_there_when_it_is_due() {
    let _t = common::test();
    everywhere(|| {
        let rx = chan::after(LONG);
        assert_eq!(
            (rx.len(), rx.is_empty(), rx.is_full(), rx.capacity()),
            (0, true, false, Some(1))
        );
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.try_iter().next(), None);
        // Who waits for less gets nothing, and takes nothing from the others.
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        let start = Instant::now();
        let rx = chan::after(2 * SHORT);
        let early = rx.recv_deadline(start + SHORT);
        // Late enough, both were over.
        assert!(early.is_err() || start.elapsed() >= 2 * SHORT);
        if early.is_err() {
            rt::time::sleep(3 * SHORT);
            assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (1, false, true));
            // It says when it was due, not when it was taken.
            let due = rx.recv_timeout(Duration::ZERO).unwrap();
            assert!(start + 2 * SHORT <= due && due <= Instant::now());
        }
    });
}

/// A time that no clock can say never comes.
#[test]
fn too_long_is_never() {
    let _t = common::test();
    everywhere(|| {
        for rx in [chan::after(Duration::MAX), chan::tick(Duration::MAX), chan::never()] {
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            assert_eq!(rx.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
            assert_eq!((rx.len(), rx.is_empty(), rx.is_closed()), (0, true, false));
            let other = rx.clone();
            let parked = rt::spawn(move || other.recv());
            assert!(parked.join_timeout(SHORT).unwrap_err().is_timeout());
            parked.abort();
            assert!(parked.join().unwrap_err().is_cancelled());
        }
        let never = chan::never::<u8>();
        assert_eq!((never.capacity(), never.is_full()), (Some(0), true));
        drop(never.clone());
        assert_eq!(never.try_recv(), Err(TryRecvError::Empty));
    });
}

/// Each tick goes to one of those who receive, and all lie on the one grid.
#[test]
fn ticks_lie_on_a_grid_and_are_shared() {
    let _t = common::test();
    const PERIOD: Duration = Duration::from_micros(200);
    everywhere(|| {
        let start = Instant::now();
        let rx = chan::tick(PERIOD);
        let parties: Vec<_> = (0..4)
            .map(|i| {
                let rx = rx.clone();
                Party::new(i == 0, move || {
                    let mut got = Vec::new();
                    for _ in 0..5 {
                        got.push(rx.recv().unwrap());
                        assert!(*got.last().unwrap() <= Instant::now(), "early");
                    }
                    got
                })
            })
            .collect();
        let all: Vec<_> = parties.into_iter().map(Party::join).collect();
        assert!(all.iter().all(|got| got.is_sorted()));
        let mut all = all.concat();
        all.sort_unstable();
        assert!(all[0] >= start + PERIOD);
        for pair in all.windows(2) {
            let apart = (pair[1] - pair[0]).as_nanos();
            assert!(apart > 0 && apart.is_multiple_of(PERIOD.as_nanos()), "{apart}");
        }
    });
}

#[test]
fn who_is_slow_loses_ticks() {
    let _t = common::test();
    everywhere(|| {
        let rx = chan::tick(SHORT);
        let first = rx.recv().unwrap();
        rt::time::sleep(5 * SHORT);
        assert_eq!((rx.len(), rx.is_full(), rx.capacity()), (1, true, Some(1)));
        // The oldest of those that were missed, and then none of the past.
        let before = Instant::now();
        let (second, third) = (rx.recv().unwrap(), rx.recv().unwrap());
        assert!(first < second && second < before && before < third);
        for tick in [second, third] {
            assert!((tick - first).as_nanos().is_multiple_of(SHORT.as_nanos()));
        }
        // There always is one.
        let always = chan::tick(Duration::ZERO);
        assert_eq!(always.try_iter().take(1000).count(), 1000);
    });
}

/// Close ends a clock: what is due is there, and nothing comes after it.
#[test]
fn a_clock_that_is_closed_stands() {
    let _t = common::test();
    everywhere(|| {
        for rx in [chan::after(SHORT), chan::tick(SHORT), chan::after(LONG), chan::never()] {
            let start = Instant::now();
            assert!(rx.close() && !rx.close() && rx.is_closed());
            assert!(rx.try_iter().count() <= 1);
            assert_eq!(rx.recv(), Err(RecvError));
            rt::time::sleep_until(start + 3 * SHORT);
            assert_eq!(rx.len(), 0);
            assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
        }
        // What is due already.
        for rx in [chan::after(Duration::ZERO), chan::tick(Duration::ZERO), chan::tick(SHORT)] {
            rt::time::sleep(2 * SHORT);
            assert!(rx.close());
            assert_eq!(rx.len(), 1);
            assert_eq!(rx.iter().take(10).count(), 1);
            assert_eq!(rx.recv(), Err(RecvError));
        }
    });
}

#[test]
fn who_waits_for_a_clock_is_told_that_it_is_closed() {
    let _t = common::test();
    everywhere(|| {
        for rx in [chan::after(LONG), chan::tick(LONG), chan::after(Duration::MAX)] {
            let parties: Vec<_> = (0..6)
                .map(|i| {
                    let rx = rx.clone();
                    Party::new(i % 2 == 0, move || match i / 2 {
                        0 => assert_eq!(rx.recv(), Err(RecvError)),
                        1 => assert!(rx.recv_timeout(LONG).unwrap_err().is_disconnected()),
                        _ => rt::select! { recv(rx) -> v => assert_eq!(v, Err(RecvError)) },
                    })
                })
                .collect();
            rt::time::sleep(SHORT);
            assert!(rx.close());
            parties.into_iter().for_each(Party::join);
        }
    });
}

#[test]
fn a_select_waits_for_clocks() {
    let _t = common::test();
    everywhere(|| {
        let (start, never) = (Instant::now(), chan::never::<u8>());
        let (soon, late) = (chan::after(SHORT), chan::after(LONG));
        rt::select! {
            recv(late) -> _ => panic!("late came first"),
            recv(never) -> _ => panic!("never came"),
            recv(soon) -> at => assert!(at.unwrap() >= start + SHORT),
        }
        assert!(start.elapsed() >= SHORT);
        let mut select = Select::new();
        select.recv(&never);
        select.recv(&late);
        assert!(select.try_select().is_err() && select.try_ready().is_err());
        let due = chan::after(SHORT);
        let index = select.recv(&due);
        let chosen = select.select();
        assert_eq!(chosen.index(), index);
        assert!(chosen.recv(&due).unwrap() <= Instant::now());
    });
}
