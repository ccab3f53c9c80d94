//! What is dropped when: each thing once, on every path, and drops that panic harm nobody.

use crate::common::{
    self, Tally, Token, eventually, eventually_yielding, fail, panic_text, runtime, text_of,
};
use rt::chan::Chan;
use std::panic::AssertUnwindSafe;
use std::thread;

/// Closures and results are dropped once, on every path.
#[test]
fn drops_are_exact() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let tally = Tally::default();
        runtime.run(|| {
            // Joined: the closure has gone before the value comes.
            let (captured, result) = (tally.token(), tally.token());
            let handle = rt::spawn(move || {
                let _captured = &captured;
                result
            });
            let result = handle.join().unwrap();
            assert_eq!(tally.dropped(), 1);
            drop(result);
            tally.assert_all_dropped();
            // Detached before the end, and after.
            for wait in [false, true] {
                let (captured, result) = (tally.token(), tally.token());
                let handle = rt::spawn(move || {
                    let _captured = captured;
                    result
                });
                if wait {
                    eventually_yielding("it ends", || handle.is_finished());
                    assert_eq!(tally.made() - tally.dropped(), 1);
                }
                drop(handle);
                eventually_yielding("all dropped", || tally.dropped() == tally.made());
            }
            // Ended by a panic.
            let captured = tally.token();
            let payload = tally.token();
            let handle = rt::spawn(move || {
                let _captured = captured;
                fail(payload)
            });
            let error = handle.join().unwrap_err();
            assert_eq!(tally.made() - tally.dropped(), 1);
            drop(error);
            tally.assert_all_dropped();
            // A panic that nobody joins.
            let payload = tally.token();
            drop(rt::spawn(move || fail(payload)).task());
            eventually_yielding("all dropped", || tally.dropped() == tally.made());
        });
        // Values that nobody has fetched when the runtime ends: the handles have them.
        let token = tally.token();
        let handle = runtime.handle().spawn(move || token);
        eventually("it ends", || handle.is_finished());
        drop(runtime);
        assert_eq!(tally.made() - tally.dropped(), 1);
        drop(handle.join().unwrap());
        tally.assert_all_dropped();
    }
}

/// `f`, once the next value has come from `gate`.
fn after<T, F: FnOnce() -> T>(gate: &Chan<()>, f: F) -> impl FnOnce() -> T + use<T, F> {
    let gate = gate.clone();
    move || {
        gate.recv().unwrap();
        f()
    }
}

/// Panics when it is dropped, unless that would abort the process.
struct Bomb {
    _token: Token,
}

fn bomb(tally: &Tally) -> Bomb {
    Bomb { _token: tally.token() }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            fail("bomb")
        }
    }
}

#[test]
fn a_panicking_drop_harms_nobody() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let tally = Tally::default();
        let detached = Chan::new(0);
        let all_gone = || eventually_yielding("all dropped", || tally.dropped() == tally.made());
        runtime.run(|| {
            // A result that the runtime drops: the goroutine ends after its handle has gone, or
            // the panic would be the handle's dropper's.
            let explodes = bomb(&tally);
            drop(rt::spawn(after(&detached, move || explodes)));
            detached.send(());
            all_gone();
            // A result that the handle drops: the panic is the dropper's.
            let explodes = bomb(&tally);
            let handle = rt::spawn(move || explodes);
            eventually_yielding("it ends", || handle.is_finished());
            assert_eq!(panic_text(|| drop(handle)), "bomb");
            all_gone();
            // A closure that was never run.
            let explodes = bomb(&tally);
            let handle = rt::spawn(move || drop(explodes));
            handle.abort();
            match handle.join() {
                Err(error) if error.is_cancelled() => {}
                Err(error) => assert_eq!(text_of(&*error.into_panic()), "bomb"),
                Ok(()) => unreachable!("its drop panics"),
            }
            all_gone();
            // A payload whose drop panics, with a payload whose drop panics.
            struct Payload {
                inner: Option<Box<Payload>>,
                _bomb: Bomb,
            }
            impl Drop for Payload {
                fn drop(&mut self) {
                    if let Some(inner) = self.inner.take() {
                        std::panic::resume_unwind(inner);
                    }
                }
            }
            let nested = || {
                let inner = Payload { inner: None, _bomb: bomb(&tally) };
                Payload { inner: Some(Box::new(inner)), _bomb: bomb(&tally) }
            };
            let payload = nested();
            drop(rt::spawn(after(&detached, move || fail(payload))));
            detached.send(());
            all_gone();
            // The same by the handle: its dropper gets the inner one.
            let payload = nested();
            let handle = rt::spawn(move || fail(payload));
            eventually_yielding("it ends", || handle.is_finished());
            let inner = std::panic::catch_unwind(AssertUnwindSafe(|| drop(handle))).unwrap_err();
            let inner = inner.downcast::<Payload>().expect("the inner payload");
            assert_eq!(panic_text(|| drop(inner)), "bomb");
            all_gone();
            // A local.
            rt::goroutine_local! {
                static LOCAL: std::cell::RefCell<Option<Bomb>> = std::cell::RefCell::new(None);
            }
            let explodes = bomb(&tally);
            let handle = rt::spawn(move || {
                LOCAL.with(|local| *local.borrow_mut() = Some(explodes));
                6
            });
            assert_eq!(handle.join().unwrap(), 6);
            all_gone();
            assert!(!thread::panicking());
            assert_eq!(rt::spawn(|| 1).join().unwrap(), 1);
        });
    }
}
