//! Append and copy: what writes many elements, or takes a new array for them.

use super::{Array, Slice, read, with_room, write};
use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

impl<T: Clone> Slice<T> {
    /// A slice of these elements and `value` behind them. If there is room within the capacity it is written there, in
    /// the array that both share, over what may have been there; else the elements are cloned to a new one. Go's
    /// `append(s, v)`.
    ///
    /// Who keeps the old slice no longer than the new one writes [`push`](Self::push), which moves elements that nobody
    /// else has instead of cloning them.
    ///
    /// # Panics
    /// When there is room, and a view of the array is alive. `growslice: len out of range` if there cannot be so many.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([1, 2, 3]).reslice(..2);
    /// let a = s.append(10);
    /// let b = s.append(20); // the same place again
    /// assert_eq!((a, b), (Slice::from([1, 2, 20]), Slice::from([1, 2, 20])));
    /// ```
    #[must_use = "the slice itself is as long as before"]
    #[track_caller]
    #[inline]
    pub fn append(&self, value: T) -> Self {
        match &self.array {
            Some(array) if self.len < self.cap => {
                put(array, self.start + self.len, value);
                Self { len: self.len + 1, ..self.clone() }
            }
            array => {
                let cap = self.next_cap(1);
                let (start, len, growth) = (self.start, self.len, self.growth);
                let array = append_grown(array.as_deref(), start, len, cap, value);
                Self { array: Some(array), len: len + 1, cap, growth, ..Self::nil() }
            }
        }
    }

    /// Appends to this very slice. Go's `s = append(s, v)`.
    ///
    /// # Panics
    /// As [`append`](Self::append).
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let mut s = Slice::nil();
    /// for n in 1..=5 {
    ///     s.push(n);
    /// }
    /// assert_eq!(s, [1, 2, 3, 4, 5]);
    /// assert_eq!(s.cap(), 8);
    /// ```
    #[track_caller]
    #[inline]
    pub fn push(&mut self, value: T) {
        match &self.array {
            Some(array) if self.len < self.cap => {
                put(array, self.start + self.len, value);
                self.len += 1;
            }
            _ => self.push_grown(value),
        }
    }

    #[cold]
    #[track_caller]
    fn push_grown(&mut self, value: T) {
        self.grow(1);
        self.push_new(value);
    }

    /// Appends to the array that was just made: there is room, and nobody has a view of it.
    fn push_new(&mut self, value: T) {
        let array = self.array.as_ref().expect("it was just made");
        write(array).push(value);
        self.len += 1;
    }

    /// A slice of these elements and those of `items` behind them. There is at most one new array, for all. Go's
    /// `append(s, a, b, c)`.
    ///
    /// # Panics
    /// As [`append`](Self::append).
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([1, 2]).append_all([3, 4, 5]);
    /// assert_eq!(s, [1, 2, 3, 4, 5]);
    /// assert_eq!(s.cap(), 5);
    /// ```
    #[must_use = "the slice itself is as long as before"]
    #[track_caller]
    pub fn append_all(&self, items: impl IntoIterator<Item = T>) -> Self {
        self.append_vec(items.into_iter().collect())
    }

    /// A slice of these elements and clones of those of `other` behind them. Go's `append(s, t...)`.
    ///
    /// # Panics
    /// As [`append`](Self::append).
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([1, 2, 3]);
    /// assert_eq!(s.append_slice(&s.reslice(1..)), [1, 2, 3, 2, 3]);
    /// ```
    #[must_use = "the slice itself is as long as before"]
    #[track_caller]
    pub fn append_slice(&self, other: &Slice<T>) -> Self {
        self.append_vec(other.to_vec())
    }

    #[track_caller]
    fn append_vec(&self, values: Vec<T>) -> Self {
        let fits = values.len() <= self.cap - self.len;
        let mut longer = if fits { self.clone() } else { self.cloned(self.next_cap(values.len())) };
        longer.put_all(values);
        longer
    }

    /// Appends `values` to this very slice.
    #[track_caller]
    pub(super) fn push_all(&mut self, values: Vec<T>) {
        if values.len() > self.cap - self.len {
            self.grow(values.len());
        }
        self.put_all(values);
    }

