//! `ErrGroup`: goroutines of one task, and the first thing that went wrong.
//!
//! A [`WaitGroup`] counts the members. A room under a short lock holds the limit, who waits for
//! a place, and the failure.
//!
//! Invariants:
//! 1. `active` counts the places that are taken: by members, and by who is just about to spawn one.
//!    It is at most `limit`, and nobody is queued while it is less.
//! 2. Who gives up a place passes it to the first in the queue, without changing `active`; a ticket
//!    that is no longer queued has a place. So a waiter that is cancelled either takes its
//!    ticket out of the queue, or passes the place on.
//! 3. Members, errors and payloads are run and dropped without the lock.

use super::waitgroup::WaitGroup;
use crate::carrier::Slot;
use crate::context::{CancelFunc, Context};
use crate::g::Unwind;
use crate::panic::caught;
use crate::prim::global::{AtomicBool, Mutex, Ordering};
use crate::task;
use crate::wait::{self, Cancel, ContextError, Until, Why};
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

/// Runs goroutines that may fail, waits for all of them, and says what failed first. Go's
/// `errgroup.Group`, as a handle: clones are the same group, so a member can add others.
///
/// ```text
/// go, go, ..   start members; with a limit, wait for a place
/// wait         returns when all have ended: Ok, or the first error; or panics as a member did
/// ```
///
/// A failure ends no other member; made [with a context](Self::with_context), the group cancels that, for the others
/// to look at. Works from plain threads that have entered a runtime, too.
///
/// # Examples
/// ```
/// use rt::sync::ErrGroup;
///
/// #[rt::main]
/// fn main() {
///     let group = ErrGroup::new();
///     group.set_limit(4);
///     for text in ["1", "2", "drei", "4"] {
///         group.go(move || text.parse::<u32>().map(drop));
///     }
///     let error = group.wait().unwrap_err();
///     assert_eq!(error.to_string(), "invalid digit found in string");
/// }
/// ```
pub struct ErrGroup<E> {
    inner: Arc<Inner<E>>,
}

struct Inner<E> {
    members: WaitGroup,
    /// Cancels the group's context.
    cancel: Option<CancelFunc>,
    room: Mutex<Room<E>>,
}

struct Room<E> {
    active: usize,
    limit: usize,
    queue: VecDeque<Arc<Ticket>>,
    failure: Option<Failure<E>>,
}

enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

/// Who waits for a place.
struct Ticket {
    slot: &'static Slot,
    has_place: AtomicBool,
}

impl Ticket {
    fn give_place(&self) {
        // Release pairs with the waiter's Acquire. The slot outlives the wait.
        self.has_place.store(true, Ordering::Release);
        wait::wake(self.slot);
    }
}

impl<E> ErrGroup<E> {
    /// A group without members, and without a limit.
    pub fn new() -> Self {
        Self::build(None)
    }

    /// The same, and a context that comes from `ctx` and is cancelled by the first member that returns an error or
    /// panics, and when a [`wait`](Self::wait) returns. Go's `WithContext`. Dropping the group cancels nothing.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use rt::sync::ErrGroup;
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (group, ctx) = ErrGroup::with_context(&Context::background());
    ///     for i in 0..3_u64 {
    ///         let ctx = ctx.clone();
    ///         group.go(move || match i {
    ///             1 => Err("the second failed".to_owned()),
    ///             _ => rt::time::sleep_ctx(Duration::from_secs(60), &ctx).map_err(|e| e.to_string()),
    ///         });
    ///     }
    ///     assert_eq!(group.wait(), Err("the second failed".to_owned()));
    ///     assert_eq!(ctx.err(), Some(ContextError::Canceled));
    /// }
    /// ```
    pub fn with_context(ctx: &Context) -> (Self, Context) {
        let (ctx, cancel) = ctx.with_cancel();
        (Self::build(Some(cancel)), ctx)
    }

    fn build(cancel: Option<CancelFunc>) -> Self {
        let room = Room { active: 0, limit: usize::MAX, queue: VecDeque::new(), failure: None };
        let inner = Inner { members: WaitGroup::new(), cancel, room: Mutex::new(room) };
        Self { inner: Arc::new(inner) }
    }

