//! The second half of a [`join`](crate::join), on offer to any processor that has nothing to do.
//!
//! A joiner puts an offer on its processor's stack, does its first half, and takes the offer back. Mostly it still lies on
//! top, and nobody else has seen it. But the joiner may have waited meanwhile and go on with another processor, or
//! another goroutine may have put its own above: then it is withdrawn where it lies, by its state.
//!
//! ```text
//!   the joiner, who has not found it on top      CAS OPEN -> TOMB
//!   who else takes it out of the stack           CAS OPEN -> TAKEN
//! ```
//!
//! Whose CAS wins has the half. The node is freed by whoever comes second: after TOMB by who takes it out of the
//! stack, after TAKEN by the joiner; and by the joiner if it has taken it out itself, when no CAS is needed.
//!
//! Invariants:
//! 1. A node lies on one stack at most, once. Who takes it out and is not its joiner takes it by the CAS, or frees it, or puts it
//!    on a stack again.
//! 2. `what` is written before the node is put on a stack; who has taken it out reads it before the CAS, after which the
//!    node may be gone.
//! 3. What `half` names outlives its node's being OPEN, and, if it was TAKEN, the goroutine that runs it: the joiner waits for that.
//!
//! Orderings: each CAS is a Release if it wins, so that who comes second (Acquire) and frees the node does so after
//! the other's last access. What the joiner wrote before, the stack hands over (invariant 3 of `queue`).

use super::{GRef, Scope};
use crate::carrier::Slot;
use crate::prim::UnsafeCell;
use crate::prim::atomic::{AtomicU32, Ordering};
use crate::queue::Item;
use std::panic::Location;
use std::ptr::NonNull;

/// What can be offered: a closure in the joiner's frame.
pub(crate) trait Half: Scope {
    /// Does it. Once, and by who has taken it.
    fn run(&self);
    /// It has been taken, and `g` will run it.
    fn taken(&self, g: GRef);
    /// The joiner.
    fn parent(&self) -> u64;
    /// Where the goroutine that runs it begins.
    fn site(&self) -> &'static Location<'static>;
}

const OPEN: u32 = 0;
const TAKEN: u32 = 1;
const TOMB: u32 = 2;

/// See the [module](self).
#[derive(Debug)]
struct Node {
    state: AtomicU32,
    what: UnsafeCell<What>,
}

#[derive(Clone, Copy, Debug)]
struct What {
    half: NonNull<dyn Half>,
    /// Where the joiner runs: good to be looked at even when the joiner has gone on.
    joiner: NonNull<Slot>,
}

/// A node on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer(NonNull<Node>);

// SAFETY: a node is shared by its state's protocol, and what it names is Sync as far as that goes: the half's
// closure and result are Send, and handed over whole.
unsafe impl Send for Offer {}

impl Item for Offer {
    #[inline]
    fn into_word(self) -> NonNull<()> {
        self.0.cast()
    }

    #[inline]
    unsafe fn from_word(word: NonNull<()>) -> Self {
        Self(word.cast())
    }
}

impl Offer {
    /// A node for `half` of the goroutine on the slot `joiner`: `spare`, or a new one.
    ///
    /// # Safety
    /// `spare` has been given back by its protocol's last side. The caller sees to invariant 3.
    #[inline]
    pub(crate) unsafe fn new(
        spare: Option<Self>,
        half: NonNull<dyn Half>,
        joiner: NonNull<Slot>,
    ) -> Self {
        let what = What { half, joiner };
        let Some(spare) = spare else { return Self::allocate(what) };
        // SAFETY: nobody else knows it.
        let node = unsafe { spare.0.as_ref() };
        node.state.store(OPEN, Ordering::Relaxed);
        // SAFETY: as above.
        node.what.with_mut(|place| unsafe { *place = what });
        spare
    }

    #[cold]
    fn allocate(what: What) -> Self {
        let node = Node { state: AtomicU32::new(OPEN), what: UnsafeCell::new(what) };
        Self(NonNull::from(Box::leak(Box::new(node))))
    }

