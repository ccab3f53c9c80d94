//! `yield_now` puts a goroutine behind all that can run on its processor, here the only one. What waits in `rt` (a
//! channel, `join`, `sleep`) gives way by itself. A goroutine that only computes loses its processor when its time slice
//! is over (see `hog`); who knows of nothing better to do gives way earlier.
//!
//! ```text
//! == yielding: giving way
//! ping pong ping pong ping pong
//! beside a loop that yields the others summed up 4950
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

fn loop_beside_others() -> u32 {
    let stop = Arc::new(AtomicBool::new(false));
    let looping = go!(stop => while !stop.load(Ordering::Relaxed) { rt::yield_now() });
    let others: Vec<_> = (0..100).map(|n| go!({ n })).collect();
    let sum = others.into_iter().map(|other| other.join().unwrap()).sum();
    stop.store(true, Ordering::Relaxed);
    looping.join().unwrap();
    sum
}

pub(crate) fn run() {
    let one_processor = rt::Runtime::builder().procs(1).build().unwrap();
    println!("{}", one_processor.run(take_turns));
    println!(
        "beside a loop that yields the others summed up {}",
        one_processor.run(loop_beside_others)
    );
}
