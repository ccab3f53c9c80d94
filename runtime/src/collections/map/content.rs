//! The keys and values of a bucket, as they lie in memory. How buckets do: see [`bucket`](super::bucket).

use super::marks::CELLS;
use std::mem::MaybeUninit;

#[repr(C)]
pub(super) struct Content<K, V> {
    /// Where the pairs begin, if it has pairs. They take the room of keys and values.
    pairs: [Pair<K, V>; 0],
    keys: [MaybeUninit<K>; CELLS],
    values: [MaybeUninit<V>; CELLS],
}

#[repr(C)]
pub(super) struct Pair<K, V> {
    pub(super) key: MaybeUninit<K>,
    pub(super) value: MaybeUninit<V>,
}

impl<K, V> Content<K, V> {
    /// Whether a key lies beside its value. A pair is as long as its parts then, so eight of them are
    /// as long as eight keys and eight values.
    pub(super) const PAIRS: bool = {
        let pair = size_of::<Pair<K, V>>();
        pair == size_of::<K>() + size_of::<V>() && pair <= 64
    };

    /// How a cell is called by [`key_at`](Self::key_at): of pairs it is the distance in bytes, which is worked
    /// out once for the key and its value; else its number.
    #[inline]
    pub(super) fn at(cell: usize) -> usize {
        debug_assert!(cell < CELLS);
        if Self::PAIRS { cell * size_of::<Pair<K, V>>() } else { cell }
    }

    /// Where a key lies.
    ///
    /// # Safety
    /// There is memory for a content, and `at` is what [`at`](Self::at) makes of one of eight.
    #[inline]
    pub(super) unsafe fn key_at(this: *mut Self, at: usize) -> *mut K {
        if Self::PAIRS {
            // SAFETY: it has eight pairs.
            let pair = unsafe { this.cast::<Pair<K, V>>().byte_add(at) };
            // SAFETY: as above.
            return unsafe { &raw mut (*pair).key }.cast();
        }
        // SAFETY: it has eight keys.
        let keys = unsafe { &raw mut (*this).keys };
        // SAFETY: as above.
        unsafe { keys.cast::<K>().add(at) }
    }

    /// Where a value lies.
    ///
    /// # Safety
    /// As [`key_at`](Self::key_at).
    #[inline]
    pub(super) unsafe fn value_at(this: *mut Self, at: usize) -> *mut V {
        if Self::PAIRS {
            // SAFETY: it has eight pairs.
            let pair = unsafe { this.cast::<Pair<K, V>>().byte_add(at) };
            // SAFETY: as above.
            return unsafe { &raw mut (*pair).value }.cast();
        }
        // SAFETY: it has eight values.
        let values = unsafe { &raw mut (*this).values };
        // SAFETY: as above.
        unsafe { values.cast::<V>().add(at) }
    }

    /// Where the key of a cell lies.
    ///
    /// # Safety
    /// There is memory for a content, and `cell` is one of eight.
    #[inline]
    pub(super) unsafe fn key(this: *mut Self, cell: usize) -> *mut K {
        // SAFETY: as the caller says.
        unsafe { Self::key_at(this, Self::at(cell)) }
    }

    /// Where its value lies.
    ///
    /// # Safety
    /// As [`key`](Self::key).
    #[inline]
    pub(super) unsafe fn value(this: *mut Self, cell: usize) -> *mut V {
        // SAFETY: as the caller says.
        unsafe { Self::value_at(this, Self::at(cell)) }
    }
}
