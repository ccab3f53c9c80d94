//! A deadline that is taken back while it comes: a heap with its `first` as they are.
//!
//! Broken on purpose, and noticed: an insertion that does not note the first; `cancel_wake` that gives up though its own is still the first.

use crate::carrier::{self, Slot};
use crate::sched::due::{Due, Sleeper};
use crate::sched::timers::Timers;
use loom::sync::Arc;
use loom::thread;

fn sleeper() -> (&'static Slot, Due) {
    carrier::with_thread_slot(|slot| (slot, Due::Wake(Sleeper::here(slot))))
}

/// Whether it is the one of `slot`.
fn is_of(due: Option<Due>, slot: &'static Slot) -> bool {
    matches!(due, Some(Due::Wake(sleeper)) if std::ptr::eq(sleeper.slot(), slot))
}

/// It comes, or is taken back: one of the two. Another one goes before, and is taken back, or comes.
fn model(before: u64) {
    loom::model(move || {
        let timers = Arc::new(Timers::new());
        let (slot, due) = sleeper();
        let key = timers.put(5, due);
        let (_, other) = sleeper();
        let earlier = timers.put(before, other);
        let fires = {
            let timers = Arc::clone(&timers);
            thread::spawn(move || [timers.pop(5)])
        };
        let cancels = {
            let timers = Arc::clone(&timers);
            thread::spawn(move || timers.cancel_wake(before, earlier))
        };
        let taken_back = is_of(timers.cancel_wake(5, key), slot);
        let fired = fires.join().unwrap();
        let other_taken_back = cancels.join().unwrap().is_some();
        let came = fired.iter().filter(|due| is_of(**due, slot)).count();
        assert_eq!(came + usize::from(taken_back), 1, "it came, and was taken back; or neither");
        let others = fired.iter().flatten().count() - came;
        assert_eq!(others + usize::from(other_taken_back), 1);
        assert!(timers.pop(5).is_none(), "it was said to have come");
    });
}

#[test]
fn an_earlier_one_is_there() {
    model(3);
}

#[test]
fn another_is_due_at_the_same_time() {
    model(5);
}
