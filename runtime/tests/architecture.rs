//! The house rules, checked on the text of `src`: who may import whom, where `unsafe` may be,
//! where atomics come from, how long a file may be.
//!
//! A module imports from lower floors, or from the left on its own floor. A new module is entered
//! here and in `docs/ARCHITECTURE.md`, which is checked to draw the same floors.

#[path = "architecture/source.rs"]
mod source;

use source::{Path, Source, blank};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;

/// The floors, from the ground up; on each, from left to right.
const FLOORS: &[(&str, &[&str])] = &[
    ("ground", &["prim", "sys"]),
    ("cellar", &["util", "lock", "trace", "stack"]),
    ("tools", &["parker", "queue", "timer", "carrier", "poller"]),
    ("nouns", &["g", "p", "m"]),
    ("scheduler", &["sched"]),
    ("stairs", &["wait", "panic", "task"]),
    ("rooms", &["chan", "time", "context", "sync", "net", "signal"]),
    ("front", &["debug", "runtime", "pool", "testing", "lib"]),
];

/// Beside the house: these import nothing of the crate but themselves, and only the root imports them. So they
/// stand on `std` alone.
const GARDEN: &[&str] = &["collections", "any"];

/// What lies at the crate's root without being a module: macros, by the module they belong to.
const ROOT_MACROS: &[(&str, &str)] = &[("goroutine_local", "task"), ("defer", "panic")];

/// The modules that may hold `unsafe`. All others say `#![forbid(unsafe_code)]`. (The root has no
/// `unsafe` either, but an attribute there would bind all.)
const MAY_BE_UNSAFE: &[&str] = &[
    "sys",
    "lock",
    "stack",
    "queue",
    "carrier",
    "poller",
    "g",
    "p",
    "m",
    "sched",
    "wait",
    "panic",
    "task",
    "sync",
    "chan",
    "net",
    "debug",
    "runtime",
    "pool",
    "collections",
];

/// Files outside of `prim` that may use std's own locks or atomics, and why.
const OWN_LOCKS: &[(&str, &str)] = &[
    ("sys/futex.rs", "std's Condvar, where there is no futex, wants std's Mutex"),
    ("collections/fork/part.rs", "of the garden, which has no `prim`; it brings loom's itself"),
    ("any/registry.rs", "of the garden, which has no `prim`; the lock is held for a look-up"),
];

const MOST_LINES: usize = 500;

/// Broken rules that are known and will be mended: as the report says them. One that is no longer
/// reported fails the test, too.
const KNOWN: &[&str] = &[];

type Report = BTreeSet<String>;

#[test]
fn every_module_imports_from_below_or_from_the_left() {
    check(|sources, report| {
        let tests = test_modules(sources);
        for source in sources.iter().filter(|source| !source.is_in(&tests)) {
            imports(source, report);
        }
    });
}

#[test]
fn the_table_is_complete() {
    check(|sources, report| {
        let there: BTreeSet<_> = sources.iter().map(Source::room).collect();
        let listed: BTreeSet<_> =
            FLOORS.iter().flat_map(|(_, rooms)| rooms.iter()).chain(GARDEN).copied().collect();
        for room in there.symmetric_difference(&listed) {
            report.insert(format!("{room}: in the source or on the floors, but not in both"));
        }
    });
}

#[test]
fn the_drawing_shows_the_same_floors() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ARCHITECTURE.md");
    let page = fs::read_to_string(page).unwrap();
    let drawn = drawing(&page);
    let rooms = |rooms: &[&'static str]| rooms.iter().copied().filter(|r| *r != "lib").collect();
    let floors: Vec<Vec<_>> = FLOORS.iter().map(|(_, on)| rooms(on)).collect();
    assert_eq!(drawn, floors, "docs/ARCHITECTURE.md draws other floors than this file lists");
    assert_eq!(garden(&page), GARDEN, "docs/ARCHITECTURE.md draws another garden");
}

#[test]
fn files_are_short() {
    check(|sources, report| sources.iter().for_each(|source| length(source, report)));
}

#[test]
fn unsafe_is_where_it_may_be() {
    check(unsafe_rooms);
}

