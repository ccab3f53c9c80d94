//! Traces, parsed back: slices nest, times rise, arrows have two ends, and what happened is in it.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{eventually, runtime};
use rt::chan::Chan;
use rt::trace::{self, TraceError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A file of the test's own, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("rt-{}-{name}.json", std::process::id())))
    }

    fn read(&self) -> Trace {
        Trace::parse(&std::fs::read_to_string(&self.0).unwrap())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A slice, with its arguments.
#[derive(Clone, Debug)]
struct Slice {
    thread: String,
    name: String,
    from: f64,
    to: f64,
    args: Value,
    then: String,
}

/// A trace that has been checked.
struct Trace {
    threads: BTreeMap<(u64, u64), String>,
    slices: Vec<Slice>,
    instants: Vec<(String, String)>,
    counters: BTreeSet<String>,
    /// Of each arrow: the thread where it begins, the goroutine where it ends.
    arrows: usize,
    lost: u64,
    records: usize,
}

impl Trace {
    /// Checks all that every trace has to keep.
    fn parse(text: &str) -> Self {
        let json: Value = serde_json::from_str(text).unwrap();
        let events = json["traceEvents"].as_array().unwrap();
        let mut trace = Self {
            threads: BTreeMap::new(),
            slices: Vec::new(),
            instants: Vec::new(),
            counters: BTreeSet::new(),
            arrows: 0,
            lost: json["otherData"]["lost_events"].as_u64().unwrap(),
            records: events.len(),
        };
        let mut open: BTreeMap<(u64, u64), Vec<Slice>> = BTreeMap::new();
        let mut last: BTreeMap<(u64, u64), f64> = BTreeMap::new();
        let mut begun = BTreeSet::new();
        for event in events {
            let ph = event["ph"].as_str().unwrap();
            let key = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
            if ph == "M" {
                if event["name"] == "thread_name" {
                    let name = event["args"]["name"].as_str().unwrap().to_owned();
                    assert!(trace.threads.insert(key, name).is_none(), "named twice: {event}");
                }
                continue;
            }
            let at = event["ts"].as_f64().unwrap();
            let before = last.insert(key, at).unwrap_or(0.0);
            assert!(at >= before, "time goes back: {event}");
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let thread = || trace.threads.get(&key).cloned().unwrap_or_else(|| panic!("{event}"));
            let stack = open.entry(key).or_default();
            match ph {
                "B" => stack.push(Slice {
                    thread: thread(),
                    name: text("name"),
                    from: at,
                    to: 0.0,
                    args: event["args"].clone(),
                    then: String::new(),
                }),
                "E" => {
                    let mut slice = stack.pop().unwrap_or_else(|| panic!("no beginning: {event}"));
                    slice.to = at;
                    slice.then = event["args"]["then"].as_str().unwrap().to_owned();
                    trace.slices.push(slice);
                }
                "s" => {
                    assert!(!stack.is_empty(), "an arrow from nowhere: {event}");
                    assert!(begun.insert(event["id"].as_u64().unwrap()), "used twice: {event}");
                }
                "f" => {
                    assert!(!stack.is_empty(), "an arrow to nowhere: {event}");
                    assert!(
                        begun.contains(&event["id"].as_u64().unwrap()),
                        "no beginning: {event}"
                    );
                    trace.arrows += 1;
                }
                "i" => trace.instants.push((thread(), text("name"))),
                "C" => {
                    assert!(event["args"]["n"].is_u64(), "{event}");
                    trace.counters.insert(text("name"));
                }
                _ => panic!("unknown: {event}"),
            }
        }
        assert!(open.values().all(Vec::is_empty), "slices without an end: {open:?}");
        // One goroutine at a time on a processor, and one processor at a time for a goroutine.
        for slices in
            trace.by(|slice| slice.thread.starts_with('P').then(|| slice.thread.clone())).values()
        {
            assert!(slices.windows(2).all(|pair| pair[0].to <= pair[1].from), "{slices:?}");
        }
        trace
    }

    fn by<K: Ord>(&self, key: impl Fn(&Slice) -> Option<K>) -> BTreeMap<K, Vec<Slice>> {
        let mut by: BTreeMap<K, Vec<Slice>> = BTreeMap::new();
        for slice in &self.slices {
            if let Some(key) = key(slice) {
                by.entry(key).or_default().push(slice.clone());
            }
        }
        by
    }

    /// The slices of goroutines whose name contains this.
    fn of(&self, name: &str) -> Vec<&Slice> {
        let on_p = |slice: &&Slice| slice.thread.starts_with('P') && slice.name.contains(name);
        self.slices.iter().filter(on_p).collect()
    }
}

fn named(name: &str, f: impl FnOnce() + Send + 'static) -> rt::JoinHandle<()> {
    rt::task::Builder::new().name(name).spawn(f).unwrap()
}

#[test]
fn what_happened_is_in_it() {
    let _t = common::alone();
    for procs in [1, 2, 8] {
        let file = File::new("happened");
        let runtime = runtime(procs);
        trace::start(&file.0).unwrap();
        runtime.run(|| {
            let (a, b) = (Chan::new(0), Chan::new(0));
            let (c, d) = (a.clone(), b.clone());
            let pong = named("pong \"<q>\" \\ \u{202e}", move || {
                (0..20).for_each(|_| d.send(c.recv().unwrap()));
            });
            let ping = named("ping", move || {
                (0..20).for_each(|i| {
                    a.send(i);
                    b.recv().unwrap();
                });
            });
            named("sleeper", || rt::time::sleep(Duration::from_millis(2))).join().unwrap();
            named("yielder", || (0..5).for_each(|_| rt::yield_now())).join().unwrap();
            named("asks", || rt::blocking(|| std::thread::sleep(Duration::from_millis(1))))
                .join()
                .unwrap();
            ping.join().unwrap();
            pong.join().unwrap();
        });
        let summary = trace::stop().unwrap();
        assert_eq!(summary.lost, 0);
        assert!(summary.events > 100 && summary.span > Duration::from_millis(3), "{summary:?}");
        let trace = file.read();
        assert_eq!(trace.lost, 0);
        let names: BTreeSet<_> = trace.threads.values().map(String::as_str).collect();
        assert!((0..procs).all(|p| names.contains(format!("P{p}").as_str())), "{names:?}");
        assert!(names.contains("other threads"));
        // On a busy machine anybody may lose the processor besides.
        let then = |name| {
            let all = trace.of(name).into_iter().map(|slice| slice.then.clone());
            all.filter(|then| !then.starts_with("loses the processor: b")).collect::<Vec<_>>()
        };
        let mut sleeps = then("'sleeper'");
        // It may wake for nothing, and sleep on.
        sleeps.dedup();
        assert_eq!(sleeps, ["waits: sleep", "ends"]);
        let mut yields = vec!["makes way"; 5];
        yields.push("ends");
        assert_eq!(then("'yielder'"), yields);
        assert!(trace.of("'pong \"<q>\" \\ \\u{202e}'").len() >= 20);
        assert!(then("'ping'").iter().filter(|then| then.starts_with("waits: chan")).count() >= 20);
        let asked = then("'asks'");
        assert!(asked.iter().any(|then| then == "loses the processor: asked"), "{asked:?}");
        let alone =
            trace.slices.iter().find(|slice| slice.name.ends_with("'asks' without a processor"));
        let alone = alone.unwrap();
        assert!(alone.thread.starts_with('M') && alone.args["why"] == "asked", "{alone:?}");
        assert!(alone.to - alone.from >= 900.0, "{alone:?}");
        // Each goroutine that was begun was made runnable by somebody.
        assert!(trace.arrows >= 40, "{}", trace.arrows);
        assert!(trace.instants.iter().any(|(_, name)| name == "timer"));
        assert!(trace.of("'sleeper'")[0].args["spawned"].as_str().unwrap().contains("trace.rs"));
        // Main's own slice is there by its place.
        assert!(trace.slices.iter().any(|slice| slice.name.contains("tests/trace.rs:")));
    }
}

#[test]
fn a_hog_is_seen_to_lose_its_processor() {
    let _t = common::alone();
    let (file, runtime, stop) = (File::new("hog"), runtime(1), Arc::new(AtomicBool::new(false)));
    trace::start(&file.0).unwrap();
    let until = Arc::clone(&stop);
    runtime.run(move || {
        let hog = named("hog", move || {
            while !until.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        common::eventually_yielding("it lost it", || rt::metrics().procs[0].hand_offs.burning > 0);
        stop.store(true, Ordering::Relaxed);
        hog.join().unwrap();
    });
    trace::stop().unwrap();
    let trace = file.read();
    let slices = trace.of("'hog'");
    assert!(slices.iter().any(|s| s.then == "loses the processor: burning"), "{slices:?}");
    let long = slices.iter().map(|s| s.to - s.from).fold(0.0, f64::max);
    assert!(long >= 5_000.0, "{slices:?}");
    assert!(trace.slices.iter().any(|s| s.name.ends_with("'hog' without a processor")));
    assert!(trace.counters.contains("goroutines") && trace.counters.contains("queue P0"));
}

#[test]
fn two_runtimes_and_one_that_comes_later() {
    let _t = common::alone();
    let (file, first) = (File::new("two"), runtime(1));
    trace::start(&file.0).unwrap();
    first.run(|| named("one", rt::yield_now).join().unwrap());
    let second = runtime(2);
    second.run(|| named("two", rt::yield_now).join().unwrap());
    // What it did stays, though it has ended.
    drop(second);
    trace::stop().unwrap();
    let trace = file.read();
    assert!(!trace.of("'one'").is_empty() && !trace.of("'two'").is_empty());
    let processes: BTreeSet<_> = trace.threads.keys().map(|(pid, _)| pid).collect();
    assert!(processes.len() >= 2);
    // The M of a runtime that began before the trace and was asleep all the time has nothing to show.
    drop(first);
}

/// Forty years.
const LONG: Duration = Duration::from_secs(40 * 365 * 86_400);

/// What is noted goes by the real time: a virtual clock would be ahead of who asks, and what happened be missing.
#[test]
fn a_runtime_with_virtual_time_is_seen_as_any_other() {
    let _t = common::alone();
    let file = File::new("virtual");
    let lab = rt::Runtime::builder().procs(1).virtual_time(true).build().unwrap();
    trace::start(&file.0).unwrap();
    lab.run(|| {
        rt::time::sleep(LONG);
        named("late", || rt::time::sleep(LONG)).join().unwrap();
    });
    let summary = trace::stop().unwrap();
    assert!(summary.span < LONG, "{summary:?}");
    let trace = file.read();
    assert!(
        trace.of("late").iter().any(|slice| slice.then == "waits: sleep"),
        "{:?}",
        trace.slices
    );
}

/// So are the samples: who was followed while the clock jumped is no reason for a panic, nor are there none after it.
#[test]
fn samples_go_on_when_a_virtual_clock_has_jumped() {
    let _t = common::test();
    let lab = rt::Runtime::builder().procs(1).virtual_time(true).build().unwrap();
    let samples = || {
        let metrics = rt::metrics();
        metrics.latency.count() + metrics.slices.count()
    };
    lab.run(|| {
        for _ in 0..2 {
            let before = samples();
            common::eventually_yielding("somebody was looked at", || {
                rt::spawn(|| rt::time::sleep(Duration::from_nanos(1))).join().unwrap();
                samples() > before + 2
            });
            rt::time::sleep(LONG);
        }
    });
}

#[test]
fn what_is_overwritten_is_counted() {
    let _t = common::alone();
    let (file, runtime) = (File::new("lost"), runtime(1));
    trace::Options::new().capacity(1).start(&file.0).unwrap();
    runtime.run(|| (0..5000).for_each(|_| rt::yield_now()));
    let summary = trace::stop().unwrap();
    assert!(summary.lost > 5000 && summary.events >= 1000, "{summary:?}");
    let trace = file.read();
    assert_eq!(trace.lost, summary.lost);
    assert!(trace.records > 1000);
}

#[test]
fn the_recorder_has_the_last_of_it_whenever_it_is_asked() {
    let _t = common::alone();
    const SPAN: Duration = Duration::from_millis(400);
    let (file, runtime) = (File::new("recorder"), runtime(2));
    trace::record(SPAN).unwrap();
    assert!(trace::is_on());
    runtime.run(|| {
        named("early", || ()).join().unwrap();
        rt::time::sleep(SPAN + Duration::from_millis(50));
        let mut begun = Vec::new();
        for i in 0..5 {
            begun.push(Instant::now());
            named(&format!("late {i}"), || ()).join().unwrap();
            let summary = trace::write(&file.0).unwrap();
            let written = Instant::now();
            assert!(summary.span <= SPAN, "{summary:?}");
            assert_eq!(summary.lost, 0);
            let trace = file.read();
            assert!(trace.of("'early'").is_empty());
            // A busy machine may take so long that the first are too old.
            for (i, _) in begun.iter().enumerate().filter(|(_, at)| written - **at < SPAN) {
                assert_eq!(trace.of(&format!("'late {i}'")).len(), 1);
            }
            // Who runs and began long ago is shown from the beginning.
            let running = trace.slices.iter().filter(|s| s.then == "the trace ends").count();
            assert!(running >= 1);
        }
    });
    let summary = trace::stop().unwrap();
    assert!(!trace::is_on() && summary.span <= SPAN);
    assert!(matches!(trace::write(&file.0), Err(TraceError::NotStarted)));
}

#[test]
fn it_is_read_while_it_is_written() {
    let _t = common::alone();
    let (file, runtime, stop) = (File::new("while"), runtime(2), Arc::new(AtomicBool::new(false)));
    // So small that all is overwritten while it is read.
    trace::Options::new().capacity(2000).record(Duration::from_secs(60)).unwrap();
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            runtime.handle().spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    drop(rt::spawn(rt::yield_now).join());
                }
            })
        })
        .collect();
    for _ in 0..common::turns(10, 50) {
        trace::write(&file.0).unwrap();
        // Checks it.
        file.read();
    }
    trace::stop().unwrap();
    stop.store(true, Ordering::Relaxed);
    busy.into_iter().for_each(|handle| handle.join().unwrap());
}

