//! A worker: a goroutine that has a turn for each time that it is busy, and no stack between.
//!
//! Invariants:
//! 1. A worker has its place at the gate from before it is started until its gate says that it ends, or it is
//!    [lost](Core::lost): whatever becomes of it, the gate is told.
//! 2. After it was given to the gate, nothing of it is touched, nor of its core, which it may have been the last to keep.

use super::core::Core;
use super::gate::Next;
use super::node;
use crate::g::{AtRest, GRef, Rest, Turns};
use crate::task::{self, Kept};
use crate::wait;
use std::ptr::NonNull;
use std::sync::Arc;

/// See the [module](self).
pub(super) struct Worker<T: Send + 'static> {
    core: Arc<Core<T>>,
    /// What it is to do in its next turn.
    task: Option<T>,
    /// Its goroutine's own, as long as it has no stack.
    locals: Kept,
    /// Which of the tasks that its gate gave to idle workers it has, or had last.
    given: u32,
    stage: Stage,
    /// Which goroutine it is.
    who: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has a place.
    Placed,
    /// It has no place any more, and at most a last turn, for what is its own to be dropped in.
    Over,
}

/// A worker that is idle: its holder's.
pub(super) type Idle<T> = AtRest<Worker<T>>;

impl<T: Send + 'static> Worker<T> {
    pub(super) fn new(core: Arc<Core<T>>) -> Self {
        Self { core, task: None, locals: Kept::NONE, given: 0, stage: Stage::Placed, who: 0 }
    }

    pub(super) fn set_who(&mut self, who: usize) {
        self.who = who;
    }

    /// Its next turn is for this. It has a place.
    #[inline]
    pub(super) fn give(&mut self, task: T, given: u32) {
        self.task = Some(task);
        self.given = given;
    }

    /// It has lost its place, and ends. `true`: in a last turn.
    pub(super) fn retire(&mut self) -> bool {
        self.stage = Stage::Over;
        !self.locals.is_empty()
    }
}

impl<T: Send + 'static> Turns for Worker<T> {
    fn turn(&mut self) {
        wait::with(|slot| {
            self.locals.give_back(slot);
            // Without a task it is the last turn, and they are dropped as those of a goroutine that ends.
            let Some(task) = self.task.take() else { return };
            task::as_it_was(slot, || self.core.run(task));
            wait::checkpoint("after a pool's task");
            if wait::to_be_unwound(slot) {
                self.stage = Stage::Over;
                self.core.lost(self.who);
            } else {
                self.locals = Kept::take(slot);
            }
        });
    }

    unsafe fn rest(this: NonNull<Self>, g: GRef) -> Rest {
        // SAFETY: the runtime side's, and nobody else's, for as long as the gate has not got it.
        let work = unsafe { &mut *this.as_ptr() };
        if work.stage == Stage::Over {
            return Rest::Ends;
        }
        let (core, who, given) = (Arc::as_ptr(&work.core), work.who, work.given);
        // SAFETY: the core is there. No reference to it is made: it may be gone before `next` returns, and of a gate, all
        // of which lies in cells, that may be (invariant 6 of the gate).
        let gate = unsafe { &raw const (*core).gate };
        loop {
            // SAFETY: its turn has ended, and if the gate takes this, it is the gate's.
            let idle = unsafe { AtRest::of(g) };
            // SAFETY: the gate is there until it has the worker, and touches nothing after that but its lock.
            match unsafe { (*gate).next(idle, who, given) } {
                Next::Idle => return Rest::Rests,
                // SAFETY: still ours, and so is the core.
                Next::Keep(keeper) => unsafe { &*this.as_ptr() }.core.keep(keeper),
                Next::Run(task, accepted) => {
                    if let Some(submitter) = accepted {
                        submitter.release(node::Word::Done);
                    }
                    // SAFETY: as above.
                    unsafe { &mut *this.as_ptr() }.give(task, given);
                    return Rest::Again;
                }
                Next::End(leaving) => {
                    // SAFETY: as above.
                    let last = unsafe { &mut *this.as_ptr() }.retire();
                    node::release_all(leaving, node::Word::Done);
                    return if last { Rest::Again } else { Rest::Ends };
                }
            }
        }
    }
}

impl<T: Send + 'static> Drop for Worker<T> {
    /// With a task it was to have a turn and never began it: its runtime stops, or there was no stack for it.
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.core.discard(task);
            self.core.lost(self.who);
        }
    }
}

/// Who it is, as a number.
pub(super) fn address(g: GRef) -> usize {
    g.as_ptr().addr().get()
}
