//! Programs all of whose goroutines are asleep, programs that only look like it, and SIGQUIT. Each is a process of its own:
//! this binary again, without a test harness, whose threads would not be the runtime's.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod alive;
mod dead;
mod exit;
mod quit;

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Names the scenario that a child plays.
const CHILD: &str = "RT_TEST_SCENARIO";
/// Tells a child what is [`long`], in milliseconds.
const LONG: &str = "RT_TEST_LONG";
/// Who is dead for sure, and shows how long the report takes while all the others are busy.
const CONTROL: &str = "dead receives_what_nobody_sends";

static LONG_MS: AtomicU64 = AtomicU64::new(2700);

/// More than the detector takes: twice as much on a machine that has nothing else to do.
pub(crate) fn long() -> Duration {
    Duration::from_millis(LONG_MS.load(Ordering::Relaxed))
}

/// A program, and what is to become of it.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) play: fn(),
    /// As `#[rt::main]`, or in a runtime that the program builds.
    pub(crate) with: With,
    /// Watches the child, and panics if it does not do as it should.
    pub(crate) watch: fn(&str, Child),
}

#[derive(Clone, Copy)]
pub(crate) enum With {
    Main,
    Runtime(fn() -> rt::Builder),
}

fn all() -> Vec<Scenario> {
    let mut all = dead::scenarios();
    all.extend(alive::scenarios());
    all.extend(exit::scenarios());
    all.extend(quit::scenarios());
    all
}

fn main() {
    if let Ok(name) = std::env::var(CHILD) {
        let long = std::env::var(LONG).unwrap().parse().unwrap();
        LONG_MS.store(long, Ordering::Relaxed);
        let scenario = all().into_iter().find(|s| s.name == name).expect("a known scenario");
        match scenario.with {
            With::Main => drop(as_main::main()),
            With::Runtime(builder) => builder().build().unwrap().run(scenario.play),
        }
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let is_wanted =
        |s: &Scenario| wanted.is_empty() || wanted.iter().any(|w| s.name.contains(w.as_str()));
    let (alive, others): (Vec<_>, Vec<_>) =
        all().into_iter().filter(is_wanted).partition(|s| s.name.starts_with("alive"));
    let mut failed = run(others);
    while !alive.is_empty() {
        // That nothing is reported says something only if in that time it would have been.
        let control = std::thread::spawn(|| {
            ["1", "2", "8"].map(|procs| {
                let (start, child) = (Instant::now(), start(CONTROL, procs));
                assert_eq!(wait(child, Duration::from_secs(100)).0, Some(2), "the control");
                start.elapsed()
            })
        });
        failed += run(alive.clone());
        let took = control.join().unwrap().into_iter().max().unwrap();
        if took < long() || failed != 0 {
            break;
        }
        println!("busy: a report took {took:?}; all that were to live once more");
        LONG_MS.store(2 * took.as_millis() as u64, Ordering::Relaxed);
    }
    println!("test result: {} failed", failed);
    assert_eq!(failed, 0);
}

/// Plays them, all at once, for they mostly wait, with one, two and eight processors each. Returns how many failed.
fn run(scenarios: Vec<Scenario>) -> usize {
    let threads: Vec<_> = scenarios
        .into_iter()
        .flat_map(|s| ["1", "2", "8"].map(|procs| (s.name, s.watch, procs)))
        .map(|(name, watch, procs)| {
            let title = format!("{name}, {procs} procs");
            let child = start(name, procs);
            (title.clone(), std::thread::spawn(move || watch(&title, child)))
        })
        .collect();
    let mut failed = 0;
    for (title, thread) in threads {
        let result = if thread.join().is_ok() { "ok" } else { "FAILED" };
        failed += usize::from(result == "FAILED");
        println!("test {title} ... {result}");
    }
    failed
}

mod as_main {
    #[rt::main]
    pub(crate) fn main() {
        let name = std::env::var(super::CHILD).unwrap();
        let scenario = super::all().into_iter().find(|s| s.name == name).unwrap();
        (scenario.play)();
    }
}

fn start(name: &str, procs: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(CHILD, name).env("RT_PROCS", procs);
    command.env(LONG, long().as_millis().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for the child's end, or ends it after `limit`: `None`.
pub(crate) fn wait(mut child: Child, limit: Duration) -> (Option<i32>, Output) {
    let start = Instant::now();
    let mut ended = true;
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > limit {
            ended = false;
            child.kill().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    (if ended { output.status.code() } else { None }, output)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
