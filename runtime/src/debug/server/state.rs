//! What the page shows, as JSON.

use super::super::{Histogram, Metrics, StackHighWater};
use super::Inner;
use crate::trace::Escaped;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Who is at work on a processor, and since when at the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    p: u32,
    thread: u32,
    runs: u64,
    since: Instant,
}

/// A goroutine that has not given way for so long is shown.
const LONG: Duration = Duration::from_millis(20);

pub(super) fn json(inner: &Inner) -> String {
    let slow = slow(inner);
    let metrics = inner.sched.metrics();
    let mut out = String::with_capacity(8192);
    let _ = write!(out, "{{\"uptime_ms\":{},", metrics.uptime.as_millis());
    goroutines(&mut out, &metrics);
    procs(&mut out, &metrics);
    let (t, s) = (&metrics.threads, &metrics.stacks);
    let _ = write!(
        out,
        "\"threads\":{{\"total\":{},\"running\":{},\"spinning\":{},\"detached\":{},\"idle\":{}}},",
        t.total, t.running, t.spinning, t.detached, t.idle
    );
    let _ = write!(
        out,
        "\"stacks\":{{\"in_use\":{},\"cached\":{},\"free\":{},\"in_use_bytes\":{}}},\"timers\":{},",
        s.in_use, s.cached, s.free, s.in_use_bytes, metrics.timers
    );
    stack_high_water(&mut out, &metrics);
    let _ = write!(out, "\"global_queue\":{},", metrics.global_queue);
    histogram(&mut out, "latency", &metrics.latency);
    histogram(&mut out, "slices", &metrics.slices);
    let _ = write!(out, "\"slow\":[{}]}}", slow.join(","));
    out
}

fn goroutines(out: &mut String, metrics: &Metrics) {
    let g = &metrics.goroutines;
    let waiting: Vec<_> =
        g.waiting.iter().map(|(why, n)| format!("[\"{}\",{n}]", Escaped(why))).collect();
    let _ = write!(
        out,
        "\"goroutines\":{{\"live\":{},\"running\":{},\"runnable\":{},\"detached\":{},\"spawned\":{},\
         \"finished\":{},\"waiting\":[{}]}},",
        g.live,
        g.running,
        g.runnable,
        g.detached,
        g.spawned,
        g.finished,
        waiting.join(",")
    );
}

fn procs(out: &mut String, metrics: &Metrics) {
    let one = |p: &super::super::ProcMetrics| {
        let h = p.hand_offs;
        format!(
            "{{\"thread\":{},\"queue\":{},\"runs\":{},\"parks\":{},\"yields\":{},\"wakes\":{},\
             \"spawned\":{},\"steals\":{},\"blocked\":{},\"burning\":{},\"asked\":{},\"pinned\":{}}}",
            p.thread.map_or("null".to_owned(), |m| m.to_string()),
            p.queue,
            p.runs,
            p.parks,
            p.yields,
            p.wakes,
            p.spawned,
            p.steals,
            h.blocked,
            h.burning,
            h.asked,
            h.pinned
        )
    };
    let procs: Vec<_> = metrics.procs.iter().map(one).collect();
    let _ = write!(out, "\"procs\":[{}],", procs.join(","));
}

fn stack_high_water(out: &mut String, metrics: &Metrics) {
    let one = |of: &StackHighWater| format!("[\"{}\",{}]", Escaped(&of.site.to_string()), of.bytes);
    let all: Vec<_> = metrics.stack_high_water.iter().map(one).collect();
    let _ = write!(out, "\"stack_high_water\":[{}],", all.join(","));
}

fn histogram(out: &mut String, name: &str, histogram: &Histogram) {
    // A bound that there is none of is -1.
    let ns = |bound: Duration| i64::try_from(bound.as_nanos()).unwrap_or(-1);
    let buckets: Vec<_> = histogram
        .buckets()
        .map(|(bound, count)| format!("[{},{count}]", bound.map_or(-1, ns)))
        .collect();
    let _ = write!(
        out,
        "\"{name}\":{{\"count\":{},\"p50\":{},\"p99\":{},\"max\":{},\"buckets\":[{}]}},",
        histogram.count(),
        ns(histogram.quantile(0.5)),
        ns(histogram.quantile(0.99)),
        ns(histogram.quantile(1.0)),
        buckets.join(",")
    );
}

/// The goroutines that block or burn: without a processor, or with one and for long.
fn slow(inner: &Inner) -> Vec<String> {
    let hogs = inner.sched.hogs().into_iter();
    let mut slow: Vec<_> =
        hogs.map(|hog| entry(hog.g, hog.m, hog.why.name(), "null", hog.since)).collect();
    // Two looks: who has begun nothing new between them has been at it for as long.
    look(inner);
    std::thread::sleep(LONG);
    let now = crate::util::now();
    for (g, seen) in look(inner) {
        let since = now.saturating_duration_since(seen.since);
        if since >= LONG {
            slow.push(entry(g, seen.thread, "on a processor", &seen.p.to_string(), since));
        }
    }
    slow
}

fn entry(g: u64, thread: u32, why: &str, p: &str, since: Duration) -> String {
    format!(
        "{{\"g\":{g},\"thread\":{thread},\"why\":\"{why}\",\"proc\":{p},\"ms\":{}}}",
        since.as_millis()
    )
}

/// Who is at work now, with when it was first seen at it.
fn look(inner: &Inner) -> Vec<(u64, Seen)> {
    let now = crate::util::now();
    let mut watch = inner.watch.lock();
    let at_work = inner.sched.at_work().into_iter().map(|work| {
        let before = watch
            .iter()
            .find(|seen| (seen.p, seen.thread, seen.runs) == (work.p, work.m, work.runs));
        let since = before.map_or(now, |seen| seen.since);
        (work.g, Seen { p: work.p, thread: work.m, runs: work.runs, since })
    });
    let found: Vec<_> = at_work.collect();
    *watch = found.iter().map(|(_, seen)| *seen).collect();
    found
}
