//! A bucket: eight cells, their marks, and the way to the next bucket of the chain.
//!
//! Buckets that lie in one allocation have their parts side by side, each with its like, on both sides
//! of one address, their *base*:
//!
//! ```text
//! .. [ content 2 ] [ content 1 ] [ content 0 ] | [ marks 0 ] [ marks 1 ] [ marks 2 ] .. [ link 0 ] [ link 1 ] ..
//!                                             base
//! content  k0 v0 k1 v1 .. k7 v7
//! link     an overflow bucket, or none
//! ```
//!
//! So the base and a number say where everything is. A cache line has the marks of eight buckets, a look-up reads
//! one line of marks and one with a key, and who goes through all cells asks eight buckets at once. An overflow
//! bucket is an allocation with one.
//!
//! In the contents keys lie together and values lie together, as in Go: so an `(i64, i8)` has no padding.
//! Where a key and its value side by side are small and have none either, they lie side by side, as
//! drawn.
//!
//! Invariants:
//! 1. A cell whose mark is [`LEAST_TOP`](super::marks::LEAST_TOP) or more holds a key and a value. All others hold nothing.
//! 2. Behind a cell marked [`EMPTY_REST`](super::marks::EMPTY_REST) its chain has only such cells.
//! 3. A [`Place`] is made, unsafely, where there is memory for all three parts of a bucket. (One is a stand-in
//!    without content, which whoever makes it promises not to ask for.)
//! 4. A [`Ptr`] is made, unsafely, for a place that has marks and a link, and stays allocated
//!    as long as the `Ptr` and its copies are used. So marks and links are read and written safely;
//!    keys and values are not.
//! 5. A link leads to an overflow bucket, of which it is the base.

use super::cell::{Cell, Spot};
use super::content::{Content, Pair};
use super::marks::{self, CELLS, Marks, ROW};
use std::alloc::{Layout, LayoutError};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// That of cell 0 comes first in memory.
type Bytes = [u8; CELLS];

type Link = Option<Base>;

/// So many bytes the processor fetches at once.
const LINE: usize = 64;
/// A row is fetched so many rows before its turn; of large contents not more than the first lines.
const AHEAD: usize = 4;
const MOST_LINES: usize = 32;

/// See above.
pub(super) type Base = NonNull<u8>;

/// How many bytes a bucket takes, with its marks and its link.
pub(super) const fn size<K, V>() -> usize {
    size_of::<Content<K, V>>() + size_of::<Bytes>() + size_of::<Link>()
}

/// Memory for so many buckets.
pub(super) fn layout<K, V>(buckets: usize) -> Result<Layout, LayoutError> {
    // Contents are eight of something, so the links behind them are aligned; and so is the end.
    let align = align_of::<Content<K, V>>().max(align_of::<Link>());
    let size = size::<K, V>().saturating_mul(buckets);
    Layout::from_size_align(size, align)
}

/// The base of an allocation.
///
/// # Safety
/// It has the [`layout`] of that many buckets.
pub(super) unsafe fn base<K, V>(at: NonNull<u8>, buckets: usize) -> Base {
    // SAFETY: so far the contents go.
    unsafe { at.cast::<Content<K, V>>().add(buckets) }.cast()
}

/// The allocation that has a base.
///
/// # Safety
/// It was made by [`base`] for that many.
pub(super) unsafe fn allocation<K, V>(base: Base, buckets: usize) -> NonNull<u8> {
    // SAFETY: so many contents are before it.
    unsafe { base.cast::<Content<K, V>>().sub(buckets) }.cast()
}

/// Where there is memory for a bucket. See invariant 3.
pub(super) struct Place<K, V> {
    base: Base,
    index: usize,
    /// So many others have the same base.
    others: usize,
    buckets: PhantomData<*const (K, V)>,
}

impl<K, V> Clone for Place<K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Place<K, V> {}

