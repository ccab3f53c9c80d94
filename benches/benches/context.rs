//! What contexts cost, in goroutines. The same in Go: `go test -bench Context` in `benches/go`.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use rt::Runtime;
use rt::context::Context;

const CHILDREN: u64 = 1_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = Runtime::builder().procs(2).build().expect("a runtime");
    let root = Context::background().with_cancel();
    let mut group = criterion.benchmark_group("context");

    let above = root.0.clone();
    group.bench_function("with_cancel", |bencher| {
        bencher.iter_custom(|turns| {
            let above = above.clone();
            timed(&runtime, turns, move || {
                let (ctx, cancel) = above.with_cancel();
                cancel();
                black_box(ctx);
            })
        });
    });

    let above = root.0.clone();
    group.bench_function("with_timeout", |bencher| {
        bencher.iter_custom(|turns| {
            let above = above.clone();
            timed(&runtime, turns, move || {
                let (ctx, cancel) = above.with_timeout(Duration::from_secs(60));
                cancel();
                black_box(ctx);
            })
        });
    });

    let above = root.0.clone();
    group.bench_function("err", |bencher| {
        bencher.iter_custom(|turns| {
            let above = above.clone();
            timed(&runtime, turns, move || {
                black_box(above.err());
            })
        });
    });

    group.throughput(Throughput::Elements(CHILDREN));
    // Made and cancelled, as in Go's BenchmarkCancelTree.
    group.bench_function("cancel_tree", |bencher| {
        bencher.iter_custom(|turns| {
            timed(&runtime, turns, || {
                let (top, cancel) = Context::background().with_cancel();
                let children: Vec<_> = (0..CHILDREN).map(|_| top.with_cancel()).collect();
                cancel();
                black_box(children);
            })
        });
    });
    // The cancel alone.
    group.bench_function("cancel_1000", |bencher| {
        bencher.iter_custom(|turns| {
            runtime.run(move || {
                let mut time = Duration::ZERO;
                for _ in 0..turns {
                    let (top, cancel) = Context::background().with_cancel();
                    let children: Vec<_> = (0..CHILDREN).map(|_| top.with_cancel()).collect();
                    let start = Instant::now();
                    cancel();
                    time += start.elapsed();
                    black_box(children);
                }
                time
            })
        });
    });
    group.finish();
    criterion.final_summary();
}

/// Times `turns` calls inside one goroutine.
fn timed(runtime: &Runtime, turns: u64, turn: impl Fn() + Send + 'static) -> Duration {
    runtime.run(move || {
        let start = Instant::now();
        for _ in 0..turns {
            turn();
        }
        start.elapsed()
    })
}
