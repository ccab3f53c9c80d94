//! The mutex. What it guards is a cell that checks that one thread at a time is there, and has seen what
//! the last one did. A waiter that nobody wakes is a loop without end, which loom reports.
//!
//! Broken on purpose, and noticed: see the end of the file.

use crate::sync::Mutex;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use std::time::Duration;

type Counter = Arc<Mutex<UnsafeCell<u32>>>;

fn counter() -> Counter {
    Arc::new(Mutex::new(UnsafeCell::new(0)))
}

fn count(cell: &UnsafeCell<u32>) {
    // SAFETY: the cell itself checks.
    cell.with_mut(|count| unsafe { *count += 1 });
}

fn counted(counter: &Counter) -> u32 {
    // SAFETY: the cell itself checks.
    counter.lock().with(|count| unsafe { *count })
}

/// Each of `turns` is a thread that locks so many times.
fn race(turns: &'static [u32]) {
    loom::model(move || {
        let counter = counter();
        let work = |turns: u32, counter: &Counter| (0..turns).for_each(|_| count(&counter.lock()));
        let threads: Vec<_> = turns[1..]
            .iter()
            .map(|turns| {
                let counter = counter.clone();
                thread::spawn(move || work(*turns, &counter))
            })
            .collect();
        work(turns[0], &counter);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(counted(&counter), turns.iter().sum());
    });
}

#[test]
fn two_lock_twice() {
    race(&[2, 2]);
}

#[test]
fn three_lock() {
    race(&[1, 1, 1]);
}

/// One is overtaken, woken in vain, and then handed the lock.
#[test]
fn one_is_overtaken() {
    race(&[1, 3]);
}

#[test]
fn one_gives_up() {
    loom::model(|| {
        let counter = counter();
        let patient = {
            let counter = counter.clone();
            thread::spawn(move || count(&counter.lock()))
        };
        let hasty = {
            let counter = counter.clone();
            thread::spawn(move || match counter.lock_timeout(Duration::ZERO) {
                Some(cell) => count(&cell),
                None => {}
            })
        };
        count(&counter.lock());
        patient.join().unwrap();
        hasty.join().unwrap();
        assert!((2..=3).contains(&counted(&counter)));
    });
}

#[test]
fn one_only_tries() {
    loom::model(|| {
        let counter = counter();
        let waits = {
            let counter = counter.clone();
            thread::spawn(move || count(&counter.lock()))
        };
        let tried = counter.try_lock().map(|cell| count(&cell)).is_some();
        count(&counter.lock());
        waits.join().unwrap();
        assert_eq!(counted(&counter), 2 + u32::from(tried));
    });
}
