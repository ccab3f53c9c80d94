//! What Go's defer costs when nothing panics, beside the same work without it.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use rt::{Runtime, panic};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = Runtime::builder().procs(1).build().expect("a runtime");
    let mut frames = |name: &str, frame: fn(u64) -> u64| {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|turns| timed(&runtime, turns, frame));
        });
    };
    frames("plain call, no frame", plain);
    frames("defer!, no panic", guarded);
    frames("catch, no panic", caught);
    frames("frame with no defer, no panic", empty);
    frames("frame with one defer, no panic", deferred);
    frames("frame with three defers, no panic", thrice);
    frames("frame with one defer, recovered", recovered);
    criterion.final_summary();
}

/// Times `turns` calls inside one goroutine.
fn timed(runtime: &Runtime, turns: u64, call: fn(u64) -> u64) -> Duration {
    runtime.run(move || {
        let start = Instant::now();
        for turn in 0..turns {
            black_box(call(black_box(turn)));
        }
        start.elapsed()
    })
}

fn plain(n: u64) -> u64 {
    black_box(n) + 1
}

fn guarded(n: u64) -> u64 {
    let done = black_box(n);
    rt::defer! { black_box(done + 1); }
    done
}

fn caught(n: u64) -> u64 {
    panic::catch(|| black_box(n) + 1).expect("no panic")
}

fn empty(n: u64) -> u64 {
    panic::frame(|_| black_box(n) + 1)
}

fn deferred(n: u64) -> u64 {
    panic::frame(|f| {
        f.defer(|u| *u.result += 1);
        black_box(n)
    })
}

fn thrice(n: u64) -> u64 {
    panic::frame(|f| {
        f.defer(|u| *u.result += 1);
        f.defer(|u| *u.result *= 2);
        f.defer(|u| *u.result += n);
        black_box(n)
    })
}

/// Raised past the hook, which would print it.
fn recovered(n: u64) -> u64 {
    panic::frame(|f| -> u64 {
        f.defer(|u| *u.result = u.recover().map_or(0, |_| 1));
        std::panic::resume_unwind(Box::new(n))
    })
}
