//! Tasks that borrow from who submits them.
//!
//! Invariants:
//! 1. [`scope`] does not return, nor unwind, before every task that was spawned in it has ended, or was dropped
//!    without having run, and dropped what it held: [`wait::parent`] waits for them.
//! 2. A child counts in `running` from before it is submitted until it is dropped. Its fields are dropped in
//!    order: what it borrows, and with it the cell, and then the ticket, which is its last access to anything.
//! 3. A parent that is unwound by its own cancellation aborts its children, and waits for them.

use super::core::{Core, Patience};
use super::error::SubmitError;
use super::job::{Call, Job, Runner};
use super::report::{self, Handler};
use super::task::{Cell, Handle};
use crate::carrier::Slot;
use crate::g::Unwind;
use crate::panic::caught;
use crate::prim::Mutex;
use crate::prim::global::{AtomicUsize, Ordering};
use crate::sched;
use crate::task::{Interrupt, JoinError};
use crate::wait::{self, Children, Until, Why};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

/// Where tasks are spawned that borrow; see [`Pool::scope`](crate::pool::Pool::scope).
pub struct Scope<'scope, 'env: 'scope> {
    core: &'env Arc<Core<Job>>,
    data: Arc<Data>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

// As std's: `&Scope` is what everybody has.
impl std::panic::RefUnwindSafe for Scope<'_, '_> {}

struct Data {
    running: AtomicUsize,
    /// Panics of children that nobody has joined.
    panics: AtomicUsize,
    parent: &'static Slot,
    children: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The parent was cancelled, and so is whoever starts from now on.
    cancelled: bool,
    spawned: u64,
    interrupts: BTreeMap<u64, Arc<Interrupt>>,
}

impl Children for Data {
    fn are_there(&self) -> bool {
        // Acquire pairs with the ticket's Release.
        self.running.load(Ordering::Acquire) != 0
    }

    fn have_failed(&self) -> bool {
        self.panics.load(Ordering::Relaxed) != 0
    }

    fn abort(&self) {
        let interrupts = {
            let mut children = self.children.lock();
            children.cancelled = true;
            std::mem::take(&mut children.interrupts)
        };
        // The last ones first: those that lie in the queue do not begin on a worker that has just been freed so.
        interrupts.values().rev().for_each(|interrupt| interrupt.raise());
    }
}

#[track_caller]
pub(super) fn scope<'env, F, T>(core: &'env Arc<Core<Job>>, f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let result = wait::with(|slot| {
        let data = Arc::new(Data {
            running: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
            parent: slot,
            children: Mutex::new(Known::default()),
        });
        let scope = Scope { core, data, scope: PhantomData, env: PhantomData };
        wait::parent(&*scope.data, slot, Why::Scope.into(), || f(&scope))
    });
    match result {
        Some(value) => value,
        None => panic!("a scoped thread panicked"),
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Runs `f`, which may borrow whatever outlives the scope, in the pool. Waits for a place as
    /// [`Pool::submit`](super::Pool::submit) does.
    ///
    /// # Panics
    /// When the pool does not accept it: it is closed, or is full and does not let so many wait. In destructors that run because
    /// the caller is unwound or ends, and its runtime with it perhaps, the caller runs `f` itself then.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedTask<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let interrupt = Arc::new(Interrupt::new());
        let counted = Arc::clone(&self.data);
        let f = move || {
            caught(f).unwrap_or_else(|payload| {
                if !payload.is::<Unwind>() {
                    counted.panics.fetch_add(1, Ordering::Relaxed);
                }
                resume_unwind(payload)
            })
        };
        // Who joins is told of a panic, and if nobody does the scope is.
        let cell = Cell::new(f, None, Arc::clone(&interrupt));
        let handle = Handle::new(Arc::clone(&cell));
        let ticket = Ticket::new(&self.data, interrupt);
        let handler = self.core.handler().cloned();
        let child: Box<dyn Call + 'scope> =
            Box::new(Child { runner: Runner::new(cell), handler, ticket });
        // SAFETY: only the lifetime changes. The scope waits until the child is dropped (invariant 1), and
        // that touches nothing that it borrows after its ticket is gone (invariant 2).
        let child: Box<dyn Call> = unsafe { std::mem::transmute(child) };
        if let Err(error) = self.core.submit_joined(Job::Call(child), Patience::FOR_EVER) {
            self.refused(error);
        }
        ScopedTask { handle, data: Arc::clone(&self.data) }
    }

    /// The pool does not accept a child, perhaps because the runtime stops.
    #[track_caller]
    #[cold]
    fn refused(&self, error: SubmitError<Job>) {
        if wait::may_unwind() {
            let text = error.to_string();
            drop(error);
            if let Some(slot) = sched::current_slot() {
                wait::raise_if_cancelled(slot);
            }
            panic!("{text}");
        }
        // As by a worker that would wait for a place.
        if let Err(payload) = caught(|| error.into_inner().run()) {
            report::panicked(self.core.handler(), payload);
        }
    }
}

