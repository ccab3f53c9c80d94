//! `Timer` and `after_func`.

use crate::chan::{self, Receiver};
use crate::prim::global::Mutex;
use crate::task::Delayed;
use crate::util;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One event in the future, which can be stopped and moved. Go's `time.Timer`.
///
/// One made by [`new`](Self::new) puts a value on its channel; one made by [`after_func`] runs a function, once; one made
/// by [`with_func`](Self::with_func) runs it each time that it fires.
///
/// Behind the channel there is no timer: it knows when its value is due, and who receives waits until then. So
/// nothing runs while nobody receives, nothing has to be stopped to be freed, and **once `stop` or `reset` has
/// returned, no value of the old time is ever received**, as in
/// Go 1.23 and later. (There its length is always 0; here it is 1 while a value is due.) Timers that share no channel do not know of each other; dropping one that runs a
/// function does not stop it.
///
/// For goroutines and plain threads alike.
///
/// # Examples
/// ```
/// use rt::time::Timer;
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() {
///     let work = rt::spawn(|| rt::time::sleep(Duration::from_millis(1)));
///     let (tx, done) = rt::chan::bounded(1);
///     rt::spawn(move || tx.send(work.join().is_ok()));
///
///     let timer = Timer::new(Duration::from_secs(60));
///     rt::select! {
///         recv(done) -> ok => assert_eq!(ok, Ok(true)),
///         recv(timer.chan()) -> _ => unreachable!("a minute has passed"),
///     }
///     assert!(timer.stop());
/// }
/// ```
pub struct Timer(Kind);

enum Kind {
    Chan(Receiver<Instant>),
    Func { delayed: Delayed, never: OnceLock<Receiver<Instant>> },
    Again(Box<Again>),
}

/// Fires again after a reset.
struct Again {
    f: Arc<Func>,
    site: &'static Location<'static>,
    /// The one to come, or the last one. Held while the time is moved, so that there is one at a time; what is dropped under it
    /// is a count of `f`, never the last.
    next: Mutex<Delayed>,
    never: OnceLock<Receiver<Instant>>,
}

type Func = dyn Fn() + Send + Sync;

// Who has the timer never sees the function half way: each call is a goroutine of its own.
impl UnwindSafe for Again {}
impl RefUnwindSafe for Again {}

impl Again {
    fn stop(&self) -> bool {
        self.next.lock().stop()
    }

    fn reset(&self, at: Option<Instant>) -> bool {
        let mut next = self.next.lock();
        let was_armed = next.stop();
        let f = Arc::clone(&self.f);
        *next = next.another(self.site, at, move || f());
        was_armed
    }
}

impl Timer {
    /// A timer on whose channel a value comes once, after `duration`: the time at which it was due. Go's
    /// `time.NewTimer`. Zero: at once; beyond the clock's range: never.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let start = Instant::now();
    /// let timer = rt::time::Timer::new(Duration::from_millis(5));
    /// let due = timer.chan().recv().unwrap();
    /// assert!(due - start >= Duration::from_millis(5) && Instant::now() >= due);
    /// ```
    pub fn new(duration: Duration) -> Self {
        Self(Kind::Chan(chan::clock(util::now().checked_add(duration), None)))
    }

    /// A timer that runs `f` in a goroutine of its own after `duration`, and again whenever it was [`reset`](Self::reset), also when it
    /// has fired: [`after_func`] for a function that may be called more than once, and so Go's `time.AfterFunc` to the letter.
    ///
    /// Nobody waits for the last call to end before the next one begins. `f` is dropped with the timer, and with what is still to come or
    /// runs. For the rest as [`after_func`].
    ///
    /// # Panics
    /// When the caller is neither a goroutine nor inside a [`Handle::enter`](crate::Handle::enter).
    ///
    /// # Examples
    /// ```
    /// use rt::time::Timer;
    /// use std::time::Duration;
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (tx, saves) = rt::chan::unbounded();
    ///     // Saves when nothing has changed for a moment.
    ///     let quiet = Duration::from_millis(1);
    ///     let save = Timer::with_func(quiet, move || tx.send("saved").unwrap());
    ///     for _ in 0..3 {
    ///         assert_eq!(saves.recv(), Ok("saved"));
    ///         save.reset(Duration::from_secs(60)); // a change
    ///         assert!(save.reset(quiet)); // and the last for now
    ///     }
    /// }
    /// ```
    #[track_caller]
    pub fn with_func(duration: Duration, f: impl Fn() + Send + Sync + 'static) -> Self {
        let f: Arc<Func> = Arc::new(f);
        let first = Arc::clone(&f);
        let first = Delayed::start(util::now().checked_add(duration), move || first());
        let (site, next, never) = (Location::caller(), Mutex::new(first), OnceLock::new());
        Self(Kind::Again(Box::new(Again { f, site, next, never })))
    }

    /// Sees to it that the timer does not fire. `true`: the call has prevented it. `false`: it had fired
    /// or was stopped before. Does not block. Go's `Timer.Stop`.
    ///
    /// One with a channel has fired when its value was *received*. If the time is up and nobody has received
    /// yet, stopping still prevents it, and nobody will; as in Go.
    ///
    /// One that runs a function has fired when its goroutine has been started; `stop` does not wait for that to
    /// end. If it is prevented, the timer keeps the function for a [`reset`](Self::reset), and drops it when it is dropped itself: a function
    /// that holds its own timer should hold it weakly.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let timer = rt::time::Timer::new(Duration::ZERO);
    /// assert!(timer.stop());
    /// assert!(timer.chan().try_recv().is_err());
    /// assert!(!timer.stop());
    /// ```
    pub fn stop(&self) -> bool {
        match &self.0 {
            Kind::Chan(rx) => rx.halt_clock(),
            Kind::Func { delayed, .. } => delayed.pause(),
            Kind::Again(again) => again.stop(),
        }
    }

    /// Moves the timer: it fires `duration` from now, and not when it would have. `true`: it had still been to
    /// fire, in the sense of [`stop`](Self::stop). Does not block. Go's `Timer.Reset`.
    ///
    /// One with a channel, or [`with_func`](Self::with_func), can always be moved, whether it has fired, or was stopped, or not. One by
    /// [`after_func`] can be if it was stopped (and `false` is returned, as in Go), but **not once it has fired**: the function is gone,
    /// since a Rust closure may be callable only once. Then nothing happens, and `false` is returned. (Go would call it again.)
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let timer = rt::time::Timer::new(Duration::from_secs(60));
    /// assert!(timer.reset(Duration::from_millis(1)));
    /// timer.chan().recv().unwrap();
    /// assert!(!timer.reset(Duration::from_millis(1)), "it has fired, and now fires again");
    /// timer.chan().recv().unwrap();
    /// ```
    pub fn reset(&self, duration: Duration) -> bool {
        let at = util::now().checked_add(duration);
        match &self.0 {
            Kind::Chan(rx) => rx.set_clock(at, None),
            Kind::Func { delayed, .. } => delayed.reset(at),
            Kind::Again(again) => again.reset(at),
        }
    }

    /// Where the value comes. Go's `Timer.C`. Of a timer that runs a function: a channel on which nothing
    /// ever comes.
    ///
    /// A clone of it works on its own when the timer is gone, and can then no longer be stopped.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let timer = rt::time::Timer::new(Duration::from_millis(2));
    /// assert!(timer.chan().is_empty());
    /// assert!(timer.chan().recv_timeout(Duration::from_secs(60)).is_ok());
    /// ```
    pub fn chan(&self) -> &Receiver<Instant> {
        match &self.0 {
            Kind::Chan(rx) => rx,
            Kind::Func { never, .. } => never.get_or_init(chan::never),
            Kind::Again(again) => again.never.get_or_init(chan::never),
        }
    }
}

/// Runs `f` in a goroutine of its own after `duration`, unless the timer is stopped before. Go's
/// `time.AfterFunc`.
///
/// Until then there is no stack and nothing runs: a million of them are a million closures. A duration
/// beyond the clock's range never ends. What has not begun is dropped when the runtime ends; if the timer was stopped, with
/// the timer. If `f` panics, or there is no stack for it, that is reported as of any goroutine that nobody
/// joins.
///
/// Does not block. Dropping the timer stops nothing.
///
/// # Panics
/// When the caller is neither a goroutine nor inside a [`Handle::enter`](crate::Handle::enter).
///
/// # Examples
/// ```
/// use rt::time::after_func;
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() {
///     let (tx, rx) = rt::chan::bounded(1);
///     after_func(Duration::from_millis(1), move || tx.send("fired").unwrap());
///     assert_eq!(rx.recv(), Ok("fired"));
///
///     let never = after_func(Duration::from_secs(60), || unreachable!());
///     assert!(never.stop());
///     assert!(!never.reset(Duration::from_secs(60)), "it was stopped, and is not any more");
/// }
/// ```
#[track_caller]
pub fn after_func(duration: Duration, f: impl FnOnce() + Send + 'static) -> Timer {
    let delayed = Delayed::start(util::now().checked_add(duration), f);
    Timer(Kind::Func { delayed, never: OnceLock::new() })
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Chan(rx) => f.debug_struct("Timer").field("chan", rx).finish(),
            Kind::Func { .. } | Kind::Again(_) => f.debug_struct("Timer").finish_non_exhaustive(),
        }
    }
}
