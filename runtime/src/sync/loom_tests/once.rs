//! It happens once; and again, if it ended by unwinding.

use super::{Guarded, race};
use crate::sync::{Once, OnceLock};
use loom::sync::atomic::{AtomicU32, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

struct Room {
    once: Once,
    calls: AtomicU32,
    guarded: Guarded,
}

fn room() -> Room {
    Room { once: Once::new(), calls: AtomicU32::new(0), guarded: Guarded::default() }
}

fn calls(room: &Room) {
    room.once.call_once(|| room.guarded.add(1));
    assert!(room.once.is_completed());
    assert_eq!(room.guarded.get(), 1);
}

/// The first call unwinds.
fn fails_first(room: &Room) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        room.once.call_once(|| {
            if room.calls.fetch_add(1, Ordering::Relaxed) == 0 {
                resume_unwind(Box::new(()));
            }
            room.guarded.add(1);
        });
    }));
}

#[test]
fn three_call() {
    race(room, [calls, calls, calls], |_| ());
}

#[test]
fn one_waits_for_it() {
    fn waits(room: &Room) {
        room.once.wait();
        assert_eq!(room.guarded.get(), 1);
    }
    race(room, [waits, calls, waits], |_| ());
}

#[test]
fn the_first_call_unwinds() {
    race(room, [fails_first, calls, fails_first], |room| assert_eq!(room.guarded.get(), 1));
}

#[test]
fn a_value_is_set_once() {
    fn sets(once: &OnceLock<Box<u32>>) {
        let _ = once.set(Box::new(1));
        assert!((1..=3).contains(&**once.get().unwrap()));
    }
    fn makes(once: &OnceLock<Box<u32>>) {
        let value = **once.get_or_init(|| Box::new(2));
        assert_eq!(**once.get_or_init(|| Box::new(3)), value);
    }
    race(OnceLock::new, [sets, makes, sets], |once| assert!(once.get().is_some()));
}
