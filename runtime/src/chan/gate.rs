//! A channel without its values: the lock, who waits, and how a wait ends.
//!
//! # The protocol
//!
//! A *wait* is an [`Op`] on the waiter's stack, with one [`Node`] for each case: one for a plain
//! send or receive, several for a select. Nodes lie in the queues of their channels' gates.
//!
//! ```text
//!              claim (a partner, under the gate's lock)
//!   WAITING ------------------------------------------> CLAIMED ----------> done(case, how)
//!      |                                                   ^     finish
//!      +---------------------------------------------------+
//!              give_up (the waiter itself)
//! ```
//!
//! *A partner* takes a node out of a queue and claims its op. If it wins, it alone moves the value
//! between the two stacks, through the node's pointer, and then finishes the op; all this under the
//! gate's lock. Then it unlocks, and wakes the waiter, which goes on without touching the lock if it
//! waited for one case alone. If it loses, the wait has ended some other way, and it takes the next node.
//!
//! *The waiter* rests until its op is done. To end the wait itself (time is up, it is cancelled) it
//! claims its own op. If it wins, nobody has moved the value and nobody will. If it loses, a
//! partner is moving it: the op will be done, and the waiter takes it as done.
//!
//! So exactly one of all cases happens, and a value that was moved is never lost to a
//! cancellation or a deadline.
//!
//! An op of one case is claimed without an atomic read-modify-write: its partners, and its waiter
//! when it gives up, hold the one lock.
//!
//! *A select* locks all its gates, in the order of their addresses, looks at every case, and only if
//! none is ready queues a node in each; then it unlocks them. While it looks, none of its nodes is
//! queued, so it cannot meet itself, and nobody can claim its op. No lock is held over a switch.
//!
//! *An offer* is a send whose value is not known before it is chosen (`offer`): a node without a value.
//! *A watcher* waits for a channel to be ready, and takes nothing: it has a queue of its own. Who makes
//! a channel ready by buffering, making room, or waiting, releases the watchers of the other side
//! afterwards, without the lock: they look again, under the lock.
//!
//! A wait may also end with [`End::Again`]: nothing has passed, and the waiter looks again. So ends a
//! watcher's wait, and a claim that was withdrawn.
//!
//! # Invariants
//! 1. A queued node, its op, and what its pointer shows are alive and stay in place: whoever has
//!    queued a node takes it out, or finds it taken out, under the gate's lock before it goes.
//! 2. Only who claimed an op touches its nodes' pointers and what they show, until it has finished the op;
//!    finish is a Release, and the waiter's look an Acquire. It may keep the claim for later, without
//!    the lock: the waiter rests until then, whatever its deadline, and whether it is cancelled.
//! 3. After finish the partner touches nothing of the waiter: the slot is read before.
//! 4. While a receiver waits that can be claimed, the channel is open, the buffer is empty, and no
//!    sender waits that can be claimed; while such a sender waits, offers among them, the channel is open
//!    and the buffer is full: `len` is `limit`. So values are FIFO, and so are waiters.
//! 5. `flags`, `len` and `limit` are written under the lock alone. Without the lock they are a hint.
//! 6. `limit` is the capacity without the places that are reserved for offers, so `len` never exceeds
//!    it, and there is room for each of them.

use super::clock::Clock;
use crate::carrier::Slot;
use crate::lock::{BiasedLock, Entry};
use crate::prim::UnsafeCell;
use crate::prim::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use crate::wait::{self, Here, Linked, Links, List, Until, What};
use std::cell::Cell;
use std::mem::ManuallyDrop;

/// In `flags`: closed; a sender may wait; a receiver may wait; a clock's channel.
pub(super) const CLOSED: u32 = 1;
pub(super) const SENDERS: u32 = 2;
pub(super) const RECEIVERS: u32 = 4;
pub(super) const CLOCK: u32 = 8;
/// Somebody may watch for room, or for a value.
pub(super) const SEND_WATCHERS: u32 = 16;
pub(super) const RECV_WATCHERS: u32 = 32;

const WAITING: u32 = 0;
const CLAIMED: u32 = 1;
const DONE: u32 = 2;

/// What a case does with its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Send,
    Recv,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Side::Send => Side::Recv,
            Side::Recv => Side::Send,
        }
    }
}

