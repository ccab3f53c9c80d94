//! `block_on`: futures from goroutines and plain threads.
//!
//! What a waker does is in its *signal*, which outlives the call: a flag, and the slot on which the caller
//! waits. Wakers raise the flag and, if it was down, wake the slot. The caller takes the flag down before it
//! polls again, and parks only while it is down.
//!
//! Until somebody clones the waker there is no signal: a future that is ready, or that wakes itself by the
//! reference that it is shown, costs no allocation. The waker that it is shown points at the call, on the stack.
//!
//! Invariants:
//! 1. *No wake is lost.* The flag is raised before the slot is woken, and the slot keeps a wake-up that comes
//!    before the park. Who finds the flag raised already leaves the waking to who raised it: the
//!    caller polls after taking it down, by a read-modify-write that sees all of theirs.
//! 2. *The flag is the condition, not the wake-up.* A poll may itself wait (for a lock, in another
//!    `block_on`), and so take the slot's wake-up for itself; the flag is still up.
//! 3. *A wake that comes too late does nothing.* At the end, however it comes, the flag is raised for good.
//!    Only who raised it just before may still wake the slot, for no reason (slots are never unmapped).
//! 4. The waker that points at the call is lent for a poll at a time, and never given away: whoever
//!    keeps one has cloned it, and holds the signal.

use crate::carrier::Slot;
use crate::prim::atomic::{AtomicBool, Ordering};
use crate::wait::{self, Why};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// Runs a future to its end, and returns its output. It parks the goroutine that calls, not its thread; on
/// a plain thread, that.
///
/// The future need not be `Send` or `'static`: it stays on the caller's stack. (A goroutine may go on
/// on another thread; a future that is bound to its thread wants a [pin](super::pin_thread).) Its wakers may be
/// used from anywhere at any time: other goroutines, other runtimes, plain threads, destructors, and
/// when the call has long returned. A future that wakes itself at once lets others run before it is polled again.
/// It may be polled for no reason.
///
/// There is no executor, reactor or timer of `async` Rust here: futures that want tokio's or another one's
/// have to be run there. Channels, locks and combinators that want none, and
/// [`JoinHandle`](super::JoinHandle), work as they are.
///
/// What is entered around the call, and left by dropping a guard, is bound to the thread: tokio's `Handle::enter`, a span of
/// tracing's (but with the feature `tracing` spans follow). [Pin](super::pin_thread) the goroutine for as long as the guard lives;
/// else it may be dropped on another thread, and the one it was made on stays entered.
///
/// Go has no counterpart. When the goroutine is aborted, the call unwinds, which drops the future.
///
/// # Panics
/// Goes on with a panic of the future's.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let sum = rt::block_on(async {
///         let (one, two) = (rt::spawn(|| 1), rt::spawn(|| 2));
///         one.await.unwrap() + two.await.unwrap()
///     });
///     assert_eq!(sum, 3);
/// }
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    wait::with(|slot| {
        let call = Call {
            slot,
            signal: OnceLock::new(),
            raised: AtomicBool::new(false),
            has_own: AtomicBool::new(false),
        };
        let lent = call.lend();
        // The same for every poll from then on, so that futures know it again.
        let mut cloned = None;
        loop {
            let waker = match call.signal.get() {
                None => &*lent,
                Some(signal) => {
                    call.has_own.store(true, Ordering::Relaxed);
                    cloned.get_or_insert_with(|| signal.waker())
                }
            };
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker)) {
                wait::checkpoint("after block_on");
                return output;
            }
            if call.take() {
                // It is ready again already, perhaps by itself: others first.
                wait::yield_now();
                continue;
            }
            loop {
                wait::park(slot, Why::Future.on(&raw const call));
                if call.take() {
                    break;
                }
            }
        }
    })
}

/// What wakers hold. See the [module](self).
struct Signal {
    slot: &'static Slot,
    raised: AtomicBool,
}

impl Signal {
    fn raw_waker(self: &Arc<Self>) -> RawWaker {
        RawWaker::new(Arc::into_raw(Arc::clone(self)).cast(), &SIGNAL)
    }

    fn waker(self: &Arc<Self>) -> Waker {
        let raw = self.raw_waker();
        // SAFETY: the functions of `SIGNAL` take what `raw_waker` gives them, on any thread: a `Signal` is
        // `Sync`, and everybody's slot may be woken.
        unsafe { Waker::from_raw(raw) }
    }

