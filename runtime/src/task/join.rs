//! Waiting for a goroutine's result.

use super::{JoinError, Task};
use crate::carrier::Slot;
use crate::g::{AfterDetach, G, GBox, Joiner, Outcome};
use crate::prim::global::{AtomicBool, Ordering};
use crate::util;
use crate::wait::{self, Cancel, Mask, Until, Why};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The result of a goroutine that is still to come. Dropping it detaches the goroutine.
///
/// It is also a [`Future`], of the same `Result` as [`join`](Self::join), for any executor.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let ok = rt::spawn(|| 1);
///     let bad = rt::spawn(|| -> i32 { panic!("no") });
///     assert_eq!(ok.join().unwrap(), 1);
///     assert!(bad.join().unwrap_err().is_panic());
/// }
/// ```
pub struct JoinHandle<T> {
    cell: GBox,
    /// Somebody waits in `join_timeout`, or took the result.
    busy: AtomicBool,
    result: PhantomData<T>,
}

// SAFETY: the handle is one of the two sides of the goroutine: what it touches is atomic, or
// ordered by its state, or behind `busy`. The T crosses threads, so it is `Send`.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: as above; `&JoinHandle` lets one thread at a time (`busy`) take the T out.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}
impl<T> std::panic::UnwindSafe for JoinHandle<T> {}
impl<T> std::panic::RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Becomes the handle's side of `cell`, whose output is a `T`.
    #[inline]
    pub(crate) fn new(cell: GBox) -> Self {
        Self { cell, busy: AtomicBool::new(false), result: PhantomData }
    }

    fn g(&self) -> &G {
        // SAFETY: the handle keeps it alive.
        unsafe { self.cell.as_ref().get() }
    }

    /// Waits for the goroutine to end, and returns what it returned.
    ///
    /// Blocks the goroutine that calls, or the thread.
    ///
    /// # Errors
    /// A [`JoinError`] when it ended by a panic, was aborted, exited, or never got a stack.
    ///
    /// # Panics
    /// When [`join_timeout`](Self::join_timeout), [`join_ctx`](Self::join_ctx) or the future has taken the result.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert_eq!(rt::spawn(|| 6 * 7).join().unwrap(), 42);
    ///     assert!(rt::spawn(|| panic!("oh")).join().unwrap_err().is_panic());
    /// }
    /// ```
    #[track_caller]
    #[inline]
    pub fn join(self) -> Result<T, JoinError> {
        if self.g().state.is_complete() {
            wait::checkpoint("after join");
        } else {
            self.wait_complete();
        }
        self.take()
    }

    /// Waits for the goroutine even if the caller is cancelled, which it passes on.
    #[track_caller]
    pub(crate) fn join_masked(self) -> Result<T, JoinError> {
        wait::with(|slot| {
            let _mask = Mask::new(slot);
            let g = self.g();
            self.set_joiner(Joiner::Parked(slot));
            let _registered = Registered(g);
            let mut passed_on = false;
            while !g.state.is_complete() {
                // Looked at after each wake-up: it may come at any time.
                if !passed_on && wait::passes_on(slot) {
                    passed_on = true;
                    self.abort();
                }
                wait::park(slot, Why::Join.on(g));
            }
        });
        self.take()
    }

    /// Waits for at most `timeout`.
    ///
    /// # Errors
    /// A [`JoinError`]; [`is_timeout`](JoinError::is_timeout) if the goroutine still runs, and
    /// the handle can be used again then.
    ///
    /// # Panics
    /// When the result was taken, or another thread waits in this handle's `join_timeout` or `join_ctx` now.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// #[rt::main]
    /// fn main() {
    ///     let slow = rt::spawn(|| rt::time::sleep(Duration::from_secs(60)));
    ///     assert!(slow.join_timeout(Duration::from_millis(5)).unwrap_err().is_timeout());
    ///     slow.abort();
    /// }
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, timeout: Duration) -> Result<T, JoinError> {
        let until = util::now().checked_add(timeout).into();
        let _busy = self.occupy();
        if self.wait_complete_until(until) { self.take() } else { Err(JoinError::timeout()) }
    }

    /// Waits until `ctx` is done at most.
    ///
    /// # Errors
    /// A [`JoinError`]; [`context_error`](JoinError::context_error) says if it is the context's, also if that is done
    /// already, and the handle can be used again then.
    ///
    /// # Panics
    /// As [`join_timeout`](Self::join_timeout).
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (ctx, cancel) = Context::background().with_cancel();
    ///     let slow = rt::spawn(|| rt::time::sleep(std::time::Duration::from_secs(60)));
    ///     cancel();
    ///     let error = slow.join_ctx(&ctx).unwrap_err();
    ///     assert_eq!(error.context_error(), Some(ContextError::Canceled));
    ///     slow.abort();
    /// }
    /// ```
    #[track_caller]
    pub fn join_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> Result<T, JoinError> {
        if let Some(error) = ctx.err() {
            return Err(JoinError::context(error));
        }
        let _busy = self.occupy();
        wait::in_time(ctx, |until| self.wait_complete_until(until)).map_err(JoinError::context)?;
        self.take()
    }

    /// The caller alone waits, and takes the result, as long as it has what this returns.
    #[track_caller]
    fn occupy(&self) -> Busy<'_> {
        assert!(
            !self.busy.swap(true, Ordering::Acquire),
            "join_timeout: another thread waits for this goroutine by the same handle"
        );
        Busy(&self.busy)
    }

    /// Whether the goroutine has ended, so that `join` would not wait.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let gate = rt::chan::Chan::<()>::new(0);
    ///     let waits = rt::go!(gate => gate.recv());
    ///     assert!(!waits.is_finished());
    ///     gate.close();
    ///     assert_eq!(waits.join().unwrap(), None);
    /// }
    /// ```
    pub fn is_finished(&self) -> bool {
        let is_finished = self.g().state.is_complete();
        wait::point("after is_finished");
        is_finished
    }

    /// Who the goroutine is.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let handle = rt::spawn(rt::task::current);
    ///     let task = handle.task();
    ///     assert_eq!(handle.join().unwrap().id(), task.id());
    /// }
    /// ```
    #[must_use]
    pub fn task(&self) -> Task {
        Task::of(self.g())
    }

    /// Ends the goroutine: unwinds it from the point where it waits, or from the next such point
    /// that it gets to. Before its start, its closure is dropped. Does not wait.
    ///
    /// A goroutine that never waits is not reached. One that ended is not changed. One that had been handed what it waited
    /// for (a value, a permit, a lock, a meeting) and has not run since has it: nothing is lost, and it is unwound at its next wait.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let endless = rt::spawn(|| loop { rt::yield_now() });
    ///     endless.abort();
    ///     assert!(endless.join().unwrap_err().is_cancelled());
    /// }
    /// ```
    pub fn abort(&self) {
        if let Some(slot) = self.g().abort() {
            wait::wake(slot);
        }
        wait::point("after abort");
    }

    #[inline(always)]
    fn wait_complete(&self) {
        wait::with(|slot| {
            self.wait_by(slot, || {
                wait::park_for(slot, Why::Join.on(self.g()), Some(self.cell.as_ref()));
                true
            })
        });
    }

    /// `false`: the time was up.
    fn wait_complete_until(&self, until: Until<'_>) -> bool {
        if self.g().state.is_complete() {
            return true;
        }
        if until.is_never() {
            self.wait_complete();
            return true;
        }
        wait::with(|slot| {
            self.wait_by(slot, || {
                let goes_on = !until.is_over();
                if goes_on {
                    wait::park_until(slot, Why::Join.on(self.g()), until);
                }
                goes_on
            })
        })
    }

    /// Rests on `slot` until it has ended. `false`: `rest` said so first.
    #[inline(always)]
    fn wait_by(&self, slot: &'static Slot, mut rest: impl FnMut() -> bool) -> bool {
        let g = self.g();
        self.set_joiner(Joiner::Parked(slot));
        // Also when the wait ends by unwinding.
        let _registered = Registered(g);
        loop {
            if g.state.is_complete() {
                return true;
            }
            if !rest() {
                return false;
            }
        }
    }

    /// Registers `joiner`, in the place of who was. If it is complete there is nothing to wake for.
    #[inline]
    fn set_joiner(&self, joiner: Joiner) {
        let g = self.g();
        if g.state.has_joiner() {
            // A future that was polled, and is now waited for in another way.
            unregister(g);
        }
        let raw = joiner.into_raw();
        g.joiner.store(raw, Ordering::Relaxed);
        if !g.state.register() {
            // SAFETY: just made, and the runtime side did not see it.
            drop(unsafe { Joiner::from_raw(raw) });
        }
    }

    /// Takes out what the goroutine left.
    #[track_caller]
    #[inline]
    fn take(&self) -> Result<T, JoinError> {
        let outcome = self.g().outcome();
        match outcome {
            // SAFETY: complete, and this handle's T is the goroutine's.
            Outcome::Value => Ok(unsafe { self.cell.take_value::<T>() }),
            _ => self.take_error(outcome),
        }
    }

    #[track_caller]
    #[cold]
    fn take_error(&self, outcome: Outcome) -> Result<T, JoinError> {
        match outcome {
            Outcome::Panic => {
                // SAFETY: complete, and the outcome is Panic.
                Err(JoinError::panicked(unsafe { self.cell.take_panic() }))
            }
            Outcome::Resource => Err(JoinError::resource()),
            Outcome::Cancelled => Err(JoinError::cancelled()),
            Outcome::Taken => panic!("join: the result of this goroutine was already taken"),
            Outcome::Value | Outcome::Pending => {
                util::bug(format_args!("joined a goroutine in state {outcome:?}"))
            }
        }
    }
}

