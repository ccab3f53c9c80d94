//! The cases of a select, with their types: what `select!` expands to.

use crate::chan::core::Core;
use crate::chan::gate::End;
use crate::chan::wait::Case;
use crate::chan::{Chan, Receiver, RecvError, SendError, Sender};
use std::cell::Cell;
use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

/// What `recv(..)` takes in a [`select!`](crate::select): a [`Chan`], a [`Receiver`], or a pointer to one.
///
/// # Safety
/// A case made of it fills its place before it says that it has passed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from",
    label = "not a `Chan` or a `Receiver`",
    note = "`recv(..)` takes a `Chan`, a `Receiver`, or a reference to one (`&*guard` of a guard)"
)]
pub unsafe trait RecvOperand {
    /// What is received.
    type Value;
    /// What the arm is given.
    type Output;
    /// The channel itself, without pointers to it. Where this trait is missing, the compiler does not know it and is
    /// silent about the case made of it: the operand is the only error.
    type End: RecvOperand<Value = Self::Value, Output = Self::Output>;

    /// The channel itself.
    #[doc(hidden)]
    fn end(&self) -> &Self::End;

    /// The case; `None`: it never happens.
    ///
    /// # Safety
    /// `place` may be written to, and stays as it is while the case is used.
    #[doc(hidden)]
    unsafe fn case(&self, place: *mut Self::Value) -> Option<Case<'_>>;

    /// `None`: there will be no value.
    #[doc(hidden)]
    fn output(value: Option<Self::Value>) -> Self::Output;
}

/// What `send(..)` takes in a [`select!`](crate::select): a [`Chan`], a [`Sender`], or a pointer to one.
///
/// # Safety
/// A case made of it has moved the value out of its place when it says that it has passed, and not
/// otherwise.
#[diagnostic::on_unimplemented(
    message = "nothing can be sent into `{Self}`",
    label = "not a `Chan` or a `Sender`",
    note = "`send(..)` takes a `Chan`, a `Sender`, or a reference to one (`&*guard` of a guard)"
)]
pub unsafe trait SendOperand {
    /// What is sent.
    type Value;
    /// What the arm is given.
    type Output;
    /// The channel itself, without pointers to it; see [`RecvOperand::End`].
    type End: SendOperand<Value = Self::Value, Output = Self::Output>;

    /// The channel itself.
    #[doc(hidden)]
    fn end(&self) -> &Self::End;

    /// The case; `None`: it never happens.
    ///
    /// # Safety
    /// `place` shows a value that stays as it is while the case is used, or is null: then the case is an offer.
    #[doc(hidden)]
    unsafe fn case(&self, place: *mut Self::Value) -> Option<Case<'_>>;

    /// `Some`: the channel is closed, and this is the value.
    #[doc(hidden)]
    #[track_caller]
    fn output(back: Option<Self::Value>) -> Self::Output;
}

// SAFETY: `Core::recv_case` does so.
unsafe impl<T> RecvOperand for Chan<T> {
    type Value = T;
    type Output = Option<T>;
    type End = Self;

    fn end(&self) -> &Self {
        self
    }

    unsafe fn case(&self, place: *mut T) -> Option<Case<'_>> {
        // SAFETY: as the caller says.
        self.core().map(|core| unsafe { Core::recv_case(core, place) })
    }

    fn output(value: Option<T>) -> Option<T> {
        value
    }
}

// SAFETY: as above.
unsafe impl<T> RecvOperand for Receiver<T> {
    type Value = T;
    type Output = Result<T, RecvError>;
    type End = Self;

    fn end(&self) -> &Self {
        self
    }

    unsafe fn case(&self, place: *mut T) -> Option<Case<'_>> {
        // SAFETY: as the caller says.
        Some(unsafe { self.core().recv_case(place) })
    }

    fn output(value: Option<T>) -> Result<T, RecvError> {
        value.ok_or(RecvError)
    }
}

// SAFETY: `Core::send_case` does so.
unsafe impl<T> SendOperand for Chan<T> {
    type Value = T;
    type Output = ();
    type End = Self;

    fn end(&self) -> &Self {
        self
    }

    unsafe fn case(&self, place: *mut T) -> Option<Case<'_>> {
        // SAFETY: as the caller says.
        self.core().map(|core| unsafe { core.send_case(place) })
    }

    #[track_caller]
    fn output(back: Option<T>) {
        if let Some(value) = back {
            drop(value);
            crate::chan::go::not_sent(End::Closed);
        }
    }
}

// SAFETY: as above.
unsafe impl<T> SendOperand for Sender<T> {
    type Value = T;
    type Output = Result<(), SendError<T>>;
    type End = Self;

    fn end(&self) -> &Self {
        self
    }

    unsafe fn case(&self, place: *mut T) -> Option<Case<'_>> {
        // SAFETY: as the caller says.
        Some(unsafe { self.core().send_case(place) })
    }

    fn output(back: Option<T>) -> Result<(), SendError<T>> {
        back.map_or(Ok(()), |value| Err(SendError(value)))
    }
}

macro_rules! pointers {
    ($operand:ident: $($pointer:ty $(where P: $sized:ident)?),+) => {$(
        // SAFETY: it is what it points to.
        unsafe impl<P: $operand + ?Sized> $operand for $pointer $(where P: $sized)? {
            type Value = P::Value;
            type Output = P::Output;
            type End = P::End;

            fn end(&self) -> &P::End {
                P::end(self)
            }

            unsafe fn case(&self, place: *mut P::Value) -> Option<Case<'_>> {
                // SAFETY: as the caller says.
                unsafe { P::case(self, place) }
            }

            #[track_caller]
            fn output(value: Option<P::Value>) -> P::Output {
                P::output(value)
            }
        }
    )+};
}

