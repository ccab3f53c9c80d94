//! `LazyLock`.
#![allow(clippy::disallowed_types, reason = "std's own atomics check from outside")]

mod common;

use common::{Party, Tally, fail, panic_text, runtime, text_of};
use rt::chan::Chan;
use rt::sync::LazyLock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const POISONED: &str = "LazyLock instance has previously been poisoned";
const INSIDE: &str = "Once: called from inside its own call";

/// With an initializer of any kind.
type Lazy<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

fn lazy<T>(f: impl FnOnce() -> T + Send + 'static) -> Arc<Lazy<T>> {
    Arc::new(LazyLock::new(Box::new(f)))
}

fn on_some(f: impl Fn() + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(&f);
    }
}

/// Its maker waits, and those who come meanwhile do, in goroutines and on threads.
#[test]
fn many_want_it_and_one_makes_it() {
    let _t = common::test();
    on_some(|| {
        for round in 0..20 {
            let (tally, made) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
            let (token, counts) = (tally.token(), made.clone());
            let lazy = lazy(move || {
                let _token = token;
                match round % 3 {
                    0 => rt::time::sleep(Duration::from_micros(100)),
                    1 => rt::yield_now(),
                    _ => {}
                }
                counts.fetch_add(1, Ordering::Relaxed) + 7
            });
            let wants = |on_thread| {
                let lazy = lazy.clone();
                Party::new(on_thread, move || **lazy)
            };
            let all: Vec<_> = (0..9).map(|i| wants(i == 4)).collect();
            assert!(all.into_iter().all(|party| party.join() == 7));
            assert_eq!((made.load(Ordering::Relaxed), LazyLock::get(&lazy)), (1, Some(&7)));
            tally.assert_all_dropped();
        }
    });
}

/// The panic goes to who came first; those who wait, and those who come later, panic each.
#[test]
fn a_panic_poisons_it() {
    let _t = common::test();
    on_some(|| {
        let (about, go) = (Chan::new(0), Chan::<()>::new(0));
        let tally = Tally::default();
        let token = tally.token();
        let lazy = {
            let (about, go) = (about.clone(), go.clone());
            lazy(move || -> u32 {
                let _token = token;
                about.send(());
                go.recv();
                fail("on purpose")
            })
        };
        let wants = |on_thread| {
            let lazy = lazy.clone();
            Party::new(on_thread, move || {
                let result = catch_unwind(AssertUnwindSafe(|| **lazy));
                text_of(&*result.unwrap_err())
            })
        };
        let first = wants(false);
        about.recv();
        let waiters: Vec<_> = (0..6).map(|i| wants(i % 3 == 0)).collect();
        rt::time::sleep(Duration::from_micros(200));
        assert_eq!(LazyLock::get(&lazy), None);
        go.close();
        assert_eq!(first.join(), "on purpose");
        assert!(waiters.into_iter().all(|waiter| waiter.join() == POISONED));
        assert_eq!(panic_text(|| **lazy), POISONED);
        assert_eq!(
            (LazyLock::get(&lazy), format!("{lazy:?}")),
            (None, "LazyLock(<uninit>)".into())
        );
        tally.assert_all_dropped();
        let mut lazy = Arc::into_inner(lazy).unwrap();
        assert_eq!(panic_text(|| *LazyLock::force_mut(&mut lazy)), POISONED);
        assert_eq!(LazyLock::get_mut(&mut lazy), None);
    });
}

/// Who wants the value while it makes it has made a mistake, and is told.
#[test]
fn who_wants_it_inside() {
    static INSIDE_OUT: LazyLock<u32> = LazyLock::new(|| *INSIDE_OUT + 1);
    let _t = common::test();
    assert_eq!(panic_text(|| *INSIDE_OUT), INSIDE);
    on_some(|| assert_eq!(panic_text(|| *INSIDE_OUT), POISONED));
    on_some(|| {
        let lazy = Arc::new_cyclic(|own: &std::sync::Weak<Lazy<u32>>| {
            let own = own.clone();
            LazyLock::new(Box::new(move || {
                rt::yield_now();
                **own.upgrade().unwrap()
            }) as Box<dyn FnOnce() -> u32 + Send>)
        });
        assert_eq!(panic_text(|| **lazy), INSIDE);
        assert_eq!(panic_text(|| **lazy), POISONED);
    });
}

/// Nobody could try again: so who is aborted makes the value for the others, and is unwound afterwards.
#[test]
fn an_abort_comes_afterwards() {
    let _t = common::test();
    on_some(|| {
        let (about, go) = (Chan::new(0), Chan::<u32>::new(0));
        let lazy = {
            let (about, go) = (about.clone(), go.clone());
            lazy(move || {
                about.send(());
                go.recv().unwrap()
            })
        };
        let wants = || {
            let lazy = lazy.clone();
            rt::spawn(move || {
                let value = **lazy;
                rt::chan::never::<()>().recv_timeout(Duration::from_micros(1)).unwrap_err();
                value
            })
        };
        let first = wants();
        about.recv();
        let (second, third) = (wants(), wants());
        rt::time::sleep(Duration::from_micros(200));
        first.abort();
        // One that only waits for it does not wait any longer.
        third.abort();
        assert!(third.join().unwrap_err().is_cancelled());
        assert!(first.join_timeout(Duration::from_millis(2)).unwrap_err().is_timeout());
        go.send(7);
        assert!(first.join().unwrap_err().is_cancelled());
        assert_eq!((second.join().unwrap(), **lazy), (7, 7));
    });
}

/// So is one whose runtime stops.
#[test]
fn the_end_of_a_runtime_comes_afterwards() {
    let _t = common::test();
    for procs in [1, 2] {
        let (about, lasts) = (Chan::new(0), Duration::from_millis(5));
        let lazy = {
            let about = about.clone();
            lazy(move || {
                about.send(());
                rt::time::sleep(lasts);
                7
            })
        };
        let runtime = runtime(procs);
        let first = lazy.clone();
        drop(runtime.handle().spawn(move || **first));
        about.recv();
        drop(runtime);
        assert_eq!(LazyLock::get(&lazy), Some(&7));
    }
}

#[test]
fn its_value_is_made_when_it_is_wanted_and_not_before() {
    let _t = common::test();
    let tally = Tally::default();
    let token = tally.token();
    let unused = LazyLock::new(move || token);
    assert_eq!(format!("{unused:?}"), "LazyLock(<uninit>)");
    drop(unused);
    tally.assert_all_dropped();
    let token = tally.token();
    let mut used = LazyLock::new(move || Some(token));
    assert!(LazyLock::get_mut(&mut used).is_none());
    assert!(used.is_some() && LazyLock::get(&used).is_some());
    *used = None;
    tally.assert_all_dropped();
    let token = tally.token();
    let used = LazyLock::new(move || token);
    LazyLock::force(&used);
    assert_eq!(tally.dropped(), 2);
    drop(used);
    tally.assert_all_dropped();
    let mut default = LazyLock::<String>::default();
    default.push('a');
    assert_eq!(format!("{default:?}"), r#"LazyLock("a")"#);
}
