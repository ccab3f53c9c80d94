//! Everything that waits, so that it is in the program that is looked at.

use rt::chan::Chan;
use rt::sync::{ErrGroup, Map, Pool, SingleFlight, WaitGroup};
use std::cell::RefCell;
use std::time::Duration;

thread_local! {
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The mistake, on purpose: a thread-local in a loop that switches.
#[inline(never)]
fn the_mistake() {
    for _ in 0..3 {
        NAMES.with_borrow_mut(|names| names.clear());
        rt::yield_now();
        NAMES.with_borrow_mut(|names| names.push(String::new()));
    }
}

pub(crate) fn everything() {
    let ch = Chan::new(0);
    let tx = ch.clone();
    let sender = rt::spawn(move || (0..3).for_each(|i| tx.send(i)));
    let wg = WaitGroup::new();
    wg.go(rt::yield_now);
    rt::scope(|s| s.spawn(|| wg.wait()).join().unwrap());
    assert_eq!(ch.iter().take(3).sum::<i32>(), 3);
    assert!(ch.recv_timeout(Duration::from_millis(1)).is_err());
    assert!(ch.send_timeout(1, Duration::from_millis(1)).is_err());
    sender.join().unwrap();
    rt::time::sleep(Duration::from_millis(1));
    share();
    let pinned = rt::spawn(|| {
        let _pin = rt::task::pin_thread();
        rt::yield_now();
    });
    assert!(pinned.join_timeout(Duration::from_secs(60)).is_ok());
    rt::spawn(the_mistake).join().unwrap();
}

/// What never switches by itself, between switches.
fn share() {
    let (map, pool) = (Map::new(), Pool::<Vec<u32>>::default());
    let (flights, group) = (SingleFlight::new(), ErrGroup::<u32>::new());
    group.set_limit(2);
    for n in 0..5 {
        let mut list = pool.pull();
        list.push(n);
        let (of_member, len) = (group.clone(), list.len());
        assert_eq!(
            flights.run(n, || {
                rt::yield_now();
                len
            }),
            (len, false)
        );
        map.store(n, len);
        group.go(move || {
            rt::yield_now();
            let _ = of_member.try_go(|| Err(1));
            Ok(())
        });
        assert_eq!(map.load(&n), Some(len));
    }
    let _ = group.wait();
}
