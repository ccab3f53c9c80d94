//! The monitor falls asleep while a P is taken: its words as they are, what it does a stand-in.
//!
//! Broken on purpose, and noticed: no fence in `fall_asleep`, `wake_if_asleep`, `announce`, `next_look`, or in those of `Flow`; `try_again` that
//! wakes nobody.

use crate::sched::flow::Flow;
use crate::sched::idle::Idle;
use crate::sched::monitor::Monitor;
use loom::sync::Arc;
use loom::thread;

#[test]
fn a_p_is_taken_while_it_falls_asleep() {
    loom::model(|| {
        let shared = Arc::new((Idle::new(1), Monitor::new()));
        let machine = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (idle, monitor) = &*shared;
                let _ = idle.take_p();
                monitor.wake_if_asleep();
            })
        };
        let (idle, monitor) = &*shared;
        monitor.fall_asleep();
        let sleeps = idle.idle_ps() == 1;
        machine.join().unwrap();
        assert!(!sleeps || monitor.word.take(), "it sleeps while a P is held");
    });
}

/// A claim has found no thread, and left its work to the monitor.
#[test]
fn it_is_to_try_again_while_it_falls_asleep() {
    loom::model(|| {
        let monitor = Arc::new(Monitor::new());
        let claims = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.try_again())
        };
        monitor.fall_asleep();
        let sleeps = !monitor.is_short();
        claims.join().unwrap();
        assert!(!sleeps || monitor.word.take(), "it sleeps while work lies there");
    });
}

/// An M takes a P and runs what a deadline was for, with another to come; the monitor has just announced a late look.
#[test]
fn a_deadline_is_exposed_while_it_announces_its_next_look() {
    loom::model(|| {
        let shared = Arc::new((Idle::new(1), Monitor::new()));
        let machine = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (idle, monitor) = &*shared;
                let _ = idle.take_p();
                monitor.next_look() > 7
            })
        };
        let (idle, monitor) = &*shared;
        monitor.announce(5);
        monitor.announce(9);
        let sees = idle.idle_ps() == 0;
        let nudged = machine.join().unwrap();
        assert!(sees || nudged, "it looks late, and nobody has told it");
    });
}

/// The M leaves a deadline that is due to the monitor, which ends the dense time and takes longer looks.
#[test]
fn a_deadline_is_left_while_the_dense_time_ends() {
    loom::model(|| {
        let shared = Arc::new((Idle::new(1), Flow::new()));
        shared.1.set(true);
        let machine = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (idle, flow) = &*shared;
                let _ = idle.take_p();
                flow.leaves()
            })
        };
        let (idle, flow) = &*shared;
        flow.set(false);
        let sees = idle.idle_ps() == 0;
        let left = machine.join().unwrap();
        assert!(sees || !left, "nobody sees to what was left");
    });
}
