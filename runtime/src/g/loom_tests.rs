//! The state word under loom: the goroutine around it is a stand-in.
//!
//! The memory, the output and each joiner are cells, so that a use after the end, or one that is not
//! ordered, fails the model.
//!
//! Broken on purpose, and noticed: registrations that are not counted (a new joiner is taken for
//! an old one); `complete` without Release, or without Acquire; `detach`, `register` that do
//! not look at COMPLETE; `is_complete` Relaxed; `leave` or `bury` Relaxed; `abort` that wakes nobody or everybody.

use super::{AfterComplete, AfterDetach, State};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

struct Goroutine {
    state: State,
    /// As `G::joiner`: an index, 0 for none.
    joiner: AtomicUsize,
    slot: AtomicUsize,
    output: UnsafeCell<u32>,
    freed: UnsafeCell<bool>,
    joiners: [UnsafeCell<Joiner>; 3],
}

/// A boxed waker: taken back, or woken, once.
#[derive(Default)]
struct Joiner {
    dropped: bool,
    woken: bool,
}

impl Goroutine {
    fn new(handle: bool) -> Arc<Self> {
        Arc::new(Self {
            state: State::new(handle),
            joiner: AtomicUsize::new(0),
            slot: AtomicUsize::new(0),
            output: UnsafeCell::new(0),
            freed: UnsafeCell::new(false),
            joiners: std::array::from_fn(|_| UnsafeCell::new(Joiner::default())),
        })
    }

    /// The memory is still there.
    fn touch(&self) {
        // SAFETY: the cell itself checks.
        self.freed.with(|freed| assert!(!unsafe { *freed }, "used after it was freed"));
    }

    fn free(&self) {
        // SAFETY: the cell itself checks.
        assert_eq!(self.output.with(|output| unsafe { *output }), 42, "the output is not there");
        self.freed.with_mut(|freed| {
            // SAFETY: the cell itself checks.
            assert!(!std::mem::replace(unsafe { &mut *freed }, true), "freed twice");
        });
    }

    fn with_joiner(&self, index: usize, f: impl FnOnce(&mut Joiner)) {
        // SAFETY: the cell itself checks.
        self.joiners[index].with_mut(|joiner| f(unsafe { &mut *joiner }));
    }

    fn drop_joiner(&self, index: usize) {
        self.with_joiner(index, |joiner| {
            assert!(!joiner.dropped && !joiner.woken, "joiner {index} was used twice");
            joiner.dropped = true;
        });
    }

    /// As `finish`.
    fn run(&self) {
        self.touch();
        // SAFETY: the cell itself checks.
        self.output.with_mut(|output| unsafe { *output = 42 });
        let mut joiner = 0;
        let after = self.state.complete(|| {
            self.touch();
            joiner = self.joiner.load(Ordering::Relaxed);
        });
        match after {
            AfterComplete::Handle { joiner: true, .. } => self.with_joiner(joiner, |joiner| {
                assert!(!joiner.dropped && !joiner.woken, "woken after its end");
                joiner.woken = true;
            }),
            AfterComplete::Handle { joiner: false, .. } => {}
            AfterComplete::Orphan => {
                self.touch();
                if self.state.complete_orphan() {
                    self.free();
                }
            }
        }
    }

    /// What a queue's owner does with its word.
    fn come_out_of_queue(&self) {
        self.touch();
        if self.state.begin() {
            self.run();
        } else if self.state.bury() {
            self.free();
        }
    }

    /// As `JoinHandle::set_joiner`.
    fn set_joiner(&self, index: usize) {
        self.touch();
        self.joiner.store(index, Ordering::Relaxed);
        if !self.state.register() {
            self.drop_joiner(index);
        }
    }

    /// As `unregister`.
    fn unregister(&self) {
        self.touch();
        if self.state.unregister() == Some(true) {
            self.drop_joiner(self.joiner.load(Ordering::Relaxed));
        }
    }

    /// As `JoinHandle::poll`.
    fn poll(&self, index: usize) -> bool {
        self.touch();
        if !self.state.is_complete() {
            self.unregister();
            self.set_joiner(index);
        }
        self.is_ready()
    }

    fn is_ready(&self) -> bool {
        self.touch();
        let ready = self.state.is_complete();
        if ready {
            // SAFETY: the cell itself checks.
            assert_eq!(self.output.with(|output| unsafe { *output }), 42);
        }
        ready
    }

    /// As the drop of a `JoinHandle`.
    fn drop_handle(&self) {
        self.touch();
        let joiner = self.joiner.load(Ordering::Relaxed);
        let after =
            if self.state.is_complete() { AfterDetach::Complete } else { self.state.detach() };
        match after {
            AfterDetach::Complete => {
                self.touch();
                if self.state.leave() {
                    self.free();
                }
            }
            AfterDetach::Running { had_joiner: true } => self.drop_joiner(joiner),
            AfterDetach::Running { had_joiner: false } => {}
        }
    }

    fn is_freed(&self) -> bool {
        // SAFETY: the cell itself checks.
        self.freed.with(|freed| unsafe { *freed })
    }

