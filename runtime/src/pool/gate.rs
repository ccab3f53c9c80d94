//! A pool without its goroutines: the counters, the lock around them, who waits, and how a task gets to
//! a worker.
//!
//! # The protocol
//! All of the pool's state is behind one short lock. Under it nothing waits, wakes, is dropped, or runs
//! that is a user's; tasks are moved. What remains to be done after it is returned, as a value: a node to
//! release, a worker to start.
//!
//! ```text
//!            start                 next: nothing to do
//!   (hired) -------> busy ------------------------------> idle: a number in a list, without a stack
//!                     |  ^                                 |  |
//!                     |  +---------------------------------+  | expired, too many,
//!                     | too many,          a task             | or closed: retire
//!                     v or closed: retire                     v
//!                    gone                                    gone       live -= 1
//! ```
//!
//! *A submitter* ([`enter`](Gate::enter)) gives its task to the idle worker that came last; else it hires one, if there
//! are fewer than the capacity; else it puts the task into the queue, if there is room. If not, it lists a
//! node that holds the task, and rests. If it is a worker itself, it would perhaps wait for itself: it runs the task there
//! and then, on its own stack; when three quarters of that are used up, the queue takes the task all the same, unless somebody
//! joins it, for that may be the submitter.
//!
//! *A worker* that is done ([`next`](Gate::next)) takes the first task of the queue, and lets the first
//! blocked submitter's in at its end; without a queue it takes that task itself. Either way the
//! submitter has nothing more to do than to return. Only who finds no task becomes idle, and is the first to get the next one.
//! So tasks are begun in the order in which they were accepted, and submitters are served in theirs; nobody who
//! comes later can get in between, for who comes later finds no idle worker and no place.
//!
//! *An idle worker is whose the gate is.* Its goroutine has left its stack ([`AtRest`](crate::g::AtRest)): who takes it out of
//! the list starts it, or ends it. The stacks are those that were left last where it is started, and hot; so LIFO is what it is for.
//!
//! *A place is reserved before its worker is started*, and the task is counted as running when it is given
//! away, not when it is begun. So the counters are exact at each instant at which the lock is free.
//!
//! *To end a wait* one asks under the lock whether the node was taken. A submitter whose node was taken has
//! submitted, whatever its deadline says. So a task is never both accepted and given back.
//!
//! *A task that is aborted in the queue* leaves it, and the first blocked submitter gets in: who has ended it [takes it out](Gate::withdraw)
//! by its number in the [line](super::line). If it is not there, a worker has it, to whom it is nothing any more. Its number is known
//! when it was submitted: who has submitted it sees to one that has been ended by then.
//!
//! *Age.* Now and then, while there are idle workers, somebody lets the gate [age](Gate::age), and those who
//! have been idle for [`AGES`] whole ages retire. Nobody reads a clock when a task begins or ends.
//!
//! *A worker that is cut short* (its runtime stops, or there was no stack for it) is [`lost`](Gate::lost). If the
//! runtime stops, nobody will run what is accepted: the pool closes, submitters get their tasks back, and what is queued is
//! dropped by the caller, outside of the lock. If not, another worker is hired in its place if there is anything to do.
//!
//! # Invariants, while the lock is free
//! 1. `live` = `busy` + the idle; at most `capacity`, but for busy workers that were there when the capacity was lowered.
//! 2. While a task is queued or a submitter blocked, no worker is idle, and `live` is at least `capacity`. So who has to
//!    do it is there, and comes to `next`. And who comes later does not get in between.
//! 3. While a submitter is blocked, the queue has no room.
//! 4. Of a closed gate, nobody is idle or blocked. The queue may still hold tasks, and by 2 has who runs them.
//! 5. A node is in the list that its owner put it in: submitters in `blocked`, others in `leaving`.
//! 6. Nothing of the gate is touched after a worker was given to it but the lock, by the store that frees it: the worker
//!    keeps the gate, and may be gone then.

use super::line::{Line, Number};
use super::node::{self, Node, Taken};
pub(super) use super::outcome::{Counts, Entered, Next, Rest};
use crate::wait::{List, Locked};
use std::collections::{HashSet, VecDeque};

/// So many ages make an expiry.
pub(super) const AGES: u32 = 4;

/// A worker is quick that is back before so many others got a task.
const QUICK: u32 = 16;
/// One in so many lets them run, of those who hand a task to a worker that was not.
const MANY: u32 = 16;

/// See the [module](self). `W` is a worker that is idle.
pub(super) struct Gate<T, W> {
    state: Locked<State<T, W>>,
}

