//! The garden: Go's collections, as Rust has them.
//!
//! They depend on `std` alone and know nothing of goroutines: no import leads from here into the house, and the house
//! imports nothing from here. So they work in any program and on any thread, and none of their operations waits.
//!
//! | | |
//! |---|---|
//! | [`Slice`] | Go's slice to the letter: headers over a shared array, for one goroutine |
//! | [`ForkSlice`] | what one mostly wants instead: shared, grown in place, and never overwritten; for many goroutines |
//! | [`Map`] | Go's hash map: it grows a little with each write, so that none pays for a whole rehash |

mod bounds;
mod fork;
pub mod map;
mod slice;

pub use fork::ForkSlice;
pub use map::Map;
pub use slice::{Growth, IntoIter, Slice};

use std::fmt;

/// Prints a list as Go does: `[1 2 3]`.
fn print<T: fmt::Display>(elements: &[T], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("[")?;
    for (i, element) in elements.iter().enumerate() {
        f.write_str(if i > 0 { " " } else { "" })?;
        element.fmt(f)?;
    }
    f.write_str("]")
}
