//! A trace as a file: Chrome's trace-event format, which Perfetto opens.
//!
//! Each runtime is a process there. Its threads are the Ps, with a slice for each time that a goroutine ran; the Ms, with
//! a slice for each P that they held, and for each goroutine that they ran without one; and one for those who are no
//! threads of the runtime. Arrows lead from who made a goroutine runnable to where it ran.
//!
//! Events are gone through in the order of time, and slices are written as beginnings and ends: so each thread's times
//! rise and its slices nest, whatever is missing at the front.

use super::event::{Entry, Event, NO_P, Reason};
use super::hub::Hub;
use super::site::SiteId;
use crate::util::{Shown, is_obeyed};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// All that was kept of one runtime.
pub(super) struct Runtime {
    pub(super) hub: Arc<Hub>,
    /// With the P on whose track they are; in the order of time.
    pub(super) events: Vec<(Option<u32>, Entry)>,
}

/// The numbers of the Ms' threads begin here, above those of the Ps.
const MS: u32 = 100_000;

/// What a trace shows: from when, to when, and what could not be kept of that time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) lost: u64,
}

/// Writes it; tells how many records that were.
pub(super) fn write(out: &mut dyn Write, runtimes: &[Runtime], span: Span) -> io::Result<u64> {
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"lost_events\":{}}},", span.lost)?;
    out.write_all(b"\"traceEvents\":[")?;
    let mut writer = Writer { out, span, count: 0 };
    for runtime in runtimes {
        let mut one = One::new(&mut writer, runtime);
        one.names()?;
        for (p, entry) in &runtime.events {
            one.step(*p, *entry)?;
        }
        one.end()?;
    }
    let count = writer.count;
    out.write_all(b"\n]}\n")?;
    Ok(count)
}

/// Text inside of a JSON string.
#[derive(Debug)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                // Also what would end a script in a page.
                c if matches!(c, '<' | '>' | '&') || is_obeyed(c) => {
                    write!(f, "\\u{:04x}", c as u32)?;
                }
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    span: Span,
    count: u64,
}

impl Writer<'_> {
    /// One record: `{"ph":..}` with what `rest` adds.
    fn record(&mut self, ph: char, pid: u32, rest: fmt::Arguments<'_>) -> io::Result<()> {
        let comma = if self.count == 0 { "" } else { "," };
        self.count += 1;
        write!(self.out, "{comma}\n{{\"ph\":\"{ph}\",\"pid\":{pid},{rest}}}")
    }

    /// Microseconds since the trace began.
    fn time(&self, at: u64) -> Micros {
        Micros(at.saturating_sub(self.span.from))
    }
}

struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// A thread as it is now.
#[derive(Clone, Copy, Debug, Default)]
struct M {
    /// The P that it holds.
    holds: Option<u32>,
    /// The goroutine that it runs without one, and why.
    alone: Option<(u64, Reason)>,
}

/// One runtime on its way through time.
struct One<'a, 'b> {
    writer: &'a mut Writer<'b>,
    hub: &'a Hub,
    names: HashMap<u64, Arc<str>>,
    sites: HashMap<u64, SiteId>,
    /// By P: the goroutine that runs there.
    runs: Vec<Option<u64>>,
    ms: HashMap<u32, M>,
    /// The arrows that have no end yet, by goroutine.
    arrows: HashMap<u64, u64>,
    next_arrow: u64,
    /// The time shown has begun.
    shown: bool,
}

impl<'a, 'b> One<'a, 'b> {
    fn new(writer: &'a mut Writer<'b>, runtime: &'a Runtime) -> Self {
        Self {
            writer,
            hub: &runtime.hub,
            names: runtime.hub.names.lock().clone(),
            sites: HashMap::new(),
            runs: vec![None; runtime.hub.tracks.len()],
            ms: HashMap::new(),
            arrows: HashMap::new(),
            next_arrow: u64::from(runtime.hub.runtime) << 40,
            shown: false,
        }
    }

    fn record(&mut self, ph: char, rest: fmt::Arguments<'_>) -> io::Result<()> {
        if self.shown { self.writer.record(ph, self.hub.runtime, rest) } else { Ok(()) }
    }

    /// The thread of those who are none of the runtime's.
    fn others(&self) -> u32 {
        self.runs.len() as u32 + 1
    }

    fn names(&mut self) -> io::Result<()> {
        let pid = self.hub.runtime;
        let name =
            format_args!("\"tid\":0,\"name\":\"process_name\",\"args\":{{\"name\":\"rt {pid}\"}}");
        self.writer.record('M', pid, name)?;
        let ps = self.runs.len() as u32;
        for p in 0..ps {
            self.name_thread(p + 1, format_args!("P{p}"))?;
        }
        self.name_thread(self.others(), format_args!("other threads"))
    }

    fn name_thread(&mut self, tid: u32, name: fmt::Arguments<'_>) -> io::Result<()> {
        let pid = self.hub.runtime;
        let args =
            format_args!("\"tid\":{tid},\"name\":\"thread_name\",\"args\":{{\"name\":\"{name}\"}}");
        self.writer.record('M', pid, args)?;
        let args = format_args!(
            "\"tid\":{tid},\"name\":\"thread_sort_index\",\"args\":{{\"sort_index\":{tid}}}"
        );
        self.writer.record('M', pid, args)
    }

