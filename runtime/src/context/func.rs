//! What cancels a context: values that are called.

use super::node::{Cause, Node, Reason};
use crate::wait::ContextError;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};

/// Cancels a context when it is called: `cancel()`. Go's `context.CancelFunc`.
///
/// When the call returns, the context and all that come from it are done. Only the first call
/// does something. Clones cancel the same context. Dropping it does nothing: what nobody
/// needs any more is not left behind anyway.
///
/// # Examples
/// ```
/// use rt::context::{CancelFunc, Context, ContextError};
///
/// let (ctx, cancel): (Context, CancelFunc) = Context::background().with_cancel();
/// let (child, _) = ctx.with_cancel();
/// drop(cancel.clone());
/// assert_eq!(child.err(), None);
/// cancel();
/// cancel();
/// assert_eq!(child.err(), Some(ContextError::Canceled));
/// ```
pub struct CancelFunc {
    node: Arc<Node>,
    /// Made when it is called: many never are.
    call: OnceLock<Arc<Call>>,
}

type Call = dyn Fn() + Send + Sync + UnwindSafe + RefUnwindSafe;

impl CancelFunc {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node, call: OnceLock::new() }
    }

    /// What cancels the same context, and says what for.
    pub(crate) fn with_cause<E: Into<Box<dyn Error + Send + Sync>>>(&self) -> CancelCauseFunc<E> {
        CancelCauseFunc::new(Arc::clone(&self.node))
    }

    /// Also calls `f` then, each time that it is called.
    pub(crate) fn and(
        self,
        f: impl Fn() + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Self {
        let node = Arc::clone(&self.node);
        let cancel = move || {
            self();
            f();
        };
        Self { node, call: OnceLock::from(Arc::new(cancel) as Arc<Call>) }
    }
}

impl Deref for CancelFunc {
    type Target = dyn Fn() + Send + Sync + UnwindSafe + RefUnwindSafe;

    fn deref(&self) -> &Self::Target {
        &**self.call.get_or_init(|| {
            let node = Arc::clone(&self.node);
            Arc::new(move || node.cancel(&Reason::CANCELED))
        })
    }
}

impl Clone for CancelFunc {
    fn clone(&self) -> Self {
        Self { node: Arc::clone(&self.node), call: self.call.clone() }
    }
}

impl fmt::Debug for CancelFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelFunc").finish_non_exhaustive()
    }
}

/// Cancels a context and says what for: `cancel(error)`. Go's `context.CancelCauseFunc`.
///
/// As a [`CancelFunc`] in all else. The first cause is kept; others are dropped. `E` is what it is called
/// with: an error, or a text.
///
/// # Examples
/// ```
/// use rt::context::{Context, ContextError};
///
/// let (ctx, cancel) = Context::background().with_cancel_cause();
/// cancel("the disk is full");
/// cancel("too late to say");
/// assert_eq!(ctx.err(), Some(ContextError::Canceled));
/// assert_eq!(ctx.cause().unwrap().to_string(), "the disk is full");
/// ```
pub struct CancelCauseFunc<E>(Arc<CallWith<E>>);

type CallWith<E> = dyn Fn(E) + Send + Sync + UnwindSafe + RefUnwindSafe;

impl<E: Into<Box<dyn Error + Send + Sync>>> CancelCauseFunc<E> {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self(Arc::new(move |cause: E| {
            let cause = Cause::from(cause.into());
            node.cancel(&Reason { error: ContextError::Canceled, cause: Some(cause) });
        }))
    }
}

impl<E> Deref for CancelCauseFunc<E> {
    type Target = dyn Fn(E) + Send + Sync + UnwindSafe + RefUnwindSafe;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl<E> Clone for CancelCauseFunc<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> fmt::Debug for CancelCauseFunc<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelCauseFunc").finish_non_exhaustive()
    }
}
