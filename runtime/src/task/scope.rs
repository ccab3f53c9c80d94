//! Goroutines that borrow from their parent.
//!
//! Invariants:
//! 1. [`scope`] does not return, nor unwind, before every goroutine spawned in it has ended and
//!    dropped what it held: [`wait::parent`] waits for them.
//! 2. A child counts in `running` from before it is queued until its last access to anything that
//!    it borrows. The decrement is the child's last access to the scope; what it wakes with
//!    was read before.
//! 3. A parent that is unwound by its own cancellation aborts its children, and waits for them.

use super::entered::entered;
use super::spawn::launch;
use super::{JoinError, JoinHandle, Task};
use crate::carrier::Slot;
use crate::g::{self, Extras, GRef, Outcome, new_cell};
use crate::prim::Mutex;
use crate::prim::global::{AtomicBool, AtomicUsize, Ordering};
use crate::stack::Class;
use crate::util::Addresses;
use crate::wait::{self, Children, Failed, Why};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::NonNull;
use std::thread;

/// Where scoped goroutines are spawned; see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    data: Data,
    class: Class,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

// As std's: `&Scope` is what everybody has.
impl std::panic::RefUnwindSafe for Scope<'_, '_> {}

struct Data {
    running: AtomicUsize,
    failed: Failed,
    /// The parent was cancelled, and so is whoever starts from now on.
    cancelled: AtomicBool,
    parent: &'static Slot,
    children: Mutex<Addresses>,
}

impl Children for Data {
    fn are_there(&self) -> bool {
        // Acquire pairs with the Release of `child_done`.
        self.running.load(Ordering::Acquire) != 0
    }

    fn failure(&self) -> Option<&'static str> {
        self.failed.text()
    }

    fn abort(&self) {
        // SeqCst with `spawn`, which puts its child in the set and looks: one of us aborts it.
        self.cancelled.store(true, Ordering::SeqCst);
        let slots: Vec<_> = {
            let children = self.children.lock();
            let header = |&addr: &usize| {
                NonNull::new(std::ptr::with_exposed_provenance_mut::<g::G>(addr))
                    .map(GRef::from_ptr)
            };
            // SAFETY: a child leaves the set before it ends, and waits for the lock to do so.
            children.iter().filter_map(header).filter_map(|g| unsafe { g.get() }.abort()).collect()
        };
        slots.into_iter().for_each(wait::wake);
    }
}

impl g::Scope for Data {
    fn child_ends(&self, g: GRef, outcome: Outcome) {
        self.children.lock().remove(&g.as_ptr().as_ptr().expose_provenance());
        let failed = match outcome {
            Outcome::Panic => &self.failed.panicked,
            Outcome::Resource => &self.failed.unbegun,
            _ => return,
        };
        failed.fetch_add(1, Ordering::Relaxed);
    }

    fn child_done(&self) {
        let parent = self.parent;
        // Release pairs with the Acquire of `are_there`: what the child did is seen by the parent. Last
        // access (invariant 2).
        if self.running.fetch_sub(1, Ordering::Release) == 1 {
            wait::wake(parent);
        }
    }
}

/// Runs `f`, which can spawn goroutines that borrow from around it, and waits until all of them
/// have ended. [`std::thread::scope`], for goroutines; it works from plain threads that have
/// entered a runtime, too.
///
/// If the goroutine that calls is aborted or shut down, it aborts the children and still
/// waits for them.
///
/// # Panics
/// With what `f` panicked with; with "a scoped thread panicked" (std's words) if a child
/// panicked and was not joined; and if one was not joined that never began, for there was no stack for it.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let mut numbers = vec![1, 2, 3];
///     let sum = rt::scope(|s| {
///         let sum = s.spawn(|| numbers.iter().sum::<i32>());
///         sum.join().unwrap()
///     });
///     numbers.push(sum);
///     assert_eq!(numbers, [1, 2, 3, 6]);
/// }
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    scope_for("rt::scope", f)
}

