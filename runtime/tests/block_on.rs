//! `block_on`: futures of all kinds, woken from everywhere.
#![allow(clippy::disallowed_types, reason = "std's own atomics and locks watch from outside")]

mod common;

use common::{OnDrop, Rng, Tally, eventually_yielding, fail, runtime, seeded, text_of, turns};
use futures_lite::{FutureExt as _, StreamExt as _, future, stream};
use rt::block_on;
use rt::chan::{self, Chan};
use rt::time::sleep;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// In a goroutine, and on a plain thread without any runtime.
fn both(f: fn()) {
    let _t = common::test();
    f();
    for procs in [1, 2] {
        runtime(procs).run(f);
    }
}

/// A value that comes from somewhere else.
struct Promise<T>(Arc<Mutex<Shared<T>>>);

struct Shared<T> {
    value: Option<T>,
    waker: Option<Waker>,
    polls: u64,
}

impl<T> Promise<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Shared { value: None, waker: None, polls: 0 })))
    }

    /// To keep it, and another one to wait for it.
    fn two() -> (Self, Self) {
        let promise = Self::new();
        (Self(Arc::clone(&promise.0)), promise)
    }

    fn keep(&self, value: T) {
        let waker = {
            let mut shared = self.0.lock().unwrap();
            shared.value = Some(value);
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_polled(&self) -> bool {
        self.0.lock().unwrap().waker.is_some()
    }
}

impl<T> Future for Promise<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut shared = self.0.lock().unwrap();
        shared.polls += 1;
        match shared.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                shared.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[test]
fn one_that_is_ready() {
    both(|| {
        assert_eq!(block_on(ready(7)), 7);
        assert_eq!(block_on(async { "text" }), "text");
    });
}

#[test]
fn it_may_borrow_and_need_not_be_send() {
    both(|| {
        let mut text = String::from("a");
        let count = Rc::new(Cell::new(0));
        let (keeper, promise) = Promise::two();
        let thread = std::thread::spawn(move || keeper.keep('b'));
        let inside = Rc::clone(&count);
        block_on(async {
            inside.set(1);
            text.push(promise.await);
            inside.set(inside.get() + 1);
        });
        thread.join().unwrap();
        assert_eq!((text.as_str(), count.get()), ("ab", 2));
    });
}

#[test]
fn goroutines_can_be_awaited() {
    both(|| {
        let runtime = runtime(2);
        let sum = block_on(async {
            let (one, two) = (
                runtime.handle().spawn(|| 1),
                runtime.handle().spawn(|| {
                    sleep(ms(1));
                    2
                }),
            );
            one.await.unwrap() + two.await.unwrap()
        });
        assert_eq!(sum, 3);
        let failed = block_on(runtime.handle().spawn(|| fail("no")));
        assert!(failed.unwrap_err().is_panic());
    });
}

#[test]
fn the_goroutine_is_parked_and_not_its_thread() {
    let _t = common::test();
    runtime(1).run(|| {
        let (keeper, promise) = Promise::two();
        let waiter = rt::spawn(move || block_on(promise));
        eventually_yielding("it waits", || keeper.is_polled());
        // The only processor is ours.
        assert!(!waiter.is_finished());
        keeper.keep(5);
        assert_eq!(waiter.join().unwrap(), 5);
    });
}

#[test]
fn woken_from_another_runtime_a_thread_and_a_destructor() {
    let _t = common::test();
    let other = runtime(1);
    runtime(2).run(move || {
        let (keeper, promise) = Promise::two();
        let waiter = rt::spawn(move || block_on(promise));
        eventually_yielding("it waits", || keeper.is_polled());
        other.handle().spawn(move || keeper.keep("runtime"));
        assert_eq!(waiter.join().unwrap(), "runtime");

        let (keeper, promise) = Promise::two();
        let waiter = rt::spawn(move || block_on(promise));
        eventually_yielding("it waits", || keeper.is_polled());
        std::thread::spawn(move || keeper.keep("thread"));
        assert_eq!(waiter.join().unwrap(), "thread");

        let (keeper, promise) = Promise::two();
        let waiter = rt::spawn(move || block_on(promise));
        eventually_yielding("it waits", || keeper.is_polled());
        let unwound = rt::spawn(move || {
            let _guard = OnDrop(|| keeper.keep("destructor"));
            fail("unwinds");
        });
        assert_eq!(waiter.join().unwrap(), "destructor");
        assert!(unwound.join().unwrap_err().is_panic());

        // At the end of a thread, when its own locals go.
        struct AtEnd(RefCell<Option<Promise<&'static str>>>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                if let Some(promise) = self.0.take() {
                    promise.keep("thread's end");
                }
            }
        }
        thread_local!(static AT_END: AtEnd = const { AtEnd(RefCell::new(None)) });
        let (keeper, promise) = Promise::two();
        let waiter = rt::spawn(move || block_on(promise));
        eventually_yielding("it waits", || keeper.is_polled());
        std::thread::spawn(move || AT_END.with(|at_end| *at_end.0.borrow_mut() = Some(keeper)));
        assert_eq!(waiter.join().unwrap(), "thread's end");
    });
}

