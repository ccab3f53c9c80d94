//! Values that each goroutine has for itself.
//!
//! Invariants:
//! 1. What a slot's `locals`, or the thread's [`OF_THREAD`], points to was made by [`Locals::leak`], and is freed by [`Locals::end`],
//!    by the goroutine or thread itself, when nothing of it is in [`with_locals`] any more.
//! 2. While it is cleared there, it is still where their destructors find it.
//! 3. What [`Kept`] has, no slot points to: it goes back to one, or is freed.

use crate::carrier::Slot;
use crate::sched;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr;

/// Declares values of which each goroutine has its own, made when it first asks. On a plain thread
/// they are thread locals.
///
/// ```
/// use std::cell::Cell;
///
/// rt::goroutine_local! {
///     /// How often this goroutine was greeted.
///     static GREETED: Cell<u32> = Cell::new(0);
/// }
///
/// #[rt::main]
/// fn main() {
///     GREETED.set(GREETED.get() + 1);
///     let other = rt::spawn(|| GREETED.get());
///     assert_eq!(other.join().unwrap(), 0);
///     assert_eq!(GREETED.with(Cell::get), 1);
/// }
/// ```
#[macro_export]
macro_rules! goroutine_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident : $ty:ty = $init:expr; $($rest:tt)*) => {
        $(#[$attr])*
        $vis static $name: $crate::task::LocalKey<$ty> =
            // A closure: an item's name would hide the user's, for items have no hygiene.
            $crate::task::LocalKey::<$ty>::__new(|| $init);
        $crate::goroutine_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $ty:ty = $init:expr) => {
        $crate::goroutine_local!($(#[$attr])* $vis static $name: $ty = $init;);
    };
}

/// A value that each goroutine has for itself; made by [`goroutine_local!`](crate::goroutine_local).
///
/// The values of a goroutine are dropped on its own stack when it ends, those of a plain thread among its thread locals; the
/// newest first. A destructor may use those that are older than itself, and new ones, but not what was dropped before. Of an initializer
/// that asks for its own local, which makes another, the outermost one's value stays; as with std's.
///
/// One that is a `Cell` or a `RefCell` has the short forms of [`std::thread::LocalKey`].
///
/// # Examples
/// ```
/// use std::cell::RefCell;
///
/// rt::goroutine_local! {
///     static SEEN: RefCell<Vec<u32>> = RefCell::default();
/// }
///
/// #[rt::main]
/// fn main() {
///     SEEN.with_borrow_mut(|seen| seen.push(7));
///     assert_eq!(SEEN.with_borrow(Vec::len), 1);
///     assert_eq!(rt::spawn(|| SEEN.with_borrow(Vec::len)).join().unwrap(), 0);
/// }
/// ```
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

/// The local was dropped: its goroutine, or thread, is at its end.
///
/// # Examples
/// ```
/// use rt::task::AccessError;
///
/// rt::goroutine_local! {
///     static OLDER: Tells = Tells;
///     static NEWER: u32 = 7;
/// }
/// static TOLD: rt::sync::OnceLock<AccessError> = rt::sync::OnceLock::new();
///
/// struct Tells;
/// impl Drop for Tells {
///     fn drop(&mut self) {
///         // What is newer than this was dropped before.
///         TOLD.set(NEWER.try_with(|n| *n).unwrap_err()).unwrap();
///     }
/// }
///
/// #[rt::main]
/// fn main() {
///     rt::spawn(|| OLDER.with(|_| NEWER.with(|_| ()))).join().unwrap();
///     assert_eq!(TOLD.get(), Some(&AccessError));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the local was dropped at the end of its goroutine or thread")
    }
}

impl std::error::Error for AccessError {}

/// The locals of one goroutine or thread, by the address of their key. Few: lists.
#[derive(Default)]
struct Locals {
    list: RefCell<Vec<(usize, Box<dyn Any>)>>,
    /// The keys of those that were dropped, and are not made again.
    gone: RefCell<Vec<usize>>,
}

impl Locals {
    fn leak() -> *mut Self {
        Box::into_raw(Box::default())
    }

    /// Drops all values, hides them by `hide`, and frees them.
    ///
    /// # Safety
    /// Invariants 1 and 2.
    unsafe fn end(locals: *mut Self, hide: impl FnOnce()) {
        // SAFETY: as the caller says.
        unsafe { &*locals }.clear();
        hide();
        // SAFETY: made by `leak`; nobody finds it any more.
        drop(unsafe { Box::from_raw(locals) });
    }

    /// Adds a value. One that its initializer has made of the same key, in asking for it, is superseded: nobody uses it
    /// any more, for all who did were called by the initializer.
    fn add(&self, key: usize, value: Box<dyn Any>) {
        let superseded = {
            let mut list = self.list.borrow_mut();
            let at = list.iter().position(|(other, _)| *other == key);
            let superseded = at.map(|at| list.remove(at));
            list.push((key, value));
            superseded
        };
        // Its destructor may use others, even the new one.
        drop(superseded);
    }

    /// Drops them, the newest first. Each may still use those that are left, and make others.
    fn clear(&self) {
        loop {
            let last = self.list.borrow_mut().pop();
            let Some((key, value)) = last else { return };
            self.gone.borrow_mut().push(key);
            drop(value);
        }
    }
}

thread_local! {
    /// Those of a plain thread. Nothing that is dropped: destructors of locals find it.
    static OF_THREAD: Cell<*mut Locals> = const { Cell::new(ptr::null_mut()) };
    /// Ends them.
    static AT_END: AtEnd = const { AtEnd };
}

struct AtEnd;

