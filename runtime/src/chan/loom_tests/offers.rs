//! `Select` and its offers: every value arrives once, and nobody waits in vain.
//!
//! Broken on purpose, and noticed: a place that a receiver frees is not kept for the offer; who waits, or buffers,
//! does not tell watchers; a withdrawn offer does not give its place up, or not to the sender who waits, or tells its
//! receiver that a value came. (That a kept receiver cannot give up is seen by `tests/select_dynamic/operation.rs`.)

use crate::chan::{Chan, Select};
use loom::thread;

/// A dynamic send.
fn offer(ch: &Chan<u32>, value: u32) {
    let mut select = Select::new();
    select.send(ch);
    select.select().send(ch, value);
}

/// A dynamic receive.
fn take(ch: &Chan<u32>) -> Option<u32> {
    let mut select = Select::new();
    select.recv(ch);
    select.select().recv(ch)
}

/// A thread that spins for a lock passes many branches.
fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.max_branches = 10_000;
    model.check(f);
}

#[test]
fn an_offer_and_a_receiver_meet() {
    for recv in [Chan::recv, take] {
        model(move || {
            let ch = Chan::new(0);
            let sender = thread::spawn({
                let ch = ch.clone();
                move || offer(&ch, 7)
            });
            assert_eq!(recv(&ch), Some(7));
            sender.join().unwrap();
        });
    }
}

#[test]
fn an_offer_gets_the_place_that_becomes_free() {
    model(|| {
        let ch = Chan::new(1);
        ch.send(1);
        let sender = thread::spawn({
            let ch = ch.clone();
            move || offer(&ch, 2)
        });
        assert_eq!((ch.recv(), ch.recv()), (Some(1), Some(2)));
        sender.join().unwrap();
        assert!(ch.try_send(3).is_ok());
    });
}

#[test]
fn who_tries_meets_an_offer_or_finds_nothing() {
    model(|| {
        let ch = Chan::new(0);
        let sender = thread::spawn({
            let ch = ch.clone();
            move || offer(&ch, 7)
        });
        let first = ch.try_recv();
        if first.is_err() {
            assert_eq!(ch.recv(), Some(7));
        }
        sender.join().unwrap();
        assert!(ch.try_recv().is_err());
    });
}

/// An offer of which nothing comes.
fn withdraw(ch: &Chan<u32>) {
    let mut select = Select::new();
    select.send(ch);
    select.select().withdraw();
}

#[test]
fn a_withdrawn_offer_leaves_the_receiver() {
    model(|| {
        let ch = Chan::new(0);
        let other = thread::spawn({
            let ch = ch.clone();
            move || {
                withdraw(&ch);
                ch.send(8);
            }
        });
        assert_eq!(ch.recv(), Some(8));
        other.join().unwrap();
    });
}

#[test]
fn a_withdrawn_offer_leaves_its_place() {
    for send in [Chan::send, offer] {
        model(move || {
            let ch = Chan::new(1);
            let chosen = {
                let mut select = Select::new();
                select.send(&ch);
                select.select()
            };
            let other = thread::spawn({
                let ch = ch.clone();
                move || send(&ch, 8)
            });
            chosen.withdraw();
            other.join().unwrap();
            assert_eq!(ch.try_recv(), Ok(8));
            assert!(ch.try_send(9).is_ok());
        });
    }
}

#[test]
fn a_select_that_may_go_both_ways_does_one_thing() {
    model(|| {
        let ch = Chan::new(0);
        let both = |ch: Chan<u32>, value| {
            move || {
                let mut select = Select::new_biased();
                select.send(&ch);
                select.recv(&ch);
                let chosen = select.select();
                if chosen.index() == 0 {
                    chosen.send(&ch, value);
                    None
                } else {
                    chosen.recv(&ch)
                }
            }
        };
        let other = thread::spawn(both(ch.clone(), 1));
        let here = both(ch, 2)();
        match other.join().unwrap() {
            None => assert_eq!(here, Some(1)),
            got => assert_eq!((got, here), (Some(2), None)),
        }
    });
}

#[test]
fn who_watches_is_told() {
    for cap in [0, 1] {
        model(move || {
            let ch = Chan::new(cap);
            let sender = thread::spawn({
                let ch = ch.clone();
                move || ch.send(7)
            });
            let mut select = Select::new();
            select.recv(&ch);
            assert_eq!(select.ready(), 0);
            assert_eq!(ch.try_recv(), Ok(7));
            sender.join().unwrap();
        });
    }
}

#[test]
fn a_close_ends_an_offer() {
    model(|| {
        let (tx, rx) = crate::chan::bounded(0);
        let sender = thread::spawn(move || {
            let mut select = Select::new();
            select.send(&tx);
            select.select().send(&tx, 7).is_err()
        });
        drop(rx);
        assert!(sender.join().unwrap());
    });
}
