//! Iteration as Go's `range` has it.

#![forbid(unsafe_code)]

use super::Slice;
use std::iter::FusedIterator;
use std::ops::Range;

/// Clones of a slice's elements, each as it is when its turn comes: what is written meanwhile is seen, what is appended
/// is not. Go's `for _, v := range s`.
///
/// # Examples
/// ```
/// use rt::collections::Slice;
///
/// let s = Slice::from([1, 2, 3]);
/// let mut seen = Vec::new();
/// for v in &s {
///     s.set(2, 30);
///     seen.push(v);
/// }
/// assert_eq!(seen, [1, 2, 30]);
/// ```
#[derive(Debug, Clone)]
pub struct IntoIter<T> {
    slice: Slice<T>,
    left: Range<usize>,
}

impl<T: Clone> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.left.next().map(|i| self.slice.get(i))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }

    #[track_caller]
    fn nth(&mut self, n: usize) -> Option<T> {
        self.left.nth(n).map(|i| self.slice.get(i))
    }
}

impl<T: Clone> DoubleEndedIterator for IntoIter<T> {
    #[track_caller]
    fn next_back(&mut self) -> Option<T> {
        self.left.next_back().map(|i| self.slice.get(i))
    }
}

impl<T: Clone> ExactSizeIterator for IntoIter<T> {}
impl<T: Clone> FusedIterator for IntoIter<T> {}

impl<T: Clone> IntoIterator for Slice<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        let left = 0..self.len();
        IntoIter { slice: self, left }
    }
}

impl<T: Clone> IntoIterator for &Slice<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        self.clone().into_iter()
    }
}
