//! A side under loom: the kernel is a count of bytes and a thread that reports edges; readers are threads.
//!
//! Who sleeps beside a byte is a loop without end, or a deadlock, which loom reports.
//!
//! Broken on purpose, and noticed: READY taken back whatever has come since (`take_back` without the count); listing
//! while READY is set; no passing on in the drop of `Waiting`; an event that does not look at WAITERS; a close, or
//! a deadline, that releases nobody; listing in spite of DIRECT; a pause in the list of those who wait, one that takes READY back, one
//! that a close does not look for.

use super::Side;
use crate::carrier::{self, Slot};
use crate::prim::atomic::{AtomicU32, Ordering};
use loom::sync::Arc;
use loom::thread;
use std::time::{Duration, Instant};

/// A socket: what the kernel has of it, and what we know.
struct Socket {
    bytes: AtomicU32,
    side: Side,
}

fn wake(slot: &'static Slot) {
    let _ = slot.word.notify();
}

impl Socket {
    fn new(bytes: u32) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicU32::new(bytes), side: Side::new() })
    }

    /// Bytes arrive, and the poller reports it.
    fn arrive(&self, bytes: u32) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        self.side.event(false).into_iter().for_each(wake);
    }

    /// The system call: takes as many as there are, up to `most`; 0 is "would block".
    fn take(&self, most: u32) -> u32 {
        let mut bytes = self.bytes.load(Ordering::Acquire);
        while bytes != 0 {
            let some = bytes.min(most);
            match self.bytes.compare_exchange(
                bytes,
                bytes - some,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return some,
                Err(now) => bytes = now,
            }
        }
        0
    }

    /// As `net` reads. `None`: closed; or it gives up at once, instead of sleeping, after it has looked anyway.
    fn read(&self, most: u32, gives_up: bool) -> Option<u32> {
        let side = &self.side;
        carrier::with_thread_slot(|slot| {
            side.enter(slot, wake, |waiting| {
                loop {
                    let seen = side.seen();
                    if seen.is_closed() {
                        return None;
                    }
                    if seen.is_ready() {
                        let got = self.take(most);
                        if got != 0 {
                            if got < most {
                                side.drained(seen);
                            }
                            return Some(got);
                        }
                        side.spent(seen);
                    }
                    if !waiting.list() {
                        continue;
                    }
                    while !waiting.is_released() {
                        if gives_up {
                            let seen = side.seen();
                            let got = self.take(most);
                            if got != 0 && got < most {
                                side.drained(seen);
                            }
                            return Some(got).filter(|got| *got != 0);
                        }
                        slot.word.sleep(None);
                    }
                }
            })
        })
    }
}

fn spawn<T: 'static>(
    socket: &Arc<Socket>,
    f: impl FnOnce(&Socket) -> T + 'static,
) -> thread::JoinHandle<T> {
    let socket = Arc::clone(socket);
    thread::spawn(move || f(&socket))
}

#[test]
fn a_byte_and_a_reader() {
    loom::model(|| {
        let socket = Socket::new(0);
        let reader = spawn(&socket, |socket| socket.read(1, false));
        socket.arrive(1);
        assert_eq!(reader.join().unwrap(), Some(1));
    });
}

/// The first read is short, and the second waits without a system call, for what may have come meanwhile.
#[test]
fn a_short_read_and_the_next() {
    loom::model(|| {
        let socket = Socket::new(1);
        let reader = spawn(&socket, |socket| {
            let mut sum = 0;
            while sum < 2 {
                sum += socket.read(4, false).unwrap();
            }
            sum
        });
        socket.arrive(1);
        assert_eq!(reader.join().unwrap(), 2);
    });
}

/// One event for two bytes: the second reader is told by the first.
#[test]
fn two_readers_and_one_event() {
    loom::model(|| {
        let socket = Socket::new(0);
        let readers = [(); 2].map(|()| spawn(&socket, |socket| socket.read(1, false)));
        socket.arrive(2);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Some(1));
        }
    });
}

/// The one who is told may be giving up.
#[test]
fn one_gives_up() {
    loom::model(|| {
        let socket = Socket::new(0);
        let stays = spawn(&socket, |socket| socket.read(1, false));
        let leaves = spawn(&socket, |socket| socket.read(1, true));
        socket.arrive(1);
        if leaves.join().unwrap().is_some() {
            socket.arrive(1);
        }
        assert_eq!(stays.join().unwrap(), Some(1));
    });
}