    fn m(&mut self, id: u32) -> io::Result<&mut M> {
        if !self.ms.contains_key(&id) {
            self.name_thread(MS + id, format_args!("M{id}"))?;
        }
        Ok(self.ms.entry(id).or_default())
    }

    fn label(&self, g: u64) -> String {
        let site = self.sites.get(&g).and_then(|site| site.get());
        match (self.names.get(&g), site) {
            (Some(name), _) => format!("g{g} '{}'", Shown(name)),
            (None, Some(site)) => format!("g{g} {}:{}", site.file(), site.line()),
            (None, None) => format!("g{g}"),
        }
    }

    fn begin(&mut self, at: u64, tid: u32, name: &str, args: fmt::Arguments<'_>) -> io::Result<()> {
        let (at, name) = (self.writer.time(at), Escaped(name));
        self.record(
            'B',
            format_args!("\"tid\":{tid},\"ts\":{at},\"name\":\"{name}\",\"args\":{{{args}}}"),
        )
    }

    fn finish(&mut self, at: u64, tid: u32, how: &str) -> io::Result<()> {
        let (at, how) = (self.writer.time(at), Escaped(how));
        self.record('E', format_args!("\"tid\":{tid},\"ts\":{at},\"args\":{{\"then\":\"{how}\"}}"))
    }

    fn instant(&mut self, at: u64, tid: u32, name: fmt::Arguments<'_>) -> io::Result<()> {
        let at = self.writer.time(at);
        self.record('i', format_args!("\"tid\":{tid},\"ts\":{at},\"s\":\"t\",\"name\":\"{name}\""))
    }

    fn counter(&mut self, at: u64, name: fmt::Arguments<'_>, value: u64) -> io::Result<()> {
        let at = self.writer.time(at);
        self.record(
            'C',
            format_args!("\"tid\":0,\"ts\":{at},\"name\":\"{name}\",\"args\":{{\"n\":{value}}}"),
        )
    }

    /// A goroutine's slice on a P begins.
    fn begin_run(&mut self, at: u64, p: u32, g: u64) -> io::Result<()> {
        let label = self.label(g);
        let site = self.sites.get(&g).and_then(|site| site.get());
        let site = site.map(ToString::to_string).unwrap_or_default();
        self.begin(at, p + 1, &label, format_args!("\"g\":{g},\"spawned\":\"{}\"", Escaped(&site)))
    }

    /// What ran on `p` does no longer.
    fn end_run(&mut self, at: u64, p: u32, how: &str) -> io::Result<()> {
        match self.runs.get_mut(p as usize).and_then(Option::take) {
            Some(_) => self.finish(at, p + 1, how),
            None => Ok(()),
        }
    }

    fn begin_alone(&mut self, at: u64, m: u32, g: u64, why: Reason) -> io::Result<()> {
        let label = self.label(g);
        let (name, why) = (format!("{label} without a processor"), why.name());
        self.begin(at, MS + m, &name, format_args!("\"g\":{g},\"why\":\"{why}\""))
    }

    fn begin_hold(&mut self, at: u64, m: u32, p: u32) -> io::Result<()> {
        self.begin(at, MS + m, &format!("P{p}"), format_args!("\"p\":{p}"))
    }

    /// Whatever the thread was at is over.
    fn end_m(&mut self, at: u64, m: u32, how: &str) -> io::Result<()> {
        let was = std::mem::take(self.m(m)?);
        if was.holds.is_some() || was.alone.is_some() {
            self.finish(at, MS + m, how)?;
        }
        Ok(())
    }

    /// `tid` makes `g` runnable. An arrow begins in a slice: where there is none, in one of no length.
    fn wakes(&mut self, at: u64, tid: u32, in_slice: bool, g: u64, what: &str) -> io::Result<()> {
        self.next_arrow += 1;
        let arrow = self.next_arrow;
        if self.shown {
            self.arrows.insert(g, arrow);
        }
        if !in_slice {
            self.begin(at, tid, &format!("{what} g{g}"), format_args!("\"g\":{g}"))?;
        }
        let time = self.writer.time(at);
        let flow = format_args!(
            "\"tid\":{tid},\"ts\":{time},\"id\":{arrow},\"cat\":\"sched\",\"name\":\"{what}\""
        );
        self.record('s', flow)?;
        if !in_slice {
            self.finish(at, tid, "")?;
        }
        Ok(())
    }

    fn step(&mut self, p: Option<u32>, Entry { at, m, event }: Entry) -> io::Result<()> {
        if !self.shown && at >= self.writer.span.from {
            self.show()?;
        }
        if let Event::Spawn { g, site, .. } | Event::Run { g, site } = event
            && site != SiteId::NONE
        {
            self.sites.insert(g, site);
        }
        match p {
            Some(p) => self.on_p(at, p, m, event),
            None => self.elsewhere(at, m, event),
        }
    }

