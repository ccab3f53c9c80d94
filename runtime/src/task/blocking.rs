//! Calls that are known to block.

#![forbid(unsafe_code)]

use crate::wait;

/// Runs `f`, which is known to block in the system or to compute for long, while others run on the
/// caller's processor. On a plain thread it just runs `f`.
///
/// It is never needed: a goroutine that blocks or burns loses its processor after a moment anyway. It
/// saves the others that moment, and is worth its cost, some hundred nanoseconds to some ten
/// microseconds, for calls that take longer. `f` runs on the caller's stack and thread and may
/// borrow. It may use everything of `rt`, too.
///
/// Afterwards the goroutine waits for its turn to go on.
///
/// # Panics
/// When `f` does.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let text = rt::blocking(|| std::fs::read_to_string("Cargo.toml"));
///     assert!(text.is_ok());
/// }
/// ```
pub fn blocking<T>(f: impl FnOnce() -> T) -> T {
    wait::blocking(f)
}
