//! What a [`Select`](super::Select) has chosen, until it is completed.
//!
//! # Invariants
//! 1. A receiving case writes into its place, whose type is its channel's. While a select runs, nobody else has
//!    the place: one that an operation still holds is replaced before.
//! 2. An operation that has received holds a place with a value in it, and takes it out once.
//! 3. Channels with one gate are one channel: they carry one type.
//! 4. A place touches what is in it in `drop_value` alone, so it may outlive what its type borrows: a `Select` may
//!    be dropped after its channels. An operation, which calls that, lives no longer than they.

use super::{RecvOperand, SendOperand};
use crate::chan::gate::{End, Side};
use crate::chan::offer::Kept;
use crate::chan::wait::Case;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;
use std::rc::Rc;

/// Where a value is received, whatever its type and lifetime (invariant 4).
pub(super) trait Place {
    fn at(&self) -> *mut ();
    fn another(&self) -> Rc<dyn Place>;
    /// # Safety
    /// There is a value, and it is the caller's.
    unsafe fn drop_value(&self);
}

struct PlaceOf<T>(UnsafeCell<MaybeUninit<T>>);

/// A place for one value.
pub(super) fn place_of<'a, T: 'a>() -> Rc<dyn Place> {
    let place: Rc<dyn Place + 'a> = Rc::new(PlaceOf::<T>(UnsafeCell::new(MaybeUninit::uninit())));
    // SAFETY: they differ in the lifetime alone, and it is not needed (invariant 4).
    unsafe { std::mem::transmute::<Rc<dyn Place + 'a>, Rc<dyn Place>>(place) }
}

impl<T> Place for PlaceOf<T> {
    fn at(&self) -> *mut () {
        self.0.get().cast()
    }

    fn another(&self) -> Rc<dyn Place> {
        place_of::<T>()
    }

    unsafe fn drop_value(&self) {
        // SAFETY: as the caller says.
        unsafe { self.0.get().cast::<T>().drop_in_place() };
    }
}

/// The case that a [`Select`](super::Select) has chosen; it must be completed.
///
/// Dropped instead, it undoes what can be undone: a value that was received is dropped, a receiver that waits for
/// this send begins its wait anew, a place in the buffer is given up. Then it panics, unless the goroutine
/// unwinds already.
///
/// # Examples
/// ```
/// use rt::chan::{Select, bounded};
///
/// let ((tx, rx), (other, _kept)) = (bounded(1), bounded(0));
/// let mut select = Select::new();
/// let (receive, send) = (select.recv(&rx), select.send(&other));
/// tx.send("text").unwrap();
/// let chosen = select.select();
/// if chosen.index() == send {
///     chosen.send(&other, 1).unwrap(); // not here: nobody receives
/// } else {
///     assert_eq!(chosen.index(), receive);
///     assert_eq!(chosen.recv(&rx), Ok("text"));
/// }
/// ```
#[must_use = "what was chosen has to be completed"]
pub struct SelectedOperation<'a> {
    index: usize,
    case: Case<'a>,
    state: State,
}

pub(super) enum State {
    /// Invariant 2.
    Received(Rc<dyn Place>),
    /// A send that will not wait.
    Promised(Kept),
    Closed,
    Completed,
}

impl<'a> SelectedOperation<'a> {
    pub(super) fn new(index: usize, case: Case<'a>, state: State) -> Self {
        Self { index, case, state }
    }

    /// The index of the case.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a receive; never waits.
    ///
    /// Returns what the channel's own `recv` does: an `Option` for a `Chan`, a `Result` for a `Receiver`.
    ///
    /// # Panics
    /// When something else was chosen than to receive from `rx`'s channel.
    #[track_caller]
    pub fn recv<R: RecvOperand + ?Sized>(mut self, rx: &R) -> R::Output {
        // SAFETY: the case is only asked for its gate.
        let case = unsafe { rx.end().case(ptr::null_mut()) };
        assert!(
            self.is_of(Side::Recv, case),
            "the case that was chosen does not receive from this channel"
        );
        match std::mem::replace(&mut self.state, State::Completed) {
            State::Received(place) => {
                // SAFETY: there is a value, taken once (invariant 2), of this type (invariants 1 and 3).
                R::output(Some(unsafe { place.at().cast::<R::Value>().read() }))
            }
            _ => R::output(None),
        }
    }

    /// Completes a send; never waits.
    ///
    /// Returns what the channel's own `send` does: nothing for a `Chan`, a `Result` for a `Sender`.
    ///
    /// # Panics
    /// When something else was chosen than to send into `tx`'s channel. "send on closed channel", for a
    /// `Chan` that is closed, also if it was only closed after the choice.
    #[track_caller]
    pub fn send<S: SendOperand + ?Sized>(mut self, tx: &S, value: S::Value) -> S::Output {
        // SAFETY: the case is only asked for its gate.
        let case = unsafe { tx.end().case(ptr::null_mut()) };
        assert!(
            self.is_of(Side::Send, case),
            "the case that was chosen does not send into this channel"
        );
        let mut value = ManuallyDrop::new(value);
        let end = match std::mem::replace(&mut self.state, State::Completed) {
            State::Promised(kept) => {
                let case = Case { value: (&raw mut *value).cast(), ..self.case };
                // SAFETY: `kept` was for this case, and is used once; the value is of the channel's
                // type (invariant 3).
                unsafe { case.fulfil::<S::Value>(kept) }
            }
            _ => End::Closed,
        };
        S::output((end != End::Passed).then(|| ManuallyDrop::into_inner(value)))
    }

    /// `false`: it is completed.
    fn undo(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Completed) {
            State::Completed => return false,
            // SAFETY: there is a value, dropped instead of taken (invariant 2).
            State::Received(place) => unsafe { place.drop_value() },
            // SAFETY: `kept` was for this case, and is used once.
            State::Promised(kept) => unsafe { self.case.withdraw(kept) },
            State::Closed => {}
        }
        true
    }

    /// What a drop does, without the panic.
    #[cfg(all(test, any(loom, shuttle)))]
    pub(in crate::chan) fn withdraw(mut self) {
        self.undo();
    }

    fn is_of(&self, side: Side, case: Option<Case<'_>>) -> bool {
        self.case.side == side && case.is_some_and(|case| ptr::eq(case.gate, self.case.gate))
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        if self.undo() && !std::thread::panicking() {
            panic!("dropped `SelectedOperation` without completing the operation");
        }
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation").field("index", &self.index).finish_non_exhaustive()
    }
}
