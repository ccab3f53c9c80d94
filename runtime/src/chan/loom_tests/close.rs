//! The end of a channel, by `close` and by its last handles, against who sends and who receives.

use super::{channel, model};
use crate::chan::{RecvError, TryRecvError};
use loom::thread;

#[test]
fn close_and_a_receiver() {
    model(|_| {
        let (tx, rx, _core) = channel(0);
        let receiver = thread::spawn(move || rx.recv().err());
        assert!(tx.close());
        assert_eq!(receiver.join().unwrap(), Some(RecvError));
    });
}

/// What has gone in comes out; what has not is given back.
fn close_between(cap: usize) {
    model(move |ledger| {
        let (tx, rx, _core) = channel(cap);
        let (closes, parcel) = (tx.clone(), ledger.parcel(0));
        let sender = thread::spawn(move || tx.send(parcel.signed()).map_err(|back| back.0.open()));
        let closer = thread::spawn(move || closes.close());
        let received = rx.recv().map(|parcel| parcel.open());
        match sender.join().unwrap() {
            Ok(()) => assert_eq!(received, Ok(0)),
            Err(back) => assert_eq!((back, received), (0, Err(RecvError))),
        }
        assert!(closer.join().unwrap());
        ledger.assert_dropped(1);
    });
}

#[test]
fn close_a_sender_and_a_receiver() {
    close_between(0);
}

#[test]
fn close_a_sender_and_a_buffer() {
    close_between(1);
}

/// Two wait, one with room for its value and one without.
#[test]
fn close_and_two_senders() {
    model(|ledger| {
        let (tx, rx, _core) = channel(1);
        let senders = [0, 1].map(|i| {
            let (tx, parcel) = (tx.clone(), ledger.parcel(i));
            thread::spawn(move || tx.send(parcel.signed()).is_ok())
        });
        assert!(tx.close());
        let sent = senders.map(|sender| sender.join().unwrap());
        assert!(sent != [true, true], "there was room for one");
        // In spite of the close.
        let found = rx.try_recv().map(|parcel| parcel.open());
        match sent {
            [true, _] => assert_eq!(found, Ok(0)),
            [_, true] => assert_eq!(found, Ok(1)),
            _ => assert_eq!(found, Err(TryRecvError::Disconnected)),
        }
        drop(rx);
        ledger.assert_dropped(2);
    });
}

#[test]
fn one_of_two_closes() {
    model(|_| {
        let (tx, rx, _core) = channel(0);
        let other = thread::spawn(move || rx.close());
        assert!(tx.close() != other.join().unwrap());
    });
}

/// A value that is in the channel when the last receiver goes is dropped, and one that is not is
/// given back.
fn the_last_receiver_goes(cap: usize) {
    model(move |ledger| {
        let (tx, rx, _core) = channel(cap);
        let parcels = [ledger.parcel(0), ledger.parcel(1)];
        let sender = thread::spawn(move || {
            let sent = parcels.map(|parcel| tx.send(parcel.signed()).is_ok());
            assert!(!sent[1] || (sent[0] && cap == 2));
            assert!(tx.is_closed() || cap == 2);
        });
        drop(rx);
        sender.join().unwrap();
        ledger.assert_dropped(2);
    });
}

#[test]
fn the_last_receiver_of_nothing_goes() {
    the_last_receiver_goes(0);
}

#[test]
fn the_last_receiver_of_a_buffer_goes() {
    the_last_receiver_goes(1);
    the_last_receiver_goes(2);
}

/// It receives first, so a sender that waits may be on its way into the buffer.
#[test]
fn the_last_receiver_takes_one_and_goes() {
    model(|ledger| {
        let (tx, rx, _core) = channel(1);
        tx.send(ledger.parcel(0)).unwrap();
        let parcels = [1, 2].map(|i| ledger.parcel(i));
        let sender = thread::spawn(move || parcels.map(|parcel| tx.send(parcel.signed()).is_ok()));
        assert_eq!(rx.recv().unwrap().open(), 0);
        drop(rx);
        let sent = sender.join().unwrap();
        assert!(!sent[1]);
        ledger.assert_dropped(3);
    });
}

/// Two receivers go at the same time: one of them is the last.
#[test]
fn two_receivers_go() {
    model(|ledger| {
        let (tx, rx, _core) = channel(1);
        tx.send(ledger.parcel(0)).unwrap();
        let other = rx.clone();
        let goes = thread::spawn(move || drop(other));
        drop(rx);
        goes.join().unwrap();
        assert!(tx.send(ledger.parcel(1)).is_err());
        ledger.assert_dropped(2);
    });
}

/// What was sent comes out first; then the receiver is told.
fn the_last_sender_goes(cap: usize) {
    model(move |ledger| {
        let (tx, rx, _core) = channel(cap);
        let senders = [0, 1].map(|i| {
            let (tx, parcel) = (tx.clone(), ledger.parcel(i));
            thread::spawn(move || tx.send(parcel.signed()).unwrap())
        });
        drop(tx);
        assert_eq!(rx.iter().map(|parcel| parcel.open()).sum::<usize>(), 1);
        assert!(rx.recv().is_err());
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        ledger.assert_dropped(2);
    });
}

#[test]
fn the_last_sender_of_nothing_goes() {
    the_last_sender_goes(0);
}

#[test]
fn the_last_sender_of_a_buffer_goes() {
    the_last_sender_goes(2);
}

/// A close that is not done yet, and the last receiver: its values are dropped by one of them.
#[test]
fn close_and_the_last_receiver() {
    model(|ledger| {
        let (tx, rx, _core) = channel(1);
        let parcels = [ledger.parcel(0), ledger.parcel(1)];
        let closes = tx.clone();
        let sender = thread::spawn(move || parcels.map(|parcel| tx.send(parcel.signed()).is_ok()));
        let closer = thread::spawn(move || closes.close());
        drop(rx);
        closer.join().unwrap();
        assert!(!sender.join().unwrap()[1]);
        ledger.assert_dropped(2);
    });
}
