//! `Select`: the cases that are added at run time, and what completes them.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, Token, eventually_yielding, panic_text, runtime};
use rt::chan::{
    self, Chan, Receiver, RecvError, RecvTimeoutError, Select, SendError, TryRecvError,
    TrySelectError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(30);
const UNCOMPLETED: &str = "dropped `SelectedOperation` without completing the operation";

fn on_one_and_two(f: impl Fn() + Send + Sync) {
    for procs in [1, 2] {
        runtime(procs).run(&f);
    }
    // A plain thread, in a runtime that it has entered.
    let runtime = runtime(1);
    let handle = runtime.handle();
    let _entered = handle.enter();
    f();
}

/// Parks `f` in a goroutine: when this returns, it waits.
fn parked<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> rt::JoinHandle<T> {
    let begun = Arc::new(AtomicBool::new(false));
    let handle = rt::spawn({
        let begun = Arc::clone(&begun);
        move || {
            begun.store(true, Ordering::Release);
            f()
        }
    });
    eventually_yielding("it begins", || begun.load(Ordering::Acquire));
    // It waits, or will in a moment: nobody depends on which.
    assert!(handle.join_timeout(SHORT).is_err());
    handle
}

/// A dynamic send.
fn send<T>(ch: &Chan<T>, value: T) {
    let mut select = Select::new();
    select.send(ch);
    select.select().send(ch, value);
}

/// A dynamic receive.
fn recv<T>(ch: &Chan<T>) -> Option<T> {
    let mut select = Select::new();
    select.recv(ch);
    select.select().recv(ch)
}

#[test]
fn both_faces_in_both_directions() {
    let _t = common::test();
    on_one_and_two(|| {
        let (tx, rx) = chan::bounded(2);
        let go = Chan::new(2);
        let mut select = Select::new();
        assert_eq!((select.send(&tx), select.recv(&rx)), (0, 1));
        assert_eq!((select.send(&go), select.recv(&go)), (2, 3));
        let (mut sent, mut got) = ([0, 0], [0, 0]);
        for _ in 0..200 {
            let chosen = select.select();
            match chosen.index() {
                0 => {
                    assert_eq!(chosen.send(&tx, sent[0]), Ok(()));
                    sent[0] += 1;
                }
                1 => {
                    assert_eq!(chosen.recv(&rx), Ok(got[0]));
                    got[0] += 1;
                }
                2 => {
                    chosen.send(&go, sent[1]);
                    sent[1] += 1;
                }
                _ => {
                    assert_eq!(chosen.recv(&go), Some(got[1]));
                    got[1] += 1;
                }
            }
        }
        assert_eq!((sent[0] - got[0], sent[1] - got[1]), (rx.len(), go.len()));
        assert!(got.iter().all(|n| *n > 5), "fair: {got:?}");
    });
}

#[test]
fn nil_never_happens_and_nothing_is_waited_for() {
    let _t = common::test();
    on_one_and_two(|| {
        let nil = Chan::<String>::nil();
        let mut none = Select::new();
        assert!(none.try_select().is_err() && none.select_timeout(SHORT).is_err());
        assert!(none.try_ready().is_err() && none.ready_timeout(SHORT).is_err());
        let mut select = Select::new();
        select.recv(&nil);
        select.send(&nil);
        assert_eq!(select.try_select().map(drop), Err(TrySelectError));
        assert!(select.select_deadline(Instant::now()).is_err());
        let start = Instant::now();
        assert!(select.select_timeout(SHORT).is_err() && select.ready_timeout(SHORT).is_err());
        assert!(start.elapsed() >= 2 * SHORT);
        let full = Chan::new(1);
        let index = select.send(&full);
        assert_eq!(select.ready(), index);
        select.select().send(&full, 1);
        assert!(select.try_select().is_err() && select.try_ready().is_err());
    });
}

#[test]
fn closed_is_ready_and_says_so() {
    let _t = common::test();
    on_one_and_two(|| {
        let (tx, rx) = chan::bounded::<u8>(1);
        rx.close();
        let mut select = Select::new();
        select.send(&tx);
        assert_eq!(select.ready(), 0);
        assert_eq!(select.select().send(&tx, 5), Err(SendError(5)));
        let mut select = Select::new();
        select.recv(&rx);
        assert_eq!(select.try_ready(), Ok(0));
        assert_eq!(select.select().recv(&rx), Err(RecvError));
        let go = Chan::<u8>::new(0);
        go.close();
        assert_eq!(recv(&go), None);
        assert_eq!(panic_text(|| send(&go, 1)), "send on closed channel");
        // Closed after the choice: a kept place is void, and the value comes back.
        let (tx, rx) = chan::bounded(1);
        let mut select = Select::new();
        select.send(&tx);
        let chosen = select.select();
        drop(rx);
        assert_eq!(chosen.send(&tx, 6), Err(SendError(6)));
    });
}

#[test]
fn a_close_wakes_who_waits() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let ch = Chan::<u8>::new(0);
            let receiver = parked({
                let ch = ch.clone();
                move || recv(&ch)
            });
            let watched = Chan::<u8>::new(0);
            let watcher = parked({
                let ch = watched.clone();
                move || {
                    let mut select = Select::new_biased();
                    select.send(&ch);
                    select.recv(&ch);
                    (select.ready(), ch.is_closed())
                }
            });
            ch.close();
            assert_eq!(receiver.join().unwrap(), None);
            watched.close();
            assert_eq!(watcher.join().unwrap(), (0, true));
            let full = Chan::new(1);
            full.send(1);
            let sender = parked({
                let full = full.clone();
                move || send(&full, 2)
            });
            full.close();
            assert!(sender.join().unwrap_err().is_panic());
            assert_eq!((full.recv(), full.recv()), (Some(1), None));
        });
    }
}

