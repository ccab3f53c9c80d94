//! What passes from `Sender` to `Receiver`: each value once, in order, whatever its type.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{
    Party, Rng, Tally, Token, builder, everywhere, panic_text, runtime, until_a_receiver_waits,
    until_a_sender_waits,
};
use rt::chan::{self, Receiver, SendTimeoutError, Sender, TryRecvError, TrySendError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(2);
const UNBOUNDED: usize = usize::MAX;

fn channel<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    if cap == UNBOUNDED { chan::unbounded() } else { chan::bounded(cap) }
}

/// What is in the channel goes with its last receiver, not with its last handle.
#[test]
fn what_nobody_can_receive_is_dropped() {
    let _t = common::test();
    everywhere(|| {
        for cap in [7, 1000, UNBOUNDED] {
            let tally = Tally::default();
            let (tx, rx) = channel(cap);
            (0..7).for_each(|_| tx.send(tally.token()).unwrap());
            drop(rx.recv());
            let other = rx.clone();
            drop(rx);
            assert_eq!(tally.dropped(), 1);
            drop(other);
            tally.assert_all_dropped();
            assert_eq!(tx.len(), 0);
            let (tx, rx) = channel(cap);
            (0..7).for_each(|_| tx.send(tally.token()).unwrap());
            drop(tx);
            assert_eq!((rx.len(), tally.made() - tally.dropped()), (7, 7));
            drop(rx);
            tally.assert_all_dropped();
        }
    });
}

/// A destructor that panics, or uses the very channel, hurts nobody else.
#[test]
fn destructors_may_do_anything() {
    struct Odd(Token, Option<Sender<Odd>>, bool);
    impl Drop for Odd {
        fn drop(&mut self) {
            if let Some(tx) = self.1.take() {
                let next = Self(self.0.clone(), None, false);
                assert!(tx.try_send(next).is_err_and(|e| e.is_disconnected()));
                assert_eq!((tx.len(), tx.close()), (0, false));
            }
            if self.2 {
                common::fail("odd");
            }
        }
    }
    let _t = common::test();
    everywhere(|| {
        for cap in [9, UNBOUNDED] {
            let tally = Tally::default();
            let (tx, rx) = channel(cap);
            for i in 0..9 {
                let odd = Odd(tally.token(), (i % 2 == 0).then(|| tx.clone()), i == 4);
                assert!(tx.send(odd).is_ok());
            }
            assert_eq!(panic_text(|| drop(rx)), "odd");
            tally.assert_all_dropped();
        }
    });
}

/// Puts random numbers of values in and takes some out: those that a queue would give.
fn as_in_a_queue<T>(cap: usize, make: impl Fn(u64) -> T, number: impl Fn(&T) -> u64) {
    let (tx, rx) = channel(cap);
    let (mut rng, mut model, mut next) = (Rng::new(cap as u64), VecDeque::new(), 0);
    for _ in 0..300 {
        if rng.one_in(2) {
            for _ in 0..rng.below(20) {
                let sent = tx.try_send(make(next));
                assert_eq!(sent.is_ok(), model.len() < cap);
                match sent {
                    Ok(()) => model.push_back(next),
                    Err(error) => assert_eq!(number(&error.into_inner()), number(&make(next))),
                }
                next += 1;
            }
        } else {
            for _ in 0..rng.below(20) {
                let got = rx.try_recv().ok().map(|v| number(&v));
                assert_eq!(got, model.pop_front().map(|n| number(&make(n))));
            }
        }
        assert_eq!((tx.len(), rx.is_empty()), (model.len(), model.is_empty()));
    }
    drop(tx);
    let rest: Vec<_> = rx.iter().map(|v| number(&v)).collect();
    assert_eq!(rest, model.into_iter().map(|n| number(&make(n))).collect::<Vec<_>>());
}