#[test]
fn woken_during_its_own_poll() {
    both(|| {
        for clone in [false, true] {
            let mut polls = 0;
            let output = block_on(poll_fn(|cx| {
                polls += 1;
                if polls == 5 {
                    return Poll::Ready("done");
                }
                if clone {
                    cx.waker().clone().wake();
                } else {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }));
            assert_eq!((output, polls), ("done", 5));
        }
        // By another thread that is lent the waker.
        let mut polled = false;
        block_on(poll_fn(|cx| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            std::thread::scope(|scope| {
                (0..4).for_each(|i| {
                    let waker = cx.waker();
                    scope.spawn(
                        move || if i % 2 == 0 { waker.wake_by_ref() } else { drop(waker.clone()) },
                    );
                });
            });
            Poll::Pending
        }));
    });
}

/// The poll takes the park's token for its own wait; the wake must not be lost with it.
#[test]
fn a_poll_that_waits_itself() {
    both(|| {
        for _ in 0..20 {
            let mut thread = None;
            let (tx, rx) = chan::bounded(0);
            let mut polls = 0;
            block_on(poll_fn(|cx| {
                polls += 1;
                if polls == 1 {
                    let (waker, tx) = (cx.waker().clone(), tx.clone());
                    thread = Some(std::thread::spawn(move || {
                        waker.wake();
                        tx.send(()).unwrap();
                    }));
                    rx.recv().unwrap();
                    // The wake has come, and the wait for the value has used the slot since.
                    sleep(Duration::from_micros(100));
                    return Poll::Pending;
                }
                Poll::Ready(())
            }));
            assert_eq!(polls, 2);
            thread.unwrap().join().unwrap();
        }
    });
}

#[test]
fn one_within_another() {
    both(|| {
        let (outer_keeper, outer) = Promise::two();
        let (inner_keeper, inner) = Promise::two();
        let thread = std::thread::spawn(move || {
            // The outer one's wake comes while the inner one waits.
            while !outer_keeper.is_polled() {
                std::thread::yield_now();
            }
            outer_keeper.keep(1);
            std::thread::sleep(ms(1));
            inner_keeper.keep(2);
        });
        let mut inner = Some(inner);
        let mut outer = outer;
        let sum = block_on(poll_fn(|cx| {
            let outer = Pin::new(&mut outer).poll(cx);
            let inner = inner.take().map_or(0, block_on);
            match (outer, inner) {
                (Poll::Ready(outer), _) => Poll::Ready(outer),
                (Poll::Pending, inner) => {
                    assert_eq!(inner, 2);
                    Poll::Pending
                }
            }
        }));
        assert_eq!(sum, 1);
        thread.join().unwrap();
    });
}

