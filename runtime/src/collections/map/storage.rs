//! An array of 2^B buckets. A large one comes in segments, which are allocated and freed one by one.
//!
//! ```text
//! small:  at -> [ buckets 0 to 2^B - 1 ]                           one allocation
//! large:  at -> [ segment 0 | segment 1 | none | .. ]              the directory
//!                    |            '-> [ buckets 4096 to 8191 ]
//!                    '-> [ buckets 0 to 4095 ]                     about 512 KiB
//! ```
//!
//! Invariants:
//! 1. `at` is, with 2^B at most [`Array::SEGMENT`], an allocation with 2^B buckets; else
//!    the first of 2^B / `SEGMENT` entries of a directory. An entry is none, or the
//!    base of `SEGMENT` buckets in an allocation of their own.
//! 2. Whether a bucket that is allocated has marks and a link is known to the [table](super::table)
//!    alone. Who frees an array has seen to its overflow buckets and to what its cells hold.

use super::bucket::{self, Base, Place, Ptr};
use super::marks::Marks;
use std::alloc::{self, Layout, handle_alloc_error};
use std::collections::TryReserveError;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Memory that could not be had.
pub(super) enum Failure {
    /// More than an address can name.
    Overflow,
    /// The allocator has none.
    Memory(Layout),
}

impl Failure {
    /// As std's `HashMap` fails.
    #[cold]
    #[track_caller]
    pub(super) fn raise(self) -> ! {
        match self {
            Self::Overflow => panic!("Hash table capacity overflow"),
            Self::Memory(layout) => handle_alloc_error(layout),
        }
    }
}

/// std's error can only be had from std.
impl From<Failure> for TryReserveError {
    #[cold]
    fn from(failure: Failure) -> Self {
        let mut bytes = Vec::<u8>::new();
        let size = match failure {
            Failure::Overflow => usize::MAX,
            Failure::Memory(layout) => layout.size(),
        };
        // There may be some again by now; more than the half of all addresses there never is.
        let error = bytes.try_reserve_exact(size).and_then(|()| bytes.try_reserve(usize::MAX));
        error.unwrap_err()
    }
}

pub(super) struct Array<K, V> {
    at: NonNull<u8>,
    /// 2^B - 1.
    mask: usize,
    buckets: PhantomData<Ptr<K, V>>,
}

// SAFETY: it is an address with a size. The table that it is a part of says who may go to another
// thread.
unsafe impl<K, V> Send for Array<K, V> {}

// SAFETY: as above.
unsafe impl<K, V> Sync for Array<K, V> {}

/// The base of one.
type Segment = Base;

/// The way to the buckets of an array of which all segments are there; or to the [stand-in](Self::NONE).
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// The base of all buckets, or a directory if the mask is that of a large array.
    at: NonNull<u8>,
    mask: usize,
}

/// Marks and a link, as a bucket has them.
#[repr(C)]
struct StandIn {
    marks: Marks,
    link: usize,
}

impl Way {
    /// Leads every hash to marks that say: nothing is here, and there is more to ask. So who has no array
    /// at hand needs no question of its own. There is no content, but those marks send nobody to it.
    pub(super) const NONE: Self = {
        static STAND_IN: StandIn = StandIn { marks: Marks::STAND_IN, link: 0 };
        Self { at: NonNull::from_ref(&STAND_IN).cast(), mask: 0 }
    };

    /// Where the bucket is that a hash has chosen.
    ///
    /// # Safety
    /// The array is there, with all its segments. If the way is [`NONE`](Self::NONE), the place has no content,
    /// and nothing but its marks and its link may be read.
    #[inline]
    pub(super) unsafe fn place<K, V>(self, hash: usize) -> Place<K, V> {
        let index = hash & self.mask;
        if self.mask >= Array::<K, V>::SEGMENT {
            // Large maps wait for memory anyway; in small ones each jump counts.
            std::hint::cold_path();
            // SAFETY: the array is large, and the segment is there.
            unsafe { Array::in_segment(self.at.cast(), index) }
        } else {
            // SAFETY: there are so many buckets in order. Of the stand-in it is as the caller says.
            unsafe { Place::new(self.at, index, self.mask + 1) }
        }
    }
}

impl<K, V> Array<K, V> {
    /// Buckets in a segment: a power of two, 384 to 768 KiB, but one at least. To begin one takes the
    /// system some microseconds, so less than one insert in 10,000 should: they are not smaller.
    pub(super) const SEGMENT: usize = {
        let fit = (768 << 10) / bucket::size::<K, V>();
        if fit == 0 { 1 } else { 1 << fit.ilog2() }
    };
    const IN_SEGMENT: usize = Self::SEGMENT - 1;
    const LOG: u32 = Self::SEGMENT.trailing_zeros();

