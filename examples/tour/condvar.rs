//! A `Condvar` waits until somebody has changed what a `Mutex` guards. It wakes who waits in the order of their coming,
//! and nobody for nothing.
//!
//! ```text
//! == condvar: until it has changed
//! consumed through a buffer of 2: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
//! nobody notifies: timed out true
//! 3 went through the gate
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use rt::sync::{Condvar, Mutex};

/// A channel, made by hand: what a `Condvar` is for where no channel fits.
#[derive(Default)]
struct Buffer {
    values: Mutex<VecDeque<u32>>,
    filled: Condvar,
    emptied: Condvar,
}

impl Buffer {
    fn put(&self, value: u32) {
        let full = |values: &mut VecDeque<u32>| values.len() == 2;
        self.emptied.wait_while(self.values.lock(), full).push_back(value);
        self.filled.notify_one();
    }

    fn take(&self) -> u32 {
        let value = self.filled.wait_while(self.values.lock(), |v| v.is_empty()).pop_front();
        self.emptied.notify_one();
        value.unwrap()
    }
}

pub(crate) fn run() {
    let buffer = Buffer::default();
    let consumed: Vec<u32> = rt::scope(|s| {
        s.spawn(|| (0..10).for_each(|n| buffer.put(n)));
        (0..10).map(|_| buffer.take()).collect()
    });
    println!("consumed through a buffer of 2: {consumed:?}");

    let (open, changed) = (Mutex::new(false), Condvar::new());
    let (guard, timed_out) = changed.wait_timeout(open.lock(), Duration::from_millis(5));
    println!("nobody notifies: timed out {timed_out}");
    drop(guard);

    let through = rt::scope(|s| {
        let enter = || drop(changed.wait_while(open.lock(), |open| !*open));
        let visitors = [0; 3].map(|_| s.spawn(enter));
        *open.lock() = true;
        changed.notify_all();
        visitors.into_iter().map(|visitor| visitor.join()).filter(Result::is_ok).count()
    });
    println!("{through} went through the gate");
}
