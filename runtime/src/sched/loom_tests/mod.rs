//! The scheduler's protocols under loom.

mod idle;
mod monitor;
mod stop;
