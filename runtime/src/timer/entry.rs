//! What is sorted: a deadline, the order among equals, and where the rest of it lies.

use crate::util;
use std::time::{Duration, Instant};

/// A deadline that is further away than can be told, 292 years: it never comes.
pub(super) const NEVER: i64 = i64::MAX;
/// Room for so many entries is kept.
const FEW: usize = 256;

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Nanoseconds since the [`Epoch`].
    pub(super) at: i64,
    /// The low half of the entry's number: the order of those that are due at the same time. Two of
    /// them that lie 2^31 insertions apart may come out the other way round.
    pub(super) seq: u32,
    /// Its place in the slab.
    pub(super) index: u32,
}

impl Entry {
    #[inline]
    pub(super) fn is_before(self, other: Self) -> bool {
        let seq = self.seq.wrapping_sub(other.seq).cast_signed();
        self.at < other.at || (self.at == other.at && seq < 0)
    }
}

/// Gives back memory that was needed once: half of it at least, so that it costs little on the whole.
#[inline]
pub(super) fn shrink(entries: &mut Vec<Entry>) {
    if entries.capacity() > FEW && entries.len() < entries.capacity() / 4 {
        entries.shrink_to(2 * entries.len());
    }
}

/// When the first deadline came in. Not that deadline itself: it may be one that never comes, and all that
/// are to come would be further from it than can be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch(Option<Instant>);

impl Epoch {
    pub(super) const UNSET: Self = Self(None);

    /// Nanoseconds from here to `at`, as far as 292 years.
    #[inline]
    pub(super) fn since(&mut self, at: Instant) -> i64 {
        let base = *self.0.get_or_insert_with(util::now);
        match at.checked_duration_since(base) {
            Some(after) => nanoseconds(after),
            None => -nanoseconds(base.duration_since(at)),
        }
    }

    /// The other way round. `None`: never.
    #[inline]
    pub(super) fn moment(self, at: i64) -> Option<Instant> {
        if at == NEVER {
            return None;
        }
        let distance = Duration::from_nanos(at.unsigned_abs());
        if at < 0 { self.0?.checked_sub(distance) } else { self.0?.checked_add(distance) }
    }
}

#[inline]
fn nanoseconds(duration: Duration) -> i64 {
    let nanos = duration.as_secs().checked_mul(1_000_000_000);
    let nanos = nanos.and_then(|nanos| nanos.checked_add(u64::from(duration.subsec_nanos())));
    nanos.and_then(|nanos| i64::try_from(nanos).ok()).unwrap_or(NEVER)
}
