//! What `std` expects of a list that is read as a `&[T]`.

#![forbid(unsafe_code)]

use super::ForkSlice;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

impl<T> Deref for ForkSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T> AsRef<[T]> for ForkSlice<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T> Borrow<[T]> for ForkSlice<T> {
    fn borrow(&self) -> &[T] {
        self
    }
}

/// Shares the buffer.
impl<T> Clone for ForkSlice<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self { part: self.part.clone() }
    }
}

impl<T> Default for ForkSlice<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for ForkSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// As Go prints it: `[1 2 3]`.
impl<T: fmt::Display> fmt::Display for ForkSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::collections::print(self, f)
    }
}

impl<T: PartialEq<U>, U> PartialEq<ForkSlice<U>> for ForkSlice<T> {
    fn eq(&self, other: &ForkSlice<U>) -> bool {
        **self == **other
    }
}

impl<T: PartialEq<U>, U> PartialEq<[U]> for ForkSlice<T> {
    fn eq(&self, other: &[U]) -> bool {
        **self == *other
    }
}

impl<T: PartialEq<U>, U> PartialEq<&[U]> for ForkSlice<T> {
    fn eq(&self, other: &&[U]) -> bool {
        **self == **other
    }
}

impl<T: PartialEq<U>, U, const N: usize> PartialEq<[U; N]> for ForkSlice<T> {
    fn eq(&self, other: &[U; N]) -> bool {
        **self == *other
    }
}

impl<T: PartialEq<U>, U> PartialEq<Vec<U>> for ForkSlice<T> {
    fn eq(&self, other: &Vec<U>) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for ForkSlice<T> {}

impl<T: PartialOrd> PartialOrd for ForkSlice<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Ord> Ord for ForkSlice<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Hash> Hash for ForkSlice<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T> From<Vec<T>> for ForkSlice<T> {
    fn from(vec: Vec<T>) -> Self {
        Self::from_vec(vec)
    }
}

impl<T, const N: usize> From<[T; N]> for ForkSlice<T> {
    fn from(array: [T; N]) -> Self {
        Self::from_vec(array.into())
    }
}

impl<T: Clone> From<&[T]> for ForkSlice<T> {
    fn from(elements: &[T]) -> Self {
        Self::from_vec(elements.to_vec())
    }
}

/// As [`ForkSlice::into_vec`].
impl<T: Clone> From<ForkSlice<T>> for Vec<T> {
    fn from(fork: ForkSlice<T>) -> Self {
        fork.into_vec()
    }
}

impl<T> FromIterator<T> for ForkSlice<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from_vec(items.into_iter().collect())
    }
}

/// Appends all at once: nothing, if the iterator panics.
impl<T: Clone> Extend<T> for ForkSlice<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        self.push_all(items.into_iter().collect());
    }
}

impl<'a, T: Clone + 'a> Extend<&'a T> for ForkSlice<T> {
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, items: I) {
        self.push_all(items.into_iter().cloned().collect());
    }
}

impl<'a, T> IntoIterator for &'a ForkSlice<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Moves the elements if nobody else has the buffer, else clones them.
impl<T: Clone> IntoIterator for ForkSlice<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}
