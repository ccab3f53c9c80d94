//! Whose poller it is that a waiter waits with.
//!
//! Goroutines wait with the poller of their runtime, which its threads serve beside their other work
//! (`sched::poll`). Plain threads wait with one that has a thread of its own, which sleeps in the kernel while
//! nothing happens. It starts with the first such wait and stays.
//!
//! Invariant: once [`SERVED`] holds a poller, a thread polls it to the end of the process.

use crate::carrier::Slot;
use crate::poller::Poller;
use crate::prim::global::Mutex;
use std::io;
use std::sync::{Arc, OnceLock};

static SERVED: OnceLock<Arc<Poller>> = OnceLock::new();

/// Calls `f` with the poller that wakes who waits on `slot`, the caller's own: the one of a goroutine's
/// runtime, or for a plain thread the one that is served.
///
/// # Errors
/// When the system has no file or no thread for one.
#[inline]
pub(crate) fn with_poller<R>(
    slot: &'static Slot,
    f: impl FnOnce(&Arc<Poller>) -> R,
) -> io::Result<R> {
    if slot.has_stack() {
        return super::home(slot).poller().map(f);
    }
    match SERVED.get() {
        Some(poller) => Ok(f(poller)),
        None => start().map(f),
    }
}

#[cold]
fn start() -> io::Result<&'static Arc<Poller>> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock();
    if let Some(poller) = SERVED.get() {
        return Ok(poller);
    }
    let poller = Arc::new(Poller::new()?);
    let served = Arc::clone(&poller);
    std::thread::Builder::new().name("rt-net".into()).spawn(move || serve(&served))?;
    Ok(SERVED.get_or_init(|| poller))
}

fn serve(poller: &Poller) {
    crate::util::enlist_servant(crate::sys::thread_id());
    loop {
        if let Err(error) = poller.poll(None, &mut |slot| super::wake(slot)) {
            crate::util::refused("epoll_wait", &error, "");
        }
    }
}