pub(crate) use pointers;

pointers!(RecvOperand: &P, &mut P, Box<P>, Rc<P>, Arc<P>, LazyLock<P> where P: Sized);
pointers!(SendOperand: &P, &mut P, Box<P>, Rc<P>, Arc<P>, LazyLock<P> where P: Sized);

/// One case without its types, and where to note that it has happened.
#[derive(Debug)]
pub struct Arm<'a> {
    pub(super) case: Option<Case<'a>>,
    pub(super) end: &'a Cell<Option<End>>,
}

/// `recv(rx)`.
pub struct RecvCase<'a, R: RecvOperand + ?Sized> {
    rx: &'a R,
    place: MaybeUninit<R::Value>,
    end: Cell<Option<End>>,
}

/// A case that receives from `rx`.
pub fn recv_case<R: RecvOperand + ?Sized>(rx: &R) -> RecvCase<'_, R::End> {
    RecvCase { rx: rx.end(), place: MaybeUninit::uninit(), end: Cell::new(None) }
}

impl<R: RecvOperand + ?Sized> RecvCase<'_, R> {
    /// For [`select`](super::select).
    pub fn arm(&mut self) -> Arm<'_> {
        let place = self.place.as_mut_ptr();
        // SAFETY: the place is borrowed with the arm.
        let case = || unsafe { self.rx.case(place) };
        // What has happened is not to happen again: its value is in the place.
        Arm { case: if self.end.get().is_none() { case() } else { None }, end: &self.end }
    }

    /// What the arm is given, once it was chosen.
    pub fn finish(self) -> R::Output {
        R::output(match self.end.replace(None) {
            // SAFETY: it has passed, so the place is filled, and it is read once.
            Some(End::Passed) => Some(unsafe { self.place.assume_init_read() }),
            _ => None,
        })
    }
}

impl<R: RecvOperand + ?Sized> Drop for RecvCase<'_, R> {
    fn drop(&mut self) {
        if self.end.get() == Some(End::Passed) {
            // SAFETY: it has passed and was not finished: the value is still there.
            unsafe { self.place.assume_init_drop() };
        }
    }
}

/// `send(tx, value)`.
pub struct SendCase<'a, S: SendOperand + ?Sized> {
    tx: &'a S,
    value: ManuallyDrop<S::Value>,
    end: Cell<Option<End>>,
}

/// A case that sends `value` into `tx`.
pub fn send_case<S: SendOperand + ?Sized>(tx: &S, value: S::Value) -> SendCase<'_, S::End> {
    SendCase { tx: tx.end(), value: ManuallyDrop::new(value), end: Cell::new(None) }
}

impl<S: SendOperand + ?Sized> SendCase<'_, S> {
    /// For [`select`](super::select).
    pub fn arm(&mut self) -> Arm<'_> {
        let place = &raw mut *self.value;
        // SAFETY: the place is borrowed with the arm, and has its value until the case has passed.
        let case = || unsafe { self.tx.case(place) };
        // What has happened is not to happen again: its value has gone.
        Arm { case: if self.end.get().is_none() { case() } else { None }, end: &self.end }
    }

    /// What the arm is given, once it was chosen.
    #[track_caller]
    pub fn finish(self) -> S::Output {
        S::output(self.into_unsent())
    }

    /// The value, unless it has been sent.
    fn into_unsent(mut self) -> Option<S::Value> {
        let passed = self.end.replace(Some(End::Passed)) == Some(End::Passed);
        // SAFETY: it has not passed, so the value is here; from now on it counts as passed.
        (!passed).then(|| unsafe { ManuallyDrop::take(&mut self.value) })
    }
}

impl<S: SendOperand + ?Sized> Drop for SendCase<'_, S> {
    fn drop(&mut self) {
        if self.end.get() != Some(End::Passed) {
            // SAFETY: it has not passed, so the value is here.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

/// `send_from(tx, slot)`.
pub struct SendFromCase<'a, S: SendOperand + ?Sized> {
    slot: &'a mut Option<S::Value>,
    /// With what was in the slot. It is out of it while a partner may move it: whatever becomes of the
    /// case, the slot never shows a value that was sent.
    case: Option<SendCase<'a, S>>,
    /// Of a case that never happens.
    end: Cell<Option<End>>,
}

/// A case that sends what is in `slot` into `tx`, and takes it only if it is chosen. With nothing in
/// it, it never happens.
pub fn send_from_case<'a, S: SendOperand + ?Sized>(
    tx: &'a S,
    slot: &'a mut Option<S::Value>,
) -> SendFromCase<'a, S::End> {
    let case = slot.take().map(|value| send_case(tx, value));
    SendFromCase { slot, case, end: Cell::new(None) }
}

impl<S: SendOperand + ?Sized> SendFromCase<'_, S> {
    /// For [`select`](super::select).
    pub fn arm(&mut self) -> Arm<'_> {
        match &mut self.case {
            Some(case) => case.arm(),
            None => Arm { case: None, end: &self.end },
        }
    }

    /// What the arm is given, once it was chosen.
    #[track_caller]
    pub fn finish(mut self) -> S::Output {
        S::output(self.case.take().and_then(SendCase::into_unsent))
    }
}

impl<S: SendOperand + ?Sized> Drop for SendFromCase<'_, S> {
    fn drop(&mut self) {
        if let Some(case) = self.case.take() {
            *self.slot = case.into_unsent();
        }
    }
}

macro_rules! opaque {
    ($($name:ident: $operand:ident),+) => {$(
        impl<S: $operand + ?Sized> fmt::Debug for $name<'_, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

opaque!(RecvCase: RecvOperand, SendCase: SendOperand, SendFromCase: SendOperand);
