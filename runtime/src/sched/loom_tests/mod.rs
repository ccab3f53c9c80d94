//! The scheduler's protocols under loom.

mod home;
mod idle;
mod keep;
mod monitor;
mod poll;
mod stacks;
mod stop;
mod timers;
