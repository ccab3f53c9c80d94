//! `yield_now` puts a goroutine behind all that can run on its processor. Nobody has to: one that computes for long is
//! interrupted, and what blocks gives way by itself. Here the runtime has one processor, so that they must take turns.
//!
//! ```text
//! == yielding: giving way
//! ping pong ping pong ping pong
//! a loop that never yields was interrupted
//! ```

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rt::go;

fn take_turns() -> String {
    let said = Arc::new(Mutex::new(Vec::new()));
    let turn = Arc::new(AtomicUsize::new(0));
    let players = [("ping", 0), ("pong", 1)].map(|(word, me)| {
        go!(said, turn => for _ in 0..3 {
            while turn.load(Ordering::Acquire) % 2 != me {
                rt::yield_now();
            }
            said.lock().unwrap().push(word);
            turn.fetch_add(1, Ordering::Release);
        })
    });
    for player in players {
        player.join().unwrap();
    }
    said.lock().unwrap().join(" ")
}

fn interrupt_a_loop() {
    let stop = Arc::new(AtomicBool::new(false));
    let looping = go!(stop => while !stop.load(Ordering::Relaxed) {});
    rt::yield_now();
    stop.store(true, Ordering::Relaxed);
    looping.join().unwrap();
}

pub(crate) fn run() {
    let one_processor = rt::Runtime::builder().procs(1).build().unwrap();
    println!("{}", one_processor.run(take_turns));
    one_processor.run(interrupt_a_loop);
    println!("a loop that never yields was interrupted");
}
