//! `Chan`: Go's channel.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Party, Tally, Token, builder, everywhere, panic_text, runtime};
use rt::chan::{Chan, RecvTimeoutError, TryRecvError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn nil_waits_for_ever_and_cannot_be_closed() {
    let _t = common::test();
    everywhere(|| {
        for nil in [Chan::<u8>::nil(), Chan::default()] {
            assert_eq!((nil.len(), nil.cap(), nil.is_closed()), (0, 0, false));
            assert!(nil.try_send(1).is_err_and(|back| back.into_inner() == 1));
            assert_eq!(nil.try_recv(), Err(TryRecvError::Empty));
            let start = Instant::now();
            assert_eq!(nil.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            assert!(nil.send_timeout(2, SHORT).is_err_and(|back| back.into_inner() == 2));
            assert!(start.elapsed() >= 2 * SHORT);
            assert_eq!(panic_text(|| nil.close()), "close of nil channel");
            let parked = rt::spawn({
                let nil = nil.clone();
                move || nil.recv()
            });
            assert!(parked.join_timeout(SHORT).unwrap_err().is_timeout());
            parked.abort();
            assert!(parked.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn closed_drains_and_then_says_none() {
    let _t = common::test();
    everywhere(|| {
        let ch = Chan::new(3);
        (1..=3).for_each(|i| ch.send(i));
        ch.close();
        assert!(ch.is_closed());
        assert_eq!((ch.len(), ch.cap()), (3, 3));
        // Buffered values can be had in spite of the close, without waiting too.
        assert_eq!(ch.try_recv(), Ok(1));
        assert_eq!(ch.recv(), Some(2));
        assert_eq!(ch.recv_timeout(LONG), Ok(3));
        assert_eq!(ch.recv(), None);
        assert_eq!(ch.recv_or_default(), 0);
        assert_eq!(ch.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(ch.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
        assert_eq!(ch.iter().next(), None);
        for text in [
            panic_text(|| ch.send(4)),
            panic_text(|| ch.try_send(4)),
            panic_text(|| ch.send_timeout(4, LONG)),
        ] {
            assert_eq!(text, "send on closed channel");
        }
        assert_eq!(panic_text(|| ch.close()), "close of closed channel");
    });
}

#[test]
fn a_value_that_a_closed_channel_refuses_is_dropped() {
    let _t = common::test();
    let tally = Tally::default();
    let ch = Chan::new(0);
    ch.close();
    let token = tally.token();
    assert_eq!(panic_text(|| ch.send(token)), "send on closed channel");
    tally.assert_all_dropped();
}

#[test]
fn close_wakes_receivers_with_none_and_senders_with_a_panic() {
    let _t = common::test();
    everywhere(|| {
        let tally = Tally::default();
        let (empty, full) = (Chan::<Token>::new(0), Chan::new(1));
        full.send(tally.token());
        let receivers: Vec<_> = (0..5)
            .map(|_| {
                let ch = empty.clone();
                rt::spawn(move || ch.recv().is_none())
            })
            .collect();
        let senders: Vec<_> = (0..5)
            .map(|_| {
                let (ch, token) = (full.clone(), tally.token());
                rt::spawn(move || panic_text(|| ch.send(token)))
            })
            .collect();
        rt::time::sleep(SHORT);
        empty.close();
        full.close();
        for receiver in receivers {
            assert!(receiver.join().unwrap());
        }
        for sender in senders {
            assert_eq!(sender.join().unwrap(), "send on closed channel");
        }
        // What was in the buffer is still there; the others' values are gone.
        assert_eq!(tally.made() - tally.dropped(), 1);
        drop(full.recv().unwrap());
        tally.assert_all_dropped();
    });
}

#[test]
fn unbuffered_is_a_rendezvous() {
    let _t = common::test();
    everywhere(|| {
        let ch = Chan::new(0);
        assert!(ch.try_send(1).is_err());
        assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
        assert!(ch.send_timeout(1, SHORT).is_err());
        let tx = ch.clone();
        let sender = rt::spawn(move || tx.send(2));
        assert!(sender.join_timeout(SHORT).unwrap_err().is_timeout());
        assert_eq!(ch.len(), 0);
        // Once it is there, without waiting for it.
        let got = loop {
            match ch.try_recv() {
                Err(TryRecvError::Empty) => rt::time::sleep(SHORT),
                got => break got,
            }
        };
        assert_eq!(got, Ok(2));
        sender.join().unwrap();
        let rx = ch.clone();
        let receiver = rt::spawn(move || rx.recv());
        assert!(receiver.join_timeout(SHORT).unwrap_err().is_timeout());
        while ch.try_send(3).is_err() {
            rt::time::sleep(SHORT);
        }
        assert_eq!(receiver.join().unwrap(), Some(3));
    });
}

/// A receive from a full buffer lets the first waiting sender's value in at the end.
#[test]
fn buffered_is_fifo_with_those_that_wait() {
    let _t = common::test();
    runtime(1).run(|| {
        for cap in [1, 3] {
            let ch = Chan::new(cap);
            (0..cap).for_each(|i| ch.send(i));
            let senders: Vec<_> = (cap..cap + 10)
                .map(|i| {
                    let ch = ch.clone();
                    let sender = rt::spawn(move || ch.send(i));
                    // One after the other into the queue.
                    rt::yield_now();
                    sender
                })
                .collect();
            assert_eq!(ch.len(), cap);
            let mut got = Vec::new();
            while got.len() < cap + 10 {
                got.push(ch.recv().unwrap());
            }
            assert_eq!(got, (0..cap + 10).collect::<Vec<_>>());
            senders.into_iter().for_each(|s| s.join().unwrap());
        }
    });
}

#[test]
fn waiting_receivers_are_served_in_order() {
    let _t = common::test();
    runtime(1).run(|| {
        let ch = Chan::new(0);
        let receivers: Vec<_> = (0..10)
            .map(|_| {
                let ch = ch.clone();
                let receiver = rt::spawn(move || ch.recv().unwrap());
                rt::yield_now();
                receiver
            })
            .collect();
        (0..10).for_each(|i| ch.send(i));
        let got: Vec<_> = receivers.into_iter().map(|r| r.join().unwrap()).collect();
        assert_eq!(got, (0..10).collect::<Vec<_>>());
    });
}

/// Who gives up leaves the queue, wherever it stood in it.
#[test]
fn a_timeout_leaves_the_queue() {
    let _t = common::test();
    everywhere(|| {
        let ch = Chan::<u32>::new(0);
        let waits = |timed: bool| {
            let ch = ch.clone();
            rt::spawn(move || if timed { ch.recv_timeout(SHORT).ok() } else { ch.recv() })
        };
        let (timed, stay): (Vec<_>, Vec<_>) = (0..3).map(|_| (waits(true), waits(false))).unzip();
        for handle in timed {
            assert_eq!(handle.join().unwrap(), None);
        }
        // Those that stayed.
        (1..=3).for_each(|i| ch.send(i));
        assert!(ch.try_send(4).is_err());
        let mut got: Vec<_> = stay.into_iter().map(|s| s.join().unwrap().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3]);
    });
}

#[test]
fn odd_types_pass() {
    let _t = common::test();
    #[repr(align(128))]
    #[derive(Debug, PartialEq)]
    struct Aligned(u8);
    everywhere(|| {
        for cap in [0, 1, 4] {
            let units = Chan::<()>::new(cap);
            let tx = units.clone();
            rt::spawn(move || {
                (0..100).for_each(|_| tx.send(()));
                tx.close();
            });
            assert_eq!(units.iter().count(), 100);
            let aligned = Chan::new(cap);
            let tx = aligned.clone();
            rt::spawn(move || tx.send(Aligned(5)));
            let got = aligned.recv().unwrap();
            assert_eq!(((&raw const got).addr() % 128, got), (0, Aligned(5)));
            let big = Chan::new(cap);
            let tx = big.clone();
            rt::spawn(move || tx.send([9_u8; 4096]));
            assert_eq!(big.recv().unwrap(), [9; 4096]);
            let text = Chan::new(cap);
            let tx = text.clone();
            rt::spawn(move || tx.send("boxed".to_owned()));
            assert_eq!(text.into_iter().next().as_deref(), Some("boxed"));
        }
    });
}

#[test]
fn what_is_left_in_the_buffer_is_dropped_with_the_last_handle() {
    let _t = common::test();
    let tally = Tally::default();
    let ch = Chan::new(10);
    (0..7).for_each(|_| ch.send(tally.token()));
    drop(ch.recv());
    let other = ch.clone();
    ch.close();
    drop(ch);
    assert_eq!(tally.dropped(), 1);
    drop(other);
    tally.assert_all_dropped();
}

/// A huge capacity is a promise, not memory.
#[test]
fn a_huge_capacity_costs_nothing() {
    let _t = common::test();
    let ch = Chan::new(usize::MAX);
    (0..100).for_each(|i| ch.send(i));
    assert_eq!((ch.cap(), ch.len()), (usize::MAX, 100));
}

/// What waits on a nil channel still goes, with what it holds, when it is aborted; nothing else ends it.
#[test]
fn nil_keeps_nothing() {
    let _t = common::test();
    everywhere(|| {
        let (tally, nil) = (Tally::default(), Chan::<Token>::nil());
        assert!(nil.is_nil() && nil.is_empty() && !Chan::<Token>::new(0).is_nil());
        let (theirs, token) = (nil.clone(), tally.token());
        let sends = rt::spawn(move || theirs.send(token));
        let theirs = nil.clone();
        let ranges = rt::spawn(move || theirs.into_iter().count());
        assert!(sends.join_timeout(SHORT).unwrap_err().is_timeout());
        assert!(ranges.join_timeout(SHORT).unwrap_err().is_timeout());
        assert_eq!(tally.dropped(), 0);
        sends.abort();
        ranges.abort();
        assert!(sends.join().unwrap_err().is_cancelled());
        assert!(ranges.join().unwrap_err().is_cancelled());
        assert!(nil.try_send(tally.token()).unwrap_err().is_full());
        assert!(nil.send_timeout(tally.token(), Duration::ZERO).unwrap_err().is_timeout());
        assert_eq!(nil.recv_timeout(Duration::ZERO).map(drop), Err(RecvTimeoutError::Timeout));
        tally.assert_all_dropped();
    });
}

#[test]
#[allow(clippy::mutable_key_type, reason = "a channel is hashed by its identity")]
fn handles_can_be_compared_and_printed() {
    let (ch, other, nil) = (Chan::<u8>::new(2), Chan::new(2), Chan::nil());
    assert!(ch.same_channel(&ch.clone()) && nil.same_channel(&Chan::default()));
    assert!(!ch.same_channel(&other) && !ch.same_channel(&nil) && !nil.same_channel(&ch));
    // As keys; the values need not be comparable.
    let mut keys = HashMap::<Chan<f64>, u32>::new();
    let (a, b) = (Chan::new(1), Chan::new(1));
    for (n, ch) in [&a, &b, &a.clone(), &Chan::nil(), &Chan::default()].into_iter().enumerate() {
        keys.insert(ch.clone(), n as u32);
    }
    a.send(0.5);
    assert_eq!([keys[&a], keys[&b], keys[&Chan::nil()], keys.len() as u32], [2, 1, 4, 3]);
    ch.send(1);
    assert_eq!(format!("{ch:?}"), "Chan { len: 1, cap: 2, closed: false }");
    ch.close();
    assert_eq!(format!("{ch:?}"), "Chan { len: 1, cap: 2, closed: true }");
    assert_eq!(format!("{nil:?}"), "Chan(nil)");
}

/// `for`, by handle and by reference: the values in order, until closed and empty.
#[test]
fn a_loop_takes_all_values_until_the_close() {
    let _t = common::test();
    everywhere(|| {
        for (cap, on_thread) in [0, 1, 7].into_iter().flat_map(|cap| [(cap, false), (cap, true)]) {
            let ch = Chan::new(cap);
            let tx = ch.clone();
            let sends = Party::new(on_thread, move || {
                (0..50).for_each(|i| tx.send(i));
                tx.close();
            });
            let mut got = Vec::new();
            for v in &ch {
                got.push(v);
                if v == 20 {
                    break;
                }
            }
            got.extend(ch.iter().take(10));
            got.extend(ch.clone());
            assert_eq!(got, (0..50).collect::<Vec<_>>());
            sends.join();
            // Again, and nothing but Go's zero value.
            assert_eq!((ch.recv_or_default(), ch.into_iter().next()), (0, None));
        }
    });
}

/// A plain thread that waits is told of the close as a goroutine is.
#[test]
fn close_reaches_threads() {
    let _t = common::test();
    everywhere(|| {
        let tally = Tally::default();
        let (empty, full) = (Chan::<Token>::new(0), Chan::new(1));
        full.send(tally.token());
        let parties: Vec<_> = (0..8)
            .map(|i| {
                let (empty, full, token) = (empty.clone(), full.clone(), tally.token());
                Party::new(i % 2 == 0, move || match i / 2 {
                    0 => assert!(empty.recv().is_none()),
                    1 => assert!(empty.recv_timeout(LONG).unwrap_err().is_disconnected()),
                    2 => assert_eq!(panic_text(|| full.send(token)), "send on closed channel"),
                    _ => {
                        let text = panic_text(|| full.send_timeout(token, Duration::MAX));
                        assert_eq!(text, "send on closed channel");
                    }
                })
            })
            .collect();
        rt::time::sleep(SHORT);
        empty.close();
        full.close();
        parties.into_iter().for_each(Party::join);
        assert_eq!((full.len(), tally.made() - tally.dropped()), (1, 1));
        drop(full);
        tally.assert_all_dropped();
    });
}

#[test]
fn times_of_zero_and_without_end() {
    let _t = common::test();
    everywhere(|| {
        let ch = Chan::new(1);
        assert_eq!(ch.send_timeout(1, Duration::ZERO), Ok(()));
        assert!(ch.send_timeout(2, Duration::ZERO).is_err_and(|e| e.into_inner() == 2));
        let waits = Party::new(true, {
            let ch = ch.clone();
            move || ch.send_timeout(3, Duration::MAX)
        });
        assert_eq!((ch.recv(), ch.recv_timeout(Duration::MAX)), (Some(1), Ok(3)));
        assert_eq!(waits.join(), Ok(()));
        assert_eq!(ch.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    });
}

/// A deadline is one moment, for any number of calls. It may have passed: what needs no waiting is done all the same.
#[test]
fn one_deadline_for_several_calls() {
    let _t = common::test();
    everywhere(|| {
        let (ch, nil) = (Chan::new(1), Chan::nil());
        let deadline = Instant::now() + SHORT;
        assert_eq!(ch.send_deadline(1, deadline), Ok(()));
        assert!(ch.send_deadline(2, deadline).is_err_and(|back| back.into_inner() == 2));
        assert!(Instant::now() >= deadline);
        assert_eq!(ch.recv_deadline(deadline), Ok(1));
        assert_eq!(ch.recv_deadline(deadline), Err(RecvTimeoutError::Timeout));
        assert!(nil.send_deadline(3, deadline).is_err_and(|back| back.into_inner() == 3));
        assert_eq!(nil.recv_deadline(Instant::now() + SHORT), Err(RecvTimeoutError::Timeout));
        let waits = Party::new(true, {
            let ch = ch.clone();
            move || ch.recv_deadline(Instant::now() + LONG)
        });
        assert_eq!(ch.send_deadline(4, Instant::now() + LONG), Ok(()));
        assert_eq!(waits.join(), Ok(4));
        ch.close();
        assert_eq!(ch.recv_deadline(Instant::now() + LONG), Err(RecvTimeoutError::Disconnected));
        let text = panic_text(|| ch.send_deadline(5, deadline));
        assert_eq!(text, "send on closed channel");
    });
}

/// A panic says where the send or the close is, not where it is implemented.
#[test]
fn panics_name_the_line_of_the_caller() {
    let name = "panics_name_the_line_of_the_caller";
    if common::is_child(name) {
        let (ch, nil) = (Chan::new(0), Chan::<u8>::nil());
        ch.close();
        panic_text(|| ch.send(1));
        panic_text(|| ch.try_send(1));
        panic_text(|| ch.send_timeout(1, SHORT));
        panic_text(|| ch.send_deadline(1, Instant::now()));
        panic_text(|| rt::select! { send(ch, 1) => {} });
        panic_text(|| ch.close());
        panic_text(|| nil.close());
        return;
    }
    let _t = common::test();
    let ended = common::run(common::child(name));
    ended.assert_success();
    let here = ended.stderr.lines().filter(|line| line.contains("tests/chan.rs:")).count();
    assert_eq!(here, 7, "{ended:#?}");
    ended.assert_says(&["send on closed channel", "close of closed", "close of nil channel"]);
}

/// Every value arrives once, and each sender's in its order; threads and goroutines at both ends.
#[test]
fn many_to_many() {
    let _t = common::test();
    const EACH: u64 = 2000;
    for cap in [0, 1, 7] {
        let runtime = builder(2).build().unwrap();
        let (ch, tally) = (Chan::<(u64, u64, Token)>::new(cap), Tally::default());
        let sum = Arc::new(AtomicU64::new(0));
        let send = |id: u64| {
            let (ch, tally) = (ch.clone(), tally.clone());
            move || (0..EACH).for_each(|i| ch.send((id, i, tally.token())))
        };
        let recv = || {
            let (ch, sum) = (ch.clone(), sum.clone());
            move || {
                let mut last = [None; 6];
                let mut count = 0;
                for (id, i, _token) in &ch {
                    assert!(last[id as usize] < Some(i), "out of order");
                    last[id as usize] = Some(i);
                    sum.fetch_add(i, Ordering::Relaxed);
                    count += 1;
                }
                count
            }
        };
        let receivers: Vec<_> = (0..3).map(|_| runtime.handle().spawn(recv())).collect();
        let receives = thread::spawn(recv());
        let senders: Vec<_> = (0..4).map(|id| runtime.handle().spawn(send(id))).collect();
        let sends: Vec<_> = (4..6).map(|id| thread::spawn(send(id))).collect();
        senders.into_iter().for_each(|s| s.join().unwrap());
        sends.into_iter().for_each(|s| s.join().unwrap());
        ch.close();
        let count: u64 = receivers.into_iter().map(|r| r.join().unwrap()).sum();
        assert_eq!(count + receives.join().unwrap(), 6 * EACH);
        assert_eq!(sum.load(Ordering::Relaxed), 6 * (0..EACH).sum::<u64>());
        tally.assert_all_dropped();
    }
}

/// Timeouts, closes and aborts that race with partners lose and double nothing.
#[test]
fn timeouts_race_with_partners() {
    let _t = common::test();
    let runtime = builder(2).build().unwrap();
    let tally = Tally::default();
    let (sent, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let ch = Chan::new(0);
    let all: Vec<_> = (0..8_u64)
        .map(|id| {
            let (ch, tally, sent, received) =
                (ch.clone(), tally.clone(), sent.clone(), received.clone());
            runtime.handle().spawn(move || {
                for i in 0..500_u64 {
                    let timeout = Duration::from_micros((id * 7 + i) % 30);
                    if id % 2 == 0 {
                        if ch.send_timeout(tally.token(), timeout).is_ok() {
                            sent.fetch_add(1, Ordering::Relaxed);
                        }
                    } else if ch.recv_timeout(timeout).is_ok() {
                        received.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    all.into_iter().for_each(|h| h.join().unwrap());
    assert_eq!(sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed));
    assert!(sent.load(Ordering::Relaxed) > 0);
    tally.assert_all_dropped();
}
