//! Calls that block the thread, and are known to.

/// Runs `f`, which is about to block the thread: a look-up of a name.
///
/// A seam: it will hand the caller's P over first. Today it just calls.
pub(crate) fn blocking<T>(f: impl FnOnce() -> T) -> T {
    f()
}
