//! Running one body under many schedules.

use super::failure::{Cause, Failure, Schedule};
use crate::runtime::{Builder, Origin};
use crate::sched::Plan;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Draws and calls of one run, after which it is taken to be without end.
const STEPS: u64 = 1_000_000;
/// How long goroutines that are left may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(1);

/// What becomes of goroutines that are left when a test's body has returned.
///
/// # Examples
/// ```
/// use rt::testing::{Explorer, Leaks};
///
/// let leaks = || rt::spawn(|| rt::chan::Chan::<()>::nil().recv()).task();
/// assert!(Explorer::new().leaks(Leaks::Allow).replay(1, leaks).is_ok());
/// assert!(Explorer::new().leaks(Leaks::Deny).replay(1, leaks).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaks {
    /// They may be left.
    Allow,
    /// They are named on standard error. (Of an [`Explorer`]: they may be left.)
    #[default]
    Report,
    /// They fail the test.
    Deny,
}

/// Runs a body under many schedules, each drawn from a seed, to find one under which it fails.
///
/// # Examples
/// Two goroutines look whether there is room, and then send:
/// ```
/// use rt::chan::Chan;
/// use rt::testing::Explorer;
///
/// let check_then_act = || {
///     let jobs = Chan::new(1);
///     rt::scope(|s| {
///         for n in 0..2 {
///             let jobs = jobs.clone();
///             s.spawn(move || {
///                 if jobs.len() < jobs.cap() {
///                     jobs.send(n); // the other may have been quicker: waits for ever
///                 }
///             });
///         }
///     });
/// };
/// let failure = Explorer::new().schedules(1_000).check(check_then_act).unwrap_err();
/// assert!(failure.is_deadlock());
/// println!("{failure}");
///
/// // The same again, from its seed.
/// let again = Explorer::new().replay(failure.seed(), check_then_act).unwrap_err();
/// assert_eq!(again.schedule(), failure.schedule());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Explorer {
    first: u64,
    schedules: u64,
    steps: u64,
    stack_size: Option<usize>,
    leaks: Leaks,
}

/// What an exploration that found nothing has seen.
///
/// # Examples
/// ```
/// let explored = rt::testing::Explorer::new().schedules(10).check(rt::yield_now).unwrap();
/// assert_eq!((explored.schedules, explored.last.seed()), (10, 9));
/// ```
#[derive(Clone, Debug)]
pub struct Explored {
    /// How many schedules were tried.
    pub schedules: u64,
    /// The last one.
    pub last: Schedule,
}

impl Default for Explorer {
    fn default() -> Self {
        Self::new()
    }
}

impl Explorer {
    /// 1,000 schedules, from seed 0 on.
    ///
    /// # Examples
    /// ```
    /// let explored = rt::testing::Explorer::new().check(|| ()).unwrap();
    /// assert_eq!(explored.schedules, 1_000);
    /// ```
    pub fn new() -> Self {
        Self { first: 0, schedules: 1_000, steps: STEPS, stack_size: None, leaks: Leaks::Allow }
    }

    /// The seed of the first schedule; those of the others follow.
    ///
    /// # Examples
    /// ```
    /// let explorer = rt::testing::Explorer::new().first_seed(100).schedules(5);
    /// assert_eq!(explorer.check(rt::yield_now).unwrap().last.seed(), 104);
    /// ```
    pub fn first_seed(mut self, seed: u64) -> Self {
        self.first = seed;
        self
    }

    /// How many schedules to try; at least one is.
    ///
    /// # Examples
    /// ```
    /// let explorer = rt::testing::Explorer::new().schedules(5);
    /// assert_eq!(explorer.check(rt::yield_now).unwrap().schedules, 5);
    /// ```
    pub fn schedules(mut self, schedules: u64) -> Self {
        self.schedules = schedules;
        self
    }

