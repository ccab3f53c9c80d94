//! Leaving a runtime.

use crate::prim::global::Ordering;
use crate::sched::{self, Sched, Unfinished};
use crate::util;
use crate::wait::{self, Mask, Why};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long dropping a runtime waits for goroutines that do not end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Goroutines were left when the time was up.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// let runtime = rt::Runtime::builder().build()?;
/// if let Err(left) = runtime.shutdown_timeout(Duration::from_secs(1)) {
///     eprintln!("{left}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ShutdownTimeout {
    ids: Vec<u64>,
}

impl ShutdownTimeout {
    /// The ids of the goroutines that did not end.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = rt::Runtime::builder().build()?;
    /// let (tx, rx) = std::sync::mpsc::channel::<()>();
    /// let busy = runtime.handle().spawn(move || rx.recv()); // in the system: it cannot be unwound
    /// while !runtime.dump().goroutines().iter().any(|g| g.has_started()) {
    ///     std::thread::yield_now();
    /// }
    /// let left = runtime.shutdown_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(left.goroutines(), [busy.task().id().get()]);
    /// drop(tx);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn goroutines(&self) -> &[u64] {
        &self.ids
    }
}

impl fmt::Display for ShutdownTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More than that are counted.
        const SHOWN: usize = 16;
        f.write_str("the runtime shut down without waiting for ")?;
        match self.ids.len() {
            0 => return f.write_str("goroutines that had not started"),
            1 => f.write_str("goroutine ")?,
            _ => f.write_str("goroutines ")?,
        }
        for (i, id) in self.ids.iter().take(SHOWN).enumerate() {
            write!(f, "{}{id}", if i == 0 { "" } else { ", " })?;
        }
        if let Some(more @ 1..) = self.ids.len().checked_sub(SHOWN) {
            write!(f, " and {more} more")?;
        }
        f.write_str(
            ", which did not end in time: burning, in a system call, swallowing the unwinding, or the caller",
        )
    }
}

impl std::error::Error for ShutdownTimeout {}

/// Shuts down and waits, unless the caller is one of the goroutines that are to end; what does not end is left alone for ever.
/// Returns how many threads have not ended when the time is up, though all goroutines have.
pub(super) fn shut_down(
    sched: &Arc<Sched>,
    timeout: Option<Duration>,
) -> Result<usize, ShutdownTimeout> {
    if sched.is_current() {
        sched.begin_stop();
        let own = sched::current_slot().map(|slot| slot.id.load(Ordering::Relaxed));
        return Err(ShutdownTimeout { ids: own.into_iter().collect() });
    }
    // A lab's clock would not show that time passes: its goroutine has a thread wait.
    if sched::current_sched().is_some_and(|own| own.is_lab()) {
        let on_a_thread = || {
            std::thread::scope(|scope| {
                let new = std::thread::Builder::new().name("rt-shutdown".to_owned());
                new.spawn_scoped(scope, || shut_down(sched, timeout)).ok()?.join().ok()
            })
        };
        if let Some(result) = wait::blocking(on_a_thread) {
            return result;
        }
    }
    let deadline = timeout.and_then(|timeout| util::now().checked_add(timeout));
    sched.begin_stop();
    let result = wait::with(|slot| {
        // A goroutine of another runtime may wait here.
        let _mask = Mask::new(slot);
        sched.wait_stopped(deadline, slot, |until| {
            wait::park_until(slot, Why::Runtime, until.into());
        })
    });
    result.map_err(|Unfinished(ids)| {
        // Its goroutines may wake up yet, and look for it.
        let _for_ever = Arc::into_raw(Arc::clone(sched));
        ShutdownTimeout { ids }
    })
}

/// What dropping a runtime does.
pub(super) fn drop_runtime(sched: &Arc<Sched>) {
    let is_own = sched.is_current();
    match shut_down(sched, Some(PATIENCE)) {
        Ok(0) => {}
        Ok(threads) => util::say(format_args!(
            "rt: the runtime shut down without waiting for {threads} of its threads, which did not end in time: \
             destructors of thread-locals still run there"
        )),
        Err(left) if !is_own => util::say(format_args!("rt: {left}")),
        Err(_) => {}
    }
}