#[test]
fn mistakes_are_told_apart() {
    let _t = common::alone();
    let file = File::new("mistakes");
    assert!(matches!(trace::stop(), Err(TraceError::NotStarted)));
    assert!(matches!(trace::write(&file.0), Err(TraceError::NotStarted)));
    trace::start(&file.0).unwrap();
    assert!(matches!(trace::start(&file.0), Err(TraceError::AlreadyStarted)));
    assert!(matches!(trace::record(Duration::ZERO), Err(TraceError::AlreadyStarted)));
    trace::stop().unwrap();
    assert!(matches!(trace::stop(), Err(TraceError::NotStarted)));
    for bad in ["/no/such/folder/x.json", "/", ""] {
        let error = trace::start(bad).unwrap_err();
        assert!(matches!(&error, TraceError::Io { path, .. } if path.to_str() == Some(bad)));
        assert!(error.to_string().contains(bad) && !trace::is_on(), "{error}");
    }
    for bad in [0, 1 << 24, usize::MAX] {
        let error = trace::Options::new().capacity(bad).start(&file.0).unwrap_err();
        assert!(
            matches!(error, TraceError::Invalid(_)) && error.to_string().contains(&bad.to_string())
        );
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::InvalidInput);
    }
    // On a full disk.
    if std::path::Path::new("/dev/full").exists() {
        let runtime = runtime(1);
        trace::start("/dev/full").unwrap();
        runtime.run(rt::yield_now);
        assert!(matches!(trace::stop(), Err(TraceError::Io { .. })));
        assert!(!trace::is_on());
    }
    trace::record(Duration::from_secs(1)).unwrap();
    trace::stop().unwrap();
}