#[test]
fn every_unsafe_says_why_it_is_safe() {
    check(|sources, report| {
        let tests = test_modules(sources);
        for source in sources.iter().filter(|source| !source.is_in(&tests)) {
            safety(source, report);
        }
    });
}

#[test]
fn atomics_and_locks_come_from_prim() {
    check(|sources, report| {
        let tests = test_modules(sources);
        for source in sources.iter().filter(|source| !source.is_in(&tests)) {
            locks(source, report);
        }
    });
}

#[test]
fn the_clock_is_read_in_one_place() {
    check(|sources, report| {
        let tests = test_modules(sources);
        for source in sources.iter().filter(|source| !source.is_in(&tests)) {
            clock(source, report);
        }
    });
}

/// Runs a rule over the crate; what it reports must be what is known.
fn check(rule: impl Fn(&[Source], &mut Report)) {
    let mut report = Report::new();
    rule(&crate_sources(), &mut report);
    let new: Vec<_> = report.iter().filter(|line| !KNOWN.contains(&line.as_str())).collect();
    assert!(new.is_empty(), "broken house rules:\n{new:#?}");
}

#[test]
fn what_is_known_is_still_so() {
    let sources = crate_sources();
    let tests = test_modules(&sources);
    let mut report = Report::new();
    for source in sources.iter().filter(|source| !source.is_in(&tests)) {
        imports(source, &mut report);
        locks(source, &mut report);
        clock(source, &mut report);
        safety(source, &mut report);
    }
    sources.iter().for_each(|source| length(source, &mut report));
    unsafe_rooms(&sources, &mut report);
    let mended: Vec<_> = KNOWN.iter().filter(|line| !report.contains(**line)).collect();
    assert!(mended.is_empty(), "mended: take them out of KNOWN:\n{mended:#?}");
}

