//! What a bucket says about its eight cells: a byte for each, all of them one word.
//!
//! ```text
//!          0      1      2      3      4      5      6      7
//! marks  [ 9c ] [ 41 ] [  1 ] [ e0 ] [  0 ] [  0 ] [  0 ] [  0 ]     1: was removed, look on
//!                                                                    0: nothing from here on
//! ```
//!
//! What is asked of the marks is asked of all eight at once (SWAR), and by a walk of eight buckets
//! at once.

pub(super) const CELLS: usize = 8;

/// So many buckets are asked at once by who asks all.
pub(super) const ROW: usize = 8;

/// The cell is empty, and so are all behind it in the chain.
pub(super) const EMPTY_REST: u8 = 0;
/// The cell is empty; there may be others behind it.
pub(super) const EMPTY_ONE: u8 = 1;
/// In an evacuated bucket: what was here went to the chain with the same number.
pub(super) const EVACUATED_X: u8 = 2;
/// In an evacuated bucket: what was here went to the upper half of the larger table.
pub(super) const EVACUATED_Y: u8 = 3;
/// In an evacuated bucket: nothing was here.
pub(super) const EVACUATED_EMPTY: u8 = 4;
/// The least mark of a full cell.
pub(super) const LEAST_TOP: u8 = 5;

use std::num::NonZero;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const LOWS: u64 = !HIGHS;

/// The mark of a key with this hash: its top byte, out of the way of the five special ones. Go's.
#[inline]
pub(super) fn top(hash: u64) -> u8 {
    wide_top(hash) as u8
}

/// The same, as the number that [`Marks::matching`] takes: to make a byte of it would be an instruction more.
#[inline]
pub(super) fn wide_top(hash: u64) -> u64 {
    let top = hash >> 56;
    if top < LEAST_TOP.into() { top + u64::from(LEAST_TOP) } else { top }
}

/// The marks of a bucket; that of cell 0 in the lowest byte.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Marks(pub(super) u64);

impl Marks {
    pub(super) const NONE: Self = Self(0);
    /// Nothing is here, and there is more to ask.
    pub(super) const STAND_IN: Self = Self(ONES * EMPTY_ONE as u64);

    #[inline]
    pub(super) fn get(self, cell: usize) -> u8 {
        (self.0 >> (8 * cell)) as u8
    }

    /// The cells of a live bucket with this mark, which is a [`top`]. Behind such a cell there may be a wrong
    /// one, by a borrow from byte to byte: one whose mark differs in the lowest bit. It is full
    /// all the same, for [`EVACUATED_EMPTY`] is in no live bucket. So a key is there to be compared.
    #[inline]
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn matching(self, mark: u64) -> Cells {
        let differ = self.0 ^ (ONES * mark);
        Cells(differ.wrapping_sub(ONES) & !differ & HIGHS)
    }

    /// The same, exactly, and in fewer instructions.
    #[inline]
    #[cfg(target_arch = "x86_64")]
    pub(super) fn matching(self, mark: u64) -> Matches {
        // SAFETY: every x86-64 has SSE2.
        unsafe { compare(self.0, mark) }
    }

    /// The cells that hold something, in a bucket that was not evacuated.
    #[inline]
    pub(super) fn full(self) -> Cells {
        Cells((((self.0 & LOWS) + (LOWS - ONES)) | self.0) & HIGHS)
    }