    fn raise(&self) {
        // Release pairs with the Acquire in `take`.
        if !self.raised.swap(true, Ordering::Release) {
            wait::wake(self.slot);
        }
    }
}

/// What the wakers of a signal do, with a count of its `Arc` each. One static, for `will_wake` compares its
/// address; of `std::task::Wake` there is a copy wherever the compiler likes.
static SIGNAL: RawWakerVTable = {
    /// # Safety (all of these)
    /// `signal` came from `Arc::into_raw`, and the caller's waker holds a count of it.
    unsafe fn clone(signal: *const ()) -> RawWaker {
        // SAFETY: as the caller says.
        unsafe { Arc::increment_strong_count(signal.cast::<Signal>()) };
        RawWaker::new(signal, &SIGNAL)
    }
    unsafe fn wake(signal: *const ()) {
        // SAFETY: as the caller says; the count is used up.
        unsafe { Arc::from_raw(signal.cast::<Signal>()) }.raise();
    }
    unsafe fn wake_by_ref(signal: *const ()) {
        // SAFETY: as the caller says.
        unsafe { &*signal.cast::<Signal>() }.raise();
    }
    unsafe fn release(signal: *const ()) {
        // SAFETY: as the caller says; the count is used up.
        drop(unsafe { Arc::from_raw(signal.cast::<Signal>()) });
    }
    RawWakerVTable::new(clone, wake, wake_by_ref, release)
};

/// One call of `block_on`.
struct Call {
    slot: &'static Slot,
    /// Once somebody has cloned the waker.
    signal: OnceLock<Arc<Signal>>,
    /// The flag until then. It is raised during a poll alone, on whatever thread, and the poll waits for
    /// that (invariant 4).
    raised: AtomicBool,
    /// One of the signal's wakers is the call's own.
    has_own: AtomicBool,
}

/// Whether somebody else than the call has a waker of it.
///
/// # Safety
/// The address is that which a waiter in `block_on` has noted, and the waiter is kept parked.
pub(crate) unsafe fn has_wakers(address: usize) -> bool {
    // SAFETY: as the caller says: it lies on the waiter's stack.
    let call = unsafe { &*std::ptr::with_exposed_provenance::<Call>(address) };
    let own = 1 + usize::from(call.has_own.load(Ordering::Relaxed));
    call.signal.get().is_some_and(|signal| Arc::strong_count(signal) > own)
}

impl Call {
    const VTABLE: RawWakerVTable =
        RawWakerVTable::new(Self::clone, Self::wake_by_ref, Self::wake_by_ref, |_| {});

    /// The waker that points here. Not to be moved out of its place.
    fn lend(&self) -> ManuallyDrop<Waker> {
        // SAFETY: the functions take what they are given for a `Call`, which this is, and which is there as
        // long as the waker is lent (invariant 4). They may be called by any thread: a `Call` is `Sync`.
        ManuallyDrop::new(unsafe { Waker::new(std::ptr::from_ref(self).cast(), &Self::VTABLE) })
    }

    /// # Safety (both of these)
    /// `call` is what `lend` pointed at, and is still there.
    unsafe fn clone(call: *const ()) -> RawWaker {
        // SAFETY: as the caller says.
        let call = unsafe { &*call.cast::<Self>() };
        let signal = call
            .signal
            .get_or_init(|| Arc::new(Signal { slot: call.slot, raised: AtomicBool::new(false) }));
        signal.raw_waker()
    }

    unsafe fn wake_by_ref(call: *const ()) {
        // SAFETY: as the caller says.
        let call = unsafe { &*call.cast::<Self>() };
        // The caller is in the middle of a poll, and will look.
        call.raised.store(true, Ordering::Release);
    }

    /// Takes the flag down. `true`: it was up.
    #[inline]
    fn take(&self) -> bool {
        // Acquire pairs with the Release of every raise since the last time: swaps go on with the release
        // sequences of those before.
        let take =
            |flag: &AtomicBool| flag.load(Ordering::Relaxed) && flag.swap(false, Ordering::Acquire);
        take(&self.raised) | self.signal.get().is_some_and(|signal| take(&signal.raised))
    }
}

/// The end of the call, also by unwinding.
impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        if let Some(signal) = self.signal.get() {
            signal.raised.store(true, Ordering::Relaxed);
        }
    }
}
