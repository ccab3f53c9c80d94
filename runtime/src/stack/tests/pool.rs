//! The pool, in whichever guard mode the process is in.

use std::collections::HashSet;

use corosensei::{Coroutine, CoroutineResult};

use super::*;
use crate::sys::page_size;

#[test]
fn smoke() {
    for count in [0, 1, 8, 9, 700] {
        let out = taken(256 << 10, count);
        assert_eq!(out.len(), count);
        give(out);
    }
}

#[test]
fn every_stack_has_a_guard_below_and_memory_above() {
    // So far below its frame C may touch first, that GCC has made with `-fstack-clash-protection`.
    const REACH: usize = if cfg!(target_arch = "aarch64") { 64 << 10 } else { 4 << 10 };
    let prober = Prober::new();
    for size in [32 << 10, 256 << 10, 8 << 20, 1 << 30] {
        let out = taken(size, 20);
        for stack in &out {
            let (limit, base) = bounds(stack);
            let lowest = base - stack.usable();
            let mut reached = (lowest - REACH..lowest).step_by(4 << 10);
            assert!(!reached.any(|at| prober.can_read(at)));
            assert!(!prober.can_read(limit));
            assert!(!prober.can_read(limit + guard_size() - 1));
            assert!(prober.can_read(limit + guard_size()));
            assert!(prober.can_read(base - 1));
            assert!(stack.contains_guard(limit));
            assert!(stack.contains_guard(limit + guard_size() - 1));
            assert!(!stack.contains_guard(limit + guard_size()));
            assert!(!stack.contains_guard(limit - 1));
            assert_eq!(stack.usable(), base - limit - guard_size());
            assert!(stack.class().bytes() - stack.usable() < guard_size() + page_size());
        }
        give(out);
    }
}

#[test]
fn guards_survive_reuse() {
    let prober = Prober::new();
    for _ in 0..3 {
        let out = taken(64 << 10, 100);
        for stack in &out {
            assert!(!prober.can_read(bounds(stack).0));
        }
        give(out);
    }
}

#[test]
fn bases_are_aligned_and_coloured_within_the_top_page() {
    let out = taken(128 << 10, 64);
    let mut colours = HashSet::new();
    for stack in &out {
        let (limit, base) = bounds(stack);
        assert_eq!(base % 16, 0);
        let unused = limit + stack.class().bytes() - base;
        assert!(unused < page_size());
        colours.insert(unused);
    }
    assert_eq!(colours.len(), 16);
    give(out);
}

#[test]
fn no_two_stacks_overlap() {
    let mut out = taken(64 << 10, 1500);
    out.extend(taken(128 << 10, 700));
    let mut ranges: Vec<_> = out
        .iter()
        .map(|stack| (bounds(stack).0, bounds(stack).0 + stack.class().bytes()))
        .collect();
    ranges.sort_unstable();
    assert!(ranges.is_sorted_by(|a, b| a.1 <= b.0));
    give(out);
}

/// So their pages fall into all sets of the TLB, and the entries of their page tables into all of the caches.
#[test]
fn neighbours_are_no_power_of_two_apart() {
    let out = taken(2 << 20, 20);
    let mut starts: Vec<_> = out.iter().map(|stack| bounds(stack).0).collect();
    starts.sort_unstable();
    let apart = starts.windows(2).map(|two| two[1] - two[0]);
    assert!(apart.clone().filter(|&bytes| bytes == (2 << 20) + page_size()).count() > 10);
    give(out);
}

#[test]
#[cfg(target_os = "linux")]
fn a_stack_from_the_pool_reads_as_zeroes() {
    let class = Class::for_size(512 << 10).unwrap();
    let out = taken(class.bytes(), 30);
    let slots: HashSet<usize> = out.iter().map(|stack| bounds(stack).0).collect();
    for stack in &out {
        let (limit, base) = bounds(stack);
        for address in (limit + guard_size()..base).step_by(page_size() / 2) {
            write(stack, address, 0xaa);
        }
    }
    give(out);
    let again = taken(class.bytes(), 30);
    let reused = again.iter().filter(|stack| slots.contains(&bounds(stack).0));
    assert!(reused.count() > 0);
    for stack in &again {
        let (limit, base) = bounds(stack);
        for address in (limit + guard_size()..base).step_by(page_size() / 2) {
            assert_eq!(read(stack, address), 0);
        }
    }
    give(again);
}

#[test]
fn give_sorts_classes_out() {
    let mut mixed = taken(64 << 10, 40);
    mixed.extend(taken(128 << 10, 40));
    mixed.extend(taken(64 << 10, 40));
    give(mixed);
    for size in [64 << 10, 128 << 10] {
        let out = taken(size, 80);
        assert!(out.iter().all(|stack| stack.class().bytes() == size.max(2 * guard_size())));
        give(out);
    }
}

#[test]
fn a_coroutine_runs_panics_and_returns_its_stack() {
    fn deep(levels: usize) -> usize {
        let frame = std::hint::black_box([levels; 64]);
        if levels == 0 { 0 } else { 1 + deep(levels - 1) + frame[0] - frame[63] }
    }
    let stack = taken(256 << 10, 1).pop().unwrap();
    let slot = bounds(&stack).0;
    let mut coroutine = Coroutine::with_stack(stack, |yielder, input: usize| {
        let output = yielder.suspend(deep(input));
        let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(output)));
        *caught.unwrap_err().downcast::<usize>().unwrap()
    });
    assert_eq!(coroutine.resume(100).as_yield(), Some(100));
    assert!(matches!(coroutine.resume(5), CoroutineResult::Return(5)));
    let stack = coroutine.into_stack();
    assert_eq!(bounds(&stack).0, slot);
    give([stack]);
}

#[test]
fn threads_never_share_a_stack() {
    let threads: u8 = 4;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for round in 0..60 {
                    let out = taken(64 << 10, 1 + round * 7 % 40);
                    for stack in &out {
                        #[cfg(target_os = "linux")]
                        assert_eq!(read(stack, bounds(stack).1 - 64), 0);
                        write(stack, bounds(stack).1 - 64, thread + 1);
                    }
                    std::thread::yield_now();
                    for stack in &out {
                        assert_eq!(read(stack, bounds(stack).1 - 64), thread + 1);
                    }
                    give(out);
                }
            });
        }
    });
}

#[test]
fn a_stack_is_one_word() {
    assert_eq!(size_of::<Stack>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Stack>>(), size_of::<usize>());
}
