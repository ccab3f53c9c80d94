//! The tree of what can be cancelled.
//!
//! A node knows its parent, and keeps it alive; it stands in its parent's list, which keeps nothing alive. So
//! who drops a context without cancelling it leaves no trace: its node leaves the list. Only if somebody still has its channel, that
//! is handed up to the parent, and from there further up when that goes: so whoever cancels an ancestor closes it.
//!
//! # How a node ends
//! ```text
//!   live ------> ended: it and what is below it say so ------> swept: the list of children is empty, for good
//! ```
//! Whoever cancels a node walks down from it, without recursion and with one lock at a time:
//!
//! ```text
//!   end    E1  room { live: set cause and code; copy the list }
//!          E2  wake who waits, close the channel and those that were handed up, start what was to come after
//!   walk   W1  end the node; then each on the list, and those on their lists, and so on
//!          W2  sweep all of them
//!          W3  leave the parent's list
//! ```
//!
//! **When a cancel returns, all that is below has ended**, whoever ended it. A node that the walk finds ended may have
//! been ended by another walk that is still on its way down; so this walk goes down there, too, and closes the
//! channels that it comes by. A list loses a live child in no other way than by that child's own end (W3, or its drop), and is emptied only after
//! the walk has ended all that was on it (W2). So what is live is found. (A node that is dropped at this very moment is not. Its channel
//! is closed by who drops it and finds the parent ended, before that drop is over.)
//!
//! **Nobody is born live below an ended node.** A child is listed under the parent's lock, if the parent is live; if
//! not, it is born ended, for the parent's reason.
//!
//! **The work is linear** in what is below the node. Two walks that meet do some of it twice.
//!
//! # Time
//! A deadline needs no timer. A node whose deadline has passed counts as ended for everybody who asks or waits: the
//! signal and the channel know the time. The first who asks makes it so for the whole tree: the topmost ancestor
//! that is late is cancelled. Whoever ends a node looks at the clock before: one that was late already has
//! ended for that reason, with that cause, and so have those below it.
//!
//! Invariants:
//! 1. A room's lock is held alone (but for the signal's, and the one of a channel that nobody has seen), and over no code of users: causes and functions are
//!    dropped and called without it.
//! 2. The code is set once, under the room's lock, after the cause.
//! 3. A node's deadline is not later than its parent's.

use super::bells::Bells;
use crate::chan::{self, Receiver};
use crate::prim::global::{AtomicU32, Ordering};
use crate::task::Delayed;
use crate::util;
use crate::wait::{ContextError, Locked, Signal};
use std::error::Error;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

/// What a context was cancelled for.
pub(super) type Cause = Arc<dyn Error + Send + Sync>;

/// Why a node has ended.
#[derive(Clone)]
pub(super) struct Reason {
    pub(super) error: ContextError,
    /// `None`: the error is all there is to say.
    pub(super) cause: Option<Cause>,
}

impl Reason {
    pub(super) const CANCELED: Self = Self { error: ContextError::Canceled, cause: None };
    const LATE: Self = Self { error: ContextError::DeadlineExceeded, cause: None };
}

/// See the [module](self).
pub(super) struct Node {
    signal: Signal,
    /// When it ends, and what for, if that is before its parent's deadline.
    limit: Option<Limit>,
    parent: Option<Arc<Node>>,
    /// Its place in the parent's list. Written under the parent's lock; without it a hint, but for who has found it
    /// to be nowhere: there it stays.
    place: AtomicU32,
    room: Locked<Room>,
    done: OnceLock<Receiver<()>>,
}

// No section panics half way, and of an error nothing is asked for.
impl UnwindSafe for Node {}
impl RefUnwindSafe for Node {}

/// A deadline.
pub(super) struct Limit {
    pub(super) at: Instant,
    pub(super) cause: Option<Cause>,
}

struct Room {
    children: Children,
    /// Channels of those that were below, and are gone.
    bells: Bells,
    swept: bool,
    cause: Option<Cause>,
    /// What begins when it has ended.
    after: Option<Box<Delayed>>,
}

impl Room {
    /// Nobody is below it.
    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.bells.is_empty()
    }
}

/// In `place`: not listed.
const NOWHERE: u32 = u32::MAX;

const CANCELED: u32 = 1;
const LATE: u32 = 2;

impl Node {
    /// A node below `parent`, live if that is and its own time has not passed.
    pub(super) fn new(parent: Option<&Arc<Self>>, limit: Option<Limit>) -> Arc<Self> {
        let inherited = parent.and_then(|parent| parent.deadline());
        let limit = limit.filter(|limit| inherited.is_none_or(|at| limit.at < at));
        let deadline = limit.as_ref().map(|limit| limit.at).or(inherited);
        let node = Arc::new(Self {
            signal: Signal::new(deadline),
            limit,
            parent: parent.cloned(),
            place: AtomicU32::new(NOWHERE),
            room: Locked::new(Room {
                children: Children::new(),
                bells: Bells::NONE,
                swept: false,
                cause: None,
                after: None,
            }),
            done: OnceLock::new(),
        });
        if let Some(parent) = parent
            && let Some(reason) = parent.list(&node)
        {
            node.never_lives(reason);
        }
        node
    }