/// Whether it was told or not: it takes one, and leaves the other.
#[test]
fn one_gives_up_and_there_is_enough_for_both() {
    loom::model(|| {
        let socket = Socket::new(0);
        let stays = spawn(&socket, |socket| socket.read(1, false));
        let leaves = spawn(&socket, |socket| socket.read(1, true));
        socket.arrive(2);
        assert_eq!(stays.join().unwrap(), Some(1));
        leaves.join().unwrap();
    });
}

#[test]
fn two_events() {
    loom::model(|| {
        let socket = Socket::new(0);
        let reader = spawn(&socket, |socket| {
            socket.read(1, false);
            socket.read(1, false)
        });
        let other = spawn(&socket, |socket| socket.arrive(1));
        socket.arrive(1);
        other.join().unwrap();
        assert_eq!(reader.join().unwrap(), Some(1));
    });
}

#[test]
fn closing_frees_all() {
    loom::model(|| {
        let socket = Socket::new(0);
        let readers = [(); 2].map(|()| spawn(&socket, |socket| socket.read(1, false)));
        assert!(socket.side.close(wake));
        assert!(!socket.side.close(wake));
        for reader in readers {
            assert_eq!(reader.join().unwrap(), None);
        }
    });
}

/// A deadline that is set while somebody lists itself is seen by it.
#[test]
fn a_deadline_is_seen() {
    let past = Instant::now();
    loom::model(move || {
        let socket = Socket::new(0);
        let waiter = spawn(&socket, |socket| {
            let side = &socket.side;
            side.spent(side.seen());
            carrier::with_thread_slot(|slot| {
                side.enter(slot, wake, |waiting| {
                    while side.deadline().is_none() {
                        assert!(waiting.list());
                        while !waiting.is_released() {
                            if side.deadline().is_some() {
                                return;
                            }
                            slot.word.sleep(None);
                        }
                    }
                });
            });
        });
        socket.side.set_deadline(Some(past + Duration::from_secs(1)), wake);
        waiter.join().unwrap();
    });
}

/// Who lists itself while it is told not to wait does not wait.
#[test]
fn not_waiting_is_seen() {
    loom::model(|| {
        let socket = Socket::new(0);
        let waiter = spawn(&socket, |socket| {
            let side = &socket.side;
            carrier::with_thread_slot(|slot| {
                side.enter(slot, wake, |waiting| {
                    loop {
                        let seen = side.seen();
                        if seen.is_direct() {
                            return;
                        }
                        side.spent(seen);
                        if waiting.list() {
                            while !waiting.is_released() {
                                slot.word.sleep(None);
                            }
                        }
                    }
                });
            });
        });
        socket.side.set_direct(true, wake);
        waiter.join().unwrap();
    });
}

impl Socket {
    /// As `net` pauses, for so long that it ends only when it is closed.
    fn pause(&self) {
        let side = &self.side;
        carrier::with_thread_slot(|slot| {
            side.enter(slot, wake, |waiting| {
                while !side.seen().is_closed() {
                    if waiting.pause() {
                        while !waiting.is_released() {
                            slot.word.sleep(None);
                        }
                    }
                }
            });
        });
    }
}

/// Who pauses takes neither the event from who waits, nor what it knows from who comes later.
#[test]
fn a_pause_takes_nothing() {
    loom::model(|| {
        let socket = Socket::new(0);
        let pauses = spawn(&socket, Socket::pause);
        let reader = spawn(&socket, |socket| socket.read(1, false));
        socket.arrive(2);
        assert_eq!(reader.join().unwrap(), Some(1));
        assert_eq!(socket.read(1, false), Some(1));
        socket.side.close(wake);
        pauses.join().unwrap();
    });
}

#[test]
fn closing_ends_a_pause() {
    loom::model(|| {
        let socket = Socket::new(0);
        let pauses = spawn(&socket, Socket::pause);
        let reader = spawn(&socket, |socket| socket.read(1, false));
        socket.side.close(wake);
        pauses.join().unwrap();
        assert_eq!(reader.join().unwrap(), None);
    });
}