    /// After how many steps (choices, and calls of the runtime) a run is taken to be without end, and fails; a million by
    /// default. The runtime is stopped then, which a goroutine that never waits, nor yields, does not notice.
    ///
    /// # Examples
    /// ```
    /// let explorer = rt::testing::Explorer::new().max_steps(1_000);
    /// let failure = explorer.check(|| loop { rt::yield_now() }).unwrap_err();
    /// assert!(!failure.is_deadlock() && !failure.is_panic(), "it has no end");
    /// ```
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// See [`Builder::stack_size`].
    ///
    /// # Examples
    /// ```
    /// let explorer = rt::testing::Explorer::new().stack_size(1 << 20).schedules(5);
    /// let deep = || rt::spawn(|| std::hint::black_box([1_u8; 300 << 10])[0]).join().unwrap();
    /// assert!(explorer.check(deep).is_ok());
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Whether goroutines that are left when the body has returned are a failure.
    ///
    /// # Examples
    /// ```
    /// use rt::testing::{Explorer, Leaks};
    ///
    /// let joins = || rt::spawn(|| ()).join().unwrap();
    /// assert!(Explorer::new().leaks(Leaks::Deny).schedules(10).check(joins).is_ok());
    /// ```
    pub fn leaks(mut self, leaks: Leaks) -> Self {
        self.leaks = leaks;
        self
    }

    /// Runs `f` under one schedule after the other, until one fails. Each run has a runtime of its own.
    ///
    /// A panic of a goroutine that `f` does not join is no failure, as in `#[rt::test]`: join them, or use a
    /// [`scope`](crate::scope()).
    ///
    /// # Errors
    /// The first [`Failure`]: `f` panicked, all goroutines waited for ever, the run did not end, or, if that is asked for,
    /// goroutines were left.
    ///
    /// # Panics
    /// When the system gives no thread or memory for a runtime.
    ///
    /// # Examples
    /// ```
    /// use rt::testing::Explorer;
    ///
    /// let (first, second) = (|| rt::spawn(|| 1).join(), || panic!("always"));
    /// assert_eq!(Explorer::new().schedules(20).check(first).unwrap().schedules, 20);
    /// assert_eq!(Explorer::new().check(second).unwrap_err().message(), "panicked: always");
    /// ```
    #[track_caller]
    pub fn check<T: Send>(&self, f: impl Fn() -> T + Sync) -> Result<Explored, Failure> {
        let mut run = 1;
        loop {
            let seed = self.first.wrapping_add(run - 1);
            let last = self.run(seed, run, &f, |_| false, Origin::here())?.1;
            if run >= self.schedules {
                return Ok(Explored { schedules: run, last });
            }
            run += 1;
        }
    }

    /// Runs `f` under the schedule of `seed`.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    ///
    /// # Panics
    /// As [`check`](Self::check).
    ///
    /// # Examples
    /// ```
    /// let body = || rt::join(rt::yield_now, rt::yield_now);
    /// let explorer = rt::testing::Explorer::new();
    /// assert!(explorer.replay(7, body).unwrap() == explorer.replay(7, body).unwrap());
    /// ```
    #[track_caller]
    pub fn replay<T: Send>(
        &self,
        seed: u64,
        f: impl Fn() -> T + Sync,
    ) -> Result<Schedule, Failure> {
        Ok(self.run(seed, 1, &f, |_| false, Origin::here())?.1)
    }

    /// One run, of a goroutine of that origin. `is_error`: whether what `f` returned is a failure, too.
    pub(super) fn run<T: Send>(
        &self,
        seed: u64,
        run: u64,
        f: &(impl Fn() -> T + Sync),
        is_error: impl Fn(&T) -> bool,
        origin: Origin<'_>,
    ) -> Result<(T, Schedule), Failure> {
        let plan = Plan { seed: Some(seed), limit: self.steps, halts: true };
        let mut builder = Builder::new().plan(plan);
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("rt: {error}"),
        };
        let result = catch_unwind(AssertUnwindSafe(|| runtime.run_at(f, origin)));
        let sched = runtime.sched();
        let cause = match (sched.trouble(), &result) {
            (Some(trouble), _) => Some(Cause::Stuck(trouble)),
            (None, Ok(value)) if is_error(value) => Some(Cause::Returned),
            (None, Ok(_)) if self.leaks == Leaks::Deny => {
                let left = sched.settle(PATIENCE);
                (!left.is_empty()).then_some(Cause::Leak(left))
            }
            _ => None,
        };
        let Some(schedule) = sched.schedule().map(|inner| Schedule(Box::new(inner))) else {
            unreachable!("it has a seed")
        };
        match (result, cause) {
            (Ok(value), None) => {
                if self.leaks == Leaks::Report {
                    super::entry::report_left(sched);
                }
                Ok((value, schedule))
            }
            (_, Some(cause)) => Err(Failure { cause, schedule, run }),
            (Err(payload), None) => Err(Failure { cause: Cause::Panic(payload), schedule, run }),
        }
    }
}