    /// Where its joiner runs, if it has not withdrawn it, as of a moment ago.
    ///
    /// # Safety
    /// By who has taken it out of a stack and is not its joiner, before anything else.
    pub(crate) unsafe fn joiner(self) -> Option<&'static Slot> {
        // SAFETY: it is freed by us, or after we have made it TAKEN.
        let node = unsafe { self.0.as_ref() };
        // SAFETY: invariant 2.
        let joiner = node.what.with_mut(|what| unsafe { *what }).joiner;
        // SAFETY: a slot is never unmapped.
        let joiner = unsafe { joiner.as_ref() };
        (node.state.load(Ordering::Relaxed) == OPEN).then_some(joiner)
    }

    /// The joiner, who has not taken it out, wants its half back. `true`: it has it, and the node is no longer its
    /// concern. `false`: somebody else runs it, and the node is the joiner's.
    ///
    /// # Safety
    /// By the joiner, once.
    pub(crate) unsafe fn withdraw(self) -> bool {
        // SAFETY: it is freed after TOMB or by the joiner alone.
        let node = unsafe { self.0.as_ref() };
        node.state.compare_exchange(OPEN, TOMB, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Who has taken it out wants the half. `None`: it has been withdrawn, and the node is the caller's.
    ///
    /// # Safety
    /// By who has taken it out of a stack and is not its joiner, once.
    pub(crate) unsafe fn take(self) -> Option<NonNull<dyn Half>> {
        // SAFETY: it is freed by us, or after we have made it TAKEN.
        let node = unsafe { self.0.as_ref() };
        // SAFETY: invariant 2.
        let half = node.what.with_mut(|what| unsafe { *what }).half;
        let taken =
            node.state.compare_exchange(OPEN, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok();
        taken.then_some(half)
    }

    /// Frees the node.
    ///
    /// # Safety
    /// By its protocol's last side.
    pub(crate) unsafe fn free(self) {
        // SAFETY: made by `Box::leak` in `allocate`; nobody else knows it.
        let node = unsafe { Box::from_raw(self.0.as_ptr()) };
        // In a model: whoever looked at it has done so before.
        node.what.with_mut(|_| ());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    //! Broken on purpose, and noticed: `take` without Release, `withdraw` without Acquire (the joiner frees the
    //! node while it is looked at); `take` that does not look at the state.

    use super::*;
    use crate::g::Outcome;
    use crate::queue::Stack;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    struct Work {
        times: UnsafeCell<u32>,
        done: AtomicBool,
    }

    // SAFETY: `times` is checked by loom.
    unsafe impl Sync for Work {}
    // SAFETY: as above.
    unsafe impl Send for Work {}

    impl Scope for Work {
        fn child_ends(&self, _g: GRef, _outcome: Outcome) {}
        fn child_done(&self) {
            self.done.store(true, Ordering::Release);
        }
    }

    impl Half for Work {
        fn run(&self) {
            // SAFETY: loom checks.
            self.times.with_mut(|times| unsafe { *times += 1 });
        }
        fn taken(&self, _g: GRef) {}
        fn parent(&self) -> u64 {
            0
        }
        fn site(&self) -> &'static Location<'static> {
            Location::caller()
        }
    }

    /// Two joins, one in the other, and a thief; the joiner finds its offers on top, or withdraws them where they lie.
    fn model(on_top: bool) {
        loom::model(move || {
            let works: [Arc<Work>; 2] = std::array::from_fn(|_| {
                Arc::new(Work { times: UnsafeCell::new(0), done: AtomicBool::new(false) })
            });
            let (stack, bottom) = Stack::new(false);
            let offers = works.each_ref().map(|work| {
                let half: NonNull<dyn Half> = NonNull::from(&**work);
                // SAFETY: the work outlives the model's threads.
                let offer = unsafe { Offer::new(None, half, NonNull::dangling()) };
                stack.push(offer);
                offer
            });
            let keep = works.clone();
            let thief = thread::spawn(move || {
                let Some(offer) = bottom.steal() else { return };
                // SAFETY: taken out; the work is kept.
                match unsafe { offer.take().map(|half| half.as_ref()) } {
                    Some(work) => {
                        work.run();
                        work.child_done();
                    }
                    // SAFETY: withdrawn.
                    None => unsafe { offer.free() },
                }
                drop(keep);
            });
            for (work, offer) in works.iter().zip(offers).rev() {
                let top = if on_top { stack.pop() } else { None };
                let ours = top == Some(offer) || {
                    top.into_iter().for_each(|top| stack.push(top));
                    // SAFETY: it is ours.
                    unsafe { offer.withdraw() }
                };
                if top == Some(offer) || !ours {
                    // SAFETY: we are the last side.
                    unsafe { offer.free() };
                }
                if ours {
                    work.run();
                } else {
                    while !work.done.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                }
                // SAFETY: loom checks.
                work.times.with(|times| assert_eq!(unsafe { *times }, 1));
            }
            thief.join().unwrap();
            while let Some(tomb) = stack.pop() {
                // SAFETY: taken out.
                assert!(unsafe { tomb.take() }.is_none());
                // SAFETY: withdrawn.
                unsafe { tomb.free() };
            }
        });
    }

    #[test]
    fn on_top() {
        model(true);
    }

    #[test]
    fn where_it_lies() {
        model(false);
    }
}
