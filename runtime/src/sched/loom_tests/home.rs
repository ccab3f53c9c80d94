//! A carrier is sent to its M, which may be about to sleep: `Idle` as it is; lines, Ps and Ms are stand-ins.
//!
//! Broken on purpose, and noticed: an M that does not look at its line when it is among the idle; who sends and looks whether the M
//! sleeps before the carrier is in the line; who leaves it in the line of an M that sleeps while no P is idle.

use crate::parker::{ParkWord, Woke};
use crate::prim::Mutex;
use crate::sched::idle::{Idle, Rejoin};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// There is one M.
const M: u32 = 0;

struct World {
    idle: Idle,
    line: Mutex<u32>,
    /// In the global queue, from which somebody who holds a P takes it.
    global: AtomicU32,
    taken: AtomicU32,
    word: ParkWord,
    given: AtomicU32,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(1),
            line: Mutex::new(0),
            global: AtomicU32::new(0),
            taken: AtomicU32::new(0),
            word: ParkWord::new(),
            given: AtomicU32::new(0),
        })
    }

    fn take(&self) -> bool {
        let mut line = self.line.lock();
        let found = *line != 0;
        *line = 0;
        found
    }

    /// As `Sched::send`.
    fn send(&self) {
        *self.line.lock() += 1;
        match self.idle.rejoin(M, false) {
            Rejoin::With(p) => {
                self.given.store(p + 1, Ordering::Release);
                if self.word.notify() == Woke::Goroutine {
                    self.run();
                }
            }
            Rejoin::Given => {}
            Rejoin::NoP => self.clear(),
        }
    }

    /// As `Sched::clear_line`.
    fn clear(&self) {
        if self.take() {
            self.global.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The M holds a P, and looks for work. It keeps the P when it has found some.
    fn run(&self) {
        while !self.take() {
            self.idle.retire(0, M, false);
            if !self.look_again() && !self.sleep() {
                return;
            }
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// The M is among the idle. `true`: it has a P.
    fn look_again(&self) -> bool {
        if *self.line.lock() == 0 {
            return false;
        }
        match self.idle.rejoin(M, false) {
            Rejoin::With(_) => return true,
            Rejoin::Given => {}
            Rejoin::NoP => self.clear(),
        }
        false
    }

    /// `true`: it was given a P.
    fn sleep(&self) -> bool {
        loop {
            if self.given.load(Ordering::Relaxed) != 0 {
                self.given.swap(0, Ordering::Acquire);
                return true;
            }
            if self.word.suspend() {
                return false;
            }
            self.word.take();
        }
    }
}

/// The M gives up its P and falls asleep.
#[test]
fn one_is_sent_to_an_m_that_retires() {
    loom::model(|| {
        let world = World::new();
        assert_eq!(world.idle.take_p(), Some(0));
        let other = Arc::clone(&world);
        let sender = thread::spawn(move || other.send());
        world.run();
        sender.join().unwrap();
        assert_eq!(world.taken.load(Ordering::Relaxed), 1, "it stays in the line");
    });
}

/// It has none, and the one there is is held.
#[test]
fn one_is_sent_to_an_m_without_a_p() {
    loom::model(|| {
        let world = World::new();
        assert_eq!(world.idle.take_p(), Some(0));
        let other = Arc::clone(&world);
        let sender = thread::spawn(move || other.send());
        world.idle.retire_m(M);
        if !world.look_again() {
            assert!(!world.sleep());
        }
        sender.join().unwrap();
        assert_eq!(*world.line.lock(), 0, "it stays in the line");
        assert_eq!(world.global.load(Ordering::Relaxed), 1);
    });
}
