//! Places in the source, as small numbers: an event has no room for more.

use crate::prim::global::{AtomicBool, Ordering};
use std::panic::Location;
use std::sync::OnceLock;

/// A place, from 1; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SiteId(pub(super) u16);

/// Places that are told apart; those that come when there is no room have no number.
pub(super) const SITES: usize = 4096;
/// How many entries are tried for one.
const TRIES: usize = 16;

type Site = &'static Location<'static>;

/// By the address of the [`Location`], which is constant memory.
static TABLE: [OnceLock<Site>; SITES] = [const { OnceLock::new() }; SITES];

/// Some place had no room.
static FULL: AtomicBool = AtomicBool::new(false);

impl SiteId {
    pub(crate) const NONE: Self = Self(0);

    /// The number of `site`: always the same.
    pub(crate) fn of(site: Site) -> Self {
        let hash = std::ptr::from_ref(site).addr().wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as usize);
        let start = hash >> (usize::BITS - SITES.ilog2());
        for i in (start..start + TRIES).map(|i| i % SITES) {
            // Who comes second to an empty entry looks at who came first.
            if std::ptr::eq(*TABLE[i].get_or_init(|| site), site) {
                return Self::at(i);
            }
        }
        FULL.store(true, Ordering::Relaxed);
        Self::NONE
    }

    /// Of a number: from 0, below [`SITES`].
    pub(super) fn at(index: usize) -> Self {
        Self(index as u16 + 1)
    }

    pub(super) fn index(self) -> Option<usize> {
        Some(usize::from(self.0.checked_sub(1)?))
    }

    pub(crate) fn get(self) -> Option<Site> {
        TABLE.get(self.index()?)?.get().copied()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_number() {
        let here = || Location::caller();
        let (a, b) = (here(), here());
        assert_eq!(SiteId::of(a), SiteId::of(a));
        assert_eq!(SiteId::of(a).get(), Some(a));
        assert_eq!(SiteId::of(b).get(), Some(b));
        assert_eq!(SiteId::NONE.get(), None);
    }

    #[test]
    fn where_there_is_no_room_there_is_no_number() {
        for line in 0..2 * SITES {
            let site: Site = Box::leak(Box::new(*Location::caller()));
            match SiteId::of(site) {
                SiteId::NONE => return assert!(line > SITES / 4, "full after {line}"),
                id => assert!(std::ptr::eq(id.get().unwrap(), site)),
            }
        }
        panic!("more numbers than there is room for");
    }
}
