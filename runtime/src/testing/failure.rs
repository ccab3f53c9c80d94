//! What an exploration finds: the failure, and the schedule that led to it.

use crate::debug::report;
use crate::sched::{self, Trouble, Waiter};
use std::any::Any;
use std::fmt;

/// Switches that a report shows.
const SHOWN: usize = 40;

/// Who ran after whom, and why, in one run. Two runs of one seed have equal ones.
///
/// [`Display`](fmt::Display) shows the last 40 switches, `{:#}` the last 10,000. Goroutines are numbered from g1, the body, in
/// the order of their spawns, and shown with the place where they were spawned.
///
/// # Examples
/// ```
/// use rt::testing::Explorer;
///
/// let body = || rt::spawn(rt::yield_now).join().unwrap();
/// let schedule = Explorer::new().replay(7, body).unwrap();
/// assert_eq!(schedule.seed(), 7);
/// assert!(schedule.switches() > 0 && schedule.draws() > 0);
/// assert!(schedule.not_deterministic().is_empty());
/// println!("{schedule}"); // who went on, and why
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Schedule(pub(super) Box<sched::Schedule>);

impl Schedule {
    /// The seed that it was drawn from.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// How many times another goroutine went on.
    pub fn switches(&self) -> u64 {
        self.0.count
    }

    /// How many choices were drawn.
    pub fn draws(&self) -> u64 {
        self.0.steps
    }

    /// What came from outside of the runtime and may come otherwise the next time; empty if nothing did.
    pub fn not_deterministic(&self) -> &[String] {
        &self.0.notes
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, if f.alternate() { usize::MAX } else { SHOWN })
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("seed", &self.0.seed)
            .field("switches", &self.0.count)
            .field("draws", &self.0.steps)
            .finish_non_exhaustive()
    }
}

/// Why a run failed.
pub(super) enum Cause {
    Panic(Box<dyn Any + Send>),
    Stuck(Trouble),
    Leak(Vec<Waiter>),
    /// The body of a test returned an error.
    Returned,
}

/// A run that failed: how, with which seed, and by what schedule. `Display` is the report.
///
/// # Examples
/// ```
/// use rt::testing::Explorer;
///
/// let failure = Explorer::new().check(|| panic!("always")).unwrap_err();
/// assert!(failure.is_panic() && !failure.is_deadlock());
/// assert_eq!((failure.run(), failure.seed()), (1, failure.schedule().seed()));
/// assert_eq!(failure.message(), "panicked: always");
/// println!("{failure}"); // all of that
/// ```
pub struct Failure {
    pub(super) cause: Cause,
    pub(super) schedule: Schedule,
    pub(super) run: u64,
}

impl Failure {
    /// The seed to replay it with.
    pub fn seed(&self) -> u64 {
        self.schedule.seed()
    }

    /// How many schedules had been tried, this one included.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// The schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What happened, without the schedule: the message of a panic, or who waits for what in a deadlock, or who is left.
    pub fn message(&self) -> String {
        match &self.cause {
            Cause::Panic(payload) => {
                let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
                format!("panicked: {}", text.as_deref().unwrap_or("with a payload that is no text"))
            }
            Cause::Stuck(trouble) => report::trouble(trouble),
            Cause::Leak(waiters) => report::left(waiters),
            Cause::Returned => "returned an error".into(),
        }
    }

    /// Whether all goroutines waited, with nothing to wait for.
    pub fn is_deadlock(&self) -> bool {
        matches!(self.cause, Cause::Stuck(Trouble::Deadlock(..)))
    }

    /// Whether the body panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Panic(_))
    }

    /// Panics again with what the body panicked with, or with the [message](Self::message).
    ///
    /// # Panics
    /// Always.
    ///
    /// # Examples
    /// ```
    /// let failure = rt::testing::Explorer::new().check(|| panic!("always")).unwrap_err();
    /// let caught = rt::panic::catch(|| failure.resume()).unwrap_err();
    /// assert_eq!(caught.message(), "always");
    /// ```
    #[track_caller]
    pub fn resume(self) -> ! {
        match self.cause {
            Cause::Panic(payload) => std::panic::resume_unwind(payload),
            _ => panic!("{}", self.message()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.seed();
        writeln!(
            f,
            "seed {seed} fails (schedule {} of those tried): {}",
            self.run,
            self.message()
        )?;
        writeln!(f, "to replay it: RT_TEST_SEED={seed}, or #[rt::test(seed = {seed})]")?;
        self.schedule.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}