    /// 2^`log` buckets, all of them without marks.
    pub(super) fn zeroed(log: u32) -> Result<Self, Failure> {
        if log > Self::LOG {
            // In pieces it would be had until the system is out of memory. And this comes before the
            // directory, which is large, too, where there is no room for the rest.
            probe::<K, V>(1_usize.checked_shl(log).ok_or(Failure::Overflow)?)?;
        }
        Self::lazy(log, true)?.filled(|_| true)
    }

    /// 2^`log` buckets. Those of a small array are allocated, those of a large one are not.
    pub(super) fn lazy(log: u32, zeroed: bool) -> Result<Self, Failure> {
        let mask = 1_usize.checked_shl(log).ok_or(Failure::Overflow)? - 1;
        bucket::layout::<K, V>(mask + 1).map_err(|_| Failure::Overflow)?;
        let mut array = Self { at: NonNull::dangling(), mask, buckets: PhantomData };
        // Entries of a directory begin as none, which is zero.
        array.at = allocate(array.layout(), zeroed || array.is_large())?;
        Ok(array)
    }

    /// Another with the same segments, zeroed.
    pub(super) fn like(&self) -> Result<Self, Failure> {
        let log = (self.mask + 1).trailing_zeros();
        Self::lazy(log, true)?.filled(|index| self.has_segment(index))
    }

    /// With zeroed segments, if it is large, where they are wanted.
    fn filled(self, wanted: impl Fn(usize) -> bool) -> Result<Self, Failure> {
        if self.is_large() {
            for index in (0..self.len()).step_by(Self::SEGMENT).filter(|index| wanted(*index)) {
                match Self::allocate(true) {
                    Ok(segment) => self.put_segment(index, segment),
                    Err(failure) => {
                        self.free();
                        return Err(failure);
                    }
                }
            }
        }
        Ok(self)
    }

    #[inline]
    pub(super) fn mask(&self) -> usize {
        self.mask
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.mask + 1
    }

    /// How many buckets are in the same allocation from that one on.
    #[inline]
    pub(super) fn in_order(&self, index: usize) -> usize {
        let last = if self.is_large() { Self::IN_SEGMENT } else { self.mask };
        last - (index & last) + 1
    }

    /// How many up to that one.
    #[inline]
    pub(super) fn in_order_to(&self, index: usize) -> usize {
        let last = if self.is_large() { Self::IN_SEGMENT } else { self.mask };
        (index & last) + 1
    }

    /// How to find a bucket without asking more.
    pub(super) fn way(&self) -> Way {
        let at = if self.is_large() {
            self.at
        } else {
            // SAFETY: that is what it is then (invariant 1).
            unsafe { bucket::base::<K, V>(self.at, self.len()) }
        };
        Way { at, mask: self.mask }
    }

    /// Whether it comes in segments.
    #[inline]
    pub(super) fn is_large(&self) -> bool {
        self.mask >= Self::SEGMENT
    }

    /// Where a bucket is.
    ///
    /// # Safety
    /// `index` is at most `mask`, and the bucket's segment is there.
    #[inline]
    pub(super) unsafe fn place(&self, index: usize) -> Place<K, V> {
        debug_assert!(index <= self.mask);
        if self.is_large() {
            // SAFETY: the segment is there, says the caller.
            unsafe { Self::in_segment(self.at.cast(), index) }
        } else {
            // SAFETY: the allocation has that many buckets (invariant 1).
            let base = unsafe { bucket::base::<K, V>(self.at, self.len()) };
            // SAFETY: as above.
            unsafe { Place::new(base, index, self.len()) }
        }
    }

    /// Where a bucket is, in an array with this directory.
    ///
    /// # Safety
    /// The directory has an entry for the bucket, and its segment is there.
    #[inline]
    unsafe fn in_segment(directory: NonNull<Option<Segment>>, index: usize) -> Place<K, V> {
        // SAFETY: as the caller says.
        let entry = unsafe { directory.add(index >> Self::LOG) };
        // SAFETY: as above; entries are initialized (invariant 1).
        let segment = unsafe { entry.read() };
        // SAFETY: as above.
        let segment = unsafe { segment.unwrap_unchecked() };
        // SAFETY: it has `SEGMENT` buckets (invariant 1).
        let place = unsafe { Place::new(segment, index & Self::IN_SEGMENT, Self::SEGMENT) };
        place.fetch_content();
        place
    }

    /// A bucket.
    ///
    /// # Safety
    /// As [`place`](Self::place), and the bucket has marks and a link.
    #[inline]
    pub(super) unsafe fn bucket(&self, index: usize) -> Ptr<K, V> {
        // SAFETY: as the caller says.
        let place = unsafe { self.place(index) };
        // SAFETY: as the caller says. It stays as long as the array, or until its segment is taken.
        unsafe { Ptr::new(place) }
    }

