//! `panic::frame`: a function as in Go, with what it defers. Deferred code sees the panic and may recover it;
//! the function then returns its result, and the program goes on.
//!
//! ```text
//! == recover: a panic that the program survives
//! 0
//! 2
//! attempt to divide by zero
//! 0
//! 4
//! on its way: attempt to divide by zero
//! caught: attempt to divide by zero
//! ```

use rt::panic;

fn cal(a: i32, b: i32) -> i32 {
    panic::frame(|f| {
        f.defer(|u| {
            if let Some(panic) = u.recover() {
                println!("{panic}");
            }
        });
        a / b
    })
}

/// Looks at the panic, and lets it go on.
fn watched(a: i32, b: i32) -> i32 {
    panic::frame(|f| {
        f.defer(|u| {
            if let Some(panic) = u.recover() {
                println!("on its way: {panic}");
                panic.resume();
            }
        });
        a / b
    })
}

pub(crate) fn run() {
    println!("{}", cal(1, 2));
    println!("{}", cal(5, 2));
    println!("{}", cal(5, 0));
    println!("{}", cal(9, 2));

    let caught = panic::catch(|| watched(5, 0)).unwrap_err();
    println!("caught: {caught}");
}
