//! Short forms for locals that are a `Cell` or a `RefCell`, as std's thread locals have them.
//!
//! To set one that there is not yet makes its first value of what it is set to: the initializer does not run.

#![forbid(unsafe_code)]

use super::LocalKey;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::mem;

impl<T: Send + 'static> LocalKey<Cell<T>> {
    /// A copy of the value.
    ///
    /// # Panics
    /// When the value was dropped: in destructors at the end of the goroutine or thread.
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static DEPTH: std::cell::Cell<u32> = std::cell::Cell::new(3);
    /// }
    ///
    /// assert_eq!(DEPTH.get(), 3);
    /// ```
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Changes the value. If this is the first use, the initializer does not run.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static USER: std::cell::Cell<u32> = unreachable!("set it first");
    /// }
    ///
    /// USER.set(7);
    /// assert_eq!(USER.get(), 7);
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.with_first(Cell::new(value), |cell, value| {
            if let Some(value) = value {
                cell.set(value.into_inner());
            }
        });
    }

    /// Takes the value, and leaves the default.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static TEXT: std::cell::Cell<String> = std::cell::Cell::new("first".to_owned());
    /// }
    ///
    /// assert_eq!(TEXT.take(), "first");
    /// assert_eq!(TEXT.take(), "");
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Changes the value, and returns the one before.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static LEVEL: std::cell::Cell<u32> = std::cell::Cell::new(1);
    /// }
    ///
    /// assert_eq!(LEVEL.replace(2), 1);
    /// assert_eq!(LEVEL.get(), 2);
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: Send + 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the value. `f` may wait: nobody else can see it.
    ///
    /// # Panics
    /// When the value is borrowed mutably; when it was dropped: in destructors at the end of the goroutine or thread.
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static PATH: std::cell::RefCell<Vec<u32>> = std::cell::RefCell::new(vec![1, 2]);
    /// }
    ///
    /// assert_eq!(PATH.with_borrow(|path| path.len()), 2);
    /// ```
    #[track_caller]
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.with(|cell| cell.try_borrow().map(|value| f(&value))) {
            Ok(result) => result,
            Err(error) => borrowed(&error),
        }
    }

    /// Calls `f` with the value, to be changed. `f` may wait: nobody else can see it.
    ///
    /// # Panics
    /// When the value is borrowed; when it was dropped.
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static PATH: std::cell::RefCell<Vec<u32>> = std::cell::RefCell::default();
    /// }
    ///
    /// PATH.with_borrow_mut(|path| path.push(7));
    /// assert_eq!(PATH.take(), [7]);
    /// ```
    #[track_caller]
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        match self.with(|cell| cell.try_borrow_mut().map(|mut value| f(&mut value))) {
            Ok(result) => result,
            Err(error) => borrowed(&error),
        }
    }

    /// Changes the value. If this is the first use, the initializer does not run.
    ///
    /// # Panics
    /// As [`with_borrow_mut`](Self::with_borrow_mut).
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static NAME: std::cell::RefCell<String> = unreachable!("set it first");
    /// }
    ///
    /// NAME.set("ann".to_owned());
    /// assert_eq!(NAME.with_borrow(|name| name.len()), 3);
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        let old = self.with_first(RefCell::new(value), |cell, value| {
            value.map(|new| {
                cell.try_borrow_mut().map(|mut old| mem::replace(&mut *old, new.into_inner()))
            })
        });
        if let Some(Err(error)) = old {
            borrowed(&error);
        }
    }

    /// Takes the value, and leaves the default.
    ///
    /// # Panics
    /// As [`with_borrow_mut`](Self::with_borrow_mut).
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static SEEN: std::cell::RefCell<Vec<u32>> = std::cell::RefCell::new(vec![1]);
    /// }
    ///
    /// assert_eq!(SEEN.take(), [1]);
    /// assert!(SEEN.take().is_empty());
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with_borrow_mut(mem::take)
    }

    /// Changes the value, and returns the one before.
    ///
    /// # Panics
    /// As [`with_borrow_mut`](Self::with_borrow_mut).
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static NAME: std::cell::RefCell<&'static str> = std::cell::RefCell::new("nobody");
    /// }
    ///
    /// assert_eq!(NAME.replace("ann"), "nobody");
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with_borrow_mut(|old| mem::replace(old, value))
    }
}

/// At the line of the user, which the cell's own panic would not name.
#[track_caller]
#[cold]
fn borrowed(error: &dyn Display) -> ! {
    panic!("goroutine_local: {error}")
}
