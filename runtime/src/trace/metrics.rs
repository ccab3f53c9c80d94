//! What `rt::metrics()` returns: numbers, without what they are made from.

use super::Histogram;
use std::panic::Location;
use std::time::Duration;

/// A runtime in numbers, at about one instant. See [`rt::metrics`](crate::metrics()).
///
/// What is counted is counted since the runtime was built, and never falls.
///
/// # Examples
/// ```
/// #[rt::main(procs = 2)]
/// fn main() {
///     rt::spawn(|| ()).join().unwrap();
///     let metrics = rt::metrics();
///     assert_eq!((metrics.procs.len(), metrics.goroutines.live), (2, 1));
///     assert_eq!(metrics.procs.iter().map(|proc| proc.spawned).sum::<u64>(), 1);
///     assert!(metrics.threads.total >= 1 && metrics.stacks.in_use >= 1);
///     assert_eq!(metrics.procs[0].hand_offs.asked, 0);
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Since the runtime was built.
    pub uptime: Duration,
    /// Each processor, in order.
    pub procs: Vec<ProcMetrics>,
    /// What is queued for any processor.
    pub global_queue: usize,
    /// The goroutines by state.
    pub goroutines: GoroutineMetrics,
    /// The threads by state.
    pub threads: ThreadMetrics,
    /// Deadlines that are waited for.
    pub timers: usize,
    /// From when a goroutine became runnable until it ran: a sample of up to a thousand a second. What takes longer than a
    /// second is counted as that.
    pub latency: Histogram,
    /// From when it ran until it waited, made way, ended, or lost its processor: of the same goroutines.
    pub slices: Histogram,
    /// Memory for stacks.
    pub stacks: StackMetrics,
    /// How deep stacks got, by where their goroutines were spawned: the deepest place first.
    pub stack_high_water: Vec<StackHighWater>,
}

/// A processor in numbers: one of [`Metrics::procs`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProcMetrics {
    /// The thread that holds it, `M`'s number; `None` when it is idle.
    pub thread: Option<u32>,
    /// What is queued here, with what runs next.
    pub queue: usize,
    /// Goroutines spawned here.
    pub spawned: u64,
    /// Goroutines that ended here.
    pub finished: u64,
    /// How often a goroutine began, or went on, to run here.
    pub runs: u64,
    /// How often one left to wait.
    pub parks: u64,
    /// How often one made way and stayed runnable.
    pub yields: u64,
    /// How often one was made runnable here that had waited.
    pub wakes: u64,
    /// Successful looks at another processor's queue.
    pub steals: u64,
    /// All such looks.
    pub steal_attempts: u64,
    /// How often something was taken from the global queue.
    pub global: u64,
    /// Deadlines that fired here.
    pub timers: u64,
    /// How often the kernel was asked for sockets that are ready.
    pub polls: u64,
    /// How often it was taken away, or given away, while a goroutine ran.
    pub hand_offs: HandOffMetrics,
}

/// Why a processor left its thread while a goroutine ran there: [`ProcMetrics::hand_offs`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandOffMetrics {
    /// The goroutine had blocked its thread in the system.
    pub blocked: u64,
    /// It computed, and called nothing of the runtime, while others waited.
    pub burning: u64,
    /// It was about to block, and said so with [`rt::blocking`](crate::blocking).
    pub asked: u64,
    /// It waited, and is bound to its thread: [`pin_thread`](crate::task::pin_thread), or it was unwinding.
    pub pinned: u64,
}

/// The goroutines by state: [`Metrics::goroutines`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GoroutineMetrics {
    /// All that have been spawned and have not ended.
    pub live: u64,
    /// Those that run, with a processor.
    pub running: u64,
    /// Those that could run, and wait for a processor.
    pub runnable: u64,
    /// Those that run, or block, without a processor: it was handed off.
    pub detached: u64,
    /// Those that wait, by what they wait for: the most frequent first.
    pub waiting: Vec<(&'static str, u64)>,
    /// Spawned since the runtime was built.
    pub spawned: u64,
    /// Ended since the runtime was built.
    pub finished: u64,
}

/// The threads that run goroutines, by state: [`Metrics::threads`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadMetrics {
    /// All of them; not the monitor.
    pub total: u64,
    /// Those with a processor.
    pub running: u64,
    /// Of these, those that look for work.
    pub spinning: u64,
    /// Those with a goroutine and without a processor.
    pub detached: u64,
    /// Those that sleep.
    pub idle: u64,
}

/// Memory for stacks: [`Metrics::stacks`]. Address space is reserved for all of a stack; memory there is for what was touched of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackMetrics {
    /// Stacks with a goroutine on them.
    pub in_use: usize,
    /// Their address space, in bytes.
    pub in_use_bytes: usize,
    /// Stacks without one, kept for the next, with the memory that was touched; after five seconds they are given back.
    pub cached: usize,
    /// Their address space, in bytes.
    pub cached_bytes: usize,
    /// Of the whole process: stacks given back, without memory.
    pub free: usize,
    /// Of the whole process: address space reserved for stacks, in bytes.
    pub reserved_bytes: usize,
}

/// The deepest that stacks got of the goroutines that were spawned at one place: of a sample of them, which has the first of each
/// place that found a new stack, some of those that end, and up to some hundred of those that live when metrics are asked for.
///
/// From the first time that metrics are asked for, stacks that others have used tell of whoever has them next, too: now and then one gives
/// its memory back. Until then nothing is done for it but a look at new ones.
///
/// It says how small a [`stack_size`](crate::task::Builder::stack_size) would do, and leaves it to you how much more is safe.
/// Places are told apart up to a few thousand in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackHighWater {
    /// Where they were spawned.
    pub site: &'static Location<'static>,
    /// From the highest address of the stack to the end of the last page that was ever touched, in bytes: so at least a page. Under
    /// locked memory (`mlockall`) all of a stack has memory, and counts; what was swapped out does not.
    pub bytes: usize,
}
