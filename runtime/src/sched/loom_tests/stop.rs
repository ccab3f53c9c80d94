//! The counts of goroutines, from which a stop learns that there are none: stand-ins for `P`'s
//! counters, for `live` and for `inject_spawn`, with fences for the SeqCst accesses, which loom
//! takes for less; and `Idle` as it is.
//!
//! Broken on purpose, and noticed: the spawns read before the ends; an end counted Relaxed; no fence
//! between an outsider's count and its look at the phase; none in `retire_m`.

use crate::sched::idle::Idle;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering, fence};
use loom::thread;

#[derive(Default)]
struct Counts {
    spawned: [AtomicU32; 2],
    finished: [AtomicU32; 2],
    outside: AtomicU32,
    stopping: AtomicU32,
    /// The work is done; Relaxed.
    done: AtomicU32,
}

/// From zero: loom forgets that others have loaded what a thread loads itself before it stores.
fn bump(counter: &AtomicU32, to: u32) {
    counter.store(to, Ordering::Release);
}

impl Counts {
    fn live(&self) -> u32 {
        let finished: u32 = self.finished.iter().map(|f| f.load(Ordering::Acquire)).sum();
        fence(Ordering::SeqCst);
        let outside = self.outside.load(Ordering::Acquire);
        let spawned: u32 = self.spawned.iter().map(|s| s.load(Ordering::Acquire)).sum();
        (outside + spawned).saturating_sub(finished)
    }

    /// Takes the child out of the queue, if it is there, and runs it on P `p`.
    fn run_child(&self, queue: &AtomicU32, p: usize) -> u32 {
        let taken = queue.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if taken {
            self.done.fetch_add(1, Ordering::Relaxed);
            bump(&self.finished[p], 1);
        }
        taken.into()
    }

    /// `false`: it stops.
    fn inject(&self) -> bool {
        self.outside.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        self.stopping.load(Ordering::Relaxed) == 0
    }
}

/// A goroutine of P 0 spawns one, which P 1 steals, or P 0 runs; zero is read only when both have ended.
#[test]
fn zero_means_that_there_is_none() {
    loom::model(|| {
        let counts = Arc::new(Counts::default());
        assert!(counts.inject());
        let queue = Arc::new(AtomicU32::new(0));
        let thief = {
            let (counts, queue) = (Arc::clone(&counts), Arc::clone(&queue));
            thread::spawn(move || counts.run_child(&queue, 1))
        };
        let parent = {
            let counts = Arc::clone(&counts);
            thread::spawn(move || {
                bump(&counts.spawned[0], 1);
                queue.store(1, Ordering::Release);
                let ended = counts.run_child(&queue, 0);
                counts.done.fetch_add(1, Ordering::Relaxed);
                bump(&counts.finished[0], 1 + ended);
            })
        };
        if counts.live() == 0 {
            assert_eq!(counts.done.load(Ordering::Relaxed), 2, "zero before the end");
        }
        thief.join().unwrap();
        parent.join().unwrap();
        assert_eq!(counts.live(), 0);
    });
}

/// A spawn from outside is seen by the stop, or sees it.
#[test]
fn an_outsider_spawns_while_it_stops() {
    loom::model(|| {
        let counts = Arc::new(Counts::default());
        let outsider = {
            let counts = Arc::clone(&counts);
            thread::spawn(move || counts.inject())
        };
        counts.stopping.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let stops = counts.live() == 0;
        let spawned = outsider.join().unwrap();
        assert!(!(stops && spawned), "stopped over a goroutine");
    });
}

/// The last goroutine ends, its M puts its P down or goes to sleep, and looks; the stop looks. One of them sees that there is none.
fn the_last_one_ends(leaves: fn(&Idle)) {
    loom::model(move || {
        let world = Arc::new((Counts::default(), Idle::new(1)));
        assert!(world.0.inject());
        let machine = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let (counts, idle) = &*world;
                bump(&counts.finished[0], 1);
                leaves(idle);
                counts.stopping.load(Ordering::Relaxed) != 0 && counts.live() == 0
            })
        };
        let counts = &world.0;
        counts.stopping.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let stops = counts.live() == 0;
        assert!(machine.join().unwrap() || stops, "nobody sees that all have ended");
    });
}

#[test]
fn the_last_one_ends_and_its_m_retires() {
    the_last_one_ends(|idle| {
        let p = idle.take_p().expect("it is idle");
        idle.retire(p, 0, false);
    });
}

#[test]
fn the_last_one_ends_on_an_m_without_a_p() {
    the_last_one_ends(|idle| idle.retire_m(0));
}

#[test]
fn the_last_one_ends_before_its_m_blocks() {
    the_last_one_ends(|idle| {
        let p = idle.take_p().expect("it is idle");
        idle.retire_p(p);
    });
}
