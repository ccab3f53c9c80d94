//! Barging, the hand-over, and waits that end.

use super::{Guarded, race};
use crate::sync::Mutex;
use std::time::Duration;

type Counter = Mutex<Guarded>;

fn counter() -> Counter {
    Mutex::new(Guarded::default())
}

fn once(counter: &Counter) {
    counter.lock().add(1);
}

fn twice(counter: &Counter) {
    once(counter);
    once(counter);
}

fn hasty(counter: &Counter) {
    if let Some(cell) = counter.lock_timeout(Duration::ZERO) {
        cell.add(1);
    }
}

fn free(counter: &Counter) -> u32 {
    counter.try_lock().expect("somebody has it for ever").get()
}

#[test]
fn two_lock_twice() {
    race(counter, [twice, twice], |counter| assert_eq!(free(counter), 4));
}

/// One is overtaken, woken in vain, and then handed the lock.
#[test]
fn one_is_overtaken() {
    fn often(counter: &Counter) {
        twice(counter);
        twice(counter);
    }
    race(counter, [once, often], |counter| assert_eq!(free(counter), 5));
}

#[test]
fn three_lock() {
    race(counter, [once, once, twice], |counter| assert_eq!(free(counter), 4));
}

/// It gives up where it stands: queued, woken, or handed the lock.
#[test]
fn one_gives_up() {
    race(counter, [once, hasty, twice], |counter| {
        assert!((3..=4).contains(&free(counter)));
    });
}

#[test]
fn two_give_up() {
    race(counter, [hasty, hasty, twice], |counter| {
        assert!((2..=4).contains(&free(counter)));
    });
}

#[test]
fn one_only_tries() {
    fn tries(counter: &Counter) {
        if let Some(cell) = counter.try_lock() {
            cell.add(1);
        }
    }
    race(counter, [once, tries, twice], |counter| {
        assert!((3..=4).contains(&free(counter)));
    });
}
