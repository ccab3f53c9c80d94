//! How many instructions the hot paths take, beside `instructions.txt`: no clock, so no luck.
//!
//! Each turn is made [`FEW`] and [`MANY`] times in a process under valgrind, with one processor; the difference is the turns'.
//! For the release build, on x86-64, where valgrind is installed; else the test says so and passes.
//! `RT_INSTRUCTIONS=write` writes what was counted into the file.
#![cfg(target_os = "linux")]

mod common;

use common::runtime;
use rt::chan::{self, Chan};
use rt::pool::{Pool, Queue};
use rt::sync::{Mutex, WaitGroup};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const FEW: u64 = 4_000;
const MANY: u64 = 44_000;
/// How often a turn that seems to have changed is counted again.
const AGAIN: usize = 4;
/// What a count may be above or below what is written: compilers and C libraries differ a little.
const TOLERANCE: f64 = 0.06;
/// A turn of few instructions may gain so many.
const SLACK: f64 = 3.0;
/// The child is to make this turn, so often.
const TURN: &str = "RT_TEST_TURN";
const TIMES: &str = "RT_TEST_TIMES";

type Turn = (&'static str, fn(u64));

const TURNS: &[Turn] = &[
    ("spawn, join", |n| (0..n).for_each(|i| assert_eq!(rt::spawn(move || i).join().unwrap(), i))),
    ("spawn by a wait group", |n| {
        let group = WaitGroup::new();
        for _ in 0..n {
            group.go(|| ());
            group.wait();
        }
    }),
    ("join of two halves", |n| (0..n).for_each(|i| assert_eq!(rt::join(|| i, || 1), (i, 1)))),
    ("two yields", |n| {
        let other = rt::spawn(move || (0..n).for_each(|_| rt::yield_now()));
        (0..n).for_each(|_| rt::yield_now());
        other.join().unwrap();
    }),
    ("there and back, unbuffered", |n| {
        let (there, back) = (Chan::new(0), Chan::new(0));
        let echo = {
            let (there, back) = (there.clone(), back.clone());
            rt::spawn(move || (0..n).for_each(|_| back.send(there.recv().unwrap())))
        };
        for i in 0..n {
            there.send(i);
            assert_eq!(back.recv(), Some(i));
        }
        echo.join().unwrap();
    }),
    ("send and receive, buffered", |n| {
        let (tx, rx) = chan::bounded(4);
        for i in 0..n {
            tx.send(i).unwrap();
            assert_eq!(rx.recv(), Ok(i));
        }
    }),
    ("select over two", |n| {
        let (one, two) = (Chan::new(4), Chan::new(4));
        for i in 0..n {
            one.send(i);
            let got = rt::select! {
                recv(one) -> v => v,
                recv(two) -> v => v,
            };
            assert_eq!(got, Some(i));
        }
    }),
    ("lock, unlock", |n| {
        let sum = Mutex::new(0);
        (0..n).for_each(|i| *sum.lock() += i);
        assert_eq!(*sum.lock(), n * (n - 1) / 2);
    }),
    ("a task for an idle worker", |n| {
        let (pool, group) = (Pool::new(1).unwrap(), WaitGroup::new());
        for _ in 0..n {
            group.add(1);
            let done = group.clone();
            pool.submit(move || done.done()).unwrap();
            group.wait();
        }
    }),
    ("a task through a pool's queue", |n| {
        let pool = Pool::builder().capacity(1).queue(Queue::Bounded(64)).build().unwrap();
        (0..n).for_each(|_| pool.submit(|| {}).unwrap());
        pool.release_timeout(std::time::Duration::from_secs(100)).unwrap();
    }),
    ("a task of a pool, and its result", |n| {
        let pool = Pool::new(1).unwrap();
        (0..n).for_each(|i| assert_eq!(pool.spawn(move || i).unwrap().join().unwrap(), i));
    }),
    ("add, done", |n| {
        let group = WaitGroup::new();
        for _ in 0..n {
            group.add(1);
            group.done();
        }
        group.wait();
    }),
];

/// The instructions of a process that makes `turn` so often.
fn count(turn: &str, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_turn_of_a_child", "--nocapture", "--test-threads=1"])
        .env(TURN, turn)
        .env(TIMES, times.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{turn}: {text}");
    let line = text.lines().find_map(|line| line.split_once("Collected : "));
    line.unwrap_or_else(|| panic!("{turn}: {text}")).1.trim().parse().unwrap()
}

/// What a process of [`FEW`] turns and one of [`MANY`] took at least. The monitor has its own clock: on a busy machine it takes part more often,
/// and what it does is added, never taken away.
struct Least([u64; 2]);

impl Least {
    fn of(turn: &str) -> Self {
        let mut least = Self([u64::MAX; 2]);
        least.count(turn);
        least.count(turn);
        least
    }

    fn count(&mut self, turn: &str) {
        for (least, times) in self.0.iter_mut().zip([FEW, MANY]) {
            *least = count(turn, times).min(*least);
        }
    }

    fn per_turn(&self) -> f64 {
        let [few, many] = self.0;
        many.saturating_sub(few) as f64 / (MANY - FEW) as f64
    }
}

#[test]
fn the_turn_of_a_child() {
    let Ok(name) = std::env::var(TURN) else { return };
    let times = std::env::var(TIMES).unwrap().parse().unwrap();
    let turn = TURNS.iter().find(|(turn, _)| *turn == name).unwrap().1;
    runtime(1).run(|| turn(times));
}

#[test]
fn the_hot_paths_are_as_short_as_they_were() {
    if std::env::var_os(TURN).is_some() {
        return;
    }
    if cfg!(debug_assertions) || !cfg!(target_arch = "x86_64") {
        println!("not counted: this is for the release build on x86-64");
        return;
    }
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !valgrind.is_ok_and(|status| status.success()) {
        println!("not counted: valgrind is not installed");
        return;
    }
    let t = common::test();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/instructions.txt");
    let writes = std::env::var("RT_INSTRUCTIONS").is_ok_and(|what| what == "write");
    let written = std::fs::read_to_string(&path).unwrap();
    let (mut text, mut wrong) = (String::new(), String::new());
    for (name, _) in TURNS {
        let line = written.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let was: f64 = match line {
            Some(count) => count.parse().unwrap(),
            None if writes => 0.0,
            None => panic!("{name} is not written"),
        };
        let is_off = |least: &Least| {
            !writes && (least.per_turn() - was).abs() > (was * TOLERANCE).max(SLACK)
        };
        let mut least = Least::of(name);
        for _ in 0..AGAIN {
            if is_off(&least) {
                least.count(name);
            }
            t.dog.pet();
        }
        let count = least.per_turn();
        println!("{name}: {count:.1}");
        writeln!(text, "{name}: {count:.1}").unwrap();
        if is_off(&least) {
            writeln!(wrong, "{name}: {count:.1} instructions, {was:.1} are written").unwrap();
        }
    }
    if writes {
        std::fs::write(path, text).unwrap();
        return;
    }
    assert!(
        wrong.is_empty(),
        "the hot paths have changed; if that is meant, RT_INSTRUCTIONS=write says so:\n{wrong}"
    );
}
