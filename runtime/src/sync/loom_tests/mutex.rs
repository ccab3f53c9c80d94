//! Barging, the hand-over, and waits that end.

use super::{Guarded, race};
use crate::sync::Mutex;
use std::time::Duration;

type Counter = Mutex<Guarded>;

fn counter() -> Counter {
    Mutex::new(Guarded::default())
}

/// One that is handed over.
fn handed() -> Counter {
    Mutex::impatient(Guarded::default())
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

fn tries(counter: &Counter) {
    if let Some(cell) = counter.try_lock() {
        cell.add(1);
    }
}

/// Afterwards it is free, nobody is in its queue, and it works.
fn counted(counter: &Counter, between: std::ops::RangeInclusive<u32>) {
    assert!(counter.is_idle(), "somebody has it for ever: {counter:?}");
    assert!(between.contains(&counter.lock().get()));
}

#[test]
fn two_lock_twice() {
    race(counter, [twice, twice], |counter| counted(counter, 4..=4));
    race(handed, [twice, twice], |counter| counted(counter, 4..=4));
}

/// One is overtaken, woken in vain, and then handed the lock.
#[test]
fn one_is_overtaken() {
    fn often(counter: &Counter) {
        twice(counter);
        twice(counter);
    }
    race(counter, [once, often], |counter| counted(counter, 5..=5));
}

#[test]
fn three_lock() {
    race(counter, [once, once, twice], |counter| counted(counter, 4..=4));
}

#[test]
fn three_are_handed_it() {
    race(handed, [once, once, once], |counter| counted(counter, 3..=3));
}

/// It gives up where it stands: queued, woken, or handed the lock.
#[test]
fn one_gives_up() {
    race(counter, [once, hasty, twice], |counter| counted(counter, 3..=4));
    race(handed, [hasty, twice], |counter| counted(counter, 2..=3));
}

#[test]
fn one_gives_up_as_it_is_handed_over() {
    race(handed, [once, hasty, once], |counter| counted(counter, 2..=3));
}

#[test]
fn two_give_up() {
    race(counter, [hasty, hasty, once], |counter| counted(counter, 1..=3));
    race(handed, [hasty, hasty, once], |counter| counted(counter, 1..=3));
}

#[test]
fn one_only_tries() {
    race(counter, [once, tries, once], |counter| counted(counter, 2..=3));
    race(handed, [once, tries, once], |counter| counted(counter, 2..=3));
}
