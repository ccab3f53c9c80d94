//! What only a running stack or a process of its own shows.

use corosensei::stack::Stack as _;

use super::*;

#[test]
fn smoke() {
    let class = Class::for_size(256 << 10).unwrap();
    let mut out = Vec::new();
    assert_eq!(take(class, 100, &mut out).unwrap(), 100);
    assert!(out[0].base().get() > out[0].limit().get());
    give(out);
}
