//! A goroutine in a dump.

#![forbid(unsafe_code)]

use super::Wait;
use super::symbol::{self, Frame};
use crate::sched::{Doing, Seen};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a goroutine does.
///
/// # Examples
/// ```
/// use rt::debug::State;
///
/// #[rt::main]
/// fn main() {
///     assert_eq!(rt::dump().goroutines()[0].state(), State::Running);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It could run, and waits for its turn.
    Runnable,
    /// It runs.
    Running,
    /// It waits for something of `rt`'s: see [`Goroutine::waits_for`].
    Waiting,
    /// It waits in a system call, and blocks its thread.
    Blocked,
    /// It computes without calling the runtime, and has lost its processor for that.
    Burning,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Runnable => "runnable",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Blocked => "syscall",
            Self::Burning => "burning",
        })
    }
}

/// A goroutine, as a [`Dump`](super::Dump) has seen it.
///
/// # Examples
/// ```
/// use rt::debug::State;
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() {
///     let hour = Duration::from_secs(3600);
///     rt::task::Builder::new().name("sleeper").spawn(move || rt::time::sleep(hour)).unwrap();
///     let dump = loop {
///         let dump = rt::dump();
///         if dump.goroutines().iter().any(|g| g.time_left().is_some()) {
///             break dump;
///         }
///         rt::yield_now();
///     };
///     let [main, sleeper] = dump.goroutines() else { unreachable!() };
///     assert!(main.state() == State::Running && main.thread().is_some());
///
///     assert_eq!((sleeper.name(), sleeper.parent()), (Some("sleeper"), Some(main.id())));
///     assert!(sleeper.has_started() && !sleeper.is_pinned() && sleeper.thread().is_none());
///     assert_eq!((sleeper.state(), sleeper.waits_for().unwrap().kind()), (State::Waiting, "sleep"));
///     assert!(sleeper.waiting_for().is_none_or(|waited| waited < hour));
///     assert_eq!(sleeper.site().unwrap().file(), file!());
///     assert!(sleeper.stack_used().unwrap() < sleeper.stack_size().unwrap());
///     assert!(sleeper.backtrace().len() < sleeper.full_backtrace().len());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Goroutine {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) state: State,
    pub(super) has_started: bool,
    pub(super) wait: Option<Wait>,
    pub(super) since: Option<Duration>,
    pub(super) timed: bool,
    pub(super) left: Option<Duration>,
    pub(super) site: Option<&'static Location<'static>>,
    pub(super) parent: u64,
    pub(super) scope: Option<usize>,
    pub(super) pinned: bool,
    pub(super) thread: Option<u32>,
    pub(super) stack_size: Option<usize>,
    pub(super) stack_used: Option<usize>,
    /// Addresses, and what they are.
    pub(super) stack: Arc<[usize]>,
    pub(super) frames: Arc<[Frame]>,
}

impl Goroutine {
    /// What was seen, without the names of its frames. While it is visited. `now`: by the clock of its runtime.
    pub(super) fn of(seen: Seen, owner: &dyn Fn(usize) -> Option<u64>, now: Instant) -> Self {
        let wait = if seen.doing == Doing::Waiting { Wait::of(&seen, owner) } else { None };
        Self {
            wait,
            state: match seen.doing {
                Doing::Runnable | Doing::Unstarted => State::Runnable,
                Doing::Running => State::Running,
                Doing::Waiting => State::Waiting,
                Doing::Blocked => State::Blocked,
                Doing::Burning => State::Burning,
            },
            has_started: seen.doing != Doing::Unstarted,
            id: seen.who.id,
            name: seen.who.name,
            since: seen.since,
            timed: seen.timed,
            left: seen.deadline.map(|at| at.saturating_duration_since(now)),
            site: seen.who.site,
            parent: seen.who.parent,
            scope: seen.scope,
            pinned: seen.pinned,
            thread: seen.thread,
            stack_size: seen.stack_size,
            stack_used: seen.stack_used,
            stack: seen.stack,
            frames: Arc::new([]),
        }
    }

    /// Its number: that of [`Task::id`](crate::task::Task::id), as all of a dump as a plain integer: compare with `task.id().get()`.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let waits = rt::spawn(|| rt::chan::Chan::<()>::nil().recv());
    ///     let (dump, id) = (rt::dump(), waits.task().id().get());
    ///     let found = dump.goroutines().iter().find(|g| g.id() == id).unwrap();
    ///     assert_eq!(found.parent(), Some(rt::task::current().id().get()));
    /// }
    /// ```
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name that its [`Builder`](crate::task::Builder) gave it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What it does.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether it has begun. One that has not has no stack yet, and is queued.
    pub fn has_started(&self) -> bool {
        self.has_started
    }

    /// What it waits for, if it [waits](State::Waiting).
    pub fn waits_for(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    /// For how long it has waited, to some ten milliseconds, since it last looked whether what it waits for has come.
    pub fn waiting_for(&self) -> Option<Duration> {
        self.since
    }

    /// How long it is going to wait at most, if it has a deadline, and had it when the dump began.
    pub fn time_left(&self) -> Option<Duration> {
        self.left
    }

    /// Where it was spawned.
    pub fn site(&self) -> Option<&'static Location<'static>> {
        self.site
    }

    /// The goroutine that spawned it, which may have ended. `None`: it was spawned from a plain thread.
    pub fn parent(&self) -> Option<u64> {
        Some(self.parent).filter(|id| *id != 0)
    }

    /// Whether it is [pinned](crate::task::pin_thread) to its thread, or keeps it for another reason: it waits while it is panicking.
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// The thread it is on, as the system numbers it; `None` for one that waits without a thread, or is queued.
    pub fn thread(&self) -> Option<u32> {
        self.thread
    }

    /// Bytes of address space of its stack.
    pub fn stack_size(&self) -> Option<usize> {
        self.stack_size
    }

    /// Bytes of its stack in use when it was seen.
    pub fn stack_used(&self) -> Option<usize> {
        self.stack_used
    }

    /// Its frames, the innermost first: the call of `rt` that waits, and those of the program. Empty for goroutines
    /// that run, or are queued: their stacks do not keep still. The one that called [`rt::dump`](crate::dump()) is shown, too.
    pub fn backtrace(&self) -> &[Frame] {
        symbol::of_user(&self.frames)
    }

    /// All its frames, with those by which `rt` waits and runs goroutines.
    pub fn full_backtrace(&self) -> &[Frame] {
        &self.frames
    }
}
