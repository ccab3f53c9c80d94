//! The cases: of both faces, closed, nil, many; which is chosen, and how each meets every other form.

use crate::common::{self, Tally, Token, panic_text};
use crate::{LONG, SHORT, on_one_and_two, recv, send};
use rt::chan::{self, Chan, Receiver, RecvError, Select, SendError, TryRecvError, TrySelectError};
use std::time::Instant;

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
