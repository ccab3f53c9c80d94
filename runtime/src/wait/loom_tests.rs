//! A signal and who waits, under loom. Who is not woken waits for ever, which loom reports.
//!
//! Broken on purpose, and noticed: a raise that wakes nobody; `arm` that does not look under the lock; who leaves and stays listed; a
//! signal that is raised twice.

use super::{Cancel, ContextError, Sealed, Signal, Until, Why};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

struct Source(Signal);

impl Source {
    fn new() -> Arc<Self> {
        Arc::new(Self(Signal::new(None)))
    }

    fn raise(&self) {
        if self.0.set(1) {
            self.0.release();
        }
    }

    /// Waits as a room does.
    fn wait(&self, why: Why, come: impl Fn() -> bool) -> Result<bool, ContextError> {
        super::bounded(self, |until: Until<'_>| {
            super::with(|slot| {
                loop {
                    if come() {
                        return true;
                    }
                    if until.is_over() {
                        return false;
                    }
                    super::rest(slot, why, until);
                }
            })
        })
    }
}

impl Cancel for Source {
    fn err(&self) -> Option<ContextError> {
        (self.0.code() != 0).then_some(ContextError::Canceled)
    }
}

impl Sealed for Source {
    fn signal(&self) -> Option<&Signal> {
        Some(&self.0)
    }
}

#[test]
fn who_waits_is_woken() {
    loom::model(|| {
        let source = Source::new();
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let source = source.clone();
                thread::spawn(move || source.wait(Why::Sleep, || false))
            })
            .collect();
        source.raise();
        for waiting in waiting {
            assert!(matches!(waiting.join().unwrap(), Ok(false) | Err(ContextError::Canceled)));
        }
    });
}

/// What it waits for comes, and it leaves, while the signal is raised.
#[test]
fn who_leaves_is_not_woken() {
    loom::model(|| {
        let source = Source::new();
        let come = Arc::new(AtomicBool::new(false));
        let waiting = {
            let (source, come) = (source.clone(), come.clone());
            thread::spawn(move || {
                let first = source.wait(Why::Sleep, || come.load(Ordering::Acquire));
                let second = source.wait(Why::Sleep, || false);
                (first, second)
            })
        };
        let comes = thread::spawn(move || come.store(true, Ordering::Release));
        source.raise();
        comes.join().unwrap();
        let (_, second) = waiting.join().unwrap();
        assert_ne!(second, Ok(true));
    });
}

/// What it waits for comes, and the signal is never raised.
#[test]
fn who_has_left_is_not_listed() {
    loom::model(|| {
        let source = Source::new();
        let word = Arc::new((AtomicBool::new(false), loom::sync::Mutex::new(None)));
        let comes = {
            let word = word.clone();
            thread::spawn(move || {
                word.0.store(true, Ordering::Release);
                let slot = *word.1.lock().unwrap();
                slot.into_iter().for_each(super::wake);
            })
        };
        let waited = super::bounded(&*source, |until: Until<'_>| {
            super::with(|slot| {
                *word.1.lock().unwrap() = Some(slot);
                while !word.0.load(Ordering::Acquire) {
                    super::rest(slot, Why::Sleep, until);
                }
            })
        });
        assert_eq!(waited, Ok(()));
        comes.join().unwrap();
        assert!(source.0.is_idle(), "it stands on the list, and lies on no stack");
    });
}

/// Two who raise: the first does.
#[test]
fn it_is_raised_once() {
    loom::model(|| {
        let source = Source::new();
        let other = {
            let source = source.clone();
            thread::spawn(move || {
                let _ = source.0.set(1);
                source.0.code()
            })
        };
        let _ = source.0.set(2);
        assert_eq!(source.0.code(), other.join().unwrap());
    });
}