/// The same, for the function with that name.
#[track_caller]
pub(super) fn scope_for<'env, F, T>(name: &str, f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let Some(sched) = entered() else {
        panic!(
            "there is no rt runtime here: call {name} from a goroutine, or enter a runtime on this \
             thread with Handle::enter"
        )
    };
    let class = sched.config.class;
    drop(sched);
    let result = wait::with(|slot| {
        let scope = Scope {
            data: Data {
                running: AtomicUsize::new(0),
                failed: Failed::default(),
                cancelled: AtomicBool::new(false),
                parent: slot,
                children: Mutex::new(Addresses::default()),
            },
            class,
            scope: PhantomData,
            env: PhantomData,
        };
        wait::parent(&scope.data, slot, Why::Scope.on(&scope.data), || f(&scope))
    });
    match result {
        Ok(value) => value,
        Err(text) => panic!("{text}"),
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine that may borrow whatever outlives the scope.
    ///
    /// # Panics
    /// When the runtime was left, which takes a thread whose [`Handle::enter`](crate::Handle::enter)
    /// ended inside the scope.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let mut numbers = [1, 2, 3];
    ///     rt::scope(|s| {
    ///         for n in &mut numbers {
    ///             s.spawn(move || *n *= 10);
    ///         }
    ///     });
    ///     assert_eq!(numbers, [10, 20, 30]);
    /// }
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_as(self.class, None, f)
    }

    /// The same, on another stack, and under a name.
    #[track_caller]
    #[inline]
    pub(super) fn spawn_as<F, T>(
        &'scope self,
        class: Class,
        extras: Option<Box<Extras>>,
        f: F,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let data: NonNull<dyn g::Scope + 'scope> = NonNull::from(&self.data);
        // SAFETY: only the lifetime changes. The scope waits for its children (invariant 1), and
        // the child does not touch it after its decrement (invariant 2).
        let data: NonNull<dyn g::Scope> = unsafe { std::mem::transmute(data) };
        let cell = new_cell(f, class, Location::caller(), extras, data);
        let g = cell.as_ref();
        self.data.children.lock().insert(g.as_ptr().as_ptr().expose_provenance());
        self.data.running.fetch_add(1, Ordering::Relaxed);
        launch(cell);
        let handle = JoinHandle::new(cell);
        if self.data.cancelled.load(Ordering::SeqCst) {
            handle.abort();
        }
        ScopedJoinHandle { handle, data: &self.data }
    }

    /// The stack that the children get unless they ask for another.
    pub(super) fn class(&self) -> Class {
        self.class
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("running", &self.data.running.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// The result of a scoped goroutine that is still to come.
///
/// # Examples
/// ```
/// use rt::chan::Chan;
///
/// #[rt::main]
/// fn main() {
///     rt::scope(|s| {
///         let waits = s.spawn(|| Chan::<()>::nil().recv());
///         assert!(!waits.is_finished() && waits.task().id() != rt::task::current().id());
///         waits.abort();
///         assert!(waits.join().is_err());
///     });
/// }
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<T>,
    data: &'scope Data,
}

// As a `JoinHandle`.
impl<T> std::panic::UnwindSafe for ScopedJoinHandle<'_, T> {}
impl<T> std::panic::RefUnwindSafe for ScopedJoinHandle<'_, T> {}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the goroutine to end, and returns what it returned.
    ///
    /// # Errors
    /// With what it panicked with; with a [`JoinError`] as payload if it was cancelled or never
    /// began.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let text = String::from("lent");
    ///     let length = rt::scope(|s| s.spawn(|| text.len()).join().unwrap());
    ///     assert_eq!(length, text.len());
    /// }
    /// ```
    pub fn join(self) -> thread::Result<T> {
        self.handle.join().map_err(|error| told(&self.data.failed, error))
    }

    /// Whether the goroutine has ended, so that `join` would not wait.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Who the goroutine is.
    #[must_use]
    pub fn task(&self) -> Task {
        self.handle.task()
    }

    /// Ends the goroutine at its next park. See [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.handle.abort();
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

/// What a scoped join fails with; who joins is told by that, and the scope need not be.
pub(crate) fn told(failed: &Failed, error: JoinError) -> Box<dyn Any + Send> {
    if error.is_panic() {
        failed.panicked.fetch_sub(1, Ordering::Relaxed);
        return error.into_panic();
    }
    if error.is_resource() {
        failed.unbegun.fetch_sub(1, Ordering::Relaxed);
    }
    Box::new(error)
}
