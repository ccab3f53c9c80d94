//! Whose stack an address lies in.

use super::{Slot, for_each};

/// The carriers that had a job when this was made, in the order of their stacks.
#[derive(Debug)]
pub(crate) struct Stacks(Vec<(usize, &'static Slot)>);

impl Stacks {
    pub(crate) fn now() -> Self {
        let mut all = Vec::new();
        for_each(|slot| {
            if !slot.job().is_null() {
                all.push((slot.stack_limit(), slot));
            }
        });
        all.sort_unstable_by_key(|(limit, _)| *limit);
        Self(all)
    }

    /// The id of the job that runs on the stack with this address: now, whatever ran there before.
    pub(crate) fn id_at(&self, address: usize) -> Option<u64> {
        let behind = self.0.partition_point(|(limit, _)| *limit <= address);
        let (_, slot) = self.0[..behind].last()?;
        let (job, id) = slot.seen();
        let is_there = (slot.stack_limit()..slot.stack_end()).contains(&address);
        (is_there && !job.is_null()).then_some(id)
    }
}
