//! Go's concurrency for Rust.

#[allow(dead_code, unused_imports, reason = "used as the floors above land")]
mod stack;
#[allow(dead_code, unused_imports, reason = "used as the floors above land")]
mod sys;
