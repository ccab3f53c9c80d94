//! The rows: what is asked of every peer, and how large the question is.
//!
//! Adding a row means a variant and a [`Spec`] here, a function in each peer's
//! file, and one in `go/`.

/// One question put to the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Spawn one task and join it, then the next.
    SpawnJoin,
    /// Spawn a batch of empty tasks, wait for all.
    SpawnBatch,
    /// The same, counted by a wait group where the peer also has join handles.
    SpawnBatchWg,
    /// Two tasks that only yield.
    Yield,
    /// A ten-ary tree of tasks whose leaves are summed.
    Skynet,
    /// Very many parked tasks: what each costs in memory and time.
    ManyParked,
    /// The same with 64 KiB stacks.
    ManyParked64k,
    /// Fork-join Fibonacci: every node spawns one half and computes the other.
    ForkJoin,
    /// A number back and forth over two unbuffered channels.
    PingPong,
    /// The same over channels that may hold a number, for peers that have no others.
    PingPongBuffered,
    /// One producer, one consumer, an unbuffered channel.
    SpscUnbuffered,
    /// One producer, one consumer, a channel of [`SLOTS`].
    Spsc,
    /// The same over a channel without a bound: the producer never waits.
    UnboundedSpsc,
    /// [`PRODUCERS`] and one consumer.
    Mpsc,
    /// [`PRODUCERS`] and [`CONSUMERS`].
    Mpmc,
    /// One consumer that selects over the channels of [`PRODUCERS`].
    Select4,
    /// The same over unbuffered channels.
    Select4Unbuffered,
    /// Two [`CROWD`]s on one channel.
    Contention,
    /// [`LOCKERS`] that lock, add one and unlock.
    Mutex8,
    /// One that locks, adds one and unlocks.
    MutexUncontended,
    /// One that adds to a wait group and takes away again.
    WaitGroup,
}

/// What a row is about: a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Starting, switching and parking tasks.
    Tasks,
    /// Channels, and selecting over them.
    Channels,
    /// Locks and counters.
    Sync,
}

impl Group {
    /// Every group, in the order of the tables.
    pub const ALL: &[Group] = &[Group::Tasks, Group::Channels, Group::Sync];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Group::Tasks => "tasks",
            Group::Channels => "channels",
            Group::Sync => "sync",
        }
    }
}

/// One number that a row yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in the table and in the JSON.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
}

/// What there is to know about a row.
#[derive(Debug)]
pub struct Spec {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for the table.
    pub title: &'static str,
    /// What one sample holds, in this order.
    pub metrics: &'static [Metric],
    /// How many: tasks in a batch, yields per task, leaves, parked tasks, the Fibonacci index,
    /// round trips, items or operations.
    pub size: usize,
    /// One sample per process and no warm-up, because the first time is what counts.
    pub once: bool,
    /// The row whose figures stand in for peers that have no such variant.
    pub stand_in: Option<Row>,
}

/// How many batches one `spawn_batch` sample averages over.
pub const BATCHES: usize = 20;
/// Below this index [`fib`] is computed in place, so `fib(30)` spawns 28,656 tasks.
pub const CUT_OFF: u64 = 10;
/// Children of a skynet node.
pub const ARITY: u64 = 10;
/// What a buffered channel holds.
pub const SLOTS: usize = 128;
/// Producers where there are several.
pub const PRODUCERS: usize = 4;
/// Consumers where there are several.
pub const CONSUMERS: usize = 4;
/// Producers in the contention row, and as many consumers.
pub const CROWD: usize = 500;
/// Tasks that share the mutex.
pub const LOCKERS: usize = 8;

const fn metric(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit }
}

const NS: &[Metric] = &[metric("time", "ns")];
const MS: &[Metric] = &[metric("time", "ms")];
const PARKED: &[Metric] = &[
    metric("memory", "B each"),
    metric("spawn", "ns each"),
    metric("spawn again", "ns each"),
    metric("wake", "ns each"),
    metric("mappings", "VMAs"),
];

/// What the rows of channels and sync have in common.
const EACH: Spec = Spec { name: "", title: "", metrics: NS, size: 0, once: false, stand_in: None };

