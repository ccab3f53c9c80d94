//! Stacks are short: who finds none, and who has one to give back. Counts and decisions are as they are; what waits is a stand-in, with
//! fences for the SeqCst accesses.
//!
//! If there is a stack, whoever wants it gets it in the end.
//!
//! Broken on purpose, and noticed: no fence in `starve`, or in `feed_some`; who starves and does not look into the pool, or whether there are any
//! left, or whether some have been given back; carriers that are counted when they have been built; two looks whether there are any, and not one; no second attempt; nobody fed
//! when the last attempt has failed.

use crate::sched::carriers::{Count, NoStack, build_or_wait};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering, fence};
use loom::thread;

struct World {
    /// The stack is free.
    stack: AtomicU32,
    carriers: Count,
    /// A carrier is idle.
    pool: AtomicU32,
    starving: AtomicU32,
    ran: AtomicU32,
    /// Those that ended for want of a stack.
    ended: AtomicU32,
}

impl World {
    fn new(stacks: u32) -> Arc<Self> {
        Arc::new(Self {
            stack: AtomicU32::new(stacks),
            carriers: Count::new(),
            pool: AtomicU32::new(0),
            starving: AtomicU32::new(0),
            ran: AtomicU32::new(0),
            ended: AtomicU32::new(0),
        })
    }

    /// As `Sched::more_carriers`: a goroutine begins, if it can.
    fn begin(&self) {
        if take(&self.pool) {
            return self.run();
        }
        let build = || if take(&self.stack) { Ok(((), 1)) } else { Err(()) };
        let count = &self.carriers;
        let given = count.given();
        match build_or_wait(|_| count.build(1, build, || self.feed_some()), || count.get() != 0) {
            Ok(()) => self.run(),
            Err(NoStack::ForNow(())) => self.starve(given),
            Err(NoStack::AtAll(())) => drop(self.ended.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// It runs, and ends. As `pool_slow`.
    fn run(&self) {
        self.ran.fetch_add(1, Ordering::Relaxed);
        self.pool.store(1, Ordering::Release);
        self.feed_some();
    }

    fn starve(&self, given: usize) {
        self.starving.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        let has_idle = self.pool.load(Ordering::Acquire) != 0;
        if has_idle || self.carriers.has_changed(given) {
            self.feed();
        }
    }

    fn feed(&self) {
        let mut starving = 1;
        while starving != 0 {
            match self.starving.compare_exchange(
                starving,
                starving - 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return self.begin(),
                Err(seen) => starving = seen,
            }
        }
    }

    fn feed_some(&self) {
        fence(Ordering::SeqCst);
        if self.starving.load(Ordering::Relaxed) != 0 {
            self.feed();
        }
    }

    /// As `free_idle_carriers`.
    fn take_apart(&self) {
        if take(&self.pool) {
            self.stack.store(1, Ordering::Release);
            self.carriers.are_gone(1);
            self.feed_some();
        }
    }
}

/// Takes it, if it is there.
fn take(place: &AtomicU32) -> bool {
    place.compare_exchange(1, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

fn beside(world: &Arc<World>, act: fn(&World)) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || act(&world))
}

fn all_ran(world: &World) {
    assert_eq!(world.ended.load(Ordering::Relaxed), 0, "it has ended, and there is a stack");
    assert_eq!(world.ran.load(Ordering::Relaxed), 2, "one waits, and there is a stack");
}

#[test]
fn two_begin() {
    loom::model(|| {
        let world = World::new(1);
        let other = beside(&world, World::begin);
        world.begin();
        other.join().unwrap();
        all_ran(&world);
    });
}

/// The one carrier is idle, and taken apart.
#[test]
fn one_begins_while_the_carrier_is_taken_apart() {
    loom::model(|| {
        let world = World::new(1);
        world.begin();
        let other = beside(&world, World::begin);
        world.take_apart();
        other.join().unwrap();
        all_ran(&world);
    });
}

/// The same beside one that never ends: perhaps it waits for the one that begins.
#[test]
fn one_begins_while_one_of_two_carriers_is_taken_apart() {
    loom::model(|| {
        let world = World::new(1);
        let never_ends = world.carriers.build(1, || Ok::<_, ()>(((), 1)), || ());
        assert_eq!(never_ends, Ok(()));
        world.begin();
        let other = beside(&world, World::begin);
        world.take_apart();
        other.join().unwrap();
        all_ran(&world);
    });
}

/// One begins while the other ends, and its carrier is taken apart.
#[test]
fn one_begins_while_another_ends() {
    loom::model(|| {
        let world = World::new(1);
        let other = beside(&world, World::begin);
        world.begin();
        world.take_apart();
        other.join().unwrap();
        all_ran(&world);
    });
}

/// Each may think that the other is about to have one.
#[test]
fn two_begin_and_there_is_none() {
    loom::model(|| {
        let world = World::new(0);
        let other = beside(&world, World::begin);
        world.begin();
        other.join().unwrap();
        assert_eq!(world.ended.load(Ordering::Relaxed), 2, "one waits for ever");
    });
}
