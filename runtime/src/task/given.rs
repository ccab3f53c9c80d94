//! What `go!(name => ..)` puts into the goroutine for a name: a clone of it, or, where it is a reference, of what that refers
//! to, which alone can be owned.
//!
//! The macro cannot see which it is. The compiler looks for a method in [`Given`] first, which has one for references to what
//! is `Clone`, and then in what it derefs to, which has one for all that is. The methods have an odd name, for no trait
//! of the user's to have it.

#![forbid(unsafe_code)]

use std::ops::Deref;

/// A reference to the name's value.
#[derive(Debug)]
pub struct Given<'a, V: ?Sized>(GivenPlain<'a, V>);

/// The same, of any type.
#[derive(Debug)]
pub struct GivenPlain<'a, V: ?Sized>(&'a V);

impl<'a, V: ?Sized> Given<'a, V> {
    /// Of that value.
    #[inline]
    pub fn new(value: &'a V) -> Self {
        Self(GivenPlain(value))
    }
}

impl<T: Clone> Given<'_, &T> {
    /// A clone of what it refers to.
    #[inline]
    pub fn __rt_clone(&self) -> T {
        (**self.0.0).clone()
    }
}

impl<T: Clone> Given<'_, &mut T> {
    /// The same.
    #[inline]
    pub fn __rt_clone(&self) -> T {
        (**self.0.0).clone()
    }
}

impl<'a, V: ?Sized> Deref for Given<'a, V> {
    type Target = GivenPlain<'a, V>;

    #[inline]
    fn deref(&self) -> &GivenPlain<'a, V> {
        &self.0
    }
}

impl<V> GivenPlain<'_, V> {
    /// A clone of it.
    #[inline]
    pub fn __rt_clone(&self) -> V
    where
        V: Clone,
    {
        self.0.clone()
    }
}
