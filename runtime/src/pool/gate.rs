//! A pool without its goroutines: the counters, the lock around them, who waits, and how a task gets to
//! a worker.
//!
//! # The protocol
//! All of the pool's state is behind one short lock. Under it nothing waits, wakes, is dropped, or runs
//! that is a user's; tasks are moved. What remains to be done after it is returned, as a value: a node to
//! release, a worker to start.
//!
//! ```text
//!              start                begin              rest
//!   (reserved) -----> starting ------------> busy <===========> idle
//!        live += 1       | no task is handed  | too many, or     | expired, too many,
//!                        +--------------------+ closed: retire   | or closed: retire
//!                                             v                  v
//!                                            gone               gone       live -= 1
//! ```
//!
//! *A submitter* ([`enter`](Gate::enter)) gives its task to the idle worker that came last; else to one that is
//! starting and has none, if no more than the capacity are busy by that; else it reserves a place and starts a worker; else it puts the task into the queue,
//! if there is room. If not, it lists a node that holds the task, and rests.
//!
//! *A worker* that is done ([`next`](Gate::next)) takes the first task of the queue, and lets the first
//! blocked submitter's in at its end; without a queue it takes that task itself. Either way the
//! submitter has nothing more to do than to return. Only who finds no task lists itself as idle, as the first.
//! So tasks are begun in the order in which they were accepted, and submitters are served in theirs; nobody who
//! comes later can get in between, for who comes later finds no idle worker and no place.
//!
//! *A place is reserved before its worker is started*, and the task is counted as running when it is given
//! away, not when it is begun. So the counters are exact at each instant at which the lock is free.
//! The worker finds its task in `handed`: any worker that begins takes the first one there.
//!
//! *To end a wait* one asks under the lock whether the node was taken. A submitter whose node was taken has
//! submitted, whatever its deadline says. So a task is never both accepted and given back.
//!
//! *Age.* Now and then, while there are idle workers, somebody lets the gate [age](Gate::age), and those who
//! have been idle for [`AGES`] whole ages retire. Nobody reads a clock when a task begins or ends.
//!
//! *A worker that is cut short* (its runtime stops, or there was no stack for it) is [`lost`](Gate::lost). If the
//! runtime stops, nobody will run what is accepted: the pool closes, submitters get their tasks back, and what is
//! queued is dropped by the caller, outside of the lock. If not, another worker is started in its place
//! if there is anything to do.
//!
//! # Invariants, while the lock is free
//! 1. `live` = `busy` + the idle + `starting` - the `handed`; at most `capacity`, but for busy workers that
//!    were there when the capacity was lowered. `handed` are never more than `starting`.
//! 2. While a task is queued or a submitter blocked, no worker is idle, none starts without a task but those
//!    that a lower capacity has made too many, and `live` is at least `capacity`. So who has to do it is there,
//!    and comes to `next`. And who comes later does not get in between.
//! 3. While a submitter is blocked, the queue has no room.
//! 4. Of a closed gate, nobody is idle or blocked. The queue may still hold tasks, and by 2 has who runs them.
//! 5. A node is in the list that its owner put it in: workers in `idle`, submitters in `blocked`, others in
//!    `leaving`.

use super::node::{self, Node, Taken};
pub(super) use super::outcome::{Counts, Entered, Next, Rest, Was};
use crate::prim::Mutex;
use crate::wait::List;
use std::collections::{HashSet, VecDeque};

/// So many ages make an expiry.
pub(super) const AGES: u32 = 4;

/// See the [module](self).
pub(super) struct Gate<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    limits: Limits,
    closed: bool,
    live: usize,
    busy: usize,
    starting: usize,
    waiting: usize,
    handed: VecDeque<T>,
    queue: VecDeque<T>,
    idle: List<Node<T>>,
    blocked: List<Node<T>>,
    leaving: List<Node<T>>,
    /// On which slots the workers run.
    slots: HashSet<usize>,
    age: u32,
    /// Who lets it age, if anybody does.
    keeper: Option<u64>,
    keepers: u64,
}

