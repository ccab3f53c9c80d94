//! The scheduler's protocols under loom.

mod idle;
