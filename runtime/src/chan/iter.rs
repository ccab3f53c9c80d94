//! The values of a channel as they come.

#![forbid(unsafe_code)]

use super::Chan;

/// See [`Chan::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(pub(super) &'a Chan<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.recv()
    }
}

/// The values of a channel as they come, by a handle of its own.
#[derive(Debug)]
pub struct IntoIter<T>(Chan<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.recv()
    }
}

impl<T> IntoIterator for Chan<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;
    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

impl<'a, T> IntoIterator for &'a Chan<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
