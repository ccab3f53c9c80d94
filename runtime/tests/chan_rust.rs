//! `Sender` and `Receiver`: the Rust face, from goroutines and plain threads, on one processor and more.

mod common;

use common::{Party, Tally, Token, everywhere, until_a_receiver_waits, until_a_sender_waits};
use rt::chan::{
    self, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError,
};
use std::collections::HashSet;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(30);
const UNBOUNDED: usize = usize::MAX;

fn channel<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    if cap == UNBOUNDED { chan::unbounded() } else { chan::bounded(cap) }
}

fn past() -> Instant {
    Instant::now().checked_sub(SHORT).unwrap()
}

/// What ends a channel; a receiver that is still there.
type End = fn(&Sender<Token>, Receiver<Token>) -> Option<Receiver<Token>>;

/// How a channel comes to its end for who sends.
const ENDS_FOR_SENDERS: [End; 3] = [
    |_, rx| {
        drop(rx);
        None
    },
    |_, rx| {
        assert!(rx.close());
        Some(rx)
    },
    |tx, rx| {
        assert!(tx.close());
        Some(rx)
    },
];

/// Has nothing but itself.
struct Bare;

#[test]
fn errors_have_a_text_and_the_value() {
    fn check<E: std::error::Error>(error: &E, debug: &str, display: &str) {
        assert_eq!((format!("{error:?}"), error.to_string()), (debug.into(), display.into()));
        assert!(error.source().is_none());
    }
    let closed = "the channel is closed, or nobody receives from it";
    check(&SendError(Bare), "SendError(..)", closed);
    check(&TrySendError::Full(Bare), "Full(..)", "the channel is full, or nobody receives now");
    check(&TrySendError::Disconnected(Bare), "Disconnected(..)", closed);
    check(&SendTimeoutError::Timeout(Bare), "Timeout(..)", "the value was not taken in time");
    check(&SendTimeoutError::Disconnected(Bare), "Disconnected(..)", closed);
    let ended = "the channel is empty and closed";
    check(&RecvError, "RecvError", ended);
    check(&TryRecvError::Empty, "Empty", "the channel is empty");
    check(&TryRecvError::Disconnected, "Disconnected", ended);
    check(&RecvTimeoutError::Timeout, "Timeout", "no value came in time");
    check(&RecvTimeoutError::Disconnected, "Disconnected", ended);

    let Bare = SendError(Bare).into_inner();
    for error in [TrySendError::Full(1), TrySendError::Disconnected(1)] {
        assert_eq!(error.into_inner(), 1);
        assert_ne!(error.is_full(), error.is_disconnected());
        assert_eq!(error.is_full(), error == TrySendError::Full(1));
    }
    for error in [SendTimeoutError::Timeout(1), SendTimeoutError::Disconnected(1)] {
        assert_eq!(error.into_inner(), 1);
        assert_ne!(error.is_timeout(), error.is_disconnected());
        assert_eq!(error.is_timeout(), error == SendTimeoutError::Timeout(1));
    }
    assert!(TryRecvError::Empty.is_empty() && !TryRecvError::Empty.is_disconnected());
    assert!(TryRecvError::Disconnected.is_disconnected() && !TryRecvError::Disconnected.is_empty());
    let [timeout, ended] = [RecvTimeoutError::Timeout, RecvTimeoutError::Disconnected];
    assert!(timeout.is_timeout() && !timeout.is_disconnected());
    assert!(ended.is_disconnected() && !ended.is_timeout());
}

