//! The runtime in numbers: they are exact where nothing moves, and the text is what Prometheus reads.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{child, eventually, is_child, run, runtime};
use rt::chan::Chan;
use rt::debug::{Metrics, ProcMetrics};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn sum(metrics: &Metrics, of: impl Fn(&ProcMetrics) -> u64) -> u64 {
    metrics.procs.iter().map(of).sum()
}

/// Parks are what is left of the runs when all other ends are taken away, and wakes are counted where they happen: with
/// nobody waiting there are as many, but for those that no processor woke.
fn assert_balanced(metrics: &Metrics) {
    let (parks, wakes) = (sum(metrics, |p| p.parks), sum(metrics, |p| p.wakes));
    assert!(parks.abs_diff(wakes) <= parks / 50 + 5, "{parks} parks, {wakes} wakes: {metrics:#?}");
}

/// When the last goroutine has been counted as ended, and nobody looks for another.
fn quiet(runtime: &rt::Runtime) -> Metrics {
    eventually("all have ended", || {
        let metrics = runtime.metrics();
        let g = &metrics.goroutines;
        g.live == 0 && g.running == 0 && metrics.procs.iter().all(|p| p.thread.is_none())
    });
    runtime.metrics()
}

#[test]
fn on_one_processor_every_number_is_exact() {
    let _t = common::test();
    let runtime = runtime(1);
    let before = quiet(&runtime);
    runtime.run(|| {
        let yielding: Vec<_> =
            (0..10).map(|_| rt::spawn(|| (0..3).for_each(|_| rt::yield_now()))).collect();
        yielding.into_iter().for_each(|handle| handle.join().unwrap());
        let (a, b) = (Chan::new(0), Chan::new(0));
        let (c, d) = (a.clone(), b.clone());
        let other = rt::spawn(move || (0..100).for_each(|_| d.send(c.recv().unwrap())));
        (0..100).for_each(|i| {
            a.send(i);
            assert_eq!(b.recv(), Some(i));
        });
        other.join().unwrap();
        rt::time::sleep(Duration::from_millis(1));
    });
    let after = quiet(&runtime);
    let (p, was) = (&after.procs[0], &before.procs[0]);
    // Where the machine is busy one may wait for a lock of the allocator's for so long that its processor is taken away: what it does
    // without one counts for all together.
    let taken = p.hand_offs.blocked + p.hand_offs.burning;
    let counts = |n: u64, all: u64| n == all || taken != 0 && n < all;
    // Main comes from outside.
    assert!(counts(p.spawned, 11), "{p:?}");
    assert!(counts(p.finished, 12), "{p:?}");
    assert_eq!((after.goroutines.finished, after.goroutines.spawned), (12, 12));
    // One more, now and then: whose slice was over, or who was woken just when it sent another ahead.
    assert!((30..40).contains(&p.yields), "{p:?}");
    assert!((200..500).contains(&p.parks), "{p:?}");
    // Parks are what is left of the runs; and who waited was woken, by a goroutine or by a deadline.
    assert!(counts(p.wakes, p.parks), "{p:?}");
    assert!(p.timers > was.timers, "{p:?}");
    assert_eq!((p.steals, p.steal_attempts), (0, 0));
    assert!(p.global >= 1);
}

#[test]
fn on_many_processors_runs_end_as_often_as_they_begin() {
    let _t = common::test();
    for procs in [2, 8] {
        let runtime = runtime(procs);
        runtime.run(|| {
            let crowd: Vec<_> = (0..2000)
                .map(|i| {
                    rt::spawn(move || match i % 4 {
                        0 => rt::yield_now(),
                        1 => rt::time::sleep(Duration::from_micros(10)),
                        2 => rt::blocking(std::thread::yield_now),
                        _ => rt::spawn(|| ()).join().unwrap(),
                    })
                })
                .collect();
            crowd.into_iter().for_each(|handle| handle.join().unwrap());
        });
        let metrics = quiet(&runtime);
        assert_eq!(metrics.goroutines.spawned, 2501);
        assert_eq!(sum(&metrics, |p| p.hand_offs.asked), 500);
        assert!(sum(&metrics, |p| p.yields) >= 500);
        assert!(sum(&metrics, |p| p.runs) >= 2501);
        assert_balanced(&metrics);
    }
}

