//! Channels under loom, with plain threads for waiters.
//!
//! What is sent is a [`Parcel`]: it counts its drop, and its content lies in a loom cell, which
//! notices a receiver who does not see what the sender wrote. Each one is dropped once, wherever it ends. A waiter
//! that nobody wakes is a loop without end, which loom reports. Time stands still but for timed
//! waits: one for a moment is over once it has begun, and the waiter is queued.
//!
//! The choices of a select are not random here: of the ready, it takes the first. Waiters have no
//! goroutine, so nothing is cancelled, and locks favour nobody.
//!
//! With one preemption at most: see `model`.
//!
//! Broken on purpose, and noticed (besides those in `offers`): a claim that loads and then stores; `finish` or `done`
//! Relaxed (by who finds it done without having been woken); a select that leaves its losing nodes queued, or one of
//! them; gates locked in the order of the arms (`two_selects_in_both_directions` comes to no end); a partner that does
//! not wake; a close that wakes nobody, or no senders; a give-up, of one case or several, that does not look whether it was claimed.
//!
//! Not noticed: a `give_up` that loads and then stores, against a claim that is one exchange (see [`prim`](crate::prim)
//! for what loom overlooks), and an offer that does not `keep` its receiver. `shuttle_tests` notices both.

mod close;
mod instant;
mod offers;
mod pass;
mod select;
mod timeout;

use super::core::Core;
use super::{Receiver, Sender};
use crate::prim::global::{AtomicUsize, Ordering};
use loom::cell::UnsafeCell;
use std::sync::Arc;

/// Which parcels were dropped, and how often.
#[derive(Clone, Default)]
struct Ledger(Arc<[AtomicUsize; 4]>);

/// A value that is dropped once.
struct Parcel {
    ledger: Ledger,
    content: UnsafeCell<usize>,
}

impl Ledger {
    /// The n-th parcel, from 0.
    fn parcel(&self, n: usize) -> Parcel {
        Parcel { ledger: self.clone(), content: UnsafeCell::new(n) }
    }

    /// The first `n` parcels were dropped.
    #[track_caller]
    fn assert_dropped(&self, n: usize) {
        let dropped: Vec<_> = self.0.iter().map(|d| d.load(Ordering::Relaxed)).collect();
        let expected: Vec<_> = (0..4).map(|i| usize::from(i < n)).collect();
        assert_eq!(dropped, expected);
    }
}

impl Parcel {
    /// Its content is written by the caller: who receives it must see that.
    fn signed(self) -> Self {
        // SAFETY: the cell itself checks that nobody else is there.
        self.content.with_mut(|content| unsafe { *content = *content });
        self
    }

    /// Which one it is.
    fn open(&self) -> usize {
        // SAFETY: the cell itself checks that the sender's write comes before.
        self.content.with(|content| unsafe { *content })
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.ledger.0[self.open()].fetch_add(1, Ordering::Relaxed);
    }
}

/// Both ends of a channel, and what keeps the channel itself to the end of the model: loom does not
/// see how an `Arc` orders its last drop after the others.
type Channel = (Sender<Parcel>, Receiver<Parcel>, Arc<Core<Parcel>>);

fn channel(cap: usize) -> Channel {
    let [one] = channels([cap]);
    one
}

/// Several, in the order of their addresses: a select's order is then the same in every run.
fn channels<const N: usize>(caps: [usize; N]) -> [Channel; N] {
    let mut cores = [(); N].map(|()| Arc::new_uninit());
    cores.sort_unstable_by_key(Arc::as_ptr);
    let mut caps = caps.into_iter();
    cores.map(|mut place| {
        if let (Some(place), Some(cap)) = (Arc::get_mut(&mut place), caps.next()) {
            place.write(Core::new(cap));
        }
        // SAFETY: written just now: nobody else has it, and there are as many capacities.
        let core = unsafe { place.assume_init() };
        (Sender::first(Arc::clone(&core)), Receiver::first(Arc::clone(&core)), core)
    })
}

/// Runs `f` in every order.
fn model(f: impl Fn(&Ledger) + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    // Who spins for a lock passes many; with two preemptions some of these take minutes.
    model.max_branches = 20_000;
    model.preemption_bound = Some(1);
    model.check(move || f(&Ledger::default()));
}
