//! Where the tasks of a scope or of a group go.

use super::core::{Core, Patience};
use super::error::SubmitError;
use super::job::Job;
use super::multi::MultiPool;
use super::report::Handler;
use super::task::Place;
use std::sync::Arc;

/// One pool, which this does not keep open; or several, of which one is chosen for each task.
pub(super) enum Target {
    One(Arc<Core<Job>>),
    Several(MultiPool),
}

impl Target {
    /// Waits for a place, as a submit does. If the task lies in a queue: where.
    pub(super) fn put(&self, job: Job) -> Result<Option<Place>, SubmitError<Job>> {
        match self {
            Self::One(core) => put(core, job, Patience::FOR_EVER),
            Self::Several(pools) => pools.put(job),
        }
    }

    /// Whom to tell of panics.
    pub(super) fn handler(&self) -> Option<&Handler> {
        match self {
            Self::One(core) => core.handler(),
            Self::Several(pools) => pools.handler(),
        }
    }
}

/// Hands `job`, which somebody joins, over to the pool of `core`, or gives it back. If it lies in the queue: where.
#[inline]
pub(super) fn put(
    core: &Arc<Core<Job>>,
    job: Job,
    patience: Patience<'_>,
) -> Result<Option<Place>, SubmitError<Job>> {
    let number = core.submit_joined(job, patience)?;
    Ok(number.map(|number| Place::new(core, number)))
}