fn crate_sources() -> Vec<Source> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let (mut folders, mut sources) = (vec![std::path::PathBuf::from(root)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let file = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                sources.push(Source::new(&file, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 50, "only {} files found under {root}", sources.len());
    sources.sort_by(|a, b| a.file.cmp(&b.file));
    sources
}

fn test_modules(sources: &[Source]) -> HashSet<Vec<String>> {
    sources.iter().flat_map(Source::test_modules).collect()
}

/// Floor and place of a module.
fn place(room: &str) -> Option<(usize, usize)> {
    let on = |(floor, (_, rooms)): (usize, &(&str, &[&str]))| {
        rooms.iter().position(|r| *r == room).map(|place| (floor, place))
    };
    FLOORS.iter().enumerate().find_map(on)
}

fn imports(source: &Source, report: &mut Report) {
    if source.room() == "lib" {
        return;
    }
    let in_the_garden = GARDEN.contains(&source.room());
    let own = place(source.room());
    if own.is_none() && !in_the_garden {
        return;
    }
    for path in source.paths().iter().filter(|path| !path.test) {
        let Some(full) = path.in_crate(&source.module()) else { continue };
        let Some(first) = full.first() else { continue };
        let owner = ROOT_MACROS.iter().find(|(name, _)| name == first).map(|(_, room)| *room);
        let room = owner.unwrap_or(first);
        match place(room) {
            _ if room == source.room() => {}
            _ if in_the_garden => {
                let (file, full) = (&source.file, full.join("::"));
                report.insert(format!("{file}: imports {full}, but grows in the garden"));
            }
            None if GARDEN.contains(&room) => {
                let (file, full) = (&source.file, full.join("::"));
                report.insert(format!("{file}: imports {full}, of the garden"));
            }
            Some(other) if Some(other) < own => {}
            Some(_) => {
                let (file, full) = (&source.file, full.join("::"));
                report.insert(format!("{file}: imports {full}, from above or from the right"));
            }
            None => {
                let file = &source.file;
                report.insert(format!("{file}: imports {first}, which is no module of the crate"));
            }
        }
    }
}

fn length(source: &Source, report: &mut Report) {
    if source.text.lines().count() >= MOST_LINES {
        report.insert(format!("{}: has {MOST_LINES} lines or more", source.file));
    }
}

fn unsafe_rooms(sources: &[Source], report: &mut Report) {
    /// The second, where the tests have some.
    const FORBIDS: [&str; 2] =
        ["#![forbid(unsafe_code)]", "#![cfg_attr(not(test),forbid(unsafe_code))]"];
    let tests = test_modules(sources);
    let mut rooms: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_in(&tests)) {
        let room = rooms.entry(source.room()).or_default();
        room.0 |= source.tokens.iter().any(|t| t.text == "unsafe" && !t.test);
        let head: String = blank(&source.text).split_whitespace().collect();
        room.1 |= source.module().len() <= 1 && FORBIDS.iter().any(|text| head.contains(text));
    }
    for (room, (has, forbids)) in rooms {
        match (MAY_BE_UNSAFE.contains(&room), has) {
            (true, false) => {
                report.insert(format!("{room}: has no unsafe: out of MAY_BE_UNSAFE with it"));
            }
            (false, true) => {
                report.insert(format!("{room}: has unsafe"));
            }
            (false, false) if !forbids && room != "lib" => {
                report.insert(format!("{room}: does not say #![forbid(unsafe_code)]"));
            }
            _ => {}
        }
    }
}

/// `unsafe {` and `unsafe impl` have a comment above the statement, or in its line.
fn safety(source: &Source, report: &mut Report) {
    let lines: Vec<_> = source.text.lines().map(str::trim).collect();
    for pair in source.tokens.windows(2) {
        let [word, next] = pair else { continue };
        if word.text == "unsafe"
            && ["{", "impl"].contains(&next.text.as_str())
            && !says_why(&lines, word.line)
        {
            report.insert(format!("{}:{}: unsafe without SAFETY", source.file, word.line + 1));
        }
    }
}

fn says_why(lines: &[&str], at: usize) -> bool {
    if lines[at].contains("SAFETY:") {
        return true;
    }
    let mut in_comment = false;
    for line in lines[..at].iter().rev() {
        if line.starts_with("//") {
            in_comment = true;
            if line.contains("SAFETY:") {
                return true;
            }
        } else if in_comment || line.is_empty() {
            return false;
        } else if !line.starts_with('#') && line.ends_with([';', '{', '}', ',']) {
            // The end of another statement.
            return false;
        }
    }
    false
}

fn locks(source: &Source, report: &mut Report) {
    if source.room() == "prim" || OWN_LOCKS.iter().any(|(file, _)| *file == source.file) {
        return;
    }
    for path in source.paths().iter().filter(|path| !path.test && is_lock(path)) {
        report.insert(format!("{}: uses {}", source.file, path.segments.join("::")));
    }
}

fn is_lock(path: &Path) -> bool {
    let words: Vec<_> = path.segments.iter().map(String::as_str).collect();
    match words[..] {
        ["std" | "core", "sync", "atomic", ..] => true,
        ["std", "sync", name, ..] => {
            ["Mutex", "MutexGuard", "RwLock", "Condvar", "*"].contains(&name)
        }
        ["std", "thread", name, ..] => ["park", "park_timeout"].contains(&name),
        _ => false,
    }
}

fn clock(source: &Source, report: &mut Report) {
    let reads = |path: &Path| {
        let words: Vec<_> = path.segments.iter().map(String::as_str).collect();
        matches!(words[..], [.., "Instant" | "SystemTime", "now"])
    };
    if source.room() != "util" && source.paths().iter().any(|path| !path.test && reads(path)) {
        report.insert(format!("{}: reads the clock past util::now", source.file));
    }
}

/// The floors in the first code block after the heading `## The floors`, ground first.
fn drawing(page: &str) -> Vec<Vec<&str>> {
    let after = page.split("## The floors").nth(1).unwrap_or_default();
    let block = after.split("```").nth(1).unwrap_or_default();
    let mut floors: Vec<Vec<&str>> = block
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| line.split_whitespace().filter_map(|word| word.strip_suffix('/')).collect())
        .collect();
    floors.reverse();
    floors
}

