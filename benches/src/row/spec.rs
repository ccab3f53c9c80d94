//! What there is to know about each row: name, title, size, and the numbers of a sample.

use super::{CROWD, Row};

/// One number that a row yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in the table and in the JSON.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Which of two figures is the better one.
    pub better: Better,
    /// Its figure is the worst of all samples, where others' is the median.
    pub worst: bool,
}

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The lower one: most figures are costs.
    Lower,
    /// The higher one.
    Higher,
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
    /// round trips, items or operations, pairs of the contention row, ticks, sleepers, seconds of the stall row, connections.
    pub size: usize,
    /// One sample per process and no warm-up, because the first time is what counts.
    pub once: bool,
    /// The row whose figures stand in for peers that have no such variant.
    pub stand_in: Option<Row>,
}

const fn metric(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit, better: Better::Lower, worst: false }
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

const LATE_US: &[Metric] =
    &[metric("p50", "us late"), metric("p99", "us late"), metric("max", "us late")];
const LATE_MS: &[Metric] =
    &[metric("p50", "ms late"), metric("p99", "ms late"), metric("max", "ms late")];
const STALL: &[Metric] =
    &[Metric { worst: true, ..metric("longest", "ms late") }, metric("p99", "ms late")];
const SLEEPERS: &[Metric] = &[
    metric("wall", "ms"),
    metric("CPU", "us each"),
    metric("median", "ms late"),
    metric("wall again", "ms"),
    metric("CPU again", "us each"),
    metric("median again", "ms late"),
];
const HTTP: &[Metric] = &[
    Metric { better: Better::Higher, ..metric("rate", "req/s") },
    metric("p99", "us"),
    metric("CPU", "us/req"),
];
const TAIL_NS: &[Metric] =
    &[metric("p50", "ns"), metric("p99", "ns"), metric("p99.9", "ns"), metric("max", "ns")];
const TAIL_US: &[Metric] =
    &[metric("p50", "us"), metric("p99", "us"), metric("p99.9", "us"), metric("max", "us")];
const IDLE: &[Metric] = &[metric("memory", "B each")];

/// What the rows after those of tasks have in common.
const EACH: Spec = Spec { name: "", title: "", metrics: NS, size: 0, once: false, stand_in: None };

impl Row {
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
                title: "spawn 10,000 by wait group",
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
            Row::ForkJoinPair => &Spec {
                name: "forkjoin_pair",
                title: "fork-join fib(30) by join(a, b)",
                metrics: MS,
                size: 30,
                once: false,
                stand_in: Some(Row::ForkJoin),
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
                title: "1,000,000 parked, 64 KiB stacks",
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
                title: "ping-pong, channels with a slot",
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
                title: "SPSC, unbounded",
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
            Row::Contention => {
                &Spec { name: "contention", title: "MPMC 500:500, 128 slots", size: CROWD, ..EACH }
            }
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
            Row::Ticker => &Spec {
                name: "ticker",
                title: "1 ms ticker",
                metrics: LATE_US,
                size: 2_000,
                ..EACH
            },
            Row::TickerSpawn => &Spec {
                name: "ticker_spawn",
                title: "1 ms ticker that spawns and joins",
                metrics: LATE_US,
                size: 2_000,
                ..EACH
            },
            Row::TickerBlocked => &Spec {
                name: "ticker_blocked",
                title: "1 ms ticker beside 8 in blocking calls",
                metrics: LATE_MS,
                size: 2_000,
                ..EACH
            },
            Row::TickerBlockedWrapped => &Spec {
                name: "ticker_blocked_wrapped",
                title: "1 ms ticker beside 8 wrapped calls",
                metrics: LATE_MS,
                size: 2_000,
                stand_in: Some(Row::TickerBlocked),
                ..EACH
            },
            Row::TickerHogs => &Spec {
                name: "ticker_hogs",
                title: "1 ms ticker beside 4 that compute",
                metrics: LATE_MS,
                size: 2_000,
                ..EACH
            },
            Row::Sleepers => &Spec {
                name: "sleepers",
                title: "1,000,000 sleeping up to 1 s",
                metrics: SLEEPERS,
                size: 1_000_000,
                once: true,
                ..EACH
            },
            Row::Stall => &Spec {
                name: "stall",
                title: "1 ms ticker beside a mixed load",
                metrics: STALL,
                size: 60,
                once: true,
                ..EACH
            },
            Row::HttpRaw => &Spec {
                name: "http_raw",
                title: "HTTP, 64 connections",
                metrics: HTTP,
                size: 64,
                ..EACH
            },
            Row::HttpRaw512 => &Spec {
                name: "http_raw_512",
                title: "HTTP, 512 connections",
                metrics: HTTP,
                size: 512,
                ..EACH
            },
            Row::IdleConns => &Spec {
                name: "idle_conns",
                title: "10,000 idle connections",
                metrics: IDLE,
                size: 10_000,
                once: true,
                ..EACH
            },
            Row::PingPongTail => &Spec {
                name: "pingpong_tail",
                title: "ping-pong, each round trip",
                metrics: TAIL_NS,
                size: 400_000,
                ..EACH
            },
            Row::WakeTail => &Spec {
                name: "wake_tail",
                title: "from send to receipt, under load",
                metrics: TAIL_US,
                size: 10_000,
                ..EACH
            },
            Row::SpawnTail => &Spec {
                name: "spawn_tail",
                title: "from spawn to first step, under load",
                metrics: TAIL_US,
                size: 10_000,
                ..EACH
            },
            Row::PipeTail => &Spec {
                name: "pipe_tail",
                title: "from send to receipt, in a pipe",
                metrics: TAIL_US,
                size: 1_000,
                ..EACH
            },
            Row::HttpTail => &Spec {
                name: "http_tail",
                title: "HTTP, 64 connections, each answer",
                metrics: TAIL_US,
                size: 64,
                ..EACH
            },
        }
    }
}
