//! `Select` under stress: what a round does follows from its seed. `RT_STRESS_ROUNDS`, `RT_STRESS_SEED`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, Token, panic_text, runtime};
use rt::chan::{Chan, Select};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const UNCOMPLETED: &str = "dropped `SelectedOperation` without completing the operation";

/// xorshift.
struct Seed(u64);

impl Seed {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Four parties send and receive on three channels, all ways mixed; every value is received once.
fn round(seed: u64, on_threads: bool) {
    common::note(seed);
    let mut dice = Seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let chans: Arc<[Chan<(u64, Token)>; 3]> =
        Arc::new(std::array::from_fn(|_| Chan::new(dice.below(3) as usize)));
    let (tally, sum) = (Tally::default(), Arc::new(AtomicU64::new(0)));
    let (received, expected) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    let total = 4 * 40;
    let done = Chan::<()>::new(0);
    let parties: Vec<_> = (0..4)
        .map(|i| {
            let (chans, tally, done) = (Arc::clone(&chans), tally.clone(), done.clone());
            let (sum, received) = (Arc::clone(&sum), Arc::clone(&received));
            let expected = Arc::clone(&expected);
            let mut dice = Seed((seed << 3 | i).wrapping_mul(0xD134_2543_DE82_EF95) | 1);
            let mut party = move || {
                let took = |(n, token): (u64, Token)| {
                    drop(token);
                    sum.fetch_add(n, Ordering::Relaxed);
                    if received.fetch_add(1, Ordering::AcqRel) + 1 == total {
                        done.close();
                    }
                };
                let mut all = Select::new();
                for ch in chans.iter() {
                    all.send(ch);
                }
                for ch in chans.iter() {
                    all.recv(ch);
                }
                let over = all.recv(&done);
                let mut from = Select::new();
                for ch in chans.iter() {
                    from.recv(ch);
                }
                from.recv(&done);
                let mut left = 40;
                loop {
                    let n = dice.below(1000);
                    let ch = &chans[dice.below(3) as usize];
                    match dice.below(10) {
                        0 if left > 0 => {
                            if ch.try_send((n, tally.token())).is_ok() {
                                expected.fetch_add(n, Ordering::Relaxed);
                                left -= 1;
                            }
                        }
                        1 => drop(ch.try_recv().map(took)),
                        2 => drop(ch.recv_timeout(Duration::from_micros(n)).map(took)),
                        3 => rt::select! {
                            recv(chans[0]) -> v => took(v.unwrap()),
                            recv(chans[1]) -> v => took(v.unwrap()),
                            default(Duration::from_micros(n / 4)) => {}
                        },
                        4 if left > 0 => {
                            let mut slot = Some((n, tally.token()));
                            rt::select! {
                                send_from(chans[1], &mut slot) => {}
                                recv(chans[2]) -> v => took(v.unwrap()),
                                default => {}
                            }
                            if slot.is_none() {
                                expected.fetch_add(n, Ordering::Relaxed);
                                left -= 1;
                            }
                        }
                        5 => drop(all.ready_timeout(Duration::from_micros(n))),
                        6 => {
                            if let Ok(chosen) = from.select_timeout(Duration::from_micros(n)) {
                                let i = chosen.index();
                                if i == 3 {
                                    chosen.recv(&done);
                                    return;
                                }
                                took(chosen.recv(&chans[i]).unwrap());
                            }
                        }
                        _ => {
                            let chosen = if left > 0 { all.select() } else { from.select() };
                            let i = chosen.index();
                            match i {
                                _ if i == over || (left == 0 && i == 3) => {
                                    chosen.recv(&done);
                                    return;
                                }
                                _ if left == 0 => took(chosen.recv(&chans[i]).unwrap()),
                                3..6 => took(chosen.recv(&chans[i - 3]).unwrap()),
                                _ if n.is_multiple_of(8) => {
                                    assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
                                }
                                _ => {
                                    if n.is_multiple_of(4) {
                                        rt::yield_now();
                                    }
                                    chosen.send(&chans[i], (n, tally.token()));
                                    expected.fetch_add(n, Ordering::Relaxed);
                                    left -= 1;
                                }
                            }
                        }
                    }
                }
            };
            if on_threads && i % 2 == 0 {
                let (handle, ended) = (rt::Handle::current(), Chan::<()>::new(0));
                let thread = thread::spawn({
                    let ended = ended.clone();
                    move || {
                        let _entered = handle.enter();
                        party();
                        ended.close();
                    }
                });
                Box::new(move || {
                    ended.recv();
                    thread.join().unwrap();
                }) as Box<dyn FnOnce()>
            } else {
                let handle = rt::spawn(party);
                Box::new(move || handle.join().unwrap())
            }
        })
        .collect();
    parties.into_iter().for_each(|join| join());
    assert_eq!(received.load(Ordering::Relaxed), total, "seed {seed}");
    assert_eq!(sum.load(Ordering::Relaxed), expected.load(Ordering::Relaxed), "seed {seed}");
    assert!(chans.iter().all(|ch| ch.is_empty()), "seed {seed}");
    tally.assert_all_dropped();
}

#[test]
fn every_value_arrives_once() {
    let t = common::test();
    std::panic::set_hook(Box::new(|info| {
        if !info.to_string().contains(UNCOMPLETED) {
            eprintln!("{info}");
        }
    }));
    let rounds = std::env::var("RT_STRESS_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let first = std::env::var("RT_STRESS_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for procs in [1, 2, 4] {
        let runtime = runtime(procs);
        for seed in first..first + rounds {
            runtime.run(|| round(seed, seed % 3 == 0));
            t.dog.pet();
        }
    }
}