impl Row {
    /// Every row, in the order of the table.
    pub const ALL: &[Row] = &[
        Row::SpawnJoin,
        Row::SpawnBatch,
        Row::SpawnBatchWg,
        Row::Yield,
        Row::Skynet,
        Row::ForkJoin,
        Row::ManyParked,
        Row::ManyParked64k,
        Row::PingPong,
        Row::PingPongBuffered,
        Row::SpscUnbuffered,
        Row::Spsc,
        Row::UnboundedSpsc,
        Row::Mpsc,
        Row::Mpmc,
        Row::Select4,
        Row::Select4Unbuffered,
        Row::Contention,
        Row::Mutex8,
        Row::MutexUncontended,
        Row::WaitGroup,
    ];

    /// The row's name, size and metrics.
    #[must_use]
    pub const fn spec(self) -> &'static Spec {
        match self {
            Row::SpawnJoin => &Spec {
                name: "spawn_join",
                title: "spawn + join, one at a time",
                metrics: NS,
                size: 50_000,
                once: false,
                stand_in: None,
            },
            Row::SpawnBatch => &Spec {
                name: "spawn_batch",
                title: "spawn 10,000 empty, wait for all",
                metrics: NS,
                size: 10_000,
                once: false,
                stand_in: None,
            },
            Row::SpawnBatchWg => &Spec {
                name: "spawn_batch_wg",
                title: "same, by wait group",
                metrics: NS,
                size: 10_000,
                once: false,
                stand_in: Some(Row::SpawnBatch),
            },
            Row::Yield => &Spec {
                name: "yield",
                title: "yield between two, per switch",
                metrics: NS,
                size: 250_000,
                once: false,
                stand_in: None,
            },
            Row::Skynet => &Spec {
                name: "skynet",
                title: "skynet, 1,000,000 leaves",
                metrics: MS,
                size: 1_000_000,
                once: false,
                stand_in: None,
            },
            Row::ForkJoin => &Spec {
                name: "forkjoin",
                title: "fork-join fib(30), 28,656 spawns",
                metrics: MS,
                size: 30,
                once: false,
                stand_in: None,
            },
            Row::ManyParked => &Spec {
                name: "many_parked",
                title: "1,000,000 parked",
                metrics: PARKED,
                size: 1_000_000,
                once: true,
                stand_in: None,
            },
            Row::ManyParked64k => &Spec {
                name: "many_parked_64k",
                title: "same, 64 KiB stacks",
                metrics: PARKED,
                size: 1_000_000,
                once: true,
                stand_in: Some(Row::ManyParked),
            },
            Row::PingPong => &Spec {
                name: "pingpong",
                title: "ping-pong, unbuffered, round trip",
                size: 400_000,
                ..EACH
            },
            Row::PingPongBuffered => &Spec {
                name: "pingpong_buffered",
                title: "same, channels with a slot",
                size: 400_000,
                ..EACH
            },
            Row::SpscUnbuffered => &Spec {
                name: "spsc_unbuffered",
                title: "SPSC, unbuffered, per item",
                size: 800_000,
                ..EACH
            },
            Row::Spsc => &Spec { name: "spsc", title: "SPSC, 128 slots", size: 4_000_000, ..EACH },
            Row::UnboundedSpsc => &Spec {
                name: "unbounded_spsc",
                title: "same, unbounded",
                size: 4_000_000,
                stand_in: Some(Row::Spsc),
                ..EACH
            },
            Row::Mpsc => {
                &Spec { name: "mpsc", title: "MPSC 4:1, 128 slots", size: 4_000_000, ..EACH }
            }
            Row::Mpmc => {
                &Spec { name: "mpmc", title: "MPMC 4:4, 128 slots", size: 4_000_000, ..EACH }
            }
            Row::Select4 => {
                &Spec { name: "select4", title: "select over 4, 128 slots", size: 800_000, ..EACH }
            }
            Row::Select4Unbuffered => &Spec {
                name: "select4_unbuffered",
                title: "select over 4, unbuffered",
                size: 400_000,
                ..EACH
            },
            Row::Contention => &Spec {
                name: "contention",
                title: "MPMC 500:500, 128 slots",
                size: 4_000_000,
                ..EACH
            },
            Row::Mutex8 => {
                &Spec { name: "mutex8", title: "mutex, 8 tasks, per lock", size: 4_000_000, ..EACH }
            }
            Row::MutexUncontended => {
                &Spec { name: "mutex_uncontended", title: "mutex, 1 task", size: 4_000_000, ..EACH }
            }
            Row::WaitGroup => &Spec {
                name: "waitgroup",
                title: "wait group, add + done",
                size: 2_000_000,
                ..EACH
            },
        }
    }

    /// What the row is about.
    #[must_use]
    pub const fn group(self) -> Group {
        match self {
            Row::SpawnJoin
            | Row::SpawnBatch
            | Row::SpawnBatchWg
            | Row::Yield
            | Row::Skynet
            | Row::ForkJoin
            | Row::ManyParked
            | Row::ManyParked64k => Group::Tasks,
            Row::PingPong
            | Row::PingPongBuffered
            | Row::SpscUnbuffered
            | Row::Spsc
            | Row::UnboundedSpsc
            | Row::Mpsc
            | Row::Mpmc
            | Row::Select4
            | Row::Select4Unbuffered
            | Row::Contention => Group::Channels,
            Row::Mutex8 | Row::MutexUncontended | Row::WaitGroup => Group::Sync,
        }
    }

    /// Finds a row by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Row> {
        Row::ALL.iter().copied().find(|row| row.spec().name == name)
    }

    /// Finds a row by its name, or the rows of a group by the group's.
    #[must_use]
    pub fn all_named(name: &str) -> Option<Vec<Row>> {
        if let Some(row) = Row::named(name) {
            return Some(vec![row]);
        }
        let group = Group::ALL.iter().find(|group| group.name() == name)?;
        Some(Row::ALL.iter().copied().filter(|row| row.group() == *group).collect())
    }

    /// Whether the row measures memory, so that the machine's must be warm.
    #[must_use]
    pub const fn is_memory(self) -> bool {
        matches!(self, Row::ManyParked | Row::ManyParked64k)
    }
}

