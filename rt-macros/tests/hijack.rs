//! Nothing that is in scope where a macro stands gets between it and what it means: no method of a blanket trait of the user's that
//! takes everything by value, and no constant or static, which a pattern of the same name would mean.
#![deny(warnings)]
#![allow(dead_code, clippy::wrong_self_convention, reason = "such a trait is what is tested")]

use rt::any::Dyn;
use rt::chan::Chan;
use rt::{select, type_switch};

/// The plain names that methods of the macros' might have.
trait Everything: Sized {
    fn arm(self) -> &'static str {
        "yours"
    }
    fn finish(self) {}
    fn peel(self) {}
    fn subject(self) {}
    fn is_none(self) {}
    fn is_some(self) {}
}

impl<T> Everything for T {}

#[rt::test]
fn a_blanket_trait_is_in_nobodys_way() {
    assert_eq!(5.arm(), "yours");
    let ch = Chan::new(1);
    select! { send(ch, 1) => {}, default => panic!("there is room") }
    select! { recv(ch) -> got => assert_eq!(got, Some(1)), default => panic!("it is there") }
    let mut slot = Some(2);
    select! { send_from(ch, &mut slot) => {} }
    assert_eq!(ch.recv(), Some(2));

    for (x, expected) in [(Dyn::new(1_u8), 1), (Dyn::new(2_i32), 2), (Dyn::nil(), 3)] {
        let arm = type_switch! { v = x; u8 => i32::from(*v), i32 | i64 => 2, nil => 3, _ => 4 };
        assert_eq!(arm, expected);
    }
}

/// The names that locals of the macros' might have, as C calls its things.
mod lower_case {
    #![allow(
        non_upper_case_globals,
        non_camel_case_types,
        reason = "such names are what is tested"
    )]

    use rt::any::Dyn;
    use rt::chan::Chan;
    use rt::{defer, defer_call, go, select, type_switch};
    use std::time::Duration;

    static chosen: u8 = 1;
    const result: u8 = 2;
    const c0: u8 = 3;
    struct c1;
    static wait: u8 = 4;
    const operand: u8 = 5;
    static subject: u8 = 6;
    struct look;
    const value: u8 = 7;
    const case: u8 = 8;
    static _deferred: u8 = 9;
    const deferred: u8 = 10;
    const frame: u8 = 11;
    const f: u8 = 12;
    const receiver: u8 = 13;
    const text: u8 = 14;

    #[rt::test]
    fn items_are_in_nobodys_way() {
        let ch = Chan::new(1);
        let got = select! { recv(ch) -> got => got, send(ch, chosen) -> () => None, default(Duration::from_secs(60)) => None };
        assert_eq!(got, None);
        select! { recv(ch) -> got => assert_eq!(got, Some(1)), default => panic!("it is there") }
        let mut slot = Some(result + c0);
        select! { send_from(ch, &mut slot) -> () => {} }
        assert_eq!(ch.recv(), Some(5));

        let x = Dyn::new(wait);
        assert_eq!(type_switch! { v = x; nil => 0, u16 | dyn Send => 1, u8 => *v, _ => 2 }, 4);

        let sum = u8::saturating_add;
        assert_eq!(go!(sum(operand, subject)).join().ok(), Some(11));
        assert_eq!(go!(value.max(case)).join().ok(), Some(8));
        defer! { assert_eq!(_deferred + deferred, 19) }
        defer_call!(sum(frame, f));
        defer_call!(receiver.max(text));
        defer_call!(print!("{text}"));
    }
}