#[test]
#[allow(clippy::mutable_key_type, reason = "a channel is hashed by its identity")]
fn handles_are_what_they_should_be() {
    fn check<T: Send + Sync + UnwindSafe + RefUnwindSafe + Clone + fmt::Debug>() {}
    // What passes need be neither `Sync` nor `Clone` nor `Debug`.
    struct OnlySend(#[allow(dead_code, reason = "makes it !Sync")] std::cell::Cell<Bare>);
    check::<Sender<OnlySend>>();
    check::<Receiver<OnlySend>>();
    let (tx, rx) = chan::bounded(2);
    let (other_tx, other_rx) = chan::bounded::<OnlySend>(2);
    assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
    assert!(!tx.same_channel(&other_tx) && !rx.same_channel(&other_rx));
    // As keys.
    let senders = HashSet::from([tx.clone(), other_tx.clone(), tx.clone()]);
    let receivers = HashSet::from([rx.clone(), other_rx.clone(), rx.clone()]);
    assert!(senders.len() == 2 && senders.contains(&tx) && senders.contains(&other_tx));
    assert!(receivers.len() == 2 && receivers.contains(&rx) && receivers.contains(&other_rx));
    tx.send(OnlySend(Bare.into())).unwrap();
    assert_eq!(format!("{tx:?}"), "Sender { len: 1, capacity: Some(2), closed: false }");
    rx.close();
    assert_eq!(format!("{rx:?}"), "Receiver { len: 1, capacity: Some(2), closed: true }");
}

#[test]
fn a_channel_that_ended_gives_values_back() {
    let _t = common::test();
    everywhere(|| {
        for cap in [0, 1, 3, UNBOUNDED] {
            for end in ENDS_FOR_SENDERS {
                let tally = Tally::default();
                let (tx, rx) = channel(cap);
                assert!(!tx.is_closed());
                let _rx = end(&tx, rx);
                assert!(tx.is_closed() && !tx.close());
                assert!(tx.send(tally.token()).is_err());
                assert!(tx.try_send(tally.token()).unwrap_err().is_disconnected());
                for timeout in [Duration::ZERO, SHORT, Duration::MAX] {
                    let error = tx.send_timeout(tally.token(), timeout).unwrap_err();
                    assert!(error.is_disconnected());
                }
                for deadline in [past(), Instant::now() + LONG] {
                    let error = tx.send_deadline(tally.token(), deadline).unwrap_err();
                    assert!(error.is_disconnected());
                    // Given back, not copied.
                    assert_eq!(tally.made() - tally.dropped(), 1);
                }
                tally.assert_all_dropped();
            }
        }
        let (tx, rx) = chan::bounded(1);
        drop(rx);
        assert_eq!(tx.send(1), Err(SendError(1)));
        assert_eq!(tx.try_send(2), Err(TrySendError::Disconnected(2)));
        assert_eq!(tx.send_timeout(3, SHORT), Err(SendTimeoutError::Disconnected(3)));
    });
}

#[test]
fn receivers_get_what_is_there_and_then_the_end() {
    let _t = common::test();
    type End = fn(Sender<usize>, &Receiver<usize>);
    let ends: [End; 3] =
        [|tx, _| drop(tx), |tx, _| assert!(tx.close()), |_, rx| assert!(rx.close())];
    everywhere(|| {
        for end in ends {
            for cap in [6, 9, UNBOUNDED] {
                let (tx, rx) = channel(cap);
                (0..6).for_each(|i| tx.send(i).unwrap());
                end(tx, &rx);
                assert!(rx.is_closed() && !rx.is_empty() && !rx.close());
                assert_eq!(rx.recv(), Ok(0));
                assert_eq!(rx.try_recv(), Ok(1));
                // Even if there is no time.
                assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(2));
                assert_eq!(rx.recv_deadline(past()), Ok(3));
                assert_eq!(rx.try_iter().next(), Some(4));
                assert_eq!(rx.iter().next(), Some(5));
                // And it stays so.
                for _ in 0..2 {
                    assert_eq!(rx.recv(), Err(RecvError));
                    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
                    for timeout in [Duration::ZERO, LONG, Duration::MAX] {
                        assert_eq!(rx.recv_timeout(timeout), Err(RecvTimeoutError::Disconnected));
                    }
                    assert_eq!(rx.recv_deadline(past()), Err(RecvTimeoutError::Disconnected));
                    assert_eq!((rx.iter().next(), rx.try_iter().next()), (None, None));
                }
            }
        }
    });
}

