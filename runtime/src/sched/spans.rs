//! `tracing`'s spans follow their goroutine.
//!
//! The subscriber keeps, for each thread, the stack of spans that were entered there. A goroutine that leaves its thread
//! with a span entered would leave it to whoever runs there next, and be without it elsewhere. So it exits its spans
//! before the switch, from the innermost outward, and enters them again after it, on whatever thread that is. What
//! is on the thread's stack before a switch is its own: whoever ran there before has taken theirs along.
//!
//! Invariants:
//! 1. This is a stranger's code, the subscriber's. It runs on the goroutine's stack, outside of the runtime.
//!    So it may panic, or wait for something in `rt`. Neither ends the goroutine's own wait, which something is registered for: a
//!    panic ends here, after the hook has told it, and cancellation is kept away.
//! 2. Meanwhile the goroutine is bound to its thread: `tracing` keeps a borrow of a thread-local over the subscriber's calls,
//!    and if these wait for something, they block the thread.
//! 3. Who pins the goroutine there, and leaves it so, has pinned it: then it does not leave its thread, but waits there.
//! 4. If they waited before the switch, they may have taken the token that the goroutine is about to wait for. Then it does not wait:
//!    a park may return for no reason.

use super::body::quietly;
use super::switch::{Pin, stays};
use crate::carrier::Slot;
use crate::m::CurrentM;
use crate::prim::global::Ordering;
use tracing::{Dispatch, Id, dispatcher};

/// The spans that a goroutine has left, the innermost first.
pub(super) struct Spans(Vec<Id>);

impl Spans {
    /// Before the switch. `None`: it is not to switch, and has its spans: it has done so by `stay`, which keeps the thread
    /// (invariant 3), or is not to wait (invariant 4).
    #[inline(always)]
    pub(super) fn leave(
        m: CurrentM,
        slot: &'static Slot,
        stay: fn(CurrentM, &'static Slot),
    ) -> Option<Self> {
        if dispatcher::has_been_set() {
            Self::leave_slow(m, slot, stay)
        } else {
            Some(Self(Vec::new()))
        }
    }

    #[cold]
    #[inline(never)]
    fn leave_slow(
        m: CurrentM,
        slot: &'static Slot,
        stay: fn(CurrentM, &'static Slot),
    ) -> Option<Self> {
        let seen = slot.word.seen();
        let mut left = Vec::new();
        stranger(m, slot, || {
            dispatcher::get_default(|subscriber: &Dispatch| {
                while let Some(id) = subscriber.current_span().into_inner().map(|(id, _)| id) {
                    subscriber.exit(&id);
                    // One that does not listen would keep us here.
                    let again = subscriber.current_span();
                    let stays = again.id() == Some(&id) && left.len() >= DEEPEST;
                    left.push(id);
                    if stays {
                        break;
                    }
                }
            });
        });
        let spans = Self(left);
        if slot.word.seen() == seen {
            if !stays(slot) {
                return Some(spans);
            }
            stay(m, slot);
        }
        spans.enter(m, slot);
        None
    }

    /// After the switch.
    #[inline(always)]
    pub(super) fn enter(&self, m: CurrentM, slot: &'static Slot) {
        if !self.0.is_empty() {
            self.enter_slow(m, slot);
        }
    }

    #[cold]
    #[inline(never)]
    fn enter_slow(&self, m: CurrentM, slot: &'static Slot) {
        stranger(m, slot, || {
            dispatcher::get_default(|subscriber: &Dispatch| {
                self.0.iter().rev().for_each(|id| subscriber.enter(id));
            });
        });
    }
}

/// Calls `f`, a stranger's code, in the middle of the goroutine's wait: see invariants 1 and 2.
fn stranger(m: CurrentM, slot: &'static Slot, f: impl FnOnce()) {
    let _pin = Pin::new(m, slot);
    // It notes its own waits.
    let (reason, object) = (&slot.reason, &slot.object);
    let noted = (reason.load(Ordering::Relaxed), object.load(Ordering::Relaxed));
    slot.masks.set(slot.masks.get() + 1);
    quietly(f);
    slot.masks.set(slot.masks.get() - 1);
    reason.store(noted.0, Ordering::Relaxed);
    object.store(noted.1, Ordering::Relaxed);
}

/// Nobody is in so many spans.
const DEEPEST: usize = 1 << 10;
