//! Values pass: from who waits, to who waits, through the buffer; in order.

use super::{Parcel, channel, model};
use crate::chan::{Receiver, TryRecvError};
use loom::thread;

/// Two from one sender, for one receiver.
fn two_in_order(cap: usize) {
    model(move |ledger| {
        let (tx, rx, _core) = channel(cap);
        let parcels = [ledger.parcel(0), ledger.parcel(1)];
        let sender = thread::spawn(move || {
            for parcel in parcels {
                tx.send(parcel.signed()).unwrap();
            }
        });
        assert_eq!(rx.recv().unwrap().open(), 0);
        assert_eq!(rx.recv().unwrap().open(), 1);
        sender.join().unwrap();
        ledger.assert_dropped(2);
    });
}

#[test]
fn rendezvous() {
    two_in_order(0);
}

#[test]
fn buffered() {
    two_in_order(1);
}

/// Three for a buffer of one: values go in from who waits while others come out.
#[test]
fn a_sender_waits_for_room() {
    model(|ledger| {
        let (tx, rx, _core) = channel(1);
        let parcels = [1, 2].map(|i| ledger.parcel(i));
        tx.send(ledger.parcel(0)).unwrap();
        let sender = thread::spawn(move || {
            for parcel in parcels {
                tx.send(parcel.signed()).unwrap();
            }
        });
        for i in 0..3 {
            assert_eq!(rx.recv().unwrap().open(), i);
        }
        sender.join().unwrap();
        ledger.assert_dropped(3);
    });
}

fn two_senders(cap: usize) {
    model(move |ledger| {
        let (tx, rx, _core) = channel(cap);
        let senders = [0, 1].map(|i| {
            let (tx, parcel) = (tx.clone(), ledger.parcel(i));
            thread::spawn(move || tx.send(parcel.signed()).unwrap())
        });
        let got = rx.recv().unwrap().open() + rx.recv().unwrap().open();
        assert_eq!(got, 1);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        drop(tx);
        ledger.assert_dropped(2);
    });
}

#[test]
fn two_senders_that_wait() {
    two_senders(0);
}

#[test]
fn two_senders_and_a_buffer() {
    two_senders(1);
}

#[test]
fn two_receivers_that_wait() {
    model(|ledger| {
        let (tx, rx, _core) = channel(0);
        let receive = |rx: Receiver<Parcel>| move || rx.recv().unwrap().open();
        let receivers = [rx.clone(), rx].map(|rx| thread::spawn(receive(rx)));
        tx.send(ledger.parcel(0)).unwrap();
        tx.send(ledger.parcel(1)).unwrap();
        assert_eq!(receivers.map(|r| r.join().unwrap()).iter().sum::<usize>(), 1);
        ledger.assert_dropped(2);
    });
}

/// Who only tries finds a partner, or none; either way nothing is lost.
#[test]
fn one_tries_to_receive() {
    for cap in [0, 1] {
        model(move |ledger| {
            let (tx, rx, _core) = channel(cap);
            let parcel = ledger.parcel(0);
            let sender = thread::spawn(move || tx.send(parcel.signed()).unwrap());
            let got = match rx.try_recv() {
                Err(TryRecvError::Empty) => rx.recv().unwrap(),
                got => got.unwrap(),
            };
            assert_eq!(got.open(), 0);
            drop(got);
            sender.join().unwrap();
            ledger.assert_dropped(1);
        });
    }
}

#[test]
fn one_tries_to_send() {
    for cap in [0, 1] {
        model(move |ledger| {
            let (tx, rx, _core) = channel(cap);
            let receiver = thread::spawn(move || rx.recv().unwrap().open());
            if let Err(back) = tx.try_send(ledger.parcel(0)) {
                assert!(back.is_full() && cap == 0);
                tx.send(back.into_inner()).unwrap();
            }
            assert_eq!(receiver.join().unwrap(), 0);
            ledger.assert_dropped(1);
        });
    }
}
