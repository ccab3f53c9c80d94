//! The rooms of `sync` under loom, with plain threads for waiters.
//!
//! A waiter that nobody wakes is a loop without end, which loom reports. In a model any deadline is near, and who
//! was woken in vain by a mutex has waited for too long. What is guarded is a cell that checks that the
//! accesses are ordered.
//!
//! Broken on purpose, and noticed: each ordering of the lock words, and of a release, Relaxed; an unlock, the last reader, a `done`, the end of
//! a call that releases nobody; a place given up that leaves WAITING behind, keeps the next one waiting, or was taken; WOKEN that is not given
//! up, or is nobody's (at a depth of 3); tags of a `WaitGroup` that are not looked at; a `Condvar` that forgets who waits; who overtakes others that
//! wait for permits.
//!
//! Not noticed, for nothing depends on it: the Acquire of a semaphore's `serve` (who is served has acquired what was given back before it was
//! listed; from then on the lock orders all that is); READERS that stays when a reader gives up (a writer's unlock takes it away).

mod condvar;
mod mutex;
mod once;
mod rwlock;
mod semaphore;
mod waitgroup;

use loom::cell::UnsafeCell;
use loom::thread;
use std::ops::Deref;

/// A number that must be guarded.
#[derive(Debug, Default)]
struct Guarded(UnsafeCell<u32>);

impl Guarded {
    fn add(&self, more: u32) {
        // SAFETY: the cell itself checks.
        self.0.with_mut(|value| unsafe { *value += more });
    }

    fn get(&self) -> u32 {
        // SAFETY: the cell itself checks.
        self.0.with(|value| unsafe { *value })
    }
}

// SAFETY: the cell itself checks.
unsafe impl Sync for Guarded {}

/// Tries the orders in which the last of `threads`, on the model's own thread, and the others run.
/// `room` is what they share.
fn race<R, const N: usize>(
    room: impl Fn() -> R + Send + Sync + 'static,
    threads: [fn(&R); N],
    after: fn(&R),
) where
    R: Send + Sync + 'static,
{
    loom::model(move || {
        let shared = loom::sync::Arc::new(room());
        let (here, others) = threads.split_last().unwrap();
        let others: Vec<_> = others
            .iter()
            .map(|body| {
                let (shared, body) = (shared.clone(), *body);
                thread::spawn(move || body(shared.deref()))
            })
            .collect();
        here(&shared);
        others.into_iter().for_each(|thread| thread.join().unwrap());
        after(&shared);
    });
}
