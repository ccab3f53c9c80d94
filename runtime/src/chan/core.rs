//! The channel itself: a [`Gate`] and the values behind it. Both faces, and select, are made of it.

use super::buffer::Buffer;
use super::clock::Clock;
use super::gate::{
    CLOCK, CLOSED, End, Gate, Line, Locked, RECEIVERS, RECV_WATCHERS, SEND_WATCHERS, SENDERS, Side,
    Step,
};
use super::wait::{Case, Look};
use crate::prim::UnsafeCell;
use crate::prim::atomic::AtomicUsize;
use crate::util;
use crate::wait::{self, Until};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::time::{Duration, Instant};

/// The capacity of a channel without bounds.
pub(super) const UNBOUNDED: usize = usize::MAX;

/// See the [module](self). A line of its own, so that two channels do not meet in the caches.
#[repr(align(64))]
pub(super) struct Core<T> {
    pub(super) gate: Gate,
    /// Under the gate's lock.
    buffer: UnsafeCell<Buffer<T>>,
    /// What a clock's value is made of. `None`: it has no values, and counts as closed when it is due.
    tick: Option<fn(Instant) -> T>,
    /// Only who made it closes it.
    pub(super) owned: bool,
    /// Called when it is closed, without the lock.
    on_close: Option<fn()>,
    /// Handles of the Rust face, by side; see `handle`.
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
}

// SAFETY: values are moved in and out under the lock, and by claims that give them to one party
// alone (`gate`, invariant 2); no two threads ever share one. The rest is `Sync` by itself.
unsafe impl<T: Send> Sync for Core<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Core<T> {}

/// No section under the lock runs user code, so no panic leaves it half changed.
impl<T> std::panic::UnwindSafe for Core<T> {}
impl<T> std::panic::RefUnwindSafe for Core<T> {}

impl<T> Core<T> {
    pub(super) fn new(cap: usize) -> Self {
        Self::build(cap, None, None)
    }

    /// A channel that calls `on_close` once when it is closed, by whatever.
    pub(super) fn watched(cap: usize, on_close: fn()) -> Self {
        let mut core = Self::new(cap);
        core.on_close = Some(on_close);
        core
    }

    /// A channel that time fills.
    pub(super) fn clock(
        first: Option<Instant>,
        period: Option<Duration>,
        tick: fn(Instant) -> T,
    ) -> Self {
        Self::build(0, Some(Clock::new(first, period)), Some(tick))
    }

    /// A channel without values and without senders, that only its maker closes; or time, at `end`.
    pub(super) fn bell(end: Option<Instant>) -> Self {
        let clock = end.map(|end| Clock::new(Some(end), None));
        let mut core = Self::build(0, clock, None);
        core.owned = true;
        core
    }