/// Where a node waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// For its case to happen.
    Cases(Side),
    /// For its case to be ready.
    Watchers(Side),
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The value has passed.
    Passed = 0,
    Closed = 1,
    /// Nothing has happened: look again.
    Again = 2,
    TimedOut,
    /// The goroutine is to be unwound.
    Cancelled,
}

/// What came of a look at a channel, under its lock.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The value has passed.
    Passed,
    /// The value has passed, and this one is to be woken once the lock is free.
    Wake(&'static Slot),
    /// The value has passed, and the watchers of the other side are to be told once the lock is free.
    Watched,
    /// The partner is claimed, and the value has still to pass: one of the two is an offer.
    Claimed(&'static Node),
    Closed,
    /// It would have to wait.
    Blocked,
}

/// A wait. See the [module](self).
#[derive(Debug)]
pub(super) struct Op {
    state: AtomicU32,
    slot: &'static Slot,
    /// It has one case.
    alone: bool,
}

/// A case of a wait, as it lies in a queue.
#[derive(Debug)]
pub(super) struct Node {
    links: Links<Node>,
    op: *const Op,
    /// Where the value is, or is to go. Of an offer: null, and from the claim on the receiver's node, if it has
    /// one (invariant 2).
    pub(super) value: Cell<*mut ()>,
    case: u32,
}

/// The channel, but for its values.
#[derive(Debug)]
pub(super) struct Gate {
    lock: BiasedLock,
    flags: AtomicU32,
    len: AtomicUsize,
    /// How many values the buffer may hold.
    pub(super) cap: usize,
    /// Invariant 6.
    limit: AtomicUsize,
    queues: UnsafeCell<Queues>,
    pub(super) clock: Option<Clock>,
    pub(super) handles: super::peek::Handles,
}

#[derive(Debug)]
struct Queues {
    senders: List<Node>,
    receivers: List<Node>,
    send_watchers: List<Node>,
    recv_watchers: List<Node>,
}

// SAFETY: the queues, and the nodes in them, are touched under the lock alone.
unsafe impl Sync for Gate {}
// SAFETY: as above.
unsafe impl Send for Gate {}

/// Evidence that a gate's lock is held.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    pub(super) gate: &'a Gate,
    entry: Entry,
}

impl Op {
    /// A wait for one case.
    #[inline]
    pub(super) fn one(slot: &'static Slot) -> Self {
        Self { state: AtomicU32::new(WAITING), slot, alone: true }
    }

    /// A wait for the first of several.
    pub(super) fn several(slot: &'static Slot) -> Self {
        Self { state: AtomicU32::new(WAITING), slot, alone: false }
    }

    /// A wait for one case, whose partner is claimed already.
    pub(super) fn claimed(slot: &'static Slot) -> Self {
        Self { state: AtomicU32::new(CLAIMED), slot, alone: true }
    }

    /// The case that has happened, and how. Acquire pairs with `finish`: the value is there.
    #[inline]
    pub(super) fn done(&self) -> Option<(usize, End)> {
        let done = self.state.load(Ordering::Acquire).checked_sub(DONE)?;
        let end = match done & 3 {
            0 => End::Passed,
            1 => End::Closed,
            _ => End::Again,
        };
        Some((done as usize >> 2, end))
    }

    /// Rests until a partner who has claimed the op has finished it (invariant 2).
    pub(super) fn outlast(&self, why: impl Into<What> + Copy) -> (usize, End) {
        loop {
            if let Some(done) = self.done() {
                return done;
            }
            wait::rest(self.slot, why, Until::NEVER);
        }
    }

    /// The waiter of several cases ends its wait itself. `false`: a partner was quicker, and the op
    /// is done or will be.
    #[must_use]
    pub(super) fn give_up(&self) -> bool {
        debug_assert!(!self.alone);
        self.claim()
    }

    /// The waiter of one case does so. `false`: it is done or will be.
    #[must_use]
    pub(super) fn give_up_alone(&self, node: &Node, side: Side, locked: &mut Locked<'_>) -> bool {
        debug_assert!(self.alone);
        if self.state.load(Ordering::Relaxed) != WAITING {
            return false;
        }
        locked.dequeue(node, Line::Cases(side));
        true
    }

