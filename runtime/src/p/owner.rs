//! Who holds a P.
//!
//! The word is (M + 1, epoch); M + 1 is 0 while nobody holds it. The epoch moves whenever the P
//! changes hands *or its holder insists on it*, so that who read an old word can take nothing from a
//! new one. The protocol in which it is taken from a holder that does not come back is at the head of
//! `m::entry`.

use crate::prim::atomic::{AtomicU64, Ordering};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Owner(AtomicU64);

/// What [`Owner::look`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u64);

impl Seen {
    /// The id of the M that held it.
    pub(crate) fn holder(self) -> Option<u32> {
        ((self.0 >> 32) as u32).checked_sub(1)
    }

    /// The next epoch, held by `m`, or by nobody.
    fn next(self, m: Option<u32>) -> u64 {
        let epoch = (self.0 as u32).wrapping_add(1);
        m.map_or(0, |m| u64::from(m) + 1) << 32 | u64::from(epoch)
    }
}

impl Owner {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Who holds it now. Acquire pairs with [`hold`](Self::hold).
    pub(crate) fn look(&self) -> Seen {
        Seen(self.0.load(Ordering::Acquire))
    }

    /// `m` holds it from now on. The caller has the P for its own, out of a list or a hand.
    pub(crate) fn hold(&self, m: u32) {
        let seen = Seen(self.0.load(Ordering::Relaxed));
        // Release pairs with `look`.
        self.0.store(seen.next(Some(m)), Ordering::Release);
    }

    /// The holder lets go. Nobody can be about to take it: the holder is inside the runtime, and
    /// if somebody asked before that, it has insisted since.
    pub(crate) fn release(&self) {
        let seen = Seen(self.0.load(Ordering::Relaxed));
        // Release pairs with `look`; the hand-over itself is ordered by the lock or word it goes through.
        self.0.store(seen.next(None), Ordering::Release);
    }

    /// The holder `m` has been asked for it, and insists. `false`: too late, it has been taken.
    #[must_use]
    pub(crate) fn keep(&self, m: u32) -> bool {
        let seen = Seen(self.0.load(Ordering::Relaxed));
        seen.holder() == Some(m) && self.replace(seen, Some(m))
    }

    /// Takes it from who held it as of `seen`, for nobody yet. `false`: something has moved.
    #[must_use]
    pub(crate) fn take(&self, seen: Seen) -> bool {
        self.replace(seen, None)
    }

    fn replace(&self, seen: Seen, m: Option<u32>) -> bool {
        let new = seen.next(m);
        self.0.compare_exchange(seen.0, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}