    /// At most `limit` members run at the same time; `usize::MAX`, as at first, is no limit. Go's
    /// `SetLimit`, whose negative numbers are `usize::MAX` here.
    ///
    /// With a limit of 0 no member starts: [`go`](Self::go) waits until there is another limit.
    ///
    /// # Panics
    /// "errgroup: modify limit while 2 goroutines in the group are still active", Go's words,
    /// when there are members.
    ///
    /// # Examples
    /// ```
    /// let group = rt::sync::ErrGroup::<()>::new();
    /// group.set_limit(0);
    /// assert!(!group.try_go(|| Ok(())));
    /// ```
    #[track_caller]
    pub fn set_limit(&self, limit: usize) {
        let (active, admitted) = {
            let mut room = self.inner.room.lock();
            match room.active {
                0 => (0, room.set_limit(limit)),
                active => (active, Vec::new()),
            }
        };
        assert!(
            active == 0,
            "errgroup: modify limit while {active} goroutines in the group are still active"
        );
        admitted.iter().for_each(|ticket| ticket.give_place());
    }

    /// Waits until every member has ended, and returns the first error; blocks the goroutine that
    /// calls, or the thread. Go's `Wait`.
    ///
    /// The failure is taken: the group is then as new, but for its limit, and can be used again. Of
    /// several who wait at the same time, one gets the failure. A member that was cut short (it
    /// [exited](crate::task::exit), or its runtime stopped) has ended without an error.
    ///
    /// # Errors
    /// The first that a member returned since the last `wait`; others are dropped.
    ///
    /// # Panics
    /// With what a member panicked with, the first if there are several, errors or no errors.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let group = rt::sync::ErrGroup::new();
    ///     group.go(|| Err("no"));
    ///     assert_eq!(group.wait(), Err("no"));
    ///     group.go(|| Ok(()));
    ///     assert_eq!(group.wait(), Ok(()));
    /// }
    /// ```
    pub fn wait(&self) -> Result<(), E> {
        self.inner.members.wait();
        self.inner.cancel();
        let failure = self.inner.room.lock().failure.take();
        match failure {
            None => Ok(()),
            Some(Failure::Error(error)) => Err(error),
            Some(Failure::Panic(payload)) => resume_unwind(payload),
        }
    }
}

impl<E: Send + 'static> ErrGroup<E> {
    /// Runs `f` in a goroutine of the group. Waits for a place while the [limit](Self::set_limit) is
    /// reached; who came first gets it first. Go's `Go`.
    ///
    /// Members that start others keep their own places meanwhile: under a limit they may all wait
    /// for each other, for ever. Let them use [`try_go`](Self::try_go), and do the work themselves
    /// where that says no.
    ///
    /// # Panics
    /// When there is no runtime here, as [`spawn`](crate::spawn).
    #[track_caller]
    pub fn go<F: FnOnce() -> Result<(), E> + Send + 'static>(&self, f: F) {
        if !self.inner.try_enter() {
            self.inner.enter(Until::NEVER);
        }
        self.start(f);
    }

    /// The same; waits for a place until `ctx` is done at most. It may well be the group's own.
    ///
    /// # Errors
    /// Why the context is done; `f` is dropped.
    ///
    /// # Panics
    /// As [`go`](Self::go).
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use rt::sync::ErrGroup;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (group, ctx) = ErrGroup::with_context(&Context::background());
    ///     group.set_limit(1);
    ///     assert_eq!(group.go_ctx(&ctx, || Err("no")), Ok(()));
    ///     assert_eq!(group.wait(), Err("no"));
    ///     assert_eq!(group.go_ctx(&ctx, || Ok(())), Err(ContextError::Canceled));
    /// }
    /// ```
    #[track_caller]
    pub fn go_ctx<F: FnOnce() -> Result<(), E> + Send + 'static>(
        &self,
        ctx: &(impl Cancel + ?Sized),
        f: F,
    ) -> Result<(), ContextError> {
        wait::in_time(ctx, |until| self.inner.try_enter() || self.inner.enter(until))?;
        self.start(f);
        Ok(())
    }

    /// The same, if there is a place now. Returns whether there was; if not, `f` is dropped. Go's
    /// `TryGo`.
    ///
    /// # Panics
    /// As [`go`](Self::go).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let group = rt::sync::ErrGroup::<()>::new();
    ///     group.set_limit(1);
    ///     let gate = rt::chan::Chan::new(0);
    ///     let inside = gate.clone();
    ///     assert!(group.try_go(move || Ok(inside.recv().unwrap_or(()))));
    ///     assert!(!group.try_go(|| Ok(())));
    ///     gate.send(());
    ///     group.wait().unwrap();
    ///     assert!(group.try_go(|| Ok(())));
    /// }
    /// ```
    #[track_caller]
    #[must_use = "it may not have been started"]
    pub fn try_go<F: FnOnce() -> Result<(), E> + Send + 'static>(&self, f: F) -> bool {
        let entered = self.inner.try_enter();
        if entered {
            self.start(f);
        }
        entered
    }

    /// The caller has a place, which becomes the member's.
    #[track_caller]
    fn start<F: FnOnce() -> Result<(), E> + Send + 'static>(&self, f: F) {
        self.inner.members.add(1);
        // Also when the runtime stops and drops the closure, or there is none.
        let member = Member(Arc::clone(&self.inner));
        let handle = task::spawn(move || {
            let member = member;
            match caught(f) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => member.0.fail(Failure::Error(error)),
                Err(payload) if payload.is::<Unwind>() => {
                    drop(member);
                    resume_unwind(payload);
                }
                Err(payload) => member.0.fail(Failure::Panic(payload)),
            }
        });
        drop(handle);
    }
}

