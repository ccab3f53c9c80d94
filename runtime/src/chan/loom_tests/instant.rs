//! What was not ready was not ready at one instant.

use super::{Parcel, channels, model};
use crate::chan::select::{Wait, recv_case, select};
use crate::chan::{Receiver, Sender};
use loom::thread;

/// Whether it finds a value; what it may look at besides is empty.
type Try = fn(&Receiver<Parcel>, &Receiver<Parcel>) -> bool;

fn by_try_recv(rx: &Receiver<Parcel>, _: &Receiver<Parcel>) -> bool {
    rx.try_recv().is_ok()
}

fn by_select(rx: &Receiver<Parcel>, _: &Receiver<Parcel>) -> bool {
    let mut case = recv_case(rx);
    select([case.arm()], false, Wait::Never).is_some()
}

fn by_select_of_two(rx: &Receiver<Parcel>, empty: &Receiver<Parcel>) -> bool {
    let (mut never, mut case) = (recv_case(empty), recv_case(rx));
    select([never.arm(), case.arm()], false, Wait::Never).is_some()
}

/// Each of two sends into a channel of its own and then looks into the other's: one finds the value.
fn one_of_two_sees(tries: [Try; 2]) {
    model(move |ledger| {
        let [(tx_a, rx_a, _a), (tx_b, rx_b, _b), (_tx, empty, _e)] = channels([1; 3]);
        let empty2 = empty.clone();
        let parcels = [ledger.parcel(0), ledger.parcel(1)];
        let [first, second] = parcels;
        let thread = thread::spawn(move || {
            tx_a.send(first).unwrap();
            let seen = tries[0](&rx_b, &empty2);
            (seen, tx_a, rx_b, empty2)
        });
        tx_b.send(second).unwrap();
        let seen = tries[1](&rx_a, &empty);
        let (other_saw, ..) = thread.join().unwrap();
        assert!(seen || other_saw, "both looked too early");
        drop((tx_b, rx_a));
        ledger.assert_dropped(2);
    });
}

#[test]
fn who_sent_first_is_seen_by_who_tries() {
    one_of_two_sees([by_try_recv, by_try_recv]);
}

#[test]
fn who_sent_first_is_seen_by_who_selects() {
    one_of_two_sees([by_try_recv, by_select]);
    one_of_two_sees([by_select, by_select_of_two]);
}

/// A value that is in one of two channels at every instant, and a `default`.
#[test]
fn default_is_not_for_a_moment_that_never_was() {
    let order = |back: bool| {
        model(move |ledger| {
            let [(tx_a, rx_a, _a), (tx_b, rx_b, _b)] = channels([1; 2]);
            tx_a.send(ledger.parcel(0)).unwrap();
            let parcel = ledger.parcel(1);
            let moves = |tx: Sender<Parcel>, rx: Receiver<Parcel>| {
                move || {
                    tx.send(parcel).unwrap();
                    drop(rx.try_recv());
                    (tx, rx)
                }
            };
            let thread = thread::spawn(moves(tx_b, rx_a.clone()));
            let (mut a, mut b) = (recv_case(&rx_a), recv_case(&rx_b));
            let arms = if back { [b.arm(), a.arm()] } else { [a.arm(), b.arm()] };
            assert!(select(arms, false, Wait::Never).is_some(), "one was always ready");
            drop((a, b));
            drop(thread.join().unwrap());
            drop((tx_a, rx_a, rx_b));
            ledger.assert_dropped(2);
        });
    };
    order(false);
    order(true);
}
