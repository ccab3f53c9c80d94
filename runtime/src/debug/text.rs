//! Dumps as text, much like Go's.

#![forbid(unsafe_code)]

use super::cycle;
use super::dump::Dump;
use super::goroutine::{Goroutine, State};
use super::symbol::{self, Frame};
use crate::util::Shown;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// So many goroutines that are alike are shown one by one; more are folded.
const ALIKE: usize = 4;
/// So many of those that are folded are named.
const NAMED: usize = 64;
/// Why all frames end in a question mark, and what was inlined is missing.
const NO_LINES: &str = "no lines, and no frames of what was inlined: the program is built without them; \
     debug = \"line-tables-only\" in its profile adds them\n";

/// A [`Dump`] that is printed with all frames. See [`Dump::full`].
#[derive(Debug)]
pub struct Full<'a>(&'a Dump);

impl Dump {
    /// The same dump, to be printed with the frames by which `rt` waits and runs goroutines.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let dump = rt::dump();
    ///     assert!(dump.full().to_string().len() > dump.to_string().len());
    /// }
    /// ```
    pub fn full(&self) -> Full<'_> {
        Full(self)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, frames: fn(&Goroutine) -> &[Frame]) -> fmt::Result {
        let mut blank = "";
        for group in self.groups() {
            f.write_str(std::mem::replace(&mut blank, "\n"))?;
            if group.len() <= ALIKE {
                for (i, g) in group.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "\n" })?;
                    one(f, g)?;
                    rest(f, g, frames)?;
                }
            } else {
                several(f, &group)?;
                rest(f, group[0], frames)?;
            }
        }
        let listed = self.goroutines.iter().filter(|g| !g.has_started).count() as u64;
        if let Some(more @ 1..) = self.unstarted.checked_sub(listed) {
            let which = if listed == 0 { "" } else { " more" };
            let s = if more == 1 { " has" } else { "s have" };
            writeln!(f, "{blank}{more}{which} goroutine{s} not started")?;
            blank = "\n";
        }
        self.write_threads(f, &mut blank)?;
        for cycle in &self.cycles {
            writeln!(f, "{}deadlock: {cycle}", std::mem::take(&mut blank))?;
        }
        self.write_abandoned(f, &mut blank)?;
        if symbol::lack_lines(self.goroutines.iter().flat_map(|g| &g.frames[..])) {
            f.write_str(blank)?;
            f.write_str(NO_LINES)?;
        }
        Ok(())
    }

    /// Channels that nobody is left to serve, the first few of them.
    fn write_abandoned(&self, f: &mut fmt::Formatter<'_>, blank: &mut &str) -> fmt::Result {
        let abandoned = cycle::abandoned(&self.goroutines);
        for (channel, ids) in abandoned.iter().take(ALIKE) {
            let side = if channel.sends { "receive from it" } else { "send to it" };
            let handles = match channel.handles {
                Some(1) => "one handle".to_owned(),
                handles => format!("{} handles", handles.unwrap_or(0)),
            };
            let waiters = Ids(ids, "waits", "wait");
            let blank = std::mem::take(blank);
            writeln!(
                f,
                "{blank}perhaps abandoned: {channel}: {handles} left, and {waiters} for it; nobody else can \
                 {side}, unless by a handle that is borrowed or static",
            )?;
        }
        match abandoned.len().checked_sub(ALIKE) {
            Some(more @ 1..) => writeln!(f, "and {more} more channels like that"),
            _ => Ok(()),
        }
    }

    /// The goroutines that are alike, in the order of the first of each.
    fn groups(&self) -> Vec<Vec<&Goroutine>> {
        let mut places = HashMap::new();
        let mut groups: Vec<Vec<&Goroutine>> = Vec::new();
        for g in &self.goroutines {
            let site = g.site.map(std::ptr::from_ref);
            let kind = g.wait.as_ref().map(|wait| wait.kind);
            let stack = g.frames.as_ptr();
            let alike = (stack, g.frames.len(), site, g.state, g.has_started, kind);
            let place = *places.entry(alike).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(g),
                None => groups.push(vec![g]),
            }
        }
        groups
    }

    /// The threads that are blocked, or burn, and how many wait that are none of the runtime's.
    fn write_threads(&self, f: &mut fmt::Formatter<'_>, blank: &mut &str) -> fmt::Result {
        for thread in self.threads.iter().filter(|t| t.goroutine != 0 && !t.has_processor) {
            let state = thread.state.map_or_else(String::new, |state| format!(", {state}"));
            let place = thread.waits_in.as_ref().map_or_else(String::new, |p| format!(" in {p}"));
            let blank = std::mem::take(blank);
            let (id, goroutine) = (thread.id, thread.goroutine);
            writeln!(f, "{blank}thread {id}: goroutine {goroutine}{state}{place}")?;
        }
        if self.waiting_threads != 0 {
            let s = if self.waiting_threads == 1 {
                " that is no goroutine waits"
            } else {
                "s that are no goroutines wait"
            };
            writeln!(f, "{}{} thread{s} in rt", std::mem::take(blank), self.waiting_threads)?;
        }
        Ok(())
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Goroutine::backtrace)
    }
}