#[test]
fn values_of_any_kind_come_in_order() {
    #[repr(align(64))]
    struct Line(u64, Token);
    #[repr(align(4096))]
    struct Page(u64);
    let _t = common::test();
    let tally = Tally::default();
    let aligned = |address: usize, align| assert_eq!(address % align, 0);
    for cap in [1, 2, 7, 300, 1 << 22, UNBOUNDED] {
        as_in_a_queue(cap, |_| (), |()| 0);
        as_in_a_queue(cap, |n| n as u8, |n| u64::from(*n));
        as_in_a_queue(cap, |n| n, |n| *n);
        as_in_a_queue(cap, |n| [n; 300], |n| n[299]);
        let line = |n| Line(n, tally.token());
        as_in_a_queue(cap, line, |v| {
            aligned(std::ptr::from_ref(v).addr(), 64);
            assert!(!format!("{:?}", v.1).is_empty());
            v.0
        });
        as_in_a_queue(cap, Page, |v| {
            aligned(std::ptr::from_ref(v).addr(), 4096);
            v.0
        });
        tally.assert_all_dropped();
    }
}

/// The same from stack to stack, where nothing is buffered.
#[test]
fn values_of_any_kind_pass_from_hand_to_hand() {
    /// Nothing in memory, and yet its drops count.
    struct Nothing;
    static NOTHINGS: AtomicUsize = AtomicUsize::new(0);
    impl Drop for Nothing {
        fn drop(&mut self) {
            NOTHINGS.fetch_add(1, Ordering::SeqCst);
        }
    }
    #[repr(align(128))]
    struct Aligned(u64, #[allow(dead_code, reason = "counts its drop")] Token);
    let _t = common::test();
    let tally = Tally::default();
    everywhere(|| {
        for (threads, cap) in [0, 1, 2, 3].into_iter().flat_map(|t| [(t, 0), (t, 1)]) {
            let (tx, rx) = chan::bounded(cap);
            let tokens: Vec<_> = (0..20).map(|_| tally.token()).collect();
            let sends = Party::new(threads & 1 != 0, move || {
                let aligned = tokens.into_iter().zip(0..).map(|(token, i)| Aligned(i, token));
                aligned.for_each(|v| assert!(tx.send(v).is_ok()));
            });
            let receives = Party::new(threads & 2 != 0, move || {
                for i in 0..20 {
                    let v = rx.recv().unwrap();
                    assert_eq!((v.0, (&raw const v).addr() % 128), (i, 0));
                }
            });
            sends.join();
            receives.join();
            tally.assert_all_dropped();
            let (tx, rx) = chan::bounded(cap);
            let before = NOTHINGS.load(Ordering::SeqCst);
            let sends = Party::new(threads & 1 != 0, move || {
                (0..20).for_each(|_| assert!(tx.send(Nothing).is_ok()));
            });
            let receives = Party::new(threads & 2 != 0, move || rx.iter().count());
            sends.join();
            assert_eq!(receives.join(), 20);
            assert_eq!(NOTHINGS.load(Ordering::SeqCst) - before, 20);
        }
    });
}

#[test]
fn without_capacity_a_value_passes_when_both_are_there() {
    let _t = common::test();
    everywhere(|| {
        for on_thread in [false, true] {
            let (tx, rx) = chan::bounded(0);
            assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            let passed = Arc::new(AtomicBool::new(false));
            let sends = Party::new(on_thread, {
                let (tx, passed) = (tx.clone(), passed.clone());
                move || {
                    tx.send(2).unwrap();
                    passed.store(true, Ordering::SeqCst);
                }
            });
            until_a_sender_waits(&rx);
            // A second one cannot have it passed.
            assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
            assert_eq!(tx.send_timeout(3, SHORT), Err(SendTimeoutError::Timeout(3)));
            assert!(!passed.load(Ordering::SeqCst), "sent to nobody");
            assert_eq!(rx.try_recv(), Ok(2));
            sends.join();
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            let receives = Party::new(on_thread, {
                let (rx, passed) = (rx.clone(), passed.clone());
                move || {
                    let got = rx.recv();
                    passed.store(false, Ordering::SeqCst);
                    got
                }
            });
            until_a_receiver_waits(&tx);
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert!(passed.load(Ordering::SeqCst), "received from nobody");
            assert_eq!(tx.try_send(4), Ok(()));
            assert_eq!(receives.join(), Ok(4));
            assert_eq!(tx.try_send(5), Err(TrySendError::Full(5)));
        }
    });
}

/// First come, first served. A goroutine or a thread waits first, then goroutines.
#[test]
fn who_waits_is_served_in_order() {
    let _t = common::test();
    runtime(1).run(|| {
        for on_thread in [false, true] {
            let (tx, rx) = chan::bounded(0);
            let receives = |on_thread| {
                let rx = rx.clone();
                Party::new(on_thread, move || rx.recv().unwrap())
            };
            let mut receivers = vec![receives(on_thread)];
            until_a_receiver_waits(&tx);
            receivers.extend((1..8).map(|_| {
                let receiver = receives(false);
                // On one processor it runs until it waits.
                rt::yield_now();
                receiver
            }));
            // Wherever this one gets to: it is the last.
            receivers.push(receives(!on_thread));
            (0..9).for_each(|i| tx.send(i).unwrap());
            let got: Vec<_> = receivers.into_iter().map(Party::join).collect();
            assert_eq!(got, (0..9).collect::<Vec<_>>());

            let sends = |on_thread, i| {
                let tx = tx.clone();
                Party::new(on_thread, move || tx.send(i).unwrap())
            };
            let mut senders = vec![sends(on_thread, 0)];
            until_a_sender_waits(&rx);
            senders.extend((1..8).map(|i| {
                let sender = sends(false, i);
                rt::yield_now();
                sender
            }));
            senders.push(sends(!on_thread, 8));
            assert_eq!(rx.iter().take(9).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
            senders.into_iter().for_each(Party::join);
        }
    });
}

/// What waits outside of a full channel comes in behind what is in it.
#[test]
fn who_waits_for_room_comes_in_last() {
    let _t = common::test();
    runtime(1).run(|| {
        for cap in [1, 3] {
            let (tx, rx) = chan::bounded(cap);
            (0..cap).for_each(|i| tx.send(i).unwrap());
            let senders: Vec<_> = (cap..cap + 10)
                .map(|i| {
                    let tx = tx.clone();
                    let sender = rt::spawn(move || tx.send(i).unwrap());
                    rt::yield_now();
                    sender
                })
                .collect();
            let mut got = vec![rx.recv().unwrap()];
            assert!(rx.is_full() && tx.try_send(99).is_err());
            got.extend(rx.try_iter());
            assert_eq!(got, (0..cap + 10).collect::<Vec<_>>());
            senders.into_iter().for_each(|s| s.join().unwrap());
        }
    });
}

/// Every value arrives once, each sender's in its order, and the end when the last sender is gone.
#[test]
fn many_to_many() {
    let _t = common::test();
    let each = common::turns(300, 2000);
    for procs in [1, 2, 8] {
        for cap in [0, 1, 7, UNBOUNDED] {
            let runtime = builder(procs).build().unwrap();
            let tally = Tally::default();
            runtime.run(|| {
                let (tx, rx) = channel::<(u64, u64, Token)>(cap);
                let senders: Vec<_> = (0..6)
                    .map(|id| {
                        let (tx, tally) = (tx.clone(), tally.clone());
                        Party::new(id % 3 == 0, move || {
                            (0..each)
                                .for_each(|i| assert!(tx.send((id, i, tally.token())).is_ok()));
                        })
                    })
                    .collect();
                drop(tx);
                let receivers: Vec<_> = (0..4)
                    .map(|id| {
                        let rx = rx.clone();
                        Party::new(id == 0, move || {
                            let (mut last, mut count) = ([None; 6], 0);
                            for (id, i, _token) in rx {
                                assert!(last[id as usize] < Some(i), "out of order");
                                last[id as usize] = Some(i);
                                count += 1;
                            }
                            count
                        })
                    })
                    .collect();
                senders.into_iter().for_each(Party::join);
                assert_eq!(receivers.into_iter().map(Party::join).sum::<u64>(), 6 * each);
                assert_eq!(rx.try_recv().map(drop), Err(TryRecvError::Disconnected));
            });
            tally.assert_all_dropped();
        }
    }
}
