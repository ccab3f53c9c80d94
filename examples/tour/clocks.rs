//! Time comes over channels: `after` gives one value, `tick` one again and again, `never` none. What they give is the time
//! at which it was due. So in a `select!` a timeout is a case like any other.
//!
//! ```text
//! == clocks: after, tick and never
//! no sooner than after 10 ms: true
//! ticks are due 2 ms apart, or a multiple of it: true
//! a slow reader finds one tick, not ten: 1
//! until the deadline, in spite of all that comes: true
//! without a deadline: 3 values
//! ```

use std::time::{Duration, Instant};

use rt::chan::{Receiver, after, bounded, never, tick};
use rt::{go, select};

const MS: Duration = Duration::from_millis(1);

/// How many values come until the deadline, or until there are no more.
fn count(values: &Receiver<u32>, deadline: &Receiver<Instant>) -> (u32, bool) {
    let mut n = 0;
    loop {
        select! {
            recv(values) -> value => match value {
                Ok(_) => n += 1,
                Err(_) => return (n, false),
            },
            recv(deadline) => return (n, true),
        }
    }
}

pub(crate) fn run() {
    let start = Instant::now();
    after(10 * MS).recv().unwrap();
    println!("no sooner than after 10 ms: {}", start.elapsed() >= 10 * MS);

    let ticks: Vec<Instant> = tick(2 * MS).iter().take(4).collect();
    let apart = |pair: &[Instant]| (pair[1] - pair[0]).as_micros();
    let apart = ticks.windows(2).map(apart).all(|us| us >= 2000 && us.is_multiple_of(2000));
    println!("ticks are due 2 ms apart, or a multiple of it: {apart}");

    let ticks = tick(MS);
    rt::time::sleep(10 * MS);
    println!("a slow reader finds one tick, not ten: {}", ticks.len());

    let (tx, values) = bounded(0);
    go!({ while tx.send(0).is_ok() {} });
    let (_, late) = count(&values, &after(5 * MS));
    println!("until the deadline, in spite of all that comes: {late}");

    let (tx, values) = bounded(0);
    go!({ (0..3).for_each(|n| tx.send(n).unwrap()) });
    println!("without a deadline: {} values", count(&values, &never()).0);
}