    /// From here on all is written: what has begun before, begins here.
    fn show(&mut self) -> io::Result<()> {
        self.shown = true;
        let from = self.writer.span.from;
        for p in 0..self.runs.len() {
            if let Some(g) = self.runs[p] {
                self.begin_run(from, p as u32, g)?;
            }
        }
        for (m, M { holds, alone }) in self.ms.clone() {
            match (holds, alone) {
                (Some(p), _) => self.begin_hold(from, m, p)?,
                (None, Some((g, why))) => self.begin_alone(from, m, g, why)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn on_p(&mut self, at: u64, p: u32, m: u32, event: Event) -> io::Result<()> {
        let tid = p + 1;
        let in_slice = self.runs.get(p as usize).is_some_and(Option::is_some);
        match event {
            Event::Spawn { g, .. } => self.wakes(at, tid, in_slice, g, "spawn")?,
            Event::Ready { g, .. } => self.wakes(at, tid, in_slice, g, "ready")?,
            Event::Run { g, .. } => {
                self.end_run(at, p, "")?;
                self.runs[p as usize] = Some(g);
                self.begin_run(at, p, g)?;
                if let Some(arrow) = self.arrows.remove(&g) {
                    let time = self.writer.time(at);
                    self.record(
                        'f',
                        format_args!(
                            "\"tid\":{tid},\"ts\":{time},\"id\":{arrow},\"cat\":\"sched\",\"bp\":\"e\",\
                             \"name\":\"runs\""
                        ),
                    )?;
                }
            }
            Event::Park { why, .. } => {
                let why = self.reason(why);
                self.end_run(at, p, &format!("waits: {why}"))?;
            }
            Event::Yield { .. } => self.end_run(at, p, "makes way")?,
            Event::End { g } => {
                self.end_run(at, p, "ends")?;
                self.sites.remove(&g);
            }
            Event::Steal { from } => self.instant(at, tid, format_args!("steal from P{from}"))?,
            Event::Wake { p } => self.instant(at, tid, format_args!("wake a thread for P{p}"))?,
            Event::Timer => self.instant(at, tid, format_args!("timer"))?,
            Event::Net => self.instant(at, tid, format_args!("net"))?,
            Event::Sleep => self.instant(at, tid, format_args!("sleep"))?,
            Event::Hold { g } => {
                self.end_m(at, m, "has a processor again")?;
                self.end_run(at, p, "")?;
                self.m(m)?.holds = Some(p);
                self.begin_hold(at, m, p)?;
                if g != 0 {
                    self.runs[p as usize] = Some(g);
                    self.begin_run(at, p, g)?;
                }
            }
            Event::Release => {
                self.end_run(at, p, "")?;
                self.end_m(at, m, "puts it down")?;
            }
            Event::HandOff { g, why } => {
                self.end_run(at, p, &format!("loses the processor: {}", why.name()))?;
                self.end_m(at, m, &format!("loses it: {}", why.name()))?;
                if g != 0 {
                    self.m(m)?.alone = Some((g, why));
                    self.begin_alone(at, m, g, why)?;
                }
            }
            Event::Queue { .. } | Event::Live { .. } => {}
        }
        Ok(())
    }

    /// Where there is no P.
    fn elsewhere(&mut self, at: u64, m: u32, event: Event) -> io::Result<()> {
        let alone = self.ms.get(&m).is_some_and(|m| m.alone.is_some());
        let tid = if alone { MS + m } else { self.others() };
        match event {
            Event::Spawn { g, .. } => self.wakes(at, tid, alone, g, "spawn"),
            Event::Ready { g, .. } => self.wakes(at, tid, alone, g, "ready"),
            Event::Park { why, .. } if alone => {
                let why = self.reason(why);
                self.end_m(at, m, &format!("waits: {why}"))
            }
            Event::Yield { .. } if alone => self.end_m(at, m, "makes way"),
            Event::End { .. } if alone => self.end_m(at, m, "ends"),
            Event::Sleep if alone => self.end_m(at, m, "sleeps"),
            Event::Queue { p: NO_P, len } => {
                self.counter(at, format_args!("queue, global"), len.into())
            }
            Event::Queue { p, len } => self.counter(at, format_args!("queue P{p}"), len.into()),
            Event::Live { count } => self.counter(at, format_args!("goroutines"), count),
            _ => Ok(()),
        }
    }

    fn reason(&self, why: u8) -> &'static str {
        let of = self.hub.of.get().and_then(std::sync::Weak::upgrade);
        of.map_or("its runtime is gone", |of| of.reason(why))
    }

    /// What is still going on ends with the trace.
    fn end(&mut self) -> io::Result<()> {
        if !self.shown {
            self.show()?;
        }
        let to = self.writer.span.to;
        for p in 0..self.runs.len() as u32 {
            self.end_run(to, p, "the trace ends")?;
        }
        let mut ms: Vec<_> = self.ms.keys().copied().collect();
        ms.sort_unstable();
        ms.into_iter().try_for_each(|m| self.end_m(to, m, "the trace ends"))
    }
}
