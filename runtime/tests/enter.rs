//! Entering runtimes: which one counts, whatever the order in which they are left.

use rt::{Handle, Runtime};

/// Tells runtimes apart by their numbers of processors.
fn runtimes() -> [Runtime; 3] {
    [1, 2, 3].map(|procs| Runtime::builder().procs(procs).build().unwrap())
}

fn current() -> Option<usize> {
    let current = Handle::try_current().map(|handle| handle.metrics().procs.len());
    // What `spawn` takes is what `try_current` says.
    assert!(current.is_none_or(|procs| rt::spawn(rt::procs).join().unwrap() == procs));
    current
}

fn leave_in_every_order() {
    let runtimes = runtimes();
    let own = current();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let handles = runtimes.each_ref().map(Runtime::handle);
        let mut guards = handles.each_ref().map(|handle| Some(handle.enter()));
        for left in order {
            let last = guards.iter().rposition(Option::is_some);
            assert_eq!(current(), last.map(|n| n + 1), "{order:?}");
            guards[left] = None;
        }
        assert_eq!(current(), own, "{order:?}");
    }
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    leave_in_every_order();
    Runtime::builder().procs(4).build().unwrap().run(leave_in_every_order);
}

#[test]
fn one_entered_anew_is_left_by_its_own_guard() {
    let runtimes = runtimes();
    let handles = runtimes.each_ref().map(Runtime::handle);
    let first = handles[0].enter();
    let second = handles[1].enter();
    drop(first);
    let third = handles[2].enter();
    drop(second);
    assert_eq!(current(), Some(3));
    drop(third);
    assert_eq!(current(), None);
}
