//! What deferred code sees of its frame: the result, and the panic that is under way.
//!
//! A frame that unwinds is in one of these states, or in both: a *panic* that nobody has recovered; an *exit* (`task::exit`,
//! an abort, the end of the runtime), which nobody can. What comes later wins: a panic supersedes the panic before it and
//! leaves an exit waiting beneath; an exit ends the panic. In either state cancellation is masked, as it is in
//! destructors that run while a goroutine unwinds: what is done there is done whole.

use super::flight::{self, Owner};
use super::value::Panic;
use crate::g;
use crate::wait::Mask;
use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

/// What deferred code is called with: the frame's result, and the panic that is under way, if there is one.
///
/// Go's `recover` and named results. See [`frame`](super::frame()).
///
/// It stays with the goroutine, or the thread, whose frame it is of:
/// ```compile_fail,E0277
/// rt::panic::frame(|f| {
///     f.defer(|u| {
///         std::thread::scope(|s| drop(s.spawn(move || u.recover())));
///     });
/// });
/// ```
pub struct Unwind<'a, R> {
    /// The frame's result. After a panic it is what it was when the body panicked: the initial value,
    /// or what deferred code has made of it.
    pub result: &'a mut R,
    state: &'a mut State,
}

impl<'a, R> Unwind<'a, R> {
    #[inline(always)]
    pub(super) fn new(result: &'a mut R, state: &'a mut State) -> Self {
        Self { result, state }
    }

    /// Stops the panic and returns it: the frame runs what else was deferred, and returns its result.
    ///
    /// `None` when there is no panic, when it was recovered before, and while the goroutine exits (by
    /// [`task::exit`](crate::task::exit), an abort, or the end of its runtime). A panic that was raised while
    /// it exits can be recovered; the exit then goes on. Go's `recover`.
    ///
    /// # Examples
    /// ```
    /// use rt::panic;
    ///
    /// let divided = panic::frame_named(0, |f| {
    ///     f.defer(|u| {
    ///         if let Some(panic) = u.recover() {
    ///             assert_eq!(panic.message(), "attempt to divide by zero");
    ///             *u.result = -1;
    ///         }
    ///     });
    ///     5 / "0".parse::<i32>().unwrap()
    /// });
    /// assert_eq!(divided, -1);
    /// ```
    pub fn recover(&mut self) -> Option<Panic> {
        let mut panic = self.state.panic.take()?;
        self.state.recovered = Some(panic.leave_memory());
        if !self.state.exits {
            self.state.mask = None;
        }
        Some(panic)
    }

    /// Whether a panic is under way, which [`recover`](Self::recover) would stop.
    ///
    /// # Examples
    /// ```
    /// let seen = rt::panic::frame_named((false, false), |f| -> (bool, bool) {
    ///     f.defer(|u| u.result.1 = u.panicking());
    ///     f.defer(|u| u.result.0 = u.panicking() && u.recover().is_some());
    ///     panic!("first")
    /// });
    /// assert_eq!(seen, (true, false));
    /// ```
    pub fn panicking(&self) -> bool {
        self.state.panic.is_some()
    }

    /// Whether the goroutine exits: by [`task::exit`](crate::task::exit), an abort, or the end of its runtime. No
    /// deferred code can stop that.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, rx) = rt::chan::bounded(1);
    ///     rt::spawn(move || {
    ///         rt::panic::frame(|f| -> () {
    ///             f.defer(move |u| tx.send((u.exiting(), u.panicking())).unwrap());
    ///             rt::task::exit();
    ///         })
    ///     });
    ///     assert_eq!(rx.recv(), Ok((true, false)));
    /// }
    /// ```
    pub fn exiting(&self) -> bool {
        self.state.exits
    }
}

impl<R> fmt::Debug for Unwind<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Unwind");
        shown.field("panic", &self.state.panic).field("exiting", &self.exiting());
        shown.finish_non_exhaustive()
    }
}

/// Why a frame ends, if not by returning.
#[derive(Debug, Default)]
pub(super) struct State {
    panic: Option<Panic>,
    exits: bool,
    /// What the deferred code that runs has recovered.
    recovered: Option<Arc<Panic>>,
    mask: Option<Mask>,
}

impl State {
    /// Between one deferred call and the next.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        if self.recovered.is_some() {
            self.recovered = None;
        }
    }

    /// The body or deferred code has unwound with `payload`.
    #[cold]
    #[inline(never)]
    pub(super) fn raise(&mut self, owner: Owner, payload: Box<dyn Any + Send>) {
        let (before, recovered) = (self.panic.take(), self.recovered.take());
        if payload.is::<g::Unwind>() {
            self.exits = true;
            // Its payload is a stranger's.
            super::drop_quietly((before, recovered));
        } else {
            let known = flight::claim(owner, &*payload);
            self.exits |= known.exits;
            let mut panic = Panic::with(payload, known);
            match recovered {
                Some(memory) if memory.remembers(&panic) => panic.complete_from(&memory),
                Some(memory) => panic.supersede(memory),
                None => {}
            }
            if let Some(before) = before {
                panic.supersede(Arc::new(before));
            }
            self.panic = Some(panic);
        }
        if self.mask.is_none() {
            self.mask = owner.slot().filter(|slot| slot.masks.get() == 0).map(Mask::new);
        }
    }

    #[inline(always)]
    pub(super) fn is_over(&self) -> bool {
        self.panic.is_none() && !self.exits
    }

    /// Goes on unwinding, out of the frame.
    #[cold]
    pub(super) fn resume(self, owner: Owner) -> ! {
        drop(self.mask);
        match self.panic {
            Some(panic) => flight::launch(owner, panic, self.exits),
            None => resume_unwind(Box::new(g::Unwind)),
        }
    }
}
