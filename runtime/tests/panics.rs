//! What is said when a goroutine panics, and what becomes of the process.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Ended, OnDrop, builder, child, is_child, runtime};
use rt::chan::Chan;
use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

fn run(name: &str) -> Ended {
    common::run(child(name))
}

/// The one line of standard error with `text`.
#[track_caller]
fn line<'a>(ended: &'a Ended, text: &str) -> &'a str {
    let mut lines = ended.stderr.lines().filter(|line| line.contains(text));
    let line = lines.next().unwrap_or_else(|| panic!("{text:?} is missing: {ended:#?}"));
    assert!(lines.next().is_none(), "{text:?} is there twice: {ended:#?}");
    line
}

#[test]
fn with_the_hook_one_line_names_goroutine_and_place() {
    let name = "with_the_hook_one_line_names_goroutine_and_place";
    if is_child(name) {
        runtime(1).run(|| {
            let named = rt::task::Builder::new()
                .name("worker")
                .spawn(|| panic!("out of {}", "cheese"))
                .unwrap();
            eprintln!("id {};", named.task().id());
            assert!(named.join().unwrap_err().is_panic());
            let nameless = rt::spawn(|| panic!("out of milk"));
            assert!(nameless.join().unwrap_err().is_panic());
            let odd = rt::task::Builder::new().name("odd\nand \u{1b}[31mred");
            let odd = odd.spawn(|| std::panic::panic_any(7)).unwrap();
            assert!(odd.join().unwrap_err().is_panic());
        });
        return;
    }
    let _t = common::test();
    let ended = run(name);
    ended.assert_success();
    let id = ended.stderr.split("id ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    let cheese = line(&ended, "cheese");
    let start = format!("goroutine {id} 'worker' panicked at runtime/tests/panics.rs:");
    assert!(cheese.starts_with(&start) && cheese.ends_with(": out of cheese"), "{cheese}");
    let place = &cheese[start.len()..cheese.len() - ": out of cheese".len()];
    assert!(place.split(':').all(|number| number.parse::<u32>().is_ok()), "{place}");
    assert!(line(&ended, "milk").starts_with("goroutine "));
    // A name is no reason for a line of its own, nor for the terminal to change.
    assert!(
        line(&ended, "a payload that is no text").contains(" 'odd\\nand \\u{1b}[31mred' panicked")
    );
    assert!(!ended.stderr.contains("thread '"), "{ended:#?}");
}

#[test]
fn without_the_hook_std_s_line_stays_and_one_more_names_it() {
    let name = "without_the_hook_std_s_line_stays_and_one_more_names_it";
    if is_child(name) {
        let runtime = rt::Runtime::builder().procs(1).build().unwrap();
        runtime.run(|| {
            let named =
                rt::task::Builder::new().name("worker").spawn(|| panic!("out of cheese")).unwrap();
            assert!(named.join().unwrap_err().is_panic());
            // Caught: nobody's business.
            let caught = rt::spawn(|| std::panic::catch_unwind(|| panic!("caught")).is_err());
            assert!(caught.join().unwrap());
        });
        return;
    }
    let _t = common::test();
    let ended = run(name);
    ended.assert_success();
    ended.assert_says(&["thread 'rt-0'"]);
    let ours = line(&ended, "'worker' panicked");
    assert!(ours.contains(": out of cheese (spawned at runtime/tests/panics.rs:"), "{ours}");
    assert_eq!(ended.stderr.matches("caught").count(), 1, "{ended:#?}");
}

#[test]
fn the_hook_leaves_plain_threads_to_the_one_before() {
    let name = "the_hook_leaves_plain_threads_to_the_one_before";
    if is_child(name) {
        std::panic::set_hook(Box::new(|_| eprintln!("the one before")));
        let runtime = runtime(1);
        assert!(std::thread::spawn(|| panic!("plain")).join().is_err());
        assert!(runtime.run(|| rt::spawn(|| panic!("green")).join()).is_err());
        return;
    }
    let _t = common::test();
    let ended = run(name);
    ended.assert_success();
    line(&ended, "the one before");
    line(&ended, "green");
}

#[test]
fn abort_and_exit_say_nothing() {
    let name = "abort_and_exit_say_nothing";
    if is_child(name) {
        for hook in [false, true] {
            let runtime = rt::Runtime::builder().procs(1).panic_hook(hook).build().unwrap();
            runtime.run(|| {
                assert!(rt::spawn(|| rt::task::exit()).join().is_err());
                let parked = rt::spawn(|| rt::chan::Chan::<()>::nil().recv());
                rt::yield_now();
                parked.abort();
                assert!(parked.join().is_err());
            });
        }
        return;
    }
    let _t = common::test();
    let ended = run(name);
    ended.assert_success();
    assert_eq!(ended.stderr, "", "{ended:#?}");
}

#[test]
fn the_policy_ends_the_process() {
    let name = "the_policy_ends_the_process";
    if is_child(name) {
        let runtime = builder(2).panic_policy(rt::PanicPolicy::Abort).build().unwrap();
        runtime.run(|| {
            // Caught ones and cancellation are no reason.
            assert!(
                rt::spawn(|| std::panic::catch_unwind(|| panic!("caught")).is_err())
                    .join()
                    .unwrap()
            );
            assert!(rt::spawn(|| rt::task::exit()).join().is_err());
            eprintln!("so far");
            let _ = rt::spawn(|| panic!("the end")).join();
            eprintln!("beyond");
        });
        return;
    }
    let _t = common::test();
    let ended = run(name);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    ended.assert_says(&["so far", "the end"]);
    assert!(!ended.stderr.contains("beyond"), "{ended:#?}");
}

type AtEnd = OnDrop<Box<dyn FnMut()>>;

thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Two panic, and the exit of the first waits for the second, in a destructor of a thread-local: the process ends as by the first. (To std, a
/// second exit on the thread of the first is one inside of it, and aborts.)
#[test]
fn the_policy_ends_the_process_once() {
    static SECOND: AtomicBool = AtomicBool::new(false);
    let name = "the_policy_ends_the_process_once";
    if is_child(name) {
        let in_a_pool = std::env::var_os("IN_A_POOL").is_some();
        let runtime = builder(1).panic_policy(rt::PanicPolicy::Abort).build().unwrap();
        runtime.run(|| {
            let pool = rt::pool::Pool::new(2).unwrap();
            let spawn =
                |f: fn()| if in_a_pool { pool.submit(f).unwrap() } else { drop(rt::spawn(f)) };
            spawn(|| {
                AT_END.set(Some(OnDrop(Box::new(|| {
                    rt::spawn(|| {
                        SECOND.store(true, Ordering::SeqCst);
                        panic!("the second")
                    });
                    while !SECOND.load(Ordering::SeqCst) {
                        rt::yield_now();
                    }
                    eprintln!("done whole");
                }))));
                panic!("the first")
            });
            Chan::<()>::nil().recv();
        });
        return;
    }
    let _t = common::test();
    for in_a_pool in [false, true] {
        let mut child = child(name);
        if in_a_pool {
            child.env("IN_A_POOL", "1");
        }
        let ended = common::run(child);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        ended.assert_says(&["the first", "the second", "done whole"]);
    }
}

/// As much as std shows of a thread: the goroutine's own frames, or all, or how to get them, once.
#[test]
fn a_backtrace_is_the_goroutine_s_own() {
    #[inline(never)]
    fn culprit() {
        panic!("on purpose");
    }
    let name = "a_backtrace_is_the_goroutine_s_own";
    if is_child(name) {
        runtime(1).run(|| {
            for _ in 0..2 {
                assert!(rt::spawn(culprit).join().unwrap_err().is_panic());
                assert!(rt::spawn(|| rt::panic::frame(|_| culprit())).join().is_err());
            }
        });
        return;
    }
    let _t = common::test();
    let said = |value: Option<&str>| {
        let mut child = common::child(name);
        match value {
            Some(value) => child.env("RUST_BACKTRACE", value),
            None => child.env_remove("RUST_BACKTRACE"),
        };
        let ended = common::run(child);
        ended.assert_success();
        ended.stderr
    };
    const HINT: &str =
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
    let unset = said(None);
    assert!(
        unset.matches(HINT).count() == 1 && unset.find(HINT) < unset.rfind("panicked"),
        "{unset}"
    );
    assert!(!unset.contains("stack backtrace"), "{unset}");
    let off = said(Some("0"));
    assert!(off.matches("on purpose").count() == 4 && !off.contains("note:"), "{off}");
    let short = said(Some("1"));
    let traces: Vec<_> = short.split("stack backtrace:\n").skip(1).collect();
    assert_eq!(traces.len(), 4, "{short}");
    for (i, trace) in traces.into_iter().enumerate() {
        assert!(trace.starts_with("   0: ") && trace.contains("core::panicking::"), "{trace}");
        assert!(trace.contains("culprit"), "{trace}");
        let machinery =
            ["panic/hook", "short_backtrace", "src/sched/", "g/cell", "corosensei", "clone3"];
        // Every second one is in a frame, which catches, too.
        let catching = ["do_call", "call_once"].iter().filter(|_| i % 2 == 0);
        for hidden in machinery.iter().chain(catching) {
            assert!(!trace.contains(hidden), "{hidden} in {trace}");
        }
        assert!(
            trace.contains("run with `RUST_BACKTRACE=full` for a verbose backtrace"),
            "{trace}"
        );
    }
    let full = said(Some("full"));
    for shown in
        ["panic/hook.rs", "culprit", "__rust_begin_short_backtrace", "stack_init_trampoline"]
    {
        assert!(full.contains(shown), "{shown} in {full}");
    }
    assert!(!full.contains("note:"), "{full}");
}

/// Lines of many goroutines that panic at once do not mix.
#[test]
fn lines_do_not_mix() {
    let name = "lines_do_not_mix";
    if is_child(name) {
        runtime(2).run(|| {
            let all: Vec<_> =
                (0..200).map(|i| rt::spawn(move || panic!("number {i} of many"))).collect();
            all.into_iter().for_each(|h| assert!(h.join().is_err()));
        });
        return;
    }
    let _t = common::test();
    let ended = run(name);
    ended.assert_success();
    let mut seen = vec![0; 200];
    // Each comes with where its goroutine was spawned.
    let mut lines = ended.stderr.lines();
    while let Some(line) = lines.next() {
        let site = lines.next().unwrap_or_default();
        assert!(site.starts_with("    spawned at runtime/tests/panics.rs:"), "{site:?}");
        let (start, end) = line.split_once(" panicked at ").unwrap_or_else(|| panic!("{line:?}"));
        assert!(
            start.strip_prefix("goroutine ").is_some_and(|id| id.parse::<u64>().is_ok()),
            "{line:?}"
        );
        let number = end.split(": number ").nth(1).and_then(|n| n.strip_suffix(" of many"));
        seen[number.unwrap_or_else(|| panic!("{line:?}")).parse::<usize>().unwrap()] += 1;
    }
    assert!(seen.iter().all(|&count| count == 1), "{seen:?}");
}

mod error {
    #[rt::main]
    pub(crate) fn main() -> Result<(), String> {
        Err("on purpose".to_owned())
    }
}

mod panics {
    /// With a goroutine that burns, for which nobody waits.
    #[rt::main(procs = 2)]
    pub(crate) fn main() {
        let started = rt::chan::Chan::new(1);
        let burns = started.clone();
        rt::spawn(move || {
            burns.send(());
            loop {
                std::hint::spin_loop();
            }
        });
        started.recv();
        panic!("main is over");
    }
}

mod leaves {
    #[rt::main(procs = 1)]
    pub(crate) fn main() {
        struct Says;
        impl Drop for Says {
            fn drop(&mut self) {
                eprintln!("unwound");
            }
        }
        rt::spawn(|| {
            let _says = Says;
            rt::chan::Chan::<()>::nil().recv();
        });
        rt::yield_now();
    }
}

mod reports {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What the thread that panics has computed, in nanoseconds.
    fn computed(thread: u64) -> u64 {
        let path = format!("/proc/self/task/{thread}/schedstat");
        std::fs::read_to_string(path).unwrap().split(' ').next().unwrap().parse().unwrap()
    }

    /// Returns while the report of another's panic is being made.
    #[rt::main(procs = 2)]
    pub(crate) fn main() {
        static THREAD: AtomicU64 = AtomicU64::new(0);
        struct Unwound;
        impl Drop for Unwound {
            fn drop(&mut self) {
                THREAD.store(u64::MAX, Ordering::SeqCst);
            }
        }
        rt::spawn(|| {
            let _unwound = Unwound;
            let link = std::fs::read_link("/proc/thread-self").unwrap();
            let thread = link.file_name().unwrap().to_str().unwrap();
            THREAD.store(thread.parse().unwrap(), Ordering::SeqCst);
            panic!("nobody joins it");
        });
        let thread = loop {
            match THREAD.load(Ordering::SeqCst) {
                0 => rt::yield_now(),
                thread => break thread,
            }
        };
        // The way to the hook is short, and what it does long; or else it has been done.
        let before = if thread == u64::MAX { 0 } else { computed(thread) };
        while THREAD.load(Ordering::SeqCst) != u64::MAX && computed(thread) < before + 20_000_000 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_main_that_ends_waits_for_reports() {
    let name = "a_main_that_ends_waits_for_reports";
    if is_child(name) {
        let ended = reports::main() == ExitCode::SUCCESS;
        std::process::exit(if ended { 0 } else { 1 });
    }
    let _t = common::test();
    let mut child = child(name);
    child.env("RUST_BACKTRACE", "1");
    let ended = common::run(child);
    ended.assert_success();
    assert!(ended.stderr.contains(": nobody joins it\n"), "{ended:#?}");
}

#[test]
fn a_main_that_fails_says_so() {
    let name = "a_main_that_fails_says_so";
    if is_child(name) {
        let failed = error::main() == ExitCode::FAILURE;
        std::process::exit(if failed { 33 } else { 0 });
    }
    let _t = common::test();
    let ended = run(name);
    assert_eq!(ended.code, Some(33), "{ended:#?}");
    ended.assert_says(&["Error: \"on purpose\""]);
}

#[test]
fn a_main_that_panics_ends_the_process_at_once() {
    let name = "a_main_that_panics_ends_the_process_at_once";
    if is_child(name) {
        let _ = panics::main();
        return;
    }
    let _t = common::test();
    let start = std::time::Instant::now();
    let ended = run(name);
    assert_eq!(ended.code, Some(101), "{ended:#?}");
    ended.assert_says(&["panicked at runtime/tests/panics.rs:", ": main is over"]);
    assert!(start.elapsed() < std::time::Duration::from_secs(8), "it waited for one that burns");
}

#[test]
fn a_main_that_ends_awaits_nobody() {
    let name = "a_main_that_ends_awaits_nobody";
    if is_child(name) {
        let ended = leaves::main() == ExitCode::SUCCESS;
        std::process::exit(if ended { 0 } else { 1 });
    }
    let _t = common::test();
    let ended = run(name);
    ended.assert_success();
    assert!(!ended.stderr.contains("unwound"), "{ended:#?}");
}
