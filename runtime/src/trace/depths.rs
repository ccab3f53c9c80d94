//! How deep the stacks of goroutines get, by where they were spawned.
//!
//! Which ones are looked at the floor above decides; here is how many it may be in a tick of its clock, since a look is a
//! call of the system.

use super::metrics::StackHighWater;
use super::site::{SITES, SiteId};
use crate::prim::global::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::collections::HashSet;
use std::sync::OnceLock;

#[derive(Debug)]
pub(crate) struct Depths {
    /// In bytes, by site; 0 for none.
    deepest: OnceLock<Box<[AtomicUsize]>>,
    /// For looks.
    pub(crate) looks: Budget,
    /// For stacks that give their memory back, to be looked at later.
    refreshed: Budget,
    /// Somebody has asked.
    wanted: AtomicBool,
}

impl Depths {
    pub(super) fn new() -> Self {
        Self {
            deepest: OnceLock::new(),
            looks: Budget::new(16),
            refreshed: Budget::new(4),
            wanted: AtomicBool::new(false),
        }
    }

    fn of(&self, site: SiteId) -> Option<&AtomicUsize> {
        let all = self.deepest.get_or_init(|| (0..SITES).map(|_| AtomicUsize::new(0)).collect());
        all.get(site.index()?)
    }

    /// Whether nothing is known of `site` yet, but could be.
    pub(crate) fn wants(&self, site: SiteId) -> bool {
        self.of(site).is_some_and(|deepest| deepest.load(Ordering::Relaxed) == 0)
    }

    /// A goroutine that was spawned at `site` has used so much of its stack.
    pub(crate) fn add(&self, site: SiteId, bytes: usize) {
        if let Some(deepest) = self.of(site) {
            deepest.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// Whether one more stack may give its memory back in `tick`.
    pub(crate) fn may_refresh(&self, tick: u32) -> bool {
        self.wanted.load(Ordering::Relaxed) && self.refreshed.take(tick)
    }

    /// The deepest first. A place in generic code may have several numbers, one for each copy that the compiler made of it: it is
    /// told of once.
    pub(crate) fn all(&self) -> Vec<StackHighWater> {
        self.wanted.store(true, Ordering::Relaxed);
        let Some(all) = self.deepest.get() else { return Vec::new() };
        let known = |(index, deepest): (usize, &AtomicUsize)| {
            let bytes = deepest.load(Ordering::Relaxed);
            let site = SiteId::at(index).get()?;
            (bytes != 0).then_some(StackHighWater { site, bytes })
        };
        let mut all: Vec<_> = all.iter().enumerate().filter_map(known).collect();
        all.sort_by_key(|of| {
            (std::cmp::Reverse(of.bytes), of.site.file(), of.site.line(), of.site.column())
        });
        let mut told = HashSet::new();
        all.retain(|of| told.insert(of.site));
        all
    }
}

/// So many in a tick.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u32,
    /// The tick, and how many were taken in it.
    taken: AtomicU64,
}

impl Budget {
    const fn new(most: u32) -> Self {
        Self { most, taken: AtomicU64::new(0) }
    }

    /// Whether one more may be taken in `tick`. One that comes beside another may be refused.
    pub(crate) fn take(&self, tick: u32) -> bool {
        let before = self.taken.load(Ordering::Relaxed);
        let (last, taken) = ((before >> 32) as u32, before as u32);
        let taken = if last == tick { taken } else { 0 };
        let after = u64::from(tick) << 32 | u64::from(taken + 1);
        let order = Ordering::Relaxed;
        taken < self.most && self.taken.compare_exchange(before, after, order, order).is_ok()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::panic::Location;

    #[test]
    fn the_deepest_of_each_place_is_kept() {
        let depths = Depths::new();
        let a = Location::caller();
        let b = Location::caller();
        assert_eq!(depths.all(), []);
        assert!(depths.wants(SiteId::of(a)) && !depths.wants(SiteId::NONE));
        for (site, bytes) in [(a, 8192), (b, 4096), (a, 4096), (b, 65536)] {
            depths.add(SiteId::of(site), bytes);
        }
        depths.add(SiteId::NONE, 1);
        assert!(!depths.wants(SiteId::of(a)));
        let of = |site, bytes| StackHighWater { site, bytes };
        assert_eq!(depths.all(), [of(b, 65536), of(a, 8192)]);
    }

    /// Else Prometheus would be told of one thing twice.
    #[test]
    fn copies_of_a_place_are_one_place() {
        let depths = Depths::new();
        let place = Location::caller();
        let copy: &'static Location<'static> = Box::leak(Box::new(*place));
        assert_ne!(SiteId::of(place), SiteId::of(copy));
        depths.add(SiteId::of(place), 4096);
        depths.add(SiteId::of(copy), 8192);
        let told = depths.all();
        assert_eq!((told.len(), told[0].bytes, told[0].site), (1, 8192, place));
    }

    #[test]
    fn a_budget_is_for_a_tick() {
        let budget = Budget::new(3);
        let taken = |tick| (0..10).filter(|_| budget.take(tick)).count();
        assert_eq!([taken(0), taken(0), taken(7), taken(8)], [3, 0, 3, 3]);
    }
}
