//! `Once`: something that happens once.
//!
//! Whether it is done is one flag, which is all that is looked at afterwards. Until then everything
//! happens under a lock: who finds nobody at it begins (`running`), and all others wait. When it has
//! ended, well, in vain or by unwinding, all who wait are released; if it is not done, they start over, and one of
//! them begins.
//!
//! `running` is the slot of who is at it, who has it until the call has ended. A goroutine keeps its slot to its end, and a
//! thread to its own; in the destructors of thread locals after that it borrows one for the call, and has the same one inside
//! of it. So whoever finds its own slot there calls from inside.
//!
//! Invariants:
//! 1. `done` is set by who is at it, after that has ended well and before `running` is cleared. Release
//!    pairs with the Acquire of who sees it. Only `&mut` clears it.
//! 2. One at a time is at it: `running` is set under the lock where it is not, and cleared by who set it.
//! 3. A listed waiter leaves the queue or is released before `wait_once` returns.

use super::waiter::{Locked, Queue, Waiter};
use crate::carrier::Slot;
use crate::prim::atomic::{AtomicBool, Ordering};
use crate::prim::const_fn;
use crate::wait::{self, Until, Why};
use std::fmt;

/// Does something once. Go's `sync.Once`, for goroutines and plain threads alike.
///
/// # When it panics
/// A call that unwinds, by a panic or because its goroutine is aborted, **does not count**: it goes
/// to who made the call, and the next one, or one that already waits, tries again. (Go counts it as
/// done; std poisons.) A cancelled goroutine thus does not leave everybody else without.
///
/// # Examples
/// ```
/// use rt::sync::Once;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static START: Once = Once::new();
/// static STARTS: AtomicU32 = AtomicU32::new(0);
///
/// #[rt::main]
/// fn main() {
///     rt::scope(|s| {
///         for _ in 0..5 {
///             s.spawn(|| {
///                 START.call_once(|| drop(STARTS.fetch_add(1, Ordering::Relaxed)));
///                 assert!(START.is_completed());
///             });
///         }
///     });
///     assert_eq!(STARTS.load(Ordering::Relaxed), 1);
/// }
/// ```
pub struct Once {
    done: AtomicBool,
    room: Locked<Room>,
}

struct Room {
    /// Who is at it.
    running: Option<&'static Slot>,
    waiters: Queue,
}

/// What waiters are released with.
const ENDED: u32 = 1;

/// What there is to do.
enum Turn {
    /// Nothing: it is done.
    Done,
    /// The caller is at it.
    Mine,
    /// Wait.
    Others,
    /// The caller is at it already.
    Inside,
}

impl Turn {
    #[track_caller]
    fn check(self) {
        assert!(!matches!(self, Self::Inside), "Once: called from inside its own call");
    }
}

impl Once {
    const_fn! {
        /// Nothing has happened yet. `const`: it can be a `static`.
        ///
        /// # Examples
        /// ```
        /// static START: rt::sync::Once = rt::sync::Once::new();
        /// assert!(!START.is_completed());
        /// ```
        #[must_use]
        pub const fn new() -> Self {
            let room = Room { running: None, waiters: Queue::new() };
            Self { done: AtomicBool::new(false), room: Locked::new(room) }
        }
    }

    /// Calls `f`, unless a call has been completed before; waits while one is on its way. When this
    /// returns, one was completed, and what it did is seen.
    ///
    /// # Panics
    /// With what `f` panics with; then the next call tries again. "Once: called from inside its own
    /// call", when `f` itself calls this. (When `f` waits for another goroutine that does,
    /// both wait for ever.)
    ///
    /// # Examples
    /// ```
    /// let (once, mut calls) = (rt::sync::Once::new(), 0);
    /// once.call_once(|| calls += 1);
    /// once.call_once(|| calls += 1);
    /// assert_eq!(calls, 1);
    /// ```
    #[track_caller]
    #[inline]
    pub fn call_once(&self, f: impl FnOnce()) {
        self.call_until(|| {
            f();
            true
        });
    }

