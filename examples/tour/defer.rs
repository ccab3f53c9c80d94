//! The rules of `defer`. Operands are evaluated now, the call runs later, the last one first, after the result is set, which
//! it may change.
//!
//! ```text
//! == defer: later, and in what order
//! deferFuncParameter: 1
//! deferFuncReturn: 2
//! 3210
//! at the end of the scope
//! of now: 1
//! of then: 0
//! ```

use rt::{defer, defer_call, panic};

/// What a deferred call is given is what it was then.
fn parameter() {
    let mut i = 1;
    defer_call!(println!("deferFuncParameter: {i}"));
    i += 1;
    assert_eq!(i, 2);
}

/// Go's `func deferFuncReturn() (result int) { i := 1; defer func() { result++ }(); return i }`
fn returned() -> i32 {
    panic::frame_named(0, |f| {
        let i = 1;
        f.defer(|u| *u.result += 1);
        i
    })
}

/// In a loop: what a frame defers waits for the end of the frame, not of the turn.
fn order() {
    panic::frame(|f| {
        f.defer(|_| println!());
        for i in 0..4 {
            defer_call!(f => print!("{i}"));
        }
    });
}

/// `defer!` is for a scope, and borrows what it uses.
fn scope() {
    let mut n = 0;
    {
        defer_call!(println!("of then: {n}"));
        n += 1;
        defer! { println!("of now: {n}") }
        println!("at the end of the scope");
    }
}

pub(crate) fn run() {
    parameter();
    println!("deferFuncReturn: {}", returned());
    order();
    scope();
}
