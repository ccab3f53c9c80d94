//! Panics as values, and what is said when a goroutine panics.
//!
//! With the panic hook (which `#[rt::main]` and `#[rt::test]` install, and a runtime only
//! when asked) the line is printed where the panic happens, with its place, in the words
//! `goroutine 18 'name' panicked at file:line:col: message`. Without it, std's own hook has named the
//! thread and the place, and one more line says which goroutine it was.

mod hook;
mod uncaught;
mod value;

pub(crate) use hook::install;
pub(crate) use uncaught::{describe, uncaught};
pub use value::{Location, Panic};

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// [`catch_unwind`] in a frame of its own, for what may switch.
///
/// Never inlined: catching changes the thread's panic count, and where two are in one function the
/// second may do it by an address that was computed for the first, before a switch.
#[inline(never)]
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}

/// The text of a payload, if it is one that `panic!` makes.
pub(crate) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => Some(text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    }
}

/// What becomes of the process when a goroutine panics and nobody catches it.
///
/// # Examples
/// ```
/// let runtime = rt::Runtime::builder().panic_policy(rt::PanicPolicy::Isolate).build().unwrap();
/// assert!(runtime.run(|| rt::spawn(|| panic!("alone")).join()).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PanicPolicy {
    /// The goroutine ends, and who joins it is told. The default.
    #[default]
    Isolate,
    /// The process ends with exit code 2, as in Go.
    Abort,
}