/// A worker without a task that is not idle.
enum Place {
    Started,
    /// It is to be started.
    New,
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

impl<T> Gate<T> {
    pub(super) fn new(limits: Limits, queue: VecDeque<T>) -> Self {
        let state = State {
            limits,
            closed: false,
            live: 0,
            busy: 0,
            starting: 0,
            waiting: 0,
            handed: VecDeque::new(),
            queue,
            idle: List::new(),
            blocked: List::new(),
            leaving: List::new(),
            slots: HashSet::new(),
            age: 0,
            keeper: None,
            keepers: 0,
        };
        Self { state: Mutex::new(state) }
    }

    /// A submitter comes with a task. `node`: its own, new, if it is ready to wait there; `slot`: where it runs.
    ///
    /// # Safety
    /// If it is [`Blocked`](Entered::Blocked), the node stays where it is until it is released or has
    /// [left](Self::give_up).
    #[inline]
    pub(super) unsafe fn enter(&self, task: T, node: Option<(&Node<T>, usize)>) -> Entered<T> {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.closed {
            return Entered::Closed(task);
        }
        if let Some(worker) = node::take_front(&mut state.idle) {
            state.busy += 1;
            return Entered::Idle(worker, task);
        }
        // Those that wait already go before it: to a worker that starts, and is one too many by now.
        if state.queue.is_empty() && state.blocked.is_empty() {
            match state.place() {
                Some(Place::Started) => {
                    state.hand(task);
                    return Entered::Queued;
                }
                Some(Place::New) => {
                    state.reserve(task);
                    return Entered::Start;
                }
                None => {}
            }
        }
        if state.queue.len() < state.limits.room {
            state.queue.push_back(task);
            return Entered::Queued;
        }
        let Some((node, slot)) = node.filter(|_| state.limits.most_waiting != 0) else {
            return Entered::Overloaded(task);
        };
        if state.limits.inline && state.slots.contains(&slot) {
            return Entered::Inline(task);
        }
        if state.waiting >= state.limits.most_waiting {
            return Entered::Overloaded(task);
        }
        state.waiting += 1;
        // SAFETY: it is not listed, so it is its owner's, who calls.
        unsafe { node.put_task(task) };
        // SAFETY: new, and it stays there, as the caller says.
        unsafe { state.blocked.push_back(node) };
        Entered::Blocked
    }

    /// A submitter's wait is to end. `false`: it has got in, or out, and its release is on its way.
    ///
    /// # Safety
    /// `enter` has listed the node here.
    #[cold]
    pub(super) unsafe fn give_up(&self, node: &Node<T>) -> bool {
        let mut state = self.state.lock();
        // SAFETY: as the caller says (invariant 5).
        let left = unsafe { node::leave(&mut state.blocked, node) };
        state.waiting -= usize::from(left);
        left
    }

    /// A worker has begun, on `slot`.
    ///
    /// # Safety
    /// As [`next`](Self::next).
    pub(super) unsafe fn begin(&self, node: &Node<T>, slot: usize) -> Next<T> {
        let mut state = self.state.lock();
        state.starting -= 1;
        if state.limits.inline {
            state.slots.insert(slot);
        }
        match state.handed.pop_front() {
            Some(task) => Next::Run(task, None),
            None => {
                state.busy += 1;
                // SAFETY: as the caller says.
                unsafe { state.next(node, slot) }
            }
        }
    }

    /// A worker has done its task.
    ///
    /// # Safety
    /// The node is the worker's own, new or renewed; if it is listed by this, it stays where it is until it
    /// is released or [lost](Self::lost_idle).
    #[inline]
    pub(super) unsafe fn next(&self, node: &Node<T>, slot: usize) -> Next<T> {
        // SAFETY: as the caller says.
        unsafe { self.state.lock().next(node, slot) }
    }

    /// A worker that is idle is cut short. `false`: it was taken, and its release is on its way.
    ///
    /// # Safety
    /// `next` or `begin` has listed the node here.
    pub(super) unsafe fn lost_idle(&self, node: &Node<T>) -> bool {
        // SAFETY: as the caller says (invariant 5).
        unsafe { node::leave(&mut self.state.lock().idle, node) }
    }

