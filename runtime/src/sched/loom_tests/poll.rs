//! An M that is given a P while it falls asleep in the poll: Ms, and the flag of the bell, as they are; the kernel is a stand-in.
//!
//! Who sleeps on is a deadlock, which loom reports.
//!
//! Broken on purpose, and noticed: no fence in `begin_poll`, or in `may_poll`; `begin_poll` that does not look; who hears the bell and does not
//! ring on; `ring` without Release, `hear` without Acquire.

use crate::m::M;
use crate::poller::Rung;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

struct World {
    ms: [M; 2],
    rung: Rung,
    /// The kernel has an event to tell of, to one of those who ask.
    event: Mutex<bool>,
    comes: Condvar,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            ms: [M::new(0), M::new(1)],
            rung: Rung::new(),
            event: Mutex::new(false),
            comes: Condvar::new(),
        })
    }

    /// As `Poller::notify`.
    fn notify(&self) {
        if self.rung.ring() {
            *self.event.lock().unwrap() = true;
            self.comes.notify_one();
        }
    }

    /// As `Poller::poll`. `true`: it rang.
    fn poll(&self, waits: bool) -> bool {
        let mut event = self.event.lock().unwrap();
        while !*event {
            if !waits {
                return false;
            }
            event = self.comes.wait(event).unwrap();
        }
        *event = false;
        drop(event);
        self.rung.hear();
        true
    }

    /// As `Sched::ring_on`.
    fn ring_on(&self) {
        if self.ms.iter().any(|m| m.is_polling() && m.is_given()) {
            self.notify();
            thread::yield_now();
        }
    }

    /// As `Sched::sleep` and `sleep_in_poll`, until it has a P.
    fn sleep(&self, m: usize) {
        let m = &self.ms[m];
        loop {
            // The look first is for loom's sake, as in `idle`.
            if m.is_given() {
                assert!(m.given().is_some());
                return;
            }
            let rang = m.begin_poll() && self.poll(true);
            m.end_poll();
            if rang {
                self.ring_on();
            }
        }
    }

    /// As `Sched::give`, and `ring`.
    fn give(&self, m: usize) {
        self.ms[m].give(0, false);
        if self.ms[m].may_poll() {
            self.notify();
        }
    }

    /// As `Sched::ask`.
    fn ask(&self) {
        if self.poll(false) {
            self.ring_on();
        }
    }
}

fn beside(world: &Arc<World>, act: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || act(&world))
}

#[test]
fn one_is_given_a_p_while_it_falls_asleep() {
    loom::model(|| {
        let world = World::new();
        let gives = beside(&world, |world| world.give(0));
        world.sleep(0);
        gives.join().unwrap();
    });
}

/// One that asks without waiting hears what was for another.
#[test]
fn another_hears_the_bell() {
    loom::model(|| {
        let world = World::new();
        let gives = beside(&world, |world| world.give(0));
        let asks = beside(&world, World::ask);
        world.sleep(0);
        gives.join().unwrap();
        asks.join().unwrap();
    });
}

/// The one has been given a P, and has not woken, when the other goes to sleep in the poll and is given one, too.
#[test]
fn two_are_given_a_p() {
    loom::model(|| {
        let world = World::new();
        let gives = beside(&world, |world| {
            world.give(0);
            world.give(1);
        });
        let other = beside(&world, |world| world.sleep(1));
        world.sleep(0);
        gives.join().unwrap();
        other.join().unwrap();
    });
}
