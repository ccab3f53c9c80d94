//! Goroutines that block, burn, sleep, spawn, talk and end their runtime, all ways mixed: what a round does
//! follows from its seed. `RT_STRESS_ROUNDS` sets the rounds, `RT_STRESS_SEED` replays one.
#![allow(clippy::disallowed_types, reason = "std's own atomics check from outside")]

mod common;

use common::{Rng, Tally, Token, builder, runtime, seeded, turns};
use rt::chan::{self, Receiver, Sender};
use rt::sync::{Mutex, WaitGroup};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What all of a round share.
struct World {
    steps: AtomicU64,
    mutex: Mutex<u64>,
    locked: AtomicU64,
    tx: Sender<u64>,
    rx: Receiver<u64>,
    sent: AtomicU64,
    received: AtomicU64,
    tally: Tally,
    /// The runtime is there until all have ended.
    lasts: bool,
}

/// Without a call of the runtime.
fn burn(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// The token is taken by who spawns: one that has not begun counts, too.
fn goroutine(world: &Arc<World>, mut dice: Rng, depth: u32, _token: &Token) {
    for _ in 0..8 {
        world.steps.fetch_add(1, Ordering::Relaxed);
        match dice.below(12) {
            0 => std::thread::sleep(Duration::from_micros(dice.below(2000))),
            1 => burn(Duration::from_micros(dice.below(1000))),
            2 if dice.one_in(8) => burn(Duration::from_millis(12)),
            3 => rt::time::sleep(Duration::from_micros(dice.below(1500))),
            4 => rt::yield_now(),
            5 => {
                let mut value = world.mutex.lock();
                if dice.one_in(4) {
                    std::thread::sleep(Duration::from_micros(300));
                }
                *value += 1;
                world.locked.fetch_add(1, Ordering::Relaxed);
            }
            6 | 7 => {
                let value = dice.below(1000);
                let sent = if dice.one_in(2) {
                    world.tx.send_timeout(value, Duration::from_micros(dice.below(800))).is_ok()
                } else {
                    world.tx.try_send(value).is_ok()
                };
                world.sent.fetch_add(if sent { value } else { 0 }, Ordering::Relaxed);
            }
            8 | 9 => {
                let got = world.rx.recv_timeout(Duration::from_micros(dice.below(500)));
                world.received.fetch_add(got.unwrap_or(0), Ordering::Relaxed);
            }
            10 => rt::blocking(|| std::thread::sleep(Duration::from_micros(dice.below(400)))),
            _ if depth < 3 => {
                let (its, dice) = (Arc::clone(world), Rng::new(dice.next()));
                let token = world.tally.token();
                let child = rt::spawn(move || goroutine(&its, dice, depth + 1, &token));
                let lasts = world.lasts;
                if depth != 1 {
                    let ended = child.join();
                    assert!(ended.is_ok() || !lasts);
                }
            }
            _ => {}
        }
    }
}

fn world(cap: usize, lasts: bool) -> Arc<World> {
    let (tx, rx) = chan::bounded(cap);
    Arc::new(World {
        steps: AtomicU64::new(0),
        mutex: Mutex::new(0),
        locked: AtomicU64::new(0),
        tx,
        rx,
        sent: AtomicU64::new(0),
        received: AtomicU64::new(0),
        tally: Tally::default(),
        lasts,
    })
}

/// All come to their end, and nothing is lost.
#[test]
fn whatever_they_do_all_get_on() {
    let t = common::test();
    seeded(&t.dog, turns(4, 20), |seed| {
        let mut dice = Rng::new(seed);
        let procs = [1, 2, 3, 8][dice.below(4) as usize];
        let world = world(dice.below(4) as usize, true);
        let count = 1 + dice.below(24);
        runtime(procs).run(|| {
            let wg = WaitGroup::new();
            for _ in 0..count {
                let (world, dice) = (Arc::clone(&world), Rng::new(dice.next()));
                let token = world.tally.token();
                wg.go(move || goroutine(&world, dice, 0, &token));
            }
            wg.wait();
            // Those whose parents did not wait for them.
            while world.tally.made() != world.tally.dropped() {
                rt::time::sleep(Duration::from_micros(500));
            }
        });
        assert_eq!(*world.mutex.lock(), world.locked.load(Ordering::Relaxed));
        let left: u64 = world.rx.try_iter().sum();
        let received = world.received.load(Ordering::Relaxed) + left;
        assert_eq!(received, world.sent.load(Ordering::Relaxed), "what was sent was received");
        assert!(world.steps.load(Ordering::Relaxed) >= 8 * count);
    });
}

/// The runtime ends in the middle of it: every goroutine is unwound, and no thread is left.
#[test]
fn their_runtime_ends_at_any_time() {
    let t = common::test();
    seeded(&t.dog, turns(4, 20), |seed| {
        let mut dice = Rng::new(seed);
        let procs = [1, 2, 3, 8][dice.below(4) as usize];
        let world = world(dice.below(4) as usize, false);
        let runtime = builder(procs).migrate(!dice.one_in(4)).build().unwrap();
        for _ in 0..1 + dice.below(24) {
            let (world, dice) = (Arc::clone(&world), Rng::new(dice.next()));
            let token = world.tally.token();
            runtime.handle().spawn(move || goroutine(&world, dice, 0, &token));
        }
        std::thread::sleep(Duration::from_micros(dice.below(8000)));
        drop(runtime);
        world.tally.assert_all_dropped();
        assert_eq!(Arc::strong_count(&world), 1);
    });
}
