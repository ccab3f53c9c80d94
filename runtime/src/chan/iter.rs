//! The values of a channel as they come.

#![forbid(unsafe_code)]

use super::{Chan, Receiver};

/// See [`Chan::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(pub(super) &'a Chan<T>);

/// The values of a [`Chan`] as they come, by a handle of its own.
#[derive(Debug)]
pub struct IntoIter<T>(Chan<T>);

/// See [`Receiver::iter`].
#[derive(Debug)]
pub struct ReceiverIter<'a, T>(pub(super) &'a Receiver<T>);

/// The values of a [`Receiver`] as they come, by a handle of its own.
#[derive(Debug)]
pub struct ReceiverIntoIter<T>(Receiver<T>);

/// See [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T>(pub(super) &'a Receiver<T>);

macro_rules! iterator {
    ([$($generics:tt)*] $name:ty, $it:ident => $next:expr) => {
        impl<$($generics)*> Iterator for $name {
            type Item = T;
            #[inline]
            fn next(&mut self) -> Option<T> {
                let $it = self;
                $next
            }
        }
    };
}

iterator!(['a, T] Iter<'a, T>, it => it.0.recv());
iterator!([T] IntoIter<T>, it => it.0.recv());
iterator!(['a, T] ReceiverIter<'a, T>, it => it.0.recv().ok());
iterator!([T] ReceiverIntoIter<T>, it => it.0.recv().ok());
iterator!(['a, T] TryIter<'a, T>, it => it.0.try_recv().ok());

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