// SAFETY: it is an address. Whoever holds one holds the table, too, by value or by reference, and
// that says who may go to another thread.
unsafe impl<K, V> Send for Place<K, V> {}

// SAFETY: as above.
unsafe impl<K, V> Sync for Place<K, V> {}

impl<K, V> Place<K, V> {
    /// # Safety
    /// The base is that of so many buckets, and `index` is less.
    #[inline]
    pub(super) unsafe fn new(base: Base, index: usize, buckets: usize) -> Self {
        Self { base, index, others: buckets - 1, buckets: PhantomData }
    }

    /// None at all.
    #[inline]
    pub(super) fn nowhere() -> Self {
        Self { base: NonNull::dangling(), index: 0, others: 0, buckets: PhantomData }
    }

    #[inline]
    fn content(self) -> NonNull<Content<K, V>> {
        // SAFETY: there are more than `index` contents before the base (invariant 3).
        let behind = unsafe { self.base.cast::<Content<K, V>>().sub(self.index) };
        // SAFETY: as above.
        unsafe { behind.sub(1) }
    }

    #[inline]
    fn marks(self) -> NonNull<Bytes> {
        // SAFETY: there are more than `index` marks behind the base (invariant 3).
        unsafe { self.base.cast::<Bytes>().add(self.index) }
    }

    #[inline]
    fn link(self) -> NonNull<Link> {
        // SAFETY: behind the marks of all come the links of all (invariant 3).
        let links = unsafe { self.base.cast::<Bytes>().add(self.others + 1) }.cast::<Link>();
        // SAFETY: as above.
        unsafe { links.add(self.index) }
    }

    /// The base, of which every bucket of an allocation has the same.
    pub(super) fn base(self) -> Base {
        self.base
    }

    /// Has the processor fetch the content of a bucket, before its marks say what of it is asked for.
    #[inline]
    pub(super) fn fetch_content(self) {
        let first = self.content().cast::<u8>().as_ptr();
        fetch(first);
        fetch(first.wrapping_add(64));
    }

    /// The same, and its marks, too.
    #[inline]
    pub(super) fn fetch(self) {
        self.fetch_content();
        fetch(self.marks().cast().as_ptr());
    }
}

/// Has the processor fetch a line, for later. It is a hint, to which any address will do.
#[inline]
fn fetch(at: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint changes nothing, and cannot fail.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}

/// Where a bucket is. See invariant 4.
pub(super) struct Ptr<K, V>(Place<K, V>);

impl<K, V> Clone for Ptr<K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Ptr<K, V> {}

impl<K, V> PartialEq for Ptr<K, V> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        (self.0.base, self.0.index) == (other.0.base, other.0.index)
    }
}

impl<K, V> Ptr<K, V> {
    /// # Safety
    /// The place has marks and a link, and stays allocated as long as the result and its copies
    /// are used.
    #[inline]
    pub(super) unsafe fn new(place: Place<K, V>) -> Self {
        Self(place)
    }

    /// The same, for an overflow bucket.
    ///
    /// # Safety
    /// As [`new`](Self::new).
    #[inline]
    pub(super) unsafe fn single(base: Base) -> Self {
        // SAFETY: as the caller says: it is alone.
        Self(unsafe { Place::new(base, 0, 1) })
    }

    /// The same as `new`, for memory that has no marks and no link yet.
    ///
    /// # Safety
    /// Nobody else uses the place, and it stays allocated as long as the result is used.
    #[inline]
    pub(super) unsafe fn init(place: Place<K, V>) -> Self {
        let bucket = Self(place);
        bucket.set_marks(Marks::NONE);
        bucket.set_next(None);
        bucket
    }

    /// A bucket with a higher number and the same base.
    ///
    /// # Safety
    /// There is one, and it is as for [`new`](Self::new).
    #[inline]
    pub(super) unsafe fn following(self, buckets: usize) -> Self {
        Self(Place { index: self.0.index + buckets, ..self.0 })
    }

