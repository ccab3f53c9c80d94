//! A blanket trait of the user's, with methods that take everything by value, gets between the macros and no method of theirs.
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
