//! Goroutines that keep their thread for a while: pinned ones, and those that unwind.

use crate::common::{self, eventually, fail, runtime};
use rt::chan::Chan;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

#[test]
fn a_pinned_goroutine_keeps_its_thread_and_pins_nest() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let others_stop = AtomicBool::new(false);
        runtime.run(|| {
            rt::scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| {
                        while !others_stop.load(Ordering::SeqCst) {
                            rt::yield_now();
                        }
                    });
                }
                let pinned = s.spawn(|| {
                    let outer = rt::task::pin_thread();
                    let home = thread::current().id();
                    let inner = rt::task::pin_thread();
                    for i in 0..50 {
                        rt::yield_now();
                        assert_eq!(thread::current().id(), home);
                        rt::time::sleep(Duration::from_micros(20));
                        assert_eq!(thread::current().id(), home);
                        rt::spawn(rt::yield_now).join().unwrap();
                        assert_eq!(thread::current().id(), home);
                        if i == 25 {
                            // One of two: still pinned.
                            std::thread::yield_now();
                        }
                    }
                    drop(inner);
                    for _ in 0..50 {
                        rt::time::sleep(Duration::from_micros(20));
                        assert_eq!(thread::current().id(), home);
                    }
                    drop(outer);
                });
                pinned.join().unwrap();
                others_stop.store(true, Ordering::SeqCst);
            });
        });
    }
}

/// What `pthread_self` was is in a thread local that the thread drops when it ends.
struct Ends(Arc<Mutex<Vec<ThreadId>>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

thread_local! {
    static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn a_goroutine_that_ends_pinned_takes_its_thread_along() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let ended = Arc::new(Mutex::new(Vec::new()));
        let mut threads = Vec::new();
        for _ in 0..5 {
            let ended = ended.clone();
            let handle = runtime.handle().spawn(move || {
                std::mem::forget(rt::task::pin_thread());
                rt::yield_now();
                let id = thread::current().id();
                ENDS.with(|e| *e.borrow_mut() = Some(Ends(ended)));
                id
            });
            threads.push(handle.join().unwrap());
        }
        eventually("the threads end", || ended.lock().unwrap().len() == 5);
        assert_eq!(
            *{
                let mut e = ended.lock().unwrap().clone();
                e.sort_by_key(|id| format!("{id:?}"));
                e
            },
            {
                threads.sort_by_key(|id| format!("{id:?}"));
                threads.clone()
            }
        );
        // Others take their place.
        for _ in 0..20 {
            let id = runtime.handle().spawn(|| {
                rt::yield_now();
                thread::current().id()
            });
            assert!(!threads.contains(&id.join().unwrap()));
        }
    }
}

struct ParksInDrop {
    how: usize,
    other: Chan<()>,
    back: Chan<()>,
    threads: Arc<Mutex<Vec<(ThreadId, ThreadId)>>>,
}

impl Drop for ParksInDrop {
    fn drop(&mut self) {
        assert!(thread::panicking());
        let before = thread::current().id();
        match self.how {
            0 => {
                self.other.send(());
                self.back.recv();
            }
            1 => rt::time::sleep(Duration::from_millis(3)),
            2 => (0..20).for_each(|_| rt::yield_now()),
            _ => rt::spawn(rt::yield_now).join().unwrap(),
        }
        assert!(thread::panicking());
        self.threads.lock().unwrap().push((before, thread::current().id()));
    }
}

/// A destructor that parks while its goroutine unwinds keeps the thread, and nobody else sees the panic.
#[test]
fn a_park_while_panicking_stays_on_its_thread() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let threads = Arc::new(Mutex::new(Vec::new()));
        let healthy = Arc::new(Mutex::new(0_u64));
        let stop = Arc::new(AtomicBool::new(false));
        let looks: Vec<_> = (0..4)
            .map(|_| {
                let (healthy, stop) = (healthy.clone(), stop.clone());
                runtime.handle().spawn(move || {
                    let mut wrong = 0;
                    while !stop.load(Ordering::SeqCst) {
                        wrong += usize::from(thread::panicking());
                        *healthy.lock().unwrap() += 1;
                        rt::yield_now();
                        // A guard that lives over a yield is a bad idea, but a legal one.
                    }
                    wrong
                })
            })
            .collect();
        for how in 0..40 {
            let (other, back) = (Chan::new(0), Chan::new(0));
            let parks = ParksInDrop {
                how: how % 4,
                other: other.clone(),
                back: back.clone(),
                threads: threads.clone(),
            };
            let panics = runtime.handle().spawn(move || {
                let _parks = parks;
                fail("on purpose")
            });
            if how % 4 == 0 {
                other.recv();
                back.send(());
            }
            let error: rt::JoinError = panics.join().unwrap_err();
            assert_eq!(common::text_of(&*error.into_panic()), "on purpose");
        }
        stop.store(true, Ordering::SeqCst);
        for look in looks {
            assert_eq!(look.join().unwrap(), 0, "saw another goroutine's panic");
        }
        assert!(!healthy.is_poisoned());
        let threads = threads.lock().unwrap();
        assert_eq!(threads.len(), 40);
        assert!(threads.iter().all(|(before, after)| before == after));
        assert!(!runtime.run(thread::panicking));
    }
}

/// More pins than are counted: it stays where it is for good, and goes on.
#[test]
fn pins_without_number_that_are_forgotten_hold() {
    let _t = common::test();
    let runtime = runtime(2);
    let busy: Vec<_> = (0..4)
        .map(|_| {
            runtime.handle().spawn(|| {
                loop {
                    rt::yield_now();
                }
            })
        })
        .collect();
    let pinned = runtime.handle().spawn(|| {
        (0..70_000).for_each(|_| std::mem::forget(rt::task::pin_thread()));
        drop(rt::task::pin_thread());
        let thread = std::thread::current().id();
        for _ in 0..50 {
            rt::time::sleep(Duration::from_micros(200));
            rt::yield_now();
            assert_eq!(std::thread::current().id(), thread);
        }
    });
    pinned.join().unwrap();
    busy.iter().for_each(|handle| handle.abort());
}

/// Each takes its thread with it; what stood for the thread serves the next one.
#[test]
fn who_ends_pinned_leaves_nothing_behind() {
    let _t = common::test();
    let runtime = runtime(2);
    let mut names = std::collections::HashSet::new();
    for _ in 0..300 {
        let pinned = runtime.handle().spawn(|| {
            std::mem::forget(rt::task::pin_thread());
            std::thread::current().name().map(str::to_owned)
        });
        names.insert(pinned.join().unwrap().unwrap());
    }
    assert!(names.len() <= 100, "{} threads' names", names.len());
}
