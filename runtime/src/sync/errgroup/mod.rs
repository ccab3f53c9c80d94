//! `ErrGroup`: goroutines of one task, and the first thing that went wrong.
//!
//! A [`WaitGroup`] counts the members, `places` holds the limit and who waits for a place, and what
//! failed lies under a short lock.
//!
//! Invariants:
//! 1. Members, errors and payloads are run and dropped without the lock.
//! 2. Only the first failure cancels the context, and it alone says what for: `failed` is set under the
//!    lock, once and for good.

mod places;

use super::NO_STACK;
use super::waitgroup::WaitGroup;
use crate::context::{CancelCauseFunc, Context};
use crate::g::Unwind;
use crate::panic::{caught, message};
use crate::prim::global::Mutex;
use crate::sched;
use crate::task;
use crate::wait::{self, Cancel, ContextError, Until};
use places::Places;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

/// Runs goroutines that may fail, waits for all of them, and says what failed first. Go's
/// `errgroup.Group`, as a handle: clones are the same group, so a member can add others.
///
/// ```text
/// go, go, ..   start members; with a limit, wait for a place
/// wait         returns when all have ended: Ok, or the first error; or panics as a member did
/// wait_ended   returns when all have ended, and leaves that to `wait`
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
    places: Places,
    with: Option<With<E>>,
    outcome: Mutex<Outcome<E>>,
}

type Cause = Box<dyn Error + Send + Sync>;

/// What a group with a context has.
struct With<E> {
    cancel: CancelCauseFunc<Cause>,
    cause: fn(&E) -> Cause,
}

struct Outcome<E> {
    failure: Option<Failure<E>>,
    /// Invariant 2.
    failed: bool,
}

enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

impl<E> ErrGroup<E> {
    /// A group without members, and without a limit.
    pub fn new() -> Self {
        Self::build(None)
    }

