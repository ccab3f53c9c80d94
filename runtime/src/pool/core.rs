//! A gate with its goroutines: submitting, workers, and their age.
//!
//! Invariants:
//! 1. What a [`Gate`] leaves to do is done at once, and without its lock.
//! 2. A submitter's node lies in the frame of [`Core::submit`], which does not return while the gate has it, and nothing
//!    between unwinds: waits [rest](wait::rest), and users' code is [caught](crate::panic::caught).

use super::error::SubmitError;
use super::gate::{AGES, Counts, Entered, Gate, Rest};
use super::line::Number;
use super::node::{End, Node, Word};
use super::report::{self, Handler};
use super::worker::{Idle, Worker, address};
use crate::g::AtRest;
use crate::prim::Mutex;
use crate::sched::{self, Sched};
use crate::task::{self, Delayed};
use crate::util;
use crate::wait::{self, Cancel, Until, Why};
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// See the [module](self). What a worker does with a task is `work`.
pub(super) struct Core<T: Send + 'static> {
    pub(super) gate: Gate<T, Idle<T>>,
    sched: Arc<Sched>,
    work: Box<dyn Fn(T) + Send + Sync>,
    handler: Option<Handler>,
    expiry: Option<Duration>,
    /// What lets the gate age, under this number.
    keeper: Mutex<Option<(u64, Delayed)>>,
    /// Where the pool was built.
    site: &'static Location<'static>,
}

/// What a core is made from, besides its gate.
pub(super) struct Parts<T> {
    pub(super) sched: Arc<Sched>,
    pub(super) work: Box<dyn Fn(T) + Send + Sync>,
    pub(super) handler: Option<Handler>,
    pub(super) expiry: Option<Duration>,
    pub(super) site: &'static Location<'static>,
}

/// For how long a submitter waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience<'a> {
    No,
    Until(Until<'a>),
}

impl Patience<'_> {
    pub(super) const FOR_EVER: Self = Self::Until(Until::NEVER);

    pub(super) fn timeout(timeout: Duration) -> Self {
        // Beyond the clock's range: for ever.
        Self::Until(util::now().checked_add(timeout).into())
    }
}

