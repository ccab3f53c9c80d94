//! No notification is lost: not by one that comes while the waiter goes to sleep, nor by one whose time is up.

use super::{Guarded, race};
use crate::sync::{Condvar, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Pot {
    full: Mutex<u32>,
    changed: Condvar,
    eaten: Guarded,
}

fn takes(pot: &Pot) {
    let mut full = pot.changed.wait_while(pot.full.lock(), |full| *full == 0);
    *full -= 1;
    pot.eaten.add(1);
}

/// Gives up, unless it was notified: then it takes, as whoever is notified has to.
fn takes_or_not(pot: &Pot) {
    let full = pot.full.lock();
    if *full != 0 {
        return;
    }
    let (mut full, timed_out) = pot.changed.wait_timeout(full, Duration::ZERO);
    if !timed_out {
        // Notified, and perhaps overtaken.
        if *full == 0 {
            full = pot.changed.wait_while(full, |full| *full == 0);
        }
        *full -= 1;
        pot.eaten.add(1);
    }
}

fn puts_one(pot: &Pot) {
    *pot.full.lock() += 1;
    pot.changed.notify_one();
}

#[test]
fn one_waits() {
    race(Pot::default, [takes, puts_one], |pot| assert_eq!(pot.eaten.get(), 1));
}

#[test]
fn two_wait() {
    fn puts_two(pot: &Pot) {
        puts_one(pot);
        puts_one(pot);
    }
    race(Pot::default, [takes, takes, puts_two], |pot| assert_eq!(pot.eaten.get(), 2));
}

#[test]
fn all_are_notified() {
    fn puts_two(pot: &Pot) {
        *pot.full.lock() += 2;
        pot.changed.notify_all();
    }
    race(Pot::default, [takes, takes, puts_two], |pot| assert_eq!(pot.eaten.get(), 2));
}

/// One notification, one that waits and one that gives up: who is notified takes, and if that was
/// the one that gave up, the other is told by it.
#[test]
fn the_time_is_up_when_it_comes() {
    fn gives_up(pot: &Pot) {
        let (_full, timed_out) = pot.changed.wait_timeout(pot.full.lock(), Duration::ZERO);
        if !timed_out {
            pot.changed.notify_one();
        }
    }
    race(Pot::default, [takes, gives_up, puts_one], |pot| assert_eq!(pot.eaten.get(), 1));
}

#[test]
fn who_is_notified_takes() {
    race(Pot::default, [takes_or_not, puts_one], |pot| {
        let left = *pot.full.lock();
        assert_eq!(pot.eaten.get() + left, 1);
    });
}
