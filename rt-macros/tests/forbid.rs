//! All macros in a crate that forbids what they might allow for themselves: an `#[allow]` of theirs would be an error there.
#![deny(warnings, clippy::pedantic)]
#![forbid(
    unsafe_code,
    missing_docs,
    dead_code,
    unused_assignments,
    unused_braces,
    unused_imports,
    unused_must_use,
    unused_mut,
    unused_parens,
    unused_qualifications,
    unused_unsafe,
    unused_variables,
    unreachable_code,
    unreachable_pub,
    let_underscore_drop,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_copy,
    clippy::let_unit_value,
    clippy::needless_borrow,
    clippy::shadow_unrelated,
    clippy::unwrap_used
)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rt::any::Dyn;
use rt::chan::Chan;
use rt::{defer, defer_call, go, goroutine_local, panic, select, type_switch};

goroutine_local! {
    /// How often.
    pub static TIMES: std::cell::Cell<u32> = std::cell::Cell::new(0);
}

/// Two of one name.
struct Counter(AtomicU32);

impl Counter {
    fn add(&self, n: u32) -> u32 {
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }

    fn grow(&mut self) -> u32 {
        *self.0.get_mut() += 1;
        self.add(0)
    }
}

#[rt::test]
fn go_in_all_its_forms() {
    let counter = Arc::new(Counter(AtomicU32::new(0)));
    assert_eq!(go!(counter.clone().add(2)).join().ok(), Some(2));
    assert_eq!(go!(Counter(AtomicU32::new(7)).grow()).join().ok(), Some(8));
    assert_eq!(go!(u32::max(1, 2)).join().ok(), Some(2));
    assert_eq!(go!((|x: u32| x + 1)(2)).join().ok(), Some(3));
    assert_eq!(go!({ counter.add(1) }).join().ok(), Some(3));
    let ch = Chan::new(1);
    go!(ch, mut n = 1_u32 => { n += 1; ch.send(n) }).join().ok();
    assert_eq!(go!(move || ch.recv()).join().ok(), Some(Some(2)));
}

#[rt::test]
fn defer_in_all_its_forms() {
    let counter = Counter(AtomicU32::new(0));
    {
        defer! { counter.add(1); }
        defer_call!(counter.add(2));
        defer_call!(std::convert::identity(&counter).add(3));
        defer_call!(drop(counter.add(4)));
    }
    panic::frame(|f| {
        let mut own = Counter(AtomicU32::new(1));
        own.grow();
        defer_call!(f => own.grow());
    });
    assert_eq!(counter.add(0), 10);
}

#[rt::test]
fn select_in_all_its_forms() {
    let (a, b) = (Chan::new(1), Chan::new(1));
    let mut slot = Some(5);
    select! { send(a, 1) => {}, recv(b) => unreachable!() }
    select! { biased; recv(a) -> n => assert_eq!(n, Some(1)), send_from(b, &mut slot) => {} }
    let got = select! { recv(a) -> n => n, default(std::time::Duration::ZERO) => Some(3) };
    assert_eq!(got, Some(3));
    select! { recv(a) => {}, default => TIMES.with(|times| times.set(1)) }
    select! { recv(a) -> _got => {}, send(b, 1) -> _sent => {}, default => {} }
}

#[rt::test]
fn type_switch_in_all_its_forms() {
    for (x, expected) in
        [(Dyn::new(1_u8), 1), (Dyn::new(true), 2), (Dyn::nil(), 3), (Dyn::new("x"), 4)]
    {
        let arm = type_switch! { v = x; u8 => *v, i32 | bool => 2, nil => 3, _ => 4 };
        assert_eq!(arm, expected);
        let unused = type_switch! { _v = x; u8 => 1, i32 | bool => 2, nil => 3, _ => 4 };
        assert_eq!(unused, expected);
        let unnamed = type_switch! { x; u8 => 1, bool => 2, nil => 3, _ => 4 };
        assert_eq!(unnamed, expected);
    }
}

mod main {
    #[rt::main(procs = 1)]
    pub(super) fn main() -> Result<(), Box<dyn super::Error>> {
        "5".parse::<u32>()?;
        Ok(())
    }
}

#[rt::test]
fn a_main() -> Result<(), Box<dyn Error>> {
    let main: fn() -> std::process::ExitCode = main::main;
    let code = format!("{main:p}");
    u64::from_str_radix(&code[2..], 16)?;
    Ok(())
}