    /// It comes from one that has ended, and ends for that reason, whatever its own time is. Nobody waits for it yet.
    fn never_lives(&self, reason: Reason) {
        self.room.with(|room| {
            room.cause = reason.cause;
            room.swept = true;
            let _nobody = self.signal.set(code(reason.error));
        });
    }

    /// Lists a new child. Not, if this says why the parent has ended.
    fn list(&self, child: &Arc<Self>) -> Option<Reason> {
        let weak = Arc::downgrade(child);
        let (ended, left) = self.room.with(|room| match self.told() {
            Some(error) => (Some(Reason { error, cause: room.cause.clone() }), Vec::new()),
            None => {
                child.place.store(room.children.insert(weak), Ordering::Relaxed);
                (None, room.bells.look())
            }
        });
        drop(left);
        ended
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.signal.deadline()
    }

    /// Why it has ended, as far as somebody has said so.
    #[inline]
    fn told(&self) -> Option<ContextError> {
        match self.signal.code() {
            CANCELED => Some(ContextError::Canceled),
            LATE => Some(ContextError::DeadlineExceeded),
            _ => None,
        }
    }

    /// Why it has ended.
    #[inline]
    pub(super) fn err(&self) -> Option<ContextError> {
        self.told().or_else(|| self.look_at_the_clock(self.deadline()?))
    }

    #[inline(never)]
    fn look_at_the_clock(&self, deadline: Instant) -> Option<ContextError> {
        let now = util::now();
        if now < deadline {
            return None;
        }
        self.is_late(now);
        self.told()
    }

    /// Its time has passed, and who knows whose above it.
    fn is_late(&self, now: Instant) {
        let mut top = self;
        while let Some(parent) = &top.parent
            && parent.deadline().is_some_and(|at| at <= now)
        {
            top = parent;
        }
        top.walk(&Reason::LATE, Some(now));
    }

    /// What it was cancelled for, if that is more than its error.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.room.with(|room| room.cause.clone())
    }

    /// A channel that is closed when it has ended.
    pub(super) fn done(&self) -> &Receiver<()> {
        // A model does not see that std's cell orders what is in it.
        #[cfg(loom)]
        self.room.with(|_| ());
        if let Some(done) = self.done.get() {
            return done;
        }
        let fresh = chan::bell(self.deadline());
        let superfluous = self.room.with(|_| {
            // Whoever ends the node from here on finds the channel; and nobody finds an open one of a node that
            // has ended. Nobody waits for it yet, and nobody is woken.
            if self.told().is_some() {
                fresh.ring();
            }
            self.done.set(fresh)
        });
        drop(superfluous);
        self.done.wait()
    }

    /// Ends it for `reason`, if its time, which may be an ancestor's, has not passed before.
    pub(super) fn cancel(&self, reason: &Reason) {
        let now = self.deadline().map(|at| {
            let now = util::now();
            if at <= now && self.told().is_none() {
                self.is_late(now);
            }
            now
        });
        self.walk(reason, now);
    }

    /// W1 to W3. Does nothing if it has ended, and been swept.
    fn walk(&self, reason: &Reason, now: Option<Instant>) {
        let mut walk = Walk { now, ahead: Vec::new() };
        // All are kept to the end: the last of a node may be dropped here, and its cause with it, which may panic.
        let mut ended = Vec::new();
        let swept = self.end(reason, &mut walk);
        while let Some((node, reason)) = walk.ahead.pop() {
            let swept = node.end(&reason, &mut walk);
            ended.push((node, swept));
        }
        for (node, _) in ended.iter().filter(|(_, swept)| !swept) {
            node.sweep();
        }
        if !swept {
            self.sweep();
        }
        self.leave();
    }

    /// E1 and E2. Returns whether it is swept.
    fn end(&self, reason: &Reason, walk: &mut Walk) -> bool {
        let (swept, watched, after, bells) = self.room.with(|room| {
            let mut watched = false;
            if self.told().is_none() {
                let late = self.limit.as_ref().filter(|limit| walk.is_past(limit.at));
                let (error, cause) = match late {
                    Some(limit) => (Reason::LATE.error, &limit.cause),
                    None => (reason.error, &reason.cause),
                };
                room.cause = cause.clone();
                // Nobody else does: the room's lock is held.
                watched = self.signal.set(code(error));
            }
            if room.is_empty() {
                room.swept = true;
            } else if let Some(error) = self.told() {
                walk.ahead.reserve(room.children.count as usize);
                for child in room.children.iter() {
                    walk.ahead.push((child, Reason { error, cause: room.cause.clone() }));
                }
            }
            (room.swept, watched, room.after.take(), !room.bells.is_empty())
        });
        // Whoever is first: when the walk is over, they are closed.
        if let Some(done) = self.done.get() {
            done.ring();
        }
        if bells {
            self.ring_bells();
        }
        if watched {
            self.signal.release();
        }
        if let Some(after) = after {
            after.fire();
        }
        swept
    }

    /// It has ended, so there will be no more of them; and those that are there stay until they have been closed (W2).
    #[cold]
    fn ring_bells(&self) {
        let bells = self.room.with(|room| room.bells.copies());
        bells.iter().for_each(Receiver::ring);
    }

    /// W2: all that was on the list has ended.
    fn sweep(&self) {
        let below = self.room.with(|room| {
            room.swept = true;
            (std::mem::replace(&mut room.children, Children::new()), room.bells.take())
        });
        drop(below);
    }

    /// W3. Whoever calls it has ended what is below, or there is nothing.
    pub(super) fn leave(&self) {
        let Some(parent) = &self.parent else { return };
        // A parent that has ended is swept soon.
        if self.place.load(Ordering::Relaxed) == NOWHERE || parent.told().is_some() {
            return;
        }
        let weak = parent.room.with(|room| {
            let place = self.place.load(Ordering::Relaxed);
            self.place.store(NOWHERE, Ordering::Relaxed);
            if room.swept || place == NOWHERE { None } else { room.children.remove(place) }
        });
        drop(weak);
    }

    /// It is dropped: it leaves the list, and hands up what somebody may still wait for.
    fn goes(&mut self) {
        self.leave();
        if self.done.get().is_some() || self.room.alone(|room| !room.bells.is_empty()) {
            self.hand_up();
        }
    }

    #[cold]
    fn hand_up(&mut self) {
        if self.told().is_some() {
            // All is closed.
            return;
        }
        let mut bells = self.room.alone(|room| room.bells.take());
        if let Some(done) = self.done.take()
            && done.has_others()
        {
            bells.push(done);
        }
        // Without a parent, there is nobody any more who could close them.
        if let Some(parent) = &self.parent
            && !bells.is_empty()
        {
            parent.adopt(bells);
        }
    }

    #[cold]
    fn adopt(&self, bells: Bells) {
        let adopted = self.room.with(|room| match self.told() {
            None => Ok(room.bells.join(bells)),
            Some(_) => Err(bells),
        });
        match adopted {
            Ok(left) => drop(left),
            Err(bells) => bells.ring(),
        }
    }

    /// Lets `after` begin when the node ends; or now, if it has.
    pub(super) fn set_after(&self, after: Delayed) {
        let mut after = Some(Box::new(after));
        self.room.with(|room| {
            if self.told().is_none() {
                room.after = after.take();
            }
        });
        if let Some(after) = after {
            after.fire();
        }
    }

    /// What was to begin and has not, as far as the node knows.
    pub(super) fn take_after(&self) -> Option<Box<Delayed>> {
        self.room.with(|room| room.after.take())
    }
}

