//! A cell: the place of one key and its value.
//!
//! Invariants: those of the [bucket](super::bucket).

use super::bucket::Ptr;
use super::content::Content;
use std::ptr;

/// A cell of a bucket.
pub(super) struct Cell<K, V> {
    pub(super) bucket: Ptr<K, V>,
    pub(super) index: usize,
}

/// Where the key of a cell lies, and its value: a cell for who only looks at what is in it. It is two
/// registers, which are added up where something is read, in the same instruction. And the pointer may be null: so an `Option`
/// of it has a tag of its own, which the compiler knows where a key was found. With one that cannot be null it asks once
/// more whether it is.
pub(super) struct Spot<K, V> {
    pub(super) content: *mut Content<K, V>,
    /// What [`Content::at`] makes of the cell.
    pub(super) at: usize,
}

impl<K, V> Spot<K, V> {
    /// No place, for a function that returns one: as an `Option` it would go through memory.
    pub(super) const NONE: Self = Self { content: ptr::null_mut(), at: 0 };

    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.content.is_null()
    }

    /// # Safety
    /// It is a place.
    #[inline]
    pub(super) unsafe fn key(&self) -> *mut K {
        // SAFETY: it is that of a cell.
        unsafe { Content::key_at(self.content, self.at) }
    }

    /// Both.
    ///
    /// # Safety
    /// It is a place.
    #[inline]
    pub(super) unsafe fn entry(&self) -> (*mut K, *mut V) {
        // SAFETY: as the caller says.
        let key = unsafe { self.key() };
        // SAFETY: as above.
        (key, unsafe { self.value() })
    }

    /// # Safety
    /// It is a place.
    #[inline]
    pub(super) unsafe fn value(&self) -> *mut V {
        // SAFETY: it is that of a cell.
        unsafe { Content::value_at(self.content, self.at) }
    }
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