/// One of the group, until it is dropped.
struct Member<E>(Arc<Inner<E>>);

impl<E> Drop for Member<E> {
    fn drop(&mut self) {
        // In this order: when all have ended, all places are free.
        self.0.leave();
        self.0.members.done();
    }
}

impl<E> Inner<E> {
    /// Takes a place if there is one.
    fn try_enter(&self) -> bool {
        let mut room = self.room.lock();
        let free = room.active < room.limit;
        room.active += usize::from(free);
        free
    }

    /// Waits for a place. `false`: `until` was over first.
    #[cold]
    fn enter(&self, until: Until<'_>) -> bool {
        wait::with(|slot| {
            let Some(ticket) = self.queue_up(slot) else { return true };
            let mut queued = Queued { inner: self, ticket: &ticket, waits: true };
            while !ticket.has_place.load(Ordering::Acquire) {
                if until.is_over() {
                    return false;
                }
                wait::park_until(slot, Why::ErrGroup.on(self), until);
            }
            queued.waits = false;
            true
        })
    }

    /// `None`: there is a place now, and it is the caller's.
    fn queue_up(&self, slot: &'static Slot) -> Option<Arc<Ticket>> {
        let mut room = self.room.lock();
        if room.active < room.limit {
            room.active += 1;
            return None;
        }
        let ticket = Arc::new(Ticket { slot, has_place: AtomicBool::new(false) });
        room.queue.push_back(Arc::clone(&ticket));
        Some(ticket)
    }

    /// Gives a place up.
    fn leave(&self) {
        let next = {
            let mut room = self.room.lock();
            let next = room.queue.pop_front();
            if next.is_none() {
                room.active -= 1;
            }
            next
        };
        if let Some(ticket) = next {
            ticket.give_place();
        }
    }

    /// Cancels the group's context, if it has one.
    fn cancel(&self) {
        if let Some(cancel) = &self.cancel {
            cancel();
        }
    }

    /// Every failure comes here.
    fn fail(&self, failure: Failure<E>) {
        let superfluous = {
            let mut room = self.room.lock();
            match (&room.failure, &failure) {
                // A panic is what `wait` must not keep to itself.
                (None, _) | (Some(Failure::Error(_)), Failure::Panic(_)) => {
                    room.failure.replace(failure)
                }
                (Some(_), _) => Some(failure),
            }
        };
        self.cancel();
        drop(superfluous);
    }
}

impl<E> Room<E> {
    /// Returns who gets in by that.
    fn set_limit(&mut self, limit: usize) -> Vec<Arc<Ticket>> {
        self.limit = limit;
        let admitted: Vec<_> = self.queue.drain(..limit.min(self.queue.len())).collect();
        self.active = admitted.len();
        admitted
    }
}

/// A ticket in the queue, until it has a place or its holder is cancelled: invariant 2.
struct Queued<'a, E> {
    inner: &'a Inner<E>,
    ticket: &'a Arc<Ticket>,
    waits: bool,
}

impl<E> Drop for Queued<'_, E> {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        let withdrawn = {
            let queue = &mut self.inner.room.lock().queue;
            let at = queue.iter().position(|ticket| Arc::ptr_eq(ticket, self.ticket));
            at.and_then(|at| queue.remove(at)).is_some()
        };
        if !withdrawn {
            self.inner.leave();
        }
    }
}

impl<E> Clone for ErrGroup<E> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<E> Default for ErrGroup<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for ErrGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (active, limit) = {
            let room = self.inner.room.lock();
            (room.active, room.limit)
        };
        f.debug_struct("ErrGroup").field("active", &active).field("limit", &limit).finish()
    }
}