#[test]
fn when_it_is_over_nobody_notes_anything() {
    let _t = common::alone();
    let (file, runtime) = (File::new("over"), runtime(2));
    let work = || (0..2000).for_each(|_| drop(rt::spawn(rt::yield_now).join()));
    trace::start(&file.0).unwrap();
    runtime.run(work);
    let with = trace::stop().unwrap();
    runtime.run(work);
    trace::start(&file.0).unwrap();
    let without = trace::stop().unwrap();
    assert!(with.events > 2000, "{with:?}");
    assert!(without.events < 100, "{without:?}");
    eventually("all is quiet", || runtime.metrics().goroutines.live == 0);
}

/// A pipe without a reader: to open it takes until there is one, and nobody else has to wait for that.
#[test]
#[cfg(target_os = "linux")]
fn a_file_that_is_long_in_opening_keeps_nobody_waiting() {
    use std::os::unix::ffi::OsStrExt as _;
    let _t = common::alone();
    let file = File::new("pipe");
    let path = std::ffi::CString::new(file.0.as_os_str().as_bytes()).unwrap();
    // SAFETY: a path that ends in a zero.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let (path, (tell, told)) = (file.0.clone(), std::sync::mpsc::channel());
    let starts = std::thread::spawn(move || {
        let me = std::fs::read_link("/proc/thread-self").unwrap();
        tell.send(PathBuf::from("/proc").join(me).join("stat")).unwrap();
        trace::start(path)
    });
    let stat = told.recv().unwrap();
    let waits = || std::fs::read_to_string(&stat).unwrap().contains(") S ");
    eventually("it waits for a reader", waits);
    let runtime = runtime(1);
    runtime.run(rt::yield_now);
    assert!(!trace::is_on() && !starts.is_finished());
    assert!(matches!(trace::record(Duration::from_secs(1)), Err(TraceError::AlreadyStarted)));
    assert!(matches!(trace::stop(), Err(TraceError::NotStarted)));
    let reader = {
        let path = file.0.clone();
        std::thread::spawn(move || std::fs::read_to_string(path).unwrap())
    };
    starts.join().unwrap().unwrap();
    // Also of a runtime that was built meanwhile.
    runtime.run(rt::yield_now);
    assert!(trace::stop().unwrap().events > 0);
    assert!(Trace::parse(&reader.join().unwrap()).threads.len() > 1);
}