    fn build(cap: usize, clock: Option<Clock>, tick: Option<fn(Instant) -> T>) -> Self {
        Self {
            gate: Gate::new(cap, clock),
            buffer: UnsafeCell::new(Buffer::new(cap)),
            tick,
            owned: false,
            on_close: None,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    /// Sends; waits while it cannot, unless `until` is over. Gives the value back with the reason.
    #[inline(always)]
    pub(super) fn send(&self, value: T, until: Until<'_>) -> Result<(), (End, T)> {
        let mut value = ManuallyDrop::new(value);
        let place = &raw mut *value;
        let here = wait::here();
        let mut locked = self.gate.lock_from(here);
        // SAFETY: ours until it has passed, and then it is forgotten.
        let step = unsafe { self.send_locked(&mut locked, place) };
        let end = match step {
            Step::Passed => {
                drop(locked);
                here.checkpoint("after send");
                return Ok(());
            }
            Step::Wake(slot) => {
                drop(locked);
                wait::wake(slot);
                here.checkpoint("after send");
                return Ok(());
            }
            Step::Closed => End::Closed,
            _ => {
                // SAFETY: the place lives until the call returns.
                let case = unsafe { self.send_case(place) };
                case.go_on(here, step, locked, until)
            }
        };
        match end {
            End::Passed => Ok(()),
            _ => Err((end, ManuallyDrop::into_inner(value))),
        }
    }

    /// Sends if that needs no waiting.
    #[inline]
    pub(super) fn try_send(&self, value: T) -> Result<(), (End, T)> {
        let mut value = ManuallyDrop::new(value);
        let here = wait::here();
        if self.gate.may_be_ready_now(Side::Send) {
            let mut locked = self.gate.lock_from(here);
            // SAFETY: ours until it has passed, and then it is forgotten.
            let step = unsafe { self.send_locked(&mut locked, &raw mut *value) };
            drop(locked);
            match step {
                Step::Passed => {
                    here.checkpoint("after try_send");
                    return Ok(());
                }
                Step::Wake(slot) => {
                    wait::wake(slot);
                    here.checkpoint("after try_send");
                    return Ok(());
                }
                Step::Watched => {
                    self.gate.notify(Side::Recv);
                    here.checkpoint("after try_send");
                    return Ok(());
                }
                Step::Closed => return Err((End::Closed, ManuallyDrop::into_inner(value))),
                Step::Blocked | Step::Claimed(_) => {}
            }
        }
        here.checkpoint("after try_send");
        Err((End::TimedOut, ManuallyDrop::into_inner(value)))
    }

    /// Receives; waits while it cannot, unless `until` is over.
    #[inline(always)]
    pub(super) fn recv(&self, until: Until<'_>) -> Result<T, End> {
        let mut value = MaybeUninit::uninit();
        let here = wait::here();
        let mut locked = self.gate.lock_from(here);
        // SAFETY: the place is ours.
        let step = unsafe { self.recv_locked(&mut locked, value.as_mut_ptr()) };
        let end = match step {
            Step::Passed => {
                drop(locked);
                here.checkpoint("after recv");
                End::Passed
            }
            Step::Wake(slot) => {
                drop(locked);
                wait::wake(slot);
                here.checkpoint("after recv");
                End::Passed
            }
            Step::Closed => End::Closed,
            _ => {
                // SAFETY: the place lives until the call returns.
                let case = unsafe { self.recv_case(value.as_mut_ptr()) };
                case.go_on(here, step, locked, until)
            }
        };
        match end {
            // SAFETY: a value that has passed is in its place.
            End::Passed => Ok(unsafe { value.assume_init() }),
            _ => Err(end),
        }
    }

    /// Receives if that needs no waiting.
    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, End> {
        let mut value = MaybeUninit::uninit();
        let here = wait::here();
        if self.gate.may_be_ready_now(Side::Recv) {
            let mut locked = self.gate.lock_from(here);
            // SAFETY: the place is ours.
            let step = unsafe { self.recv_locked(&mut locked, value.as_mut_ptr()) };
            drop(locked);
            let end = match step {
                Step::Passed => {
                    here.checkpoint("after try_recv");
                    Some(End::Passed)
                }
                Step::Wake(slot) => {
                    wait::wake(slot);
                    here.checkpoint("after try_recv");
                    Some(End::Passed)
                }
                Step::Closed => Some(End::Closed),
                Step::Blocked => None,
                Step::Watched | Step::Claimed(_) => {
                    // SAFETY: the place lives until the call returns.
                    let case = unsafe { self.recv_case(value.as_mut_ptr()) };
                    case.settle_or_look(step)
                }
            };
            match end {
                // SAFETY: a value that has passed is in its place.
                Some(End::Passed) => return Ok(unsafe { value.assume_init() }),
                Some(end) => return Err(end),
                None => {}
            }
        }
        // Settling may have switched: where we are is asked anew.
        wait::checkpoint("after try_recv");
        Err(End::TimedOut)
    }

    /// Closes: senders from now on fail, receivers get what is buffered; who waits is released.
    /// `false`: it was closed already.
    pub(super) fn close(&self) -> bool {
        let mut locked = self.gate.lock();
        if !locked.set_closed() {
            return false;
        }
        locked.stop_clock();
        drop(locked);
        self.gate.release_all();
        if let Some(on_close) = self.on_close {
            on_close();
        }
        true
    }

    /// Drops what is buffered. Only of a closed channel, into which nothing more comes.
    pub(super) fn discard(&self) {
        let mut locked = self.gate.lock();
        debug_assert!(self.gate.is_closed());
        let len = self.gate.len();
        locked.set_len(0);
        // SAFETY: the lock is held.
        let buffer = self.buffer.with_mut(|b| unsafe { &mut *b });
        let mut old = std::mem::replace(buffer, Buffer::new(0));
        drop(locked);
        // Destructors are strangers' code: without the lock.
        drop_values(&mut old, len);
    }

    /// One look, as a sender.
    ///
    /// # Safety
    /// `locked` is this channel's. The value at `value` is the caller's; when the step says that it has
    /// passed, it is no longer.
    #[inline(always)]
    unsafe fn send_locked(&self, locked: &mut Locked<'_>, value: *mut T) -> Step {
        let flags = self.gate.flags();
        if flags & (CLOSED | RECEIVERS | RECV_WATCHERS) != 0 {
            if flags & CLOSED != 0 {
                return Step::Closed;
            }
            if let Some(node) = locked.claim_first(Line::Cases(Side::Recv)) {
                // SAFETY: claimed, so its place is ours to fill (`gate`, invariant 2), and the value
                // is the caller's to give.
                unsafe { node.value.get().cast::<T>().copy_from_nonoverlapping(value, 1) };
                // SAFETY: claimed just now.
                return Step::Wake(unsafe { node.finish(End::Passed) });
            }
        }
        let len = self.gate.len();
        if len >= self.gate.limit() {
            return Step::Blocked;
        }
        // SAFETY: the lock is held.
        let buffer = self.buffer.with_mut(|b| unsafe { &mut *b });
        // SAFETY: there is room, and the value is the caller's to give.
        unsafe { buffer.push(value) };
        locked.set_len(len + 1);
        if flags & RECV_WATCHERS != 0 { Step::Watched } else { Step::Passed }
    }

    /// One look, as a receiver.
    ///
    /// # Safety
    /// `locked` is this channel's. `value` may be written to.
    #[inline(always)]
    unsafe fn recv_locked(&self, locked: &mut Locked<'_>, value: *mut T) -> Step {
        let flags = self.gate.flags();
        let len = self.gate.len();
        if len != 0 {
            // SAFETY: the lock is held.
            let buffer = self.buffer.with_mut(|b| unsafe { &mut *b });
            // SAFETY: there is a value.
            let first = unsafe { buffer.pop() };
            // SAFETY: as the caller says.
            unsafe { value.write(first) };
            if flags & (SENDERS | SEND_WATCHERS) != 0 {
                return self.refill(locked, len - 1);
            }
            locked.set_len(len - 1);
            return Step::Passed;
        }
        if flags & (SENDERS | CLOSED | CLOCK) == 0 {
            return Step::Blocked;
        }
        if flags & SENDERS != 0
            && let Some(node) = locked.claim_first(Line::Cases(Side::Send))
        {
            if node.is_offer() {
                return Step::Claimed(node);
            }
            // SAFETY: claimed, so its value is ours to take; the place is the caller's.
            unsafe { value.copy_from_nonoverlapping(node.value.get().cast::<T>(), 1) };
            // SAFETY: claimed just now.
            return Step::Wake(unsafe { node.finish(End::Passed) });
        }
        if flags & CLOCK != 0 {
            match self.tick {
                Some(tick) => {
                    if let Some(at) = locked.take_due(util::now()) {
                        // SAFETY: as the caller says.
                        unsafe { value.write(tick(at)) };
                        return Step::Passed;
                    }
                }
                None if locked.is_due() => return Step::Closed,
                None => {}
            }
        }
        if flags & CLOSED != 0 { Step::Closed } else { Step::Blocked }
    }

    /// There are `len` values, and there is room for one more: it goes to the first sender who waits for
    /// it, if there is one.
    #[inline]
    fn refill(&self, locked: &mut Locked<'_>, len: usize) -> Step {
        if let Some(node) = locked.claim_first(Line::Cases(Side::Send)) {
            if node.is_offer() {
                locked.set_len(len);
                locked.reserve();
            } else {
                // SAFETY: the lock is held.
                let buffer = self.buffer.with_mut(|b| unsafe { &mut *b });
                // SAFETY: claimed, so its value is ours to take, and there is room for it.
                unsafe { buffer.push(node.value.get().cast::<T>()) };
                locked.set_len(len + 1);
            }
            // SAFETY: claimed just now.
            return Step::Wake(unsafe { node.finish(End::Passed) });
        }
        locked.set_len(len);
        if self.gate.flags() & SEND_WATCHERS != 0 { Step::Watched } else { Step::Passed }
    }

    /// Sending what is at `value`, as a case to wait for; null: an offer.
    ///
    /// # Safety
    /// `value` shows a value that is the caller's, and stays in place while the case is used. Once the
    /// case has passed, the value is the caller's no longer.
    #[inline]
    pub(super) unsafe fn send_case(&self, value: *mut T) -> Case<'_> {
        unsafe fn look<T>(core: *const (), locked: &mut Locked<'_>, value: *mut ()) -> Step {
            // SAFETY: made of this very type, in `case`.
            let core = unsafe { &*core.cast::<Core<T>>() };
            // SAFETY: as `Case` promises.
            unsafe { core.send_locked(locked, value.cast()) }
        }
        self.case(value, Side::Send, look::<T>)
    }

    /// Receiving into `value`, as a case to wait for.
    ///
    /// # Safety
    /// `value` may be written to, and stays in place while the case is used.
    #[inline]
    pub(super) unsafe fn recv_case(&self, value: *mut T) -> Case<'_> {
        unsafe fn look<T>(core: *const (), locked: &mut Locked<'_>, value: *mut ()) -> Step {
            // SAFETY: made of this very type, in `case`.
            let core = unsafe { &*core.cast::<Core<T>>() };
            // SAFETY: as `Case` promises.
            unsafe { core.recv_locked(locked, value.cast()) }
        }
        self.case(value, Side::Recv, look::<T>)
    }

