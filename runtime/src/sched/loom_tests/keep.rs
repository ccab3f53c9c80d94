//! Deadlines and those who promise to wake for them: `Idle` as it is; the heap is one word, and Ms stand-ins.
//!
//! An M that sleeps is a parked word; who gives it a P runs it on the spot: it takes out what is in the heap and
//! keeps its P, so the monitor is awake. When all have come to rest with every P idle, somebody must have promised
//! to wake for what is in the heap.
//!
//! Broken on purpose, and noticed: `keep` that does not look again, or without its fence; no fence in `cover`; who is
//! relieved and does not ask whether a P is idle; promises that stay when who made them is given a P, or leaves; who leaves and does not
//! cover; sockets that nobody watches.

use crate::parker::{ParkWord, Woke};
use crate::sched::idle::{Idle, Rejoin};
use crate::sched::timers::NEVER;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use loom::thread;

struct World {
    idle: Idle,
    first: AtomicU64,
    sockets: AtomicBool,
    ms: Vec<Machine>,
}

struct Machine {
    word: ParkWord,
    given: AtomicU32,
    /// What it has promised, when it went to sleep.
    until: AtomicU64,
    polls: AtomicBool,
}

impl World {
    /// `ms` Ms that are in the list of the idle ones.
    fn new(procs: u32, ms: u32, first: u64) -> Self {
        let machine = |_| Machine {
            word: ParkWord::new(),
            given: AtomicU32::new(0),
            until: AtomicU64::new(NEVER),
            polls: AtomicBool::new(false),
        };
        let world = Self {
            idle: Idle::new(procs),
            first: AtomicU64::new(first),
            sockets: AtomicBool::new(false),
            ms: (0..ms).map(machine).collect(),
        };
        (0..ms).for_each(|m| world.idle.retire_m(m));
        world
    }

    fn insert(&self, at: u64) {
        self.first.store(at, Ordering::Relaxed);
    }

    fn is_deaf(&self) -> bool {
        self.sockets.load(Ordering::Relaxed) && !self.idle.is_polled()
    }

    /// As `Sched::cover`.
    fn cover(&self) {
        fence(Ordering::SeqCst);
        let first = self.first.load(Ordering::Relaxed);
        let covered = first >= self.idle.promised() && !self.is_deaf();
        if !covered
            && self.idle.wants_wake()
            && let Some(claim) = self.idle.claim()
        {
            let m = claim.m.expect("one sleeps");
            let machine = &self.ms[m as usize];
            machine.given.store(claim.p + 1, Ordering::Release);
            if machine.word.notify() == Woke::Goroutine {
                self.sleep(m);
            }
        }
    }

    /// As `Sched::hand_off` without work.
    fn hand_off(&self, p: u32) {
        self.idle.retire_p(p);
        self.cover();
    }

    /// It holds a P, and keeps it.
    fn run(&self) {
        self.first.store(NEVER, Ordering::Relaxed);
    }

    fn look(&self, relieved: bool) -> (u64, bool) {
        let relieved = relieved && self.idle.idle_ps() == 0;
        let first = if relieved { NEVER } else { self.first.load(Ordering::Relaxed) };
        (first, self.sockets.load(Ordering::Relaxed))
    }

    /// As `Sched::sleep`, until it sleeps or has run.
    fn sleep(&self, m: u32) {
        self.sleep_as(m, false);
    }

    fn sleep_as(&self, m: u32, relieved: bool) {
        let machine = &self.ms[m as usize];
        loop {
            machine.word.take();
            if machine.given.load(Ordering::Relaxed) != 0 {
                return self.run();
            }
            let kept = self.idle.keep(m, || self.look(relieved));
            let (until, polls) = kept.unwrap_or((NEVER, false));
            machine.until.store(until, Ordering::Relaxed);
            machine.polls.store(polls, Ordering::Relaxed);
            if machine.word.suspend() {
                return;
            }
        }
    }

    /// Its time has come.
    fn wake_up(&self, m: u32) {
        match self.idle.rejoin(m, false) {
            Rejoin::With(_) => self.run(),
            Rejoin::Given => self.sleep(m),
            Rejoin::NoP => self.sleep_as(m, true),
        }
    }

