//! Metrics as text, in Prometheus's exposition format, version 0.0.4.

use super::{Histogram, Metrics, ProcMetrics};
use crate::util::is_obeyed;
use std::fmt::{Display, Write};
use std::iter;

/// Puts samples under their names.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One sample; labels are pairs of name and value.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let before = if i == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escape(text));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }

    fn by_proc(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        procs: &[ProcMetrics],
        value: impl Fn(&ProcMetrics) -> u64,
    ) {
        self.head(name, kind, help);
        for (i, p) in procs.iter().enumerate() {
            self.sample(name, &[("proc", &i.to_string())], value(p));
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in histogram.buckets() {
            below += count;
            let le = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
            self.sample(&bucket, &[("le", &le)], below);
        }
        self.sample(&format!("{name}_sum"), &[], histogram.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), &[], below);
    }
}

/// A label's value. What a terminal would obey becomes text: the format has no other escapes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '"' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_obeyed(c) => out.extend(iter::once('\\').chain(c.escape_default())),
            c => out.push(c),
        }
    }
    out
}

impl Metrics {
    /// As text for Prometheus: serve it with the content type `text/plain; version=0.0.4`.
    ///
    /// # Examples
    /// ```
    /// #[rt::main(procs = 1)]
    /// fn main() {
    ///     let text = rt::metrics().to_prometheus();
    ///     assert!(text.contains("rt_goroutines{state=\"running\"} 1\n"), "{text}");
    ///     assert!(text.contains("rt_sched_latency_seconds_bucket{le=\"+Inf\"} "));
    /// }
    /// ```
    pub fn to_prometheus(&self) -> String {
        let mut page = Page(String::with_capacity(8192));
        self.of_goroutines(&mut page);
        self.of_procs(&mut page);
        self.of_threads_and_stacks(&mut page);
        page.histogram(
            "rt_sched_latency_seconds",
            "From when a goroutine became runnable until it ran: a sample.",
            &self.latency,
        );
        page.histogram(
            "rt_sched_slice_seconds",
            "From when a goroutine ran until it waited, made way, ended or lost its processor: a sample.",
            &self.slices,
        );
        page.0
    }

    fn of_goroutines(&self, page: &mut Page) {
        let g = &self.goroutines;
        page.single(
            "rt_uptime_seconds",
            "gauge",
            "Since the runtime was built.",
            self.uptime.as_secs_f64(),
        );
        let name = "rt_goroutines";
        page.head(name, "gauge", "Goroutines by state.");
        let waiting: u64 = g.waiting.iter().map(|(_, n)| n).sum();
        let states = [
            ("running", g.running),
            ("runnable", g.runnable),
            ("detached", g.detached),
            ("waiting", waiting),
        ];
        for (state, n) in states {
            page.sample(name, &[("state", state)], n);
        }
        let name = "rt_goroutines_waiting";
        page.head(name, "gauge", "Goroutines that wait, by what they wait for.");
        for (reason, n) in &g.waiting {
            page.sample(name, &[("reason", reason)], n);
        }
        let help = "Goroutines spawned.";
        page.single("rt_goroutines_spawned_total", "counter", help, g.spawned);
        let help = "Goroutines that ended.";
        page.single("rt_goroutines_finished_total", "counter", help, g.finished);
        let help = "What is queued for any processor.";
        page.single("rt_global_queue_length", "gauge", help, self.global_queue);
        page.single("rt_timers", "gauge", "Deadlines that are waited for.", self.timers);
    }

    fn of_procs(&self, page: &mut Page) {
        type Get = fn(&ProcMetrics) -> u64;
        const ROWS: [(&str, &str, &str, Get); 13] = [
            ("busy", "gauge", "Whether a thread holds it.", |p| p.thread.is_some().into()),
            ("queue_length", "gauge", "What is queued.", |p| p.queue as u64),
            ("spawned_total", "counter", "Goroutines spawned here.", |p| p.spawned),
            ("finished_total", "counter", "Goroutines that ended here.", |p| p.finished),
            ("runs_total", "counter", "Times that a goroutine began or went on.", |p| p.runs),
            ("parks_total", "counter", "Times that one left to wait.", |p| p.parks),
            ("yields_total", "counter", "Times that one made way.", |p| p.yields),
            ("wakes_total", "counter", "Times that one was made runnable.", |p| p.wakes),
            ("steals_total", "counter", "Successful steals.", |p| p.steals),
            ("steal_attempts_total", "counter", "Looks for something to steal.", |p| {
                p.steal_attempts
            }),
            ("global_total", "counter", "Takes from the global queue.", |p| p.global),
            ("timers_total", "counter", "Deadlines that fired.", |p| p.timers),
            ("polls_total", "counter", "Times that the kernel was asked for sockets.", |p| p.polls),
        ];
        page.single("rt_procs", "gauge", "Processors.", self.procs.len());
        for (name, kind, help, value) in ROWS {
            page.by_proc(&format!("rt_proc_{name}"), kind, help, &self.procs, value);
        }
        let name = "rt_proc_handoffs_total";
        page.head(
            name,
            "counter",
            "Times that it left its thread while a goroutine ran, by reason.",
        );
        for (i, p) in self.procs.iter().enumerate() {
            let h = p.hand_offs;
            let of = [
                ("blocked", h.blocked),
                ("burning", h.burning),
                ("asked", h.asked),
                ("pinned", h.pinned),
            ];
            for (reason, n) in of {
                page.sample(name, &[("proc", &i.to_string()), ("reason", reason)], n);
            }
        }
    }

    fn of_threads_and_stacks(&self, page: &mut Page) {
        let t = &self.threads;
        let name = "rt_threads";
        page.head(name, "gauge", "Threads that run goroutines, by state.");
        let states = [("running", t.running), ("detached", t.detached), ("idle", t.idle)];
        for (state, n) in states {
            page.sample(name, &[("state", state)], n);
        }
        let help = "Threads with a processor that look for work.";
        page.single("rt_threads_spinning", "gauge", help, t.spinning);
        let s = &self.stacks;
        let name = "rt_stacks";
        page.head(name, "gauge", "Stacks, by state; free ones are of the whole process.");
        for (state, n) in [("in_use", s.in_use), ("cached", s.cached), ("free", s.free)] {
            page.sample(name, &[("state", state)], n);
        }
        let name = "rt_stack_address_space_bytes";
        page.head(name, "gauge", "Address space of stacks; reserved is of the whole process.");
        let states = [
            ("in_use", s.in_use_bytes),
            ("cached", s.cached_bytes),
            ("reserved", s.reserved_bytes),
        ];
        for (state, n) in states {
            page.sample(name, &[("state", state)], n);
        }
        let name = "rt_stack_high_water_bytes";
        page.head(name, "gauge", "The deepest of a sample of stacks, by where it was spawned.");
        for of in &self.stack_high_water {
            page.sample(name, &[("site", &of.site.to_string())], of.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, escape};

    #[test]
    fn labels_and_help_are_escaped() {
        assert_eq!(escape("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
        assert_eq!(escape("\u{e4}\u{202e}\t"), "\u{e4}\\\\u{202e}\\\\t");
        let mut page = Page(String::new());
        page.single("x", "gauge", "one\ntwo \\ three", 1);
        page.sample("y", &[("a", "\""), ("b", "\n")], 0.5);
        assert_eq!(
            page.0,
            "# HELP x one\\ntwo \\\\ three\n# TYPE x gauge\nx 1\ny{a=\"\\\"\",b=\"\\n\"} 0.5\n"
        );
    }
}
