//! The biased lock under loom: whoever holds it is alone, and sees what those before it did.
//!
//! A lock favours after two times in a row here, and both barriers are full fences, which is what
//! the kernel makes of the pair.
//!
//! Broken on purpose, and noticed: no second look at the favourite after `busy`; no light barrier;
//! no heavy barrier; no wait for the favourite; F1 or F4 Relaxed.

use super::{BiasedLock, Holder};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

#[derive(Debug)]
struct Shared {
    lock: BiasedLock,
    value: UnsafeCell<u32>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { lock: BiasedLock::new(), value: UnsafeCell::new(0) })
    }

    fn bump(&self, me: Option<&'static Holder>) {
        let entry = self.lock.lock(me);
        // SAFETY: the cell itself checks that nobody else is there.
        self.value.with_mut(|value| unsafe { *value += 1 });
        self.lock.unlock(entry);
    }

    fn bump_by_word(&self, me: Option<&'static Holder>) {
        let entry = self.lock.lock_word(me);
        // SAFETY: as above.
        self.value.with_mut(|value| unsafe { *value += 1 });
        self.lock.unlock(entry);
    }

    fn count(&self) -> u32 {
        let entry = self.lock.lock(None);
        // SAFETY: as above.
        let value = self.value.with(|value| unsafe { *value });
        self.lock.unlock(entry);
        value
    }
}

#[test]
fn a_favourite_and_a_stranger() {
    loom::model(|| {
        let shared = Shared::new();
        let me = Holder::take();
        // The favourite from here on.
        shared.bump(Some(me));
        shared.bump(Some(me));
        shared.bump(Some(me));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.bump(None))
        };
        shared.bump(Some(me));
        other.join().unwrap();
        assert_eq!(shared.count(), 5);
    });
}

#[test]
fn two_that_may_be_favoured() {
    loom::model(|| {
        let shared = Shared::new();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let me = Holder::take();
                shared.bump(Some(me));
                shared.bump(Some(me));
                shared.bump(Some(me));
            })
        };
        let me = Holder::take();
        shared.bump(Some(me));
        shared.bump(Some(me));
        other.join().unwrap();
        assert_eq!(shared.count(), 5);
    });
}

#[test]
fn the_favourite_by_the_word() {
    loom::model(|| {
        let shared = Shared::new();
        let me = Holder::take();
        shared.bump(Some(me));
        shared.bump(Some(me));
        shared.bump(Some(me));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.bump(Some(Holder::take())))
        };
        shared.bump_by_word(Some(me));
        shared.bump(Some(me));
        other.join().unwrap();
        assert_eq!(shared.count(), 6);
    });
}

/// Who takes the lock back may see that the favourite is busy with another one by now.
#[test]
fn the_favourite_goes_on_to_another_lock() {
    loom::model(|| {
        let locks = [Shared::new(), Shared::new()];
        let me = Holder::take();
        for lock in &locks {
            (0..3).for_each(|_| lock.bump(Some(me)));
        }
        let other = {
            let lock = Arc::clone(&locks[0]);
            thread::spawn(move || lock.bump(None))
        };
        locks.iter().for_each(|lock| lock.bump(Some(me)));
        other.join().unwrap();
        assert_eq!(locks.each_ref().map(|lock| lock.count()), [5, 4]);
    });
}