    /// What they say together is what those have promised who sleep; and while every P is idle, that is enough. (Else the monitor
    /// sees to what nobody has promised.)
    fn assert_covered(&self, procs: u32) {
        let sleepers = || self.ms.iter().filter(|m| m.word.is_parked());
        let first = sleepers().map(|m| m.until.load(Ordering::Relaxed)).min();
        assert_eq!(self.idle.promised(), first.unwrap_or(NEVER), "nobody has promised that");
        let polls = sleepers().any(|m| m.polls.load(Ordering::Relaxed));
        assert_eq!(self.idle.is_polled(), polls, "nobody polls, or one of whom nothing is known");
        if self.idle.idle_ps() == procs {
            let first = self.first.load(Ordering::Relaxed);
            assert!(first >= self.idle.promised(), "nobody wakes for the deadline");
            assert!(!self.is_deaf(), "nobody watches the sockets");
        }
    }
}

fn beside(world: &Arc<World>, act: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || act(&world))
}

/// An M that goes to sleep for the first time, and one who puts a deadline in and goes on.
#[test]
fn a_deadline_comes_while_an_m_falls_asleep() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1, NEVER));
        let outsider = beside(&world, |world| {
            world.insert(7);
            world.cover();
        });
        world.sleep(0);
        outsider.join().unwrap();
        world.assert_covered(1);
    });
}

/// The M has promised to wake for a deadline that was cancelled, and has come out of its sleep for nothing.
#[test]
fn a_deadline_is_left_to_a_promise_that_is_being_taken_back() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1, NEVER));
        assert_eq!(world.idle.keep(0, || (5, true)), Some((5, true)));
        let outsider = beside(&world, |world| {
            world.insert(7);
            world.sockets.store(true, Ordering::Relaxed);
            world.cover();
        });
        world.sleep(0);
        outsider.join().unwrap();
        world.assert_covered(1);
    });
}

/// The time of an M has come, and the one P is held; its holder puts it down, and relies on the promise.
#[test]
fn a_p_is_put_down_while_an_m_is_relieved() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1, 5));
        assert_eq!(world.idle.keep(0, || (5, false)), Some((5, false)));
        let p = world.idle.take_p().expect("idle");
        let holder = beside(&world, move |world| world.hand_off(p));
        world.wake_up(0);
        holder.join().unwrap();
        world.assert_covered(1);
    });
}

/// Two sleepers, of which one has promised, is woken for something else and goes back to sleep.
#[test]
fn a_promise_is_broken_while_another_falls_asleep() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 2, 5));
        assert_eq!(world.idle.keep(0, || (5, false)), Some((5, false)));
        let other = beside(&world, |world| {
            // Given the P, and nothing to do.
            if world.idle.remove_m(0) {
                let p = world.idle.take_p().expect("idle");
                world.idle.retire(p, 0, false);
                world.sleep(0);
            }
        });
        world.sleep(1);
        other.join().unwrap();
        world.assert_covered(1);
    });
}

/// An M that nobody has needed for long ends, and had promised something.
#[test]
fn who_has_promised_leaves_while_another_falls_asleep() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 2, 5));
        world.sockets.store(true, Ordering::Relaxed);
        assert_eq!(world.idle.keep(0, || (5, true)), Some((5, true)));
        let leaves = beside(&world, |world| {
            assert!(world.idle.leave(0), "there are more than it takes");
            world.cover();
        });
        world.sleep(1);
        leaves.join().unwrap();
        world.assert_covered(1);
    });
}

/// A sleeper that has promised something is given a P, and computes for ever, while a deadline comes from outside.
#[test]
fn who_has_promised_is_given_a_p() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 2, 5));
        world.sockets.store(true, Ordering::Relaxed);
        world.sleep(0);
        world.sleep(1);
        let gives = beside(&world, |world| {
            let p = world.idle.take_p().expect("both are idle");
            if world.idle.remove_m(0) {
                world.ms[0].given.store(p + 1, Ordering::Release);
                assert_eq!(world.ms[0].word.notify(), Woke::Goroutine);
            }
        });
        world.insert(4);
        world.cover();
        gives.join().unwrap();
        world.assert_covered(2);
    });
}
