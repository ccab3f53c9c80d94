//! `yield_now` puts a goroutine behind all that can run on its processor. Nobody has to: from one that
//! computes for long the processor is taken away, and what blocks gives way by itself. Here there is one processor only.
//!
//! ```text
//! == yielding: giving way
//! ping pong ping pong ping pong
//! a loop that never yields kept nobody waiting
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

fn loop_beside_others() {
    let stop = Arc::new(AtomicBool::new(false));
    let looping = go!(stop => while !stop.load(Ordering::Relaxed) {});
    rt::yield_now();
    stop.store(true, Ordering::Relaxed);
    looping.join().unwrap();
}

pub(crate) fn run() {
    let one_processor = rt::Runtime::builder().procs(1).build().unwrap();
    println!("{}", one_processor.run(take_turns));
    one_processor.run(loop_beside_others);
    println!("a loop that never yields kept nobody waiting");
}