#[test]
fn a_late_wake_does_no_harm() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let mut wakers = Vec::new();
            for i in 0..100 {
                let waker = rt::spawn(move || {
                    let mut seen = None;
                    block_on(poll_fn(|cx| {
                        let first = seen.is_none();
                        seen = Some(cx.waker().clone());
                        if first && i % 2 == 0 {
                            cx.waker().wake_by_ref();
                            return Poll::Pending;
                        }
                        Poll::Ready(())
                    }));
                    seen.unwrap()
                });
                wakers.push(waker.join().unwrap());
            }
            // Others wait on the same carriers now.
            let sleepers: Vec<_> = (0..50)
                .map(|_| {
                    rt::spawn(|| {
                        let start = std::time::Instant::now();
                        sleep(ms(10));
                        assert!(start.elapsed() >= ms(10));
                    })
                })
                .collect();
            rt::yield_now();
            let thread = std::thread::spawn(move || {
                wakers.iter().for_each(Waker::wake_by_ref);
                wakers.into_iter().for_each(Waker::wake);
            });
            sleepers.into_iter().for_each(|s| s.join().unwrap());
            thread.join().unwrap();
        });
    }
}

#[test]
fn wakes_without_progress_are_polls_without_progress() {
    both(|| {
        let (keeper, promise) = Promise::two();
        let noise = Arc::new(AtomicBool::new(true));
        let noisy = Arc::clone(&noise);
        let thread = std::thread::spawn(move || {
            while noisy.load(Ordering::Relaxed) {
                if let Some(waker) = keeper.0.lock().unwrap().waker.clone() {
                    waker.wake();
                }
                std::thread::yield_now();
                if keeper.0.lock().unwrap().polls > 5 {
                    keeper.keep(9);
                    break;
                }
            }
        });
        assert_eq!(block_on(promise), 9);
        noise.store(false, Ordering::Relaxed);
        thread.join().unwrap();
    });
}

#[test]
fn a_panic_goes_on_in_the_caller() {
    both(|| {
        let tally = Tally::default();
        let token = tally.token();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            block_on(async move {
                let _token = token;
                future::yield_now().await;
                fail("in a poll")
            })
        }));
        let payload = panicked.map(|()| ()).unwrap_err();
        assert_eq!(text_of(&*payload), "in a poll");
        tally.assert_all_dropped();
    });
}