/// All that is counted, by name.
fn counted(metrics: &Metrics) -> Vec<(String, u64)> {
    let g = &metrics.goroutines;
    let mut all = vec![("spawned".to_owned(), g.spawned), ("finished".to_owned(), g.finished)];
    for (i, p) in metrics.procs.iter().enumerate() {
        let h = &p.hand_offs;
        let of = [
            ("spawned", p.spawned),
            ("finished", p.finished),
            ("runs", p.runs),
            ("parks", p.parks),
            ("yields", p.yields),
            ("wakes", p.wakes),
            ("steals", p.steals),
            ("steal_attempts", p.steal_attempts),
            ("global", p.global),
            ("timers", p.timers),
            ("polls", p.polls),
            ("blocked", h.blocked),
            ("burning", h.burning),
            ("asked", h.asked),
            ("pinned", h.pinned),
        ];
        all.extend(of.map(|(name, n)| (format!("{name} of P{i}"), n)));
    }
    for (name, of) in [("latencies", &metrics.latency), ("slices", &metrics.slices)] {
        all.push((name.to_owned(), of.count()));
    }
    all
}

/// However many come and go while they are read: to who scrapes them, a counter that falls has begun anew.
#[test]
fn what_is_counted_never_falls() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let stop = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> = (0..4)
            .map(|i| {
                let stop = Arc::clone(&stop);
                runtime.handle().spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let crowd: Vec<_> = (0..100).map(|_| rt::spawn(|| ())).collect();
                        if i % 2 == 0 {
                            crowd.into_iter().for_each(|handle| handle.join().unwrap());
                        }
                        rt::yield_now();
                    }
                })
            })
            .collect();
        let mut before = counted(&runtime.metrics());
        for _ in 0..3000 {
            let now = counted(&runtime.metrics());
            for ((name, before), (_, now)) in before.iter().zip(&now) {
                assert!(
                    before <= now,
                    "{name} falls from {before} to {now}, with {procs} processors"
                );
            }
            before = now;
        }
        stop.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|handle| handle.join().unwrap());
        assert_balanced(&quiet(&runtime));
    }
}

/// A stack that is asked how deep it is may be given back at that moment, and its header go to another one.
#[test]
fn beside_the_end_of_runtimes() {
    let _t = common::test();
    let come_and_go = || {
        for round in 0..100 {
            let runtime = runtime(1 + round % 2);
            let stop = AtomicBool::new(false);
            let handle = runtime.handle();
            std::thread::scope(|s| {
                s.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let deepest = handle.metrics().stack_high_water;
                        assert!(deepest.iter().all(|of| of.bytes <= 8 << 20), "{deepest:?}");
                    }
                });
                for i in 0..100 {
                    runtime.handle().spawn(move || {
                        if i % 3 == 0 {
                            rt::time::sleep(Duration::from_micros(i));
                        }
                        rt::scope(|s| drop(s.spawn(|| Chan::<()>::nil().recv())));
                    });
                }
                // Some have begun by then, and some have not.
                std::thread::sleep(Duration::from_micros(100 * (round as u64 % 16)));
                drop(runtime);
                stop.store(true, Ordering::Relaxed);
            });
        }
    };
    std::thread::scope(|s| (0..3).for_each(|_| drop(s.spawn(come_and_go))));
}