    /// A worker was cut short. `stops`: its runtime does.
    pub(super) fn lost(&self, was: Was, slot: usize, stops: bool) -> Rest<T> {
        let mut rest = Rest::default();
        let mut state = self.state.lock();
        match was {
            Was::Busy => state.busy -= 1,
            Was::Idle => {}
            Was::Starting => {
                state.starting -= 1;
                if state.handed.len() > state.starting {
                    rest.dropped.extend(state.handed.pop_front());
                    state.busy -= 1;
                }
            }
        }
        if stops {
            state.close(&mut rest);
            rest.dropped.extend(state.queue.drain(..));
        }
        state.live -= 1;
        state.slots.remove(&slot);
        state.refill(&mut rest);
        if state.live == 0 {
            state.take_leaving(&mut rest.leaving);
        }
        rest
    }

    /// Starts `count` workers without tasks, which are the caller's to start.
    pub(super) fn prepare(&self, count: usize) {
        let mut state = self.state.lock();
        state.live += count;
        state.starting += count;
    }

    /// From now on there may be `capacity` workers.
    pub(super) fn tune(&self, capacity: usize) -> Rest<T> {
        let mut rest = Rest::default();
        let mut state = self.state.lock();
        let state = &mut *state;
        state.limits.capacity = capacity;
        while state.live > capacity
            && let Some(worker) = node::take_back_if(&mut state.idle, |_| true)
        {
            rest.idle.push(worker);
            state.live -= 1;
        }
        state.refill(&mut rest);
        rest
    }

    /// Nothing more gets in.
    pub(super) fn close(&self) -> Rest<T> {
        let mut rest = Rest::default();
        let mut state = self.state.lock();
        state.close(&mut rest);
        if state.live == 0 {
            state.take_leaving(&mut rest.leaving);
        }
        rest
    }

    /// Something gets in again.
    pub(super) fn reopen(&self) {
        self.state.lock().closed = false;
    }

    /// Lists who waits until there are no workers. `false`: there are none.
    ///
    /// # Safety
    /// The node is new, and stays where it is until it is released or has [left](Self::waits_no_more).
    pub(super) unsafe fn wait_for_workers(&self, node: &Node<T>) -> bool {
        let mut state = self.state.lock();
        if state.live == 0 {
            return false;
        }
        // SAFETY: as the caller says.
        unsafe { state.leaving.push_back(node) };
        true
    }

    /// `false`: its release is on its way.
    ///
    /// # Safety
    /// `wait_for_workers` has listed the node here.
    pub(super) unsafe fn waits_no_more(&self, node: &Node<T>) -> bool {
        // SAFETY: as the caller says (invariant 5).
        unsafe { node::leave(&mut self.state.lock().leaving, node) }
    }

    /// It is one age older, says `keeper`. Returns whether that is to say so again.
    pub(super) fn age(&self, keeper: u64) -> (Rest<T>, bool) {
        let mut rest = Rest::default();
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.keeper != Some(keeper) {
            return (rest, false);
        }
        state.age = state.age.wrapping_add(1);
        let now = state.age;
        let is_old = |node: &Node<T>| now.wrapping_sub(node.age.get()) > AGES;
        while let Some(worker) = node::take_back_if(&mut state.idle, is_old) {
            rest.idle.push(worker);
            state.live -= 1;
        }
        if state.live == 0 {
            state.take_leaving(&mut rest.leaving);
            // What a burst has left.
            state.handed.shrink_to_fit();
            state.slots.shrink_to_fit();
        }
        if state.idle.is_empty() {
            state.keeper = None;
        }
        (rest, state.keeper.is_some())
    }

    /// A worker that was released to end has done so.
    pub(super) fn left(&self, slot: usize) {
        self.state.lock().slots.remove(&slot);
    }