    /// The same, and a context that comes from `ctx` and is cancelled by the first member that returns an error or
    /// panics, and when a [`wait`](Self::wait) returns. Go's `WithContext`. Dropping the group cancels nothing.
    ///
    /// The [cause](Context::cause) says that a goroutine of the group failed, and if by a panic, how. (Go's is the
    /// error itself. Here that goes to who waits, and need be neither an [`Error`] nor `Clone`:
    /// [`with_context_cause`](Self::with_context_cause) is told what to make of it.)
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
        Self::with_context_cause(ctx, |_| "a goroutine of the group failed".into())
    }

    /// The same; `cause` makes of the first error what all who have the context get as its
    /// [cause](Context::cause): a clone, or a text, as by `|error| error.to_string().into()`. It runs in the member's goroutine, and as
    /// a part of that.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use rt::sync::ErrGroup;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let ctx = Context::background();
    ///     let (group, ctx) = ErrGroup::with_context_cause(&ctx, |e: &std::fmt::Error| Box::new(*e));
    ///     group.go(|| Err(std::fmt::Error));
    ///     assert!(group.wait().is_err());
    ///     assert!(ctx.cause().unwrap().is::<std::fmt::Error>());
    /// }
    /// ```
    pub fn with_context_cause(
        ctx: &Context,
        cause: fn(&E) -> Box<dyn Error + Send + Sync>,
    ) -> (Self, Context) {
        let (ctx, cancel) = ctx.with_cancel_cause();
        (Self::build(Some(With { cancel, cause })), ctx)
    }

    fn build(with: Option<With<E>>) -> Self {
        let outcome = Mutex::new(Outcome { failure: None, failed: false });
        let inner = Inner { members: WaitGroup::new(), places: Places::new(), with, outcome };
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
        let active = self.inner.places.set_limit(limit);
        assert!(
            active == 0,
            "errgroup: modify limit while {active} goroutines in the group are still active"
        );
    }

    /// Waits until every member has ended, and returns the first error; blocks the goroutine that
    /// calls, or the thread. Go's `Wait`.
    ///
    /// The failure is taken: the group can then be used again, with the same limit. (Go's `Wait` gives the
    /// error to everyone, and for ever: here it need not be `Clone`.) Of several who wait, at the same time or one after the
    /// other, one gets it. **`Ok` to the others does not say that all went well**: let the others [`wait_ended`](Self::wait_ended), or have
    /// them ask [`has_failed`](Self::has_failed), or the context for its [cause](Self::with_context_cause).
    ///
    /// A member that was cut short (it [exited](crate::task::exit), or its runtime stopped) has ended without an error.
    ///
    /// # Errors
    /// The first that a member returned since the last `wait`; others are dropped.
    ///
    /// # Panics
    /// With what a member panicked with, the first if there are several, errors or no errors. One that
    /// got no stack has panicked.
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
        if let Some(with) = &self.inner.with {
            // Without a failure there is no more to say than that.
            (with.cancel)(ContextError::Canceled.into());
        }
        let failure = self.inner.outcome.lock().failure.take();
        match failure {
            None => Ok(()),
            Some(Failure::Error(error)) => Err(error),
            Some(Failure::Panic(payload)) => resume_unwind(payload),
        }
    }

    /// Waits until every member has ended, and takes nothing: the failure is still there for [`wait`](Self::wait), which alone
    /// cancels the context. For somebody who has something to do then, such as to close the channel that the members have sent to. Go's `Wait`
    /// is for both.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::Chan;
    /// use rt::sync::ErrGroup;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (group, found) = (ErrGroup::new(), Chan::new(0));
    ///     for text in ["1", "zwei", "3"] {
    ///         let found = found.clone();
    ///         group.go(move || text.parse::<u32>().map(|number| found.send(number)));
    ///     }
    ///     rt::go!(group, found => {
    ///         group.wait_ended();
    ///         found.close();
    ///     });
    ///     assert_eq!(found.into_iter().sum::<u32>(), 4);
    ///     assert!(group.wait().is_err(), "nobody else has taken it");
    /// }
    /// ```
    pub fn wait_ended(&self) {
        self.inner.members.wait();
    }

    /// Whether a member has ever returned an error or panicked. It stays so when [`wait`](Self::wait) has taken
    /// the failure: for those who got `Ok` because another got that.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let group = rt::sync::ErrGroup::new();
    ///     group.go(|| Err("no"));
    ///     let others = rt::go!(group => (group.wait().is_err(), group.has_failed()));
    ///     let own = group.wait().is_err();
    ///     assert_eq!(others.join().unwrap(), (!own, true));
    ///     assert!(group.has_failed());
    /// }
    /// ```
    pub fn has_failed(&self) -> bool {
        self.inner.outcome.lock().failed
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
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let group = rt::sync::ErrGroup::new();
    ///     let more = group.clone();
    ///     group.go(move || Ok(more.go(|| Err("a member of a member"))));
    ///     assert!(group.wait().is_err());
    /// }
    /// ```
    #[track_caller]
    pub fn go<F: FnOnce() -> Result<(), E> + Send + 'static>(&self, f: F) {
        if !self.inner.places.try_enter() {
            self.inner.places.enter(Until::NEVER);
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
        wait::in_time(ctx, |until| {
            self.inner.places.try_enter() || self.inner.places.enter(until)
        })?;
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
        let entered = self.inner.places.try_enter();
        if entered {
            self.start(f);
        }
        entered
    }

    /// The caller has a place, which becomes the member's.
    #[track_caller]
    fn start<F: FnOnce() -> Result<(), E> + Send + 'static>(&self, f: F) {
        self.inner.members.add(1);
        // Also when the runtime stops and drops the closure, or there is none: `f` first, then this.
        let member = Member(Place(Arc::clone(&self.inner)));
        let handle = task::spawn(move || {
            let (f, member) = (f, member);
            let inner = &*member.0.0;
            match caught(|| f().map_err(|error| (inner.cause(&error), error))) {
                Ok(Ok(())) => {}
                Ok(Err((cause, error))) => inner.fail(Failure::Error(error), cause),
                Err(payload) if payload.is::<Unwind>() => {
                    drop(member);
                    resume_unwind(payload);
                }
                Err(payload) => {
                    let text = message(&*payload).map_or(String::new(), |text| format!(": {text}"));
                    let cause = format!("a goroutine of the group panicked{text}");
                    inner.fail(Failure::Panic(payload), Some(cause.into()));
                }
            }
        });
        drop(handle);
    }
}

/// One of the group, until it is dropped.
struct Member<E>(Place<E>);

impl<E> Drop for Member<E> {
    fn drop(&mut self) {
        if sched::lacks_stack() {
            self.0.0.fail(Failure::Panic(Box::new(NO_STACK)), Some(NO_STACK.into()));
        }
    }
}

/// What a member gives back at its end, whatever becomes of it.
struct Place<E>(Arc<Inner<E>>);

impl<E> Drop for Place<E> {
    fn drop(&mut self) {
        // In this order: when all have ended, all places are free.
        self.0.places.leave();
        self.0.members.done();
    }
}

impl<E> Inner<E> {
    /// What the context is to say of an error, if there is one.
    fn cause(&self, error: &E) -> Option<Cause> {
        self.with.as_ref().map(|with| (with.cause)(error))
    }

    /// Every failure comes here.
    fn fail(&self, failure: Failure<E>, cause: Option<Cause>) {
        let (is_first, superfluous) = {
            let mut outcome = self.outcome.lock();
            let is_first = !std::mem::replace(&mut outcome.failed, true);
            let superfluous = match (&outcome.failure, &failure) {
                // A panic is what `wait` must not keep to itself.
                (None, _) | (Some(Failure::Error(_)), Failure::Panic(_)) => {
                    outcome.failure.replace(failure)
                }
                (Some(_), _) => Some(failure),
            };
            (is_first, superfluous)
        };
        if let (true, Some(with), Some(cause)) = (is_first, &self.with, cause) {
            (with.cancel)(cause);
        }
        drop(superfluous);
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
        let (active, limit) = self.inner.places.count();
        f.debug_struct("ErrGroup").field("active", &active).field("limit", &limit).finish()
    }
}
