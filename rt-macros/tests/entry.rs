//! `#[rt::test]`: what a test may return, and the attributes it stands with. `#[rt::main]` is in `main.rs`.
#![deny(warnings)]

use std::process::ExitCode;
use std::rc::Rc;

#[rt::test]
fn runs_in_a_goroutine() {
    assert_eq!(rt::go!({ 42 }).join().unwrap(), 42);
    assert!(rt::num_goroutines() >= 1);
}

#[rt::test]
fn returns_a_result() -> Result<(), std::num::ParseIntError> {
    assert_eq!("42".parse::<u32>()?, 42);
    Ok(())
}

#[rt::test]
fn returns_an_exit_code() -> ExitCode {
    ExitCode::SUCCESS
}

#[rt::test]
fn returns_an_error_that_is_not_send() -> Result<(), Rc<str>> {
    Ok(())
}

#[rt::test]
fn returns_something_unnamed() -> impl std::process::Termination {
    #![allow(unused_variables, reason = "shows that inner attributes stay inside")]
    let unused = 1;
}

#[rt::test(procs = 2, stack_size = 256 * 1024)]
fn takes_options() {
    assert_eq!(rt::procs(), 2);
}

const PROCS: usize = 3;

#[rt::test(procs = PROCS)]
fn takes_any_expression() {
    assert_eq!(rt::procs(), PROCS);
}

#[rt::test]
#[should_panic(expected = "on purpose")]
fn should_panic_sees_the_panic() {
    panic!("on purpose");
}

#[rt::test]
#[cfg_attr(all(), should_panic)]
fn should_panic_behind_a_cfg_attr() {
    panic!("on purpose");
}

#[rt::test]
#[ignore = "shows that the attribute is kept"]
fn ignored() {
    unreachable!();
}

#[rt::test]
#[cfg(any())]
fn never_compiled() {
    this_does_not_exist();
}
