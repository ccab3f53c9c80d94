//! `collections::Map`: beside std's `HashMap`, and with keys, hashers and values that misbehave.
#![cfg(not(any(loom, shuttle)))]

mod bad;
mod model;
mod range;
mod shapes;
mod traits;