/// Whenever it would have come: soon, some day, or never.
#[test]
fn a_deadline_that_is_not_waited_for_is_not_pending() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        for years in [1, 100, 200, 290, 300, 400, 500, 600] {
            let wait = Duration::from_secs(years * 365 * 86_400);
            runtime.run(move || {
                let chan = Chan::<u64>::new(0);
                let sender = {
                    let chan = chan.clone();
                    rt::go!(move || chan.send(years))
                };
                assert_eq!(chan.recv_timeout(wait), Ok(years));
                sender.join().unwrap();
            });
            assert_eq!(runtime.metrics().timers, 0, "{years} years");
        }
    }
}

#[test]
fn goroutines_are_counted_by_what_they_wait_for() {
    let _t = common::test();
    let runtime = runtime(2);
    let (hold, lock) = (Chan::<()>::new(0), Arc::new(rt::sync::Mutex::new(())));
    let runtime_handle = runtime.handle();
    let guard = lock.lock();
    let mut all = Vec::new();
    for _ in 0..7 {
        let hold = hold.clone();
        all.push(runtime_handle.spawn(move || assert_eq!(hold.recv(), None)));
    }
    for _ in 0..3 {
        let lock = Arc::clone(&lock);
        all.push(runtime_handle.spawn(move || drop(lock.lock())));
    }
    all.push(runtime_handle.spawn(|| rt::time::sleep(Duration::from_secs(1000))));
    let expected = [("chan receive", 7), ("mutex", 3), ("sleep", 1)];
    eventually("all wait", || runtime.metrics().goroutines.waiting == expected);
    let metrics = runtime.metrics();
    assert_eq!(metrics.goroutines.live, 11);
    // Each is in one state.
    eventually("nobody is counted twice", || {
        let of = runtime.metrics().goroutines;
        (of.running, of.runnable, of.detached) == (0, 0, 0)
    });
    assert_eq!((metrics.timers, metrics.stacks.in_use), (1, 11));
    assert!(metrics.stacks.in_use_bytes >= 11 * 65536, "{:?}", metrics.stacks);
    assert!(metrics.stacks.reserved_bytes >= metrics.stacks.in_use_bytes);
    drop(guard);
    hold.close();
    all.pop().unwrap().abort();
    all.into_iter().for_each(|handle| handle.join().unwrap());
    eventually("nobody waits", || {
        let metrics = runtime.metrics();
        metrics.goroutines.live == 0 && metrics.stacks.in_use == 0 && metrics.timers == 0
    });
    eventually("the processors are idle", || {
        let metrics = runtime.metrics();
        metrics.threads.running == 0 && metrics.threads.total == metrics.threads.idle
    });
}

#[test]
fn a_hand_off_has_its_reason() {
    let _t = common::test();
    let runtime = runtime(1);
    let reasons = || {
        let h = runtime.metrics().procs[0].hand_offs;
        [h.blocked, h.burning, h.asked, h.pinned]
    };
    assert_eq!(reasons(), [0; 4]);
    // Others wait: a processor is taken for those alone.
    let stop = Arc::new(AtomicBool::new(false));
    let others = {
        let stop = Arc::clone(&stop);
        runtime.handle().spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                rt::yield_now();
            }
        })
    };
    runtime.run(|| rt::blocking(|| ()));
    assert_eq!(reasons()[2], 1);
    runtime.run(|| {
        let _pin = rt::task::pin_thread();
        rt::time::sleep(Duration::from_millis(1));
    });
    assert!(reasons()[3] >= 1);
    let blocked = reasons()[0];
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let reader = runtime.handle().spawn(move || theirs.read_exact(&mut [0]).unwrap());
    eventually("its processor was taken", || reasons()[0] > blocked);
    assert_eq!(runtime.metrics().threads.detached, 1);
    ours.write_all(&[1]).unwrap();
    reader.join().unwrap();
    let burning = reasons()[1];
    let hog = {
        let stop = Arc::clone(&stop);
        runtime.handle().spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        })
    };
    eventually("its processor was taken", || reasons()[1] > burning);
    assert_eq!(runtime.metrics().goroutines.detached, 1);
    stop.store(true, Ordering::Relaxed);
    hog.join().unwrap();
    others.join().unwrap();
    eventually("nobody is detached", || runtime.metrics().goroutines.detached == 0);
}

