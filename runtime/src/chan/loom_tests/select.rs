//! Selects against selects and against plain partners: one case happens of each, on both sides the same.

use super::{Ledger, Parcel, channel, channels, model};
use crate::chan::select::{Wait, recv_case, select, send_case, send_from_case};
use crate::chan::{Receiver, Sender};
use loom::thread;
use std::time::Duration;

/// It is over once the wait has begun.
const SOON: Wait = Wait::For(Duration::from_millis(1));

/// Sends into one or receives from the other. What happened: whether it sent, and what it received.
fn either(
    (tx, rx): (&Sender<Parcel>, &Receiver<Parcel>),
    parcel: Parcel,
    send_first: bool,
    wait: Wait,
) -> (bool, Option<usize>) {
    let (mut sends, mut receives) = (send_case(tx, parcel.signed()), recv_case(rx));
    let chosen = if send_first {
        select([sends.arm(), receives.arm()], false, wait)
    } else {
        select([receives.arm(), sends.arm()], false, wait).map(|i| 1 - i)
    };
    match chosen {
        None => (false, None),
        Some(0) => (sends.finish().is_ok(), None),
        _ => (false, receives.finish().ok().map(|parcel| parcel.open())),
    }
}

/// One sends into `a` or receives from `b`, the other receives from `a` or sends into `b`; both in the order of
/// their addresses, or one the other way round.
fn both_directions(one: Wait, other: Wait) {
    in_both_directions(one, other, false);
    in_both_directions(one, other, true);
}

fn in_both_directions(one: Wait, other: Wait, turned: bool) {
    model(move |ledger| {
        let [(tx_a, rx_a, _a), (tx_b, rx_b, _b)] = channels([0; 2]);
        let (first, second) = (ledger.parcel(0), ledger.parcel(1));
        let thread = thread::spawn(move || either((&tx_a, &rx_b), first, true, one));
        let (sent, received) = either((&tx_b, &rx_a), second, turned, other);
        match (thread.join().unwrap(), (sent, received)) {
            ((true, None), (false, Some(0))) | ((false, Some(1)), (true, None)) => {}
            ((false, None), (false, None))
                if matches!((one, other), (Wait::For(_), Wait::For(_))) => {}
            odd => panic!("{odd:?}"),
        }
        ledger.assert_dropped(2);
    });
}

#[test]
fn two_selects_in_both_directions() {
    both_directions(Wait::Forever, Wait::Forever);
}

#[test]
fn two_selects_that_give_up() {
    both_directions(SOON, SOON);
}

/// Both sides of one channel in each: it never meets itself.
#[test]
fn two_selects_on_both_sides_of_one_channel() {
    model(|ledger| {
        let (tx, rx, _core) = channel(0);
        let (first, second) = (ledger.parcel(0), ledger.parcel(1));
        let (tx2, rx2) = (tx.clone(), rx.clone());
        let thread = thread::spawn(move || either((&tx2, &rx2), first, true, Wait::Forever));
        let mine = either((&tx, &rx), second, true, Wait::Forever);
        match (thread.join().unwrap(), mine) {
            ((true, None), (false, Some(0))) | ((false, Some(1)), (true, None)) => {}
            odd => panic!("{odd:?}"),
        }
        ledger.assert_dropped(2);
    });
}

#[test]
fn alone_on_both_sides_of_one_channel_it_waits() {
    model(|ledger| {
        let (tx, rx, _core) = channel(0);
        let nothing = either((&tx, &rx), ledger.parcel(0), true, SOON);
        assert_eq!(nothing, (false, None));
        ledger.assert_dropped(1);
    });
}

/// Receives from either, once.
fn receive(a: &Receiver<Parcel>, b: &Receiver<Parcel>, wait: Wait) -> Option<Option<usize>> {
    let (mut one, mut other) = (recv_case(a), recv_case(b));
    let result = match select([one.arm(), other.arm()], false, wait)? {
        0 => one.finish(),
        _ => other.finish(),
    };
    Some(result.ok().map(|parcel| parcel.open()))
}

fn send_apart(ledger: &Ledger, senders: [Sender<Parcel>; 2]) -> Vec<thread::JoinHandle<()>> {
    let with_parcels = senders.into_iter().enumerate();
    with_parcels
        .map(|(i, tx)| {
            let parcel = ledger.parcel(i);
            thread::spawn(move || tx.send(parcel.signed()).unwrap())
        })
        .collect()
}

