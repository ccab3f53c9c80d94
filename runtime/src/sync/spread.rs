//! How far a thing that everybody uses is spread, so that not all meet at the same word.

use crate::sys;
use std::sync::OnceLock;

/// A power of two, at most 64, about as many as run at the same time: the CPUs of this process.
/// Asked of the system once.
pub(super) fn width() -> usize {
    static WIDTH: OnceLock<usize> = OnceLock::new();
    *WIDTH.get_or_init(|| sys::cpus().next_power_of_two().min(64))
}
