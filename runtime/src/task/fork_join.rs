//! `join`: two closures, of which the second is run by somebody else if there is one with nothing to do.
//!
//! Invariants:
//! 1. [`join`] does not return, nor unwind, before its second half has been taken back or the goroutine that runs it has ended: it
//!    waits under a mask.
//! 2. The closure and the result are touched by who has the half (`g::offer`): the goroutine that runs it until `done`, the
//!    joiner after that. `done` is that goroutine's last access; what it wakes was read before.
//! 3. A joiner that is unwound by its own cancellation aborts that goroutine, and waits for it.

use super::JoinError;
use super::scope::scope_for;
use crate::carrier::Slot;
use crate::g::{GRef, Half, Outcome, Scope};
use crate::panic::caught;
use crate::prim::Mutex;
use crate::prim::global::{AtomicBool, Ordering};
use crate::sched;
use crate::wait::{self, Children, Mask, Why};
use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{Location, resume_unwind};
use std::ptr::NonNull;
use std::thread;

/// The second half, in the joiner's frame.
struct Second<B, R> {
    f: UnsafeCell<Option<B>>,
    result: UnsafeCell<Option<thread::Result<R>>>,
    done: AtomicBool,
    joiner: &'static Slot,
    site: &'static Location<'static>,
    child: Mutex<Child>,
}

/// The goroutine that runs it.
#[derive(Default)]
struct Child {
    g: Option<GRef>,
    aborted: bool,
}

impl<B: FnOnce() -> R, R> Scope for Second<B, R> {
    fn child_ends(&self, _g: GRef, _outcome: Outcome) {
        self.child.lock().g = None;
    }

    fn child_done(&self) {
        let joiner = self.joiner;
        // Release pairs with the Acquire of `are_there`. Last access (invariant 2).
        self.done.store(true, Ordering::Release);
        wait::wake(joiner);
    }
}

impl<B: FnOnce() -> R, R> Half for Second<B, R> {
    fn run(&self) {
        // SAFETY: invariant 2: the caller has the half.
        if let Some(f) = unsafe { &mut *self.f.get() }.take() {
            let result = caught(f);
            // SAFETY: as above, still.
            unsafe { *self.result.get() = Some(result) };
        }
    }

    fn taken(&self, g: GRef) {
        let mut child = self.child.lock();
        child.g = Some(g);
        if child.aborted {
            // SAFETY: it has not begun: alive. Nobody waits in it.
            let _ = unsafe { g.get() }.abort();
        }
    }

    fn site(&self) -> &'static Location<'static> {
        self.site
    }

    fn parent(&self) -> u64 {
        self.joiner.id.load(Ordering::Relaxed)
    }
}

impl<B: FnOnce() -> R, R> Second<B, R> {
    /// The closure, unless somebody has run it.
    fn take(&self) -> Option<B> {
        // SAFETY: invariant 2: the joiner has the half.
        unsafe { &mut *self.f.get() }.take()
    }

    /// Waits until the goroutine that has the half has ended.
    #[cold]
    #[inline(never)]
    fn wait(&self) {
        wait::wait_for(self, self.joiner, Why::Scope.on(self));
    }
}

impl<B: FnOnce() -> R, R> Children for Second<B, R> {
    fn are_there(&self) -> bool {
        // Acquire pairs with the Release of `child_done`.
        !self.done.load(Ordering::Acquire)
    }

    /// Invariant 3.
    fn abort(&self) {
        let mut child = self.child.lock();
        child.aborted = true;
        // SAFETY: a child takes itself out, under the lock, before it ends.
        let waits = child.g.and_then(|g| unsafe { g.get() }.abort());
        drop(child);
        if let Some(slot) = waits {
            wait::wake(slot);
        }
    }
}

