//! How deep stacks get, by where their goroutines were spawned: each place has its own, whoever had the stack before.

mod common;

use common::eventually;
use rt::Runtime;
use rt::chan::Chan;
use std::hint::black_box;

/// Uses `bytes` of the stack, and less than [`MORE`] beyond.
#[inline(never)]
fn dig(bytes: usize) {
    fn until(lowest: usize) -> u8 {
        let room = black_box([1_u8; 256]);
        let here = std::ptr::from_ref(&room).addr();
        if here <= lowest { room[0] } else { until(lowest) ^ room[1] }
    }
    let here = std::ptr::from_ref(&bytes).addr();
    black_box(until(here - bytes));
}

/// What the runtime, a goroutine that does nothing, and whole pages add: pages have 4 KiB here, or 16.
const MORE: usize = 16 << 10;

fn roomy(procs: usize) -> Runtime {
    Runtime::builder().procs(procs).stack_size(256 << 10).build().unwrap()
}

/// That of the goroutines that were spawned in `line` of this file.
fn high_water(runtime: &Runtime, line: u32) -> Option<usize> {
    let all = runtime.metrics().stack_high_water;
    assert!(all.is_sorted_by(|a, b| a.bytes >= b.bytes), "{all:?}");
    let here = all.iter().find(|of| of.site.file() == file!() && of.site.line() == line);
    here.map(|of| of.bytes)
}

#[test]
fn the_deepest_of_each_place_is_known() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = roomy(procs);
        let handle = runtime.handle();
        // The first of a place is looked at if its stack is new; they are all there at once.
        let gate = Chan::<()>::new(0);
        let wait = |bytes| {
            let gate = gate.clone();
            move || {
                dig(bytes);
                gate.recv();
            }
        };
        let (deep, line) = (handle.spawn(wait(100 << 10)), line!());
        let (shallow, other) = (handle.spawn(wait(0)), line!());
        eventually("both wait", || runtime.metrics().goroutines.waiting == [("chan receive", 2)]);
        for all_wait in [true, false] {
            if !all_wait {
                gate.close();
                runtime.run(|| ());
            }
            let found = high_water(&runtime, line).unwrap();
            assert!((100 << 10..(100 << 10) + MORE).contains(&found), "{found}");
            let found = high_water(&runtime, other).unwrap();
            assert!((1..=MORE).contains(&found), "{found}");
        }
        deep.join().unwrap();
        shallow.join().unwrap();
    }
}

#[test]
fn who_ends_before_anybody_asks_is_known() {
    let _t = common::test();
    let runtime = roomy(2);
    let (ended, line) = (runtime.handle().spawn(|| dig(60 << 10)), line!());
    ended.join().unwrap();
    let found = high_water(&runtime, line).unwrap();
    assert!((60 << 10..(60 << 10) + MORE).contains(&found), "{found}");
}

/// Used stacks have the memory of others, and say nothing: until one has given it back.
#[test]
fn on_used_stacks_each_place_has_its_own() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = roomy(procs);
        runtime.run(|| {
            let all: Vec<_> = (0..100).map(|_| rt::spawn(|| dig(100 << 10))).collect();
            all.into_iter().for_each(|handle| handle.join().unwrap());
        });
        let (spawn, line) = (|| rt::spawn(rt::yield_now), line!());
        runtime.run(move || spawn().join().unwrap());
        assert_eq!(high_water(&runtime, line).filter(|bytes| *bytes > MORE), None);
        eventually("one is looked at", || {
            runtime.run(move || (0..100).for_each(|_| spawn().join().unwrap()));
            high_water(&runtime, line).is_some()
        });
        let found = high_water(&runtime, line).unwrap();
        assert!((1..=MORE).contains(&found), "{found}");
    }
}

#[test]
fn the_text_for_prometheus_has_them() {
    let _t = common::test();
    let runtime = roomy(1);
    runtime.run(|| dig(30 << 10));
    let metrics = runtime.metrics();
    let [of] = metrics.stack_high_water[..] else { panic!("{:?}", metrics.stack_high_water) };
    assert!(of.bytes >= 30 << 10, "{of:?}");
    let line = format!("rt_stack_high_water_bytes{{site=\"{}\"}} {}", of.site, of.bytes);
    assert!(metrics.to_prometheus().lines().any(|found| found == line), "{line}");
}
