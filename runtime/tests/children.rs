//! What the tests share, itself: a test that runs again in a process of its own does so under its own name, or fails.

mod common;

use common::{apart, child, is_child, panic_text, run};

/// What `f` panics with on a thread of that name. One without a name is as the one that all tests have, where they have one.
fn on_a_thread(name: Option<&str>, f: impl FnOnce() + Send + 'static) -> String {
    let thread = std::thread::Builder::new();
    let thread = name.map(str::to_owned).into_iter().fold(thread, std::thread::Builder::name);
    thread.spawn(|| panic_text(f)).unwrap().join().unwrap()
}

#[test]
fn a_name_that_no_test_has_fails() {
    let text = on_a_thread(None, || drop(run(child("no_such_test"))));
    assert!(text.contains("no test has that name") && text.contains("no_such_test"), "{text}");
    let text = on_a_thread(None, || apart("no_such_test", |_| {}));
    assert!(text.contains("no test has that name") && text.contains("no_such_test"), "{text}");
}

#[test]
fn the_name_of_another_test_fails() {
    let text = on_a_thread(Some("one"), || apart("another", |_| {}));
    assert!(text.contains("a child (left) runs the test that starts it (right)"), "{text}");
    assert!(text.contains("left: \"another\"") && text.contains("right: \"one\""), "{text}");
}

#[test]
fn a_child_that_does_not_know_itself_fails() {
    const NAME: &str = "a_child_that_does_not_know_itself_fails";
    if is_child(NAME) {
        let text = panic_text(|| child(NAME));
        assert!(text.contains("it has not found out that it is one"), "{text}");
        return;
    }
    let _t = common::test();
    run(child(NAME)).assert_success();
}
