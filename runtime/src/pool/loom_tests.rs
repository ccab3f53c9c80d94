//! The gate and its nodes under loom: workers and submitters are threads. Who is not released waits for ever, which loom
//! reports; a task that is accepted is run once, and one that is not comes back.
//!
//! Broken on purpose, and noticed: `withdraw` that lets nobody in, that lets somebody in whether or not there is room, or two, that
//! leaves the task where it lies, or does without the lock; a number that comes again; `let_in` that loses the task; `leave` that says of a node
//! which was taken that it was not.

use super::gate::{Gate, Limits};
use super::line::{Line, Number};
use super::node::{self, Node, Word};
use super::outcome::{Entered, Next, Rest};
use crate::wait::{self, Until, Why};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

struct Model {
    gate: Gate<usize, ()>,
    /// A digit for each task: how often it ran.
    ran: AtomicUsize,
    /// In which order. This and the next are not a part of what loom looks at.
    order: std::sync::Mutex<Vec<usize>>,
    workers: std::sync::Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Clone, Copy)]
enum Patience {
    ForEver,
    /// It has hardly waited when its time is up.
    Short,
}

impl Model {
    fn new(capacity: usize, room: usize) -> Arc<Self> {
        let limits = Limits { capacity, room, most_waiting: usize::MAX, inline: false, ages: true };
        Arc::new(Self {
            gate: Gate::new(limits, Line::new()),
            ran: AtomicUsize::new(0),
            order: std::sync::Mutex::new(Vec::new()),
            workers: std::sync::Mutex::new(Vec::new()),
        })
    }

    /// A worker has a turn for `task`: a thread.
    fn start(self: &Arc<Self>, task: usize, given: u32) {
        let this = self.clone();
        let worker = thread::spawn(move || this.turns(task, given));
        self.workers.lock().unwrap().push(worker);
    }

    fn run(&self, task: usize) {
        self.order.lock().unwrap().push(task);
        self.ran.fetch_add(10_usize.pow(task as u32), Ordering::Relaxed);
    }

    /// As `Worker::turn` and `Worker::rest`.
    fn turns(self: &Arc<Self>, mut task: usize, given: u32) {
        self.run(task);
        loop {
            match self.gate.next((), 0, given) {
                Next::Run(next, accepted) => {
                    if let Some(submitter) = accepted {
                        submitter.release(Word::Done);
                    }
                    task = next;
                    self.run(task);
                }
                Next::Keep(_) => {}
                Next::Idle => return,
                Next::End(leaving) => return node::release_all(leaving, Word::Done),
            }
        }
    }

    /// As `Core::submit`: whether it is accepted.
    fn submit(self: &Arc<Self>, task: usize, patience: Patience) -> bool {
        wait::with(|slot| {
            let node = Node::new(slot);
            // SAFETY: this returns when the node is not listed any more.
            match unsafe { self.gate.enter(task, Some(&node), false) } {
                Entered::Idle { task, given, .. } => self.start(task, given),
                Entered::Queued(_) => {}
                Entered::New(task) => self.start(task, 0),
                Entered::Closed(back) => {
                    assert_eq!(back, task);
                    return false;
                }
                Entered::Blocked => {
                    let word = match patience {
                        // SAFETY: it was listed there; out of it, it is its owner's again.
                        Patience::Short => unsafe {
                            if self.gate.give_up(&node) {
                                assert_eq!(node.take_task(), Some(task));
                                return false;
                            }
                            node.wait_taken(Why::PoolSubmit)
                        },
                        Patience::ForEver => node.wait(Why::PoolSubmit, Until::NEVER).unwrap(),
                    };
                    // SAFETY: it was released.
                    let back = unsafe { node.take_task() };
                    assert_eq!(back, (word == Word::Closed).then_some(task));
                    return word == Word::Done;
                }
                other => panic!("{other:?}"),
            }
            true
        })
    }

