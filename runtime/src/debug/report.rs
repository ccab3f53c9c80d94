//! What goes wrong in a test's runtime, in words: a deadlock, a run without end, goroutines that are left, each with its stack.
//!
//! The scheduler notes addresses alone, for most of what an exploration finds is never printed.

#![forbid(unsafe_code)]

use super::symbol::{Symbols, of_user};
use crate::sched::{Doing, Trouble, Waiter};
use crate::util::Shown;
use std::collections::HashMap;

/// Why a lab was stopped.
pub(crate) fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Deadlock(at, waiters) => {
            let head = format!("all goroutines are asleep - deadlock! ({at:?} after the start)");
            list(head, waiters)
        }
        Trouble::Endless(steps) => format!("the run does not end: {steps} steps, and still going"),
    }
}

/// Goroutines that are left.
pub(crate) fn left(waiters: &[Waiter]) -> String {
    let head = match waiters.len() {
        1 => "1 goroutine is left".to_owned(),
        n => format!("{n} goroutines are left"),
    };
    list(head, waiters)
}

/// `head`, a line for each goroutine, and below it a line for each frame of the user's. Equal stacks are shown once.
fn list(mut text: String, waiters: &[Waiter]) -> String {
    let mut symbols = Symbols::new();
    let mut shown = HashMap::new();
    for waiter in waiters {
        text.push_str("\n  ");
        text.push_str(&line(waiter));
        if waiter.stack.is_empty() {
            continue;
        }
        let frames = symbols.frames(&waiter.stack);
        let frames = of_user(&frames);
        match shown.get(frames) {
            Some(first) => text.push_str(&format!("\n      (the stack of goroutine {first})")),
            None => {
                frames.iter().for_each(|frame| text.push_str(&format!("\n      {frame:#}")));
                shown.insert(frames.to_vec(), waiter.id);
            }
        }
    }
    text
}

/// `goroutine 3 'name': chan send; spawned at src/main.rs:9`.
fn line(waiter: &Waiter) -> String {
    let mut text = format!("goroutine {}", waiter.id);
    if let Some(name) = &waiter.name {
        text.push_str(&format!(" '{}'", Shown(name)));
    }
    text.push_str(": ");
    text.push_str(match (waiter.doing, waiter.why) {
        (Doing::Waiting, Some(why)) => why.name(),
        (Doing::Waiting, None) => "waits",
        (Doing::Runnable | Doing::Unstarted, _) => "could run",
        (Doing::Running, _) => "runs",
        (Doing::Blocked, _) => "blocks its thread",
        (Doing::Burning, _) => "computes",
    });
    if let Some(site) = waiter.site {
        text.push_str(&format!("; spawned at {}:{}", site.file(), site.line()));
    }
    text
}
