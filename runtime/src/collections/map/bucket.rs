//! A bucket: eight cells, their marks, and the way to the next bucket of the chain.
//!
//! ```text
//!          0      1      2      3      4      5      6      7
//! marks  [ 9c ] [ 41 ] [  1 ] [ e0 ] [  0 ] [  0 ] [  0 ] [  0 ]     1: was removed, look on
//! next   -> an overflow bucket, or none                              0: nothing from here on
//! keys   [ k0 ] [ k1 ] [    ] [ k3 ] [    ] [    ] [    ] [    ]
//! values [ v0 ] [ v1 ] [    ] [ v3 ] [    ] [    ] [    ] [    ]
//! ```
//!
//! The eight marks are one word, and what is asked of them is asked of all eight at once (SWAR).
//! Keys lie together and values lie together, as in Go: so an `(i64, i8)` has no padding. Where a key
//! and its value side by side are small and have none either, they lie side by side: a look-up then
//! reads two cache lines at most.
//!
//! Invariants:
//! 1. A cell whose mark is [`LEAST_TOP`] or more holds a key and a value. All others hold nothing.
//! 2. Behind a cell marked [`EMPTY_REST`] its chain has only such cells.
//! 3. A [`Ptr`] is made, unsafely, for a bucket that has marks and a link, and stays allocated
//!    as long as the `Ptr` and its copies are used. So marks and links are read and written safely;
//!    keys and values are not.

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

pub(super) const CELLS: usize = 8;

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

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const LOWS: u64 = !HIGHS;

/// The mark of a key with this hash: its top byte, out of the way of the five special ones.
#[inline]
pub(super) fn top(hash: u64) -> u8 {
    let top = (hash >> 56) as u8;
    if top < LEAST_TOP { top + LEAST_TOP } else { top }
}

/// The marks of a bucket; that of cell 0 in the lowest byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks(pub(super) u64);

impl Marks {
    pub(super) const NONE: Self = Self(0);

    #[inline]
    pub(super) fn get(self, cell: usize) -> u8 {
        (self.0 >> (8 * cell)) as u8
    }

    /// The cells of a live bucket with this mark, which is a [`top`]. Behind such a cell there may be a wrong
    /// one, by a borrow from byte to byte: one whose mark differs in the lowest bit. It is full
    /// all the same, for [`EVACUATED_EMPTY`] is in no live bucket. So a key is there to be compared.
    #[inline]
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn matching(self, mark: u8) -> Cells {
        let differ = self.0 ^ (ONES * u64::from(mark));
        Cells(differ.wrapping_sub(ONES) & !differ & HIGHS)
    }

    /// The same, exactly, and in fewer instructions.
    #[inline]
    #[cfg(target_arch = "x86_64")]
    pub(super) fn matching(self, mark: u8) -> Matches {
        // SAFETY: every x86-64 has SSE2.
        unsafe { compare(self.0, mark) }
    }