/// What stands behind `garden` in the same code block.
fn garden(page: &str) -> Vec<&str> {
    let after = page.split("## The floors").nth(1).unwrap_or_default();
    let block = after.split("```").nth(1).unwrap_or_default();
    let line = block.lines().find_map(|line| line.strip_prefix("garden")).unwrap_or_default();
    line.split_whitespace().filter_map(|word| word.strip_suffix('/')).collect()
}

/// Each rule is shown something that breaks it, and something that does not.
mod the_checker_itself {
    use super::*;

    fn reported(file: &str, text: &str, rule: fn(&Source, &mut Report)) -> Vec<String> {
        let mut report = Report::new();
        rule(&Source::new(file, text), &mut report);
        report.into_iter().collect()
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let text =
            "a /* b /* c */ d */ \"e // \\\" f\" r#\"g\"# 'h' '\\'' b'x' i // j\nk<'l> br\"m\" r#n";
        assert_eq!(
            blank(text).split_whitespace().collect::<Vec<_>>(),
            ["a", "b", "i", "k<'l>", "r#n"]
        );
        assert_eq!(blank("\"a\nb\"\nc").lines().count(), 3);
    }

    #[test]
    fn imports_from_above_are_found_however_they_are_written() {
        let bad = |text| reported("queue/local.rs", text, imports);
        for text in [
            "use crate::sched;",
            "use crate::{prim::Mutex, carrier::Slot};",
            "use crate::{prim::{self, Mutex as M}, sys::{mem, map}, m::M as N};",
            "fn f() { crate::wait::park() }",
            "use super::super::task::{self};",
            "mod inner { use super::super::super::chan::Chan; }",
            "fn f() -> rt::sync::WaitGroup { todo() }",
            "type T = Vec<crate::runtime::Runtime>;",
            "use crate::nowhere::X;",
            "crate::goroutine_local! { }",
        ] {
            assert_eq!(bad(text).len(), 1, "{text}: {:?}", bad(text));
        }
    }

