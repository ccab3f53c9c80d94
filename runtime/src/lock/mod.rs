//! Locks for short sections, where [`prim`](crate::prim)'s are not good enough.

mod biased;
#[cfg(all(test, loom))]
mod loom_tests;

pub(crate) use biased::{BiasedLock, Entry, Holder};
