//! What destructors may do while their runtime ends, and they run because of it: nothing there ends the process. Hence each
//! in a process of its own.

use crate::common::{self, OnDrop, Tally, runtime};
use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

rt::goroutine_local! {
    static AT_END: RefCell<Option<Box<dyn Send>>> = RefCell::new(None);
}

/// Calls what `make` returns in destructors of goroutines that are unwound because their runtime ends: of what lies on the stack, and of
/// locals.
fn in_destructors_at_the_end<F: Fn() + Clone + Send + 'static>(make: impl Fn(&rt::Handle) -> F) {
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let f = make(&runtime.handle());
        let (parked, ended) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        for of_a_local in [false, true] {
            let (f, ended, parked) = (f.clone(), ended.clone(), parked.clone());
            let at_end = move || {
                f();
                ended.fetch_add(1, Ordering::SeqCst);
            };
            parked.add(1);
            drop(runtime.handle().spawn(move || {
                let at_end = Box::new(OnDrop(at_end));
                let _of_stack = if of_a_local {
                    AT_END.with(|local| *local.borrow_mut() = Some(at_end));
                    None
                } else {
                    Some(at_end)
                };
                parked.done();
                Chan::<()>::nil().recv();
            }));
        }
        parked.wait();
        drop(runtime);
        assert_eq!(ended.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn join_runs_both_halves() {
    common::apart("destructors::join_runs_both_halves", |_| {
        in_destructors_at_the_end(|_| {
            || {
                let mut parts = [1, 2];
                let (left, right) = parts.split_at_mut(1);
                let sums = rt::join(|| left[0] + 10, || rt::join(|| right[0], || 20));
                assert_eq!(sums, (11, (2, 20)));
            }
        });
    });
}

#[test]
fn timeout_is_over() {
    common::apart("destructors::timeout_is_over", |_| {
        let tally = Tally::default();
        in_destructors_at_the_end(|_| {
            let its = tally.clone();
            move || {
                let token = its.token();
                let result = rt::time::timeout(Duration::from_secs(3600), move || drop(token));
                assert_eq!(result.unwrap_err().to_string(), "the time is up");
            }
        });
        tally.assert_all_dropped();
    });
}

#[test]
fn a_pool_s_scope_runs_its_tasks() {
    common::apart("destructors::a_pool_s_scope_runs_its_tasks", |_| {
        in_destructors_at_the_end(|handle| {
            let pool = rt::pool::Pool::builder().capacity(2).runtime(handle).build().unwrap();
            move || {
                let mut parts = [1, 2];
                let (left, right) = parts.split_at_mut(1);
                let sum = pool.scope(|s| {
                    s.spawn(|| left[0] += 10);
                    s.spawn(|| right[0] + 20).join().unwrap()
                });
                assert_eq!((sum, parts[0]), (22, 11));
            }
        });
    });
}
