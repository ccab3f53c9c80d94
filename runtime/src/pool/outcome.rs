//! What a gate's changes leave to do, as values: without its lock, and at once.

use super::line::Number;
use super::node::{self, Taken, Word};

/// What became of a task.
#[must_use]
#[derive(Debug)]
pub(super) enum Entered<T, W> {
    /// It is accepted, and lies in the queue under this number.
    Queued(Number),
    /// It is accepted, and this worker gets it, as the `given`th. `give_way`: the caller lets it run before it goes on.
    Idle {
        worker: W,
        task: T,
        given: u32,
        give_way: bool,
    },
    /// It is accepted, and a new worker gets it.
    New(T),
    /// The caller, a worker, runs it.
    Inline(T),
    Closed(T),
    Overloaded(T),
    /// It lies in the node, which is listed.
    Blocked,
}

/// What a worker does next.
#[must_use]
#[derive(Debug)]
pub(super) enum Next<T> {
    /// It runs this, after it has let go on whose task was accepted by that.
    Run(T, Option<Taken<T>>),
    /// It sees to it that the gate ages under this number, and asks again.
    Keep(u64),
    /// It is idle: the gate's, and whose the gate gives it to.
    Idle,
    /// It ends. These wait for the last one.
    End(Vec<Taken<T>>),
}

/// What is left to do: without the lock, in this order.
#[must_use]
#[derive(Debug)]
pub(super) struct Rest<T, W> {
    /// Workers that end.
    pub(super) idle: Vec<W>,
    pub(super) blocked: Vec<Taken<T>>,
    pub(super) leaving: Vec<Taken<T>>,
    /// New workers get these.
    pub(super) start: Vec<T>,
    /// Nobody runs these.
    pub(super) dropped: Vec<T>,
    /// Submitters whose task was accepted.
    pub(super) accepted: Vec<Taken<T>>,
}

/// All counters, at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) capacity: usize,
    pub(super) live: usize,
    pub(super) busy: usize,
    pub(super) waiting: usize,
    pub(super) queued: usize,
    pub(super) closed: bool,
    /// Who comes now does not wait.
    pub(super) has_place: bool,
}

impl<T, W> Default for Rest<T, W> {
    fn default() -> Self {
        Self {
            idle: Vec::new(),
            blocked: Vec::new(),
            leaving: Vec::new(),
            start: Vec::new(),
            dropped: Vec::new(),
            accepted: Vec::new(),
        }
    }
}

impl<T, W> Rest<T, W> {
    /// Lets go on who waits.
    pub(super) fn release(&mut self) {
        node::release_all(std::mem::take(&mut self.blocked), Word::Closed);
        node::release_all(std::mem::take(&mut self.accepted), Word::Done);
        node::release_all(std::mem::take(&mut self.leaving), Word::Done);
    }
}
