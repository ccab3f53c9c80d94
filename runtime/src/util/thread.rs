//! Numbers for threads: small, dense, and cheap to ask for.

use crate::prim::global::{AtomicUsize, Mutex, Ordering};
use std::cell::Cell;

thread_local! {
    /// One more than the number; zero until it is first asked for.
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// The calling thread's number, from 0 in the order of the first calls. Never inlined: a goroutine
/// that calls may go on with another thread, and must not keep the address of this one's.
#[inline(never)]
pub(crate) fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get() - 1
}

/// The runtime's own threads that belong to no runtime in particular, as the system numbers them. They live for ever.
static SERVANTS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The calling thread, numbered so by the system, runs the runtime's own code alone, and serves plain threads.
pub(crate) fn enlist_servant(tid: u32) {
    SERVANTS.lock().push(tid);
}

/// All of them.
pub(crate) fn servants() -> Vec<u32> {
    SERVANTS.lock().clone()
}

#[cfg(test)]
mod tests {
    use super::thread_number;
    use std::collections::HashSet;
    use std::thread;

    #[test]
    fn every_thread_has_its_own_number() {
        let ask = || (thread_number(), thread_number());
        let threads: Vec<_> = (0..10).map(|_| thread::spawn(ask)).collect();
        let mut all: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        all.push(ask());
        assert!(all.iter().all(|(first, second)| first == second));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 11);
    }
}
