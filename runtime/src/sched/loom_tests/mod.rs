//! The scheduler's protocols under loom.

mod idle;
mod keep;
mod monitor;
mod stop;