#[test]
fn latencies_and_slices_are_sampled() {
    let _t = common::test();
    let runtime = runtime(2);
    runtime.run(|| {
        common::eventually_yielding("some were looked at", || {
            let squares: Vec<_> = (0..50_u64).map(|n| rt::spawn(move || n * n)).collect();
            squares.into_iter().for_each(|handle| drop(handle.join()));
            let metrics = rt::metrics();
            metrics.latency.count() >= 5 && metrics.slices.count() >= 5
        });
    });
    let metrics = runtime.metrics();
    assert!(metrics.latency.sum() > Duration::ZERO);
    assert!(metrics.slices.sum() > Duration::ZERO);
}

/// Of goroutines that are ready together and run one after the other, most wait: the histogram does not see the first alone.
#[test]
fn a_long_wait_for_a_turn_is_in_the_histogram() {
    let _t = common::test();
    let runtime = runtime(1);
    runtime.run(|| {
        common::eventually_yielding("a long wait was looked at", || {
            let crowd: Vec<_> = (0..16)
                .map(|_| {
                    rt::spawn(|| {
                        let begun = std::time::Instant::now();
                        while begun.elapsed() < Duration::from_millis(1) {
                            std::hint::spin_loop();
                        }
                    })
                })
                .collect();
            crowd.into_iter().for_each(|handle| drop(handle.join()));
            rt::metrics().latency.quantile(1.0) >= Duration::from_millis(4)
        });
    });
}

/// Names with their type, and samples by name and labels: as a scraper reads them.
struct Scraped {
    types: HashMap<String, String>,
    samples: BTreeMap<(String, String), f64>,
    order: Vec<(String, String, f64)>,
}

fn scrape(text: &str) -> Scraped {
    let mut scraped =
        Scraped { types: HashMap::new(), samples: BTreeMap::new(), order: Vec::new() };
    let (mut helped, mut current) = (HashMap::new(), String::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name.to_owned(), help.to_owned()).is_none(), "{name} twice");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(helped.contains_key(name), "{name} has no help");
            assert!(
                scraped.types.insert(name.to_owned(), kind.to_owned()).is_none(),
                "{name} twice"
            );
            current = name.to_owned();
            continue;
        }
        let (name_and_labels, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = name_and_labels.split_once('{').unwrap_or((name_and_labels, "}"));
        assert!(labels.ends_with('}'), "{line}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end).filter(|name| *name == current))
            .unwrap_or(name);
        assert_eq!(family, current, "a sample that is not below its type: {line}");
        let kind = &scraped.types[family];
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        let value: f64 = value.parse().unwrap();
        let key = (name.to_owned(), labels.to_owned());
        assert!(scraped.samples.insert(key, value).is_none(), "twice: {line}");
        scraped.order.push((name.to_owned(), labels.to_owned(), value));
    }
    scraped
}

