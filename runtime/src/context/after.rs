//! `after_func`: a goroutine that begins when a context is done.
//!
//! It is a goroutine that is still to begin (`task::Delayed`), at the context's deadline, or never; and a node
//! below the context's, that lets it begin when it ends. Who takes the goroutine first, of the deadline,
//! the node's end and [`Stop::stop`], has it, and nobody else.
//!
//! The goroutine keeps the node, and so the context's, alive while it is to come: the context may be dropped.

use super::node::Node;
use crate::task::Delayed;
use std::fmt;
use std::sync::Arc;

/// What is to happen [after](super::Context::after_func) a context is done, and can still be stopped. Dropping it
/// stops nothing.
#[derive(Clone)]
pub struct Stop(Option<Arc<Node>>);

impl Stop {
    /// Runs `f` in a goroutine of its own when `above` ends. `None`: never.
    #[track_caller]
    pub(super) fn new(above: Option<&Arc<Node>>, f: impl FnOnce() + Send + 'static) -> Self {
        let Some(above) = above else { return Self(None) };
        let node = Node::new(Some(above), None);
        let kept = Arc::clone(&node);
        let after = Delayed::start(node.deadline(), move || {
            kept.leave();
            drop(kept);
            f();
        });
        node.set_after(after);
        Self(Some(node))
    }

    /// Sees to it that the function is not called: it is dropped. `true`: it was not, and will not be;
    /// `false`: it was called, is about to be, or was stopped before. Does not wait for it. Go's `stop`.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (ctx, cancel) = rt::context::Context::background().with_cancel();
    ///     let stop = ctx.after_func(|| unreachable!("it was stopped"));
    ///     assert!(stop.stop() && !stop.stop());
    ///     cancel();
    /// }
    /// ```
    pub fn stop(&self) -> bool {
        let Some(node) = &self.0 else { return false };
        let stopped = node.take_after().is_some_and(|after| after.stop());
        node.leave();
        stopped
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").finish_non_exhaustive()
    }
}
