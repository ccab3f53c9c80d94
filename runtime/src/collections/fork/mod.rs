//! `ForkSlice`: shared and grown in place, but never overwritten.
//!
//! A fork is a part of a buffer that others may have parts of, too; how a part grows while others look on is at the head of
//! `part.rs`. Here is what is made of it, without `unsafe`:
//!
//! 1. An empty fork may have no buffer.
//! 2. What a fork gives up, others may have: it only makes its window smaller. What is cloned to a new buffer is cloned
//!    before the old one is let go; a `Clone` that panics leaves the fork as it was.

#[cfg(all(test, loom))]
mod loom_tests;
mod part;
mod traits;

use super::bounds::{Limit, resolve};
use part::Part;
use std::ops::RangeBounds;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A list that is cheap to fork: clones and parts of it share one buffer, and each can be appended to without the others
/// seeing it.
///
/// It has what one wants of Go's slices (parts cost nothing, an append mostly neither), and not what one does not: a
/// [`push`](Self::push) never overwrites what another has. It writes in place if this fork *owns the tail* of the buffer,
/// that is, if nobody has pushed there before; else it goes on in a copy of its own. What was pushed does not change any more,
/// so it is read as a plain `&[T]`, from any number of goroutines.
///
/// | | `Vec` | `Arc<[T]>` | [`Slice`](super::Slice) | `ForkSlice` |
/// |---|---|---|---|---|
/// | clone | copies | shares | shares | shares |
/// | part of it | borrows | borrows | shares | shares |
/// | push | in place | copies | in place, seen by who shares | in place, or copies |
/// | write to an element | yes | no | yes, seen by who shares | no |
/// | among threads | moves | shared | no | shared |
///
/// # Examples
/// ```
/// use rt::collections::ForkSlice;
///
/// let mut log = ForkSlice::from(["start"]);
/// log.push("a");
/// let before = log.clone(); // shares what is there so far
/// log.push("b"); // in place: `before` ends before it
/// assert_eq!(before, ["start", "a"]);
///
/// let mut other = before.clone();
/// other.push("c"); // that place is taken: other has a copy now
/// assert_eq!(log, ["start", "a", "b"]);
/// assert_eq!(other, ["start", "a", "c"]);
/// assert!(log.shares_buffer_with(&before) && !other.shares_buffer_with(&before));
///
/// let handle = std::thread::spawn(move || before.iter().map(|text| text.len()).sum::<usize>());
/// assert_eq!(handle.join().unwrap(), 6);
/// ```
///
/// Not covariant: what is pushed through one fork may be dropped by another, after what it borrows.
/// ```compile_fail
/// # use rt::collections::ForkSlice;
/// fn shorter<'a>(fork: ForkSlice<&'static str>) -> ForkSlice<&'a str> {
///     fork
/// }
/// ```
pub struct ForkSlice<T> {
    part: Option<Part<T>>,
}

// What forks share never changes: as an `Arc` of it.
impl<T: RefUnwindSafe> UnwindSafe for ForkSlice<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for ForkSlice<T> {}

impl<T> ForkSlice<T> {
    /// An empty one, which takes no memory yet.
    ///
    /// # Examples
    /// ```
    /// let mut list = rt::collections::ForkSlice::new();
    /// list.push(1);
    /// assert_eq!(list, [1]);
    /// ```
    pub const fn new() -> Self {
        Self { part: None }
    }

    /// An empty one, with room for `capacity` elements.
    ///
    /// # Panics
    /// `capacity overflow`, as `Vec`'s.
    ///
    /// # Examples
    /// ```
    /// let mut list = rt::collections::ForkSlice::with_capacity(2);
    /// let empty = list.clone();
    /// list.push(1);
    /// assert!(list.shares_buffer_with(&empty), "there was room");
    /// ```
    pub fn with_capacity(capacity: usize) -> Self {
        Self::from_vec(Vec::with_capacity(capacity))
    }

    /// The elements of `vec`, with its capacity, and without copying any.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::ForkSlice;
    ///
    /// assert_eq!(ForkSlice::from_vec(vec![1, 2, 3]).len(), 3);
    /// ```
    pub fn from_vec(vec: Vec<T>) -> Self {
        Self { part: Some(Part::from_vec(vec)) }
    }