    /// Of those who claim it, one gets `true`. Under the lock of the node that led here.
    #[inline]
    fn claim(&self) -> bool {
        if self.alone {
            // It was queued until now, and the lock is held: nobody else can have claimed it.
            return true;
        }
        // AcqRel: what the value's pointer shows was written before the op was queued, which the lock
        // orders; the claim itself only has to be atomic.
        let claim =
            self.state.compare_exchange(WAITING, CLAIMED, Ordering::AcqRel, Ordering::Relaxed);
        claim.is_ok()
    }
}

impl Node {
    /// A case of `op`, which outlives it in every queue.
    pub(super) fn new(op: &Op, case: usize, value: *mut ()) -> Self {
        Self { links: Links::new(), op, value: Cell::new(value), case: case as u32 }
    }

    /// Keeps a claim beyond the lock under which it was made: the waiter cannot give up.
    ///
    /// # Safety
    /// The caller has claimed the node's op and not finished it, and still holds that lock.
    pub(super) unsafe fn keep(&self) {
        // SAFETY: claimed and not finished, hence alive (invariants 1 and 2).
        let op = unsafe { &*self.op };
        // Of an op of several cases it is there. Relaxed: the waiter of one looks under the lock.
        op.state.store(CLAIMED, Ordering::Relaxed);
    }

    /// The claimed op is done: the case of this node has ended so. Returns whom to wake.
    ///
    /// # Safety
    /// The caller has claimed the node's op and not finished it.
    #[inline]
    pub(super) unsafe fn finish(&self, end: End) -> &'static Slot {
        debug_assert!(matches!(end, End::Passed | End::Closed | End::Again));
        // SAFETY: claimed and not finished, hence alive (invariants 1 and 2).
        let op = unsafe { &*self.op };
        let slot = op.slot;
        // Release pairs with `Op::done`. Invariant 3.
        op.state.store(DONE + (self.case << 2) + end as u32, Ordering::Release);
        slot
    }
}

impl Linked for Node {
    #[inline]
    fn links(&self) -> &Links<Node> {
        &self.links
    }
}

impl Gate {
    pub(super) fn new(cap: usize, clock: Option<Clock>) -> Self {
        let queues = Queues {
            senders: List::new(),
            receivers: List::new(),
            send_watchers: List::new(),
            recv_watchers: List::new(),
        };
        Self {
            lock: BiasedLock::new(),
            flags: AtomicU32::new(if clock.is_some() { CLOCK } else { 0 }),
            len: AtomicUsize::new(0),
            cap,
            limit: AtomicUsize::new(cap),
            queues: UnsafeCell::new(queues),
            clock,
            handles: Default::default(),
        }
    }

    #[inline(always)]
    pub(super) fn lock_from(&self, here: Here) -> Locked<'_> {
        Locked { gate: self, entry: self.lock.lock(here.holder()) }
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        self.lock_from(wait::here())
    }

    /// As one of several locks that are held at the same time.
    pub(super) fn lock_among_others(&self, here: Here) -> Locked<'_> {
        Locked { gate: self, entry: self.lock.lock_word(here.holder()) }
    }

    #[inline(always)]
    pub(super) fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// How many values the buffer may hold now (invariant 6).
    #[inline(always)]
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.flags() & CLOSED != 0
    }

    /// Whether somebody may watch for `side`.
    #[inline(always)]
    pub(super) fn is_watched(&self, side: Side) -> bool {
        let flag = if side == Side::Send { SEND_WATCHERS } else { RECV_WATCHERS };
        self.flags() & flag != 0
    }

    /// Whether a case might go on at once: a hint (invariant 5). What happened before the look was
    /// seen by it, so a channel that is always ready is always found so.
    #[inline]
    pub(super) fn may_be_ready(&self, side: Side) -> bool {
        match side {
            Side::Send => self.flags() & (CLOSED | RECEIVERS) != 0 || self.len() < self.limit(),
            Side::Recv => self.len() != 0 || self.flags() & (CLOSED | SENDERS | CLOCK) != 0,
        }
    }

    /// The same for who is going to say that the channel was not ready. SeqCst pairs with itself on
    /// another thread: of two that each send into a channel of their own and then try the other's, one
    /// finds the value.
    #[inline]
    pub(super) fn may_be_ready_now(&self, side: Side) -> bool {
        self.may_be_ready(side) || {
            fence(Ordering::SeqCst);
            self.may_be_ready(side)
        }
    }
}

