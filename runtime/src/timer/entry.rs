//! What is sorted: a deadline, the order among equals, and where the rest of it lies.

/// Room for so many entries is kept.
const FEW: usize = 256;

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its time.
    pub(super) at: u64,
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
