//! `Slice` and `ForkSlice` beside `Vec`: pushing with and without growth, and looking at every element.

#![forbid(unsafe_code)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rt::collections::{ForkSlice, Growth, Slice};

const LENGTHS: [u64; 3] = [100, 10_000, 1_000_000];

/// There is room: what a push itself costs.
fn push_with_room(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("push_with_room");
    for n in LENGTHS {
        let room = n as usize;
        group.throughput(Throughput::Elements(n));
        group.bench_function(BenchmarkId::new("vec", n), |b| {
            b.iter(|| {
                let mut list = Vec::with_capacity(room);
                (0..n).for_each(|i| list.push(black_box(i)));
                list
            });
        });
        group.bench_function(BenchmarkId::new("slice", n), |b| {
            b.iter(|| {
                let mut list = Slice::make(0, room);
                (0..n).for_each(|i| list.push(black_box(i)));
                list
            });
        });
        group.bench_function(BenchmarkId::new("slice_append", n), |b| {
            b.iter(|| {
                let mut list = Slice::make(0, room);
                (0..n).for_each(|i| list = list.append(black_box(i)));
                list
            });
        });
        group.bench_function(BenchmarkId::new("fork", n), |b| {
            b.iter(|| {
                let mut list = ForkSlice::with_capacity(room);
                (0..n).for_each(|i| list.push(black_box(i)));
                list
            });
        });
        // A second fork looks on: each push takes its place by a read-modify-write.
        group.bench_function(BenchmarkId::new("fork_shared", n), |b| {
            b.iter(|| {
                let mut list = ForkSlice::with_capacity(room);
                let other = list.clone();
                (0..n).for_each(|i| list.push(black_box(i)));
                (list, other)
            });
        });
    }
    group.finish();
}

/// From nothing on.
fn push(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("push");
    for n in LENGTHS {
        group.throughput(Throughput::Elements(n));
        group.bench_function(BenchmarkId::new("vec", n), |b| {
            b.iter(|| {
                let mut list = Vec::new();
                (0..n).for_each(|i| list.push(black_box(i)));
                list
            });
        });
        for (name, growth) in [("slice", Growth::Classic), ("slice_modern", Growth::Modern)] {
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| {
                    let mut list = Slice::nil().with_growth(growth);
                    (0..n).for_each(|i| list.push(black_box(i)));
                    list
                });
            });
        }
        group.bench_function(BenchmarkId::new("slice_append", n), |b| {
            b.iter(|| {
                let mut list = Slice::nil();
                (0..n).for_each(|i| list = list.append(black_box(i)));
                list
            });
        });
        group.bench_function(BenchmarkId::new("fork", n), |b| {
            b.iter(|| {
                let mut list = ForkSlice::new();
                (0..n).for_each(|i| list.push(black_box(i)));
                list
            });
        });
    }
    group.finish();
}

fn iterate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("iterate");
    let sum = |elements: &[u64]| elements.iter().fold(0_u64, |sum, x| sum.wrapping_add(*x));
    for n in LENGTHS {
        group.throughput(Throughput::Elements(n));
        let list: Vec<u64> = (0..n).collect();
        let (slice, fork) = (Slice::from_vec(list.clone()), ForkSlice::from_vec(list.clone()));
        group.bench_function(BenchmarkId::new("vec", n), |b| b.iter(|| sum(black_box(&list))));
        group.bench_function(BenchmarkId::new("slice_view", n), |b| {
            b.iter(|| sum(&black_box(&slice).view()));
        });
        group.bench_function(BenchmarkId::new("slice_range", n), |b| {
            b.iter(|| black_box(&slice).into_iter().fold(0_u64, u64::wrapping_add));
        });
        group.bench_function(BenchmarkId::new("fork", n), |b| b.iter(|| sum(black_box(&fork))));
    }
    group.finish();
}

criterion_group!(benches, push_with_room, push, iterate);
criterion_main!(benches);
