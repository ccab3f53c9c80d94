//! Goroutines that run, block, burn or are queued; and parked ones, which stay so.

use crate::common::{self, eventually, runtime};
use crate::{done, dump_when_all_wait, named, spawn};
use rt::chan::Chan;
use rt::debug::{Goroutine, State};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// They are looked at a thousand times, and get what they wait for in the order in which they came.
#[test]
fn who_is_looked_at_stays_parked_and_in_its_place() {
    for procs in [1, 2] {
        let _t = common::test();
        runtime(procs).run(|| {
            let (ch, out) = (Chan::new(0), Chan::new(10));
            let resumed = Arc::new(AtomicBool::new(false));
            let all: Vec<_> = (0..10)
                .map(|i| {
                    let (ch, out, resumed) = (ch.clone(), out.clone(), Arc::clone(&resumed));
                    let g = rt::spawn(move || {
                        let value: u32 = ch.recv().unwrap();
                        resumed.store(true, Ordering::SeqCst);
                        out.send((i, value));
                    });
                    dump_when_all_wait(i + 1);
                    g
                })
                .collect();
            for _ in 0..1000 {
                assert_eq!(rt::dump().goroutines().len(), 11);
                assert!(!resumed.load(Ordering::SeqCst));
            }
            (0..10).for_each(|value| ch.send(value));
            all.into_iter().for_each(|g| g.join().unwrap());
            let mut got: Vec<_> = (0..10).map(|_| out.recv().unwrap()).collect();
            got.sort_unstable();
            assert!(got.iter().all(|(i, value)| *i == *value as usize), "{got:?}");
        });
    }
}

#[test]
fn those_that_run_block_or_burn() {
    let _t = common::alone();
    runtime(1).run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let (reader, writer) = std::io::pipe().unwrap();
        spawn("blocked", move || done(std::io::read_to_string(reader)));
        let seen = Arc::clone(&stop);
        spawn("hog", move || while !seen.load(Ordering::Relaxed) {});
        eventually("they are what they are", || {
            let dump = rt::dump();
            let state = |name| {
                dump.goroutines().iter().find(|g| g.name() == Some(name)).map(Goroutine::state)
            };
            let thread = |g| dump.threads().iter().find(|t| t.goroutine() == Some(g)).cloned();
            let blocked = dump.goroutines().iter().find(|g| g.name() == Some("blocked"));
            let reads = blocked.and_then(|g| thread(g.id())).is_some_and(|t| {
                t.state() == Some('S') && t.waits_in().is_none_or(|place| place.contains("read"))
            });
            state("blocked") == Some(State::Blocked)
                && reads
                && state("hog") == Some(State::Burning)
        });
        let me = rt::dump().goroutines().iter().find(|g| g.state() == State::Running).cloned();
        assert_eq!(me.unwrap().id(), rt::task::current().id().get());
        done(writer);
        stop.store(true, Ordering::Relaxed);
    });
}

/// Those that yield are queued, with a stack that nobody may look at.
#[test]
fn those_that_are_queued() {
    let _t = common::test();
    runtime(1).run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let yields = spawn("yields", move || {
            while !seen.load(Ordering::Relaxed) {
                rt::yield_now();
            }
        });
        rt::yield_now();
        let dump = rt::dump();
        let g = named(&dump, "yields");
        assert_eq!(g.state(), State::Runnable, "{g}");
        assert!(g.site().is_some() && g.parent().is_some());
        stop.store(true, Ordering::Relaxed);
        yields.join().unwrap();
    });
}