    /// The entry of the directory for the segment of bucket `index`, in a large array.
    #[inline]
    fn entry(&self, index: usize) -> NonNull<Option<Segment>> {
        debug_assert!(self.is_large() && index <= self.mask);
        // SAFETY: the directory has an entry for every segment (invariant 1).
        unsafe { self.at.cast::<Option<Segment>>().add(index >> Self::LOG) }
    }

    pub(super) fn has_segment(&self, index: usize) -> bool {
        // SAFETY: entries are initialized (invariant 1).
        !self.is_large() || unsafe { (*self.entry(index).as_ptr()).is_some() }
    }

    pub(super) fn put_segment(&self, index: usize, segment: Segment) {
        // SAFETY: invariant 1; one thread at a time changes an array.
        unsafe { *self.entry(index).as_ptr() = Some(segment) }
    }

    pub(super) fn take_segment(&self, index: usize) -> Option<Segment> {
        // SAFETY: as in `put_segment`.
        unsafe { (*self.entry(index).as_ptr()).take() }
    }

    /// A segment for a large array.
    pub(super) fn allocate(zeroed: bool) -> Result<Segment, Failure> {
        let memory = allocate(Self::segment_layout(), zeroed)?;
        // SAFETY: it was allocated for so many.
        Ok(unsafe { bucket::base::<K, V>(memory, Self::SEGMENT) })
    }

    /// Gives a segment back.
    ///
    /// # Safety
    /// It comes from [`allocate`](Self::allocate), is in no directory, and nobody uses it any more.
    pub(super) unsafe fn release(segment: Segment) {
        // SAFETY: its base was made for so many.
        let memory = unsafe { bucket::allocation::<K, V>(segment, Self::SEGMENT) };
        // SAFETY: it was allocated with this layout.
        unsafe { alloc::dealloc(memory.as_ptr(), Self::segment_layout()) }
    }

    /// Gives all of it back. Whoever has a [`Ptr`] into it does not use it any more.
    pub(super) fn free(self) {
        if self.is_large() {
            for index in (0..self.len()).step_by(Self::SEGMENT) {
                if let Some(segment) = self.take_segment(index) {
                    // SAFETY: what is in a directory comes from `allocate` (invariant 1).
                    unsafe { Self::release(segment) };
                }
            }
        }
        // SAFETY: `lazy` allocated it with this layout.
        unsafe { alloc::dealloc(self.at.as_ptr(), self.layout()) }
    }

    /// Of what `at` is the beginning of.
    fn layout(&self) -> Layout {
        let layout = if self.is_large() {
            Layout::array::<Option<Segment>>(self.len() >> Self::LOG)
        } else {
            bucket::layout::<K, V>(self.len())
        };
        layout.unwrap_or_else(|_| unreachable!("`lazy` has made sure that it fits"))
    }

    fn segment_layout() -> Layout {
        bucket::layout::<K, V>(Self::SEGMENT)
            .unwrap_or_else(|_| unreachable!("a segment is small, or a single bucket"))
    }
}

/// Whether there is memory for so many buckets at once.
fn probe<K, V>(buckets: usize) -> Result<(), Failure> {
    let layout = bucket::layout::<K, V>(buckets).map_err(|_| Failure::Overflow)?;
    let memory = allocate(layout, false)?;
    // SAFETY: it was allocated just now, with this layout.
    unsafe { alloc::dealloc(memory.as_ptr(), layout) };
    Ok(())
}

/// Memory for one overflow bucket.
pub(super) fn allocate_bucket<K, V>() -> Result<Place<K, V>, Failure> {
    let memory = allocate(single::<K, V>(), false)?;
    // SAFETY: it was allocated for one.
    let base = unsafe { bucket::base::<K, V>(memory, 1) };
    // SAFETY: as above.
    Ok(unsafe { Place::new(base, 0, 1) })
}

/// # Safety
/// The bucket comes from [`allocate_bucket`], and nobody uses it any more.
pub(super) unsafe fn release_bucket<K, V>(bucket: Place<K, V>) {
    // SAFETY: its base was made for one.
    let memory = unsafe { bucket::allocation::<K, V>(bucket.base(), 1) };
    // SAFETY: as the caller says.
    unsafe { alloc::dealloc(memory.as_ptr(), single::<K, V>()) }
}

fn single<K, V>() -> Layout {
    bucket::layout::<K, V>(1).unwrap_or_else(|_| unreachable!("its keys fit into memory"))
}

fn allocate(layout: Layout, zeroed: bool) -> Result<NonNull<u8>, Failure> {
    debug_assert!(layout.size() != 0, "a bucket has marks");
    let memory = if zeroed {
        // SAFETY: the size is not zero: a bucket has marks, and a directory has entries.
        unsafe { alloc::alloc_zeroed(layout) }
    } else {
        // SAFETY: as above.
        unsafe { alloc::alloc(layout) }
    };
    NonNull::new(memory).ok_or(Failure::Memory(layout))
}
