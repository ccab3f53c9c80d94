//! `Slice`: Go's slice.
//!
//! ```text
//!  array   0  1  2  3  4  5  6  7        one Vec, counted, behind a RefCell
//!          └─────────┬─────────┘
//!  s1 = array[..5]   start 0  len 5  cap 8
//!  s2 = array[3..6]  start 3  len 3  cap 5
//! ```
//!
//! A slice is a header (array, start, len, cap), passed by value; slices of one array see what is written through each
//! other. The array is a `Vec` of which only the length matters that was ever written: what lies beyond, up to the
//! capacity, was never written, and is made by `T::default()` when a slice is extended over it.
//!
//! There is one `unsafe` in it, in `append::put`. What keeps it right for every `T`, one whose `Clone`, `Default`, `PartialEq` or `Drop` panics
//! or uses the very same slice included:
//!
//! 1. Of a nil slice, and of no other, `array` is None; its start, len and cap are 0.
//! 2. `start + len <= array.len()`, and an array never becomes shorter while it is shared: every element of a slice exists.
//! 3. `start + cap <= array.capacity()`: a write into a slice's capacity never moves the array. (Elements without a size
//!    take no room; there the array has room for any number.)
//! 4. While an array is borrowed for writing no code of the user runs: what is written was made before, and what was
//!    overwritten is dropped after. So only a view can be in the way of a write, and only a `view_mut` in the way of a read.
//! 5. A header changes after the array has, and all at once: what panics on the way leaves a slice that holds 1 to 3.
//!
//! | rejected | why |
//! |---|---|
//! | a raw array with cells, and a flag of its own for views | `unsafe` all over, for nothing: the same speed |
//! | a parameter for the policy of growth | `Slice::nil()` could no longer infer it, as `HashMap::new` cannot for a hasher |
//! | an array that knows which elements views lie over | a write costs a search; a view is short |
//! | filling up to the capacity at once, as Go does | what is appended would be written twice, and `append` would want `Default` |

mod append;
mod growth;
mod iter;
mod reslice;
mod traits;

pub use growth::Growth;
pub use iter::IntoIter;

use super::bounds::check;
use std::cell::{Ref, RefCell, RefMut};
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// A window on an array that other slices may share: Go's slice, with its aliasing.
///
/// A slice is a header: which array, from where on, how many elements (`len`), and how many there is room for (`cap`).
/// Cloning one copies the header. What is written through one slice is seen through all that cover the place, until
/// an append finds no room and takes a copy of the elements to a new array.
///
/// It belongs to one goroutine (it is not [`Send`]). To have Go's speed and sharing without its surprises, or to
/// share among goroutines, take a [`ForkSlice`](super::ForkSlice); to own elements, a `Vec`.
///
/// | Go | here |
/// |---|---|
/// | `var s []T`, `s == nil` | [`nil`](Self::nil), [`is_nil`](Self::is_nil) |
/// | `make([]T, len, cap)` | [`make`](Self::make) |
/// | `[]T{a, b}` | `Slice::from([a, b])`, [`from_vec`](Self::from_vec) |
/// | `s[i]`, `s[i] = v` | [`get`](Self::get), [`set`](Self::set), [`replace`](Self::replace), [`swap`](Self::swap) |
/// | `s[i:j]`, `s[i:j:k]` | [`reslice`](Self::reslice), [`reslice3`](Self::reslice3) |
/// | `append(s, v)` | [`append`](Self::append); [`push`](Self::push) for `s = append(s, v)` |
/// | `append(s, t...)` | [`append_slice`](Self::append_slice), [`append_all`](Self::append_all), [`extend`](Extend::extend) |
/// | `copy(d, s)` | [`copy_from`](Self::copy_from) |
/// | `for _, v := range s` | `for v in &s`, which clones; `for v in s.view().iter()`, at the speed of `&[T]` |
/// | `fmt.Println(s)` | `println!("{s}")` |
///
/// # Views
/// [`view`](Self::view) lends the elements as a plain `&[T]`. As long as it lives, any write to its array panics,
/// through whichever slice: a `RefCell`'s rule, and for its reason. So there is no `s[i]` that borrows, since
/// nothing would end such a view; write `s.get(i)` or `s.view()[i]`.
///
/// Code of the elements' type (`Clone`, `Drop`, `Default`, `PartialEq`) may use the same slices. While it is called to
/// clone or compare elements these are being viewed, so that a write from there panics.
///
/// An element that holds a slice of its own array is never freed, as with any [`Rc`].
///
/// # Examples
/// ```
/// use rt::collections::Slice;
///
/// let s1 = Slice::from([0, 1, 2, 3, 4, 5, 6, 7]).reslice(..5);
/// let s2 = s1.reslice(3..6); // beyond s1's length, within its capacity
/// assert_eq!((s2.len(), s2.cap()), (3, 5));
///
/// s2.set(0, 30);
/// assert_eq!(s1, [0, 1, 2, 30, 4]); // one array
///
/// let s3 = s1.append(50);
/// assert_eq!(s2, [30, 4, 50]); // there was room: s2 sees it
///
/// let s4 = s2.append(60).append(70).append(80); // the third did not fit
/// s4.set(0, -1);
/// assert_eq!(s2.get(0), 30);
/// assert!(s3.shares_array_with(&s1) && !s4.shares_array_with(&s1));
/// ```
///
/// It does not leave its goroutine:
/// ```compile_fail
/// let s = rt::collections::Slice::from([1, 2, 3]);
/// std::thread::spawn(move || s.len());
/// ```
pub struct Slice<T> {
    array: Option<Rc<Array<T>>>,
    start: usize,
    len: usize,
    cap: usize,
    growth: Growth,
    /// What a view of a nil slice borrows.
    nothing: RefCell<()>,
}

