//! How deep the stacks of goroutines get: some are looked at, and of each place where they are spawned the deepest is kept.
//!
//! Nothing is noted while a goroutine runs. What it has used its stack's memory says, if the stack was *fresh* when it began
//! (`carrier::depth`), as new ones are. So one look when it ends, or while it lives when somebody asks, tells its deepest.
//!
//! * **At its end**, on its own stack: the first goroutine of a place, and some in each tick.
//! * **While it lives**, when metrics are asked for.
//!
//! A program whose stacks have all been used would tell nothing more. So once somebody has asked, where a goroutine ends on an M that is watched, which is
//! now and then, its stack is made fresh for the next one, a few times in a tick at most.

use super::{Sched, body};
use crate::carrier::Slot;
use crate::g::{G, Header};
use crate::m::CurrentM;
use crate::prim::atomic::{Ordering, fence};
use crate::prim::global;
use crate::trace::{SiteId, StackHighWater};
use crate::util::Rng;

/// Of those that live as many are looked at, at least, and fewer than twice as many.
const LOOKS: usize = 256;

/// `g` ends on the caller's carrier, whose stack is fresh.
#[cold]
#[inline(never)]
pub(super) fn at_end(g: &G, slot: &Slot) {
    let sched = body::home(slot);
    let depths = &sched.hub.depths;
    let site = SiteId::of(g.site());
    if (depths.wants(site) || depths.looks.take(sched.now_in_ticks()))
        && let Some(bytes) = slot.depth()
    {
        depths.add(site, bytes);
    }
    slot.has_been_used();
}

/// The M is watched.
///
/// # Safety
/// The caller runs on the carrier of `slot`, which has no job.
pub(super) unsafe fn at_rest(m: CurrentM, slot: &Slot) {
    // SAFETY: an M's scheduler outlives it.
    let sched = unsafe { Sched::from_home(m.own().home.get()) };
    if sched.hub.depths.may_refresh(sched.now_in_ticks()) {
        // SAFETY: as the caller says.
        unsafe { slot.refresh() };
    }
}

/// Some of the slots that it is shown, at equal distances.
pub(super) struct Sample {
    kept: Vec<&'static Slot>,
    every: usize,
    shown: usize,
    draw: Rng,
}

impl Sample {
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), every: 1, shown: 0, draw: Rng::new() }
    }

    pub(super) fn show(&mut self, slot: &'static Slot) {
        if self.shown.is_multiple_of(self.every) {
            self.kept.push(slot);
        }
        self.shown += 1;
        if self.kept.len() == 2 * LOOKS {
            let mut keep = self.draw.below(2) == 0;
            self.kept.retain(|_| {
                keep = !keep;
                keep
            });
            self.every *= 2;
        }
    }
}

impl Sched {
    fn now_in_ticks(&self) -> u32 {
        self.ticks.load(global::Ordering::Relaxed)
    }

    /// The deepest known, with those of `sample` as they are now.
    pub(super) fn stack_high_water(&self, sample: Sample) -> Vec<StackHighWater> {
        for slot in sample.kept {
            let before = slot.seen();
            let depth = slot.depth();
            // The look comes before the second one at the job.
            fence(Ordering::Acquire);
            // Who is there now was there before, and has not ended: so the memory was its own, if it still is.
            if let Some(bytes) = depth
                && let Some(Header { id, site: Some(site), .. }) = Header::peek(slot)
                && id == before.1
                && slot.is_fresh()
            {
                self.hub.depths.add(SiteId::of(site), bytes);
            }
        }
        self.hub.depths.all()
    }
}
