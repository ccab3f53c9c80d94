//! What a dump shows of goroutines in every state, and that they do not notice.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

#[path = "../common/mod.rs"]
mod common;
mod origin;
mod stacks;
mod states;
mod stuck;
mod unstarted;
mod waits;

use rt::debug::{Dump, Goroutine, State};

/// Drops whatever comes of something.
pub(crate) fn done<T>(_: T) {}

/// The goroutine with this name.
#[track_caller]
pub(crate) fn named<'a>(dump: &'a Dump, name: &str) -> &'a Goroutine {
    let found = dump.goroutines().iter().find(|g| g.name() == Some(name));
    found.unwrap_or_else(|| panic!("no {name} in\n{dump}"))
}

pub(crate) fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> rt::JoinHandle<()> {
    rt::task::Builder::new().name(name).spawn(f).unwrap()
}

/// Dumps until all goroutines but this one wait.
pub(crate) fn dump_when_all_wait(count: usize) -> Dump {
    let mut last = None;
    common::eventually_resting("all goroutines wait", || {
        let dump = rt::dump();
        let waiting = dump.goroutines().iter().filter(|g| g.state() == State::Waiting).count();
        last = Some(dump);
        waiting == count
    });
    last.unwrap()
}

/// Two frames that must be seen.
#[inline(never)]
pub(crate) fn outer_frame(f: impl FnOnce()) {
    inner_frame(f);
    std::hint::black_box(());
}

#[inline(never)]
pub(crate) fn inner_frame(f: impl FnOnce()) {
    f();
    std::hint::black_box(());
}

#[track_caller]
pub(crate) fn assert_frames(g: &Goroutine) {
    let at = |name: &str| g.backtrace().iter().position(|f| f.function().contains(name));
    let (inner, outer) = (at("inner_frame"), at("outer_frame"));
    assert!(inner.is_some() && inner < outer, "{g}");
    let frames = g.backtrace();
    assert!(frames.len() < g.full_backtrace().len(), "{g}");
    assert!(frames[outer.unwrap()].file().is_none_or(|f| f.ends_with("tests/dump/main.rs")), "{g}");
}
