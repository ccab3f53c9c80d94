//! The values of a channel as they come.

#![forbid(unsafe_code)]

use super::{Chan, Receiver};
use std::fmt;
use std::iter::FusedIterator;

/// See [`Chan::iter`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Iter<'a, T>(pub(super) &'a Chan<T>);

/// The values of a [`Chan`] as they come, by a handle of its own.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoIter<T>(Chan<T>);

/// See [`Receiver::iter`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct ReceiverIter<'a, T>(pub(super) &'a Receiver<T>);

/// The values of a [`Receiver`] as they come, by a handle of its own.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct ReceiverIntoIter<T>(Receiver<T>);

/// See [`Receiver::try_iter`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct TryIter<'a, T>(pub(super) &'a Receiver<T>);

macro_rules! iterator {
    ([$($generics:tt)*] $short:ident: $name:ty, $it:ident => $next:expr) => {
        impl<$($generics)*> Iterator for $name {
            type Item = T;
            #[inline]
            fn next(&mut self) -> Option<T> {
                let $it = self;
                $next
            }
        }
        // Values need not be `Debug`.
        impl<$($generics)*> fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($short)).field(&self.0).finish()
            }
        }
    };
}

iterator!(['a, T] Iter: Iter<'a, T>, it => it.0.recv());
iterator!([T] IntoIter: IntoIter<T>, it => it.0.recv());
iterator!(['a, T] ReceiverIter: ReceiverIter<'a, T>, it => it.0.recv().ok());
iterator!([T] ReceiverIntoIter: ReceiverIntoIter<T>, it => it.0.recv().ok());
iterator!(['a, T] TryIter: TryIter<'a, T>, it => it.0.try_recv().ok());

// What is closed and drained stays so. (To `TryIter` a value may come after there was none.)
impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}
impl<T> FusedIterator for ReceiverIter<'_, T> {}
impl<T> FusedIterator for ReceiverIntoIter<T> {}

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

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = ReceiverIntoIter<T>;
    fn into_iter(self) -> ReceiverIntoIter<T> {
        ReceiverIntoIter(self)
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = ReceiverIter<'a, T>;
    fn into_iter(self) -> ReceiverIter<'a, T> {
        self.iter()
    }
}
