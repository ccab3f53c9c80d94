//! Parts of one buffer on several threads under loom. An element is a cell that checks that its accesses are ordered: it is
//! written before it is pushed, read through every part that has it, and written once more when it is dropped.
//!
//! Broken on purpose, and noticed: `is_alone` or a drop Relaxed, or without its fence; a place that is taken by a load and a store; who
//! takes itself for alone.

use super::ForkSlice;
use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many there are, unknown to loom.
type Alive = Arc<AtomicUsize>;

struct Probe {
    value: UnsafeCell<u32>,
    alive: Alive,
}

// SAFETY: the cell itself checks.
unsafe impl Sync for Probe {}

impl Probe {
    fn new(value: u32, alive: &Alive) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        let probe = Probe { value: UnsafeCell::new(0), alive: alive.clone() };
        // SAFETY: the cell itself checks.
        probe.value.with_mut(|v| unsafe { *v = value });
        probe
    }

    fn get(&self) -> u32 {
        // SAFETY: the cell itself checks.
        self.value.with(|v| unsafe { *v })
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        Probe::new(self.get(), &self.alive)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: the cell itself checks.
        self.value.with_mut(|v| unsafe { *v = u32::MAX });
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

fn fork_with_room(alive: &Alive) -> ForkSlice<Probe> {
    let mut fork = ForkSlice::with_capacity(3);
    fork.push(Probe::new(1, alive));
    fork
}

#[track_caller]
fn holds(fork: &ForkSlice<Probe>, expected: &[u32]) {
    assert!(fork.iter().map(Probe::get).eq(expected.iter().copied()));
}

/// Two want the same place: one has it, the other copies; each sees its own.
#[test]
fn loom_two_push_at_once() {
    loom::model(|| {
        let alive = Alive::default();
        let mut one = fork_with_room(&alive);
        let mut two = one.clone();
        let other = alive.clone();
        let thread = thread::spawn(move || {
            two.push(Probe::new(2, &other));
            holds(&two, &[1, 2]);
            two
        });
        one.push(Probe::new(3, &alive));
        holds(&one, &[1, 3]);
        let two = thread.join().unwrap();
        holds(&one, &[1, 3]);
        holds(&two, &[1, 2]);
        drop((one, two));
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// One pushes and lets go, while another finds itself alone or not, drops what is behind, and pushes there.
#[test]
fn loom_a_push_and_a_drop_against_one_who_may_be_alone() {
    loom::model(|| {
        let alive = Alive::default();
        let mut one = fork_with_room(&alive);
        let mut two = one.clone();
        let other = alive.clone();
        let thread = thread::spawn(move || {
            two.push(Probe::new(2, &other));
            holds(&two, &[1, 2]);
        });
        one.push(Probe::new(3, &alive));
        holds(&one, &[1, 3]);
        one.push(Probe::new(4, &alive));
        holds(&one, &[1, 3, 4]);
        thread.join().unwrap();
        drop(one);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// All let go at once, having pushed: the last drops what all have written.
#[test]
fn loom_the_last_drops_all() {
    loom::model(|| {
        let alive = Alive::default();
        let one = fork_with_room(&alive);
        let threads = [2, 3].map(|n| {
            let (mut fork, alive) = (one.clone(), alive.clone());
            thread::spawn(move || {
                fork.push(Probe::new(n, &alive));
                drop(fork);
            })
        });
        holds(&one, &[1]);
        drop(one);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// The elements are moved out by who is alone, while another reads and lets go.
#[test]
fn loom_moved_out_or_cloned() {
    loom::model(|| {
        let alive = Alive::default();
        let one = fork_with_room(&alive);
        let two = one.clone();
        let thread = thread::spawn(move || holds(&two, &[1]));
        let vec = one.into_vec();
        assert_eq!(vec[0].get(), 1);
        drop(vec);
        thread.join().unwrap();
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}
