//! `sleep` blocks the goroutine, not a thread. A `Timer` gives one value on a channel, a `Ticker` one again and again; both
//! can be stopped and moved, and no stale value ever comes. `after_func` runs a function later, and `timeout` runs one
//! that may be given up.
//!
//! ```text
//! == timers: sleep, Timer, Ticker, after_func, timeout
//! slept for 5 ms or more: true
//! a timer that is up, stopped before anybody looked: true, then Err(Empty)
//! moved from an hour to a millisecond: Ok(true)
//! three ticks, then stopped: Err(Empty)
//! later: "from another goroutine"
//! a function that will not run: stopped, true
//! in time: Ok(42)
//! too slow: the time is up
//! and what it held: the channel is empty and closed
//! ```

use std::time::{Duration, Instant};

use rt::chan;
use rt::time::{Ticker, Timer, after_func, sleep, timeout};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn run() {
    let start = Instant::now();
    sleep(5 * MS);
    println!("slept for 5 ms or more: {}", start.elapsed() >= 5 * MS);

    let timer = Timer::new(Duration::ZERO);
    let (stopped, value) = (timer.stop(), timer.chan().try_recv());
    println!("a timer that is up, stopped before anybody looked: {stopped}, then {value:?}");
    let timer = Timer::new(HOUR);
    timer.reset(MS);
    let due = timer.chan().recv();
    println!("moved from an hour to a millisecond: {:?}", due.map(|due| due < start + HOUR));

    let ticker = Ticker::new(MS);
    ticker.chan().iter().take(3).for_each(drop);
    ticker.stop();
    println!("three ticks, then stopped: {:?}", ticker.chan().try_recv());

    let (tx, rx) = chan::bounded(1);
    after_func(MS, move || tx.send("from another goroutine").unwrap());
    println!("later: {:?}", rx.recv().unwrap());
    let never = after_func(HOUR, || println!("an hour later"));
    println!("a function that will not run: stopped, {}", never.stop());

    println!("in time: {:?}", timeout(HOUR, || 6 * 7));
    let (held, gone) = chan::bounded::<()>(0);
    let late = timeout(MS, move || {
        let _held = held;
        sleep(HOUR); // it is unwound from here
    });
    println!("too slow: {}", late.unwrap_err());
    println!("and what it held: {}", gone.recv().unwrap_err());
}