    /// The cells that hold something, in a bucket that was not evacuated.
    #[inline]
    pub(super) fn full(self) -> Cells {
        Cells((((self.0 & LOWS) + (LOWS - ONES)) | self.0) & HIGHS)
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

    /// How many.
    #[inline]
    pub(super) fn len(self) -> usize {
        ((self.0 >> 7).wrapping_mul(ONES) >> 56) as usize
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
fn compare(marks: u64, mark: u8) -> Matches {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_set1_epi8};
    let wanted = _mm_set1_epi8(mark.cast_signed());
    let same = _mm_cmpeq_epi8(_mm_cvtsi64_si128(marks.cast_signed()), wanted);
    // The upper eight bytes of the register are zero, which no top is.
    Matches(_mm_movemask_epi8(same).cast_unsigned())
}

/// A set of cells, a bit for each.
#[cfg(target_arch = "x86_64")]
pub(super) struct Matches(u32);

#[cfg(target_arch = "x86_64")]
impl Iterator for Matches {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let cell = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(cell)
    }
}

/// As it lies in memory.
#[repr(C)]
pub(super) struct Bucket<K, V> {
    /// That of cell 0 comes first in memory.
    marks: [u8; CELLS],
    next: Option<Ptr<K, V>>,
    /// Where the pairs begin, if it has pairs. They take the room of keys and values.
    pairs: [Pair<K, V>; 0],
    keys: [MaybeUninit<K>; CELLS],
    values: [MaybeUninit<V>; CELLS],
}

#[repr(C)]
struct Pair<K, V> {
    key: MaybeUninit<K>,
    value: MaybeUninit<V>,
}

impl<K, V> Bucket<K, V> {
    /// Whether a key lies beside its value. A pair is as long as its parts then, so eight of them are
    /// as long as eight keys and eight values.
    const PAIRS: bool = {
        let pair = size_of::<Pair<K, V>>();
        pair == size_of::<K>() + size_of::<V>() && pair <= 64
    };
}

/// Where a bucket is. See invariant 3.
pub(super) struct Ptr<K, V>(NonNull<Bucket<K, V>>);

impl<K, V> Clone for Ptr<K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Ptr<K, V> {}

impl<K, V> PartialEq for Ptr<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

// SAFETY: it is an address. Whoever holds one holds the table, too, by value or by reference, and
// that says who may go to another thread.
unsafe impl<K, V> Send for Ptr<K, V> {}

// SAFETY: as above.
unsafe impl<K, V> Sync for Ptr<K, V> {}

impl<K, V> Ptr<K, V> {
    /// # Safety
    /// The bucket has marks and a link, and stays allocated as long as the result and its copies
    /// are used.
    #[inline]
    pub(super) unsafe fn new(bucket: NonNull<Bucket<K, V>>) -> Self {
        Self(bucket)
    }

    /// The same, for memory that has no marks and no link yet.
    ///
    /// # Safety
    /// Nobody else uses the bucket, and it stays allocated as long as the result is used.
    #[inline]
    pub(super) unsafe fn init(bucket: NonNull<Bucket<K, V>>) -> Self {
        let bucket = Self(bucket);
        bucket.set_marks(Marks::NONE);
        bucket.set_next(None);
        bucket
    }

    /// The bucket that lies behind this one in memory.
    ///
    /// # Safety
    /// It is in the same allocation, and as [`new`](Self::new).
    #[inline]
    pub(super) unsafe fn following(self) -> Self {
        // SAFETY: as the caller says.
        Self(unsafe { self.0.add(1) })
    }

    #[inline]
    pub(super) fn as_non_null(self) -> NonNull<Bucket<K, V>> {
        self.0
    }

    #[inline]
    pub(super) fn marks(self) -> Marks {
        // SAFETY: invariant 3.
        Marks(u64::from_le_bytes(unsafe { (*self.0.as_ptr()).marks }))
    }

    #[inline]
    pub(super) fn set_marks(self, marks: Marks) {
        // SAFETY: invariant 3.
        unsafe { (*self.0.as_ptr()).marks = marks.0.to_le_bytes() }
    }

    #[inline]
    pub(super) fn set_mark(self, cell: usize, mark: u8) {
        debug_assert!(cell < CELLS);
        // SAFETY: invariant 3.
        let marks = unsafe { &raw mut (*self.0.as_ptr()).marks };
        // SAFETY: the cell is one of eight.
        let at = unsafe { marks.cast::<u8>().add(cell) };
        // SAFETY: as above: the caller's own bucket, and one of its eight marks.
        unsafe { at.write(mark) }
    }

    #[inline]
    pub(super) fn next(self) -> Option<Self> {
        // SAFETY: invariant 3.
        unsafe { (*self.0.as_ptr()).next }
    }

    #[inline]
    pub(super) fn set_next(self, next: Option<Self>) {
        // SAFETY: invariant 3.
        unsafe { (*self.0.as_ptr()).next = next }
    }

    #[inline]
    fn pair(self, cell: usize) -> *mut Pair<K, V> {
        // SAFETY: their beginning lies inside of the bucket (invariant 3).
        let pairs = unsafe { &raw mut (*self.0.as_ptr()).pairs };
        pairs.cast::<Pair<K, V>>().wrapping_add(cell)
    }

