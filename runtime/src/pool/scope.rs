//! Tasks that borrow from who submits them.
//!
//! What lies in the pool's queue is a number. The task is in the scope's table, under that number, until somebody takes it out: a
//! worker, to run it, or who ends it. So what is to end does not wait for its turn in the queue, of which there may never be one:
//! the only worker may be the parent.
//!
//! Invariants:
//! 1. [`scope`] does not return, nor unwind, before every task that was spawned in it has ended, or was dropped
//!    without having run, and dropped what it held: [`wait::parent`] waits for them.
//! 2. A child counts in `running` from before it is submitted until its ticket is dropped. Who takes it out of the table has the
//!    ticket, once; it runs the child or drops it, then lets go of the cell, in which what it borrows was, and the ticket is
//!    its last access to anything. A number is nothing that borrows, and may stay in the queue for longer.
//! 3. A parent that is unwound by its own cancellation aborts its children, and waits for them.

use super::error::SubmitError;
use super::job::{Call, Job, Run, Runner};
use super::report::{self, Handler};
use super::target::Target;
use super::task::{Cell, Handle, Place};
use crate::carrier::Slot;
use crate::g::Unwind;
use crate::panic::caught;
use crate::prim::Mutex;
use crate::prim::global::{AtomicUsize, Ordering};
use crate::sched;
use crate::task::{Interrupt, told};
use crate::wait::{self, Children, Failed, Until, Why};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

/// Where tasks are spawned that borrow; see [`Pool::scope`](crate::pool::Pool::scope).
pub struct Scope<'scope, 'env: 'scope> {
    target: Target,
    data: Arc<Data>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

// As std's: `&Scope` is what everybody has.
impl std::panic::RefUnwindSafe for Scope<'_, '_> {}

struct Data {
    running: AtomicUsize,
    failed: Failed,
    parent: &'static Slot,
    handler: Option<Handler>,
    children: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The parent was cancelled, and so is whoever is spawned from now on.
    cancelled: bool,
    spawned: u64,
    table: BTreeMap<u64, Entry>,
}

/// A child that has not ended.
struct Entry {
    /// It has not begun. Invariant 2.
    task: Option<Runner<'static>>,
    /// Where its number lies in the queue, if it does, and it is known.
    place: Option<Place>,
    interrupt: Arc<Interrupt>,
}

impl Children for Data {
    fn are_there(&self) -> bool {
        // Acquire pairs with the ticket's Release.
        self.running.load(Ordering::Acquire) != 0
    }

    fn failure(&self) -> Option<&'static str> {
        self.failed.text()
    }

    fn abort(&self) {
        let (mut idle, mut busy) = (Vec::new(), Vec::new());
        {
            let mut children = self.children.lock();
            children.cancelled = true;
            for (number, child) in &mut children.table {
                match child.task.take() {
                    Some(task) => idle.push((task, *number, child.place.take())),
                    None => busy.push(Arc::clone(&child.interrupt)),
                }
            }
        }
        busy.iter().for_each(|interrupt| interrupt.raise());
        // The first ones first: others may have their handles.
        idle.into_iter().for_each(|(task, number, place)| self.cancel(task, number, place));
    }
}

impl Data {
    /// Lists a child. Its number; and whether it is to end at once.
    fn list(&self, task: Runner<'static>, interrupt: Arc<Interrupt>) -> (u64, bool) {
        self.running.fetch_add(1, Ordering::Relaxed);
        let mut children = self.children.lock();
        children.spawned += 1;
        let number = children.spawned;
        children.table.insert(number, Entry { task: Some(task), place: None, interrupt });
        (number, children.cancelled)
    }

    /// The child was put into the queue.
    fn lies_at(&self, number: u64, place: Place) {
        match self.children.lock().table.get_mut(&number) {
            Some(child) if child.task.is_some() => return child.place = Some(place),
            _ => {}
        }
        // A worker has it; or who has ended it did not know the place.
        place.vacate();
    }

    /// Takes the child out of the table. `None`: somebody has.
    fn take(&self, number: u64) -> Option<Runner<'static>> {
        self.children.lock().table.get_mut(&number)?.task.take()
    }

    /// A child that has not begun, out of the table, is dropped. Its number leaves `place`.
    fn cancel(&self, task: Runner<'static>, number: u64, place: Option<Place>) {
        // As in `Child::call`: what its destructor panics with is told before the scope ends, whatever becomes of it.
        let ticket = Ticket { data: self, number };
        report::run(self.handler.as_ref(), || drop(task));
        if let Some(place) = place {
            place.vacate();
        }
        drop(ticket);
    }

    /// Ends a child, wherever it is.
    fn end(&self, number: u64) {
        let interrupt = {
            let mut children = self.children.lock();
            let Some(child) = children.table.get_mut(&number) else { return };
            match child.task.take() {
                Some(task) => {
                    let place = child.place.take();
                    drop(children);
                    return self.cancel(task, number, place);
                }
                None => Arc::clone(&child.interrupt),
            }
        };
        interrupt.raise();
    }
}

