//! The monitor falls asleep while a P is taken: its words as they are, what it does a stand-in.
//!
//! Broken on purpose, and noticed: no fence in `fall_asleep`, or in `wake_if_asleep`.

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