struct State<T, W> {
    limits: Limits,
    closed: bool,
    live: usize,
    busy: usize,
    waiting: usize,
    queue: Line<T>,
    /// The last one is the next.
    idle: VecDeque<Idle<W>>,
    blocked: List<Node<T>>,
    leaving: List<Node<T>>,
    /// Which goroutines the workers are, if anybody asks.
    members: HashSet<usize>,
    /// So many tasks were given to idle workers.
    given: u32,
    age: u32,
    /// Who lets it age, if anybody does.
    keeper: Option<u64>,
    keepers: u64,
}

/// A worker without a task.
struct Idle<W> {
    worker: W,
    /// The gate's, when it came.
    age: u32,
    was_quick: bool,
}

/// What a gate is made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) capacity: usize,
    /// Places in the queue.
    pub(super) room: usize,
    /// So many submitters may wait.
    pub(super) most_waiting: usize,
    /// Tasks of workers that would wait are run by who submits them.
    pub(super) inline: bool,
    /// Idle workers get old.
    pub(super) ages: bool,
}

impl<T, W> Gate<T, W> {
    pub(super) fn new(limits: Limits, queue: Line<T>) -> Self {
        let state = State {
            limits,
            closed: false,
            live: 0,
            busy: 0,
            waiting: 0,
            queue,
            idle: VecDeque::new(),
            blocked: List::new(),
            leaving: List::new(),
            members: HashSet::new(),
            given: 0,
            age: 0,
            keeper: None,
            keepers: 0,
        };
        Self { state: Locked::new(state) }
    }

    /// A submitter comes with a task. `node`: its own, new, if it is ready to wait there. `joined`: perhaps it waits for the
    /// task.
    ///
    /// # Safety
    /// If it is [`Blocked`](Entered::Blocked), the node stays where it is until it is released or has
    /// [left](Self::give_up).
    #[inline]
    pub(super) unsafe fn enter(
        &self,
        task: T,
        node: Option<&Node<T>>,
        joined: bool,
    ) -> Entered<T, W> {
        // SAFETY: as the caller says.
        self.state.with(|state| unsafe { state.enter(task, node, joined) })
    }

    /// A submitter's wait is to end. `false`: it has got in, or out, and its release is on its way.
    ///
    /// # Safety
    /// `enter` has listed the node here.
    #[cold]
    pub(super) unsafe fn give_up(&self, node: &Node<T>) -> bool {
        self.state.with(|state| {
            // SAFETY: as the caller says (invariant 5).
            let left = unsafe { node::leave(&mut state.blocked, node) };
            state.waiting -= usize::from(left);
            left
        })
    }

    /// A new worker is this goroutine: before it is started.
    pub(super) fn enroll(&self, goroutine: usize) {
        self.state.with(|state| {
            if state.limits.inline {
                state.members.insert(goroutine);
            }
        });
    }

    /// `worker` has done its task, which was the gate's `since`th: it is the gate's if it becomes [`Idle`](Next::Idle), and the gate is not to be touched any
    /// more (invariant 6).
    #[inline]
    pub(super) fn next(&self, worker: W, goroutine: usize, since: u32) -> Next<T> {
        self.state.with(|state| state.next(worker, goroutine, since))
    }

    /// A worker was cut short while it was busy, or its start was. `stops`: its runtime does.
    pub(super) fn lost(&self, goroutine: usize, stops: bool) -> Rest<T, W> {
        self.change(|state, rest| {
            state.busy -= 1;
            state.live -= 1;
            state.members.remove(&goroutine);
            if stops {
                state.close(rest);
                rest.dropped.extend(state.queue.drain());
            }
            state.refill(rest);
            if state.live == 0 {
                state.take_leaving(&mut rest.leaving);
            }
        })
    }

    /// The task of that number is not to be run. If it is still in the queue, it and its place are free.
    #[cold]
    pub(super) fn withdraw(&self, number: Number) -> Rest<T, W> {
        self.change(|state, rest| {
            rest.dropped.extend(state.queue.take(number));
            // If nothing was taken out, nobody is blocked then (invariant 3).
            if state.queue.len() < state.limits.room {
                rest.accepted.extend(state.let_in());
            }
        })
    }

    /// A new worker is idle. As [`next`](Self::next); a number: the caller sees to it that the gate ages under that.
    pub(super) fn add_idle(&self, worker: W) -> Option<u64> {
        self.state.with(|state| {
            state.live += 1;
            let keeper = state.wants_keeper();
            state.idle.push_back(Idle { worker, age: state.age, was_quick: false });
            keeper
        })
    }