type Array<T> = RefCell<Vec<T>>;

// What it shares, others may see after a panic: as an `Rc` of it.
impl<T: RefUnwindSafe> UnwindSafe for Slice<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Slice<T> {}

impl<T> Slice<T> {
    /// The slice without an array. Appending to it makes one. Go's `nil`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::nil();
    /// assert!(s.is_nil() && s.is_empty() && s.cap() == 0);
    /// assert_eq!(s.append(1), [1]);
    /// ```
    pub const fn nil() -> Self {
        let (growth, nothing) = (Growth::Classic, RefCell::new(()));
        Self { array: None, start: 0, len: 0, cap: 0, growth, nothing }
    }

    /// `len` elements that are `T::default()`, in an array with room for `cap`. Go's `make([]T, len, cap)`.
    ///
    /// # Panics
    /// If `len` is more than `cap`, or there is no memory for so many: `makeslice: cap out of range`, or `len`, if
    /// that alone is too large. `T::default` may panic.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::<u32>::make(4, 8);
    /// assert_eq!(s, [0, 0, 0, 0]);
    /// assert_eq!((s.len(), s.cap()), (4, 8));
    /// ```
    #[track_caller]
    pub fn make(len: usize, cap: usize) -> Self
    where
        T: Default,
    {
        let room = if len > cap { None } else { with_room(cap) };
        let Some(mut elements) = room else {
            match with_room::<T>(len) {
                None => panic!("makeslice: len out of range"),
                Some(_) => panic!("makeslice: cap out of range"),
            }
        };
        elements.resize_with(len, T::default);
        Self::over(elements, cap)
    }

    /// The elements of `vec`, with its capacity, and without copying any. Of a `vec![..]` or an array the capacity is the
    /// length, as of Go's `[]T{..}`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from_vec(vec![1, 2, 3, 4]);
    /// assert_eq!(s.cap(), 4);
    /// assert_eq!(s.append(5).cap(), 8);
    /// ```
    pub fn from_vec(vec: Vec<T>) -> Self {
        let cap = if size_of::<T>() == 0 { vec.len() } else { vec.capacity() };
        Self::over(vec, cap)
    }

    fn over(elements: Vec<T>, cap: usize) -> Self {
        let len = elements.len();
        Self { array: Some(Rc::new(RefCell::new(elements))), len, cap, ..Self::nil() }
    }

    /// The same slice; it, and what is made of it, grows by `growth` from now on.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::{Growth, Slice};
    ///
    /// let s = Slice::from_vec(vec![0; 300]).with_growth(Growth::Modern);
    /// assert_eq!(s.append(1).cap(), 567);
    /// ```
    #[must_use]
    pub fn with_growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// How it grows: [`Growth::Classic`], unless told otherwise.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::{Growth, Slice};
    ///
    /// assert_eq!(Slice::<u8>::nil().growth(), Growth::Classic);
    /// ```
    pub const fn growth(&self) -> Growth {
        self.growth
    }

    /// How many elements it has. Go's `len`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::collections::Slice::<u8>::make(3, 8).len(), 3);
    /// ```
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no elements; of a nil slice, too.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// assert!(Slice::<u8>::nil().is_empty() && Slice::<u8>::make(0, 8).is_empty());
    /// ```
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many elements it can have without a new array. Go's `cap`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::collections::Slice::<u8>::make(3, 8).cap(), 8);
    /// ```
    pub const fn cap(&self) -> usize {
        self.cap
    }

    /// Whether it has no array. Go's `s == nil`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// assert!(Slice::<u8>::nil().is_nil());
    /// assert!(!Slice::<u8>::make(0, 0).is_nil());
    /// ```
    pub const fn is_nil(&self) -> bool {
        self.array.is_none()
    }