#[test]
fn many_cases_indices_and_remove() {
    let _t = common::test();
    on_one_and_two(|| {
        let chans: Vec<_> = (0..100).map(|_| Chan::new(1)).collect();
        let mut select = Select::new();
        for (i, ch) in chans.iter().enumerate() {
            assert_eq!(select.recv(ch), i);
        }
        assert!(select.try_select().is_err());
        chans.iter().enumerate().for_each(|(i, ch)| ch.send(i));
        let mut order = Vec::new();
        while let Ok(chosen) = select.try_select() {
            let index = chosen.index();
            assert_eq!(chosen.recv(&chans[index]), Some(index));
            order.push(index);
        }
        assert!(!order.is_sorted() && order.len() == 100);
        // It waits in all of them.
        let late = rt::spawn({
            let ch = chans[77].clone();
            move || ch.send(1)
        });
        assert_eq!(select.ready(), 77);
        select.remove(77);
        assert!(select.try_ready().is_err());
        late.join().unwrap();
        assert_eq!(chans[77].try_recv(), Ok(1));
        assert!(panic_text(|| select.remove(77)).contains("77"));
        assert!(panic_text(|| select.remove(100)).contains("100"));
        chans[78].send(9);
        let mut same = select.clone();
        let chosen = select.select();
        assert_eq!((chosen.index(), chosen.recv(&chans[78])), (78, Some(9)));
        assert_eq!((select.recv(&chans[77]), same.recv(&chans[0])), (100, 100));
        chans[77].send(1);
        assert!(same.try_select().is_err());
        assert_eq!(select.select().recv(&chans[77]), Some(1));
    });
}

#[test]
fn biased_takes_the_first() {
    let _t = common::test();
    on_one_and_two(|| {
        let (a, b) = (Chan::new(1), Chan::new(100));
        let mut select = Select::new_biased();
        select.send(&a);
        select.send(&b);
        for i in 0..50 {
            let chosen = select.select();
            assert_eq!(chosen.index(), usize::from(i != 0));
            chosen.send(if i == 0 { &a } else { &b }, i);
        }
        assert_eq!((a.len(), b.len()), (1, 49));
    });
}

