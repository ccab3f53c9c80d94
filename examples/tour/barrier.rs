//! At a `Barrier` goroutines wait for each other, and the last to come is told so. It can be used again and again.
//!
//! ```text
//! == barrier: all together
//! round 1: [1, 2, 3, 4]
//! round 2: [2, 4, 6, 8]
//! round 3: [3, 6, 9, 12]
//! ```

use rt::sync::{Barrier, Mutex};

const MEMBERS: u32 = 4;

pub(crate) fn run() {
    let barrier = Barrier::new(MEMBERS as usize);
    let results = Mutex::new(Vec::new());
    let work = |member: u32| {
        for round in 1..=3 {
            results.lock().push(member * round);
            // When all have written, one of them reads, and then all go on.
            if barrier.wait().is_leader() {
                let mut results = results.lock();
                results.sort_unstable();
                println!("round {round}: {results:?}");
                results.clear();
            }
            barrier.wait();
        }
    };
    rt::scope(|s| {
        for member in 1..=MEMBERS {
            let work = &work;
            s.spawn(move || work(member));
        }
    });
}
