//! `select!`: which case happens, who waits, and what becomes of the values. How it reads its arms is tested in `rt-macros`,
//! what is ready at one instant in `select_instant.rs`, `Select` in `select_dynamic/`.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, Token, eventually_resting, eventually_yielding, panic_text, runtime};
use rt::chan::{self, Chan, Select};
use rt::select;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(3600);

/// On goroutines, and on a plain thread that has entered a runtime.
fn everywhere(f: impl Fn() + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(&f);
    }
    let runtime = runtime(1);
    let handle = runtime.handle();
    let _entered = handle.enter();
    f();
}

/// A channel from which one can always receive.
fn closed<T: Send>() -> Chan<T> {
    let ch = Chan::new(0);
    ch.close();
    ch
}

/// Somebody waits to send on `ch`.
fn until_it_waits<T>(ch: &Chan<T>) {
    let mut select = Select::new();
    select.recv(ch);
    eventually_resting("it waits", || select.try_ready().is_ok());
}

#[test]
fn what_is_always_ready_is_never_overlooked() {
    let _t = common::test();
    everywhere(|| {
        let (ready, flickers) = (closed::<u32>(), Chan::new(1));
        let stop = Arc::new(AtomicBool::new(false));
        let other = rt::spawn({
            let (flickers, stop) = (flickers.clone(), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let _ = flickers.try_send(1);
                    let _ = flickers.try_recv();
                    rt::yield_now();
                }
            }
        });
        for _ in 0..5_000 {
            select! {
                recv(flickers) -> v => assert_eq!(v, Some(1)),
                send(flickers, 1) => {}
                recv(ready) -> v => assert_eq!(v, None),
                default => panic!("one was ready"),
            }
            select! {
                biased;
                recv(flickers) => {}
                recv(ready) => {}
                default => panic!("one was ready"),
            }
        }
        stop.store(true, Ordering::Relaxed);
        other.join().unwrap();
    });
}

#[test]
fn it_never_meets_itself() {
    let _t = common::test();
    everywhere(|| {
        let ch = Chan::new(0);
        for n in 0..200 {
            select! {
                send(ch, n) => panic!("sent to itself"),
                recv(ch) -> v => panic!("received {v:?} from itself"),
                default => {}
            }
        }
        select! {
            send(ch, 0) => panic!("sent to itself"),
            recv(ch) => panic!("received from itself"),
            send(ch, 1) => panic!("sent to itself"),
            default(SHORT) => {}
        }
        // Two such meet each other: one sends what the other receives.
        let rounds = |me: u32, ch: Chan<u32>| {
            move || {
                let (mut sent, mut received) = (0, 0);
                for _ in 0..500 {
                    select! {
                        recv(ch) -> v => {
                            assert_eq!(v, Some(1 - me));
                            received += 1;
                        }
                        send(ch, me) => sent += 1,
                    }
                }
                (sent, received)
            }
        };
        let other = rt::spawn(rounds(0, ch.clone()));
        let (sent, received) = rounds(1, ch)();
        assert_eq!(sent + received, 500);
        assert_eq!(other.join().unwrap(), (received, sent));
    });
}

#[test]
fn one_channel_in_two_cases() {
    let _t = common::test();
    everywhere(|| {
        for cap in [0, 1] {
            let ch = Chan::new(cap);
            let sender = rt::spawn({
                let ch = ch.clone();
                move || {
                    for n in 0..100 {
                        select! {
                            send(ch, (0, n)) => {}
                            send(ch, (1, n)) => {}
                        }
                    }
                }
            });
            let mut cases = [0; 2];
            for expected in 0..100 {
                let v = select! {
                    recv(ch) -> v => { cases[0] += 1; v }
                    recv(ch) -> v => { cases[1] += 1; v }
                };
                assert_eq!(v.map(|(_, n)| n), Some(expected));
            }
            sender.join().unwrap();
            assert_eq!(cases[0] + cases[1], 100);
            // The case that lost waits no longer.
            assert!(ch.try_recv().is_err());
            assert_eq!(ch.try_send((2, 0)).is_ok(), cap == 1);
        }
    });
}

const ROUNDS: usize = 10_000;

/// Each of `counts` has its share of the rounds, but for ten standard deviations.
#[track_caller]
fn assert_fair(counts: &[usize]) {
    assert_eq!(counts.iter().sum::<usize>(), ROUNDS);
    let (n, p) = (ROUNDS as f64, 1.0 / counts.len() as f64);
    for count in counts {
        let off = (*count as f64 - n * p).abs();
        assert!(off < 10.0 * (n * p * (1.0 - p)).sqrt(), "{counts:?}");
    }
}

