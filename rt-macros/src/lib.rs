//! Macros of `rt`.
