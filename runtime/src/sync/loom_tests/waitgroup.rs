//! Who is released by which end, with the group used again at once.

use super::{Guarded, race};
use crate::sync::WaitGroup;
use std::time::Duration;

#[derive(Default)]
struct Work {
    wg: WaitGroup,
    done: [Guarded; 2],
}

fn work(count: isize) -> Work {
    let work = Work::default();
    work.wg.add(count);
    work
}

fn does_0(work: &Work) {
    work.done[0].add(1);
    work.wg.done();
}

fn does_1(work: &Work) {
    work.done[1].add(1);
    work.wg.done();
}

fn waits(work: &Work) {
    work.wg.wait();
}

fn ends(work: &Work) {
    work.wg.done();
}

fn waits_for_both(work: &Work) {
    work.wg.wait();
    assert_eq!(work.done.each_ref().map(Guarded::get), [1, 1]);
}

#[test]
fn what_was_done_is_seen() {
    race(|| work(2), [does_0, does_1, waits_for_both], |_| ());
}

#[test]
fn two_wait() {
    race(|| work(1), [waits, waits, ends], |_| ());
}

/// The count rises again before those who waited have been released: they are, and who
/// waits for the second end is released by that one alone.
#[test]
fn used_again_at_once() {
    fn ends_and_begins(work: &Work) {
        work.wg.done();
        work.wg.add(1);
        // It cannot be over before we are done.
        assert!(!work.wg.wait_timeout(Duration::ZERO));
        does_0(work);
    }
    race(
        || work(1),
        [ends_and_begins, waits],
        |work| {
            assert_eq!(work.done[0].get(), 1);
            work.wg.wait();
        },
    );
}

/// The third thread waits for the second end, while the first end is being done.
#[test]
fn a_late_release_takes_nobody_along() {
    fn second_end(work: &Work) {
        work.wg.add(1);
        // At least ours is missing.
        assert!(!work.wg.wait_timeout(Duration::ZERO));
        work.wg.done();
    }
    race(|| work(1), [second_end, ends, waits], |work| work.wg.wait());
}

#[test]
fn one_gives_up() {
    fn gives_up(work: &Work) {
        work.wg.wait_timeout(Duration::ZERO);
    }
    fn waits_for_0(work: &Work) {
        work.wg.wait();
        assert_eq!(work.done[0].get(), 1);
    }
    race(|| work(1), [gives_up, waits_for_0, does_0], |_| ());
}