#[test]
fn each_that_is_ready_gets_its_share() {
    let _t = common::test();
    everywhere(|| {
        let (a, b, c, d) = (closed::<()>(), closed::<()>(), closed::<()>(), closed::<()>());
        let (nil, empty, room) = (Chan::<()>::nil(), Chan::<()>::new(1), Chan::new(ROUNDS));
        let (mut two, mut three, mut four) = ([0; 2], [0; 3], [0; 4]);
        let (mut sends, mut two_of_four) = ([0; 2], [0; 2]);
        for _ in 0..ROUNDS {
            select! { recv(a) => two[0] += 1, recv(b) => two[1] += 1 }
            select! { recv(a) => three[0] += 1, recv(b) => three[1] += 1, recv(c) => three[2] += 1 }
            select! {
                recv(a) => four[0] += 1,
                recv(b) => four[1] += 1,
                recv(c) => four[2] += 1,
                recv(d) => four[3] += 1,
            }
            select! { send(room, ()) => sends[0] += 1, recv(a) => sends[1] += 1 }
            select! {
                recv(nil) => unreachable!(),
                recv(a) => two_of_four[0] += 1,
                recv(empty) => unreachable!(),
                recv(b) => two_of_four[1] += 1,
            }
        }
        assert_fair(&two);
        assert_fair(&three);
        assert_fair(&four);
        assert_fair(&sends);
        assert_fair(&two_of_four);
        let all = [&a, &empty, &b, &nil, &c];
        let mut select = Select::new();
        for ch in all {
            select.recv(ch);
        }
        let mut counts = [0; 5];
        for _ in 0..ROUNDS {
            let chosen = select.select();
            let i = chosen.index();
            counts[i] += 1;
            assert_eq!(chosen.recv(all[i]), None);
        }
        assert_fair(&[counts[0], counts[2], counts[4]]);
    });
}

#[test]
fn biased_takes_the_first_of_any_that_are_ready() {
    let _t = common::test();
    everywhere(|| {
        for ready in 0..16_u32 {
            let is_ready = |i: u32| ready >> i & 1 != 0;
            let ch = |i: u32| if is_ready(i) { closed::<()>() } else { Chan::new(0) };
            let (a, b, c) = (ch(0), ch(1), ch(2));
            let room = Chan::new(usize::from(is_ready(3)));
            let chosen = select! {
                biased;
                recv(a) => 0,
                recv(b) => 1,
                recv(c) => 2,
                send(room, ()) => 3,
                default => 32,
            };
            assert_eq!(chosen, ready.trailing_zeros());
        }
    });
}

/// As in the tests of Go's: four channels, one sender and one receiver for each, and one of each that selects among all.
#[test]
fn ten_parties_on_four_channels_come_to_an_end() {
    let _t = common::test();
    const EACH: u32 = 2_000;
    for (procs, on_threads) in [(1, false), (2, false), (8, false), (2, true)] {
        let runtime = runtime(procs);
        let handle = runtime.handle();
        let chans = [0, 0, 2, 3].map(Chan::<u32>::new);
        let mut parties: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        for ch in chans.clone() {
            let rx = ch.clone();
            parties.push(Box::new(move || (0..EACH).for_each(|n| ch.send(n))));
            parties.push(Box::new(move || (0..EACH).for_each(|_| assert!(rx.recv().is_some()))));
        }
        // A case that has had its turns is nil from then on.
        let spend = |ch: &mut Chan<u32>, left: &mut u32| {
            *left -= 1;
            if *left == 0 {
                *ch = Chan::nil();
            }
        };
        let [mut a, mut b, mut c, mut d] = chans.clone();
        parties.push(Box::new(move || {
            let mut left = [EACH; 4];
            while left != [0; 4] {
                select! {
                    send(a, 0) => spend(&mut a, &mut left[0]),
                    send(b, 1) => spend(&mut b, &mut left[1]),
                    send(c, 2) => spend(&mut c, &mut left[2]),
                    send(d, 3) => spend(&mut d, &mut left[3]),
                }
            }
        }));
        let [mut a, mut b, mut c, mut d] = chans.clone();
        parties.push(Box::new(move || {
            let mut left = [EACH; 4];
            while left != [0; 4] {
                select! {
                    recv(a) => spend(&mut a, &mut left[0]),
                    recv(b) => spend(&mut b, &mut left[1]),
                    recv(c) => spend(&mut c, &mut left[2]),
                    recv(d) => spend(&mut d, &mut left[3]),
                }
            }
        }));
        let (mut goroutines, mut threads) = (Vec::new(), Vec::new());
        for (i, party) in parties.into_iter().enumerate() {
            // The selecting sender, and some of those that it meets.
            if on_threads && i % 4 == 0 {
                threads.push(thread::spawn(party));
            } else {
                goroutines.push(handle.spawn(party));
            }
        }
        goroutines.into_iter().for_each(|party| party.join().unwrap());
        threads.into_iter().for_each(|party| party.join().unwrap());
        assert!(chans.iter().all(|ch| ch.is_empty()));
    }
}

