//! Dumps from several sides, while goroutines spawn, end, park, wake, are pinned, cancelled and shut down: all mixed by a
//! seed. `RT_STRESS_ROUNDS` sets the rounds, `RT_STRESS_SEED` replays one.
#![allow(clippy::disallowed_types, reason = "std's own atomics check from outside")]

mod common;

use common::{Rng, builder, seeded, turns};
use rt::chan::Chan;
use rt::debug::{Dump, State};
use rt::sync::{Mutex, WaitGroup};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What holds of every dump.
fn check(dump: &Dump) {
    let mut ids = HashSet::new();
    for g in dump.goroutines() {
        assert!(ids.insert(g.id()), "goroutine {} is there twice", g.id());
        let site = g.site().map(|site| site.file());
        assert!(site.is_none_or(|file| file.ends_with("dump_stress.rs")), "{site:?}");
        assert!(
            g.name().is_none_or(|name| name == format!("of {}", g.parent().unwrap_or(0))),
            "{g}"
        );
        if g.state() == State::Waiting && !g.is_pinned() {
            assert!(g.waits_for().is_some(), "{g}");
            let body = g.full_backtrace().iter().any(|f| f.function().contains("body"));
            assert!(body, "its stack is not whole:\n{g}");
        }
    }
    assert!(dump.cycles().is_empty(), "{dump}");
}

struct World {
    /// Pairs that play ping-pong.
    counted: AtomicU64,
    mutex: Mutex<u64>,
    ch: Chan<u64>,
}

fn goroutine(world: &Arc<World>, wg: &WaitGroup, mut dice: Rng, depth: u32) {
    for _ in 0..6 {
        match dice.below(10) {
            0 => rt::yield_now(),
            1 => rt::time::sleep(Duration::from_micros(dice.below(300))),
            2 => *world.mutex.lock() += 1,
            3 => {
                let sent = world.ch.send_timeout(1, Duration::from_micros(dice.below(400)));
                world.counted.fetch_add(u64::from(sent.is_ok()), Ordering::Relaxed);
            }
            4 => {
                let got = world.ch.recv_timeout(Duration::from_micros(dice.below(400)));
                world.counted.fetch_sub(got.unwrap_or(0), Ordering::Relaxed);
            }
            5 => {
                let _pin = rt::task::pin_thread();
                rt::time::sleep(Duration::from_micros(dice.below(200)));
            }
            6 => {
                let (ping, pong) = (Chan::new(0), Chan::new(0));
                let (ping2, pong2) = (ping.clone(), pong.clone());
                let partner = rt::spawn(move || {
                    for n in &ping2 {
                        pong2.send(n + 1_u64);
                    }
                });
                for n in 0..20 {
                    ping.send(n);
                    assert_eq!(pong.recv(), Some(n + 1));
                }
                ping.close();
                partner.join().unwrap();
            }
            7 => {
                let aborted = rt::spawn(|| rt::time::sleep(Duration::from_secs(3600)));
                rt::yield_now();
                aborted.abort();
                assert!(aborted.join().unwrap_err().is_cancelled());
            }
            8 => {
                rt::scope(|s| {
                    s.spawn(rt::yield_now);
                });
            }
            _ if depth < 3 => {
                let (world, its, dice) = (Arc::clone(world), wg.clone(), Rng::new(dice.next()));
                let name = format!("of {}", rt::task::current().id());
                wg.add(1);
                let body = move || {
                    goroutine(&world, &its, dice, depth + 1);
                    its.done();
                };
                drop(rt::task::Builder::new().name(name).spawn(body).unwrap());
            }
            _ => {}
        }
    }
}

#[test]
fn everything_at_once() {
    let t = common::alone();
    seeded(&t.dog, turns(15, 40), |seed| {
        let mut dice = Rng::new(seed);
        let procs = [1, 2, 8][dice.below(3) as usize];
        let small = if dice.one_in(2) { 64 << 10 } else { 256 << 10 };
        let runtime = builder(procs).migrate(!dice.one_in(4)).stack_size(small).build().unwrap();
        let stop = AtomicBool::new(false);
        let dumps = AtomicU64::new(0);
        let world =
            Arc::new(World { counted: AtomicU64::new(0), mutex: Mutex::new(0), ch: Chan::new(1) });
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        check(&runtime.dump());
                        dumps.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            // They look before anything happens, and go on while it does.
            while dumps.load(Ordering::Relaxed) < 2 {
                std::thread::yield_now();
            }
            runtime.run(|| {
                let wg = WaitGroup::new();
                for _ in 0..40 {
                    let (world, its, dice) =
                        (Arc::clone(&world), wg.clone(), Rng::new(dice.next()));
                    wg.add(1);
                    drop(rt::spawn(move || {
                        goroutine(&world, &its, dice, 0);
                        its.done();
                    }));
                    if dice_says(seed) {
                        check(&rt::dump());
                    }
                }
                assert!(
                    wg.wait_timeout(Duration::from_secs(50)),
                    "a wake-up was lost:\n{}",
                    rt::dump()
                );
                let left = world.ch.try_recv().unwrap_or(0);
                assert_eq!(world.counted.load(Ordering::Relaxed), left, "a value was lost");
            });
            stop.store(true, Ordering::Relaxed);
        });
        // Shut down while goroutines wait and somebody looks.
        let handle = runtime.handle();
        for _ in 0..20 {
            let ch = world.ch.clone();
            drop(runtime.handle().spawn(move || ch.recv_timeout(Duration::from_secs(3600))));
        }
        let looks = std::thread::spawn(move || (0..20).for_each(|_| check(&handle.dump())));
        runtime.shutdown_timeout(Duration::from_secs(30)).unwrap();
        looks.join().unwrap();
    });
}

fn dice_says(seed: u64) -> bool {
    seed.is_multiple_of(3)
}
