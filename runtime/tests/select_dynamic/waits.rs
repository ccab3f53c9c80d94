//! Waiting for a case: the turn of who waits, and who ends it: a close, the clock, an abort, a word to all who watch.

use crate::common::{self, runtime};
use crate::{LONG, SHORT, on_one_and_two, parked, recv, send};
use rt::chan::{self, Chan, Select, TryRecvError};
use std::time::{Duration, Instant};

#[test]
fn a_close_wakes_who_waits() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let ch = Chan::<u8>::new(0);
            let receiver = parked({
                let ch = ch.clone();
                move || recv(&ch)
            });
            let watched = Chan::<u8>::new(0);
            let watcher = parked({
                let ch = watched.clone();
                move || {
                    let mut select = Select::new_biased();
                    select.send(&ch);
                    select.recv(&ch);
                    (select.ready(), ch.is_closed())
                }
            });
            ch.close();
            assert_eq!(receiver.join().unwrap(), None);
            watched.close();
            assert_eq!(watcher.join().unwrap(), (0, true));
            let full = Chan::new(1);
            full.send(1);
            let sender = parked({
                let full = full.clone();
                move || send(&full, 2)
            });
            full.close();
            assert!(sender.join().unwrap_err().is_panic());
            assert_eq!((full.recv(), full.recv()), (Some(1), None));
        });
    }
}

#[test]
fn an_offer_has_its_turn_among_the_senders() {
    let _t = common::test();
    for cap in [0, 2] {
        runtime(1).run(|| {
            let ch = Chan::new(cap);
            (0..cap).for_each(|i| ch.send(i));
            let handles: Vec<_> = (cap..cap + 6)
                .map(|i| {
                    let ch = ch.clone();
                    parked(move || if i % 2 == 0 { send(&ch, i) } else { ch.send(i) })
                })
                .collect();
            let got: Vec<_> = (0..cap + 6).map(|_| ch.recv().unwrap()).collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            if cap == 0 {
                assert!(got.is_sorted(), "{got:?}");
            } else {
                // A kept place is filled when its owner has run.
                let mut sorted = got.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..cap + 6).collect::<Vec<_>>());
            }
        });
    }
}

#[test]
fn time_is_up() {
    let _t = common::test();
    on_one_and_two(|| {
        let (full, empty) = (Chan::new(0), Chan::<u8>::new(0));
        let mut select = Select::new();
        select.send(&full);
        select.recv(&empty);
        let start = Instant::now();
        assert!(select.select_timeout(SHORT).is_err());
        assert!(select.select_deadline(start + 2 * SHORT).is_err());
        assert!(select.ready_timeout(SHORT).is_err());
        assert!(select.ready_deadline(start + 4 * SHORT).is_err());
        assert!(start.elapsed() >= 4 * SHORT);
        // Nothing of it is left in the queues.
        assert!(full.try_send(1).is_err() && empty.try_recv().is_err());
        let clock = chan::after(SHORT);
        let index = select.recv(&clock);
        assert_eq!(select.ready(), index);
        let chosen = select.select_timeout(LONG).unwrap();
        assert!(chosen.index() == index && chosen.recv(&clock).unwrap() >= start);
        assert!(select.select_timeout(Duration::MAX.min(SHORT)).is_err());
    });
}

#[test]
fn abort_while_it_waits() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let (a, b) = (Chan::<u8>::new(0), Chan::<u8>::new(0));
            for watch in [false, true] {
                let handle = parked({
                    let (a, b) = (a.clone(), b.clone());
                    move || {
                        let mut select = Select::new();
                        select.send(&a);
                        select.recv(&b);
                        if watch {
                            select.ready();
                        } else {
                            drop(select.select());
                        }
                    }
                });
                handle.abort();
                assert!(handle.join().unwrap_err().is_cancelled());
            }
            assert_eq!(a.try_recv(), Err(TryRecvError::Empty));
            assert!(b.try_send(1).is_err());
        });
    }
}

#[test]
fn all_who_watch_are_told() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            // Of a value, of room, of a sender, of a receiver, and of an offer.
            for what in 0..5 {
                let ch = Chan::new(usize::from(what < 2));
                if what == 1 {
                    ch.send(0);
                }
                let watchers: Vec<_> = (0..40)
                    .map(|_| {
                        let ch = ch.clone();
                        rt::spawn(move || {
                            let mut select = Select::new();
                            if what == 1 || what == 3 {
                                select.send(&ch)
                            } else {
                                select.recv(&ch)
                            };
                            select.ready()
                        })
                    })
                    .collect();
                (0..100).for_each(|_| rt::yield_now());
                let other = rt::spawn({
                    let ch = ch.clone();
                    move || match what {
                        0 | 2 => ch.send(1),
                        4 => send(&ch, 1),
                        _ => drop(ch.recv()),
                    }
                });
                for watcher in watchers {
                    assert_eq!(watcher.join().unwrap(), 0);
                }
                match what {
                    0 | 2 | 4 => assert!(ch.recv() == Some(1)),
                    1 => {}
                    _ => ch.send(1),
                }
                other.join().unwrap();
            }
        });
    }
}

/// Whom a channel has woken for nothing waits again at once. However many do, they do not keep who woke them.
#[test]
fn those_who_look_again_keep_nobody() {
    let _t = common::test();
    let (tx, rx) = chan::bounded(1);
    let watch = |rx: chan::Receiver<u32>| {
        let mut select = Select::new();
        select.recv(&rx);
        loop {
            select.ready();
            if rx.try_recv() == Err(TryRecvError::Disconnected) {
                return;
            }
        }
    };
    let clones: Vec<_> = (0..400).map(|_| rx.clone()).collect();
    drop(rx);
    let begin = |rx| std::thread::spawn(move || watch(rx));
    let watchers: Vec<_> = clones.into_iter().map(begin).collect();
    for n in 0..5 {
        // They wait, most of them: nobody depends on that.
        std::thread::sleep(SHORT * 20);
        // It ends: else the watchdog ends the test.
        tx.send(n).unwrap();
    }
    drop(tx);
    watchers.into_iter().for_each(|watcher| watcher.join().unwrap());
}
