//! The hand-over of items under loom: the `next` slot as it is, the deque by a stand-in that is
//! right by being a locked list.
//!
//! Broken on purpose, and noticed: `put_next` that stores over what is there; `put_next` without
//! Release, `take_next` without Acquire; `take_next` that loads and then stores null.

use super::{Global, Item, Local, Remote};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

#[derive(Clone, Copy)]
struct Id(NonZeroUsize);

impl Item for Id {
    fn into_word(self) -> NonNull<()> {
        NonNull::without_provenance(self.0)
    }
    unsafe fn from_word(word: NonNull<()>) -> Self {
        Self(word.addr())
    }
}

const ITEMS: usize = 4;

/// What the items stand for.
struct Things {
    written: [UnsafeCell<u32>; ITEMS],
    taken: [AtomicU32; ITEMS],
    remote: Remote<Id>,
}

impl Things {
    fn new() -> (Local<Id>, Arc<Self>) {
        let (local, remote) = Local::new(false);
        let things = Self {
            written: std::array::from_fn(|_| UnsafeCell::new(0)),
            taken: std::array::from_fn(|_| AtomicU32::new(0)),
            remote,
        };
        (local, Arc::new(things))
    }

    fn make(&self, index: usize) -> Id {
        // SAFETY: the cell itself checks.
        self.written[index].with_mut(|value| unsafe { *value = 1 });
        Id(NonZeroUsize::MIN.saturating_add(index))
    }

    fn take(&self, item: Option<Id>) -> bool {
        let Some(Id(id)) = item else { return false };
        let index = id.get() - 1;
        // SAFETY: the cell itself checks; a second taker would race with this one.
        self.written[index].with_mut(|value| unsafe { *value += 1 });
        self.taken[index].fetch_add(1, Ordering::Relaxed);
        true
    }

    fn all_taken_once(&self) {
        for (index, taken) in self.taken.iter().enumerate() {
            assert_eq!(taken.load(Ordering::Relaxed), 1, "item {index}");
        }
    }
}

#[test]
fn owner_and_thieves() {
    loom::model(|| {
        let (local, things) = Things::new();
        let halver = {
            let things = Arc::clone(&things);
            thread::spawn(move || {
                let (own, remote_of_own) = Local::new(false);
                things.take(own.steal_half(&things.remote));
                while things.take(own.pop(&remote_of_own)) {}
            })
        };
        let nexter = {
            let things = Arc::clone(&things);
            thread::spawn(move || {
                things.take(things.remote.take_next());
            })
        };
        for index in 0..ITEMS {
            if let Some(out) = things.remote.put_next(things.make(index)) {
                local.push(&things.remote, out);
            }
            if index == 1 {
                things.take(things.remote.take_next());
            }
        }
        things.take(local.pop(&things.remote));
        halver.join().unwrap();
        nexter.join().unwrap();
        while things.take(local.pop(&things.remote)) {}
        things.take(things.remote.take_next());
        things.all_taken_once();
    });
}

#[test]
fn two_thieves_and_one_next() {
    loom::model(|| {
        let (local, things) = Things::new();
        let thieves = [(); 2].map(|()| {
            let things = Arc::clone(&things);
            thread::spawn(move || {
                things.take(things.remote.take_next());
            })
        });
        for index in 0..ITEMS {
            if let Some(out) = things.remote.put_next(things.make(index)) {
                local.push(&things.remote, out);
            }
        }
        things.take(things.remote.take_next());
        for thief in thieves {
            thief.join().unwrap();
        }
        while things.take(local.pop(&things.remote)) {}
        things.all_taken_once();
    });
}

#[test]
fn shares_of_the_global_queue() {
    loom::model(|| {
        let (local, things) = Things::new();
        let global = Arc::new(Global::new());
        let other = {
            let (things, global) = (Arc::clone(&things), Arc::clone(&global));
            thread::spawn(move || {
                let (own, remote_of_own) = Local::new(false);
                things.take(global.pop_share(&own, &remote_of_own, 2));
                while things.take(own.pop(&remote_of_own)) {}
            })
        };
        for index in 0..ITEMS {
            global.push(things.make(index));
        }
        things.take(global.pop_share(&local, &things.remote, 2));
        other.join().unwrap();
        while things.take(local.pop(&things.remote)) || things.take(global.pop()) {}
        things.all_taken_once();
    });
}