#[test]
fn default_comes_when_its_time_is_over_and_nobody_waits_then() {
    let _t = common::test();
    everywhere(|| {
        let (a, b, nil) = (Chan::new(0), Chan::<u32>::new(1), Chan::<u32>::nil());
        let time = Duration::from_millis(20);
        let begin = Instant::now();
        select! {
            send(a, 1) => unreachable!(),
            recv(b) => unreachable!(),
            recv(nil) => unreachable!(),
            default(time) => assert!(begin.elapsed() >= time),
        }
        assert!(a.try_recv().is_err() && b.try_send(2).is_ok());
        assert_eq!(b.len(), 1, "it still waited");
        // With a case in time there is no default.
        let partner = rt::spawn({
            let a = a.clone();
            move || a.recv()
        });
        select! {
            send(a, 3) => {}
            recv(nil) => unreachable!(),
            default(LONG) => panic!("too early"),
        }
        assert_eq!(partner.join().unwrap(), Some(3));
    });
}

#[test]
fn without_a_case_that_can_happen_it_waits_until_it_is_aborted() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            let (tally, begun) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
            let waits: [fn(Token); 4] = [
                |_token| select! {},
                |_token| select! { biased; recv(Chan::<()>::nil()) => {} },
                |token| {
                    let (nil, ch, mut slot) = (Chan::nil(), Chan::new(0), Some(token.clone()));
                    select! { send(nil, token) => {} send_from(ch, &mut slot) => {} recv(ch) => {} }
                },
                |token| {
                    let (tx, rx) = chan::bounded(0);
                    let never = chan::never::<()>();
                    select! { send(tx, token) -> _ => {} recv(never) => {} default(LONG) => {} }
                    drop(rx);
                },
            ];
            let parties = waits.map(|wait| {
                let (begun, token) = (Arc::clone(&begun), tally.token());
                rt::spawn(move || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    wait(token);
                })
            });
            eventually_yielding("all have begun", || begun.load(Ordering::Relaxed) == 4);
            for party in parties {
                assert!(party.join_timeout(SHORT).unwrap_err().is_timeout());
                party.abort();
                assert!(party.join().unwrap_err().is_cancelled());
            }
            tally.assert_all_dropped();
        });
    }
}

#[test]
fn values_without_size_and_of_great_alignment() {
    #[repr(align(256))]
    #[derive(Debug, PartialEq)]
    struct Aligned(u8);

    let _t = common::test();
    everywhere(|| {
        for cap in [0, 1] {
            let (units, aligned) = (Chan::<()>::new(cap), Chan::new(cap));
            let sender = rt::spawn({
                let (units, aligned) = (units.clone(), aligned.clone());
                move || {
                    let mut sent = [0_u8; 2];
                    let (nil, mut slot) = (Chan::nil(), None);
                    while sent != [100; 2] {
                        let left = if sent[1] < 100 { aligned.clone() } else { Chan::nil() };
                        slot.get_or_insert(Aligned(sent[1]));
                        select! {
                            send(if sent[0] < 100 { &units } else { &nil }, ()) => sent[0] += 1,
                            send_from(left, &mut slot) => sent[1] += 1,
                        }
                    }
                }
            });
            let mut got = [0_u8; 2];
            while got != [100; 2] {
                select! {
                    recv(units) -> v => { assert_eq!(v, Some(())); got[0] += 1; }
                    recv(aligned) -> v => {
                        let v = v.unwrap();
                        assert_eq!((&raw const v).addr() % 256, 0);
                        assert_eq!(v, Aligned(got[1]));
                        got[1] += 1;
                    }
                }
            }
            sender.join().unwrap();
        }
    });
}

/// Of three sends that wait, one is received; the others' values are dropped, or in their slot again.
#[test]
fn who_waits_and_loses_keeps_or_drops_its_value() {
    let _t = common::test();
    everywhere(|| {
        let tally = Tally::default();
        for from in 0..3 {
            let chans = [0; 3].map(Chan::<Token>::new);
            let selects = rt::spawn({
                let ([a, b, c], tally) = (chans.clone(), tally.clone());
                move || {
                    let mut slots = [Some(tally.token()), Some(tally.token())];
                    let [one, two] = &mut slots;
                    let chosen = select! {
                        send_from(a, one) => 0,
                        send_from(b, two) => 1,
                        send(c, tally.token()) => 2,
                    };
                    assert_eq!(slots.map(|slot| slot.is_none()), [chosen == 0, chosen == 1]);
                    chosen
                }
            });
            // It is there, then it is met; the other channels have nobody then.
            let mut got = None;
            eventually_yielding("it waits", || {
                got = chans[from].try_recv().ok();
                got.is_some()
            });
            assert_eq!(selects.join().unwrap(), from);
            assert!(chans.iter().all(|ch| ch.try_recv().is_err()));
            assert_eq!(tally.made() - tally.dropped(), 1);
            drop(got);
            tally.assert_all_dropped();
        }
    });
}