impl<T: Send + 'static> Core<T> {
    pub(super) fn new(gate: Gate<T, Idle<T>>, parts: Parts<T>) -> Arc<Self> {
        let Parts { sched, work, handler, expiry, site } = parts;
        Arc::new(Self { gate, sched, work, handler, expiry, keeper: Mutex::new(None), site })
    }

    pub(super) fn handler(&self) -> Option<&Handler> {
        self.handler.as_ref()
    }

    pub(super) fn counts(&self) -> Counts {
        let counts = self.gate.counts();
        // Nobody is idle whose runtime has stopped.
        let live = if self.sched.is_running() { counts.live } else { counts.busy };
        Counts { live, ..counts }
    }

    /// Whether the caller is a task of this pool, and runs itself what it would wait for.
    #[cold]
    pub(super) fn is_inside(&self) -> bool {
        sched::current_g().is_some_and(|g| self.gate.is_inside(address(g)))
    }

    /// Hands `task` over, or gives it back.
    #[inline]
    pub(super) fn submit(
        self: &Arc<Self>,
        task: T,
        patience: Patience<'_>,
    ) -> Result<(), SubmitError<T>> {
        self.submit_for(task, patience, false).map(drop)
    }

    /// The same for a task that somebody joins, the caller perhaps. If it is in the queue: under which number.
    #[inline]
    pub(super) fn submit_joined(
        self: &Arc<Self>,
        task: T,
        patience: Patience<'_>,
    ) -> Result<Option<Number>, SubmitError<T>> {
        self.submit_for(task, patience, true)
    }

    #[inline]
    fn submit_for(
        self: &Arc<Self>,
        task: T,
        patience: Patience<'_>,
        joined: bool,
    ) -> Result<Option<Number>, SubmitError<T>> {
        if !self.sched.is_running() {
            return Err(SubmitError::Closed(task));
        }
        let Patience::Until(until) = patience else {
            // SAFETY: without a node it is never blocked.
            return self.settle(unsafe { self.gate.enter(task, None, joined) });
        };
        let result = wait::with(|slot| {
            let node = Node::new(slot);
            // SAFETY: `blocked` returns when the node is not listed any more (invariant 2).
            match unsafe { self.gate.enter(task, Some(&node), joined) } {
                Entered::Blocked => self.blocked(&node, until),
                other => {
                    // The worker may be done at once, on a stack that is hot, and is the next one's. One that is not leaves
                    // the caller behind, for another processor to steal, if there is one.
                    let give_way = match &other {
                        Entered::Idle { give_way, .. } => *give_way || self.sched.config.procs == 1,
                        other => matches!(other, Entered::New(_)),
                    };
                    let result = self.settle(other);
                    if give_way {
                        wait::give_way_to_next();
                    }
                    result
                }
            }
        });
        if result.is_ok() {
            wait::checkpoint("after Pool::submit");
        }
        result
    }

    /// The same, until `ctx` is done.
    pub(super) fn submit_ctx(
        self: &Arc<Self>,
        task: T,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<(), SubmitError<T>> {
        let result =
            wait::bounded_with(ctx, task, |task, until| self.submit(task, Patience::Until(until)));
        match result {
            Ok(Err(SubmitError::Timeout(task))) | Err((_, task)) => {
                Err(SubmitError::Cancelled(task))
            }
            Ok(result) => result,
        }
    }

    #[inline]
    fn settle(
        self: &Arc<Self>,
        entered: Entered<T, Idle<T>>,
    ) -> Result<Option<Number>, SubmitError<T>> {
        match entered {
            Entered::Idle { worker, task, given, .. } => self.start(worker, task, given),
            Entered::New(task) => self.start(self.hire(), task, 0),
            Entered::Queued(number) => return Ok(Some(number)),
            Entered::Blocked => {}
            Entered::Inline(task) => self.run_inline(task),
            Entered::Closed(task) => return Err(SubmitError::Closed(task)),
            Entered::Overloaded(task) => return Err(SubmitError::Overloaded(task)),
        }
        Ok(None)
    }

    /// The task lies in `node`, which is listed.
    fn blocked(&self, node: &Node<T>, until: Until<'_>) -> Result<Option<Number>, SubmitError<T>> {
        let word = match node.wait(Why::PoolSubmit, until) {
            Ok(word) => word,
            // SAFETY: it was listed there.
            Err(end) if unsafe { self.gate.give_up(node) } => {
                // SAFETY: it has left, and is its owner's again.
                let task = unsafe { node.take_task() };
                if end == End::Cancelled {
                    drop(task);
                    wait::unwind();
                }
                return task.map_or(Ok(None), |task| Err(SubmitError::Timeout(task)));
            }
            Err(_) => node.wait_taken(Why::PoolSubmit),
        };
        if word == Word::Done {
            return Ok(node.number());
        }
        // SAFETY: it was released, and is its owner's again.
        let task = unsafe { node.take_task() };
        task.map_or(Ok(None), |task| Err(SubmitError::Closed(task)))
    }

    /// A task that was submitted under `number` has ended, and was not begun.
    #[cold]
    pub(super) fn withdraw(self: &Arc<Self>, number: Number) {
        let rest = self.gate.withdraw(number);
        self.finish(rest);
    }

    /// A new worker, for whom the gate has reserved a place.
    #[cold]
    fn hire(self: &Arc<Self>) -> Idle<T> {
        let work = Worker::new(Arc::clone(self));
        let mut worker = AtRest::new(work, self.sched.config.class, self.site);
        let who = address(worker.as_ref());
        worker.work().set_who(who);
        self.gate.enroll(who);
        worker
    }

    #[inline]
    fn start(&self, mut worker: Idle<T>, task: T, given: u32) {
        worker.work().give(task, given);
        task::start_turn(&self.sched, worker);
    }

    /// A worker that has no place any more.
    #[cold]
    fn retire(&self, mut worker: Idle<T>) {
        self.gate.left(address(worker.as_ref()));
        if worker.work().retire() {
            task::start_turn(&self.sched, worker);
        } else {
            task::end_turns(worker);
        }
    }

    /// A task that nobody runs.
    pub(super) fn discard(&self, task: T) {
        report::run(self.handler.as_ref(), || drop(task));
    }

    /// Runs `task`; whatever it does, the caller goes on.
    #[inline]
    pub(super) fn run(&self, task: T) {
        report::run(self.handler.as_ref(), || (self.work)(task));
    }

    /// Runs `task` instead of waiting: a point at which cancellation arrives, as the wait would be.
    #[cold]
    fn run_inline(&self, task: T) {
        // It is a worker.
        let Some(slot) = sched::current_slot() else { return self.run(task) };
        if wait::to_be_unwound(slot) {
            drop(task);
            wait::unwind();
        }
        wait::inside(|| task::as_it_was(slot, || self.run(task)));
    }

    /// A worker with a place was cut short.
    #[cold]
    pub(super) fn lost(self: &Arc<Self>, goroutine: usize) {
        let rest = self.gate.lost(goroutine, !self.sched.is_running());
        self.finish(rest);
    }

    /// Does what a change of the gate has left to do.
    fn finish(self: &Arc<Self>, mut rest: Rest<T, Idle<T>>) {
        rest.release();
        rest.idle.into_iter().for_each(|worker| self.retire(worker));
        rest.start.into_iter().for_each(|task| self.start(self.hire(), task, 0));
        rest.dropped.into_iter().for_each(|task| self.discard(task));
    }

    /// Has the gate age after a while.
    pub(super) fn keep(self: &Arc<Self>, keeper: u64) {
        let Some(expiry) = self.expiry else { return };
        let aging = Aging { core: Arc::downgrade(self), keeper };
        let at = util::now().checked_add(expiry / AGES);
        let new = Delayed::start_in(&self.sched, self.site, at, move || aging.once());
        let superfluous = {
            let mut place = self.keeper.lock();
            // Numbers grow: one that is greater has taken over.
            match &*place {
                Some((other, _)) if *other > keeper => Some((keeper, new)),
                _ => place.replace((keeper, new)),
            }
        };
        drop(superfluous);
        self.dismiss_keeper();
    }

    /// Stops what lets the gate age, if that is kept by somebody else now, or by nobody. So who closes the
    /// gate does not stop the one who came after it was opened again.
    fn dismiss_keeper(&self) {
        let keeper = self.keeper.lock().take_if(|(keeper, _)| !self.gate.is_kept_by(*keeper));
        if let Some((_, keeper)) = keeper {
            keeper.stop();
        }
    }

    pub(super) fn prepare(self: &Arc<Self>, count: usize) {
        for _ in 0..count {
            if let Some(keeper) = self.gate.add_idle(self.hire()) {
                self.keep(keeper);
            }
        }
    }

    pub(super) fn tune(self: &Arc<Self>, capacity: usize) {
        let rest = self.gate.tune(capacity);
        self.finish(rest);
    }

    pub(super) fn release(self: &Arc<Self>) {
        let rest = self.gate.close();
        self.dismiss_keeper();
        self.finish(rest);
    }

    pub(super) fn reboot(&self) {
        self.gate.reopen();
    }

    /// Waits until there are no workers. `false`: not in time.
    pub(super) fn wait_for_workers(&self, timeout: Duration) -> bool {
        let until = util::now().checked_add(timeout).into();
        wait::with(|slot| {
            let node = Node::new(slot);
            // SAFETY: this returns when the node is not listed any more: the wait does not unwind.
            if !unsafe { self.gate.wait_for_workers(&node) } {
                return true;
            }
            match node.wait(Why::PoolRelease, until) {
                Ok(_) => true,
                // SAFETY: it was listed there.
                Err(end) if unsafe { self.gate.waits_no_more(&node) } => {
                    if end == End::Cancelled {
                        wait::unwind();
                    }
                    false
                }
                Err(_) => {
                    node.wait_taken(Why::PoolRelease);
                    true
                }
            }
        })
    }
}

/// What a keeper does.
struct Aging<T: Send + 'static> {
    core: Weak<Core<T>>,
    keeper: u64,
}

impl<T: Send + 'static> Aging<T> {
    fn once(&self) {
        let Some(core) = self.core.upgrade() else { return };
        let (rest, again) = core.gate.age(self.keeper);
        core.finish(rest);
        if again {
            core.keep(self.keeper);
        }
    }
}

impl<T: Send + 'static> Drop for Aging<T> {
    /// It has no need of a stack of its own.
    fn drop(&mut self) {
        if sched::lacks_stack() {
            self.once();
        }
    }
}
