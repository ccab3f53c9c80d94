//! The inside of `rt`: what one spawn, one switch, one wake, one channel operation costs.
//!
//! Every loop runs in a goroutine, so that nothing of the way in is measured.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rt::chan::Chan;
use rt::sync::{Mutex, WaitGroup};
use rt::{Runtime, spawn, yield_now};

/// Tasks in a batch.
const BATCH: usize = 1_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for procs in [1, 2] {
        let runtime = Runtime::builder().procs(procs).build().expect("a runtime");
        spawn_join(&mut criterion, &runtime, procs);
        spawn_batch(&mut criterion, &runtime, procs);
        yields(&mut criterion, &runtime, procs);
        wake(&mut criterion, &runtime, procs);
        chan(&mut criterion, &runtime, procs);
        mutex(&mut criterion, &runtime, procs);
        wait_group(&mut criterion, &runtime, procs);
    }
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

fn spawn_join(criterion: &mut Criterion, runtime: &Runtime, procs: usize) {
    let mut group = criterion.benchmark_group("spawn_join");
    group.bench_function(BenchmarkId::new("empty", procs), |bencher| {
        bencher.iter_custom(|turns| timed(runtime, turns, || spawn(|| ()).join().expect("joined")));
    });
    group.bench_function(BenchmarkId::new("result", procs), |bencher| {
        bencher.iter_custom(|turns| {
            timed(runtime, turns, || {
                let words = black_box([1_u64; 8]);
                assert_eq!(spawn(move || words).join().expect("joined"), [1; 8]);
            })
        });
    });
    group.finish();
}

fn spawn_batch(criterion: &mut Criterion, runtime: &Runtime, procs: usize) {
    let mut group = criterion.benchmark_group("spawn_batch");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new("join", procs), |bencher| {
        bencher.iter_custom(|turns| {
            timed(runtime, turns, || {
                let handles: Vec<_> = (0..BATCH).map(|_| spawn(|| ())).collect();
                for handle in handles {
                    handle.join().expect("joined");
                }
            })
        });
    });
    group.bench_function(BenchmarkId::new("wait_group", procs), |bencher| {
        bencher.iter_custom(|turns| {
            timed(runtime, turns, || {
                let group = WaitGroup::new();
                for _ in 0..BATCH {
                    group.go(|| ());
                }
                group.wait();
            })
        });
    });
    group.finish();
}

fn yields(criterion: &mut Criterion, runtime: &Runtime, procs: usize) {
    let mut group = criterion.benchmark_group("yield");
    group.bench_function(BenchmarkId::new("alone", procs), |bencher| {
        bencher.iter_custom(|turns| timed(runtime, turns, yield_now));
    });
    group.bench_function(BenchmarkId::new("two", procs), |bencher| {
        bencher.iter_custom(|turns| {
            let yielder = move || (0..turns).for_each(|_| yield_now());
            // Both yield `turns` times: half of the time belongs to each.
            timed(runtime, 1, move || {
                let (a, b) = (spawn(yielder), spawn(yielder));
                a.join().expect("joined");
                b.join().expect("joined");
            }) / 2
        });
    });
    group.finish();
}

fn wake(criterion: &mut Criterion, runtime: &Runtime, procs: usize) {
    let mut group = criterion.benchmark_group("wake");
    // A round trip is two wakes: each side parks until the other sends.
    group.bench_function(BenchmarkId::new("round_trip", procs), |bencher| {
        bencher.iter_custom(|turns| {
            runtime.run(move || {
                let (ping, pong) = (Chan::new(0), Chan::new(0));
                let echo = spawn({
                    let (ping, pong) = (ping.clone(), pong.clone());
                    move || {
                        while let Some(()) = ping.recv() {
                            pong.send(());
                        }
                    }
                });
                let start = Instant::now();
                for _ in 0..turns {
                    ping.send(());
                    pong.recv().expect("an echo");
                }
                let elapsed = start.elapsed();
                ping.close();
                echo.join().expect("joined");
                elapsed
            })
        });
    });
    // From a plain thread: the worker may sleep, and the kernel has to wake it.
    group.bench_function(BenchmarkId::new("from_thread", procs), |bencher| {
        bencher.iter_custom(|turns| {
            let (ping, pong) = (Chan::new(0), Chan::new(0));
            let echo = runtime.handle().spawn({
                let (ping, pong) = (ping.clone(), pong.clone());
                move || {
                    while let Some(()) = ping.recv() {
                        pong.send(());
                    }
                }
            });
            let start = Instant::now();
            for _ in 0..turns {
                ping.send(());
                pong.recv().expect("an echo");
            }
            let elapsed = start.elapsed();
            ping.close();
            echo.join().expect("joined");
            elapsed
        });
    });
    group.finish();
}

/// Operations that need nobody else: what a channel costs before anyone waits.
fn chan(criterion: &mut Criterion, runtime: &Runtime, procs: usize) {
    let mut group = criterion.benchmark_group("chan");
    group.bench_function(BenchmarkId::new("send_recv", procs), |bencher| {
        bencher.iter_custom(|turns| {
            let chan = Chan::new(1);
            timed(runtime, turns, move || {
                chan.send(black_box(1_u64));
                assert_eq!(chan.recv(), Some(1));
            })
        });
    });
    group.bench_function(BenchmarkId::new("try_recv_empty", procs), |bencher| {
        bencher.iter_custom(|turns| {
            let chan = Chan::<u64>::new(1);
            timed(runtime, turns, move || assert!(black_box(&chan).try_recv().is_err()))
        });
    });
    group.bench_function(BenchmarkId::new("try_send_full", procs), |bencher| {
        bencher.iter_custom(|turns| {
            let chan = Chan::new(1);
            assert!(chan.try_send(0_u64).is_ok());
            timed(runtime, turns, move || assert!(black_box(&chan).try_send(1).is_err()))
        });
    });
    group.finish();
}

fn mutex(criterion: &mut Criterion, runtime: &Runtime, procs: usize) {
    let mut group = criterion.benchmark_group("mutex");
    group.bench_function(BenchmarkId::new("lock_unlock", procs), |bencher| {
        bencher.iter_custom(|turns| {
            let count = Mutex::new(0_u64);
            timed(runtime, turns, move || *black_box(&count).lock() += 1)
        });
    });
    group.finish();
}

fn wait_group(criterion: &mut Criterion, runtime: &Runtime, procs: usize) {
    let mut group = criterion.benchmark_group("wait_group");
    group.bench_function(BenchmarkId::new("add_done", procs), |bencher| {
        bencher.iter_custom(|turns| {
            let count = WaitGroup::new();
            timed(runtime, turns, move || {
                count.add(1);
                count.done();
            })
        });
    });
    group.finish();
}