#[test]
fn unbuffered_all_four_ways() {
    let _t = common::test();
    type Send = fn(&Chan<Token>, Token);
    type Recv = fn(&Chan<Token>) -> Option<Token>;
    let spin: Recv = |ch| {
        loop {
            match ch.try_recv() {
                Ok(value) => return Some(value),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => rt::yield_now(),
            }
        }
    };
    let timed: Recv = |ch| ch.recv_timeout(LONG).ok();
    let of_select: Recv = |ch| rt::select! { recv(ch) -> value => value };
    let polled: Recv = |ch| {
        loop {
            rt::select! {
                recv(ch) -> value => return value,
                default => rt::yield_now(),
            }
        }
    };
    let send_select: Send = |ch, value| rt::select! { send(ch, value) => {} };
    let sends: [Send; 3] = [|ch, value| ch.send(value), send, send_select];
    let recvs: [Recv; 6] = [|ch| ch.recv(), recv, spin, timed, of_select, polled];
    on_one_and_two(|| {
        for send in sends {
            for recv in recvs {
                for cap in [0, 1] {
                    let (tally, ch) = (Tally::default(), Chan::new(cap));
                    let sender = rt::spawn({
                        let (ch, tally) = (ch.clone(), tally.clone());
                        move || {
                            (0..50).for_each(|_| send(&ch, tally.token()));
                            ch.close();
                        }
                    });
                    let mut got = 0;
                    while recv(&ch).is_some() {
                        got += 1;
                    }
                    sender.join().unwrap();
                    assert_eq!(got, 50);
                    tally.assert_all_dropped();
                }
            }
        }
    });
}

#[test]
fn a_claimed_receiver_waits_whatever_its_deadline() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let ch = Chan::new(0);
            for kind in 0..3 {
                let receiver = parked({
                    let ch = ch.clone();
                    move || match kind {
                        0 => ch.recv_timeout(10 * SHORT).ok(),
                        1 => rt::select! {
                            recv(ch) -> value => value,
                            default(10 * SHORT) => None,
                        },
                        _ => {
                            let mut select = Select::new();
                            select.recv(&ch);
                            select.select_timeout(10 * SHORT).ok().and_then(|c| c.recv(&ch))
                        }
                    }
                });
                let mut select = Select::new();
                select.send(&ch);
                let chosen = select.select_timeout(LONG).unwrap();
                // Time is up, and it is aborted; it has been promised a value.
                rt::time::sleep(15 * SHORT);
                receiver.abort();
                rt::time::sleep(SHORT);
                chosen.send(&ch, 7);
                match receiver.join() {
                    Ok(got) => assert_eq!(got, Some(7), "{kind}"),
                    // It has got it, and was ended by something later.
                    Err(e) => assert!(e.is_cancelled()),
                }
                assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
            }
        });
    }
}