    /// The elements, which others may share, as a `&[T]`; a fork derefs to it, too.
    ///
    /// # Examples
    /// ```
    /// let list = rt::collections::ForkSlice::from([3, 1, 2]);
    /// assert_eq!(list.as_slice().iter().max(), Some(&3));
    /// ```
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        match &self.part {
            Some(part) => part.elements(),
            None => &[],
        }
    }

    /// Whether both have one buffer. Those that have none share with nobody.
    ///
    /// # Examples
    /// ```
    /// let list = rt::collections::ForkSlice::from([1, 2]);
    /// assert!(list.shares_buffer_with(&list.reslice(1..)));
    /// assert!(!list.shares_buffer_with(&list.iter().copied().collect()));
    /// ```
    pub fn shares_buffer_with(&self, other: &Self) -> bool {
        match (&self.part, &other.part) {
            (Some(one), Some(other)) => one.is_of_the_same_buffer(other),
            _ => false,
        }
    }

    /// The fork of the elements `i..j`. It costs no more than a clone. All forms of ranges are taken.
    ///
    /// # Panics
    /// `slice bounds out of range [:5] with length 4`, or `[3:2]`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::ForkSlice;
    ///
    /// let words = ForkSlice::from(["to", "be", "or", "not"]);
    /// let mut some = words.reslice(1..=2);
    /// some.push("!");
    /// assert_eq!(some, ["be", "or", "!"]);
    /// assert_eq!(words, ["to", "be", "or", "not"]);
    /// ```
    #[track_caller]
    pub fn reslice(&self, range: impl RangeBounds<usize>) -> Self {
        let len = self.len();
        let (i, j) = resolve(range, len, Limit::Length(len));
        Self { part: self.part.as_ref().map(|part| part.window(i, j)) }
    }

    /// Leaves the first `len` elements; does nothing if there are not more. The others are dropped, if nobody else has the
    /// buffer; else they stay in it, as long as somebody has.
    ///
    /// # Panics
    /// When a destructor does.
    ///
    /// # Examples
    /// ```
    /// let mut list = rt::collections::ForkSlice::from([1, 2, 3]);
    /// let all = list.clone();
    /// list.truncate(1);
    /// assert_eq!(list, [1]);
    /// assert_eq!(all, [1, 2, 3]);
    /// ```
    pub fn truncate(&mut self, len: usize) {
        if let Some(part) = &mut self.part {
            part.truncate(len);
        }
    }

    /// Leaves no element. Those that there were are dropped as by [`truncate`](Self::truncate).
    ///
    /// # Panics
    /// When a destructor does.
    ///
    /// # Examples
    /// ```
    /// let mut list = rt::collections::ForkSlice::from([1, 2, 3]);
    /// list.clear();
    /// assert!(list.is_empty());
    /// ```
    pub fn clear(&mut self) {
        self.truncate(0);
    }
}

impl<T: Clone> ForkSlice<T> {
    /// Appends `value`: in place if this fork owns the tail of its buffer and there is room, or if nobody else has the buffer;
    /// else in a new buffer, to which the elements are cloned. Go's `s = append(s, v)`.
    ///
    /// # Panics
    /// `capacity overflow`, as `Vec`'s; or if `T::clone` does: then nothing has changed.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::ForkSlice;
    ///
    /// let mut fork = ForkSlice::new();
    /// fork.push(1);
    /// fork.push(2);
    /// assert_eq!(fork, [1, 2]);
    /// ```
    #[inline]
    pub fn push(&mut self, value: T) {
        let value = match &mut self.part {
            Some(part) => match part.try_push(value) {
                Ok(()) => return,
                Err(value) => value,
            },
            None => value,
        };
        self.push_slow(value);
    }

    #[cold]
    fn push_slow(&mut self, value: T) {
        let pushed = self.make_room(1).try_push(value);
        assert!(pushed.is_ok(), "who is alone and has room can push");
    }

    /// A fork of these elements and `value` behind them. Go's `append(s, v)`.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    ///
    /// # Examples
    /// ```
    /// use rt::collections::ForkSlice;
    ///
    /// let one = ForkSlice::from([1]);
    /// assert_eq!((one.append(2), one.append(3)), ([1, 2].into(), [1, 3].into()));
    /// ```
    #[must_use = "the fork itself is as long as before"]
    pub fn append(&self, value: T) -> Self {
        let mut longer = self.clone();
        longer.push(value);
        longer
    }

    /// Appends clones of `others`. Go's `s = append(s, t...)`.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    ///
    /// # Examples
    /// ```
    /// let mut list = rt::collections::ForkSlice::from(["a"]);
    /// list.extend_from_slice(&["b", "c"]);
    /// assert_eq!(list, ["a", "b", "c"]);
    /// ```
    pub fn extend_from_slice(&mut self, others: &[T]) {
        self.push_all(others.to_vec());
    }

    /// Appends all at once.
    fn push_all(&mut self, mut values: Vec<T>) {
        let done = self.part.as_mut().is_some_and(|part| part.try_append(&mut values));
        if !done && !values.is_empty() {
            let done = self.make_room(values.len()).try_append(&mut values);
            assert!(done, "who is alone and has room can append");
        }
    }

    /// The elements as a `Vec`: moved, if nobody else has the buffer, else cloned.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::ForkSlice;
    ///
    /// let fork = ForkSlice::from([1, 2, 3]);
    /// assert_eq!(fork.reslice(..2).into_vec(), [1, 2]);
    /// assert_eq!(fork.into_vec(), [1, 2, 3]);
    /// ```
    pub fn into_vec(mut self) -> Vec<T> {
        let (elements, rest) = self.take_elements(0);
        // Their code may panic: then the elements are still here, and are dropped, too.
        drop(rest);
        drop(self);
        elements
    }

    /// Takes a buffer with room for `more` elements.
    fn make_room(&mut self, more: usize) -> &mut Part<T> {
        let (elements, _rest) = self.take_elements(more);
        // `_rest` is dropped at last: its code may panic.
        self.part.insert(Part::from_vec(elements))
    }

    /// The elements, moved or cloned, with room for `more`; and whatever else was in the buffer, to be dropped.
    fn take_elements(&mut self, more: usize) -> (Vec<T>, [Vec<T>; 2]) {
        match self.part.take().map(Part::into_vec) {
            None => (Vec::with_capacity(more), [Vec::new(), Vec::new()]),
            Some(Ok((mut elements, start, end))) => {
                let behind = elements.split_off(end);
                let before = elements.drain(..start).collect();
                elements.reserve(more);
                (elements, [before, behind])
            }
            Some(Err(part)) => {
                let part = &*self.part.insert(part);
                let len = part.elements().len();
                // Room to go on, as a `Vec` takes it.
                let room = if more == 0 { len } else { len.saturating_add(more.max(len)).max(4) };
                let mut elements = Vec::with_capacity(room);
                elements.extend_from_slice(part.elements());
                (elements, [Vec::new(), Vec::new()])
            }
        }
    }
}
