//! Goroutines as a user sees them: starting, naming, joining and ending them.
//!
//! The free functions [`spawn`], [`scope`], [`block_on`] and [`yield_now`] are also at the crate's root.

mod block_on;
mod blocking;
mod builder;
mod current;
mod delayed;
mod entered;
mod fork_join;
mod given;
mod interrupt;
mod join;
mod join_error;
mod local;
mod local_cells;
#[cfg(all(test, loom))]
mod loom_tests;
mod scope;
mod spawn;

pub use block_on::block_on;
pub(crate) use block_on::has_wakers;
pub use blocking::blocking;
pub use builder::Builder;
pub use current::{Task, ThreadPin, current, exit, pin_thread, try_current};
pub use fork_join::join;
#[doc(hidden)]
pub use given::{Given, GivenPlain};
pub use join::JoinHandle;
pub use join_error::JoinError;
pub use local::{AccessError, LocalKey};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use spawn::{spawn, yield_now};

pub(crate) use delayed::Delayed;
pub(crate) use entered::{as_it_was, enter, entered, leave};
pub(crate) use interrupt::Interrupt;
pub(crate) use local::{Kept, drop_locals};
pub(crate) use scope::told;
pub(crate) use spawn::{end_turns, start, start_turn};