impl fmt::Display for Full<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, Goroutine::full_backtrace)
    }
}

/// One goroutine, with its stack.
impl fmt::Display for Goroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        one(f, self)?;
        rest(f, self, Self::backtrace)
    }
}

/// `goroutine 18 'name' [chan receive, 3 minutes]:`, and what it waits for.
fn one(f: &mut fmt::Formatter<'_>, g: &Goroutine) -> fmt::Result {
    write!(f, "goroutine {}", Name(g))?;
    f.write_str(" [")?;
    f.write_str(&kind(g))?;
    if let Some(since) = g.since.filter(|since| since.as_secs() >= 1) {
        write!(f, ", {}", Span(since))?;
    }
    if let Some(left) = g.left {
        write!(f, ", for {} more", Span(left))?;
    }
    attributes(f, g)?;
    f.write_str("]:\n")?;
    match g.wait.as_ref().map(|wait| wait.detail()) {
        Some(detail) if !detail.is_empty() => writeln!(f, "    waits for {detail}"),
        _ => Ok(()),
    }
}

/// `12 goroutines [chan receive, 3 to 5 minutes]:`, and which.
fn several(f: &mut fmt::Formatter<'_>, group: &[&Goroutine]) -> fmt::Result {
    write!(f, "{} goroutines [{}", group.len(), kind(group[0]))?;
    let times = || group.iter().filter_map(|g| g.since);
    if let (Some(least), Some(most)) = (times().min(), times().max())
        && most.as_secs() >= 1
    {
        let (least, most) = (Span(least).to_string(), Span(most).to_string());
        let range = if least == most { most } else { format!("{least} to {most}") };
        write!(f, ", {range}")?;
    }
    attributes(f, group[0])?;
    f.write_str("]: goroutines ")?;
    for (i, g) in group.iter().take(NAMED).enumerate() {
        write!(f, "{}{}", if i == 0 { "" } else { ", " }, Name(g))?;
    }
    if let Some(more @ 1..) = group.len().checked_sub(NAMED) {
        write!(f, " and {more} more")?;
    }
    f.write_str("\n")?;
    // If all wait for the same, it is told.
    let details = || group.iter().map(|g| g.wait.as_ref().map(|wait| wait.detail()));
    match details().next().flatten() {
        Some(first) if !first.is_empty() && details().all(|d| d.as_ref() == Some(&first)) => {
            writeln!(f, "    all wait for {first}")
        }
        _ => Ok(()),
    }
}

fn kind(g: &Goroutine) -> String {
    g.wait.as_ref().map_or_else(|| g.state.to_string(), |wait| wait.words().to_owned())
}

fn attributes(f: &mut fmt::Formatter<'_>, g: &Goroutine) -> fmt::Result {
    if !g.has_started {
        f.write_str(", not started")?;
    }
    if g.pinned {
        f.write_str(", locked to thread")?;
    }
    Ok(())
}

/// The frames, and where it was spawned.
fn rest(
    f: &mut fmt::Formatter<'_>,
    g: &Goroutine,
    frames: fn(&Goroutine) -> &[Frame],
) -> fmt::Result {
    for frame in frames(g) {
        writeln!(f, "{frame}")?;
    }
    match (g.thread, g.state) {
        _ if !frames(g).is_empty() => {}
        (Some(thread), State::Running | State::Blocked | State::Burning) => {
            writeln!(f, "    (on thread {thread}: its stack does not keep still)")?;
        }
        (_, State::Runnable) if g.has_started => {
            writeln!(f, "    (queued: its stack does not keep still)")?
        }
        _ => {}
    }
    let Some(site) = g.site else { return Ok(()) };
    match g.parent() {
        Some(parent) => writeln!(f, "created in goroutine {parent} at {site}"),
        None => writeln!(f, "created at {site}"),
    }
}

/// `18 'name'`.
struct Name<'a>(&'a Goroutine);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => write!(f, "{} '{}'", self.0.id, Shown(name)),
            None => write!(f, "{}", self.0.id),
        }
    }
}

/// `goroutine 18 waits for`, `goroutines 18, 19 wait for`.
struct Ids<'a>(&'a [u64], &'a str, &'a str);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ids, one, several) = self;
        if let [id] = ids {
            return write!(f, "goroutine {id} {one}");
        }
        let shown: Vec<_> = ids.iter().take(NAMED).map(u64::to_string).collect();
        write!(f, "goroutines {}", shown.join(", "))?;
        if let Some(more @ 1..) = ids.len().checked_sub(NAMED) {
            write!(f, " and {more} more")?;
        }
        write!(f, " {several}")
    }
}

/// As Go tells times, rounded.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..60 => write!(f, "{seconds} s"),
            60..7200 => {
                write!(f, "{} minute{}", seconds / 60, if seconds < 120 { "" } else { "s" })
            }
            7200..172_800 => write!(f, "{} hours", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}