/// A task of a scope, on its way. Invariant 2.
struct Child<'scope> {
    runner: Runner<'scope>,
    handler: Option<Handler>,
    ticket: Ticket,
}

impl Call for Child<'_> {
    fn call(self: Box<Self>) {
        let Self { runner, handler, ticket } = *self;
        // What its closure's destructor panics with is known before the scope ends: the ticket goes last, whatever it does.
        report::run(handler.as_ref(), || runner.run());
        drop(ticket);
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any>
    where
        Self: 'static,
    {
        self
    }
}

/// A child counts as running while it has this.
struct Ticket {
    data: Arc<Data>,
    number: u64,
}

impl Ticket {
    fn new(data: &Arc<Data>, interrupt: Arc<Interrupt>) -> Self {
        data.running.fetch_add(1, Ordering::Relaxed);
        let (number, cancelled) = {
            let mut children = data.children.lock();
            children.spawned += 1;
            let number = children.spawned;
            if !children.cancelled {
                children.interrupts.insert(number, Arc::clone(&interrupt));
            }
            (number, children.cancelled)
        };
        if cancelled {
            interrupt.raise();
        }
        Self { data: Arc::clone(data), number }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let interrupt = self.data.children.lock().interrupts.remove(&self.number);
        drop(interrupt);
        let parent = self.data.parent;
        // Release pairs with the Acquire of `are_there`: what the child did is seen by the parent.
        if self.data.running.fetch_sub(1, Ordering::Release) == 1 {
            wait::wake(parent);
        }
    }
}

/// The result of a scoped task that is still to come. Dropping it detaches the task, for which the scope waits.
pub struct ScopedTask<'scope, T> {
    handle: Handle<'scope, T>,
    data: Arc<Data>,
}

// It only takes a result that is there.
impl<T> std::panic::UnwindSafe for ScopedTask<'_, T> {}
impl<T> std::panic::RefUnwindSafe for ScopedTask<'_, T> {}

impl<T> ScopedTask<'_, T> {
    /// Waits for the task to end, and returns what it returned.
    ///
    /// # Errors
    /// With what it panicked with; with a [`JoinError`] as payload if it was cancelled or never began.
    pub fn join(self) -> thread::Result<T> {
        match self.handle.wait(Until::NEVER) {
            Ok(value) => Ok(value),
            Err(error) if error.is_panic() => {
                self.data.panics.fetch_sub(1, Ordering::Relaxed);
                Err(error.into_panic())
            }
            Err(error) => Err(Box::<JoinError>::new(error)),
        }
    }

    /// Whether the task has ended, so that `join` would not wait.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Ends the task. See [`Task::abort`](super::Task::abort).
    pub fn abort(&self) {
        self.handle.abort();
    }
}

impl<T> fmt::Debug for ScopedTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedTask").field("finished", &self.is_finished()).finish()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("running", &self.data.running.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