#[test]
fn an_abort_unwinds_out_of_it() {
    let _t = common::test();
    runtime(2).run(|| {
        for cloned in [false, true] {
            let tally = Tally::default();
            let token = tally.token();
            let (tx, polled) = chan::bounded(1);
            let stuck = rt::spawn(move || {
                block_on(async move {
                    let _token = token;
                    let mut kept = None;
                    poll_fn(|cx| {
                        if cloned {
                            kept = Some(cx.waker().clone());
                        }
                        let _ = tx.try_send(());
                        Poll::<()>::Pending
                    })
                    .await;
                    drop(kept);
                })
            });
            polled.recv().unwrap();
            assert!(stuck.join_timeout(ms(2)).unwrap_err().is_timeout());
            stuck.abort();
            assert!(stuck.join().unwrap_err().is_cancelled());
            tally.assert_all_dropped();
        }
        // And one that never stops waking itself.
        let busy = rt::spawn(|| {
            block_on(async {
                loop {
                    future::yield_now().await;
                }
            })
        });
        rt::yield_now();
        busy.abort();
        assert!(busy.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn the_end_of_the_runtime_unwinds_out_of_it() {
    let _t = common::test();
    let tally = Tally::default();
    let runtime = runtime(2);
    for _ in 0..10 {
        let token = tally.token();
        runtime.handle().spawn(move || {
            block_on(async move {
                let _token = token;
                pending::<()>().await
            })
        });
    }
    std::thread::sleep(ms(1));
    drop(runtime);
    tally.assert_all_dropped();
}

/// On one processor: who wakes itself, or is always ready, lets others run.
#[test]
fn nobody_starves() {
    let _t = common::test();
    runtime(1).run(|| {
        let done = Arc::new(AtomicBool::new(false));
        let (woken, always_ready) = (Arc::clone(&done), Arc::clone(&done));
        let first = rt::spawn(move || {
            block_on(poll_fn(|cx| {
                if woken.load(Ordering::Relaxed) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }))
        });
        let second = rt::spawn(move || {
            while !always_ready.load(Ordering::Relaxed) {
                block_on(ready(()));
            }
        });
        let third = rt::spawn(move || done.store(true, Ordering::Relaxed));
        first.join().unwrap();
        second.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn futures_know_the_waker_again() {
    both(|| {
        let mut wakers: Vec<Waker> = Vec::new();
        block_on(poll_fn(|cx| {
            wakers.push(cx.waker().clone());
            cx.waker().wake_by_ref();
            if wakers.len() == 4 { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert!(wakers.windows(2).all(|pair| pair[0].will_wake(&pair[1])));
        let other = block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        assert!(!other.will_wake(&wakers[0]));
    });
}

/// Channels of `async` Rust between goroutines and threads.
#[test]
fn with_an_async_channel() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            let (tx, rx) = async_channel::bounded(3);
            let senders: Vec<_> = (0..4_u64)
                .map(|i| {
                    let tx = tx.clone();
                    rt::spawn(move || {
                        (0..500).for_each(|n| block_on(tx.send(i * 500 + n)).unwrap());
                    })
                })
                .collect();
            drop(tx);
            let from_thread = rx.clone();
            let thread = std::thread::spawn(move || {
                let mut sum = 0;
                while let Ok(n) = block_on(from_thread.recv()) {
                    sum += n;
                }
                sum
            });
            let mut sum = 0;
            while let Ok(n) = block_on(rx.recv()) {
                sum += n;
            }
            senders.into_iter().for_each(|s| s.join().unwrap());
            assert_eq!(sum + thread.join().unwrap(), (0..2000).sum());
        });
    }
}

#[test]
fn with_combinators() {
    both(|| {
        let (keeper, promise) = Promise::two();
        let thread = std::thread::spawn(move || keeper.keep("promise"));
        let raced = block_on(promise.or(async {
            pending::<()>().await;
            "never"
        }));
        assert_eq!(raced, "promise");
        thread.join().unwrap();
        let (sum, squares) = block_on(future::zip(
            stream::iter(0..10).fold(0, |a, b| a + b),
            stream::iter(0..4).map(|n| n * n).collect::<Vec<_>>(),
        ));
        assert_eq!((sum, squares), (45, vec![0, 1, 4, 9]));
    });
}

/// Many promises, kept by whoever, whenever, with wakes for nothing between them.
#[test]
fn no_wake_is_lost() {
    let t = common::test();
    for procs in [1, 2, 8] {
        let runtime = runtime(procs);
        seeded(&t.dog, turns(10, 40), |seed| {
            let mut rng = Rng::new(seed);
            runtime.run(move || {
                let kept = Arc::new(AtomicU64::new(0));
                let (work, thread) = (Chan::new(1000), {
                    let (tx, rx) = std::sync::mpsc::channel::<Promise<u64>>();
                    let kept = Arc::clone(&kept);
                    let thread = std::thread::spawn(move || {
                        rx.iter().for_each(|promise| {
                            kept.fetch_add(1, Ordering::Relaxed);
                            promise.keep(1);
                        });
                    });
                    (tx, thread)
                });
                let keeper = rt::spawn({
                    let (work, kept) = (work.clone(), Arc::clone(&kept));
                    move || {
                        for promise in &work {
                            let promise: Promise<u64> = promise;
                            let noise = promise.0.lock().unwrap().waker.clone();
                            noise.iter().for_each(Waker::wake_by_ref);
                            kept.fetch_add(1, Ordering::Relaxed);
                            promise.keep(1);
                            drop(noise);
                        }
                    }
                });
                let waiters: Vec<_> = (0..4)
                    .map(|_| {
                        let (work, tx, mut rng) =
                            (work.clone(), thread.0.clone(), Rng::new(rng.next()));
                        rt::spawn(move || {
                            let mut sum = 0;
                            for _ in 0..100 {
                                let (theirs, mine) = Promise::two();
                                match rng.below(4) {
                                    0 => tx.send(theirs).unwrap(),
                                    1 => theirs.keep(1),
                                    _ => work.send(theirs),
                                }
                                if rng.one_in(3) {
                                    rt::yield_now();
                                }
                                sum += block_on(mine);
                            }
                            sum
                        })
                    })
                    .collect();
                let sum: u64 = waiters.into_iter().map(|w| w.join().unwrap()).sum();
                assert_eq!(sum, 400);
                work.close();
                keeper.join().unwrap();
                drop(thread.0);
                thread.1.join().unwrap();
            });
        });
    }
}