/// Fibonacci by plain recursion: what a task does below the cut-off.
#[must_use]
pub fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// Fibonacci by addition: what the recursion must yield.
#[must_use]
pub fn fib_expected(n: u64) -> u64 {
    let (mut a, mut b) = (0, 1);
    for _ in 0..n {
        (a, b) = (b, a + b);
    }
    a
}

/// The sum of the numbers below `n`: what `n` leaves or tasks must yield.
#[must_use]
pub const fn sum_below(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_name() {
        for &row in Row::ALL {
            assert_eq!(Row::named(row.spec().name), Some(row));
        }
        assert_eq!(Row::named("no such row"), None);
    }

    #[test]
    fn groups_hold_every_row_once() {
        let of = |group: &Group| Row::all_named(group.name()).expect("a group");
        assert_eq!(Group::ALL.iter().flat_map(of).collect::<Vec<_>>(), Row::ALL);
        assert_eq!(Row::all_named("yield"), Some(vec![Row::Yield]));
        assert_eq!(Row::all_named("no such group"), None);
    }

    #[test]
    fn items_are_shared_out_without_a_rest() {
        for &row in Row::ALL {
            let size = row.spec().size;
            match row.group() {
                Group::Channels => assert_eq!(size % (PRODUCERS * CROWD), 0, "{row:?}"),
                Group::Sync => assert_eq!(size % LOCKERS, 0, "{row:?}"),
                Group::Tasks => {}
            }
        }
    }

    #[test]
    fn the_cut_off_spawns_28656_tasks() {
        fn spawns(n: u64) -> u64 {
            if n < CUT_OFF { 0 } else { 1 + spawns(n - 1) + spawns(n - 2) }
        }
        assert_eq!(spawns(30), 28_656);
    }

    #[test]
    fn both_fibonaccis_agree() {
        for n in 0..20 {
            assert_eq!(fib(n), fib_expected(n));
        }
    }

    #[test]
    fn sum_below_counts_from_zero() {
        assert_eq!(sum_below(0), 0);
        assert_eq!(sum_below(1), 0);
        assert_eq!(sum_below(1_000_000), 499_999_500_000);
    }
}