    /// One with a lower number.
    ///
    /// # Safety
    /// As [`following`](Self::following).
    #[inline]
    pub(super) unsafe fn preceding(self, buckets: usize) -> Self {
        Self(Place { index: self.0.index - buckets, ..self.0 })
    }

    #[inline]
    pub(super) fn place(self) -> Place<K, V> {
        self.0
    }

    #[inline]
    pub(super) fn marks(self) -> Marks {
        // SAFETY: invariant 4.
        Marks(u64::from_le_bytes(unsafe { self.0.marks().read() }))
    }

    #[inline]
    pub(super) fn set_marks(self, marks: Marks) {
        // SAFETY: invariant 4.
        unsafe { self.0.marks().write(marks.0.to_le_bytes()) }
    }

    #[inline]
    pub(super) fn set_mark(self, cell: usize, mark: u8) {
        debug_assert!(cell < CELLS);
        // SAFETY: the cell is one of eight.
        let at = unsafe { self.0.marks().cast::<u8>().add(cell) };
        // SAFETY: invariant 4.
        unsafe { at.write(mark) }
    }

    #[inline]
    pub(super) fn next(self) -> Option<Self> {
        // SAFETY: invariant 4.
        let link = unsafe { self.0.link().read() }?;
        // SAFETY: it is in use as long as this one (invariant 5).
        Some(unsafe { Self::single(link) })
    }

    /// Another bucket for the end of its chain, or none: an overflow bucket.
    #[inline]
    pub(super) fn set_next(self, next: Option<Self>) {
        // SAFETY: invariant 4.
        unsafe { self.0.link().write(next.map(|next| next.0.base)) }
    }

    /// Where the key of a cell lies, if it has one.
    #[inline]
    pub(super) fn key(self, cell: usize) -> *mut K {
        // SAFETY: the content is there (invariant 3), and `cell` is one of eight.
        unsafe { Content::key(self.0.content().as_ptr(), cell) }
    }

    /// Where the value of a cell lies, if it has one.
    #[inline]
    pub(super) fn value(self, cell: usize) -> *mut V {
        // SAFETY: as above.
        unsafe { Content::value(self.0.content().as_ptr(), cell) }
    }

    /// The same, for both.
    #[inline]
    pub(super) fn spot(self, cell: usize) -> Spot<K, V> {
        Spot { content: self.0.content().as_ptr(), at: Content::<K, V>::at(cell) }
    }

    /// Has the processor fetch the contents and links of the row [`AHEAD`] rows before the one that begins here. There may
    /// be none: then the hint is wasted.
    #[inline]
    pub(super) fn fetch_row_before(self) {
        let row = ROW * size_of::<Content<K, V>>();
        let row_before = self.0.content().as_ptr().wrapping_add(1).cast::<u8>();
        let first = row_before.wrapping_add((AHEAD - 1) * row);
        for line in 0..(row / LINE).min(MOST_LINES) {
            fetch(first.wrapping_add(LINE * line));
        }
        fetch(self.0.link().as_ptr().wrapping_sub(AHEAD * ROW).cast());
    }

    #[inline]
    pub(super) fn lane(self) -> Lane<K, V> {
        Lane { content: self.0.content(), marks: self.0.marks() }
    }

    /// Which cells of the row that begins here are full, a bit for each, and how many are: the last bucket comes first, as
    /// [`entry_in_row`](Lane::entry_in_row) counts.
    ///
    /// # Safety
    /// There are [`ROW`] buckets, which are as in [`following`](Self::following).
    #[inline]
    pub(super) unsafe fn row(self) -> (u64, usize) {
        // SAFETY: there are so many marks, as the caller says.
        let marks = unsafe { self.0.marks().cast::<[Bytes; ROW]>().as_ref() };
        let (full, count) = marks::row(marks);
        (full.swap_bytes(), count)
    }

