//! The current span of `tracing` is the goroutine's, whoever else runs on its thread, and wherever it goes on.
#![allow(clippy::mem_forget, reason = "a pin is leaked to see what the runtime makes of it")]
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::runtime;
use rt::chan::Chan;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, Once};
use std::time::Duration;
use tracing::span::{Attributes, Id};
use tracing::{Event, Span, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The names of spans, from the outermost, in which each event happened: by the event's name.
static EVENTS: Mutex<Vec<Vec<&'static str>>> = Mutex::new(Vec::new());
/// How often each span was entered, less how often it was exited.
static ENTERED: Mutex<Option<HashMap<u64, i64>>> = Mutex::new(None);

struct Watch;

thread_local! {
    /// The subscriber is to wait for something of the runtime's in its next call.
    static WAITS: Cell<bool> = const { Cell::new(false) };
    /// It is to pin the goroutine in its next call, for good.
    static PINS: Cell<bool> = const { Cell::new(false) };
    /// It is to panic in its next call.
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watch {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {}

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        EVENTS.lock().unwrap().push(scope.map(|span| span.name()).collect());
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        *ENTERED.lock().unwrap().get_or_insert_default().entry(id.into_u64()).or_default() += 1;
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        *ENTERED.lock().unwrap().get_or_insert_default().entry(id.into_u64()).or_default() -= 1;
        if WAITS.take() {
            rt::time::sleep(Duration::from_millis(2));
        }
        if PINS.take() {
            std::mem::forget(rt::task::pin_thread());
        }
        if PANICS.take() {
            panic!("a subscriber that panics");
        }
    }
}

fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Watch);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

fn is_in(name: &str) -> bool {
    Span::current().metadata().is_some_and(|meta| meta.name() == name)
}

#[test]
fn each_goroutine_is_in_its_own_span_after_every_switch() {
    let _t = common::alone();
    subscribe();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            let all: Vec<_> = (0..20)
                .map(|i| {
                    rt::spawn(move || {
                        assert!(Span::current().is_none());
                        for round in 0..20 {
                            let outer = info_span!("outer");
                            let _outer = outer.enter();
                            rt::yield_now();
                            assert!(is_in("outer"));
                            {
                                let inner = info_span!("inner");
                                let _inner = inner.enter();
                                match (i + round) % 3 {
                                    0 => rt::yield_now(),
                                    1 => rt::time::sleep(Duration::from_micros(50)),
                                    _ => rt::blocking(std::thread::yield_now),
                                }
                                assert!(is_in("inner"));
                                // Twice the same one.
                                let _again = inner.enter();
                                rt::yield_now();
                                assert!(is_in("inner"));
                            }
                            assert!(is_in("outer"));
                        }
                    })
                })
                .collect();
            for handle in all {
                handle.join().unwrap();
                assert!(Span::current().is_none());
            }
        });
    }
    let entered = ENTERED.lock().unwrap().take().unwrap();
    assert!(!entered.is_empty() && entered.values().all(|n| *n == 0), "{entered:?}");
}

#[test]
fn events_have_the_right_parents() {
    let _t = common::alone();
    subscribe();
    EVENTS.lock().unwrap().clear();
    runtime(1).run(|| {
        let (a, b) = (Chan::new(0), Chan::new(0));
        let (c, d) = (a.clone(), b.clone());
        let other = rt::spawn(move || {
            let span = info_span!("theirs");
            let _span = span.enter();
            (0..10).for_each(|_| {
                c.recv().unwrap();
                tracing::info!("got");
                d.send(());
            });
        });
        let span = info_span!("ours");
        let _span = span.enter();
        (0..10).for_each(|_| {
            a.send(());
            b.recv().unwrap();
            tracing::info!("sent");
        });
        other.join().unwrap();
    });
    let events = std::mem::take(&mut *EVENTS.lock().unwrap());
    let count = |names: &[&str]| events.iter().filter(|scope| *scope == names).count();
    assert_eq!((count(&["ours"]), count(&["theirs"]), events.len()), (10, 10, 20), "{events:?}");
}