    /// From now on there may be `capacity` workers.
    pub(super) fn tune(&self, capacity: usize) -> Rest<T, W> {
        self.change(|state, rest| {
            state.limits.capacity = capacity;
            while state.live > capacity
                && let Some(idle) = state.idle.pop_front()
            {
                rest.idle.push(idle.worker);
                state.live -= 1;
            }
            state.refill(rest);
        })
    }

    /// Nothing more gets in.
    pub(super) fn close(&self) -> Rest<T, W> {
        self.change(|state, rest| {
            state.close(rest);
            if state.live == 0 {
                state.take_leaving(&mut rest.leaving);
            }
        })
    }

    fn change(&self, f: impl FnOnce(&mut State<T, W>, &mut Rest<T, W>)) -> Rest<T, W> {
        let mut rest = Rest::default();
        self.state.with(|state| f(state, &mut rest));
        rest
    }

    /// Something gets in again.
    pub(super) fn reopen(&self) {
        self.state.with(|state| state.closed = false);
    }

    /// Lists who waits until there are no workers. `false`: there are none.
    ///
    /// # Safety
    /// The node is new, and stays where it is until it is released or has [left](Self::waits_no_more).
    pub(super) unsafe fn wait_for_workers(&self, node: &Node<T>) -> bool {
        self.state.with(|state| {
            if state.live == 0 {
                return false;
            }
            // SAFETY: as the caller says.
            unsafe { state.leaving.push_back(node) };
            true
        })
    }

    /// `false`: its release is on its way.
    ///
    /// # Safety
    /// `wait_for_workers` has listed the node here.
    pub(super) unsafe fn waits_no_more(&self, node: &Node<T>) -> bool {
        // SAFETY: as the caller says (invariant 5).
        self.state.with(|state| unsafe { node::leave(&mut state.leaving, node) })
    }

    /// It is one age older, says `keeper`. Returns whether that is to say so again.
    pub(super) fn age(&self, keeper: u64) -> (Rest<T, W>, bool) {
        let mut rest = Rest::default();
        let again = self.state.with(|state| {
            if state.keeper != Some(keeper) {
                return false;
            }
            state.age = state.age.wrapping_add(1);
            let now = state.age;
            while let Some(idle) = state.idle.pop_front_if(|idle| now.wrapping_sub(idle.age) > AGES)
            {
                rest.idle.push(idle.worker);
                state.live -= 1;
            }
            if state.live == 0 {
                state.take_leaving(&mut rest.leaving);
            }
            if state.idle.is_empty() {
                state.keeper = None;
                // What a burst has left.
                state.idle.shrink_to_fit();
                state.members.shrink_to_fit();
            }
            state.keeper.is_some()
        });
        (rest, again)
    }

    /// A worker that was idle ends.
    pub(super) fn left(&self, goroutine: usize) {
        self.state.with(|state| state.members.remove(&goroutine));
    }

    /// Whether `keeper` is who lets it age.
    pub(super) fn is_kept_by(&self, keeper: u64) -> bool {
        self.state.with(|state| state.keeper == Some(keeper))
    }

    /// Whether `goroutine` is a worker that is to run itself what it would wait for.
    pub(super) fn is_inside(&self, goroutine: usize) -> bool {
        self.state.with(|state| state.members.contains(&goroutine))
    }

    pub(super) fn counts(&self) -> Counts {
        self.state.with(|state| Counts {
            capacity: state.limits.capacity,
            live: state.live,
            busy: state.busy,
            waiting: state.waiting,
            queued: state.queue.len(),
            closed: state.closed,
            has_place: state.has_place(),
        })
    }
}