/// See [`JoinHandle::occupy`].
struct Busy<'a>(&'a AtomicBool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        // Release pairs with the Acquire of the next swap.
        self.0.store(false, Ordering::Release);
    }
}

/// Unregisters the joiner at the end of a wait.
struct Registered<'a>(&'a G);

impl Drop for Registered<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.0.state.is_complete() {
            unregister(self.0);
        }
    }
}

#[cold]
fn unregister(g: &G) {
    if g.state.unregister() == Some(true) {
        // SAFETY: JOINER was set and is not any more: what is registered is ours again.
        drop(unsafe { Joiner::from_raw(g.joiner.load(Ordering::Relaxed)) });
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let g = self.g();
        if !g.state.is_complete() {
            self.set_joiner(Joiner::Task(Box::new(cx.waker().clone())));
        }
        if g.state.is_complete() { Poll::Ready(self.take()) } else { Poll::Pending }
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        // Read before `detach` lets the goroutine free everything.
        let joiner = self.g().joiner.load(Ordering::Relaxed);
        match if self.g().state.is_complete() {
            AfterDetach::Complete
        } else {
            self.g().state.detach()
        } {
            AfterDetach::Complete => {
                struct Free(GBox);
                impl Drop for Free {
                    fn drop(&mut self) {
                        // SAFETY: the handle's side keeps it alive until `leave`.
                        if unsafe { self.0.as_ref().get() }.state.leave() {
                            // SAFETY: this is the last side.
                            unsafe { self.0.free() };
                        }
                    }
                }
                let free = Free(self.cell);
                if matches!(self.g().outcome(), Outcome::Value | Outcome::Panic) {
                    // SAFETY: complete: the output is ours.
                    unsafe { self.cell.drop_stage(Outcome::Taken) };
                }
                drop(free);
            }
            AfterDetach::Running { had_joiner: true } => {
                // SAFETY: JOINER was set and is not any more: what is registered is ours again.
                drop(unsafe { Joiner::from_raw(joiner) });
            }
            AfterDetach::Running { had_joiner: false } => {}
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("task", &self.task())
            .field("finished", &self.is_finished())
            .finish()
    }
}
