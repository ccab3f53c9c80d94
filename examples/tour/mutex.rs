//! A `Mutex` lets one at a time at a value; who waits for it leaves its processor to others. A panic does not poison it,
//! and its guard may go to another goroutine, and unlock there.
//!
//! ```text
//! == mutex: one at a time
//! 8 goroutines counted to 8000
//! locked: try_lock None, lock_timeout None
//! after a panic it can be locked: 8001
//! unlocked by another goroutine
//! ```

use std::time::Duration;

use rt::go;
use rt::sync::Mutex;

static COUNT: Mutex<u32> = Mutex::new(0);

fn increment_and_panic() {
    let mut count = COUNT.lock();
    *count += 1;
    panic!("with {} locked", *count);
}

pub(crate) fn run() {
    rt::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| (0..1000).for_each(|_| *COUNT.lock() += 1));
        }
    });
    println!("8 goroutines counted to {}", COUNT.lock());

    let guard = COUNT.lock();
    let now = COUNT.try_lock();
    let soon = COUNT.lock_timeout(Duration::from_millis(5));
    println!("locked: try_lock {now:?}, lock_timeout {soon:?}");
    drop(guard);

    go!(increment_and_panic()).join().unwrap_err();
    println!("after a panic it can be locked: {}", COUNT.lock());

    let guard = COUNT.lock();
    go!({
        rt::yield_now();
        drop(guard);
    });
    let _mine = COUNT.lock(); // waits for the other
    println!("unlocked by another goroutine");
}
