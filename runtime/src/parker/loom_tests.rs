//! The park word under loom.
//!
//! The goroutine is a state machine whose stack is a loom cell: whoever resumes it while somebody
//! else may still be on it, or does not see what the last one left there, fails the model. Who finds
//! it parked runs it on the spot, so that nothing but the word orders the two.
//!
//! What the waiter waits for is stored Relaxed: that it is seen, too, is owed to the word.
//!
//! Broken on purpose, and noticed: a `notify` that exchanges nothing when there is a token that was not
//! taken; any of the orderings Relaxed; a sleep that is over and leaves ASLEEP behind; a `let_go` that always goes back to PARKED; one that says so when a token
//! has come.

use super::{Hold, LetGo, ParkWord, Woke};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use std::time::Instant;

/// A goroutine that waits until `events` have come, one from each notifier.
struct Goroutine {
    word: ParkWord,
    events: [AtomicU32; 2],
    stack: UnsafeCell<Stack>,
}

#[derive(Default)]
struct Stack {
    resumed: u32,
    looks: u32,
    done: bool,
}

impl Goroutine {
    fn new() -> Self {
        Self {
            word: ParkWord::new(),
            events: [AtomicU32::new(0), AtomicU32::new(0)],
            stack: UnsafeCell::new(Stack::default()),
        }
    }

    fn all_there(&self) -> bool {
        self.events.iter().all(|event| event.load(Ordering::Relaxed) != 0)
    }

    /// g0: resumes it until it has ended or is parked.
    fn run(&self) {
        loop {
            if self.step() || self.word.suspend() {
                return;
            }
        }
    }

    /// On its stack: from where it waits to where it waits again. `true`: it has ended.
    fn step(&self) -> bool {
        self.stack.with_mut(|stack| {
            // SAFETY: the cell itself checks that nobody else is on the stack.
            let stack = unsafe { &mut *stack };
            if stack.resumed > 0 {
                self.word.take();
            }
            stack.resumed += 1;
            assert!(!stack.done, "resumed after its end");
            stack.done = self.all_there();
            stack.done
        })
    }

    fn notify(&self, event: usize) {
        self.events[event].store(1, Ordering::Relaxed);
        match self.word.notify() {
            Woke::Goroutine => self.run(),
            Woke::Nobody => {}
            Woke::Thread => panic!("no thread sleeps here"),
        }
    }

    /// From outside: looks at it, if it is parked. What it finds stays as it is while it looks.
    fn look(&self) {
        if self.word.hold() != Hold::Held {
            return;
        }
        // As the real look, it leaves something on the stack.
        self.stack.with_mut(|stack| {
            // SAFETY: the cell itself checks that nobody else is on the stack.
            let stack = unsafe { &mut *stack };
            assert!(!stack.done, "parked after its end");
            stack.looks += 1;
        });
        if self.word.let_go() == LetGo::Notified {
            self.run();
        }
    }

    fn is_done(&self) -> bool {
        // SAFETY: the cell itself checks that nobody is on the stack.
        self.stack.with(|stack| unsafe { (*stack).done })
    }
}

#[test]
fn two_notifiers_and_a_goroutine() {
    loom::model(|| {
        let g = Arc::new(Goroutine::new());
        let notifiers = [0, 1].map(|event| {
            let g = Arc::clone(&g);
            thread::spawn(move || g.notify(event))
        });
        g.run();
        for notifier in notifiers {
            notifier.join().unwrap();
        }
        assert!(g.is_done(), "a wake-up was lost");
    });
}

#[test]
fn two_notifiers_and_one_who_looks() {
    loom::model(|| {
        let g = Arc::new(Goroutine::new());
        let notifiers = [0, 1].map(|event| {
            let g = Arc::clone(&g);
            thread::spawn(move || g.notify(event))
        });
        g.run();
        g.look();
        for notifier in notifiers {
            notifier.join().unwrap();
        }
        assert!(g.is_done(), "a wake-up was lost");
    });
}

/// One of them may find that the other holds it.
#[test]
fn a_notifier_and_two_who_look() {
    loom::model(|| {
        let g = Arc::new(Goroutine::new());
        g.events[0].store(1, Ordering::Relaxed);
        let others = [Goroutine::look, |g: &Goroutine| g.notify(1)].map(|f: fn(&Goroutine)| {
            let g = Arc::clone(&g);
            thread::spawn(move || f(&g))
        });
        g.run();
        g.look();
        for other in others {
            other.join().unwrap();
        }
        assert!(g.is_done(), "a wake-up was lost");
    });
}

/// Wake-ups that outlive their cause: the goroutine is gone from its first wait when they come.
#[test]
fn late_wake_ups_are_spurious() {
    loom::model(|| {
        let g = Arc::new(Goroutine::new());
        let late = {
            let g = Arc::clone(&g);
            thread::spawn(move || {
                g.notify(0);
                // For nothing.
                if g.word.notify() == Woke::Goroutine {
                    g.run();
                }
            })
        };
        let other = {
            let g = Arc::clone(&g);
            thread::spawn(move || g.notify(1))
        };
        g.run();
        late.join().unwrap();
        other.join().unwrap();
        assert!(g.is_done(), "a wake-up was lost");
    });
}

/// What is written before the wake-up is seen by who takes the token, without a look at anything
/// but the token.
#[test]
fn a_token_publishes() {
    loom::model(|| {
        let shared = Arc::new((ParkWord::new(), UnsafeCell::new(0)));
        let notifier = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: the cell itself checks.
                shared.1.with_mut(|value| unsafe { *value = 7 });
                let _ = shared.0.notify();
            })
        };
        while !shared.0.take() {
            thread::yield_now();
        }
        // SAFETY: the cell itself checks.
        assert_eq!(shared.1.with(|value| unsafe { *value }), 7);
        notifier.join().unwrap();
    });
}

/// A thread that sleeps, for `deadline` the first time.
fn sleeper(deadline: Option<Instant>) {
    let shared = Arc::new((ParkWord::new(), [AtomicU32::new(0), AtomicU32::new(0)]));
    let notifiers = [0, 1].map(|event: usize| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.1[event].store(1, Ordering::Relaxed);
            assert_ne!(shared.0.notify(), Woke::Goroutine);
        })
    });
    let mut deadline = deadline;
    while shared.1.iter().any(|event| event.load(Ordering::Relaxed) == 0) {
        // A lost wake-up is a loop without end here, which loom reports.
        shared.0.sleep(deadline.take());
    }
    for notifier in notifiers {
        notifier.join().unwrap();
    }
}

#[test]
fn two_notifiers_and_a_thread() {
    loom::model(|| sleeper(None));
}

#[test]
fn two_notifiers_and_a_thread_that_gives_up_first() {
    loom::model(|| sleeper(Some(Instant::now())));
}

/// Its time is up, or it is woken: either way it does not sleep, and the word may be another's, who parks there.
#[test]
fn who_gives_up_is_awake() {
    loom::model(|| {
        let word = Arc::new(ParkWord::new());
        let notifier = {
            let word = Arc::clone(&word);
            thread::spawn(move || _ = word.notify())
        };
        word.sleep(Some(Instant::now()));
        assert!(!word.is_asleep(), "it has left its state behind");
        notifier.join().unwrap();
    });
}