    fn finish(self: &Arc<Self>, mut rest: Rest<usize, ()>) {
        rest.release();
        assert!(rest.dropped.is_empty());
        rest.start.into_iter().for_each(|task| self.start(task, 0));
    }

    /// As `Core::submit`, of a task that goes into the queue.
    fn queue(&self, task: usize) -> Number {
        // SAFETY: without a node it is never blocked.
        match unsafe { self.gate.enter(task, None, true) } {
            Entered::Queued(number) => number,
            other => panic!("{other:?}"),
        }
    }

    /// As `Core::withdraw`: whether it was still there.
    fn withdraw(self: &Arc<Self>, task: usize, number: Number) -> bool {
        let mut rest = self.gate.withdraw(number);
        let there = std::mem::take(&mut rest.dropped);
        assert!(there.iter().all(|other| *other == task));
        self.finish(rest);
        !there.is_empty()
    }

    fn close(self: &Arc<Self>) {
        let rest = self.gate.close();
        self.finish(rest);
        assert_eq!(self.gate.counts().waiting, 0, "all were sent away");
    }

    /// Closes it, waits until nobody works, and asks what ran.
    fn end(self: &Arc<Self>, expected: usize) {
        self.close();
        wait::with(|slot| {
            let node = Node::new(slot);
            // SAFETY: this returns when the node is not listed any more.
            if unsafe { self.gate.wait_for_workers(&node) } {
                node.wait(Why::PoolRelease, Until::NEVER).unwrap();
            }
        });
        let workers = std::mem::take(&mut *self.workers.lock().unwrap());
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!(self.ran.load(Ordering::Relaxed), expected);
        let counts = self.gate.counts();
        assert_eq!((counts.live, counts.busy, counts.waiting, counts.queued), (0, 0, 0, 0));
    }

    /// Submits a task in a thread of its own.
    fn submitter(self: &Arc<Self>, task: usize, patience: Patience) -> JoinHandle<bool> {
        let this = self.clone();
        thread::spawn(move || this.submit(task, patience))
    }
}

#[test]
fn loom_submit_against_a_finishing_worker() {
    for room in [0, 1] {
        loom::model(move || {
            let model = Model::new(1, room);
            assert!(model.submit(0, Patience::ForEver));
            let other = model.submitter(1, Patience::ForEver);
            assert!(model.submit(2, Patience::ForEver));
            assert!(other.join().unwrap());
            model.end(111);
        });
    }
}

#[test]
fn loom_an_impatient_submit_against_a_finishing_worker() {
    loom::model(|| {
        let model = Model::new(1, 0);
        assert!(model.submit(0, Patience::ForEver));
        let other = model.submitter(1, Patience::Short);
        let mine = model.submit(2, Patience::Short);
        let other = other.join().unwrap();
        model.end(1 + 10 * usize::from(other) + 100 * usize::from(mine));
    });
}

#[test]
fn loom_release_against_submit() {
    for room in [0, 1] {
        loom::model(move || {
            let model = Model::new(1, room);
            let one = model.submitter(0, Patience::ForEver);
            let two = model.submitter(1, Patience::ForEver);
            model.close();
            let (one, two) = (one.join().unwrap(), two.join().unwrap());
            model.end(usize::from(one) + 10 * usize::from(two));
        });
    }
}

#[test]
fn loom_tune_up_against_a_blocked_submitter() {
    loom::model(|| {
        let model = Model::new(1, 0);
        assert!(model.submit(0, Patience::ForEver));
        let other = model.submitter(1, Patience::ForEver);
        let rest = model.gate.tune(2);
        model.finish(rest);
        assert_eq!(model.gate.counts().waiting, 0, "there is room for both");
        assert!(other.join().unwrap());
        model.end(11);
    });
}

