//! `defer!`: code that runs at the end of its scope.
//!
//! A guard runs in `Drop`, and so in the middle of an unwinding if there is one. A panic that left it then would
//! end the process, by Rust's rule: it is caught and reported, and the unwinding goes on.

use super::flight::{self, Owner};
use super::value::Panic;
use super::{caught, drop_quietly, report};
use crate::g;
use std::any::Any;
use std::fmt;

/// Runs code at the end of the scope, however it is left: by its last line, `return`, `break`, `?`, a panic, an abort. Go's
/// `defer`, for a scope instead of a function.
///
/// Takes what stands in a block, or a closure without parameters; `move ||` takes what it needs along. The
/// last one runs first. It costs no allocation. What the code evaluates to is dropped.
///
/// ```
/// use std::cell::RefCell;
///
/// let said = RefCell::new(Vec::new());
/// let say = |word| said.borrow_mut().push(word);
/// {
///     rt::defer! { say("last") }
///     rt::defer!(move || say("second"));
///     say("first");
/// }
/// assert_eq!(said.take(), ["first", "second", "last"]);
/// ```
///
/// The code borrows what it uses until then. To evaluate a call's operands now, see [`defer_call!`](crate::defer_call). It cannot
/// recover a panic, nor see a result; see [`panic::frame`](crate::panic::frame()) for that. A panic in it while a panic, or an
/// exit, unwinds is reported and goes no further: the unwinding goes on.
///
/// Leave the macro a statement: at the end of a block, put a semicolon after its parentheses.
#[macro_export]
macro_rules! defer {
    () => {
        ::core::compile_error!("`defer!` takes the code to run: `defer! { .. }` or `defer!(|| ..)`")
    };
    (|| $($body:tt)*) => {
        let __rt_deferred = $crate::panic::Guard::new(|| $($body)*);
    };
    (move || $($body:tt)*) => {
        let __rt_deferred = $crate::panic::Guard::new(move || $($body)*);
    };
    // What would be made and dropped, and never run.
    (| $($closure:tt)*) => {
        ::core::compile_error!("nobody would call it with an argument: `defer!` takes a closure without parameters, `defer!(|| ..)`")
    };
    (move | $($closure:tt)*) => {
        $crate::defer! { | $($closure)* }
    };
    (async { $($code:tt)* }) => {
        ::core::compile_error!("`defer!` runs plain code: nobody would await a future")
    };
    (async move { $($code:tt)* }) => {
        $crate::defer! { async { $($code)* } }
    };
    ($(::)? $($name:ident)::+) => {
        ::core::compile_error!("this names a function but does not call it: `defer!(f())`")
    };
    // As without the braces: there may be a closure in them.
    ({ $($code:tt)* }) => {
        $crate::defer! { $($code)* }
    };
    ($($code:tt)*) => {
        let __rt_deferred = $crate::panic::Guard::new(|| { $($code)* });
    };
}

/// What `defer!` and `defer_call!` make.
#[doc(hidden)]
#[must_use]
pub struct Guard<R, F: FnOnce() -> R>(Option<F>);

impl<R, F: FnOnce() -> R> Guard<R, F> {
    #[doc(hidden)]
    #[inline(always)]
    pub fn new(f: F) -> Self {
        Self(Some(f))
    }
}

impl<R, F: FnOnce() -> R> Drop for Guard<R, F> {
    #[inline]
    fn drop(&mut self) {
        let Some(f) = self.0.take() else { return };
        if std::thread::panicking() {
            while_unwinding(|| drop(f()));
        } else {
            drop(f());
        }
    }
}

impl<R, F: FnOnce() -> R> fmt::Debug for Guard<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
fn while_unwinding(f: impl FnOnce()) {
    if let Err(payload) = caught(f) {
        swallow(payload);
    }
}

/// Reports a panic that can go no further.
fn swallow(payload: Box<dyn Any + Send>) {
    if !payload.is::<g::Unwind>() {
        let known = flight::claim(Owner::current(), &*payload);
        let mut panic = Panic::with(payload, known);
        report::leaves(&mut panic);
        drop_quietly(panic);
    }
}