#[test]
fn a_dropped_operation_gives_back_what_it_kept() {
    let _t = common::test();
    on_one_and_two(|| {
        // A place: who waits for it gets it.
        let ch = Chan::new(1);
        let mut select = Select::new();
        select.send(&ch);
        let chosen = select.select();
        assert_eq!((ch.len(), ch.try_send(0).is_err()), (0, true));
        let (first, second) = (ch.clone(), ch.clone());
        let first = rt::spawn(move || first.send(1));
        eventually_yielding("the sender waits", || {
            let mut select = Select::new();
            select.recv(&ch);
            select.try_ready().is_ok()
        });
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        first.join().unwrap();
        assert_eq!((ch.len(), ch.try_send(2).is_err()), (1, true));
        assert_eq!(ch.recv(), Some(1));
        let chosen = select.try_select().unwrap();
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        ch.send(3);
        // From one offer to the next.
        assert_eq!(ch.recv(), Some(3));
        let chosen = select.select();
        let second = rt::spawn(move || send(&second, 4));
        eventually_yielding("the offer waits", || {
            let mut select = Select::new();
            select.recv(&ch);
            select.try_ready().is_ok()
        });
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        second.join().unwrap();
        assert_eq!(ch.recv(), Some(4));
        // A receiver: it waits again.
        let ch = Chan::new(0);
        let receiver = rt::spawn({
            let ch = ch.clone();
            move || (ch.recv(), ch.recv_timeout(SHORT))
        });
        let mut select = Select::new();
        select.send(&ch);
        let chosen = select.select();
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        ch.send(5);
        assert_eq!(receiver.join().unwrap(), (Some(5), Err(RecvTimeoutError::Timeout)));
        // A receiver that came later than the offer.
        let offerer = rt::spawn({
            let ch = ch.clone();
            move || {
                let mut select = Select::new();
                select.send(&ch);
                drop(select.select());
            }
        });
        assert_eq!(ch.recv_timeout(10 * SHORT), Err(RecvTimeoutError::Timeout));
        assert!(offerer.join().unwrap_err().is_panic());
        // A value.
        let (tally, ch) = (Tally::default(), Chan::new(1));
        ch.send(tally.token());
        let mut select = Select::new();
        select.recv(&ch);
        let chosen = select.select();
        assert_eq!(tally.dropped(), 0);
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        tally.assert_all_dropped();
    });
}

#[test]
fn another_channel_than_the_chosen_one_panics() {
    let _t = common::test();
    on_one_and_two(|| {
        let tally = Tally::default();
        let (a, b) = (Chan::new(1), Chan::new(1));
        a.send(tally.token());
        let mut select = Select::new();
        select.recv(&a);
        let chosen = select.select();
        assert!(panic_text(|| chosen.recv(&b)).contains("does not receive"));
        assert_eq!((tally.dropped(), a.len()), (1, 0));
        let mut select = Select::new();
        select.send(&a);
        let chosen = select.select();
        assert!(panic_text(|| chosen.send(&b, tally.token())).contains("does not send"));
        let chosen = select.select();
        assert!(panic_text(|| chosen.recv(&a)).contains("does not receive"));
        let chosen = select.select();
        assert!(panic_text(|| chosen.recv(&Chan::<Token>::nil())).contains("does not receive"));
        // The place was given up each time; another handle of the same channel is as good.
        select.select().send(&a.clone(), tally.token());
        assert_eq!(a.len(), 1);
        drop(a);
        tally.assert_all_dropped();
    });
}

#[test]
fn an_operation_outlives_the_next_choice_and_its_select() {
    let _t = common::test();
    on_one_and_two(|| {
        let ch = Chan::new(3);
        (0..3).for_each(|i| ch.send(Box::new(i)));
        let mut select = Select::new();
        select.recv(&ch);
        let (first, second) = (select.select(), select.select());
        let mut other = select.clone();
        drop(select);
        let third = other.select();
        drop(other);
        assert_eq!(third.recv(&ch), Some(Box::new(2)));
        assert_eq!(second.recv(&ch), Some(Box::new(1)));
        assert_eq!(first.recv(&ch), Some(Box::new(0)));
    });
}

#[test]
fn an_offer_has_its_turn_among_the_senders() {
    let _t = common::test();
    for cap in [0, 2] {
        runtime(1).run(|| {
            let ch = Chan::new(cap);
            (0..cap).for_each(|i| ch.send(i));
            let handles: Vec<_> = (cap..cap + 6)
                .map(|i| {
                    let ch = ch.clone();
                    parked(move || if i % 2 == 0 { send(&ch, i) } else { ch.send(i) })
                })
                .collect();
            let got: Vec<_> = (0..cap + 6).map(|_| ch.recv().unwrap()).collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            if cap == 0 {
                assert!(got.is_sorted(), "{got:?}");
            } else {
                // A kept place is filled when its owner has run.
                let mut sorted = got.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..cap + 6).collect::<Vec<_>>());
            }
        });
    }
}