/// Not before the last handle of a side is gone, wherever they go.
#[test]
fn the_last_handle_of_a_side_ends_the_channel() {
    let _t = common::test();
    everywhere(|| {
        for on_thread in [false, true] {
            let (tx, rx) = chan::bounded::<u32>(0);
            let waits = Party::new(on_thread, {
                let rx = rx.clone();
                move || rx.recv()
            });
            let txs: Vec<_> = (0..4).map(|_| tx.clone()).collect();
            until_a_receiver_waits(&tx);
            let drops =
                txs.into_iter().enumerate().map(|(i, tx)| Party::new(i % 2 == 0, || drop(tx)));
            drops.collect::<Vec<_>>().into_iter().for_each(Party::join);
            assert!(!rx.is_closed() && !tx.is_closed());
            // It still waits: a value that need not wait for anybody gets to it.
            assert_eq!(tx.try_send(7), Ok(()));
            assert_eq!(waits.join(), Ok(7));
            let waits = Party::new(on_thread, {
                let rx = rx.clone();
                move || rx.recv()
            });
            until_a_receiver_waits(&tx);
            drop(tx);
            assert_eq!(waits.join(), Err(RecvError));
            assert!(rx.is_closed());

            let (tx, rx) = chan::bounded::<u32>(0);
            let rxs: Vec<_> = (0..4).map(|_| rx.clone()).collect();
            let sends = |value| {
                let tx = tx.clone();
                let party = Party::new(on_thread, move || tx.send(value));
                until_a_sender_waits(&rx);
                party
            };
            let waits = sends(8);
            let drops =
                rxs.into_iter().enumerate().map(|(i, rx)| Party::new(i % 2 == 0, || drop(rx)));
            drops.collect::<Vec<_>>().into_iter().for_each(Party::join);
            assert!(!rx.is_closed() && !tx.is_closed());
            assert_eq!(rx.try_recv(), Ok(8));
            assert_eq!(waits.join(), Ok(()));
            let waits = sends(9);
            drop(rx);
            assert_eq!(waits.join(), Err(SendError(9)));
            assert!(tx.is_closed());
        }
    });
}

/// An end that comes while many wait: each is told, and each sender has its own value again.
#[test]
fn who_waits_is_told_of_the_end() {
    let _t = common::test();
    everywhere(|| {
        for (cap, end) in [0, 1].into_iter().flat_map(|cap| ENDS_FOR_SENDERS.map(|end| (cap, end)))
        {
            let tally = Tally::default();
            let (tx, rx) = channel(cap);
            (0..cap).for_each(|_| tx.send(tally.token()).unwrap());
            // More than are released under one hold of the lock.
            let senders: Vec<_> = (0..40)
                .map(|i| {
                    let (tx, token) = (tx.clone(), tally.token());
                    Party::new(i % 8 == 0, move || match i % 3 {
                        0 => tx.send(token).unwrap_err().into_inner(),
                        1 => match tx.send_timeout(token, LONG).unwrap_err() {
                            SendTimeoutError::Disconnected(token) => token,
                            SendTimeoutError::Timeout(_) => panic!("not told"),
                        },
                        _ => {
                            let mut slot = Some(token);
                            let back =
                                rt::select! { send_from(tx, &mut slot) -> r => r.unwrap_err() };
                            // It was tried: it is in the error, not in the slot.
                            assert!(slot.is_none());
                            back.into_inner()
                        }
                    })
                })
                .collect();
            until_a_sender_waits(&rx);
            let rx = end(&tx, rx);
            let back: Vec<_> = senders.into_iter().map(Party::join).collect();
            assert_eq!(back.len(), 40);
            drop(back);
            // What was in the channel can still be received, if there is somebody.
            match rx {
                Some(rx) => assert_eq!(rx.iter().count(), cap),
                None => assert!(tx.is_empty()),
            }
            tally.assert_all_dropped();
        }
        let (tx, rx) = chan::bounded::<Token>(0);
        let receivers: Vec<_> = (0..40)
            .map(|i| {
                let rx = rx.clone();
                Party::new(i % 8 == 0, move || match i % 3 {
                    0 => assert!(rx.recv().is_err()),
                    1 => assert!(rx.recv_timeout(LONG).unwrap_err().is_disconnected()),
                    _ => rt::select! { recv(rx) -> v => assert!(v.is_err()) },
                })
            })
            .collect();
        until_a_receiver_waits(&tx);
        drop(tx);
        receivers.into_iter().for_each(Party::join);
    });
}

