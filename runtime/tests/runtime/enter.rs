//! Which runtime is the current one: entering and leaving, and what is said where there is none.

use crate::common::{self, Tally, panic_text, runtime};
use rt::sync::WaitGroup;
use std::time::Duration;

const NO_RUNTIME: &str = "there is no rt runtime here";

#[test]
fn enter_nests_in_threads() {
    let _t = common::test();
    let (one, two) = (runtime(1), runtime(2));
    assert!(rt::Handle::try_current().is_none());
    let (first, second) = (one.handle(), two.handle());
    {
        let _in_one = first.enter();
        assert_eq!(rt::procs(), 1);
        {
            let _in_two = second.enter();
            assert_eq!(rt::procs(), 2);
            assert_eq!(rt::spawn(rt::procs).join().unwrap(), 2);
        }
        assert_eq!(rt::spawn(rt::procs).join().unwrap(), 1);
    }
    assert!(rt::Handle::try_current().is_none());
}

#[test]
fn enter_nests_in_goroutines_and_stays_with_them() {
    let _t = common::test();
    let (one, two) = (runtime(1), runtime(2));
    let handle = two.handle();
    one.run(|| {
        assert_eq!(rt::procs(), 1);
        let entered = handle.enter();
        assert_eq!(rt::procs(), 2);
        assert_eq!(rt::spawn(rt::procs).join().unwrap(), 2);
        let scoped = rt::scope(|s| s.spawn(rt::procs).join().unwrap());
        assert_eq!(scoped, 2);
        rt::time::sleep(Duration::from_millis(1));
        assert_eq!(rt::procs(), 2);
        let back = rt::Handle::current();
        drop(entered);
        assert_eq!(rt::procs(), 1);
        assert_eq!(rt::spawn(rt::procs).join().unwrap(), 1);
        assert_eq!(back.run(rt::procs), 2);
        // One that ends without leaving does not leave it to the next.
        let handle = handle.clone();
        rt::spawn(move || std::mem::forget(handle.enter())).join().unwrap();
        for _ in 0..4 {
            assert_eq!(rt::spawn(rt::procs).join().unwrap(), 1);
        }
    });
}

#[test]
fn without_a_runtime_the_panic_says_what_to_do() {
    let _t = common::test();
    let says = |text: String| {
        assert!(text.starts_with(NO_RUNTIME), "{text}");
        assert!(text.contains("Handle::enter"), "{text}");
    };
    let tally = Tally::default();
    let token = tally.token();
    says(panic_text(|| rt::spawn(move || drop(token))));
    tally.assert_all_dropped();
    let token = tally.token();
    says(panic_text(|| rt::task::Builder::new().name("x").spawn(move || drop(token))));
    tally.assert_all_dropped();
    says(panic_text(|| rt::scope(|_| ())));
    says(panic_text(rt::procs));
    says(panic_text(rt::num_goroutines));
    says(panic_text(rt::Handle::current));
    let group = WaitGroup::new();
    says(panic_text(|| group.go(|| ())));
    group.wait();
}

#[test]
fn a_scope_whose_runtime_was_left_panics_and_ends() {
    let _t = common::test();
    let runtime = runtime(1);
    let handle = runtime.handle();
    let entered = handle.enter();
    let text = panic_text(|| {
        rt::scope(|s| {
            drop(entered);
            s.spawn(|| ());
        });
    });
    assert!(text.starts_with(NO_RUNTIME), "{text}");
}