    #[inline(always)]
    fn case(&self, value: *mut T, side: Side, look: Look) -> Case<'_> {
        unsafe fn refill<T>(core: *const (), locked: &mut Locked<'_>) -> Step {
            // SAFETY: made of this very type below.
            let core = unsafe { &*core.cast::<Core<T>>() };
            core.refill(locked, core.gate.len())
        }
        let core = std::ptr::from_ref(self).cast();
        Case { gate: &self.gate, core, value: value.cast(), side, look, refill: refill::<T> }
    }

    /// How many values fit; `None`: any number.
    pub(super) fn capacity(&self) -> Option<usize> {
        match self.gate.cap {
            UNBOUNDED => None,
            // What is due, if anything.
            0 if self.tick.is_some() => Some(1),
            cap => Some(cap),
        }
    }

    /// How many values are there for receivers who do not wait.
    pub(super) fn len(&self) -> usize {
        if self.tick.is_none() {
            return self.gate.len();
        }
        usize::from(self.gate.lock().is_due())
    }

    /// Whether there is no room for a value: a place that a select keeps is none.
    pub(super) fn is_full(&self) -> bool {
        let room = if self.tick.is_none() { self.gate.limit() } else { 1 };
        self.len() >= room
    }

    /// Whether it is closed, by whatever.
    pub(super) fn is_closed(&self) -> bool {
        let ends = self.tick.is_none() && self.gate.flags() & CLOCK != 0;
        self.gate.is_closed() || (ends && self.gate.lock().is_due())
    }
}

fn drop_values<T>(buffer: &mut Buffer<T>, len: usize) {
    /// Goes on with the rest when a destructor panics.
    struct Rest<'a, T>(&'a mut Buffer<T>, usize);
    impl<T> Drop for Rest<'_, T> {
        fn drop(&mut self) {
            while self.1 > 0 {
                self.1 -= 1;
                // SAFETY: so many values are left.
                drop(unsafe { self.0.pop() });
            }
        }
    }
    if std::mem::needs_drop::<T>() {
        let mut rest = Rest(buffer, len);
        while rest.1 > 0 {
            rest.1 -= 1;
            // SAFETY: so many values are left.
            drop(unsafe { rest.0.pop() });
        }
    }
}

impl<T> Drop for Core<T> {
    fn drop(&mut self) {
        let len = self.gate.len();
        // SAFETY: `&mut self`: nobody else is there.
        let buffer = self.buffer.with_mut(|b| unsafe { &mut *b });
        drop_values(buffer, len);
    }
}