    /// Writes `values`, for which there is room, behind the elements.
    #[track_caller]
    fn put_all(&mut self, mut values: Vec<T>) {
        let count = values.len();
        let Some(array) = self.array.as_ref().filter(|_| count > 0) else { return };
        let at = self.start + self.len;
        let mut elements = write(array);
        let written = count.min(elements.len() - at);
        elements[at..at + written].swap_with_slice(&mut values[..written]);
        elements.extend(values.drain(written..));
        drop(elements);
        self.len += count;
        // Now `values` are those that were overwritten.
    }

    /// Clones the elements of `source` over those of this slice, as many as both have, and returns how many that were. The
    /// two may overlap. Go's `copy`.
    ///
    /// All are cloned before the first is written: if a clone panics, nothing has changed.
    ///
    /// # Panics
    /// When a view of this slice's array is alive.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([1, 2, 3, 4, 5]);
    /// assert_eq!(s.reslice(1..).copy_from(&s), 4);
    /// assert_eq!(s, [1, 1, 2, 3, 4]);
    /// ```
    #[track_caller]
    pub fn copy_from(&self, source: &Slice<T>) -> usize {
        let count = self.len.min(source.len);
        let mut copies = source.view()[..count].to_vec();
        self.view_mut()[..count].swap_with_slice(&mut copies);
        count
    }

    /// The capacity that makes room for `more` elements.
    #[track_caller]
    fn next_cap(&self, more: usize) -> usize {
        match self.len.checked_add(more) {
            Some(needed) if size_of::<T>() == 0 => needed,
            Some(needed) => self.growth.next(self.cap, needed),
            None => no_room(),
        }
    }

    /// The same elements in an array of their own, with room for `cap`.
    #[track_caller]
    fn cloned(&self, cap: usize) -> Self {
        let Some(mut elements) = with_room(cap) else { no_room() };
        elements.extend_from_slice(&self.view());
        let array = Some(Rc::new(RefCell::new(elements)));
        Self { array, len: self.len, cap, growth: self.growth, ..Self::nil() }
    }

    /// Takes an array with room for `more` elements. The elements are moved if nobody else has them.
    #[track_caller]
    fn grow(&mut self, more: usize) {
        let cap = self.next_cap(more);
        let (start, end) = (self.start, self.start + self.len);
        let Some(array) = self.array.as_mut().and_then(Rc::get_mut) else {
            // The old array is dropped when this slice has the new one.
            let _old = mem::replace(self, self.cloned(cap));
            return;
        };
        let elements = array.get_mut();
        // What lies around the elements is of no use to anybody, and dropped at the end.
        let _behind = elements.split_off(end);
        let _before: Vec<T> = elements.drain(..start).collect();
        (self.start, self.cap) = (0, self.len);
        if elements.try_reserve_exact(cap - self.len).is_err() {
            no_room();
        }
        self.cap = cap;
    }
}

/// A new array of clones of the elements, and `value`. It is not told which slice it is for, only what is in it: so that
/// one which a loop appends to can stay in registers.
#[cold]
#[track_caller]
fn append_grown<T: Clone>(
    array: Option<&Array<T>>,
    start: usize,
    len: usize,
    cap: usize,
    value: T,
) -> Rc<Array<T>> {
    let Some(mut elements) = with_room(cap) else { no_room() };
    if let Some(array) = array {
        elements.extend_from_slice(&read(array)[start..start + len]);
    }
    elements.push(value);
    Rc::new(RefCell::new(elements))
}

/// Writes `value` at `at`, which is within the array's capacity and not beyond what was ever written.
#[track_caller]
#[inline]
fn put<T>(array: &Array<T>, at: usize, value: T) {
    // Raised and lowered with nothing between, the flag is only looked at: a push costs a third less.
    drop(write(array));
    let old = {
        // SAFETY: nobody borrows it, as was just seen; and nothing that could runs before the reference ends (invariant 4):
        // moving a value calls nothing, and the old one is dropped behind this block.
        let elements = unsafe { &mut *array.as_ptr() };
        match elements.get_mut(at) {
            None => {
                elements.push(value);
                None
            }
            Some(place) => Some(mem::replace(place, value)),
        }
    };
    drop(old);
}

#[cold]
#[track_caller]
fn no_room() -> ! {
    panic!("growslice: len out of range");
}