    /// Where the key of a cell lies, if it has one.
    #[inline]
    pub(super) fn key(self, cell: usize) -> *mut K {
        debug_assert!(cell < CELLS);
        if Bucket::<K, V>::PAIRS {
            // SAFETY: eight pairs lie inside of the bucket (invariant 3).
            return unsafe { &raw mut (*self.pair(cell)).key }.cast();
        }
        // SAFETY: the array lies inside of the bucket (invariant 3).
        let keys = unsafe { &raw mut (*self.0.as_ptr()).keys };
        keys.cast::<K>().wrapping_add(cell)
    }

    /// Where the value of a cell lies, if it has one.
    #[inline]
    pub(super) fn value(self, cell: usize) -> *mut V {
        debug_assert!(cell < CELLS);
        if Bucket::<K, V>::PAIRS {
            // SAFETY: eight pairs lie inside of the bucket (invariant 3).
            return unsafe { &raw mut (*self.pair(cell)).value }.cast();
        }
        // SAFETY: the array lies inside of the bucket (invariant 3).
        let values = unsafe { &raw mut (*self.0.as_ptr()).values };
        values.cast::<V>().wrapping_add(cell)
    }
}

/// A cell of a bucket.
pub(super) struct Cell<K, V> {
    pub(super) bucket: Ptr<K, V>,
    pub(super) index: usize,
}

impl<K, V> Clone for Cell<K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Cell<K, V> {}

impl<K, V> PartialEq for Cell<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.bucket == other.bucket && self.index == other.index
    }
}

impl<K, V> Cell<K, V> {
    #[inline]
    pub(super) fn key(self) -> *mut K {
        self.bucket.key(self.index)
    }

    #[inline]
    pub(super) fn value(self) -> *mut V {
        self.bucket.value(self.index)
    }

    #[inline]
    pub(super) fn mark(self) -> u8 {
        self.bucket.marks().get(self.index)
    }

    /// Moves key and value out. The mark is the caller's to change, before any code of the user
    /// runs.
    ///
    /// # Safety
    /// The cell is full, and no longer counts as that.
    #[inline]
    pub(super) unsafe fn read(self) -> (K, V) {
        // SAFETY: a full cell holds a key (invariant 1).
        let key = unsafe { self.key().read() };
        // SAFETY: and a value.
        let value = unsafe { self.value().read() };
        (key, value)
    }

    /// Makes an empty cell a full one.
    ///
    /// # Safety
    /// The cell is empty, and nobody else uses its bucket.
    #[inline]
    pub(super) unsafe fn write(self, mark: u8, key: K, value: V) {
        // SAFETY: the place is inside of the bucket, and holds nothing (invariant 1).
        unsafe { self.key().write(key) };
        // SAFETY: as above.
        unsafe { self.value().write(value) };
        self.bucket.set_mark(self.index, mark);
    }

    /// Copies key and value, bit by bit, to an empty cell. The marks are the caller's to change.
    ///
    /// # Safety
    /// This cell is full and the other, of another bucket, empty; one of the two counts as full
    /// after.
    #[inline]
    pub(super) unsafe fn copy_to(self, to: Self) {
        // SAFETY: two places in different buckets, the first of which holds a key.
        unsafe { ptr::copy_nonoverlapping(self.key(), to.key(), 1) };
        // SAFETY: the same for the value.
        unsafe { ptr::copy_nonoverlapping(self.value(), to.value(), 1) };
    }
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
                let found: Vec<_> = marks.matching(mark).collect();
                let is_there = |cell: &usize| live[*cell] == mark;
                assert!(naive(live, |b| b == mark).iter().all(|cell| found.contains(cell)));
                assert!(found.first().is_none_or(is_there), "{live:x?} {mark:x}");
                assert!(found.iter().all(|cell| is_there(cell) || live[*cell] == mark ^ 1));
            }
            assert_eq!(marks.full().collect::<Vec<_>>(), naive(live, |b| b >= LEAST_TOP));
            assert_eq!(marks.full().len(), naive(live, |b| b >= LEAST_TOP).len());
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
    }
}
