//! Goroutines that have not started: listed, or counted, and left in their order.

use crate::common::{self, eventually, runtime};
use crate::{done, spawn};
use rt::debug::State;
use rt::sync::{Mutex, WaitGroup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Who looks may lose its processor to them first, so this is tried until it does not.
#[test]
fn those_that_have_not_started_are_listed() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let mut ran = 0;
            eventually("ten are queued at a look", || {
                let all: Vec<_> = (0..10).map(|i| spawn(&format!("queued {i}"), || ())).collect();
                let dump = rt::dump();
                ran += all.into_iter().filter_map(|g| g.join().ok()).count();
                let queued: Vec<_> =
                    dump.goroutines().iter().filter(|g| !g.has_started()).collect();
                for (i, g) in (10 - queued.len()..).zip(&queued) {
                    assert!(g.name().is_some_and(|name| name.starts_with("queued")), "{i}: {g}");
                    assert_eq!((g.state(), g.waits_for()), (State::Runnable, None));
                    assert!(g.backtrace().is_empty() && g.stack_size().is_none());
                    assert!(
                        g.site().unwrap().file().ends_with("dump/main.rs") && g.parent().is_some()
                    );
                }
                if queued.len() < 10 {
                    return false;
                }
                assert_eq!(dump.unstarted(), 10);
                let text = dump.to_string();
                let of_all = "10 goroutines [runnable, not started]: goroutines ";
                assert!(text.contains(of_all) && !text.contains("have not started"), "{text}");
                assert_eq!(dump.to_json().matches(r#""has_started":false"#).count(), 10);
                true
            });
            assert_eq!(ran % 10, 0, "one of them was lost");
            assert_eq!(rt::dump().unstarted(), 0);
        });
    }
}

/// Their order is what it was, and each runs once.
#[test]
fn a_look_at_the_queue_leaves_its_order() {
    let _t = common::test();
    runtime(1).run(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let run = |look: bool| {
            let wg = WaitGroup::new();
            for i in 0..20 {
                let order = Arc::clone(&order);
                wg.go(move || order.lock().push(i));
            }
            if look {
                done(rt::dump());
            }
            wg.wait();
            std::mem::take(&mut *order.lock())
        };
        let before = run(false);
        eventually("nobody else has run them meanwhile", || run(true) == before);
    });
}

/// From a plain thread they are listed where a runtime has several processors, else counted; and nobody is lost.
#[test]
fn those_that_have_not_started_seen_from_outside() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let handle = runtime.handle();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let looks = std::thread::spawn(move || {
            rt::defer!(seen.store(true, Ordering::Relaxed)); // However it ends.
            eventually("some are queued at a look", || {
                let dump = handle.dump();
                let listed = dump.goroutines().iter().filter(|g| !g.has_started()).count();
                let text = dump.to_string();
                match procs {
                    1 => {
                        // The one that spawns them came by the queue that all share.
                        assert!(listed <= 1, "{text}");
                        text.contains("goroutines have not started")
                    }
                    _ => listed > 1 && text.contains("not started]"),
                }
            });
        });
        let ran = Arc::new(AtomicU64::new(0));
        let waves = runtime.run({
            let ran = Arc::clone(&ran);
            move || {
                let mut waves = 0;
                while !stop.load(Ordering::Relaxed) {
                    let spawn_one = |_| {
                        let ran = Arc::clone(&ran);
                        rt::spawn(move || done(ran.fetch_add(1, Ordering::Relaxed)))
                    };
                    let all: Vec<_> = (0..1000).map(spawn_one).collect();
                    all.into_iter().for_each(|g| g.join().unwrap());
                    waves += 1;
                }
                waves
            }
        });
        looks.join().unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 1000 * waves);
        let spawned = || runtime.metrics().goroutines.spawned;
        let before = spawned();
        done(runtime.dump());
        assert_eq!(spawned(), before, "a look is no goroutine");
    }
}
