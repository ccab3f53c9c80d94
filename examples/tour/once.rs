//! A `Once` does something once, whoever comes first; the others wait until it is done. A `OnceLock` keeps what came of
//! it. A call that panics does not count: the next one tries again.
//!
//! ```text
//! == once: the first one does it
//! 5 goroutines started it 1 time
//! all of them see one value: true
//! set twice: Ok(()), and Err("B")
//! tried again after a panic: 7
//! somebody waited for it: 42
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use rt::go;
use rt::sync::{Once, OnceLock};

static START: Once = Once::new();
static STARTS: AtomicU32 = AtomicU32::new(0);
static CONFIG: OnceLock<String> = OnceLock::new();
static RISKY: OnceLock<u32> = OnceLock::new();

fn start() -> &'static str {
    START.call_once(|| {
        STARTS.fetch_add(1, Ordering::Relaxed);
    });
    CONFIG.get_or_init(|| "made by one of them".to_string())
}

fn fail() -> u32 {
    *RISKY.get_or_init(|| panic!("not yet"))
}

pub(crate) fn run() {
    let handles: Vec<_> = (0..5).map(|_| go!(start())).collect();
    let seen: Vec<&str> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    println!("5 goroutines started it {} time", STARTS.load(Ordering::Relaxed));
    let one = seen.iter().all(|text| std::ptr::eq(*text, seen[0]));
    println!("all of them see one value: {one}");

    let letter = OnceLock::new();
    println!("set twice: {:?}, and {:?}", letter.set("A"), letter.set("B"));

    go!(fail()).join().unwrap_err();
    println!("tried again after a panic: {}", RISKY.get_or_init(|| 7));

    let answer = OnceLock::new();
    rt::scope(|s| {
        s.spawn(|| answer.set(42));
        println!("somebody waited for it: {}", answer.wait());
    });
}