/// A worker ends because it is one too many, while a task comes that it might have taken.
#[test]
fn loom_tune_down_against_submit() {
    loom::model(|| {
        let model = Model::new(2, 0);
        assert!(model.submit(0, Patience::ForEver));
        assert!(model.submit(1, Patience::ForEver));
        let rest = model.gate.tune(1);
        model.finish(rest);
        assert!(model.submit(2, Patience::ForEver));
        model.end(111);
    });
}

/// Nor does one that comes later get in before one that waits.
#[test]
fn loom_who_waits_goes_first() {
    loom::model(|| {
        let model = Model::new(1, 0);
        assert!(model.submit(0, Patience::ForEver));
        let other = model.submitter(1, Patience::ForEver);
        let waits = model.gate.counts().waiting == 1;
        assert!(model.submit(2, Patience::ForEver));
        assert!(other.join().unwrap());
        model.end(111);
        assert!(!waits || *model.order.lock().unwrap() == [0, 1, 2]);
    });
}

/// No worker comes by, before the submitter has gone on: it gets in for the task that has left.
#[test]
fn loom_a_task_that_leaves_the_queue_lets_a_submitter_in() {
    loom::model(|| {
        let model = Model::new(1, 1);
        // SAFETY: without a node it is never blocked.
        let Entered::New(first) = (unsafe { model.gate.enter(0, None, false) }) else {
            panic!("there is no worker")
        };
        let number = model.queue(1);
        let other = model.submitter(2, Patience::ForEver);
        assert!(model.withdraw(1, number));
        assert!(other.join().unwrap());
        assert!(!model.withdraw(1, number), "it is another one's place");
        model.start(first, 0);
        model.end(101);
    });
}

/// A task is run, or has left the queue; and whoever waits for its place gets in by the one or the other, but once.
#[test]
fn loom_a_task_leaves_the_queue_against_a_worker() {
    loom::model(|| {
        let model = Model::new(1, 1);
        // SAFETY: without a node it is never blocked.
        let Entered::New(first) = (unsafe { model.gate.enter(0, None, false) }) else {
            panic!("there is no worker")
        };
        let number = model.queue(1);
        model.start(first, 0);
        let other = model.submitter(2, Patience::ForEver);
        let left = model.withdraw(1, number);
        assert!(other.join().unwrap());
        model.end(101 + 10 * usize::from(!left));
    });
}

/// The submitter that would get in gives up meanwhile.
#[test]
fn loom_a_task_leaves_the_queue_against_an_impatient_submit() {
    loom::model(|| {
        let model = Model::new(1, 1);
        // SAFETY: without a node it is never blocked.
        let Entered::New(first) = (unsafe { model.gate.enter(0, None, false) }) else {
            panic!("there is no worker")
        };
        let number = model.queue(1);
        let (other, third) =
            (model.submitter(2, Patience::Short), model.submitter(3, Patience::Short));
        assert!(model.withdraw(1, number));
        let (two, three) = (other.join().unwrap(), third.join().unwrap());
        assert_eq!(model.gate.counts().queued, usize::from(two || three));
        assert_eq!(model.gate.counts().waiting, 0);
        assert!(!(two && three), "there was one place");
        model.start(first, 0);
        model.end(1 + 100 * usize::from(two) + 1000 * usize::from(three));
    });
}

/// Its number is no longer there, and its place another one's: nobody gets in for it, beyond the room.
#[test]
fn loom_a_task_that_has_left_lets_nobody_in() {
    loom::model(|| {
        let model = Model::new(1, 1);
        // SAFETY: without a node it is never blocked.
        let Entered::New(first) = (unsafe { model.gate.enter(0, None, false) }) else {
            panic!("there is no worker")
        };
        let number = model.queue(1);
        assert!(model.withdraw(1, number));
        let _next = model.queue(2);
        let other = model.submitter(3, Patience::ForEver);
        assert!(!model.withdraw(1, number), "it has left");
        assert_eq!(model.gate.counts().queued, 1, "there is one place");
        model.start(first, 0);
        assert!(other.join().unwrap());
        model.end(1101);
    });
}
