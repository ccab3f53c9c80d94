//! Runtimes: building, entering, several at once, leaving; and threads that goroutines stay on.
#![allow(clippy::mem_forget, reason = "guards are leaked to see what the runtime makes of it")]
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

#[path = "../common/mod.rs"]
mod common;
mod destructors;
mod enter;
mod home;
mod pinned;
mod run;
mod settings;
mod stop;
