//! The rows and what each peer does for them.

use benches::row::fib;
use rt::pool::Pool;
use rt::sync::WaitGroup;
use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(10);
const SUBMITTERS: usize = 8;

/// One question put to the peers.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) tasks: usize,
    /// `None`: one worker for each processor.
    capacity: Option<usize>,
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "sleep",
        title: "1,000,000 tasks that sleep 10 ms, 50,000 workers",
        tasks: 1_000_000,
        capacity: Some(50_000),
    },
    Row {
        name: "short",
        title: "1,000,000 tasks that add one, 1,000 workers",
        tasks: 1_000_000,
        capacity: Some(1000),
    },
    Row {
        name: "short8",
        title: "same, from eight submitters",
        tasks: 1_000_000,
        capacity: Some(1000),
    },
    Row { name: "cpu", title: "20,000 tasks of fib(18)", tasks: 20_000, capacity: None },
];

impl Row {
    pub(crate) fn named(name: &str) -> Result<&'static Self, String> {
        ROWS.iter().find(|row| row.name == name).ok_or_else(|| format!("{name}: no such row"))
    }

    pub(crate) fn capacity(&self, procs: usize) -> usize {
        self.capacity.unwrap_or(procs)
    }
}

/// Who is asked.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) rows: &'static [&'static str],
    pub(crate) is_go: bool,
}

const ALL: &[&str] = &["sleep", "short", "short8", "cpu"];
const COMPUTE: &[&str] = &["short", "short8", "cpu"];

pub(crate) const PEERS: &[Peer] = &[
    Peer { name: "rt", rows: ALL, is_go: false },
    Peer { name: "ants", rows: ALL, is_go: true },
    Peer { name: "rt, go!", rows: ALL, is_go: false },
    Peer { name: "Go, go", rows: ALL, is_go: true },
    Peer { name: "rayon", rows: COMPUTE, is_go: false },
    Peer { name: "threadpool", rows: COMPUTE, is_go: false },
];

/// What one process measured.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) nanos: f64,
    /// Peak of resident memory with page tables, less before.
    pub(crate) kib: f64,
}

impl Figures {
    pub(crate) fn median(all: &[Self]) -> Self {
        let middle = |of: fn(&Self) -> f64| {
            let mut sorted: Vec<f64> = all.iter().map(of).collect();
            sorted.sort_by(f64::total_cmp);
            sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self { nanos: middle(|f| f.nanos), kib: middle(|f| f.kib) }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ms, {:.0} MiB", self.nanos / 1e6, self.kib / 1024.0)
    }
}

/// Runs a child and reads its line.
pub(crate) fn run(command: &mut Command) -> Result<Figures, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let line = String::from_utf8_lossy(&output.stdout);
    let numbers: Option<Vec<f64>> = line.split_whitespace().map(|word| word.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[nanos, kib]) => Ok(Figures { nanos, kib }),
        _ => Err(format!("{command:?} says {line:?}")),
    }
}

/// One peer, one row, in this process.
pub(crate) fn child(peer: &str, row: &str, procs: &str) -> Result<(), String> {
    let row = Row::named(row)?;
    let procs: usize = procs.parse().map_err(|_| format!("{procs}: not a number"))?;
    let capacity = row.capacity(procs);
    match peer {
        "rt" | "rt, go!" => {
            let runtime = rt::Runtime::builder().procs(procs).build();
            runtime.map_err(|error| error.to_string())?.run(|| goroutines(peer, row, capacity))
        }
        "rayon" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(procs).build();
            let pool = pool.map_err(|error| error.to_string())?;
            threads(row, |task| pool.spawn(task))
        }
        "threadpool" => {
            let pool = threadpool::ThreadPool::new(procs);
            threads(row, |task| pool.execute(task))
        }
        _ => Err(format!("{peer}: no such peer")),
    }
}

/// What a row's task does, and what is counted.
#[derive(Default)]
struct Work(AtomicU64);

/// One for the process: in Go a closure has a pointer to it, too, and counts nothing.
fn shared<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

impl Work {
    fn done(&self, row: &Row) {
        let one = match row.name {
            "sleep" => {
                rt::time::sleep(NAP);
                1
            }
            "cpu" => fib(std::hint::black_box(18)) - 2583,
            _ => 1,
        };
        self.0.fetch_add(one, Ordering::Relaxed);
    }

    fn check(&self, row: &Row) -> Result<(), String> {
        let ran = self.0.load(Ordering::Relaxed);
        if ran == row.tasks as u64 { Ok(()) } else { Err(format!("{ran} tasks ran")) }
    }
}

fn goroutines(peer: &str, row: &'static Row, capacity: usize) -> Result<(), String> {
    let pool = Pool::builder().capacity(capacity).expiry(Duration::from_secs(10)).build();
    let pool = pool.map_err(|error| error.to_string())?;
    let is_pool = peer == "rt";
    let (work, all) = (shared(Work::default()), shared(WaitGroup::new()));
    let submitting = WaitGroup::new();
    let from = if row.name.ends_with('8') { SUBMITTERS } else { 1 };
    let before = memory("VmRSS:") + memory("VmPTE:");
    let start = Instant::now();
    all.add(row.tasks as isize);
    for _ in 0..from {
        let pool = pool.clone();
        submitting.go(move || {
            for _ in 0..row.tasks / from {
                let task = move || {
                    work.done(row);
                    all.done();
                };
                if is_pool {
                    pool.submit(task).expect("the pool is open");
                } else {
                    rt::spawn(task);
                }
            }
        });
    }
    submitting.wait();
    all.wait();
    let took = start.elapsed();
    work.check(row)?;
    println!("{} {}", took.as_nanos(), memory("VmHWM:") + memory("VmPTE:") - before);
    Ok(())
}

type Boxed = Box<dyn FnOnce() + Send>;

fn threads(row: &'static Row, submit: impl Fn(Boxed) + Sync) -> Result<(), String> {
    let work = shared(Work::default());
    let (done, all) = std::sync::mpsc::sync_channel(1);
    let done = shared(done);
    let from = if row.name.ends_with('8') { SUBMITTERS } else { 1 };
    let before = memory("VmRSS:") + memory("VmPTE:");
    let start = Instant::now();
    let left = shared(AtomicU64::new(row.tasks as u64));
    std::thread::scope(|s| {
        for _ in 0..from {
            s.spawn(|| {
                for _ in 0..row.tasks / from {
                    submit(Box::new(move || {
                        work.done(row);
                        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                            let _ = done.send(());
                        }
                    }));
                }
            });
        }
    });
    all.recv().map_err(|error| error.to_string())?;
    let took = start.elapsed();
    work.check(row)?;
    println!("{} {}", took.as_nanos(), memory("VmHWM:") + memory("VmPTE:") - before);
    Ok(())
}

/// A line of /proc/self/status, in KiB.
fn memory(name: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}
