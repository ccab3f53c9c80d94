//! Contexts: when to stop, and what belongs to a request, handed down from call to call. Go's `context`.
//!
//! | Go | here |
//! |---|---|
//! | `context.Background`, `context.TODO` | [`Context::background`], [`Context::todo`] |
//! | `context.WithCancel`, `WithCancelCause` | [`Context::with_cancel`], [`with_cancel_cause`](Context::with_cancel_cause) |
//! | `context.WithDeadline`, `WithTimeout`, and `..Cause` | [`Context::with_deadline`], [`with_timeout`](Context::with_timeout), and `.._cause` |
//! | `context.WithValue`, `ctx.Value` | [`Context::with_value`], [`value`](Context::value) |
//! | `context.WithoutCancel`, `AfterFunc` | [`Context::without_cancel`], [`after_func`](Context::after_func) |
//! | `ctx.Done`, `ctx.Err`, `context.Cause`, `ctx.Deadline` | [`done`](Context::done), [`err`](Context::err), [`cause`](Context::cause), [`deadline`](Context::deadline) |
//!
//! A context ends nothing by itself: it says that the time has come. Who works asks [`err`](Context::err) now and then,
//! or waits for [`done`](Context::done) in a [`select!`](crate::select). Most of what waits in this library has a form that
//! ends in `_ctx`, takes a context, and gives up when that is done:
//!
//! ```
//! use rt::chan;
//! use rt::context::{Context, ContextError};
//! use std::time::Duration;
//!
//! #[rt::main]
//! fn main() {
//!     let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(2));
//!     let nothing = chan::never::<()>();
//!     let error = nothing.recv_ctx(&ctx).unwrap_err();
//!     assert_eq!(error, chan::RecvCtxError::Cancelled(ContextError::DeadlineExceeded));
//! }
//! ```
//!
//! Without such a form are: what must not end early, as [`scope`](crate::scope()), [`join`](crate::join()) and [`Runtime::run`](crate::Runtime::run);
//! [`Once`](crate::sync::Once), [`OnceLock`](crate::sync::OnceLock) and [`LazyLock`](crate::sync::LazyLock); [`ErrGroup::wait`](crate::sync::ErrGroup::wait), whose members a context
//! [ends](crate::sync::ErrGroup::with_context); joins of what a scope has spawned; a pool's `spawn`, scopes, groups and `release_timeout`;
//! `peek` of sockets; [`block_on`](crate::block_on()). What iterates over a channel ends
//! when that is closed, and a [`select!`](crate::select) by a case of its own.
//!
//! After a time most of it ends in a form of its own, `_timeout`; at a moment what waits for channels does, by `_deadline`, and
//! sockets have [deadlines](crate::net::TcpStream::set_deadline). For a moment elsewhere there is a context [with a deadline](Context::with_deadline).
//!
//! All of it works from goroutines and plain threads alike.
//!
//! | file | what it does |
//! |---|---|
//! | `mod` | `Context` |
//! | `node` | the tree of what can be cancelled |
//! | `bells` | channels whose contexts are gone |
//! | `values` | the chain of values |
//! | `func` | what cancels |
//! | `after` | what begins afterwards |

#![forbid(unsafe_code)]

mod after;
mod bells;
mod func;
#[cfg(all(test, loom))]
mod loom_tests;
mod node;
mod values;

pub use crate::wait::{Cancel, ContextError};
pub use after::Stop;
pub use func::{CancelCauseFunc, CancelFunc};

use crate::chan::{self, Receiver};
use crate::util;
use crate::wait::{self, Sealed, Signal};
use node::{Cause, Limit, Node};
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use values::Values;

/// When to stop, why, and what belongs to a request. Go's `context.Context`.
///
/// It never changes: every `with_..` makes another one, which comes from this one. What comes from a context
/// is done when that is. A clone is the same context; it costs two counts.
///
/// A context that is dropped, with its [`CancelFunc`], leaves nothing behind; so a forgotten cancel is no leak. What is to
/// come [after](Self::after_func) it stays until it comes, is stopped, or its runtime ends.
///
/// # Examples
/// ```
/// use rt::context::{Context, ContextError};
/// use std::time::Duration;
///
/// fn worker(ctx: Context) -> u32 {
///     let mut rounds = 0;
///     while ctx.err().is_none() {
///         rounds += 1;
///         rt::time::sleep(Duration::from_millis(1));
///     }
///     rounds
/// }
///
/// #[rt::main]
/// fn main() {
///     let (ctx, cancel) = Context::background().with_cancel();
///     let worker = rt::go!(worker(ctx.clone()));
///     rt::time::sleep(Duration::from_millis(5));
///     cancel();
///     assert!(worker.join().unwrap() >= 1);
///     assert_eq!(ctx.err(), Some(ContextError::Canceled));
/// }
/// ```
#[derive(Clone, Default)]
pub struct Context {
    /// `None`: it cannot be cancelled.
    node: Option<Arc<Node>>,
    values: Option<Arc<Values>>,
}

impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}

impl Context {
    /// The context that others come from: never done, and without values. Go's `context.Background`. Costs nothing.
    ///
    /// # Examples
    /// ```
    /// let ctx = rt::context::Context::background();
    /// assert_eq!(ctx.err(), None);
    /// assert_eq!(ctx.deadline(), None);
    /// ```
    pub const fn background() -> Self {
        Self { node: None, values: None }
    }

    /// The same, where it is not yet clear which context belongs there. Go's `context.TODO`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::context::Context::todo().err(), None);
    /// ```
    pub const fn todo() -> Self {
        Self::background()
    }

    /// A context that is done when the function is called, or when this one is. Go's `WithCancel`.
    ///
    /// # Examples
    /// ```
    /// let (ctx, cancel) = rt::context::Context::background().with_cancel();
    /// assert!(ctx.err().is_none());
    /// cancel();
    /// assert!(ctx.err().is_some());
    /// ```
    pub fn with_cancel(&self) -> (Self, CancelFunc) {
        let (ctx, node) = self.child(None);
        (ctx, CancelFunc::new(node))
    }

    /// The same; the function takes what is to be said as the [cause](Self::cause): any error, or a text. Go's
    /// `WithCancelCause`.
    ///
    /// # Examples
    /// ```
    /// let (ctx, cancel) = rt::context::Context::background().with_cancel_cause();
    /// cancel("the user has left");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "the user has left");
    /// ```
    pub fn with_cancel_cause<E>(&self) -> (Self, CancelCauseFunc<E>)
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let (ctx, node) = self.child(None);
        (ctx, CancelCauseFunc::new(node))
    }

    /// A context that is done at `deadline`, or at this one's if that is earlier, and may be cancelled before. Go's
    /// `WithDeadline`. One that has passed: it is done at once.
    ///
    /// There is no timer behind it.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    ///
    /// let (ctx, _cancel) = Context::background().with_deadline(rt::time::now());
    /// assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    /// ```
    pub fn with_deadline(&self, deadline: Instant) -> (Self, CancelFunc) {
        self.limited_at(Limit { at: deadline, cause: None })
    }

    /// The same, with what is to be said as the [cause](Self::cause) when the time is up. Go's
    /// `WithDeadlineCause`. Who calls the function says nothing.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    ///
    /// let (ctx, _cancel) = Context::background().with_deadline_cause(rt::time::now(), "too late");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "too late");
    /// ```
    pub fn with_deadline_cause(
        &self,
        deadline: Instant,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Self, CancelFunc) {
        self.limited_at(Limit { at: deadline, cause: Some(Cause::from(cause.into())) })
    }

    /// A context that is done after `timeout`, or when this one is, and may be cancelled before. Go's
    /// `WithTimeout`. Beyond the clock's range: without a time of its own.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    ///     assert!(ctx.done().recv().is_err(), "closed");
    ///     assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    /// }
    /// ```
    pub fn with_timeout(&self, timeout: Duration) -> (Self, CancelFunc) {
        self.limited(util::now().checked_add(timeout).map(|at| Limit { at, cause: None }))
    }

    /// The same, with what is to be said as the [cause](Self::cause) when the time is up. Go's
    /// `WithTimeoutCause`. Who calls the function says nothing.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use std::time::Duration;
    ///
    /// let (ctx, _cancel) = Context::background().with_timeout_cause(Duration::ZERO, "no answer");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "no answer");
    /// ```
    pub fn with_timeout_cause(
        &self,
        timeout: Duration,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Self, CancelFunc) {
        let cause = Some(Cause::from(cause.into()));
        self.limited(util::now().checked_add(timeout).map(|at| Limit { at, cause }))
    }

    /// A context that also carries `value`. It is found by its type: let that be one of your own. Go's `WithValue`.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    ///
    /// struct User(&'static str);
    ///
    /// let ctx = Context::background().with_value(User("ann")).with_value(7_u32);
    /// assert_eq!(ctx.value::<User>().unwrap().0, "ann");
    /// assert_eq!(ctx.with_value(8_u32).value::<u32>().as_deref(), Some(&8));
    /// assert!(ctx.value::<String>().is_none());
    /// ```
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Self {
        let values = Some(Values::new(value, self.values.clone()));
        Self { node: self.node.clone(), values }
    }

    /// The value of type `T`, of this context or, outwards, of the first from which it comes that has one. Go's `Value`.
    ///
    /// # Examples
    /// ```
    /// let ctx = rt::context::Context::background().with_value(7_u32);
    /// assert_eq!(ctx.value::<u32>().as_deref(), Some(&7));
    /// ```
    pub fn value<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Values::find(self.values.as_ref())
    }

    /// A context with the same values, that is not done when this one is, and has no deadline. Go's `WithoutCancel`.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_value(7_u32).with_cancel();
    /// let cleanup = ctx.without_cancel();
    /// cancel();
    /// assert_eq!(cleanup.err(), None);
    /// assert_eq!(cleanup.value::<u32>().as_deref(), Some(&7));
    /// ```
    #[must_use]
    pub fn without_cancel(&self) -> Self {
        Self { node: None, values: self.values.clone() }
    }

    /// Runs `f` in a goroutine of its own when the context is done; at once, if it is. Who cancels does not wait for
    /// it. Go's `AfterFunc`.
    ///
    /// Until then there is no stack, and nothing runs. `f` is dropped if it is [stopped](Stop::stop), if
    /// the runtime ends before, and now if the context can never be done. If it panics, or there is no stack for it, that is
    /// reported as of any goroutine that nobody joins.
    ///
    /// # Panics
    /// When the context can be done and the caller is neither a goroutine nor inside a
    /// [`Handle::enter`](crate::Handle::enter).
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (ctx, cancel) = Context::background().with_cancel();
    ///     let (tx, rx) = rt::chan::bounded(1);
    ///     ctx.after_func(move || tx.send("cleaned up").unwrap());
    ///     let other = ctx.after_func(|| unreachable!());
    ///     assert!(other.stop());
    ///     cancel();
    ///     assert_eq!(rx.recv(), Ok("cleaned up"));
    /// }
    /// ```
    #[track_caller]
    pub fn after_func(&self, f: impl FnOnce() + Send + 'static) -> Stop {
        Stop::new(self.node.as_ref(), f)
    }

    /// A channel on which nothing comes, and which is closed when the context is done: to wait for that, as in a
    /// [`select!`](crate::select). Nobody else can close it. Go's `Done`.
    ///
    /// A clone of it may outlive the context: what ends an ancestor closes it all the same.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (ctx, cancel) = Context::background().with_cancel();
    ///     let (_tx, rx) = rt::chan::bounded::<u32>(0);
    ///     rt::go!({ cancel() });
    ///     let why = rt::select! {
    ///         recv(rx) -> value => format!("{value:?}"),
    ///         recv(ctx.done()) -> _ => ctx.err().unwrap().to_string(),
    ///     };
    ///     assert_eq!(why, "context canceled");
    /// }
    /// ```
    pub fn done(&self) -> &Receiver<()> {
        static NEVER: OnceLock<Receiver<()>> = OnceLock::new();
        match &self.node {
            Some(node) => node.done(),
            None => NEVER.get_or_init(|| chan::bell(None)),
        }
    }

    /// Why it is done; `None`: it is not. Once it is, this never changes. One atomic load, and a look at the clock
    /// if there is a deadline. Go's `Err`.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert_eq!(ctx.err(), None);
    /// cancel();
    /// assert_eq!(ctx.err(), Some(ContextError::Canceled));
    /// ```
    #[inline]
    pub fn err(&self) -> Option<ContextError> {
        let error = self.node.as_ref()?.err();
        wait::point("after Context::err");
        error
    }

    /// What it is done for: what was said when it, or what it comes from, was cancelled, whichever came first;
    /// if nothing was said, the same as [`err`](Self::err). `None`: it is not done. Go's `context.Cause`.
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// use std::io;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel_cause();
    /// let (child, cancel_child) = ctx.with_cancel();
    /// assert!(child.cause().is_none());
    /// cancel(io::Error::from(io::ErrorKind::NotFound));
    /// cancel_child();
    /// let cause = child.cause().unwrap();
    /// assert_eq!(cause.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);
    /// ```
    pub fn cause(&self) -> Option<Arc<dyn Error + Send + Sync>> {
        let node = self.node.as_ref()?;
        let error = node.err()?;
        Some(node.cause().unwrap_or_else(|| Arc::new(error)))
    }

    /// When it is done at the latest. Go's `Deadline`.
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    /// use std::time::Duration;
    ///
    /// let at = rt::time::now() + Duration::from_secs(1);
    /// let (ctx, _cancel) = Context::background().with_deadline(at);
    /// let (child, _cancel) = ctx.with_timeout(Duration::from_secs(60));
    /// assert_eq!(child.deadline(), Some(at), "not later than what it comes from");
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.node.as_ref()?.deadline()
    }

    fn limited_at(&self, limit: Limit) -> (Self, CancelFunc) {
        // It may be in the past, and be earlier than this one's; but if this one is late, that came first.
        if let Some(node) = &self.node {
            node.err();
        }
        self.limited(Some(limit))
    }

    fn limited(&self, limit: Option<Limit>) -> (Self, CancelFunc) {
        let (ctx, node) = self.child(limit);
        (ctx, CancelFunc::new(node))
    }

    fn child(&self, limit: Option<Limit>) -> (Self, Arc<Node>) {
        let node = Node::new(self.node.as_ref(), limit);
        (Self { node: Some(Arc::clone(&node)), values: self.values.clone() }, node)
    }
}

impl Cancel for Context {
    fn err(&self) -> Option<ContextError> {
        Self::err(self)
    }
}

impl Sealed for Context {
    fn signal(&self) -> Option<&Signal> {
        Some(self.node.as_ref()?.signal())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("err", &self.err())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}