    /// `Some(woken)` for a joiner that was used up.
    fn fate(&self, index: usize) -> Option<bool> {
        // SAFETY: the cell itself checks.
        self.joiners[index].with(|joiner| {
            let joiner = unsafe { &*joiner };
            (joiner.dropped || joiner.woken).then_some(joiner.woken)
        })
    }
}

/// The goroutine runs on another thread; then it is freed, and each of the joiners was used once.
fn model(handle: bool, joiners: usize, act: impl Fn(&Goroutine) + Sync + Send + 'static) {
    loom::model(move || {
        let g = Goroutine::new(handle);
        let runtime = {
            let g = Arc::clone(&g);
            thread::spawn(move || g.run())
        };
        act(&g);
        runtime.join().unwrap();
        assert!(g.is_freed(), "nobody freed it");
        for index in 1..=joiners {
            assert!(g.fate(index).is_some(), "joiner {index} is left");
        }
    });
}

#[test]
fn ends_and_is_detached() {
    model(true, 0, Goroutine::drop_handle);
    model(false, 0, |_| ());
}

#[test]
fn ends_while_somebody_joins() {
    model(true, 1, |g| {
        g.set_joiner(1);
        while !g.is_ready() {
            // A wake-up that does not come is a loop without end, which loom reports.
            thread::yield_now();
        }
        g.drop_handle();
    });
}

#[test]
fn ends_while_a_join_times_out() {
    model(true, 1, |g| {
        g.set_joiner(1);
        g.unregister();
        g.drop_handle();
    });
}

#[test]
fn ends_while_it_is_dropped_with_a_joiner() {
    model(true, 1, |g| {
        g.set_joiner(1);
        g.drop_handle();
    });
}

/// The second joiner must not be taken for the first.
#[test]
fn ends_while_it_is_polled_twice() {
    loom::model(|| {
        let g = Goroutine::new(true);
        let runtime = {
            let g = Arc::clone(&g);
            thread::spawn(move || g.run())
        };
        g.set_joiner(1);
        let ready = g.poll(2);
        runtime.join().unwrap();
        assert!(ready || g.fate(2) == Some(true), "the last waker was not woken");
        assert!(g.fate(1).is_some(), "the first waker is left");
        assert!(g.is_ready());
        g.drop_handle();
        assert!(g.is_freed());
    });
}

/// Its word comes out of a queue while who joins it claims it: it runs once, and is freed once.
#[test]
fn is_claimed_while_it_is_dequeued() {
    loom::model(|| {
        let g = Goroutine::new(true);
        let owner = {
            let g = Arc::clone(&g);
            thread::spawn(move || g.come_out_of_queue())
        };
        g.set_joiner(1);
        if g.state.claim() {
            g.run();
        }
        while !g.is_ready() {
            thread::yield_now();
        }
        g.drop_handle();
        owner.join().unwrap();
        assert!(g.is_freed(), "nobody freed it");
    });
}

/// The same, and the handle goes while it runs.
#[test]
fn is_claimed_and_detached() {
    loom::model(|| {
        let g = Goroutine::new(true);
        let owner = {
            let g = Arc::clone(&g);
            thread::spawn(move || g.come_out_of_queue())
        };
        if g.state.claim() {
            let runner = {
                let g = Arc::clone(&g);
                thread::spawn(move || g.run())
            };
            g.drop_handle();
            runner.join().unwrap();
        } else {
            g.drop_handle();
        }
        owner.join().unwrap();
        assert!(g.is_freed(), "nobody freed it");
    });
}

/// It has run when its word comes out of the queue, and the handle goes.
#[test]
fn is_claimed_and_buried_while_its_handle_is_dropped() {
    loom::model(|| {
        let g = Goroutine::new(true);
        assert!(g.state.claim());
        g.run();
        let sides = [Goroutine::come_out_of_queue, Goroutine::drop_handle].map(|side| {
            let g = Arc::clone(&g);
            thread::spawn(move || side(&g))
        });
        for side in sides {
            side.join().unwrap();
        }
        assert!(g.is_freed(), "nobody freed it");
    });
}

/// Either who aborts finds the slot, or the goroutine sees the mark before it parks, or it has ended.
#[test]
fn is_aborted_while_it_parks() {
    loom::model(|| {
        let g = Goroutine::new(true);
        let aborter = {
            let g = Arc::clone(&g);
            thread::spawn(move || {
                let wakes = g.state.abort();
                if wakes {
                    assert_eq!(g.slot.load(Ordering::Relaxed), 1, "no slot to wake");
                }
                wakes
            })
        };
        g.slot.store(1, Ordering::Relaxed);
        let seen = g.state.reach();
        let wakes = aborter.join().unwrap();
        assert_ne!(wakes, seen, "woken and seen, or neither");
        assert!(g.state.is_aborted());
    });
}

#[test]
fn is_aborted_while_it_ends() {
    model(true, 0, |g| {
        g.touch();
        g.slot.store(1, Ordering::Relaxed);
        let _ = g.state.reach();
        let _ = g.state.abort();
        g.drop_handle();
    });
}