    #[test]
    fn imports_from_below_pass() {
        let text = "
            use super::{Item, deque::Steal};
            use self::inner::X;
            use crate::{parker::ParkWord, prim::atomic::*, queue::Global};
            // use crate::sched;
            /// [`Chan`](crate::chan::Chan)
            fn f() { let s = \"crate::sched\"; crate::util::bug(s); Vec::<u8>::new(); }
            mod inner { use super::super::Item; }
            #[cfg(all(test, not(loom)))]
            mod tests { use crate::sched::Sched; mod more { use crate::task; } }
            pub(crate) struct X;
            pub(in crate::queue) struct Y;
        ";
        assert_eq!(reported("queue/local.rs", text, imports), [""; 0]);
        for other in ["not(test)", "all(loom, not(any(x, test)))", "feature = \"test\""] {
            let text = text.replace("all(test, not(loom))", other);
            assert_eq!(reported("queue/local.rs", &text, imports).len(), 2, "{other}");
        }
    }

    #[test]
    fn neighbours_on_the_left_are_allowed_and_on_the_right_not() {
        assert_eq!(reported("m/mod.rs", "use crate::p::Held;", imports), [""; 0]);
        assert_eq!(reported("p/mod.rs", "use crate::m::M;", imports).len(), 1);
    }

    #[test]
    fn the_garden_and_the_house_know_nothing_of_each_other() {
        let found = |file, text| reported(file, text, imports).len();
        assert_eq!(found("collections/slice/mod.rs", "use crate::prim::Mutex;"), 1);
        assert_eq!(found("collections/mod.rs", "use crate::any::Dyn;"), 1);
        assert_eq!(found("any/mod.rs", "fn f() { rt::spawn(g) }"), 1);
        assert_eq!(found("sync/mod.rs", "use crate::collections::Slice;"), 1);
        assert_eq!(found("collections/slice/mod.rs", "use crate::collections::print;"), 0);
        assert_eq!(found("collections/fork/mod.rs", "use super::bounds; use std::rc::Rc;"), 0);
    }

    #[test]
    fn files_of_test_modules_are_known() {
        let root = Source::new(
            "stack/mod.rs",
            "mod slot;\n#[cfg(test)]\npub(crate) mod tests;\nmod x { }",
        );
        let tests: HashSet<_> = root.test_modules().into_iter().collect();
        assert_eq!(tests.len(), 1);
        assert!(Source::new("stack/tests/pool.rs", "").is_in(&tests));
        assert!(Source::new("stack/tests/mod.rs", "").is_in(&tests));
        assert!(!Source::new("stack/slot.rs", "").is_in(&tests));
        assert!(!Source::new("tests/mod.rs", "").is_in(&tests));
    }

    #[test]
    fn unsafe_is_found_and_its_absence_too() {
        let report = |file: &str, text: &str| {
            let mut report = Report::new();
            unsafe_rooms(&[Source::new(file, text)], &mut report);
            report.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(report("timer/mod.rs", "fn f() { unsafe { g() } }"), ["timer: has unsafe"]);
        assert_eq!(report("timer/mod.rs", "//! unsafe\n#![forbid(unsafe_code)]"), [""; 0]);
        assert_eq!(report("timer/mod.rs", "// #![forbid(unsafe_code)]").len(), 1);
        let tested =
            "#![cfg_attr(not(test), forbid(unsafe_code))]\n#[cfg(test)]\nmod tests { unsafe {} }";
        assert_eq!(report("timer/mod.rs", tested), [""; 0]);
        assert_eq!(report("g/mod.rs", "unsafe impl Send for G {}"), [""; 0]);
        assert_eq!(report("g/mod.rs", "").len(), 1);
    }

    #[test]
    fn an_unsafe_without_a_reason_is_found() {
        let found = |text| reported("g/mod.rs", text, safety).len();
        assert_eq!(found("let a = 1;\nlet b = unsafe { f() };"), 1);
        assert_eq!(found("// SAFETY: fine.\nlet a = 1;\nlet b = unsafe { f() };"), 1);
        assert_eq!(found("// Fine.\nunsafe impl Send for G {}"), 1);
        assert_eq!(found("// SAFETY: fine.\n\nunsafe impl Send for G {}"), 1);
        assert_eq!(found("// SAFETY: fine,\n// really.\nlet b =\n    unsafe { f() };"), 0);
        assert_eq!(found("// SAFETY: fine.\n#[inline]\nunsafe impl Send for G {}"), 0);
        assert_eq!(found("let b = unsafe { f() }; // SAFETY: fine."), 0);
        assert_eq!(found("unsafe fn f() {}"), 0);
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(reported("g/mod.rs", &"//\n".repeat(MOST_LINES), length).len(), 1);
        assert_eq!(reported("g/mod.rs", &"//\n".repeat(MOST_LINES - 1), length), [""; 0]);
    }

    #[test]
    fn std_locks_are_found() {
        let found = |text| reported("sched/run.rs", text, locks).len();
        assert_eq!(found("use std::sync::atomic::{AtomicU8, Ordering};"), 2);
        assert_eq!(found("use std::{fmt, sync::{Arc, Mutex}};"), 1);
        assert_eq!(found("fn f() { std::thread::park() }"), 1);
        assert_eq!(found("use std::sync::{Arc, Once, OnceLock};"), 0);
        assert_eq!(found("#[cfg(test)]\nmod tests { use std::sync::Mutex; }"), 0);
        assert_eq!(reported("prim/mod.rs", "use std::sync::Mutex;", locks), [""; 0]);
    }

    #[test]
    fn a_look_at_the_clock_is_found() {
        let found = |file, text| reported(file, text, clock).len();
        assert_eq!(found("sched/run.rs", "fn f() { std::time::Instant::now() }"), 1);
        assert_eq!(
            found("sched/run.rs", "use std::time::Instant; fn f() -> Instant { util::now() }"),
            0
        );
        assert_eq!(found("util/clock.rs", "fn f() { Instant::now() }"), 0);
    }

    #[test]
    fn the_drawing_is_read() {
        let page = "## The floors\n\n```text\n2 top   c/ (x) · d/\n1 base  a/ · b/\n\ngarden e/ · f/ (y)\n```\n";
        assert_eq!(garden(page), ["e", "f"]);
        assert_eq!(drawing(page), [vec!["a", "b"], vec!["c", "d"]]);
    }
}