#[test]
fn the_text_is_what_prometheus_reads() {
    let _t = common::test();
    let runtime = runtime(2);
    runtime.run(|| {
        common::eventually_yielding("some were looked at", || {
            (0..50).for_each(|_| drop(rt::spawn(|| ()).join()));
            rt::metrics().latency.count() >= 3
        });
    });
    let metrics = quiet(&runtime);
    let scraped = scrape(&metrics.to_prometheus());
    let value = |name: &str, labels: &str| scraped.samples[&(name.to_owned(), labels.to_owned())];
    assert_eq!(value("rt_procs", "}"), 2.0);
    assert_eq!(value("rt_goroutines", "state=\"waiting\"}"), 0.0);
    assert_eq!(value("rt_proc_runs_total", "proc=\"1\"}"), metrics.procs[1].runs as f64);
    assert_eq!(value("rt_proc_handoffs_total", "proc=\"0\",reason=\"asked\"}"), 0.0);
    for (name, histogram) in [
        ("rt_sched_latency_seconds", &metrics.latency),
        ("rt_sched_slice_seconds", &metrics.slices),
    ] {
        assert_eq!(scraped.types[name], "histogram");
        let bucket = format!("{name}_bucket");
        let buckets: Vec<_> = scraped.order.iter().filter(|(n, ..)| *n == bucket).collect();
        assert_eq!(buckets.len(), histogram.buckets().count());
        let bound = |labels: &str| -> f64 {
            let text = labels.strip_prefix("le=\"").and_then(|l| l.strip_suffix("\"}")).unwrap();
            if text == "+Inf" { f64::INFINITY } else { text.parse().unwrap() }
        };
        for pair in buckets.windows(2) {
            assert!(bound(&pair[0].1) < bound(&pair[1].1), "{pair:?}");
            assert!(pair[0].2 <= pair[1].2, "{pair:?}");
        }
        let last = buckets.last().unwrap();
        assert_eq!((bound(&last.1), last.2), (f64::INFINITY, histogram.count() as f64));
        assert_eq!(value(&format!("{name}_count"), "}"), histogram.count() as f64);
        assert_eq!(value(&format!("{name}_sum"), "}"), histogram.sum().as_secs_f64());
    }
}

#[test]
fn without_a_runtime_it_says_what_to_do() {
    let _t = common::test();
    let text = common::panic_text(rt::metrics);
    assert!(text.contains("there is no rt runtime here"), "{text}");
}

#[test]
fn schedtrace_prints_lines_as_go_does() {
    const NAME: &str = "schedtrace_prints_lines_as_go_does";
    if is_child(NAME) {
        let runtime = rt::Runtime::builder().procs(2).build().unwrap();
        runtime.run(|| {
            let asleep: Vec<_> = (0..3)
                .map(|_| {
                    rt::spawn(|| rt::blocking(|| std::thread::sleep(Duration::from_millis(150))))
                })
                .collect();
            asleep.into_iter().for_each(|handle| handle.join().unwrap());
            // With nothing to do, too.
            rt::time::sleep(Duration::from_millis(300));
        });
        return;
    }
    let _t = common::test();
    let mut command = child(NAME);
    let ended = run({
        command.env("RT_DEBUG", "schedtrace=50");
        command
    });
    ended.assert_success();
    let text = ended.stderr.clone();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("SCHED ")).collect();
    // A busy machine leaves some out.
    assert!(lines.len() >= 2, "{text}");
    let mut before = 0;
    for line in &lines {
        let (head, rest) = line.split_once("ms: ").unwrap();
        let at: u64 = head.strip_prefix("SCHED ").unwrap().parse().unwrap();
        assert!(at >= before, "{text}");
        before = at;
        let (fields, queues) = rest.split_once(" [").unwrap();
        let fields: Vec<_> =
            fields.split(' ').map(|field| field.split_once('=').unwrap()).collect();
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let expected =
            ["gomaxprocs", "idleprocs", "threads", "spinningthreads", "idlethreads", "runqueue"];
        assert_eq!(names, expected);
        assert_eq!(fields[0].1, "2");
        assert!(fields.iter().all(|(_, n)| n.parse::<u32>().is_ok()), "{line}");
        let queues: Vec<_> = queues.strip_suffix(']').unwrap().split(' ').collect();
        assert!(queues.len() == 2 && queues.iter().all(|n| n.parse::<u32>().is_ok()), "{line}");
    }
    assert!(lines.len() as u64 <= before / 50 + 1, "one in 50 ms: {text}");
    let some = |part: &str| lines.iter().any(|line| line.contains(part));
    // Three that block, the monitor, and up to two that look for work.
    assert!([4, 5, 6].iter().any(|n| some(&format!(" threads={n} "))), "{text}");
    assert!(some(" idleprocs=2 "), "{text}");
}
