//! What `std` expects of a list.

#![forbid(unsafe_code)]

use super::Slice;
use std::cell::RefCell;
use std::fmt;

/// Copies the header: both share the array.
impl<T> Clone for Slice<T> {
    #[inline]
    fn clone(&self) -> Self {
        let Self { array, start, len, cap, growth, nothing: _ } = self;
        let (array, nothing) = (array.clone(), RefCell::new(()));
        Self { array, start: *start, len: *len, cap: *cap, growth: *growth, nothing }
    }
}

/// A nil slice.
impl<T> Default for Slice<T> {
    fn default() -> Self {
        Self::nil()
    }
}

/// As a list, `[1, 2, 3]`; `<borrowed>` while a mutable view of the array is alive.
impl<T: fmt::Debug> fmt::Debug for Slice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(array) = &self.array else { return f.write_str("[]") };
        match array.try_borrow() {
            Ok(elements) => f.debug_list().entries(&elements[self.start..][..self.len]).finish(),
            Err(_) => f.write_str("<borrowed>"),
        }
    }
}

/// As Go prints it: `[1 2 3]`.
impl<T: fmt::Display> fmt::Display for Slice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::collections::print(&self.view(), f)
    }
}

impl<T: PartialEq<U>, U> PartialEq<Slice<U>> for Slice<T> {
    /// Element by element, as of a `Vec`; so nil equals any empty slice.
    fn eq(&self, other: &Slice<U>) -> bool {
        *self.view() == *other.view()
    }
}

impl<T: Eq> Eq for Slice<T> {}

impl<T: PartialEq<U>, U> PartialEq<[U]> for Slice<T> {
    fn eq(&self, other: &[U]) -> bool {
        *self.view() == *other
    }
}

impl<T: PartialEq<U>, U> PartialEq<&[U]> for Slice<T> {
    fn eq(&self, other: &&[U]) -> bool {
        *self.view() == **other
    }
}

impl<T: PartialEq<U>, U, const N: usize> PartialEq<[U; N]> for Slice<T> {
    fn eq(&self, other: &[U; N]) -> bool {
        *self.view() == *other
    }
}

impl<T: PartialEq<U>, U> PartialEq<Vec<U>> for Slice<T> {
    fn eq(&self, other: &Vec<U>) -> bool {
        *self.view() == **other
    }
}

impl<T> From<Vec<T>> for Slice<T> {
    fn from(vec: Vec<T>) -> Self {
        Self::from_vec(vec)
    }
}

impl<T, const N: usize> From<[T; N]> for Slice<T> {
    fn from(array: [T; N]) -> Self {
        Self::from_vec(array.into())
    }
}

impl<T: Clone> From<&[T]> for Slice<T> {
    fn from(elements: &[T]) -> Self {
        Self::from_vec(elements.to_vec())
    }
}

impl<T> FromIterator<T> for Slice<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from_vec(items.into_iter().collect())
    }
}

/// Appends all at once: nothing, if the iterator panics. Go's `s = append(s, a, b, c)`.
impl<T: Clone> Extend<T> for Slice<T> {
    #[track_caller]
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        self.push_all(items.into_iter().collect());
    }
}

impl<'a, T: Clone + 'a> Extend<&'a T> for Slice<T> {
    #[track_caller]
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, items: I) {
        self.push_all(items.into_iter().cloned().collect());
    }
}