/// Runs both closures, perhaps at the same time, and returns what they returned. rayon's `join`.
///
/// The caller runs `a`. Meanwhile `b` is on offer: a processor that has nothing to do runs it in a goroutine of its own. If none
/// has taken it when `a` is done, the caller runs `b` too; so a tree of joins costs little more than the calls
/// that it is made of, without allocations or switches. If `a` waits for something, the caller's processor takes `b`.
/// An `a` that instead goes round and round until `b` has run gets nowhere if no other processor is free; with one, never.
///
/// Which goroutine runs `b` is thus not known: its name, its locals and its processor may be the caller's or others.
/// If it [exits](crate::task::exit), the caller ends. A caller that is aborted aborts `b`, and waits for it.
///
/// In a destructor, let `b` wait for nothing: if another processor runs it, and the runtime shuts down meanwhile, it is unwound
/// from where it waits; then the caller has no result to go on with, and its unwinding out of a destructor ends the process.
///
/// Inside a [test's lab](crate::testing) and on a thread that has entered a runtime, `b` has a goroutine. In a runtime that
/// shuts down it gets none, and in a destructor, where the caller is not unwound, it runs after `a`.
///
/// # Panics
/// With what `a` or `b` panicked with; if both did, with `a`'s. After a panic in `a` a `b` that has not begun is
/// dropped, and one that runs is waited for.
///
/// When there is no runtime here.
///
/// # Examples
/// ```
/// fn sum(numbers: &[u64]) -> u64 {
///     if numbers.len() <= 1_000 {
///         return numbers.iter().sum();
///     }
///     let (left, right) = numbers.split_at(numbers.len() / 2);
///     let (left, right) = rt::join(|| sum(left), || sum(right));
///     left + right
/// }
///
/// #[rt::main]
/// fn main() {
///     let numbers: Vec<u64> = (1..=100_000).collect();
///     assert_eq!(sum(&numbers), 5_000_050_000);
/// }
/// ```
#[track_caller]
#[inline]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    let site = Location::caller();
    let Some(slot) = sched::current_slot() else { return join_scoped(a, b) };
    let second = Second {
        f: UnsafeCell::new(Some(b)),
        result: UnsafeCell::new(None),
        done: AtomicBool::new(false),
        joiner: slot,
        site,
        child: Mutex::new(Child::default()),
    };
    let half: NonNull<dyn Half + '_> = NonNull::from(&second);
    // SAFETY: only the lifetime changes; invariant 1.
    let half: NonNull<dyn Half> = unsafe { std::mem::transmute(half) };
    // SAFETY: invariant 1.
    let Some(offer) = (unsafe { sched::offer(half) }) else {
        return match second.take() {
            Some(b) => join_scoped(a, b),
            None => unreachable!("nobody else has it"),
        };
    };
    let first = caught(a);
    // SAFETY: it is ours, once.
    let b = if unsafe { sched::withdraw(offer) } {
        second.take()
    } else {
        second.wait();
        None
    };
    match (first, b) {
        (Ok(a), Some(b)) => (a, b()),
        (first, b) => settle(first, b, second),
    }
}

/// The first half has panicked, or the second has been taken.
#[cold]
#[inline(never)]
fn settle<B: FnOnce() -> RB, RA, RB>(
    first: thread::Result<RA>,
    b: Option<B>,
    second: Second<B, RB>,
) -> (RA, RB) {
    drop(b);
    let a = first.unwrap_or_else(|payload| resume_unwind(payload));
    if wait::passes_on(second.joiner) {
        // The other was cut short: what is there of it is not to be trusted.
        wait::raise_if_cancelled(second.joiner);
    }
    match (second.result.into_inner(), second.f.into_inner()) {
        (Some(Ok(b)), _) => (a, b),
        (Some(Err(payload)), _) => resume_unwind(payload),
        // There was no stack for it.
        (None, Some(b)) => (a, b()),
        (None, None) => unreachable!("it has been run, or is still there"),
    }
}

/// With a goroutine for the second half, whatever others do. If that never begins, the caller runs it: the runtime stops, or there
/// was no stack.
#[track_caller]
#[cold]
#[inline(never)]
fn join_scoped<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    // In a destructor, the other half is done whole as well: there it could not end the caller.
    let whole = !wait::may_unwind();
    let mut b = Some(b);
    let half = &mut b;
    let (a, second) = scope_for("rt::join", move |s| {
        let other = s.spawn(move || {
            let _mask = sched::current_slot().filter(|_| whole).map(Mask::new);
            half.take().map(|b| b())
        });
        (a(), other.join())
    });
    match (second, b) {
        (Ok(Some(second)), _) => (a, second),
        (_, Some(b)) => (a, b()),
        (Err(payload), None) => failed(payload),
        (Ok(None), None) => unreachable!("it is taken by who runs it"),
    }
}

/// What comes of a second half that had a goroutine of its own, has begun, and has no result.
#[track_caller]
fn failed(payload: Box<dyn Any + Send>) -> ! {
    match payload.downcast::<JoinError>() {
        // It has exited, or its runtime stops: in place, that would have been the end of the caller.
        Ok(error) if error.is_cancelled() && sched::current_slot().is_some() => wait::unwind(),
        Ok(error) => panic!("rt::join: the second half has no result: {error}"),
        Err(payload) => resume_unwind(payload),
    }
}
