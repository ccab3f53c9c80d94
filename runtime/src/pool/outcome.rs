//! What a gate's changes leave to do, as values: without its lock, and at once.

use super::node::{self, Taken, Word};

/// What became of a task.
#[must_use]
#[derive(Debug)]
pub(super) enum Entered<T> {
    /// It is accepted.
    Queued,
    /// It is accepted, and this worker gets it.
    Idle(Taken<T>, T),
    /// It is accepted, and the caller starts a worker.
    Start,
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
    /// It is listed, and rests. With a number: and sees to it that the gate [ages](Gate::age) under that.
    Idle(Option<u64>),
    /// It ends. These wait for the last one.
    End(Vec<Taken<T>>),
}

/// Who was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Was {
    Starting,
    Busy,
    Idle,
}

/// What is left to do: without the lock, in this order.
#[must_use]
#[derive(Debug)]
pub(super) struct Rest<T> {
    pub(super) idle: Vec<Taken<T>>,
    pub(super) blocked: Vec<Taken<T>>,
    pub(super) leaving: Vec<Taken<T>>,
    /// So many workers are to be started.
    pub(super) start: usize,
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
}

impl<T> Default for Rest<T> {
    fn default() -> Self {
        Self {
            idle: Vec::new(),
            blocked: Vec::new(),
            leaving: Vec::new(),
            start: 0,
            dropped: Vec::new(),
            accepted: Vec::new(),
        }
    }
}

impl<T> Rest<T> {
    /// All of it but the workers and what is to be dropped.
    pub(super) fn release(&mut self) {
        node::release_all(std::mem::take(&mut self.idle), Word::Closed);
        node::release_all(std::mem::take(&mut self.blocked), Word::Closed);
        node::release_all(std::mem::take(&mut self.accepted), Word::Done);
        node::release_all(std::mem::take(&mut self.leaving), Word::Done);
    }
}
