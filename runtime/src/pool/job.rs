//! What lies in the queues of a [`Pool`](super::Pool).

use crate::util;
use std::any::Any;
use std::sync::Arc;

/// A task.
pub(super) enum Job {
    Call(Box<dyn Call>),
    Run(Runner<'static>),
}

/// What is called once, or dropped, or given back.
pub(super) trait Call: Send {
    fn call(self: Box<Self>);
    fn into_any(self: Box<Self>) -> Box<dyn Any>
    where
        Self: 'static;
}

/// Somebody waits for the end of this.
pub(super) trait Run: Send + Sync {
    fn run(self: Arc<Self>);
    /// It will not be run.
    fn cancel(&self);
}

/// Runs, or cancels.
pub(super) struct Runner<'a>(Option<Arc<dyn Run + 'a>>);

impl<'a> Runner<'a> {
    pub(super) fn new(run: Arc<dyn Run + 'a>) -> Self {
        Self(Some(run))
    }

    pub(super) fn run(mut self) {
        if let Some(run) = self.0.take() {
            run.run();
        }
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run.cancel();
        }
    }
}

/// A closure, and nothing else.
struct Plain<F>(F);

impl<F: FnOnce() + Send> Call for Plain<F> {
    fn call(self: Box<Self>) {
        (self.0)();
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any>
    where
        Self: 'static,
    {
        self
    }
}

impl Job {
    pub(super) fn new<F: FnOnce() + Send + 'static>(f: F) -> Self {
        Self::Call(Box::new(Plain(f)))
    }

    #[inline]
    pub(super) fn run(self) {
        match self {
            Self::Call(call) => call.call(),
            Self::Run(runner) => runner.run(),
        }
    }

    /// What [`new`](Self::new) was given.
    pub(super) fn into_closure<F: FnOnce() + Send + 'static>(self) -> F {
        self.into_call::<Plain<F>>().0
    }

    /// What it was made from.
    pub(super) fn into_call<C: Call + 'static>(self) -> C {
        if let Self::Call(call) = self
            && let Ok(call) = call.into_any().downcast::<C>()
        {
            return *call;
        }
        util::bug(format_args!("a pool gave back another task than it was given"))
    }
}
