//! The counts of goroutines, from which a stop learns that there are none: stand-ins for `P`'s
//! counters, for `live` and for `inject_spawn`, with fences for the SeqCst accesses, which loom
//! takes for less.
//!
//! Broken on purpose, and noticed: the spawns read before the ends; an end counted Relaxed; no fence
//! between an outsider's count and its look at the phase.

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

fn bump(counter: &AtomicU32) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

impl Counts {
    fn live(&self) -> u32 {
        let finished: u32 = self.finished.iter().map(|f| f.load(Ordering::Acquire)).sum();
        fence(Ordering::SeqCst);
        let outside = self.outside.load(Ordering::Acquire);
        let spawned: u32 = self.spawned.iter().map(|s| s.load(Ordering::Acquire)).sum();
        (outside + spawned).saturating_sub(finished)
    }

    /// `false`: it stops.
    fn inject(&self) -> bool {
        self.outside.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        self.stopping.load(Ordering::Relaxed) == 0
    }
}

/// A goroutine of P 0 spawns one, that P 1 runs, which spawns one, that P 0 runs; zero is read only
/// when all have ended.
#[test]
fn zero_means_that_there_is_none() {
    loom::model(|| {
        let counts = Arc::new(Counts::default());
        assert!(counts.inject());
        let handed = Arc::new(AtomicU32::new(0));
        let other = {
            let (counts, handed) = (Arc::clone(&counts), Arc::clone(&handed));
            thread::spawn(move || {
                // P 1, which has stolen what P 0 spawned, or else the goroutine waits.
                if handed.swap(2, Ordering::AcqRel) == 1 {
                    bump(&counts.spawned[1]);
                    bump(&counts.finished[1]);
                    counts.done.fetch_add(1, Ordering::Relaxed);
                    bump(&counts.finished[1]);
                }
            })
        };
        let first = {
            let counts = Arc::clone(&counts);
            thread::spawn(move || {
                bump(&counts.spawned[0]);
                let stolen = handed.swap(1, Ordering::AcqRel) == 2;
                if stolen {
                    // The thief came too early: P 0 runs all three.
                    bump(&counts.spawned[0]);
                    bump(&counts.finished[0]);
                    counts.done.fetch_add(1, Ordering::Relaxed);
                    bump(&counts.finished[0]);
                }
                counts.done.fetch_add(1, Ordering::Relaxed);
                bump(&counts.finished[0]);
            })
        };
        if counts.live() == 0 {
            assert_eq!(counts.done.load(Ordering::Relaxed), 2, "counted as ended before its end");
        }
        other.join().unwrap();
        first.join().unwrap();
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