    /// The same; a call of which `f` says `false` does not count.
    #[track_caller]
    #[inline]
    pub(super) fn call_until(&self, f: impl FnOnce() -> bool) {
        if !self.done() {
            self.run(f);
        }
        wait::point("after call_once");
    }

    /// Whether a call was completed. If so, what it did is seen.
    ///
    /// # Examples
    /// ```
    /// let once = rt::sync::Once::new();
    /// once.call_once(|| ());
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    pub fn is_completed(&self) -> bool {
        let is_completed = self.done();
        wait::point("after is_completed");
        is_completed
    }

    #[inline]
    pub(super) fn done(&self) -> bool {
        // Acquire: invariant 1.
        self.done.load(Ordering::Acquire)
    }

    /// Waits until a call has been completed.
    ///
    /// # Panics
    /// "Once: called from inside its own call", when the call that it waits for is the caller's.
    ///
    /// # Examples
    /// ```
    /// use rt::sync::Once;
    /// #[rt::main]
    /// fn main() {
    ///     let once = Once::new();
    ///     rt::scope(|s| {
    ///         s.spawn(|| once.call_once(|| ()));
    ///         once.wait();
    ///         assert!(once.is_completed());
    ///     });
    /// }
    /// ```
    #[track_caller]
    #[inline]
    pub fn wait(&self) {
        if !self.done() {
            wait::with(|slot| self.begin(slot, false)).check();
        }
    }

    /// Calls `f` if it is the caller's turn.
    #[track_caller]
    #[cold]
    fn run(&self, f: impl FnOnce() -> bool) {
        /// It has ended, and well if so.
        struct Ends<'a>(&'a Once, bool);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.end(self.1);
            }
        }
        // It has its slot until the call has ended: nobody else has that meanwhile.
        let turn = wait::with(|slot| {
            let turn = self.begin(slot, true);
            if matches!(turn, Turn::Mine) {
                let mut ends = Ends(self, false);
                ends.1 = f();
            }
            turn
        });
        turn.check();
    }

    /// Waits until it is done; or, if `may_run`, until it is the caller's turn.
    fn begin(&self, slot: &'static Slot, may_run: bool) -> Turn {
        loop {
            let waiter = Waiter::new(slot, 0);
            match self.turn(slot, &waiter, may_run) {
                Turn::Others => self.wait_once(&waiter),
                turn => return turn,
            }
        }
    }

    /// Lists `waiter` if the turn is another's.
    fn turn(&self, slot: &'static Slot, waiter: &Waiter, may_run: bool) -> Turn {
        self.room.with(|room| {
            if self.done() {
                return Turn::Done;
            }
            match room.running {
                Some(running) if std::ptr::eq(running, slot) => return Turn::Inside,
                None if may_run => {
                    room.running = Some(slot);
                    return Turn::Mine;
                }
                _ => {}
            }
            // SAFETY: `wait_once` comes next, and keeps invariant 3.
            unsafe { room.waiters.push_back(waiter) };
            Turn::Others
        })
    }

    #[inline]
    fn wait_once(&self, waiter: &Waiter) {
        if let Err(end) = waiter.wait(Why::Once.on(self), Until::NEVER) {
            // SAFETY: `turn` put it there.
            if self.room.with(|room| unsafe { room.waiters.leave(waiter) }) {
                end.raise();
            } else {
                waiter.wait_taken(Why::Once);
            }
        }
    }

    /// The caller is no longer at it.
    fn end(&self, well: bool) {
        let all = self.room.with(|room| {
            if well {
                // Release: invariant 1.
                self.done.store(true, Ordering::Release);
            }
            room.running = None;
            room.waiters.take_while(|_| true)
        });
        all.release(ENDED);
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("is_completed", &self.is_completed()).finish()
    }
}