    /// The same, a bit for each.
    #[inline]
    pub(super) fn bits(self) -> u64 {
        // Each lands in the highest byte, and no two of the others at the same place.
        (self.full().0 >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    }

    /// The first cell that holds nothing.
    #[inline]
    pub(super) fn vacant(self) -> Option<usize> {
        Cells(!self.full().0 & HIGHS).next()
    }

    /// Whether the chain has nothing behind this bucket: the last cell tells (invariant 2).
    #[inline]
    pub(super) fn has_rest(self) -> bool {
        self.get(CELLS - 1) == EMPTY_REST
    }

    /// Of an evacuated bucket, whose cells in `y` went up.
    #[inline]
    pub(super) fn evacuated(self, y: Cells) -> Self {
        let full = self.full().0 >> 7;
        Self(ONES * u64::from(EVACUATED_EMPTY) - 2 * full + (y.0 >> 7))
    }
}

/// A set of cells, and an iterator over it. The highest bit of a byte says that its cell is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cells(pub(super) u64);

impl Cells {
    pub(super) const NONE: Self = Self(0);

    #[inline]
    pub(super) fn insert_if(&mut self, cell: usize, wanted: bool) {
        self.0 |= u64::from(wanted) << (8 * cell + 7);
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Cells {
    /// The first one.
    #[inline]
    pub(super) fn first(self) -> Option<usize> {
        NonZero::new(self.0).map(|cells| cells.trailing_zeros() as usize / 8)
    }

    /// All but the first.
    #[inline]
    pub(super) fn others(self) -> Self {
        Self(self.0 & self.0.wrapping_sub(1))
    }
}

impl Iterator for Cells {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let cell = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(cell)
    }
}

#[inline]
#[target_feature(enable = "sse2")]
#[cfg(target_arch = "x86_64")]
fn compare(marks: u64, mark: u64) -> Matches {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_cvtsi32_si128, _mm_cvtsi64_si128, _mm_movemask_epi8,
        _mm_shufflelo_epi16, _mm_unpacklo_epi8,
    };
    // Eight times the byte, which is shorter than sixteen times, and no constant is needed as for a multiplication.
    let mark = _mm_cvtsi32_si128((mark as u32).cast_signed());
    let wanted = _mm_shufflelo_epi16::<0>(_mm_unpacklo_epi8(mark, mark));
    let same = _mm_cmpeq_epi8(_mm_cvtsi64_si128(marks.cast_signed()), wanted);
    Matches(_mm_movemask_epi8(same).cast_unsigned())
}

/// A set of cells, a bit for each. The bits above are those of no cells, and say nothing.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Matches(u32);

#[cfg(target_arch = "x86_64")]
impl Matches {
    /// The first one.
    #[inline]
    pub(super) fn first(self) -> Option<usize> {
        NonZero::new(self.0)
            .filter(|cells| cells.get() as u8 != 0)
            .map(|cells| cells.trailing_zeros() as usize)
    }

