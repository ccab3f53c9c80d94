//! Waits that end by themselves, against partners that come at that moment: the value passes and both
//! know it, or it does not and neither thinks so.

use super::{channel, model};
use crate::chan::{RecvTimeoutError, SendTimeoutError};
use loom::thread;
use std::time::Instant;

fn a_receiver_gives_up(cap: usize) {
    model(move |ledger| {
        let (tx, rx, _core) = channel(cap);
        let parcel = ledger.parcel(0);
        let sender = thread::spawn(move || tx.send(parcel.signed()).unwrap());
        let got = match rx.recv_deadline(Instant::now()) {
            Err(RecvTimeoutError::Timeout) => rx.recv().unwrap(),
            got => got.unwrap(),
        };
        assert_eq!(got.open(), 0);
        drop(got);
        sender.join().unwrap();
        ledger.assert_dropped(1);
    });
}

#[test]
fn a_receiver_gives_up_or_meets_its_partner() {
    a_receiver_gives_up(0);
}

#[test]
fn a_receiver_of_a_buffer_gives_up() {
    a_receiver_gives_up(1);
}

#[test]
fn a_sender_gives_up_or_meets_its_partner() {
    model(|ledger| {
        let (tx, rx, _core) = channel(0);
        let receiver = thread::spawn(move || rx.recv().unwrap().open());
        match tx.send_deadline(ledger.parcel(0), Instant::now()) {
            Err(SendTimeoutError::Timeout(back)) => tx.send(back).unwrap(),
            sent => sent.unwrap(),
        }
        assert_eq!(receiver.join().unwrap(), 0);
        ledger.assert_dropped(1);
    });
}

/// The buffer is full, and the receiver lets in who waits first.
#[test]
fn a_sender_gives_up_or_is_let_in() {
    model(|ledger| {
        let (tx, rx, _core) = channel(1);
        tx.send(ledger.parcel(0)).unwrap();
        let parcel = ledger.parcel(1);
        let sender =
            thread::spawn(move || tx.send_deadline(parcel.signed(), Instant::now()).is_ok());
        assert_eq!(rx.recv().unwrap().open(), 0);
        let sent = sender.join().unwrap();
        assert_eq!(rx.try_recv().is_ok(), sent);
        ledger.assert_dropped(2);
    });
}

#[test]
fn both_give_up() {
    model(|ledger| {
        let (tx, rx, _core) = channel(0);
        let parcel = ledger.parcel(0);
        let sender =
            thread::spawn(move || tx.send_deadline(parcel.signed(), Instant::now()).is_ok());
        let received = rx.recv_deadline(Instant::now()).is_ok();
        assert_eq!(sender.join().unwrap(), received);
        ledger.assert_dropped(1);
    });
}

/// Who gives up leaves the queue; who stands behind it is served.
#[test]
fn one_of_two_receivers_gives_up() {
    model(|ledger| {
        let (tx, rx, _core) = channel(0);
        let hasty = rx.clone();
        let hasty = thread::spawn(move || hasty.recv_deadline(Instant::now()).is_ok());
        let patient = thread::spawn(move || rx.recv().is_ok());
        tx.send(ledger.parcel(0)).unwrap();
        drop(tx);
        assert!(hasty.join().unwrap() != patient.join().unwrap());
        ledger.assert_dropped(1);
    });
}

#[test]
fn a_receiver_gives_up_or_the_channel_is_closed() {
    model(|_| {
        let (tx, rx, _core) = channel(0);
        let closer = thread::spawn(move || drop(tx));
        assert!(rx.recv_deadline(Instant::now()).is_err());
        assert!(rx.recv().is_err());
        closer.join().unwrap();
    });
}