/// A goroutine that is aborted, panics or exits lets go of its handles.
#[test]
fn handles_go_with_their_goroutine() {
    let _t = common::test();
    everywhere(|| {
        let (tx, rx) = chan::bounded::<u32>(0);
        let (keep, ended) = (chan::never::<()>(), rx.clone());
        let parked = rt::spawn(move || {
            let _tx = tx;
            keep.recv()
        });
        assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
        parked.abort();
        assert_eq!(ended.recv(), Err(RecvError));
        assert!(parked.join().unwrap_err().is_cancelled());

        let (tx, rx) = chan::bounded(0);
        let sender = rt::spawn({
            let tx = tx.clone();
            move || tx.send(1)
        });
        until_a_sender_waits(&rx);
        let panics = rt::spawn(move || {
            let _rx = rx;
            common::fail("gone");
        });
        assert_eq!(sender.join().unwrap(), Err(SendError(1)));
        assert!(panics.join().unwrap_err().is_panic() && tx.is_closed());
    });
}

#[test]
fn time_runs_out() {
    let _t = common::test();
    everywhere(|| {
        let (tx, rx) = chan::bounded(1);
        // There is room and a value: no time is needed.
        assert_eq!(tx.send_deadline(0, past()), Ok(()));
        assert_eq!(rx.recv_deadline(past()), Ok(0));
        assert_eq!(tx.send_timeout(1, Duration::ZERO), Ok(()));
        for deadline in [past(), Instant::now()] {
            assert_eq!(tx.send_deadline(2, deadline), Err(SendTimeoutError::Timeout(2)));
        }
        assert_eq!(tx.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::Timeout(2)));
        let start = Instant::now();
        assert_eq!(tx.send_timeout(3, SHORT), Err(SendTimeoutError::Timeout(3)));
        assert!(start.elapsed() >= SHORT);
        let deadline = Instant::now() + SHORT;
        assert_eq!(tx.send_deadline(4, deadline), Err(SendTimeoutError::Timeout(4)));
        assert!(Instant::now() >= deadline);
        // Nothing of this was sent.
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1]);
        assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
        assert_eq!(rx.recv_deadline(past()), Err(RecvTimeoutError::Timeout));
        let start = Instant::now();
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert!(start.elapsed() >= SHORT);
        let deadline = Instant::now() + SHORT;
        assert_eq!(rx.recv_deadline(deadline), Err(RecvTimeoutError::Timeout));
        assert!(Instant::now() >= deadline);
        // Nobody is left in the queues.
        let (tx, rx) = chan::bounded(0);
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!(tx.try_send(5), Err(TrySendError::Full(5)));
        assert_eq!(tx.send_timeout(6, SHORT), Err(SendTimeoutError::Timeout(6)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

/// A time that no clock can say is for ever, and a partner in time is in time.
#[test]
fn times_that_are_too_long_for_the_clock() {
    let _t = common::test();
    everywhere(|| {
        for (on_thread, time) in
            [(false, LONG), (false, Duration::MAX), (true, LONG), (true, Duration::MAX)]
        {
            let (tx, rx) = chan::bounded(0);
            let sends = Party::new(on_thread, {
                let tx = tx.clone();
                move || tx.send_timeout(1, time)
            });
            until_a_sender_waits(&rx);
            assert_eq!(rx.recv_timeout(time), Ok(1));
            assert_eq!(sends.join(), Ok(()));
            let receives = Party::new(on_thread, move || rx.recv_timeout(time));
            until_a_receiver_waits(&tx);
            assert_eq!(tx.send_deadline(2, Instant::now() + LONG), Ok(()));
            assert_eq!(receives.join(), Ok(2));
        }
    });
}

#[test]
fn sizes_are_what_they_say() {
    let _t = common::test();
    let all = |tx: &Sender<u64>, rx: &Receiver<u64>| {
        let said = (tx.len(), tx.is_empty(), tx.is_full(), tx.capacity());
        assert_eq!((rx.len(), rx.is_empty(), rx.is_full(), rx.capacity()), said);
        said
    };
    everywhere(|| {
        let (tx, rx) = chan::bounded(0);
        assert_eq!(all(&tx, &rx), (0, true, true, Some(0)));
        let sends = Party::new(false, {
            let tx = tx.clone();
            move || tx.send(1)
        });
        until_a_sender_waits(&rx);
        // Who waits is not in the channel.
        assert_eq!(all(&tx, &rx), (0, true, true, Some(0)));
        assert_eq!(rx.recv(), Ok(1));
        sends.join().unwrap();
        let (tx, rx) = chan::bounded(2);
        assert_eq!(all(&tx, &rx), (0, true, false, Some(2)));
        tx.send(1).unwrap();
        assert_eq!(all(&tx, &rx), (1, false, false, Some(2)));
        tx.send(2).unwrap();
        assert_eq!(all(&tx, &rx), (2, false, true, Some(2)));
        tx.close();
        rx.recv().unwrap();
        assert_eq!(all(&tx, &rx), (1, false, false, Some(2)));
        let (tx, rx) = chan::unbounded();
        assert_eq!(all(&tx, &rx), (0, true, false, None));
        (0..1000).for_each(|i| tx.try_send(i).unwrap());
        assert_eq!(all(&tx, &rx), (1000, false, false, None));
        // A promise, not memory.
        let (tx, rx) = chan::bounded(usize::MAX - 1);
        tx.send(1).unwrap();
        assert_eq!(all(&tx, &rx), (1, false, false, Some(usize::MAX - 1)));
    });
}

#[test]
fn iterators() {
    let _t = common::test();
    everywhere(|| {
        for (cap, on_thread) in
            [0, 1, 7, UNBOUNDED].into_iter().flat_map(|c| [(c, false), (c, true)])
        {
            let (tx, rx) = channel(cap);
            let sends = Party::new(on_thread, move || (0..100).for_each(|i| tx.send(i).unwrap()));
            let mut got: Vec<_> = rx.iter().take(10).collect();
            for v in &rx {
                got.push(v);
                if got.len() == 50 {
                    break;
                }
            }
            got.extend(rx);
            assert_eq!(got, (0..100).collect::<Vec<_>>());
            sends.join();
        }
        let (tx, rx) = chan::bounded(3);
        assert_eq!(rx.try_iter().next(), None);
        (0..3).for_each(|i| tx.send(i).unwrap());
        let mut there = rx.try_iter();
        assert_eq!(there.by_ref().collect::<Vec<_>>(), [0, 1, 2]);
        tx.send(3).unwrap();
        assert_eq!(there.next(), Some(3));
        // It owns a handle, and that was the last one.
        let mut owns = rx.into_iter();
        tx.send(4).unwrap();
        assert_eq!(owns.next(), Some(4));
        assert!(!tx.is_closed());
        drop(owns);
        assert!(tx.is_closed());
    });
}

/// `?` in a function whose error says more: as std and crossbeam have it, and for contexts.
#[test]
fn errors_that_say_less_become_those_that_say_more() {
    use rt::chan::{RecvCtxError, SendCtxError};
    use rt::context::ContextError;
    assert_eq!(TrySendError::from(SendError(1)), TrySendError::Disconnected(1));
    assert_eq!(SendTimeoutError::from(SendError(1)), SendTimeoutError::Disconnected(1));
    assert_eq!(SendCtxError::from(SendError(1)), SendCtxError::Disconnected(1));
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(RecvTimeoutError::from(RecvError), RecvTimeoutError::Disconnected);
    assert_eq!(RecvCtxError::from(RecvError), RecvCtxError::Disconnected);
    let canceled = ContextError::Canceled;
    assert_eq!(RecvCtxError::from(canceled), RecvCtxError::Cancelled(canceled));
}

/// Iterators are `Debug` whatever the values are, and stay at their end, except one that does not wait.
#[test]
fn iterators_are_fused_and_debug() {
    struct Plain;
    fn ends(mut all: impl std::iter::FusedIterator<Item = Plain> + fmt::Debug) {
        assert!(format!("{all:?}").contains("len"), "{all:?}");
        assert!(all.next().is_some() && all.next().is_none() && all.next().is_none());
    }
    let ch = chan::Chan::new(1);
    ch.send(Plain);
    ch.close();
    let shared = chan::Chan::new(1);
    shared.send(Plain);
    shared.close();
    ends(shared.iter());
    ends(ch.into_iter());
    let (tx, rx) = chan::bounded(1);
    let (to_other, other) = chan::bounded(1);
    assert!(tx.send(Plain).is_ok() && to_other.send(Plain).is_ok());
    assert!(format!("{:?}", rx.try_iter()).starts_with("TryIter"));
    drop((tx, to_other));
    ends(rx.iter());
    ends(other.into_iter());
}