    /// All but the first.
    #[inline]
    pub(super) fn others(self) -> Self {
        Self(self.0 & self.0.wrapping_sub(1))
    }
}

/// Which cells of a row of buckets are full, a bit for each, and how many are.
#[inline]
#[cfg(target_arch = "x86_64")]
pub(super) fn row(marks: &[[u8; CELLS]; ROW]) -> (u64, usize) {
    use std::arch::x86_64::{
        _mm_add_epi64, _mm_cmpeq_epi8, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_max_epu8,
        _mm_movemask_epi8, _mm_sad_epu8, _mm_set1_epi8, _mm_setzero_si128, _mm_sub_epi8,
        _mm_unpackhi_epi64,
    };

    #[inline]
    #[target_feature(enable = "sse2")]
    fn row(marks: &[u8; CELLS * ROW]) -> (u64, usize) {
        let (mut full, mut sums) = (0, _mm_setzero_si128());
        let (blocks, _) = marks.as_chunks::<16>();
        for (n, block) in blocks.iter().enumerate() {
            // SAFETY: sixteen bytes that are there.
            let block = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
            let least = _mm_max_epu8(block, _mm_set1_epi8(LEAST_TOP.cast_signed()));
            let is_full = _mm_cmpeq_epi8(block, least);
            // A byte of one that is full is -1.
            sums = _mm_sub_epi8(sums, is_full);
            full |= u64::from(_mm_movemask_epi8(is_full).cast_unsigned()) << (16 * n);
        }
        // To count the bits of the word takes more where there is no instruction for it.
        let halves = _mm_sad_epu8(sums, _mm_setzero_si128());
        let count = _mm_cvtsi128_si32(_mm_add_epi64(halves, _mm_unpackhi_epi64(halves, halves)));
        (full, count.cast_unsigned() as usize)
    }

    // SAFETY: every x86-64 has SSE2.
    unsafe { row(marks.as_flattened().as_array().expect("eight times eight")) }
}

/// Which cells of a row of buckets are full, a bit for each, and how many are.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn row(marks: &[[u8; CELLS]; ROW]) -> (u64, usize) {
    let mut full = 0;
    for (n, marks) in marks.iter().enumerate() {
        full |= Marks(u64::from_le_bytes(*marks)).bits() << (CELLS * n);
    }
    (full, full.count_ones() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(marks: [u8; CELLS], wanted: impl Fn(u8) -> bool) -> Vec<usize> {
        (0..CELLS).filter(|cell| wanted(marks[*cell])).collect()
    }

    #[test]
    fn all_eight_are_asked_at_once() {
        let mut state = 1_u64;
        for round in 0..if cfg!(miri) { 20 } else { 100_000 } {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(round);
            // Neighbouring values, for a borrow that goes on to the next byte, and high bits.
            let bytes = (state ^ (state >> 31)).to_le_bytes();
            let bytes = bytes.map(|b| if b & 8 == 0 { b & 0x87 } else { b & 7 });
            let live = bytes.map(|b| if (2..LEAST_TOP).contains(&b) { b + LEAST_TOP } else { b });
            let marks = Marks(u64::from_le_bytes(live));
            for mark in [5, 6, 7, 0x80, 0x81, 0x85, 0xff] {
                let mut matching = marks.matching(mark.into());
                let all = std::iter::from_fn(|| {
                    let first = matching.first()?;
                    matching = matching.others();
                    Some(first)
                });
                let found: Vec<_> = all.collect();
                let is_there = |cell: &usize| live[*cell] == mark;
                assert!(naive(live, |b| b == mark).iter().all(|cell| found.contains(cell)));
                assert!(found.first().is_none_or(is_there), "{live:x?} {mark:x}");
                assert!(found.iter().all(|cell| is_there(cell) || live[*cell] == mark ^ 1));
            }
            assert_eq!(marks.full().collect::<Vec<_>>(), naive(live, |b| b >= LEAST_TOP));
            let bits = naive(live, |b| b >= LEAST_TOP).iter().map(|cell| 1 << cell).sum();
            assert_eq!(marks.bits(), bits);
            assert_eq!(marks.vacant(), naive(live, |b| b < LEAST_TOP).first().copied());
            assert_eq!(marks.has_rest(), live[7] == EMPTY_REST);
            let y = Cells(marks.full().0 & state);
            for (cell, mark) in live.into_iter().enumerate() {
                let is_y = y.0 >> (8 * cell + 7) & 1 == 1;
                let expected = match mark {
                    EMPTY_REST | EMPTY_ONE => EVACUATED_EMPTY,
                    _ if is_y => EVACUATED_Y,
                    _ => EVACUATED_X,
                };
                assert_eq!(marks.evacuated(y).get(cell), expected);
            }
        }
    }

    #[test]
    fn a_mark_is_the_top_byte_out_of_the_way_of_the_special_ones() {
        let mark = |byte: u64| top(byte << 56 | 0x00ff_ffff_ffff_ffff);
        assert_eq!([0, 1, 4, 5, 6, 255].map(mark), [5, 6, 9, 5, 6, 255]);
        let special = [EMPTY_REST, EMPTY_ONE, EVACUATED_X, EVACUATED_Y, EVACUATED_EMPTY];
        assert!(special.iter().all(|mark| *mark < LEAST_TOP));
    }
}
