//! Go's functions: a body, what it defers, and its result; and `catch`, the same without deferred code.
//!
//! A frame catches the unwinding of its body, and runs the deferred code afterwards: not in a destructor, but in
//! plain code with a panic count of zero. So it may wait, and move to another thread.
//!
//! Invariants:
//! 1. Everything that was deferred runs once, the last first, whatever the body and the others do.
//! 2. Each catch is in a function of its own that is never inlined (`caught`): it changes the thread's
//!    panic count, and the next one may be on another thread.
//! 3. Enter and leave are on one goroutine, or one thread: nothing between them unwinds past the frame.

use super::deferred::Deferred;
use super::flight::{self, Owner};
use super::unwind::{State, Unwind};
use super::value::Panic;
use super::{caught, drop_quietly};
use crate::g;
use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;

/// Calls `body` as Go calls a function: what it [defers](Frame::defer) runs when it is over, also when it panics, and can
/// recover the panic. Returns the body's result, or `R::default()`, Go's zero value, if it panicked
/// and was recovered; deferred code may change either.
///
/// * Deferred code runs in the reverse of the order in which it was deferred, after the result is set.
/// * A panic in deferred code supersedes the one before it ([`Panic::previous`]), and the rest still runs.
/// * A panic that nobody recovers leaves the frame with the payload it was raised with.
/// * [`task::exit`](crate::task::exit), an abort and the end of the runtime run deferred code and cannot be recovered.
/// * Deferred code may wait, in goroutines and on plain threads. While it runs because of a panic or an
///   exit, the goroutine is not cancelled.
///
/// With the panic hook ([`Builder::panic_hook`](crate::Builder::panic_hook), `#[rt::main]`, `#[rt::test]`) a panic in a
/// frame is reported when it leaves the last frame of its goroutine, with all that it superseded, and not at
/// all if it is recovered. Without it, Rust's own hook reports each panic as it is raised. See
/// [the module](super) for more on that.
///
/// Deferred code cannot borrow what the body owns, for that is gone when it runs. Move or clone it, or own it outside:
/// ```compile_fail
/// rt::panic::frame(|f| {
///     let name = String::from("gone");
///     f.defer(|_| println!("{name}"));
/// });
/// ```
/// A body that never returns does not say what its result is. Write it as `|f| -> ()`.
///
/// # Panics
/// With what the body or deferred code panics with, unless it is recovered.
///
/// # Examples
/// ```
/// use rt::panic;
///
/// fn divide(a: i32, b: i32) -> i32 {
///     panic::frame(|f| {
///         f.defer(|u| {
///             if let Some(panic) = u.recover() {
///                 println!("{panic}"); // attempt to divide by zero
///             }
///         });
///         a / b
///     })
/// }
///
/// assert_eq!((divide(9, 2), divide(5, 0)), (4, 0));
/// ```
pub fn frame<'f, R: Default>(body: impl FnOnce(&mut Frame<'f, R>) -> R) -> R {
    frame_named(R::default(), body)
}

/// A [`frame`] whose result is `init` until the body returns: Go's named result.
///
/// # Panics
/// With what the body or deferred code panics with, unless it is recovered.
///
/// # Examples
/// ```
/// use rt::panic;
///
/// let two = panic::frame_named(0, |f| {
///     f.defer(|u| *u.result += 1);
///     1
/// });
/// assert_eq!(two, 2);
/// ```
pub fn frame_named<'f, R>(init: R, body: impl FnOnce(&mut Frame<'f, R>) -> R) -> R {
    let owner = Owner::current();
    owner.enter();
    let mut frame = Frame { result: init, deferred: Deferred::new() };
    let mut state = State::default();
    let returned = caught(|| {
        let result = body(&mut frame);
        frame.result = result;
    });
    if let Err(payload) = returned {
        state.raise(owner, payload);
    }
    while !frame.deferred.is_empty() {
        if let Err(payload) = caught(|| frame.run_deferred(&mut state)) {
            state.raise(owner, payload);
        }
    }
    if !state.is_over() {
        end(owner, frame.result, state);
    }
    owner.leave();
    frame.result
}

/// The end of a frame that does not return.
#[cold]
#[inline(never)]
fn end<R>(owner: Owner, result: R, mut state: State) -> ! {
    if let Err(payload) = caught(|| drop(result)) {
        state.raise(owner, payload);
    }
    owner.leave();
    state.resume(owner)
}

/// A body's hold on its frame. See [`frame`].
pub struct Frame<'f, R> {
    result: R,
    deferred: Deferred<'f, R>,
}

impl<'f, R> Frame<'f, R> {
    /// Runs `f` when the body is over: after what is deferred later, before what was deferred
    /// earlier. The first few small closures cost no allocation. Go's `defer`.
    ///
    /// # Examples
    /// ```
    /// let mut order = Vec::new();
    /// let log = rt::sync::Mutex::new(&mut order);
    /// rt::panic::frame(|f| -> () {
    ///     f.defer(|_| log.lock().push(1));
    ///     f.defer(|_| log.lock().push(2));
    /// });
    /// assert_eq!(order, [2, 1]);
    /// ```
    #[inline(always)]
    pub fn defer<F: FnOnce(&mut Unwind<'_, R>) + 'f>(&mut self, f: F) {
        self.deferred.push(f);
    }

    /// Until nothing is left, or something unwinds. It takes frame and state whole: pointers to their parts, stored one
    /// by one and loaded as a pair, cost twelve nanoseconds.
    #[inline(always)]
    fn run_deferred(&mut self, state: &mut State) {
        while self.deferred.call_last(&mut Unwind::new(&mut self.result, state)) {
            state.settle();
        }
    }

    /// The result as it is if the body panics now. Returning sets it.
    ///
    /// # Examples
    /// ```
    /// let result = rt::panic::frame_named(0, |f| -> i32 {
    ///     f.defer(|u| drop(u.recover()));
    ///     *f.result() = 5;
    ///     panic!("out of cheese");
    /// });
    /// assert_eq!(result, 5);
    /// ```
    pub fn result(&mut self) -> &mut R {
        &mut self.result
    }
}

impl<R> fmt::Debug for Frame<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").finish_non_exhaustive()
    }
}

/// Calls `f` and returns its panic as a value.
///
/// It lets pass what ends the goroutine: [`task::exit`](crate::task::exit), an abort, the end of the runtime. A
/// panic that is caught is not reported by the panic hook; see [`frame`]. Unlike [`std::panic::catch_unwind`] it may be
/// called anywhere around a wait, and asks nobody for `UnwindSafe`: what `f` has
/// left half done is the caller's to know.
///
/// # Errors
/// The panic.
///
/// # Examples
/// ```
/// use rt::panic;
///
/// assert_eq!(panic::catch(|| 6 * 7).unwrap(), 42);
/// let caught = panic::catch(|| panic!("out of {}", "cheese")).unwrap_err();
/// assert_eq!(caught.message(), "out of cheese");
/// ```
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    let owner = Owner::current();
    owner.enter();
    match caught(f) {
        Ok(value) => {
            owner.leave();
            Ok(value)
        }
        Err(payload) => Err(caught_by(owner, payload)),
    }
}

#[cold]
fn caught_by(owner: Owner, payload: Box<dyn Any + Send>) -> Panic {
    let exits = payload.is::<g::Unwind>();
    let known = flight::claim(owner, &*payload);
    owner.leave();
    if exits {
        resume_unwind(payload);
    }
    if known.exits {
        drop_quietly((payload, known));
        resume_unwind(Box::new(g::Unwind));
    }
    Panic::with(payload, known)
}
