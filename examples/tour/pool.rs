//! A `sync::Pool` keeps things that are dear to make, to be used again; what nobody has wanted for some seconds may vanish.
//! Each processor has its own; here there is one.
//!
//! ```text
//! == pool: used again
//! 100 lines, written in 1 buffer
//! two at the same time: 1 more
//! ```

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use rt::Runtime;
use rt::sync::Pool;

static MADE: AtomicU32 = AtomicU32::new(0);

static BUFFERS: Pool<String> = Pool::new(|| {
    MADE.fetch_add(1, Ordering::Relaxed);
    String::with_capacity(4096)
});

fn length(n: u32) -> usize {
    let mut buffer = BUFFERS.pull(); // goes back when it is dropped
    buffer.clear(); // it comes as it was given back
    write!(buffer, "line {n}").unwrap();
    buffer.len()
}

fn use_them() {
    let lines = (0..100).filter(|n| length(*n) > 0).count();
    println!("{lines} lines, written in {} buffer", MADE.load(Ordering::Relaxed));

    let (one, two) = (BUFFERS.get(), BUFFERS.get());
    println!("two at the same time: {} more", MADE.load(Ordering::Relaxed) - 1);
    BUFFERS.put(one);
    BUFFERS.put(two);
}

pub(crate) fn run() {
    Runtime::builder().procs(1).build().unwrap().run(use_them);
}