#[test]
fn time_is_up() {
    let _t = common::test();
    on_one_and_two(|| {
        let (full, empty) = (Chan::new(0), Chan::<u8>::new(0));
        let mut select = Select::new();
        select.send(&full);
        select.recv(&empty);
        let start = Instant::now();
        assert!(select.select_timeout(SHORT).is_err());
        assert!(select.select_deadline(start + 2 * SHORT).is_err());
        assert!(select.ready_timeout(SHORT).is_err());
        assert!(select.ready_deadline(start + 4 * SHORT).is_err());
        assert!(start.elapsed() >= 4 * SHORT);
        // Nothing of it is left in the queues.
        assert!(full.try_send(1).is_err() && empty.try_recv().is_err());
        let clock = chan::after(SHORT);
        let index = select.recv(&clock);
        assert_eq!(select.ready(), index);
        let chosen = select.select_timeout(LONG).unwrap();
        assert!(chosen.index() == index && chosen.recv(&clock).unwrap() >= start);
        assert!(select.select_timeout(Duration::MAX.min(SHORT)).is_err());
    });
}

#[test]
fn abort_while_it_waits() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let (a, b) = (Chan::<u8>::new(0), Chan::<u8>::new(0));
            for watch in [false, true] {
                let handle = parked({
                    let (a, b) = (a.clone(), b.clone());
                    move || {
                        let mut select = Select::new();
                        select.send(&a);
                        select.recv(&b);
                        if watch {
                            select.ready();
                        } else {
                            drop(select.select());
                        }
                    }
                });
                handle.abort();
                assert!(handle.join().unwrap_err().is_cancelled());
            }
            assert_eq!(a.try_recv(), Err(TryRecvError::Empty));
            assert!(b.try_send(1).is_err());
        });
    }
}

#[test]
fn all_who_watch_are_told() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            // Of a value, of room, of a sender, of a receiver, and of an offer.
            for what in 0..5 {
                let ch = Chan::new(usize::from(what < 2));
                if what == 1 {
                    ch.send(0);
                }
                let watchers: Vec<_> = (0..40)
                    .map(|_| {
                        let ch = ch.clone();
                        rt::spawn(move || {
                            let mut select = Select::new();
                            if what == 1 || what == 3 {
                                select.send(&ch)
                            } else {
                                select.recv(&ch)
                            };
                            select.ready()
                        })
                    })
                    .collect();
                (0..100).for_each(|_| rt::yield_now());
                let other = rt::spawn({
                    let ch = ch.clone();
                    move || match what {
                        0 | 2 => ch.send(1),
                        4 => send(&ch, 1),
                        _ => drop(ch.recv()),
                    }
                });
                for watcher in watchers {
                    assert_eq!(watcher.join().unwrap(), 0);
                }
                match what {
                    0 | 2 | 4 => assert!(ch.recv() == Some(1)),
                    1 => {}
                    _ => ch.send(1),
                }
                other.join().unwrap();
            }
        });
    }
}

#[test]
fn crossbeams_receivers_in_a_slice() {
    let _t = common::test();
    fn recv_any<T>(from: &[Receiver<T>]) -> Result<T, RecvError> {
        let mut select = Select::new();
        for rx in from {
            select.recv(rx);
        }
        loop {
            let index = select.ready();
            match from[index].try_recv() {
                Err(TryRecvError::Empty) => {}
                done => return done.map_err(|_| RecvError),
            }
        }
    }
    on_one_and_two(|| {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..5).map(|_| chan::bounded(0)).unzip();
        let senders: Vec<_> = txs
            .iter()
            .map(|tx| {
                let tx = tx.clone();
                rt::spawn(move || {
                    let mut select = Select::new();
                    select.send(&tx);
                    (0..20).for_each(|i| select.select().send(&tx, i).unwrap());
                })
            })
            .collect();
        let sum: i32 = (0..100).map(|_| recv_any(&rxs).unwrap()).sum();
        assert_eq!(sum, 5 * 190);
        senders.into_iter().for_each(|handle| handle.join().unwrap());
    });
}