    /// Which chains of the row that begins here have more than one bucket, a bit for each.
    ///
    /// # Safety
    /// As [`row`](Self::row).
    #[inline]
    pub(super) unsafe fn longer(self) -> u64 {
        // SAFETY: there are so many links, as the caller says.
        let links = unsafe { self.0.link().cast::<[Link; ROW]>().as_ref() };
        let bits = links.iter().enumerate().map(|(n, link)| u64::from(link.is_some()) << n);
        bits.fold(0, |all, bit| all | bit)
    }

    /// Both, of `width` buckets: a row, or less.
    ///
    /// # Safety
    /// There are so many, which are as in [`following`](Self::following).
    pub(super) unsafe fn narrow_row(self, width: usize) -> (u64, u64) {
        let (mut full, mut longer) = (0, 0);
        for n in 0..width {
            // SAFETY: as the caller says.
            let bucket = unsafe { self.following(n) };
            full = full << CELLS | bucket.marks().bits();
            longer |= u64::from(bucket.next().is_some()) << n;
        }
        (full, longer)
    }
}

/// The cells of a bucket with the addresses worked out, for who goes from one to the next.
pub(super) struct Lane<K, V> {
    content: NonNull<Content<K, V>>,
    marks: NonNull<Bytes>,
}

impl<K, V> Clone for Lane<K, V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Lane<K, V> {}

// SAFETY: as with `Place`.
unsafe impl<K, V> Send for Lane<K, V> {}

// SAFETY: as above.
unsafe impl<K, V> Sync for Lane<K, V> {}

impl<K, V> Lane<K, V> {
    /// None at all.
    #[inline]
    pub(super) fn nowhere() -> Self {
        Self { content: NonNull::dangling(), marks: NonNull::dangling() }
    }

    /// Where key and value number `cell` are, counted from this bucket on over those before it, which lie behind it in
    /// memory.
    ///
    /// # Safety
    /// So many buckets are before it.
    #[inline]
    pub(super) unsafe fn entry_in_row(self, cell: usize) -> (*mut K, *mut V) {
        if Content::<K, V>::PAIRS {
            // SAFETY: contents are eight pairs each, without anything between.
            let pair = unsafe { self.content.cast::<Pair<K, V>>().add(cell) }.as_ptr();
            // SAFETY: as above.
            let key = unsafe { &raw mut (*pair).key };
            // SAFETY: as above.
            return (key.cast(), unsafe { &raw mut (*pair).value }.cast());
        }
        // SAFETY: as the caller says.
        let content = unsafe { self.content.add(cell / CELLS) }.as_ptr();
        // SAFETY: it is there, and the cell one of eight.
        let key = unsafe { Content::key(content, cell % CELLS) };
        // SAFETY: as above.
        (key, unsafe { Content::value(content, cell % CELLS) })
    }

    /// Copies key and value of a cell, and gives them a mark.
    ///
    /// # Safety
    /// As [`Cell::copy_to`]; cell `to` is the other, one of eight, in a bucket that the caller alone uses.
    #[inline]
    pub(super) unsafe fn take_copy(&self, to: usize, cell: Cell<K, V>, mark: u8) {
        let content = self.content.as_ptr();
        // SAFETY: the content is there, and `to` is one of eight.
        let key = unsafe { Content::key(content, to) };
        // SAFETY: as above.
        let value = unsafe { Content::value(content, to) };
        // SAFETY: two places in different buckets, the first of which holds a key.
        unsafe { ptr::copy_nonoverlapping(cell.key(), key, 1) };
        // SAFETY: the same for the value.
        unsafe { ptr::copy_nonoverlapping(cell.value(), value, 1) };
        // SAFETY: the cell is one of eight.
        let at = unsafe { self.marks.cast::<u8>().add(to) };
        // SAFETY: a bucket has marks (invariant 4).
        unsafe { at.write(mark) };
    }
}
