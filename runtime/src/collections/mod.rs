//! Collections: Go's, in the garden beside the house. They depend on `std` alone and know nothing of
//! goroutines.

pub mod map;

pub use map::Map;
