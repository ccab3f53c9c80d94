//! Who waits for a goroutine's end: a parked waiter, or a task of somebody's executor.

use crate::carrier::Slot;
use std::ptr::NonNull;
use std::task::Waker;

/// One word: a slot, or a boxed waker with the lowest bit set.
#[derive(Debug)]
pub(crate) enum Joiner {
    /// A goroutine or a thread: its park word.
    Parked(&'static Slot),
    /// A future's waker.
    Task(Box<Waker>),
}

const TASK: usize = 1;
const _: () = assert!(align_of::<Waker>() > TASK && align_of::<Slot>() > TASK);

impl Joiner {
    pub(crate) fn into_raw(self) -> *mut () {
        match self {
            Self::Parked(slot) => std::ptr::from_ref(slot).cast_mut().cast(),
            Self::Task(waker) => Box::into_raw(waker).cast::<()>().map_addr(|a| a | TASK),
        }
    }

    /// Takes it back; `None` for null.
    ///
    /// # Safety
    /// `raw` is null or came from [`into_raw`](Self::into_raw), and this is the one time that
    /// it is taken back.
    pub(crate) unsafe fn from_raw(raw: *mut ()) -> Option<Self> {
        let raw = NonNull::new(raw)?;
        if raw.addr().get() & TASK == 0 {
            // SAFETY: made from a `&'static Slot`.
            return Some(Self::Parked(unsafe { raw.cast::<Slot>().as_ref() }));
        }
        let waker = raw.as_ptr().map_addr(|a| a & !TASK).cast::<Waker>();
        // SAFETY: made by `Box::into_raw`, and not taken back before.
        Some(Self::Task(unsafe { Box::from_raw(waker) }))
    }
}
