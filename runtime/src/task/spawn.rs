//! `spawn` and `yield_now`.

use super::JoinHandle;
use super::entered::entered;
use crate::g::{AtRest, Extras, GBox, GRef, Outcome, Turns, new_cell};
use crate::sched::{self, Sched};
use crate::stack::Class;
use crate::wait;
use std::panic::Location;
use std::sync::Arc;

/// Starts a goroutine that runs `f`, and returns a handle to its result. Go's `go` statement.
///
/// The new goroutine is queued to run next on the caller's processor; the caller keeps
/// running. Dropping the handle detaches the goroutine. The call allocates once, does not
/// block and, but for a runtime with a [seed](crate::testing), is no point at which others run.
///
/// If the runtime is shutting down, `f` is dropped and the handle says
/// [`is_cancelled`](super::JoinError::is_cancelled).
///
/// # Panics
/// When the caller is neither a goroutine nor inside a [`Handle::enter`](crate::Handle::enter).
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let answer = rt::spawn(|| 6 * 7);
///     assert_eq!(answer.join().unwrap(), 42);
/// }
/// ```
#[track_caller]
#[inline]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let site = Location::caller();
    let cell = new_cell(f, default_class(), site, None, ());
    launch(cell);
    JoinHandle::new(cell)
}

/// Lets every other goroutine that is ready on this processor run before the caller goes on.
/// Go's `runtime.Gosched`. On a plain thread: [`std::thread::yield_now`].
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let other = rt::spawn(|| "done");
///     while !other.is_finished() {
///         rt::yield_now();
///     }
///     assert_eq!(other.join().unwrap(), "done");
/// }
/// ```
#[inline]
pub fn yield_now() {
    wait::yield_now();
}

/// The stack class of goroutines that the caller spawns without asking for another.
#[track_caller]
#[inline]
fn default_class() -> Class {
    match sched::current_class() {
        Some(class) => class,
        None => outside_class(),
    }
}

#[track_caller]
#[cold]
fn outside_class() -> Class {
    match entered() {
        Some(sched) => sched.config.class,
        None => no_runtime(),
    }
}

#[track_caller]
#[cold]
fn no_runtime() -> ! {
    panic!(
        "there is no rt runtime here: call this from a goroutine (put #[rt::main] on main, or use \
         Runtime::run), or enter a runtime on this thread with Handle::enter"
    )
}

/// Queues a goroutine where the caller's goroutines go. Ends it at once if that runtime stops, or
/// if there is none, and panics then. Nobody else has the handle's side yet.
#[track_caller]
#[inline]
pub(crate) fn launch(cell: GBox) {
    if let Err(g) = sched::spawn_here(cell.as_ref()) {
        launch_outside(g);
    }
    wait::point("after spawn");
}

#[track_caller]
#[cold]
fn launch_outside(g: GRef) {
    match entered() {
        Some(sched) => start(&sched, g),
        None => {
            // Nobody will: the closure is dropped, a scope that counts it is told, and the handle's
            // side goes too.
            sched::end_unstarted(g, Outcome::Cancelled);
            drop(JoinHandle::<()>::new(GBox::of(g)));
            no_runtime()
        }
    }
}

/// Queues a goroutine in a certain runtime, or ends it at once if that stops.
pub(crate) fn start(sched: &Arc<Sched>, g: GRef) {
    if let Err(g) = sched::inject_spawn(sched, g) {
        sched::end_unstarted(g, Outcome::Cancelled);
    }
}

/// Lets a goroutine of a certain runtime have its next turn. If that stops, it is its last, and does not begin.
pub(crate) fn start_turn<W: Turns>(sched: &Arc<Sched>, turns: AtRest<W>) {
    let g = turns.into_fresh();
    // Where the caller's goroutines go, if that is the same.
    let here = sched::current_home() == Some(sched.home());
    match if here { sched::respawn_here(g) } else { Err(g) } {
        Ok(()) => {}
        Err(g) => start(sched, g),
    }
}

/// It has no more turns.
pub(crate) fn end_turns<W: Turns>(turns: AtRest<W>) {
    sched::end_unstarted(turns.into_fresh(), Outcome::Cancelled);
}

/// A goroutine that will run `f` in a certain runtime, that nobody will join, and that is not queued.
pub(super) fn prepare_in(
    sched: &Sched,
    site: &'static Location<'static>,
    f: impl FnOnce() + Send + 'static,
) -> GRef {
    let cell = new_cell(f, sched.config.class, site, None, ());
    drop(JoinHandle::<()>::new(cell));
    cell.as_ref()
}

/// A goroutine that will run `f`, that nobody will join, and that is not queued; and the runtime
/// where the caller's goroutines go.
#[track_caller]
pub(super) fn prepare(f: impl FnOnce() + Send + 'static) -> (Arc<Sched>, GRef) {
    let site = Location::caller();
    let Some(sched) = entered() else { no_runtime() };
    let cell = new_cell(f, default_class(), site, None, ());
    drop(JoinHandle::<()>::new(cell));
    (sched, cell.as_ref())
}

/// The name of a goroutine, if it gets one.
pub(super) fn extras(name: Option<String>) -> Option<Box<Extras>> {
    name.map(|name| Box::new(Extras::named(&name)))
}
