//! The rows: what is asked of every peer, and how large the question is.
//!
//! Adding a row means a variant and a group here, a [`Spec`] in `spec.rs`, a function in each
//! peer's file, and one in `go/`.

mod spec;

pub use spec::{Better, Metric, Spec};

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
    /// The same by a call that takes both halves, where there is one.
    ForkJoinPair,
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
    /// Producers and as many consumers on one channel: two [`CROWD`]s.
    Contention,
    /// [`LOCKERS`] that lock, add one and unlock.
    Mutex8,
    /// One that locks, adds one and unlocks.
    MutexUncontended,
    /// One that adds to a wait group and takes away again.
    WaitGroup,
    /// A task that sleeps until every next millisecond: how late it wakes.
    Ticker,
    /// The same, and every tick spawns a task and joins it.
    TickerSpawn,
    /// The same beside [`BLOCKERS`] tasks that sit in blocking calls of the system.
    TickerBlocked,
    /// The same, and the calls are wrapped in what the peer has for them.
    TickerBlockedWrapped,
    /// The same beside [`HOGS`] tasks that compute and never call the runtime.
    TickerHogs,
    /// Very many tasks that sleep for up to a second.
    Sleepers,
    /// A ticker beside [`LOADS`] tasks that block, compute, send and spawn at random.
    Stall,
    /// An HTTP server without a framework, 64 connections.
    HttpRaw,
    /// The same, 512 connections.
    HttpRaw512,
    /// The same with very many connections on which nothing happens.
    IdleConns,
    /// A number back and forth, each time by the clock.
    PingPongTail,
    /// From a send until the one that waits for it runs, beside tasks that compute (`tails`).
    WakeTail,
    /// From a spawn until the task runs, beside the same.
    SpawnTail,
    /// From a send until the one that waits for it runs, where the sender goes on to compute.
    PipeTail,
    /// [`Row::HttpRaw`]: the slowest answers.
    HttpTail,
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
    /// Sleeping, and waking in time.
    Time,
    /// Waking in time beside everything else.
    Stall,
    /// Connections. The bodies are servers, and a driver takes the samples (`net`).
    Net,
    /// How long the slowest of many take.
    Tails,
}

impl Group {
    /// Every group, in the order of the tables.
    pub const ALL: &[Group] = &[
        Group::Tasks,
        Group::Channels,
        Group::Sync,
        Group::Time,
        Group::Stall,
        Group::Net,
        Group::Tails,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Group::Tasks => "tasks",
            Group::Channels => "channels",
            Group::Sync => "sync",
            Group::Time => "time",
            Group::Stall => "stall",
            Group::Net => "net",
            Group::Tails => "tails",
        }
    }
}

/// Tasks in one sample of `spawn_batch`, however large its batches are; a larger batch is the sample.
pub const BATCHED: usize = 200_000;
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
/// Producers in the contention row, unless told otherwise, and as many consumers.
pub const CROWD: usize = 500;
/// Items in one sample of the contention row, however many share them.
pub const CROWD_ITEMS: usize = 4_000_000;
/// Tasks that share the mutex.
pub const LOCKERS: usize = 8;
/// Tasks in blocking calls beside a ticker.
pub const BLOCKERS: usize = 8;
/// Tasks that only compute beside a ticker.
pub const HOGS: usize = 4;
/// Tasks that do this and that beside a ticker.
pub const LOADS: usize = 8;
/// Ticks in a second: the stall row's size is in seconds.
pub const TICKS_PER_SECOND: usize = 1000;

impl Row {
    /// Every row, in the order of the table.
    pub const ALL: &[Row] = &[
        Row::SpawnJoin,
        Row::SpawnBatch,
        Row::SpawnBatchWg,
        Row::Yield,
        Row::Skynet,
        Row::ForkJoin,
        Row::ForkJoinPair,
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
        Row::Ticker,
        Row::TickerSpawn,
        Row::TickerBlocked,
        Row::TickerBlockedWrapped,
        Row::TickerHogs,
        Row::Sleepers,
        Row::Stall,
        Row::HttpRaw,
        Row::HttpRaw512,
        Row::IdleConns,
        Row::PingPongTail,
        Row::WakeTail,
        Row::SpawnTail,
        Row::PipeTail,
        Row::HttpTail,
    ];

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
            | Row::ForkJoinPair
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
            Row::Ticker
            | Row::TickerSpawn
            | Row::TickerBlocked
            | Row::TickerBlockedWrapped
            | Row::TickerHogs
            | Row::Sleepers => Group::Time,
            Row::Stall => Group::Stall,
            Row::HttpRaw | Row::HttpRaw512 | Row::IdleConns => Group::Net,
            Row::PingPongTail | Row::WakeTail | Row::SpawnTail | Row::PipeTail | Row::HttpTail => {
                Group::Tails
            }
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

    /// Whether the row fills the memory with tasks, so that the machine's must be warm.
    #[must_use]
    pub const fn is_memory(self) -> bool {
        matches!(self, Row::ManyParked | Row::ManyParked64k | Row::Sleepers)
    }

    /// Whether `wrk` asks the questions.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Row::HttpRaw | Row::HttpRaw512 | Row::HttpTail)
    }

    /// Whether the body is a server, and a driver takes the samples.
    #[must_use]
    pub const fn is_net(self) -> bool {
        self.is_http() || matches!(self, Row::IdleConns)
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

/// How many batches of `n` tasks one `spawn_batch` sample averages over.
#[must_use]
pub const fn batches(n: usize) -> usize {
    let batches = BATCHED / n;
    if batches == 0 { 1 } else { batches }
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
                Group::Channels if row == Row::Contention => assert_eq!(CROWD_ITEMS % size, 0),
                Group::Channels => assert_eq!(size % PRODUCERS, 0, "{row:?}"),
                Group::Sync => assert_eq!(size % LOCKERS, 0, "{row:?}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_sample_has_a_batch_at_least() {
        assert_eq!([1000, 10_000, 1_000_000].map(batches), [200, 20, 1]);
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
