//! The rooms of `sync` under loom, with plain threads for waiters.
//!
//! Any deadline is near in a model, and who was woken in vain has waited for too long.

mod mutex;