/// Who selects stands in the same line as who does not.
#[test]
fn those_who_wait_are_served_in_order() {
    let _t = common::test();
    runtime(1).run(|| {
        for sending in [false, true] {
            let [ch, other, third] = [0; 3].map(Chan::new);
            let parties: Vec<_> = (0..20)
                .map(|i| {
                    let (ch, other, third) = (ch.clone(), other.clone(), third.clone());
                    let party = rt::spawn(move || match (sending, i % 3) {
                        (false, 0) => ch.recv(),
                        (false, 1) => select! { recv(ch) -> v => v, recv(other) -> v => v },
                        (false, _) => select! { send(third, i) => None, recv(ch) -> v => v },
                        (true, 0) => {
                            ch.send(i);
                            None
                        }
                        (true, 1) => select! { send(ch, i) => None, recv(other) -> v => v },
                        (true, _) => select! { recv(other) -> v => v, send(ch, i) => None },
                    });
                    // One after the other into the queue.
                    rt::yield_now();
                    party
                })
                .collect();
            for i in 0..20 {
                if sending { assert_eq!(ch.recv(), Some(i)) } else { ch.send(i) }
            }
            for (i, party) in (0..).zip(parties) {
                assert_eq!(party.join().unwrap(), (!sending).then_some(i));
            }
        }
    });
}

/// As ready as any, and never passed over for a default; who waits is told when it is closed, and leaves the others as they were.
#[test]
fn sends_on_a_closed_channel_panic() {
    const CLOSED: &str = "send on closed channel";
    let _t = common::test();
    everywhere(|| {
        let (over, nil, empty) = (closed(), Chan::<u32>::nil(), Chan::new(0));
        let mut slot = Some(4);
        assert_eq!(panic_text(|| select! { send(over, 1) => {} default => {} }), CLOSED);
        assert_eq!(
            panic_text(|| select! { send_from(over, &mut slot) => {} default => {} }),
            CLOSED
        );
        assert_eq!(panic_text(|| select! { send(over, 1) => {} default(LONG) => {} }), CLOSED);
        let one_of_three =
            || select! { recv(nil) -> _ => {} send(over, 1) => {} recv(empty) -> _ => {} };
        assert_eq!(panic_text(one_of_three), CLOSED);
        for _ in 0..20 {
            let (ch, other) = (Chan::new(0), empty.clone());
            let waits =
                rt::go!(ch => panic_text(|| select! { send(ch, 1) => {} recv(other) -> _ => {} }));
            until_it_waits(&ch);
            ch.close();
            assert_eq!(waits.join().unwrap(), CLOSED);
            assert!(empty.try_send(1).is_err(), "nobody is there");
        }
    });
}

#[test]
fn a_daisy_chain_of_ten_thousand() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            let (quit, leftmost) = (Chan::<()>::new(0), Chan::new(0));
            let mut left = leftmost.clone();
            for _ in 0..10_000 {
                let right = Chan::new(0);
                let (from, to, quit) = (right.clone(), left, quit.clone());
                rt::spawn(move || {
                    let n: u32 = select! { recv(from) -> n => n.unwrap(), recv(quit) => return };
                    select! { send(to, n + 1) => {} recv(quit) => {} }
                });
                left = right;
            }
            left.send(1);
            assert_eq!(leftmost.recv(), Some(10_001));
        });
    }
}

/// They never stop by themselves, and hand each other what they need at once.
#[test]
fn a_timer_is_not_starved_by_those_who_are_always_ready() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let stop = Arc::new(AtomicBool::new(false));
            let (ch, ready) = (Chan::new(0), closed::<()>());
            let go_on = |f: fn(&Chan<u32>, &Chan<()>)| {
                let (ch, ready, stop) = (ch.clone(), ready.clone(), Arc::clone(&stop));
                rt::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        f(&ch, &ready);
                    }
                })
            };
            let parties = [
                go_on(|ch, _| ch.send(1)),
                go_on(|ch, _| assert!(ch.recv().is_some())),
                go_on(|ch, ready| select! { recv(ready) => {} send(ch, 1) => {} recv(ch) => {} }),
                go_on(|_, ready| select! { recv(ready) => {} default => {} }),
            ];
            for _ in 0..3 {
                let begin = Instant::now();
                let at = chan::after(Duration::from_millis(20)).recv().unwrap();
                assert!(at >= begin + Duration::from_millis(20));
            }
            stop.store(true, Ordering::Relaxed);
            // One of the first two may wait for the other for ever.
            for party in parties {
                party.abort();
                assert!(party.join().err().is_none_or(|error| error.is_cancelled()));
            }
        });
    }
}
