//! A runtime whose time is a test's: it stands still while anything runs, and jumps to the next deadline when all wait. Hours
//! of sleep take no time, and deadlines are exact. And schedules drawn from a seed: a bug is found, and found again.
//!
//! ```text
//! == virtual_time: hours in no time, and schedules from a seed
//! six hours, woken every hour: [1, 2, 3, 4, 5, 6]
//! three attempts, each after twice the pause: 7s
//! in real time: less than a minute
//! check, then act: a deadlock
//! found within 1000 schedules, and again from its seed: true
//! ```

use std::time::{Duration, Instant};

use rt::Runtime;
use rt::chan::{self, Chan};
use rt::testing::Explorer;
use rt::time::{now, sleep};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn run() {
    let real = Instant::now();
    let runtime = Runtime::builder().virtual_time(true).build().unwrap();
    runtime.run(|| {
        let start = now();
        let hours: Vec<_> = chan::tick(HOUR).iter().take(6).collect();
        let hours: Vec<_> = hours.iter().map(|at| (*at - start).as_secs() / 3600).collect();
        println!("six hours, woken every hour: {hours:?}");

        let start = now();
        (0..3).for_each(|n| sleep(Duration::from_secs(1 << n)));
        println!("three attempts, each after twice the pause: {:?}", now() - start);
    });
    let quick = real.elapsed() < Duration::from_secs(60);
    println!("in real time: {} than a minute", if quick { "less" } else { "more" });

    let failure = Explorer::new().schedules(1_000).check(|| jobs(true)).unwrap_err();
    println!("check, then act: a {}", if failure.is_deadlock() { "deadlock" } else { "panic" });
    let again = Explorer::new().replay(failure.seed(), || jobs(true)).unwrap_err();
    let same = again.schedule() == failure.schedule();
    println!("found within 1000 schedules, and again from its seed: {same}");
    Explorer::new().schedules(100).check(|| jobs(false)).unwrap();
}

/// Two goroutines with a job each, and room for one.
fn jobs(bug: bool) {
    let jobs = Chan::new(1);
    rt::scope(|s| {
        for n in 0..2 {
            let jobs = jobs.clone();
            s.spawn(move || match bug {
                true if jobs.len() < jobs.cap() => jobs.send(n), // the other may have been quicker
                true => {}
                false => drop(jobs.try_send(n)),
            });
        }
    });
}