impl Drop for AtEnd {
    fn drop(&mut self) {
        let locals = OF_THREAD.get();
        if !locals.is_null() {
            // SAFETY: invariant 1: the thread is at its end.
            unsafe { Locals::end(locals, || OF_THREAD.set(ptr::null_mut())) };
        }
    }
}

/// The locals of a goroutine that has no stack at present. Null, or made by [`Locals::leak`].
#[derive(Debug)]
pub(crate) struct Kept(*mut ());

// SAFETY: the values are `Send`: `LocalKey` asks for that.
unsafe impl Send for Kept {}

impl Kept {
    pub(crate) const NONE: Self = Self(ptr::null_mut());

    /// Those of the goroutine that calls, on `slot`.
    #[inline]
    pub(crate) fn take(slot: &Slot) -> Self {
        Self(slot.locals.replace(ptr::null_mut()))
    }

    /// They are the caller's, on `slot`, which has none yet.
    #[inline]
    pub(crate) fn give_back(&mut self, slot: &Slot) {
        slot.locals.set(std::mem::replace(&mut self.0, ptr::null_mut()));
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}

impl Drop for Kept {
    /// Without their goroutine: its runtime has stopped, or there was no stack.
    #[inline]
    fn drop(&mut self) {
        if !self.is_empty() {
            // SAFETY: made by `leak`; nobody finds them any more (invariant 3).
            unsafe { Box::from_raw(self.0.cast::<Locals>()) }.clear();
        }
    }
}

/// Drops the locals of the goroutine that calls; again after a panic, for what is left.
pub(crate) fn drop_locals(locals: *mut ()) {
    let Some(slot) = sched::current_slot() else { return };
    // Where their destructors find them.
    slot.locals.set(locals);
    // SAFETY: invariant 1: the goroutine is at its end.
    unsafe { Locals::end(locals.cast(), || slot.locals.set(ptr::null_mut())) };
}

/// Calls `f` with the caller's locals. Never inlined: `f` may wait, and the thread's own
/// locals must not be looked up by an address from before that.
#[inline(never)]
fn with_locals<R>(f: impl FnOnce(&Locals) -> R) -> Result<R, AccessError> {
    let locals = match sched::current_slot() {
        Some(slot) => {
            if slot.locals.get().is_null() {
                slot.locals.set(Locals::leak().cast());
            }
            slot.locals.get().cast()
        }
        None => of_thread()?,
    };
    // SAFETY: invariant 1.
    Ok(f(unsafe { &*locals }))
}

/// Those of the plain thread that calls.
#[cold]
#[inline(never)]
fn of_thread() -> Result<*mut Locals, AccessError> {
    if OF_THREAD.get().is_null() {
        // When it has been dropped, nobody would end them.
        AT_END.try_with(|_| OF_THREAD.set(Locals::leak())).map_err(|_| AccessError)?;
    }
    Ok(OF_THREAD.get())
}

impl<T: Send + 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(init: fn() -> T) -> Self {
        Self { init }
    }

    /// Calls `f` with the goroutine's value, made now if this is the first time.
    ///
    /// # Panics
    /// When the value was dropped: in destructors at the end of the goroutine or thread.
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static CALLS: std::cell::Cell<u32> = std::cell::Cell::new(0);
    /// }
    ///
    /// CALLS.with(|calls| calls.set(calls.get() + 1));
    /// assert_eq!(CALLS.with(|calls| calls.get()), 1);
    /// ```
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("goroutine_local: {error}"),
        }
    }

    /// Calls `f` with the goroutine's value, made now if this is the first time.
    ///
    /// # Errors
    /// When the value was dropped: in destructors at the end of the goroutine or thread.
    ///
    /// # Examples
    /// ```
    /// rt::goroutine_local! {
    ///     static SEVEN: u32 = 7;
    /// }
    ///
    /// #[rt::main]
    /// fn main() {
    ///     assert_eq!(SEVEN.try_with(|n| n + 1), Ok(8));
    /// }
    /// ```
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        self.try_with_or(self.init, f)
    }

    /// The same; a first value is made by `init`.
    fn try_with_or<R>(
        &'static self,
        init: impl FnOnce() -> T,
        f: impl FnOnce(&T) -> R,
    ) -> Result<R, AccessError> {
        let key = std::ptr::from_ref(self).addr();
        with_locals(|locals| {
            let found = find::<T>(locals, key);
            let value: *const T = match found {
                Some(value) => value,
                None if locals.gone.borrow().contains(&key) => return Err(AccessError),
                None => {
                    // Outside of the borrow: `init` may use other locals, even this one.
                    let value: Box<T> = Box::new(init());
                    let at: *const T = &raw const *value;
                    locals.add(key, value);
                    at
                }
            };
            // SAFETY: boxed, so it stays in place while the list grows; it is dropped only when
            // the goroutine's code, `f` among it, has ended, or by an initializer that called `f` (`Locals::add`).
            Ok(f(unsafe { &*value }))
        })?
    }

    /// Calls `f` with the goroutine's value, and with `first`, unless that has just become it.
    #[track_caller]
    pub(super) fn with_first<R>(&'static self, first: T, f: impl FnOnce(&T, Option<T>) -> R) -> R {
        let first = Cell::new(Some(first));
        let init = || first.take().unwrap_or_else(self.init);
        match self.try_with_or(init, |value| f(value, first.take())) {
            Ok(result) => result,
            Err(error) => panic!("goroutine_local: {error}"),
        }
    }
}

fn find<T: 'static>(locals: &Locals, key: usize) -> Option<*const T> {
    let list = locals.list.borrow();
    let (_, value) = list.iter().find(|(k, _)| *k == key)?;
    value.downcast_ref::<T>().map(std::ptr::from_ref)
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}
