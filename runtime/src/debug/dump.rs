//! Taking a dump.

#![forbid(unsafe_code)]

use super::cycle::{self, Cycle};
use super::goroutine::Goroutine;
use super::symbol::{Frame, Symbols};
use crate::carrier::Stacks;
use crate::sched::{self, Sched};
use crate::stack::Walker;
use crate::sys;
use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Every goroutine of a runtime, as it was seen. See [`rt::dump`](crate::dump()).
///
/// It is printed much like Go's: each goroutine with its stack, those with equal stacks together; then cycles of goroutines that
/// wait for each other. [`full`](Self::full) prints all frames, [`to_json`](Self::to_json) is for programs.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let dump = rt::dump();
///     assert_eq!(dump.goroutines().len(), 1);
///     assert!(dump.to_string().starts_with("goroutine 1 [running]:"));
///     assert!(dump.to_json().starts_with('{'));
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Dump {
    pub(super) goroutines: Vec<Goroutine>,
    pub(super) unstarted: u64,
    pub(super) threads: Vec<Thread>,
    pub(super) waiting_threads: usize,
    pub(super) procs: u32,
    pub(super) cycles: Vec<Cycle>,
}

/// A thread that runs goroutines, in a [`Dump`].
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let dump = rt::dump();
///     let mine = dump.threads().iter().find(|thread| thread.goroutine() == Some(1)).unwrap();
///     assert!(mine.id() != 0 && mine.has_processor());
///     // What the system tells, where it does: this one runs, so it waits in no call.
///     assert!(mine.state().is_none_or(|state| state == 'R') && mine.waits_in().is_none());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub(super) id: u32,
    pub(super) goroutine: u64,
    pub(super) has_processor: bool,
    pub(super) state: Option<char>,
    pub(super) waits_in: Option<String>,
}

impl Thread {
    /// As the system numbers it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The goroutine that is on it, running or blocked.
    pub fn goroutine(&self) -> Option<u64> {
        Some(self.goroutine).filter(|id| *id != 0)
    }

    /// Whether it holds one of the runtime's processors.
    pub fn has_processor(&self) -> bool {
        self.has_processor
    }

    /// The state as the system tells it: `R` runs, `S` sleeps, `D` waits for a device.
    pub fn state(&self) -> Option<char> {
        self.state
    }

    /// The system call, or the place in the kernel, in which it waits, if the system tells.
    pub fn waits_in(&self) -> Option<&str> {
        self.waits_in.as_deref()
    }
}

impl Dump {
    /// All goroutines that have not ended, by their ids; of those that have not started, the ones that are [listed](Self::unstarted).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let waits = rt::spawn(|| rt::chan::Chan::<()>::nil().recv());
    ///     let ids: Vec<_> = rt::dump().goroutines().iter().map(|g| g.id()).collect();
    ///     assert!(ids.is_sorted() && ids.contains(&waits.task().id().get()));
    /// }
    /// ```
    pub fn goroutines(&self) -> &[Goroutine] {
        &self.goroutines
    }

    /// How many goroutines were queued and had not started: about that many, while others come and go.
    ///
    /// They are listed among the [goroutines](Self::goroutines), but for those in the queue of a single processor, if somebody from outside looks.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert_eq!(rt::dump().unstarted(), 0);
    /// }
    /// ```
    pub fn unstarted(&self) -> u64 {
        self.unstarted
    }

    /// The threads that run goroutines, blocked and idle ones included.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert!(rt::dump().threads().iter().any(|thread| thread.goroutine() == Some(1)));
    /// }
    /// ```
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// How many threads of the process that are no goroutines waited in `rt`, for whatever.
    ///
    /// # Examples
    /// ```
    /// let (_tx, rx) = rt::chan::bounded::<()>(0);
    /// std::thread::spawn(move || rx.recv());
    /// let runtime = rt::Runtime::builder().build()?;
    /// while runtime.dump().waiting_threads() == 0 {
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn waiting_threads(&self) -> usize {
        self.waiting_threads
    }

    /// Goroutines that wait for each other in a circle: for ends ([`join`](crate::JoinHandle::join), [`scope`](crate::scope)) and
    /// for locks.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert!(rt::dump().cycles().is_empty(), "nobody waits for anybody");
    /// }
    /// ```
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// Goroutines that never go on, as far as can be told: they wait for a nil channel, or in a select without cases, or
    /// are in a [cycle](Self::cycles).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let waits = rt::spawn(|| rt::chan::Chan::<()>::nil().recv());
    ///     while rt::dump().stuck().count() == 0 {
    ///         rt::yield_now();
    ///     }
    ///     assert_eq!(rt::dump().stuck().next().unwrap().id(), waits.task().id().get());
    /// }
    /// ```
    pub fn stuck(&self) -> impl Iterator<Item = &Goroutine> {
        let in_cycle = |id| self.cycles.iter().any(|cycle| cycle.goroutines().contains(&id));
        let for_ever = |g: &Goroutine| g.wait.as_ref().is_some_and(|wait| wait.is_for_ever);
        self.goroutines.iter().filter(move |g| for_ever(g) || in_cycle(g.id))
    }
}

/// Looks at all goroutines of a runtime, with their stacks.
pub(crate) fn take(sched: &Arc<Sched>) -> Dump {
    let mut walker = Walker::new();
    let mut goroutines = Vec::new();
    // Made when the first lock is seen that somebody waits for.
    let stacks = LazyCell::new(Stacks::now);
    let owner = |address| stacks.id_at(address);
    let mut visit = |seen| goroutines.push(Goroutine::of(seen, &owner, sched.now()));
    let unstarted = sched.look_at_all(&mut walker, &mut visit);
    name_frames(&mut goroutines);
    goroutines.sort_unstable_by_key(|g| g.id);
    let thread = |seen: sched::ThreadSeen| {
        let (state, waits_in) = sys::thread_look(seen.tid);
        let (id, goroutine, has_processor) = (seen.tid, seen.goroutine, seen.has_p);
        let waits_in = waits_in.filter(|_| matches!(state, Some('S' | 'D')));
        Thread { id, goroutine, has_processor, state, waits_in }
    };
    let threads = sched.threads().into_iter().map(thread).collect();
    let cycles = cycle::find(&goroutines);
    Dump {
        unstarted,
        threads,
        // Who waits in `Runtime::run` is a goroutine, as it were.
        waiting_threads: sched::threads_that_wait().saturating_sub(sched.waiting_threads().len()),
        procs: sched.config.procs,
        cycles,
        goroutines,
    }
}

/// Names what the addresses are. Equal stacks share their names.
fn name_frames(goroutines: &mut [Goroutine]) {
    let mut symbols = Symbols::new();
    let mut stacks: HashMap<Arc<[usize]>, Arc<[Frame]>> = HashMap::new();
    // Other addresses may have the same names: what lies behind a stack's root differs.
    let mut named: HashSet<Arc<[Frame]>> = HashSet::new();
    for g in goroutines {
        let frames = stacks.entry(Arc::clone(&g.stack)).or_insert_with(|| {
            let frames: Arc<[Frame]> = symbols.frames(&g.stack).into();
            if let Some(same) = named.get(&frames) {
                return Arc::clone(same);
            }
            named.insert(Arc::clone(&frames));
            frames
        });
        g.frames = Arc::clone(frames);
    }
}