fn from_two_channels(cap: usize) {
    model(move |ledger| {
        let [(tx_a, rx_a, _a), (tx_b, rx_b, _b)] = channels([cap; 2]);
        let keep = (tx_a.clone(), tx_b.clone());
        let threads = send_apart(ledger, [tx_a, tx_b]);
        let got = [(); 2].map(|()| receive(&rx_a, &rx_b, Wait::Forever).flatten().unwrap());
        assert_eq!(got[0] + got[1], 1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        drop(keep);
        ledger.assert_dropped(2);
    });
}

#[test]
fn from_two_senders() {
    from_two_channels(0);
}

#[test]
fn from_two_buffers() {
    from_two_channels(1);
}

/// The same channel in both cases.
#[test]
fn from_one_channel_twice() {
    model(|ledger| {
        let (tx, rx, _core) = channel(0);
        let threads = send_apart(ledger, [tx.clone(), tx]);
        let got = [(); 2].map(|()| receive(&rx, &rx, Wait::Forever).flatten().unwrap());
        assert_eq!(got[0] + got[1], 1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        ledger.assert_dropped(2);
    });
}

/// A wait that is over leaves nothing in its queues: the sender meets the next one.
#[test]
fn it_gives_up_or_meets_its_partner() {
    model(|ledger| {
        let [(tx_a, rx_a, _a), (_tx_b, rx_b, _b)] = channels([0; 2]);
        let parcel = ledger.parcel(0);
        let sender = thread::spawn(move || tx_a.send(parcel.signed()).unwrap());
        let got = match receive(&rx_a, &rx_b, SOON) {
            None => receive(&rx_a, &rx_b, Wait::Forever),
            got => got,
        };
        assert_eq!(got, Some(Some(0)));
        sender.join().unwrap();
        ledger.assert_dropped(1);
    });
}

/// Two partners at once: the loser's value stays with it.
#[test]
fn one_case_of_two_happens() {
    model(|ledger| {
        let [(tx_a, rx_a, _a), (tx_b, rx_b, _b)] = channels([0; 2]);
        let threads = [(tx_a, 0), (tx_b, 1)].map(|(tx, i)| {
            let parcel = ledger.parcel(i);
            thread::spawn(move || tx.send(parcel.signed()).is_ok())
        });
        let got = receive(&rx_a, &rx_b, Wait::Forever).flatten().unwrap();
        drop((rx_a, rx_b));
        let sent = threads.map(|thread| thread.join().unwrap());
        assert_eq!(sent, [got == 0, got == 1]);
        ledger.assert_dropped(2);
    });
}

/// A select is woken by the end of one channel while a value comes in the other.
#[test]
fn one_channel_ends_and_a_value_comes_in_the_other() {
    model(|ledger| {
        let [(tx_a, rx_a, _a), (tx_b, rx_b, _b)] = channels([0; 2]);
        let parcel = ledger.parcel(0);
        let closer = thread::spawn(move || drop(tx_a));
        let sender = thread::spawn(move || tx_b.send(parcel.signed()).is_ok());
        let got = receive(&rx_a, &rx_b, Wait::Forever).unwrap();
        drop(rx_b);
        assert_eq!(sender.join().unwrap(), got == Some(0));
        closer.join().unwrap();
        ledger.assert_dropped(1);
    });
}

/// Of two sends one happens; the other's value is in its slot again.
#[test]
fn one_of_two_sends() {
    model(|ledger| {
        let [(tx_a, rx_a, _a), (tx_b, rx_b, _b)] = channels([0; 2]);
        let receivers = [rx_a, rx_b].map(|rx| thread::spawn(move || rx.recv().is_ok()));
        let mut slots = [Some(ledger.parcel(0)), Some(ledger.parcel(1))];
        let [slot_a, slot_b] = &mut slots;
        let (mut a, mut b) = (send_from_case(&tx_a, slot_a), send_from_case(&tx_b, slot_b));
        let chosen = select([a.arm(), b.arm()], false, Wait::Forever).unwrap();
        let sent = match chosen {
            0 => {
                drop(b);
                a.finish()
            }
            _ => {
                drop(a);
                b.finish()
            }
        };
        assert!(sent.is_ok());
        assert_eq!([slots[0].is_none(), slots[1].is_none()], [chosen == 0, chosen == 1]);
        drop((tx_a, tx_b));
        let received = receivers.map(|receiver| receiver.join().unwrap());
        assert_eq!(received, [chosen == 0, chosen == 1]);
        drop(slots);
        ledger.assert_dropped(2);
    });
}