    /// Whether `keeper` is who lets it age.
    pub(super) fn is_kept_by(&self, keeper: u64) -> bool {
        self.state.lock().keeper == Some(keeper)
    }

    /// Whether who runs on `slot` is a worker that is to run itself what it would wait for.
    pub(super) fn is_inside(&self, slot: usize) -> bool {
        self.state.lock().slots.contains(&slot)
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.state.lock();
        Counts {
            capacity: state.limits.capacity,
            live: state.live,
            busy: state.busy,
            waiting: state.waiting,
            queued: state.queue.len(),
            closed: state.closed,
        }
    }
}

impl<T> State<T> {
    /// Where one more task could begin, besides the idle.
    #[inline]
    fn place(&self) -> Option<Place> {
        if self.starting > self.handed.len() && self.busy < self.limits.capacity {
            return Some(Place::Started);
        }
        (self.live < self.limits.capacity).then_some(Place::New)
    }

    /// A worker that starts has `task` waiting for it.
    #[inline]
    fn hand(&mut self, task: T) {
        self.busy += 1;
        self.handed.push_back(task);
    }

    /// The same, of one that is to be started.
    #[inline]
    fn reserve(&mut self, task: T) {
        self.live += 1;
        self.starting += 1;
        self.hand(task);
    }

    /// What the busy worker of `node` does next.
    ///
    /// # Safety
    /// As [`Gate::next`].
    #[inline]
    unsafe fn next(&mut self, node: &Node<T>, slot: usize) -> Next<T> {
        if self.live > self.limits.capacity {
            return self.end(slot);
        }
        if let Some((task, blocked)) = self.take_accepted() {
            return Next::Run(task, blocked);
        }
        if self.closed {
            return self.end(slot);
        }
        self.busy -= 1;
        node.renew();
        node.age.set(self.age);
        // SAFETY: new or renewed, and it stays, as the caller says.
        unsafe { self.idle.push_front(node) };
        if !self.limits.ages || self.keeper.is_some() {
            return Next::Idle(None);
        }
        self.keepers += 1;
        self.keeper = Some(self.keepers);
        Next::Idle(self.keeper)
    }

    /// The task that is to be begun next, and the submitter who gets in by that.
    #[inline]
    fn take_accepted(&mut self) -> Option<(T, Option<Taken<T>>)> {
        let queued = self.queue.pop_front();
        let blocked = node::take_front(&mut self.blocked);
        self.waiting -= usize::from(blocked.is_some());
        let task = blocked.as_ref().and_then(Taken::task);
        match queued {
            None => task.map(|task| (task, blocked)),
            Some(first) => {
                self.queue.extend(task);
                Some((first, blocked))
            }
        }
    }

    /// Starts workers for what is to be done, up to the capacity: invariant 2.
    fn refill(&mut self, rest: &mut Rest<T>) {
        while let Some(place) = self.place()
            && let Some((task, blocked)) = self.take_accepted()
        {
            rest.accepted.extend(blocked);
            match place {
                Place::Started => self.hand(task),
                Place::New => {
                    self.reserve(task);
                    rest.start += 1;
                }
            }
        }
    }

    /// Invariant 4.
    fn close(&mut self, rest: &mut Rest<T>) {
        self.closed = true;
        self.keeper = None;
        while let Some(worker) = node::take_front(&mut self.idle) {
            rest.idle.push(worker);
            self.live -= 1;
        }
        while let Some(submitter) = node::take_front(&mut self.blocked) {
            rest.blocked.push(submitter);
            self.waiting -= 1;
        }
    }

    /// The busy worker on `slot` ends.
    #[cold]
    fn end(&mut self, slot: usize) -> Next<T> {
        let mut leaving = Vec::new();
        self.busy -= 1;
        self.live -= 1;
        self.slots.remove(&slot);
        if self.live == 0 {
            self.take_leaving(&mut leaving);
        }
        Next::End(leaving)
    }

    fn take_leaving(&mut self, leaving: &mut Vec<Taken<T>>) {
        leaving.extend(std::iter::from_fn(|| node::take_front(&mut self.leaving)));
    }
}
