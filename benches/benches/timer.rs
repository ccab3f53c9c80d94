//! The deadlines by themselves: what a timeout costs that never fires, and one that does.

#![forbid(unsafe_code)]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

/// The runtime's own, which it does not show.
#[path = "../../runtime/src/timer/mod.rs"]
#[allow(dead_code, unused_imports, reason = "only what is measured is used")]
mod timer;

/// What they ask of the floors below it.
mod sys {
    /// Nothing is popped in turns here, so nothing is to be fetched ahead.
    pub(crate) fn prefetch(_address: usize) {}
}

use timer::Deadlines;

const HOUR: u64 = 3_600_000_000_000;

/// Deadlines up to an hour ahead, in no order.
fn scattered(i: u64) -> u64 {
    i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % HOUR
}

fn pending(count: u64) -> Deadlines<usize> {
    let mut heap = Deadlines::new();
    for i in 1..=count {
        heap.insert(scattered(i), i as usize);
    }
    heap
}

fn heap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timer");
    for count in [0, 1_000, 1_000_000] {
        let mut heap = pending(count);
        let far = 2 * HOUR;
        group.bench_function(BenchmarkId::new("insert_cancel_far", count), |bencher| {
            bencher.iter(|| {
                let (key, _) = heap.insert(black_box(far), 7);
                heap.cancel(key)
            });
        });
        let mut heap = pending(count);
        let mut i = count;
        group.bench_function(BenchmarkId::new("insert_cancel_scattered", count), |bencher| {
            bencher.iter(|| {
                i += 1;
                let (key, _) = heap.insert(scattered(i), 7);
                heap.cancel(key)
            });
        });
        // A hundred goroutines with a timeout each: none is the last when it is cancelled.
        let mut heap = pending(count);
        let mut keys: Vec<_> = (0..100).map(|_| heap.insert(far, 7).0).collect();
        let mut i = 0;
        group.bench_function(BenchmarkId::new("cancel_insert_of_100", count), |bencher| {
            bencher.iter(|| {
                i += 1;
                let (key, _) = heap.insert(far + i, 7);
                let old = std::mem::replace(&mut keys[i as usize % 100], key);
                heap.cancel(old)
            });
        });
    }
    for count in [1_000, 1_000_000] {
        let mut heap = pending(count);
        let mut i = count;
        group.bench_function(BenchmarkId::new("insert_pop", count), |bencher| {
            bencher.iter(|| {
                i += 1;
                heap.insert(scattered(i), 7);
                heap.pop()
            });
        });
    }
    group.sample_size(10);
    group.bench_function("fill_and_drain/1000000", |bencher| {
        bencher.iter_batched(
            || pending(1_000_000),
            |mut heap| while heap.pop().is_some() {},
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, heap);
criterion_main!(benches);
