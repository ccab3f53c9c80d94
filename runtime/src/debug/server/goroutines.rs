//! The goroutines by state, place and stack, as JSON: what a dump says, in short.

use super::super::{Dump, Goroutine};
use crate::trace::Escaped;
use crate::util::Shown;
use std::collections::HashMap;
use std::fmt::Write;

/// So many of a group are named.
const NAMED: usize = 100;

struct Group {
    state: String,
    site: String,
    stack: String,
    ids: Vec<u64>,
}

pub(super) fn json(dump: &Dump) -> String {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = HashMap::new();
    for g in dump.goroutines() {
        let (state, site, stack) = (state(g), site(g), stack(g));
        let place =
            *places.entry((state.clone(), site.clone(), stack.clone())).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group { state, site, stack, ids: Vec::new() });
        }
        groups[place].ids.push(g.id());
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.ids.len()));
    let mut out = format!("{{\"unstarted\":{},\"groups\":[", dump.unstarted());
    for (i, group) in groups.iter().enumerate() {
        let ids: Vec<_> = group.ids.iter().take(NAMED).map(u64::to_string).collect();
        let _ = write!(
            out,
            "{}{{\"count\":{},\"state\":\"{}\",\"site\":\"{}\",\"stack\":\"{}\",\"ids\":[{}]}}",
            if i == 0 { "" } else { "," },
            group.ids.len(),
            Escaped(&group.state),
            Escaped(&group.site),
            Escaped(&group.stack),
            ids.join(",")
        );
    }
    out.push_str("]}");
    out
}

fn state(g: &Goroutine) -> String {
    match g.waits_for() {
        Some(wait) => format!("waits: {}", wait.kind()),
        None if !g.has_started() => "not started".to_owned(),
        None => g.state().to_string(),
    }
}

fn site(g: &Goroutine) -> String {
    let site = g.site().map(ToString::to_string).unwrap_or_default();
    match g.name() {
        Some(name) => format!("'{}' {site}", Shown(name)),
        None => site,
    }
}

fn stack(g: &Goroutine) -> String {
    let frames: Vec<_> = g
        .backtrace()
        .iter()
        .map(|frame| {
            format!("{}\n    {}:{}", frame.function(), frame.file().unwrap_or("?"), frame.line())
        })
        .collect();
    frames.join("\n")
}