impl<T, W> State<T, W> {
    /// See [`Gate::enter`].
    ///
    /// # Safety
    /// As there.
    #[inline]
    unsafe fn enter(&mut self, task: T, node: Option<&Node<T>>, joined: bool) -> Entered<T, W> {
        if self.closed {
            return Entered::Closed(task);
        }
        if let Some(Idle { worker, was_quick, .. }) = self.idle.pop_back() {
            self.busy += 1;
            self.given = self.given.wrapping_add(1);
            let give_way = was_quick || self.given.is_multiple_of(MANY);
            return Entered::Idle { worker, task, given: self.given, give_way };
        }
        // Those that wait already go before it. (By 2 there is no place then.)
        if self.live < self.limits.capacity {
            self.hire();
            return Entered::New(task);
        }
        if self.queue.len() < self.limits.room {
            return Entered::Queued(self.queue.push(task));
        }
        let Some(node) = node.filter(|_| self.limits.most_waiting != 0) else {
            return Entered::Overloaded(task);
        };
        if self.limits.inline && self.members.contains(&node.goroutine()) {
            if joined || node.has_stack_left() {
                return Entered::Inline(task);
            }
            // Beyond the room: by 2, the submitter itself comes for it, if nobody else does.
            return Entered::Queued(self.queue.push(task));
        }
        if self.waiting >= self.limits.most_waiting {
            return Entered::Overloaded(task);
        }
        self.waiting += 1;
        // SAFETY: it is not listed, so it is its owner's, who calls.
        unsafe { node.put_task(task) };
        // SAFETY: new, and it stays there, as the caller says.
        unsafe { self.blocked.push_back(node) };
        Entered::Blocked
    }

    /// Whether [`enter`](Self::enter) would accept a task at once.
    fn has_place(&self) -> bool {
        let (live, limits) = (self.live, &self.limits);
        !self.closed
            && (!self.idle.is_empty() || live < limits.capacity || self.queue.len() < limits.room)
    }

    /// A place is reserved.
    #[inline]
    fn hire(&mut self) {
        self.live += 1;
        self.busy += 1;
    }

    /// See [`Gate::next`].
    #[inline]
    fn next(&mut self, worker: W, goroutine: usize, since: u32) -> Next<T> {
        if self.live > self.limits.capacity {
            return self.end(goroutine);
        }
        if let Some((task, blocked)) = self.take_accepted() {
            return Next::Run(task, blocked);
        }
        if self.closed {
            return self.end(goroutine);
        }
        if let Some(keeper) = self.wants_keeper() {
            return Next::Keep(keeper);
        }
        self.busy -= 1;
        let was_quick = self.given.wrapping_sub(since) < QUICK;
        self.idle.push_back(Idle { worker, age: self.age, was_quick });
        Next::Idle
    }

    /// The number of somebody who is to let it age from now on, if there is nobody.
    #[inline]
    fn wants_keeper(&mut self) -> Option<u64> {
        if !self.limits.ages || self.keeper.is_some() {
            return None;
        }
        self.keepers += 1;
        self.keeper = Some(self.keepers);
        self.keeper
    }

    /// The task that is to be begun next, and the submitter who gets in by that.
    #[inline]
    fn take_accepted(&mut self) -> Option<(T, Option<Taken<T>>)> {
        let Some(first) = self.queue.pop() else {
            let blocked = self.take_blocked()?;
            return blocked.task().map(|task| (task, Some(blocked)));
        };
        Some((first, self.let_in()))
    }

    #[inline]
    fn take_blocked(&mut self) -> Option<Taken<T>> {
        let blocked = node::take_front(&mut self.blocked)?;
        self.waiting -= 1;
        Some(blocked)
    }

    /// A place in the queue has become free: the first blocked submitter's task gets in.
    #[inline]
    fn let_in(&mut self) -> Option<Taken<T>> {
        let blocked = self.take_blocked()?;
        if let Some(task) = blocked.task() {
            blocked.set_number(self.queue.push(task));
        }
        Some(blocked)
    }

    /// Hires workers for what is to be done, up to the capacity: invariant 2.
    fn refill(&mut self, rest: &mut Rest<T, W>) {
        while self.live < self.limits.capacity
            && let Some((task, blocked)) = self.take_accepted()
        {
            rest.accepted.extend(blocked);
            rest.start.push(task);
            self.hire();
        }
    }

    /// Invariant 4.
    fn close(&mut self, rest: &mut Rest<T, W>) {
        self.closed = true;
        self.keeper = None;
        self.live -= self.idle.len();
        rest.idle.extend(self.idle.drain(..).map(|idle| idle.worker));
        rest.blocked.extend(std::iter::from_fn(|| self.take_blocked()));
    }

    /// The busy worker ends.
    #[cold]
    fn end(&mut self, goroutine: usize) -> Next<T> {
        let mut leaving = Vec::new();
        self.busy -= 1;
        self.live -= 1;
        self.members.remove(&goroutine);
        if self.live == 0 {
            self.take_leaving(&mut leaving);
        }
        Next::End(leaving)
    }

    fn take_leaving(&mut self, leaving: &mut Vec<Taken<T>>) {
        leaving.extend(std::iter::from_fn(|| node::take_front(&mut self.leaving)));
    }
}