#[test]
fn a_subscriber_that_waits_takes_no_wake_up_away() {
    let _t = common::alone();
    subscribe();
    runtime(2).run(|| {
        for _ in 0..common::turns(50, 200) {
            let (tx, rx) = (Chan::new(0), Chan::new(1));
            let (their_tx, their_rx) = (tx.clone(), rx.clone());
            let waiter = rt::spawn(move || {
                let span = info_span!("waits");
                let _span = span.enter();
                their_rx.send(());
                // Before it parks, its subscriber sleeps; meanwhile the value comes.
                WAITS.set(true);
                their_tx.recv()
            });
            rx.recv().unwrap();
            rt::time::sleep(Duration::from_millis(1));
            tx.send(7);
            assert_eq!(waiter.join().unwrap(), Some(7));
            WAITS.set(false);
        }
    });
}

/// It would come out of the middle of a wait.
#[test]
fn the_panic_of_a_subscriber_ends_no_wait() {
    let _t = common::alone();
    subscribe();
    runtime(1).run(|| {
        let chan = Chan::new(0);
        let sender = {
            let chan = chan.clone();
            rt::spawn(move || chan.send(7))
        };
        let span = info_span!("panics");
        let entered = span.enter();
        PANICS.set(true);
        let got = std::panic::catch_unwind(|| chan.recv()).unwrap();
        assert!(!PANICS.get());
        assert_eq!(got, Some(7));
        drop(entered);
        sender.join().unwrap();
    });
}

/// Nor is it the subscriber's wait that a cancellation ends.
#[test]
fn who_is_aborted_while_its_subscriber_waits_ends_behind_it() {
    let _t = common::alone();
    subscribe();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            for _ in 0..common::turns(50, 200) {
                let (chan, ready) = (Chan::new(0), Chan::new(1));
                let waiter = {
                    let (chan, ready) = (chan.clone(), ready.clone());
                    rt::spawn(move || {
                        let span = info_span!("aborted in the subscriber");
                        let _span = span.enter();
                        ready.send(());
                        WAITS.set(true);
                        chan.recv()
                    })
                };
                ready.recv().unwrap();
                rt::time::sleep(Duration::from_millis(1));
                waiter.abort();
                assert!(waiter.join().unwrap_err().is_cancelled());
                WAITS.set(false);
                assert!(chan.try_send(7).is_err(), "nobody waits");
            }
        });
    }
}

#[test]
fn one_that_is_aborted_leaves_no_span_behind() {
    let _t = common::alone();
    subscribe();
    runtime(1).run(|| {
        let waiter = rt::spawn(|| {
            let span = info_span!("aborted");
            let _span = span.enter();
            rt::time::sleep(Duration::from_secs(1000));
        });
        rt::yield_now();
        waiter.abort();
        assert!(waiter.join().unwrap_err().is_cancelled());
        assert!(Span::current().is_none());
        rt::spawn(|| assert!(Span::current().is_none())).join().unwrap();
    });
}

/// The goroutine is pinned then, as by anybody else, and the next one on its stack is not.
#[test]
fn a_subscriber_that_pins_a_goroutine_pins_no_other() {
    let _t = common::alone();
    subscribe();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let procs = || runtime.metrics().procs;
        let pinned = || procs().iter().map(|p| p.hand_offs.pinned).sum::<u64>();
        for yields in [false, true] {
            let before = pinned();
            runtime.run(|| {
                let home = std::thread::current().id();
                let span = info_span!("pins");
                let _span = span.enter();
                PINS.set(true);
                for _ in 0..20 {
                    let other = rt::spawn(|| rt::time::sleep(Duration::from_micros(100)));
                    if yields {
                        rt::yield_now();
                    } else {
                        rt::time::sleep(Duration::from_micros(200));
                    }
                    assert_eq!(std::thread::current().id(), home);
                    drop(other);
                }
            });
            assert!(pinned() > before || yields);
            let before = pinned();
            runtime.run(|| (0..100).for_each(|_| rt::time::sleep(Duration::from_micros(10))));
            assert_eq!(pinned(), before);
        }
    }
}
