//! Permits are handed on, big requests served, places given up.

use super::{Guarded, race};
use crate::sync::Semaphore;
use std::time::Duration;

struct Room {
    semaphore: Semaphore,
    guarded: Guarded,
}

fn room(permits: usize) -> Room {
    Room { semaphore: Semaphore::new(permits), guarded: Guarded::default() }
}

/// Takes all there is of one or two.
fn takes<const K: usize>(room: &Room) {
    let permit = room.semaphore.acquire(K);
    room.guarded.add(1);
    drop(permit);
}

fn all_is_back<const K: usize>(room: &Room) {
    assert_eq!(room.semaphore.available_permits(), K);
    assert!(room.semaphore.try_acquire(K).is_some(), "somebody waits who is not there");
}

#[test]
fn one_at_a_time() {
    fn twice(room: &Room) {
        takes::<1>(room);
        takes::<1>(room);
    }
    race(|| room(1), [takes::<1>, takes::<1>, twice], all_is_back::<1>);
}

#[test]
fn a_big_one_and_small_ones() {
    fn small(room: &Room) {
        drop(room.semaphore.acquire(1));
        drop(room.semaphore.acquire(1));
    }
    race(|| room(2), [takes::<2>, small, small], all_is_back::<2>);
}

/// It stands in front of one that could go, or is served when it gives up.
#[test]
fn a_big_one_gives_up() {
    fn gives_up(room: &Room) {
        if let Some(permit) = room.semaphore.acquire_timeout(2, Duration::ZERO) {
            room.guarded.add(1);
            drop(permit);
        }
    }
    fn small(room: &Room) {
        drop(room.semaphore.acquire(1));
    }
    race(|| room(2), [gives_up, small, small], all_is_back::<2>);
}

/// It stands in front of one that could go, and nobody else ever gives anything back.
#[test]
fn who_gives_up_serves_the_next() {
    fn half_taken() -> Room {
        let room = room(2);
        room.semaphore.acquire(1).forget();
        room
    }
    fn big(room: &Room) {
        assert!(room.semaphore.acquire_timeout(2, Duration::ZERO).is_none());
    }
    fn small(room: &Room) {
        drop(room.semaphore.acquire(1));
    }
    race(half_taken, [small, big], |room| assert_eq!(room.semaphore.available_permits(), 1));
    race(half_taken, [small, small, big], |room| {
        assert_eq!(room.semaphore.available_permits(), 1);
    });
}

/// It waits, and one that comes later could go.
#[test]
fn nobody_overtakes() {
    fn half_taken() -> Room {
        let room = room(2);
        room.semaphore.acquire(1).forget();
        room
    }
    fn later(room: &Room) {
        let another_waits = room.semaphore.try_acquire(1).is_none();
        if another_waits {
            assert!(room.semaphore.acquire_timeout(1, Duration::ZERO).is_none());
        }
        room.semaphore.release(1);
    }
    race(half_taken, [takes::<2>, later], all_is_back::<2>);
}

/// Who takes all of them writes, who takes one of them reads: served, or of what was left.
#[test]
fn some_are_served_and_some_are_left() {
    fn reads(room: &Room) {
        let _permit = room.semaphore.acquire(1);
        room.guarded.get();
    }
    fn writes(room: &Room) {
        let _permit = room.semaphore.acquire(2);
        room.guarded.add(1);
    }
    race(|| room(2), [reads, reads, writes], all_is_back::<2>);
}

#[test]
fn by_hand() {
    fn takes(room: &Room) {
        room.semaphore.acquire(1).forget();
        room.guarded.add(1);
        room.semaphore.release(1);
        room.semaphore.release(0);
    }
    race(|| room(1), [takes, takes, takes], all_is_back::<1>);
}