impl<'a> Locked<'a> {
    /// # Safety
    /// The caller holds the gate among others, and no other evidence of it is alive.
    pub(super) unsafe fn assume(gate: &'a Gate) -> Self {
        Self { gate, entry: Entry::BY_WORD }
    }

    /// The evidence goes, the lock stays held.
    pub(super) fn keep(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl Drop for Locked<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.gate.lock.unlock(self.entry);
    }
}

impl Locked<'_> {
    #[inline(always)]
    pub(super) fn set_len(&mut self, len: usize) {
        self.gate.len.store(len, Ordering::Relaxed);
    }

    /// Invariant 6.
    pub(super) fn set_limit(&mut self, limit: usize) {
        debug_assert!(self.gate.len() <= limit && limit <= self.gate.cap);
        self.gate.limit.store(limit, Ordering::Relaxed);
    }

    #[inline(always)]
    fn set_flags(&mut self, flags: u32) {
        self.gate.flags.store(flags, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn queue(&mut self, line: Line) -> (&mut List<Node>, u32) {
        // SAFETY: the lock is held, and by `&mut self` this is the only reference.
        let queues = self.gate.queues.with_mut(|queues| unsafe { &mut *queues });
        match line {
            Line::Cases(Side::Send) => (&mut queues.senders, SENDERS),
            Line::Cases(Side::Recv) => (&mut queues.receivers, RECEIVERS),
            Line::Watchers(Side::Send) => (&mut queues.send_watchers, SEND_WATCHERS),
            Line::Watchers(Side::Recv) => (&mut queues.recv_watchers, RECV_WATCHERS),
        }
    }

    /// Puts a case of a wait last in its queue.
    ///
    /// # Safety
    /// Invariant 1: the node stays in place, and the caller does not let go of it while it is queued.
    #[inline]
    pub(super) unsafe fn enqueue(&mut self, node: &Node, line: Line) {
        let (queue, flag) = self.queue(line);
        // SAFETY: as the caller says; a new node is in no list.
        unsafe { queue.push_back(node) };
        self.set_flags(self.gate.flags() | flag);
    }

    /// Takes a case out of its queue, if it is still in it.
    pub(super) fn dequeue(&mut self, node: &Node, line: Line) {
        if !node.links.are_listed() {
            return;
        }
        let (queue, flag) = self.queue(line);
        // SAFETY: it is listed, and nodes of one line of one gate are in one list.
        unsafe { queue.unlink(node) };
        if queue.is_empty() {
            self.set_flags(self.gate.flags() & !flag);
        }
    }

    /// The first of a queue whose op the caller could claim; it is out of the queue, and good until
    /// it is finished.
    #[inline]
    pub(super) fn claim_first<'n>(&mut self, line: Line) -> Option<&'n Node> {
        let (queue, flag) = self.queue(line);
        let mut found = None;
        while let Some(node) = queue.pop_front() {
            // SAFETY: it was queued, and the lock is held (invariant 1).
            if unsafe { &*node.op }.claim() {
                found = Some(node);
                break;
            }
        }
        if queue.is_empty() {
            self.set_flags(self.gate.flags() & !flag);
        }
        found
    }

    /// Whether somebody waits whose op could be claimed now. Takes out who stands before it in vain.
    pub(super) fn somebody_waits(&mut self, side: Side) -> bool {
        let (queue, flag) = self.queue(Line::Cases(side));
        while let Some(node) = queue.front() {
            // Relaxed: a hint. What is no longer WAITING will not be so again.
            // SAFETY: it is queued, and the lock is held (invariant 1).
            if unsafe { &*node.op }.state.load(Ordering::Relaxed) == WAITING {
                return true;
            }
            queue.pop_front();
        }
        self.set_flags(self.gate.flags() & !flag);
        false
    }

    /// From now on the channel is closed. `false`: it was so before.
    pub(super) fn set_closed(&mut self) -> bool {
        let flags = self.gate.flags();
        self.set_flags(flags | CLOSED);
        flags & CLOSED == 0
    }
}
