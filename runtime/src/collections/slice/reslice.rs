//! Slices of slices.

#![forbid(unsafe_code)]

use super::{Slice, read, write};
use crate::collections::bounds::{Limit, resolve, resolve3};
use std::ops::RangeBounds;

impl<T> Slice<T> {
    /// The slice of the elements `i..j` of this one, counted from its start, where `j` may lie beyond its length, up to
    /// its capacity. Go's `s[i:j]`: what is not said is 0 and the length. All forms of ranges are taken.
    ///
    /// Elements that nothing was written to yet are `T::default()`. (Without a `Default` there is
    /// [`window`](Self::window).)
    ///
    /// # Panics
    /// `slice bounds out of range [:5] with capacity 4`, or `[3:2]`. Where there are elements that were never
    /// written, also when a view of the array is alive, and when `T::default` panics.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::<u8>::make(2, 4);
    /// assert_eq!(s.reslice(1..).cap(), 3);
    /// assert_eq!(s.reslice(..=3), [0, 0, 0, 0]);
    /// assert_eq!(s.reslice(..s.cap()).reslice(2..), s.reslice(2..4));
    /// ```
    #[track_caller]
    pub fn reslice(&self, range: impl RangeBounds<usize>) -> Self
    where
        T: Default,
    {
        let (i, j) = resolve(range, self.len, Limit::Capacity(self.cap));
        self.part(i, j, self.cap)
    }

    /// As [`reslice`](Self::reslice), with a capacity that ends at `k`: an append beyond it takes a new array, even if
    /// there is more room in this one. Go's `s[i:j:k]`.
    ///
    /// # Panics
    /// `slice bounds out of range [::5] with capacity 4`, `[:5:4]` or `[3:2:]`; and as `reslice`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([1, 2, 3, 4]);
    /// let mine = s.reslice3(0, 2, 2);
    /// assert_eq!(mine.append(30), [1, 2, 30]);
    /// assert_eq!(s, [1, 2, 3, 4]); // not overwritten
    /// ```
    #[track_caller]
    pub fn reslice3(&self, i: usize, j: usize, k: usize) -> Self
    where
        T: Default,
    {
        resolve3(i, j, k, self.cap);
        self.part(i, j, k)
    }

    #[track_caller]
    fn part(&self, i: usize, j: usize, end: usize) -> Self
    where
        T: Default,
    {
        self.write_defaults(self.start + j);
        self.header(i, j, end)
    }

    /// Writes defaults to what was never written, up to `end` in the array.
    #[track_caller]
    fn write_defaults(&self, end: usize)
    where
        T: Default,
    {
        let Some(array) = &self.array else { return };
        let missing = end.saturating_sub(read(array).len());
        if missing == 0 {
            return;
        }
        let mut defaults = Vec::new();
        defaults.resize_with(missing, T::default);
        // Less may be missing by now, but not more: `T::default` may have appended.
        let mut elements = write(array);
        let missing = end.saturating_sub(elements.len());
        elements.extend(defaults.drain(..missing));
    }

    /// The slice of the elements `i..j` of this one, as [`reslice`](Self::reslice), but within its length; for elements of
    /// any type.
    ///
    /// # Panics
    /// `slice bounds out of range [:5] with length 4`, or `[3:2]`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// struct NoDefault;
    /// let s = Slice::from_vec(vec![NoDefault, NoDefault]);
    /// assert_eq!(s.window(1..).len(), 1);
    /// ```
    #[track_caller]
    pub fn window(&self, range: impl RangeBounds<usize>) -> Self {
        let (i, j) = resolve(range, self.len, Limit::Length(self.len));
        self.header(i, j, self.cap)
    }

    /// `i..j` of this one, with a capacity up to `end`. All elements before `j` have been written.
    fn header(&self, i: usize, j: usize, end: usize) -> Self {
        Self { start: self.start + i, len: j - i, cap: end - i, ..self.clone() }
    }
}