    /// Whether both have one array, so that a write through one may be seen through the other. A nil slice shares
    /// with nobody.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([1, 2, 3]);
    /// assert!(s.reslice(..2).shares_array_with(&s));
    /// assert!(!s.append(4).shares_array_with(&s));
    /// ```
    pub fn shares_array_with(&self, other: &Self) -> bool {
        match (&self.array, &other.array) {
            (Some(one), Some(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// A clone of the element at `index`. Go's `s[i]`.
    ///
    /// # Panics
    /// `index out of range [5] with length 3`. When a [`view_mut`](Self::view_mut) of the array is alive.
    ///
    /// # Examples
    /// ```
    /// let s = rt::collections::Slice::from_vec(vec!["a", "b"]);
    /// assert_eq!(s.get(1), "b");
    /// ```
    #[track_caller]
    #[inline]
    pub fn get(&self, index: usize) -> T
    where
        T: Clone,
    {
        check(index, self.len);
        self.view()[index].clone()
    }

    /// Writes `value` to `index`. Go's `s[i] = v`.
    ///
    /// # Panics
    /// `index out of range [5] with length 3`. When a view of the array is alive.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([1, 2, 3]);
    /// s.reslice(1..).set(0, 20);
    /// assert_eq!(s.get(1), 20);
    /// ```
    #[track_caller]
    #[inline]
    pub fn set(&self, index: usize, value: T) {
        self.replace(index, value);
    }

    /// Writes `value` to `index` and returns what was there. std's [`mem::replace`].
    ///
    /// # Panics
    /// As [`set`](Self::set).
    ///
    /// # Examples
    /// ```
    /// let s = rt::collections::Slice::from_vec(vec!["a", "b"]);
    /// assert_eq!(s.replace(1, "c"), "b");
    /// assert_eq!(s, ["a", "c"]);
    /// ```
    #[track_caller]
    #[inline]
    pub fn replace(&self, index: usize, value: T) -> T {
        check(index, self.len);
        mem::replace(&mut self.view_mut()[index], value)
    }

    /// Swaps two elements. Go's `s[i], s[j] = s[j], s[i]`.
    ///
    /// # Panics
    /// As [`set`](Self::set).
    ///
    /// # Examples
    /// ```
    /// let s = rt::collections::Slice::from_vec(vec!["a", "b"]);
    /// s.swap(0, 1);
    /// assert_eq!(s, ["b", "a"]);
    /// ```
    #[track_caller]
    pub fn swap(&self, i: usize, j: usize) {
        check(i, self.len);
        check(j, self.len);
        self.view_mut().swap(i, j);
    }

    /// The elements, to be read as a `&[T]`. As long as this lives, writes to the array panic.
    ///
    /// # Panics
    /// When a [`view_mut`](Self::view_mut) of the array is alive.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([3, 1, 2]);
    /// assert_eq!(s.view().iter().sum::<i32>(), 6);
    /// assert_eq!(s.view().first(), Some(&3));
    /// ```
    /// ```should_panic
    /// # let s = rt::collections::Slice::from([3, 1, 2]);
    /// let view = s.view();
    /// s.set(0, 4); // somebody reads it
    /// # drop(view);
    /// ```
    #[track_caller]
    #[inline]
    pub fn view(&self) -> Ref<'_, [T]> {
        let Some(array) = &self.array else {
            return Ref::map(self.nothing.borrow(), |()| [].as_slice());
        };
        Ref::map(read(array), |elements| &elements[self.start..self.start + self.len])
    }

    /// The elements, to be changed in place as a `&mut [T]`: to be sorted, for one. As long as this lives, reads
    /// and writes of the array by other ways panic.
    ///
    /// # Panics
    /// When another view of the array is alive.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Slice;
    ///
    /// let s = Slice::from([3, 1, 2]);
    /// s.view_mut().sort();
    /// assert_eq!(s, [1, 2, 3]);
    /// ```
    #[track_caller]
    #[inline]
    pub fn view_mut(&self) -> RefMut<'_, [T]> {
        let Some(array) = &self.array else {
            return RefMut::map(self.nothing.borrow_mut(), |()| [].as_mut_slice());
        };
        RefMut::map(write(array), |elements| &mut elements[self.start..self.start + self.len])
    }

    /// Clones of the elements, in a `Vec` of its own.
    ///
    /// # Panics
    /// When a [`view_mut`](Self::view_mut) of the array is alive.
    ///
    /// # Examples
    /// ```
    /// let s = rt::collections::Slice::from_vec(vec![1, 2]);
    /// let copy = s.to_vec();
    /// s.set(0, 7);
    /// assert_eq!(copy, [1, 2]);
    /// ```
    #[track_caller]
    pub fn to_vec(&self) -> Vec<T>
    where
        T: Clone,
    {
        self.view().to_vec()
    }
}

/// Room for exactly `cap` elements; None if that is more than there can be.
fn with_room<T>(cap: usize) -> Option<Vec<T>> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(cap).ok()?;
    Some(elements)
}

#[track_caller]
#[inline]
fn read<T>(array: &Array<T>) -> Ref<'_, Vec<T>> {
    match array.try_borrow() {
        Ok(elements) => elements,
        Err(_) => read_while_changed(),
    }
}

#[track_caller]
#[inline]
fn write<T>(array: &Array<T>) -> RefMut<'_, Vec<T>> {
    match array.try_borrow_mut() {
        Ok(elements) => elements,
        Err(_) => written_while_viewed(),
    }
}

#[cold]
#[track_caller]
fn read_while_changed() -> ! {
    panic!("slice read while a mutable view of its array is alive");
}

#[cold]
#[track_caller]
fn written_while_viewed() -> ! {
    panic!("slice written to while a view of its array is alive");
}
