//! Pools: how tasks get to workers, the counters, the settings, and the end.

mod abort;
#[path = "../common/mod.rs"]
mod common;
mod end;
mod scope;
mod settings;
mod submit;
mod tune;
mod workers;

use rt::chan::Chan;
use rt::pool::Pool;
use std::time::Duration;

pub(crate) const LONG: Duration = Duration::from_secs(50);

/// Tasks that wait until they are let go.
#[derive(Clone)]
pub(crate) struct Gate(pub(crate) Chan<()>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Chan::new(0))
    }

    pub(crate) fn wait(&self) -> impl FnOnce() + Send + 'static {
        let gate = self.0.clone();
        move || {
            gate.recv();
        }
    }

    pub(crate) fn open(&self) {
        self.0.close();
    }
}

pub(crate) fn fill(pool: &Pool, gate: &Gate) {
    for _ in 0..pool.capacity() {
        pool.try_submit(gate.wait()).unwrap();
    }
}
