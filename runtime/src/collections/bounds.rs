//! The bounds of slicing, and what Go says when they are wrong.

#![forbid(unsafe_code)]

use std::ops::{Bound, RangeBounds};

/// What a slicing expression may reach up to: Go names it in its message.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// A slice can be extended up to its capacity.
    Capacity(usize),
    Length(usize),
}

/// `i` and `j` of `[i:j]`, as given by any form of range; `len` is where it ends if it does not say.
///
/// # Panics
/// If they are out of order, or `j` is beyond the limit.
#[track_caller]
#[inline]
pub(super) fn resolve(range: impl RangeBounds<usize>, len: usize, limit: Limit) -> (usize, usize) {
    let from = match range.start_bound() {
        Bound::Included(&i) => i,
        Bound::Excluded(&i) => after(i),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(&j) => after(j),
        Bound::Excluded(&j) => j,
        Bound::Unbounded => len,
    };
    match limit {
        Limit::Capacity(most) if to > most => {
            panic!("slice bounds out of range [:{to}] with capacity {most}")
        }
        Limit::Length(most) if to > most => {
            panic!("slice bounds out of range [:{to}] with length {most}")
        }
        _ if from > to => panic!("slice bounds out of range [{from}:{to}]"),
        _ => (from, to),
    }
}

#[track_caller]
fn after(bound: usize) -> usize {
    match bound.checked_add(1) {
        Some(next) => next,
        None => panic!("slice bounds out of range [:{}]", bound as u128 + 1),
    }
}

/// # Panics
/// If it is not `i <= j <= k <= cap`.
#[track_caller]
pub(super) fn resolve3(i: usize, j: usize, k: usize, cap: usize) {
    if k > cap {
        panic!("slice bounds out of range [::{k}] with capacity {cap}");
    }
    if j > k {
        panic!("slice bounds out of range [:{j}:{k}]");
    }
    if i > j {
        panic!("slice bounds out of range [{i}:{j}:]");
    }
}

/// # Panics
/// If there is no such element.
#[track_caller]
#[inline]
pub(super) fn check(index: usize, len: usize) {
    if index >= len {
        out_of_range(index, len);
    }
}

#[cold]
#[track_caller]
fn out_of_range(index: usize, len: usize) -> ! {
    panic!("index out of range [{index}] with length {len}");
}
