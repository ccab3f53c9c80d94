//! What a burst of goroutines took is given back: all but a twentieth within ten seconds.
#![cfg(target_os = "linux")]

mod common;

use common::runtime;
use rt::chan::Chan;
use std::time::{Duration, Instant};

/// How many goroutines a burst has; a million is the long run.
const COUNT: &str = "RT_BURST";

/// Resident memory and page tables, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
    };
    field("VmRSS:") + field("VmPTE:")
}

#[inline(never)]
fn deep(n: u32) -> u32 {
    let page = std::hint::black_box([n as u8; 4096]);
    if n == 0 { u32::from(page[0]) } else { deep(n - 1) + u32::from(page[4095]) }
}

/// So many goroutines that all wait at the same time, each after `work`; the memory they take.
fn burst(count: usize, work: fn()) -> u64 {
    let gate = Chan::<()>::new(0);
    let all: Vec<_> = (0..count)
        .map(|_| {
            let gate = gate.clone();
            rt::spawn(move || {
                work();
                gate.recv()
            })
        })
        .collect();
    while rt::metrics().goroutines.waiting.iter().map(|(_, n)| *n as usize).sum::<usize>() < count {
        rt::time::sleep(Duration::from_millis(5));
    }
    let most = memory();
    gate.close();
    all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), None));
    most
}

fn comes_back(name: &str, share: usize, work: fn()) {
    common::apart(name, |dog| {
        let count = std::env::var(COUNT).map_or(50_000, |n| n.parse().unwrap()) / share;
        runtime(2).run(|| {
            burst(10, work);
            let before = memory();
            let most = burst(count, work);
            dog.pet();
            let begun = Instant::now();
            // The allocator keeps some of what it got for goroutines and handles.
            let enough = before + (most - before) / 20;
            while memory() > enough && begun.elapsed() < Duration::from_secs(10) {
                rt::time::sleep(Duration::from_millis(50));
            }
            let (after, took) = (memory(), begun.elapsed());
            println!(
                "{count} goroutines: {} KiB before, {} with them, {} after {took:.1?}",
                before >> 10,
                most >> 10,
                after >> 10
            );
            assert!(most > before + count as u64 * 4096, "{before} bytes, then {most}");
            assert!(after <= enough, "{before} bytes before, {after} after {took:?}");
        });
    });
}

#[test]
fn the_memory_of_a_burst_comes_back() {
    comes_back("the_memory_of_a_burst_comes_back", 1, || ());
}

#[test]
fn the_memory_of_deep_stacks_comes_back() {
    comes_back("the_memory_of_deep_stacks_comes_back", 20, || {
        assert!(deep(20) > 0);
    });
}

/// What goroutines stood on is given back with the runtime, however it ends, and not with its last handle.
#[test]
fn a_handle_that_outlives_its_runtime_keeps_no_stacks() {
    common::apart("a_handle_that_outlives_its_runtime_keeps_no_stacks", |_| {
        for inside in [false, true] {
            for procs in [1, 3] {
                let runtime = runtime(procs);
                let handle = runtime.handle();
                runtime.run(|| burst(1000, || assert!(deep(2) > 0)));
                let kept = |handle: &rt::Handle| {
                    let stacks = handle.metrics().stacks;
                    stacks.in_use + stacks.cached
                };
                assert!(kept(&handle) >= 1000);
                if inside {
                    handle.spawn(move || drop(runtime)).join().unwrap();
                    common::eventually("the threads have ended", || kept(&handle) == 0);
                } else {
                    drop(runtime);
                    assert_eq!(kept(&handle), 0);
                }
            }
        }
    });
}