#[track_caller]
pub(super) fn scope<'env, F, T>(target: Target, f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let result = wait::with(|slot| {
        let data = Arc::new(Data {
            running: AtomicUsize::new(0),
            failed: Failed::default(),
            parent: slot,
            handler: target.handler().cloned(),
            children: Mutex::new(Known::default()),
        });
        let scope = Scope { target, data, scope: PhantomData, env: PhantomData };
        wait::parent(&*scope.data, slot, Why::Scope.into(), || f(&scope))
    });
    match result {
        Ok(value) => value,
        Err(text) => panic!("{text}"),
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Runs `f`, which may borrow whatever outlives the scope, in the pool. Waits for a place as
    /// [`Pool::submit`](super::Pool::submit) does.
    ///
    /// # Panics
    /// When the pool does not accept it: it is closed, or is full and does not let so many wait. In destructors that run because
    /// the caller is unwound or ends, and its runtime with it perhaps, the caller runs `f` itself then.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (pool, text) = (rt::pool::Pool::new(2).unwrap(), String::from("lent"));
    ///     assert_eq!(pool.scope(|s| s.spawn(|| text.len()).join().unwrap()), 4);
    /// }
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedTask<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let interrupt = Arc::new(Interrupt::new());
        let counted = Counted(Arc::clone(&self.data));
        let f = move || {
            caught(f).unwrap_or_else(|payload| {
                counted.unwinds(&*payload);
                resume_unwind(payload)
            })
        };
        // Who joins is told of a failure, and if nobody does the scope is.
        let cell = Cell::new(f, None, Arc::clone(&interrupt));
        let handle = Handle::new(Arc::clone(&cell));
        let task: Arc<dyn Run + 'scope> = cell;
        // SAFETY: only the lifetime changes. The scope waits until who has taken it out of the table has let go of it
        // (invariants 1 and 2).
        let task: Arc<dyn Run> = unsafe { std::mem::transmute(task) };
        let (number, cancelled) = self.data.list(Runner::new(task), interrupt);
        let child = Child { data: Arc::clone(&self.data), number };
        if cancelled {
            drop(child);
        } else {
            match self.target.put(Job::of(child)) {
                Ok(None) => {}
                Ok(Some(place)) => self.data.lies_at(number, place),
                Err(error) => self.refused(error),
            }
        }
        ScopedTask { handle, data: Arc::clone(&self.data), number }
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
            report::panicked(self.data.handler.as_ref(), payload);
        }
    }
}

/// Goes with a child's closure, and counts its failure.
struct Counted(Arc<Data>);

impl Counted {
    fn unwinds(&self, payload: &(dyn Any + Send)) {
        if !payload.is::<Unwind>() {
            self.0.failed.panicked.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Counted {
    /// As `JoinError::unbegun`.
    fn drop(&mut self) {
        if sched::lacks_stack() {
            self.0.failed.unbegun.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A task of a scope, on its way: the number of one that is in the table, if nobody was quicker; 0, once it was called.
struct Child {
    data: Arc<Data>,
    number: u64,
}

impl Call for Child {
    fn call(mut self) {
        let number = std::mem::take(&mut self.number);
        let Some(task) = self.data.take(number) else { return };
        let ticket = Ticket { data: &self.data, number };
        report::run(self.data.handler.as_ref(), || task.run());
        drop(ticket);
    }
}

impl Drop for Child {
    /// If it was not called, nobody else will: it ends.
    fn drop(&mut self) {
        if self.number != 0
            && let Some(task) = self.data.take(self.number)
        {
            // If it was in the queue, it is not any more.
            self.data.cancel(task, self.number, None);
        }
    }
}

/// Of who has taken a child out of the table. Invariant 2.
struct Ticket<'a> {
    data: &'a Data,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let entry = self.data.children.lock().table.remove(&self.number);
        drop(entry);
        let parent = self.data.parent;
        // Release pairs with the Acquire of `are_there`: what the child did is seen by the parent.
        if self.data.running.fetch_sub(1, Ordering::Release) == 1 {
            wait::wake(parent);
        }
    }
}

/// The result of a scoped task that is still to come. Dropping it detaches the task, for which the scope waits.
///
/// # Examples
/// ```
/// use rt::chan::Chan;
///
/// #[rt::main]
/// fn main() {
///     let pool = rt::pool::Pool::new(2).unwrap();
///     pool.scope(|s| {
///         let waits = s.spawn(|| Chan::<()>::nil().recv());
///         assert!(!waits.is_finished());
///         waits.abort();
///         assert!(waits.join().is_err());
///     });
/// }
/// ```
pub struct ScopedTask<'scope, T> {
    handle: Handle<'scope, T>,
    data: Arc<Data>,
    number: u64,
}

// It only takes a result that is there.
impl<T> std::panic::UnwindSafe for ScopedTask<'_, T> {}
impl<T> std::panic::RefUnwindSafe for ScopedTask<'_, T> {}

impl<T> ScopedTask<'_, T> {
    /// Waits for the task to end, and returns what it returned.
    ///
    /// # Errors
    /// With what it panicked with; with a [`JoinError`](crate::task::JoinError) as payload if it was cancelled or never began.
    pub fn join(self) -> thread::Result<T> {
        self.handle.wait(Until::NEVER).map_err(|error| told(&self.data.failed, error))
    }

    /// Whether the task has ended, so that `join` would not wait.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Ends the task. See [`Task::abort`](super::Task::abort).
    pub fn abort(&self) {
        self.data.end(self.number);
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
