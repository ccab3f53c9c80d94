//! What standard error says of a panic: one write for all of it, so that lines of several goroutines do not mix.
//!
//! ```text
//! goroutine 18 'worker' panicked at src/main.rs:9:17: second
//!     after the panic at src/main.rs:5:5: first [recovered]
//!     spawned at src/main.rs:3:13
//! stack backtrace: ..
//! ```

use super::flight::{self, Known, Note, Owner};
use super::value::{Location, NO_TEXT, Panic, Seen};
use super::{hook, pending, trace};
use crate::g::G;
use crate::sched;
use crate::util::Shown;
use std::any::Any;
use std::backtrace::Backtrace;
use std::borrow::Borrow;
use std::fmt::Write as _;

/// Appends `goroutine 18 'name'`.
fn describe(text: &mut String, g: &G) {
    let _ = write!(text, "goroutine {}", g.id());
    if let Some(name) = g.name() {
        let _ = write!(text, " '{}'", Shown(name));
    }
}

/// Says which goroutine was ended by the panic with `payload`, if the hook has not.
pub(crate) fn uncaught(g: &G, payload: &(dyn Any + Send)) {
    let known = flight::claim(Owner::current(), payload);
    if !hook::is_installed() {
        // std's hook has told the place.
        let mut text = String::new();
        describe(&mut text, g);
        text.push_str(" panicked");
        if let Some(message) = super::message(payload) {
            let _ = write!(text, ": {message}");
        }
        let site = g.site();
        let _ = writeln!(text, " (spawned at {}:{}:{})", site.file(), site.line(), site.column());
        chain(&mut text, known.previous.as_deref());
        pending::say_at_end(text);
    } else {
        held_back(&known, payload);
    }
    super::drop_quietly(known);
}

/// The panic with `payload` of a pool's task leaves its frame by another way: to who joins. If the hook has held its
/// report back, here it is.
#[cold]
pub(crate) fn report(payload: &(dyn Any + Send)) {
    let known = flight::claim(Owner::current(), payload);
    held_back(&known, payload);
    super::drop_quietly(known);
}

/// Of a pool's task that was run within a frame, which did not get it.
fn held_back(known: &Known, payload: &(dyn Any + Send)) {
    if !known.reported && known.is_seen() {
        let message = super::message(payload).unwrap_or(NO_TEXT);
        known_of(message, known.seen.as_deref(), known.previous.as_deref());
    }
}

/// A panic leaves the last frame around it: from here on it is as any other. If the hook has held back its report, or
/// that of one it superseded, here it is. What was raised past the hook (`resume_unwind`) stays unsaid.
pub(super) fn leaves(panic: &mut Panic) {
    let mut chain = std::iter::successors(Some(&*panic), |panic| panic.previous());
    let held_back = chain.any(|panic| panic.seen().is_some());
    if held_back && !panic.set_reported() {
        known_of(panic.message(), panic.seen(), panic.previous());
    }
}

/// The report of a panic that nobody has claimed.
pub(super) fn note(note: &Note) {
    let known = &note.known;
    if known.seen.is_some() {
        known_of(&note.text, known.seen.as_deref(), known.previous.as_deref());
    }
}

/// The report of one that the hook has held back.
fn known_of(message: &str, seen: Option<&Seen>, previous: Option<&Panic>) {
    let at = seen.and_then(|seen| seen.at.as_ref());
    whole(message, at, previous, || seen.and_then(|seen| seen.trace.as_ref()));
}

/// The whole report.
pub(super) fn whole<B: Borrow<Backtrace>>(
    message: &str,
    at: Option<&Location>,
    previous: Option<&Panic>,
    capture: impl FnOnce() -> Option<B>,
) {
    let mut text = String::new();
    let g = sched::current_g();
    match g {
        // SAFETY: the goroutine that runs this: alive.
        Some(g) => describe(&mut text, unsafe { g.get() }),
        None => {
            let thread = std::thread::current();
            let name = Shown(thread.name().unwrap_or("<unnamed>"));
            let _ = write!(text, "thread '{name}'");
        }
    }
    text.push_str(" panicked");
    place(&mut text, at);
    let _ = writeln!(text, ": {message}");
    chain(&mut text, previous);
    if let Some(g) = g {
        // SAFETY: as above.
        let site = unsafe { g.get() }.site();
        let _ = writeln!(text, "    spawned at {}:{}:{}", site.file(), site.line(), site.column());
    }
    pending::say(text, || match capture() {
        Some(trace) => Some(format!("stack backtrace:\n{}", trace::Shown(trace))),
        None => trace::hint().map(str::to_owned),
    });
}

/// The panics that it superseded, the newest first.
fn chain(text: &mut String, mut next: Option<&Panic>) {
    while let Some(panic) = next {
        text.push_str("    after the panic");
        place(text, panic.location());
        let recovered = if panic.is_recovered() { " [recovered]" } else { "" };
        let _ = writeln!(text, ": {}{recovered}", panic.message());
        next = panic.previous();
    }
}

fn place(text: &mut String, at: Option<&Location>) {
    if let Some(at) = at {
        let _ = write!(text, " at {at}");
    }
}
