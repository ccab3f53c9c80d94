//! Ten thousand goroutines of a `Pool` do any number of tasks. A goroutine for each task would be simpler and quicker; but
//! if all of them waited at the same time, each would need a stack of its own.
//!
//! ```text
//! == bounded: few goroutines for many tasks
//! 10,000 tasks wait, in as many goroutines
//! one more has no place: try_submit gives it back
//! 100,000 tasks done
//! by 10,000 goroutines, never more
//! ```
//!
//! `RT_TOUR_TASKS=1000000` makes it a million.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use examples::thousands;
use rt::chan::Chan;
use rt::pool::{Pool, SubmitError};

const WORKERS: usize = 10_000;

fn many(tasks: usize) -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder().capacity(WORKERS).no_purge().build()?;
    let (done, gate) = (Arc::new(AtomicU64::new(0)), Chan::<()>::new(0));
    let task = || {
        let (done, gate) = (Arc::clone(&done), gate.clone());
        move || {
            gate.recv(); // until it is closed, and then not at all
            done.fetch_add(1, Relaxed);
        }
    };
    for _ in 0..WORKERS {
        pool.submit(task())?;
    }
    println!("{} tasks wait, in as many goroutines", thousands(pool.running() as u64));
    if let Err(SubmitError::Overloaded(_task)) = pool.try_submit(task()) {
        println!("one more has no place: try_submit gives it back");
    }
    gate.close();
    for _ in WORKERS..tasks {
        pool.submit(task())?; // waits while there is no place
    }
    let workers = pool.running() + pool.idle();
    pool.release_timeout(Duration::from_secs(60))?;
    println!("{} tasks done", thousands(done.load(Relaxed)));
    println!("by {} goroutines, never more", thousands(workers as u64));
    Ok(())
}

pub(crate) fn run() {
    let tasks = std::env::var("RT_TOUR_TASKS").ok().and_then(|n| n.parse().ok());
    many(tasks.unwrap_or(100_000)).unwrap();
}
