//! Offers: sends whose value is not known before they are chosen. What [`Select`](super::Select) sends with.
//!
//! An offer is chosen first, and the value is said later, without the lock. In between something is kept for
//! it: a *receiver*, claimed, or a *place* in the buffer.
//!
//! ```text
//!   who makes the offer                               a receiver
//!   looks: closed      -> chosen, for what it is
//!          a receiver  -> claims and keeps it         rests, whatever comes
//!          room        -> reserves a place
//!          else waits, as a node without a value      looks: takes from the buffer, and if an offer waits
//!                                                       first: reserves the place that is free now for it
//!                                                     looks: nothing buffered, and an offer waits first:
//!                                                       claims it, hands it its own claimed node, rests
//!   fulfil: copies the value to the receiver,
//!           or gives the place up and sends
//!   withdraw: the receiver looks again,
//!             or the place goes to who waits for it
//! ```
//!
//! So an offer keeps its turn among the senders, and even a receiver that does not wait meets it: it
//! counts as one that is there, and has only to say what it sends.
//!
//! # Invariants
//! 1. What is kept for an offer is used up once: fulfilled or withdrawn. Until then nobody else has
//!    it: the receiver is claimed (`gate`, invariant 2), the place is not counted in `limit` (`gate`, 6).
//! 2. To fulfil never waits: a claimed receiver is there, and where a place was given up under the lock,
//!    there is room. A channel that was closed meanwhile gives the value back.

use super::gate::{CLOSED, End, Line, Locked, Node, Op, RECEIVERS, Side, Step};
use super::wait::{Case, Done};
use crate::util;
use crate::wait::{self, Why};
use std::ptr;

impl Node {
    /// Whether it is a send without a value. Asked by who has claimed it, or made it.
    #[inline]
    pub(super) fn is_offer(&self) -> bool {
        self.value.get().is_null()
    }

    /// The receiver that was handed to this offer; `None`: a place is reserved for it.
    ///
    /// # Safety
    /// The node was an offer, and it has been chosen.
    pub(super) unsafe fn receiver(&self) -> Option<&'static Self> {
        // SAFETY: who finished an offer with a node has claimed that one's op, and it stays until
        // the offer is fulfilled or withdrawn (invariant 1).
        unsafe { self.value.get().cast::<Self>().as_ref() }
    }
}

impl Locked<'_> {
    /// One look, as an offer.
    pub(super) fn offer(&mut self) -> Step {
        let flags = self.gate.flags();
        if flags & CLOSED != 0 {
            return Step::Closed;
        }
        if flags & RECEIVERS != 0
            && let Some(node) = self.claim_first(Line::Cases(Side::Recv))
        {
            // SAFETY: claimed just now, under this lock.
            unsafe { node.keep() };
            return Step::Claimed(node);
        }
        if self.gate.len() >= self.gate.limit() {
            return Step::Blocked;
        }
        self.reserve();
        Step::Passed
    }

    /// Keeps a place, of which there is one, for an offer.
    pub(super) fn reserve(&mut self) {
        self.set_limit(self.gate.limit() - 1);
    }

    /// Gives a place up.
    fn release(&mut self) {
        self.set_limit(self.gate.limit() + 1);
    }
}

/// What is kept for an offer that was chosen: this receiver, or a place.
pub(super) type Kept = Option<&'static Node>;

impl Case<'_> {
    /// Whether it is a send without a value.
    pub(super) fn is_offer(&self) -> bool {
        self.side == Side::Send && self.value.is_null()
    }

    /// As a receiver that has claimed an offer: waits until it is fulfilled or withdrawn.
    #[cold]
    #[inline(never)]
    pub(super) fn meet(&self, offer: &'static Node) -> End {
        wait::with(|slot| {
            let op = Op::claimed(slot);
            let node = Node::new(&op, 0, self.value);
            // The claim lets us touch it (`gate`, invariant 2).
            offer.value.set(ptr::from_ref(&node).cast_mut().cast());
            // SAFETY: as the step said, claimed by this receiver.
            wait::wake(unsafe { offer.finish(End::Passed) });
            op.outlast(Why::ChanRecv.on(self.gate)).1
        })
    }

    /// Sends the value of this case, for an offer into the same channel that was chosen.
    ///
    /// # Safety
    /// `kept` is what is kept for that offer, and not used after. The case has a value of type `T`, as its
    /// channel has.
    pub(super) unsafe fn fulfil<T>(&self, kept: Kept) -> End {
        let end = match kept {
            Some(receiver) => {
                let place = receiver.value.get().cast::<T>();
                // SAFETY: claimed, so its place is ours to fill (`gate`, invariant 2), and the value is
                // the caller's to give.
                unsafe { place.copy_from_nonoverlapping(self.value.cast(), 1) };
                // SAFETY: claimed for the offer, and not finished (invariant 1).
                wait::wake(unsafe { receiver.finish(End::Passed) });
                End::Passed
            }
            None => {
                let mut locked = self.gate.lock();
                locked.release();
                let step = self.look(&mut locked);
                drop(locked);
                if let Step::Wake(_) = step {
                    // A receiver has it, and the place is free.
                    self.gate.notify(Side::Send);
                }
                match self.settle(step) {
                    Some(Done { end, .. }) => end,
                    None => util::bug(format_args!("no room in the place that was kept: {step:?}")),
                }
            }
        };
        wait::checkpoint("after an offer");
        end
    }

    /// Nothing is sent for this case, an offer that was chosen.
    ///
    /// # Safety
    /// `kept` is what is kept for the offer, and not used after.
    pub(super) unsafe fn withdraw(&self, kept: Kept) {
        match kept {
            // SAFETY: claimed for the offer, and not finished (invariant 1).
            Some(receiver) => wait::wake(unsafe { receiver.finish(End::Again) }),
            None => {
                let mut locked = self.gate.lock();
                locked.release();
                if self.gate.is_closed() {
                    return;
                }
                // SAFETY: `core` is this case's, and `locked` its gate's.
                let step = unsafe { (self.refill)(self.core, &mut locked) };
                drop(locked);
                match step {
                    Step::Wake(slot) => wait::wake(slot),
                    _ => self.gate.notify(Side::Send),
                }
            }
        }
    }

    /// Whether the case could happen now; as a step, of which nothing is left to do.
    pub(super) fn peek(&self, locked: &mut Locked<'_>) -> Step {
        let gate = self.gate;
        let ready = gate.is_closed()
            || locked.somebody_waits(self.side.other())
            || match self.side {
                Side::Send => gate.len() < gate.limit(),
                Side::Recv => gate.len() != 0 || locked.is_due(),
            };
        if ready { Step::Passed } else { Step::Blocked }
    }
}
