//! Who writes is alone, who reads sees what was written, and nobody is left behind.

use super::{Guarded, race};
use crate::sync::{RwLock, RwLockWriteGuard};
use std::time::Duration;

type Value = RwLock<Guarded>;

fn value() -> Value {
    RwLock::new(Guarded::default())
}

fn reads(value: &Value) {
    value.read().get();
}

fn writes(value: &Value) {
    value.write().add(1);
}

fn writes_twice(value: &Value) {
    writes(value);
    writes(value);
}

fn reads_or_not(value: &Value) {
    if let Some(cell) = value.read_timeout(Duration::ZERO) {
        cell.get();
    }
}

fn writes_or_not(value: &Value) {
    if let Some(cell) = value.write_timeout(Duration::ZERO) {
        cell.add(1);
    }
}

fn written(value: &Value) -> u32 {
    assert!(value.try_read().is_some(), "it is held for ever, or wanted by nobody");
    value.try_write().expect("it is held for ever").get()
}

#[test]
fn a_reader_and_a_writer() {
    fn reads_twice(value: &Value) {
        reads(value);
        reads(value);
    }
    race(value, [reads_twice, writes_twice], |value| assert_eq!(written(value), 2));
}

#[test]
fn two_writers_and_a_reader() {
    race(value, [writes, reads, writes], |value| assert_eq!(written(value), 2));
}

#[test]
fn two_readers_and_a_writer() {
    race(value, [reads, reads, writes], |value| assert_eq!(written(value), 1));
}

#[test]
fn a_writer_gives_up() {
    race(value, [reads, writes_or_not, reads], |value| assert!(written(value) <= 1));
    race(value, [reads, writes_or_not, writes], |value| assert!(written(value) >= 1));
}

/// It keeps readers away, and nobody ever unlocks who could let them in.
#[test]
fn a_writer_that_gives_up_lets_readers_in() {
    fn is_read() -> Value {
        let value = value();
        std::mem::forget(value.read());
        value
    }
    fn gives_up(value: &Value) {
        assert!(value.write_timeout(Duration::ZERO).is_none());
    }
    race(is_read, [reads, reads, gives_up], |value| {
        assert!(value.try_read().is_some() && value.try_write().is_none());
    });
}

#[test]
fn a_reader_gives_up() {
    race(value, [reads_or_not, writes, reads], |value| assert_eq!(written(value), 1));
}

#[test]
fn a_writer_reads_on() {
    fn downgrades(value: &Value) {
        let guard = value.write();
        guard.add(1);
        let guard = RwLockWriteGuard::downgrade(guard);
        assert_eq!(guard.get() % 2, 1);
    }
    fn adds_two(value: &Value) {
        value.write().add(2);
    }
    race(value, [downgrades, reads, adds_two], |value| assert_eq!(written(value), 3));
}
