//! The poller with pipes of std's, and a side in the hands of many threads.

use super::side::EVENT;
use super::{Dir, Poller, Side, Source};
use crate::carrier::{self, Slot};
use crate::prim::global::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

fn wake(slot: &'static Slot) {
    let _ = slot.word.notify();
}

fn nobody(_: &'static Slot) {
    panic!("nobody waits");
}

/// Waits, as `net` does, until `ready` or `deadline`. `false`: the deadline.
fn wait_for(
    side: &Side,
    slot: &'static Slot,
    limit: Option<Instant>,
    mut ready: impl FnMut() -> bool,
) -> bool {
    side.enter(slot, wake, |waiting| {
        loop {
            let seen = side.seen();
            if seen.is_closed() {
                return false;
            }
            if seen.is_ready() {
                if ready() {
                    return true;
                }
                side.spent(seen);
            }
            if !waiting.list() {
                continue;
            }
            while !waiting.is_released() {
                if limit.is_some_and(|at| Instant::now() >= at) {
                    return false;
                }
                slot.word.sleep(limit);
            }
        }
    })
}

#[test]
fn a_notification_stays_until_somebody_polls() {
    let poller = Arc::new(Poller::new().unwrap());
    poller.notify();
    poller.notify();
    // To look takes nothing.
    assert!(poller.look(None) && poller.look(Some(Duration::ZERO)));
    assert!(poller.poll(None, &mut nobody).unwrap());
    assert!(!poller.look(Some(Duration::from_nanos(1))));
    assert!(!poller.poll(Some(Duration::ZERO), &mut nobody).unwrap());
    for _ in 0..50 {
        let other = Arc::clone(&poller);
        let polling = thread::spawn(move || while !other.poll(None, &mut nobody).unwrap() {});
        poller.notify();
        polling.join().unwrap();
    }
    assert_ne!(poller.id(), Poller::new().unwrap().id());
}