fn code(error: ContextError) -> u32 {
    match error {
        ContextError::Canceled => CANCELED,
        ContextError::DeadlineExceeded => LATE,
    }
}

/// A walk down the tree.
struct Walk {
    /// The time, once somebody wants to know it.
    now: Option<Instant>,
    ahead: Vec<(Arc<Node>, Reason)>,
}

impl Walk {
    fn is_past(&mut self, at: Instant) -> bool {
        at <= *self.now.get_or_insert_with(util::now)
    }
}

/// A long chain must not be dropped by recursion.
impl Drop for Node {
    fn drop(&mut self) {
        self.goes();
        let mut next = self.parent.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            node.goes();
            next = node.parent.take();
        }
    }
}

/// The children of a node, each in a place that stays its own.
struct Children {
    places: Vec<Place>,
    /// The first free place.
    free: u32,
    count: u32,
}

enum Place {
    /// And the next free one.
    Free(u32),
    Taken(Weak<Node>),
}

impl Children {
    const fn new() -> Self {
        Self { places: Vec::new(), free: NOWHERE, count: 0 }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn insert(&mut self, child: Weak<Node>) -> u32 {
        self.count += 1;
        if let Some(place) = self.places.get_mut(self.free as usize) {
            let index = self.free;
            if let Place::Free(next) = std::mem::replace(place, Place::Taken(child)) {
                self.free = next;
                return index;
            }
            util::bug(format_args!("a child's place was taken"));
        }
        self.places.push(Place::Taken(child));
        self.places.len() as u32 - 1
    }

    fn remove(&mut self, index: u32) -> Option<Weak<Node>> {
        let place = self.places.get_mut(index as usize)?;
        let Place::Taken(child) = std::mem::replace(place, Place::Free(self.free)) else {
            util::bug(format_args!("a child left twice"));
        };
        self.free = index;
        self.count -= 1;
        if self.count == 0 && self.places.len() > 32 {
            // What many once needed.
            *self = Self::new();
        }
        Some(child)
    }

    /// Those that are not being dropped.
    fn iter(&self) -> impl Iterator<Item = Arc<Node>> {
        self.places.iter().filter_map(|place| match place {
            Place::Taken(child) => child.upgrade(),
            Place::Free(_) => None,
        })
    }
}
