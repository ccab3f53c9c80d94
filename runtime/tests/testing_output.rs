//! What a user sees of panics in a `#[rt::test]`: what the harness shows of an ordinary test. Each scenario is a test that plays
//! in a process of its own, and only there.

use std::process::Command;

const CHILD: &str = "RT_TESTING_OUTPUT";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

mod scenario {
    fn swallowed() {
        println!("before");
        let panics = rt::spawn(|| panic!("expected"));
        assert!(panics.join().is_err());
        println!("after");
    }

    #[rt::test]
    fn passes() {
        if super::is_child() {
            swallowed();
        }
    }

    #[rt::test]
    fn fails() {
        if super::is_child() {
            swallowed();
            panic!("unexpected");
        }
    }

    #[rt::test(explore = 3)]
    fn fails_with_a_seed() {
        if super::is_child() {
            swallowed();
            panic!("unexpected");
        }
    }

    /// Without the hook, std's line is kept by the harness, and so is ours.
    #[test]
    fn a_runtime_in_a_plain_test() {
        if super::is_child() {
            rt::Runtime::builder().build().unwrap().run(swallowed);
        }
    }
}

mod shared {
    use std::sync::LazyLock;

    static RUNTIME: LazyLock<rt::Runtime> =
        LazyLock::new(|| rt::Runtime::builder().procs(1).build().unwrap());

    fn fails(what: &'static str) {
        if super::is_child() {
            assert!(RUNTIME.handle().spawn(move || panic!("{what} panics")).join().is_err());
            panic!("{what} ends");
        }
    }

    #[test]
    fn a_first() {
        fails("the first");
    }

    #[test]
    fn b_second() {
        fails("the second");
    }
}

/// What the harness says on its standard output, and what is said beside it, when it runs that test.
fn said(name: &str, options: &[&str]) -> (String, String) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name]).args(options);
    child.env(CHILD, "").env("RUST_BACKTRACE", "0").env_remove("RUST_TEST_NOCAPTURE");
    let output = child.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// `words` are there, in this order.
#[track_caller]
fn in_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let Some((_, behind)) = rest.split_once(word) else { panic!("{word:?} in {text}") };
        rest = behind;
    }
}

#[test]
fn a_test_that_passes_says_nothing() {
    let (out, err) = said("scenario::passes", &[]);
    assert_eq!(err, "");
    assert!(out.contains("scenario::passes ... ok") && !out.contains("expected"), "{out}");
    // A sibling's hook, or none.
    for siblings in [&["scenario::passes"][..], &[]] {
        let name = "scenario::a_runtime_in_a_plain_test";
        let (out, err) = said(name, siblings);
        assert_eq!(err, "");
        assert!(out.contains(&format!("{name} ... ok")), "{out}");
    }
}

#[test]
fn a_test_that_fails_shows_its_reports_in_their_places_under_its_name() {
    let words = [
        "---- scenario::fails stdout ----\nbefore\ngoroutine ",
        " panicked at runtime/tests/testing_output.rs:",
        ": expected\n    spawned at ",
        "\nafter\ngoroutine 1 'scenario::fails' panicked at runtime/tests/testing_output.rs:",
        ": unexpected\n    spawned at ",
    ];
    for options in [&[][..], &["--test-threads=1"]] {
        let (out, err) = said("scenario::fails", options);
        assert_eq!(err, "");
        in_order(&out, &words);
        assert_eq!(out.matches(": unexpected").count(), 1, "{out}");
    }
    let (out, err) = said("scenario::fails_with_a_seed", &[]);
    assert_eq!(err, "");
    let (name, seed) = ("'scenario::fails_with_a_seed' panicked", "rt: seed 0 fails (schedule 1");
    in_order(&out, &[": expected\n", "after\ngoroutine ", name, ": unexpected\n", seed]);
}

#[test]
fn what_the_harness_does_not_keep_goes_to_standard_error_as_ever() {
    for option in ["--nocapture", "--no-capture"] {
        let (_, err) = said("scenario::passes", &[option]);
        in_order(&err, &["goroutine ", ": expected\n    spawned at "]);
    }
}

/// As the docs of `rt::testing` say, and as it is of any threads that tests share: what std would have to change.
#[test]
fn a_runtime_that_outlives_its_test_reports_to_that() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["shared::", "--test-threads=1"]).env(CHILD, "").env("RUST_BACKTRACE", "0");
    let output = child.env_remove("RUST_TEST_NOCAPTURE").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let (first, second) = ("---- shared::a_first stdout ----", "---- shared::b_second stdout ----");
    in_order(&out, &[first, "the first panics", "the first ends", second, "the second ends"]);
    assert!(!out.contains("the second panics"), "{out}");
}