#[test]
fn a_source_is_with_each_poller_once() {
    let pollers = [(); 3].map(|()| Arc::new(Poller::new().unwrap()));
    let (a, mut b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    let source = Source::new(a.as_raw_fd());
    assert!(!pollers[0].has_sources());
    for poller in [&pollers[0], &pollers[1], &pollers[0], &pollers[1]] {
        source.register(poller).unwrap();
        assert!(poller.has_sources());
        assert_eq!(poller.sources.load(Ordering::Relaxed), 1);
    }
    let count = |source: &Source| source.side(Dir::Read).word() / EVENT;
    for poller in &pollers {
        poller.poll(Some(Duration::ZERO), &mut nobody).unwrap();
    }
    let before = count(&source);
    b.write_all(b"x").unwrap();
    for poller in &pollers {
        poller.poll(Some(Duration::ZERO), &mut nobody).unwrap();
    }
    assert_eq!(count(&source), before + 2, "one event from each");
    // A poller that is gone is forgotten.
    let [first, second, third] = pollers;
    drop(first);
    source.register(&third).unwrap();
    b.write_all(b"x").unwrap();
    third.poll(Some(Duration::ZERO), &mut nobody).unwrap();
    assert_eq!(count(&source), before + 3);
    assert!(source.close(nobody));
    assert!(!source.close(nobody));
    // A closed one is added to none.
    source.register(&third).unwrap();
    assert!(!second.has_sources() && !third.has_sources());
}

/// The number of a file is used again, and so is the source's place: an event of the old one says nothing of the new
/// one.
#[test]
fn events_of_the_past_are_nobodys() {
    let poller = Arc::new(Poller::new().unwrap());
    let (a, mut b) = UnixStream::pair().unwrap();
    let copy = a.try_clone().unwrap();
    let source = Source::new(a.as_raw_fd());
    let place = source.data();
    source.register(&poller).unwrap();
    drop(source);
    assert_ne!(Source::new(a.as_raw_fd()).data(), place);
    b.write_all(b"x").unwrap();
    assert!(!poller.poll(Some(Duration::ZERO), &mut nobody).unwrap());
    drop(copy);
}

#[test]
fn a_short_read_is_believed_unless_there_is_more_to_know() {
    let side = Side::new();
    let seen = side.seen();
    assert!(seen.goes());
    side.drained(seen);
    assert!(!side.seen().is_ready());
    assert!(side.event(false).is_none());
    let seen = side.seen();
    // News since then.
    assert!(side.event(false).is_none());
    side.drained(seen);
    side.spent(seen);
    assert!(side.seen().is_ready());
    // The end of the stream lasts; "would block" is believed even so.
    assert!(side.event(true).is_none());
    let seen = side.seen();
    side.drained(seen);
    assert!(side.seen().is_ready());
    side.spent(seen);
    assert!(!side.seen().is_ready());
}

#[test]
fn deadlines_are_kept_as_they_are() {
    let side = Side::new();
    // What comes before the first deadline of all is counted from there.
    side.set_deadline(Some(Instant::now()), nobody);
    let now = Instant::now();
    for at in [None, Some(now), Some(now + Duration::from_nanos(1)), now.checked_add(HOUR)] {
        side.set_deadline(at, nobody);
        assert_eq!(side.seen().goes(), at.is_none());
        let kept = side.deadline();
        assert_eq!(kept.is_none(), at.is_none());
        if let (Some(kept), Some(at)) = (kept, at) {
            assert_eq!(kept, at);
        }
    }
    let long_ago = now.checked_sub(Duration::from_secs(1)).unwrap();
    side.set_deadline(Some(long_ago), nobody);
    assert!(side.deadline().unwrap() <= now);
    side.set_timeout(Some(Duration::MAX));
    assert!(side.timeout().unwrap() > HOUR);
    side.set_timeout(Some(Duration::from_nanos(1)));
    assert_eq!(side.timeout(), Some(Duration::from_nanos(1)));
}

const HOUR: Duration = Duration::from_secs(3600);

/// The first who waits is released, and passes on what it leaves; who gives up passes it on, too.
#[test]
fn the_first_passes_it_on() {
    let side = Arc::new(Side::new());
    side.spent(side.seen());
    let bytes = Arc::new(AtomicU64::new(0));
    let waiters: Vec<_> = (0..5)
        .map(|n| {
            let (other, bytes) = (Arc::clone(&side), Arc::clone(&bytes));
            let waiter = thread::spawn(move || {
                carrier::with_thread_slot(|slot| {
                    wait_for(&other, slot, None, || {
                        // The second gives up instead of taking one.
                        n == 1 || take(&bytes)
                    })
                })
            });
            while side.waiting() != n + 1 {
                thread::yield_now();
            }
            waiter
        })
        .collect();
    bytes.store(4, Ordering::SeqCst);
    // One event for all four.
    wake(side.event(false).expect("somebody waits"));
    assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    assert_eq!(bytes.load(Ordering::SeqCst), 0);
}

fn take(bytes: &AtomicU64) -> bool {
    bytes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

/// Bytes come, one event for a few of them; readers come, take one, give up after a moment, come again. In the end
/// nobody sleeps beside a byte.
#[test]
fn stress() {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = seed.subsec_nanos();
    for round in 0..40 {
        println!("seed {seed}, round {round}");
        let side = Side::new();
        let (bytes, taken, done) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        const BYTES: usize = 2_000;
        thread::scope(|s| {
            for n in 0..3_u32 {
                let (side, bytes, taken) = (&side, &bytes, &taken);
                s.spawn(move || {
                    let mut dice = seed.wrapping_mul(31).wrapping_add(round * 7 + n) | 1;
                    carrier::with_thread_slot(|slot| {
                        while taken.load(Ordering::SeqCst) < BYTES {
                            dice ^= dice << 13;
                            dice ^= dice >> 17;
                            dice ^= dice << 5;
                            let limit = dice.is_multiple_of(4).then(|| {
                                Instant::now() + Duration::from_micros(u64::from(dice % 64))
                            });
                            if wait_for(side, slot, limit, || take(bytes))
                                && taken.fetch_add(1, Ordering::SeqCst) + 1 == BYTES
                            {
                                side.close(wake);
                            }
                        }
                    });
                });
            }
            let (side, bytes) = (&side, &bytes);
            s.spawn(move || {
                let mut left = BYTES as u64;
                while left > 0 {
                    let some = (1 + left % 5).min(left);
                    bytes.fetch_add(some, Ordering::SeqCst);
                    left -= some;
                    side.event(false).into_iter().for_each(wake);
                }
            });
            let done = &done;
            s.spawn(move || {
                // A deadline that nobody has time for, and that wakes all.
                while !done.load(Ordering::Relaxed) && !side.seen().is_closed() {
                    side.set_deadline(Some(Instant::now() + HOUR), wake);
                    side.set_deadline(None, wake);
                    thread::yield_now();
                }
            });
        });
        assert_eq!(bytes.load(Ordering::SeqCst), 0);
        assert_eq!(side.waiting(), 0);
    }
}

/// Several threads poll, sockets come and go: every byte arrives.
#[test]
fn several_poll() {
    let poller = Arc::new(Poller::new().unwrap());
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    poller.poll(Some(Duration::from_millis(50)), &mut |slot| wake(slot)).unwrap();
                }
            });
        }
        let pairs: Vec<_> = (0..4)
            .map(|_| {
                let poller = &poller;
                s.spawn(move || {
                    for _ in 0..20 {
                        let (mut a, mut b) = UnixStream::pair().unwrap();
                        a.set_nonblocking(true).unwrap();
                        let writing = thread::spawn(move || {
                            for byte in 0..20 {
                                b.write_all(&[byte]).unwrap();
                                thread::yield_now();
                            }
                            b
                        });
                        let source = Source::new(a.as_raw_fd());
                        source.register(poller).unwrap();
                        let mut sum = 0;
                        carrier::with_thread_slot(|slot| {
                            for _ in 0..20 {
                                let mut byte = [0];
                                let read = || match a.read(&mut byte) {
                                    Ok(n) => n == 1,
                                    Err(error) => {
                                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                                        false
                                    }
                                };
                                assert!(wait_for(source.side(Dir::Read), slot, None, read));
                                sum += u32::from(byte[0]);
                            }
                        });
                        assert_eq!(sum, 190);
                        writing.join().unwrap();
                        drop(source);
                    }
                })
            })
            .collect();
        pairs.into_iter().for_each(|pair| pair.join().unwrap());
        stop.store(true, Ordering::Relaxed);
    });
    assert!(!poller.has_sources());
}

/// Whatever they are counted from.
#[test]
fn deadlines_are_exact_before_and_after_the_first_one() {
    let side = Side::new();
    assert_eq!(side.deadline(), None);
    let now = Instant::now();
    for away in [0, 1, 1_000_000_007, 3_600_000_000_001].map(Duration::from_nanos) {
        for at in [Some(now + away), now.checked_sub(away)] {
            side.set_deadline(at, nobody);
            assert_eq!(side.deadline(), at);
        }
    }
    side.set_deadline(None, nobody);
    assert_eq!(side.deadline(), None);
}
