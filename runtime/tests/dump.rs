//! What a dump shows of goroutines in every state, and that they do not notice.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{builder, eventually, runtime};
use rt::chan::{self, Chan};
use rt::debug::{Dump, Goroutine, State};
use rt::sync::{Barrier, Condvar, Mutex, RwLock, Semaphore, WaitGroup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Drops whatever comes of something.
fn done<T>(_: T) {}

/// The goroutine with this name.
#[track_caller]
fn named<'a>(dump: &'a Dump, name: &str) -> &'a Goroutine {
    let found = dump.goroutines().iter().find(|g| g.name() == Some(name));
    found.unwrap_or_else(|| panic!("no {name} in\n{dump}"))
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> rt::JoinHandle<()> {
    rt::task::Builder::new().name(name).spawn(f).unwrap()
}

/// Dumps until all goroutines but this one wait.
fn dump_when_all_wait(count: usize) -> Dump {
    let mut last = None;
    common::eventually_resting("all goroutines wait", || {
        let dump = rt::dump();
        let waiting = dump.goroutines().iter().filter(|g| g.state() == State::Waiting).count();
        last = Some(dump);
        waiting == count
    });
    last.unwrap()
}

/// Two frames that must be seen.
#[inline(never)]
fn outer_frame(f: impl FnOnce()) {
    inner_frame(f);
    std::hint::black_box(());
}

#[inline(never)]
fn inner_frame(f: impl FnOnce()) {
    f();
    std::hint::black_box(());
}

#[track_caller]
fn assert_frames(g: &Goroutine) {
    let at = |name: &str| g.backtrace().iter().position(|f| f.function().contains(name));
    let (inner, outer) = (at("inner_frame"), at("outer_frame"));
    assert!(inner.is_some() && inner < outer, "{g}");
    let frames = g.backtrace();
    assert!(frames.len() < g.full_backtrace().len(), "{g}");
    assert!(frames[outer.unwrap()].file().is_none_or(|f| f.ends_with("tests/dump.rs")), "{g}");
}

type Waits = Box<dyn FnOnce() + Send>;

/// One of each kind, with what is said of it.
fn one_of_each() {
    let ch = Chan::<u32>::new(0);
    let full = Chan::new(1);
    full.send(1);
    let (tx, rx) = chan::bounded::<u32>(2);
    let mutex = Arc::new(Mutex::new(()));
    let rwlock = Arc::new(RwLock::new(()));
    let wg = WaitGroup::new();
    wg.add(1);
    let semaphore = Arc::new(Semaphore::new(1));
    let permit = semaphore.clone().acquire_owned(1);
    let barrier = Arc::new(Barrier::new(2));
    let pair = Arc::new((Mutex::new(()), Condvar::new()));
    let held = (mutex.lock(), rwlock.read());
    let hour = Duration::from_secs(3600);
    let kinds: Vec<(&str, Waits)> = vec![
        (
            "chan receive",
            Box::new({
                let ch = ch.clone();
                move || done(ch.recv())
            }),
        ),
        (
            "chan send",
            Box::new({
                let full = full.clone();
                move || full.send(2)
            }),
        ),
        (
            "select",
            Box::new({
                let (ch, rx) = (ch.clone(), rx.clone());
                move || rt::select! { recv(ch) -> _ => {}, recv(rx) -> _ => {} }
            }),
        ),
        ("sleep", Box::new(move || rt::time::sleep(hour))),
        (
            "mutex",
            Box::new({
                let mutex = Arc::clone(&mutex);
                move || done(mutex.lock())
            }),
        ),
        (
            "rwlock",
            Box::new({
                let rwlock = Arc::clone(&rwlock);
                move || done(rwlock.write())
            }),
        ),
        (
            "condvar",
            Box::new({
                let pair = Arc::clone(&pair);
                move || done(pair.1.wait(pair.0.lock()))
            }),
        ),
        (
            "waitgroup",
            Box::new({
                let wg = wg.clone();
                move || wg.wait()
            }),
        ),
        (
            "semaphore",
            Box::new({
                let s = Arc::clone(&semaphore);
                move || done(s.acquire(1))
            }),
        ),
        (
            "barrier",
            Box::new({
                let barrier = Arc::clone(&barrier);
                move || done(barrier.wait())
            }),
        ),
        (
            "join",
            Box::new({
                let ch = ch.clone();
                move || done(spawn("joined", move || done(ch.recv())).join())
            }),
        ),
        (
            "scope",
            Box::new({
                let ch = ch.clone();
                move || rt::scope(|s| done(s.spawn(|| ch.recv())))
            }),
        ),
        ("future", Box::new(|| rt::block_on(std::future::pending()))),
        (
            "IO read",
            Box::new(|| {
                let (a, _b) = rt::net::UnixStream::pair().unwrap();
                let _ = std::io::Read::read(&mut &a, &mut [0]);
            }),
        ),
    ];
    let count = kinds.len();
    let mut handles = Vec::new();
    for (kind, f) in kinds {
        handles.push(spawn(kind, move || outer_frame(f)));
    }
    // Two of them have children.
    dump_when_all_wait(count + 2);
    // From now on nothing changes.
    let dump = rt::dump();
    let me = rt::task::current().id().get();
    for handle in &handles {
        let task = handle.task();
        let kind = task.name().unwrap();
        let g = named(&dump, kind);
        assert_eq!(g.id(), task.id().get());
        assert_eq!(g.state(), State::Waiting, "{g}");
        assert_eq!(g.waits_for().unwrap().kind(), kind, "{g}");
        assert_eq!(g.parent(), Some(me));
        assert!(g.site().unwrap().file().ends_with("tests/dump.rs"));
        assert!(!g.is_pinned());
        assert_frames(g);
        let text = g.to_string();
        assert!(text.starts_with(&format!("goroutine {} '{kind}' [{kind}", g.id())), "{text}");
        assert!(text.contains(&format!("created in goroutine {me} at ")), "{text}");
    }
    let wait = |kind| named(&dump, kind).waits_for().unwrap();
    assert_eq!(wait("chan receive").address(), Some(wait("chan receive").channels()[0].address()));
    assert_eq!(wait("chan send").channels()[0].len(), 1);
    assert!(wait("chan send").channels()[0].sends());
    let cases = wait("select").channels();
    assert_eq!(cases.len(), 2);
    assert_eq!(cases[0].address(), wait("chan receive").address().unwrap());
    assert_eq!((cases[1].cap(), cases[1].sends()), (Some(2), false));
    assert_eq!(wait("join").goroutine(), Some(named(&dump, "joined").id()));
    assert!(wait("IO read").file().unwrap() > 2);
    let left = named(&dump, "sleep").time_left().unwrap();
    assert!(left > hour / 2 && left <= hour, "{left:?}");
    assert!(dump.cycles().is_empty(), "{dump}");
    if cfg!(debug_assertions) {
        assert_eq!(wait("mutex").goroutine(), Some(me));
    }
    done(held);
    done((tx, full.try_recv()));
    ch.close();
    wg.done();
    done(permit);
    barrier.wait();
    pair.1.notify_all();
    for handle in handles {
        if let Some("sleep" | "future" | "IO read") = handle.task().name() {
            handle.abort();
        }
        let _ = handle.join();
    }
}

#[test]
fn what_each_waits_for_is_shown() {
    for procs in [1, 2, 8] {
        let _t = common::test();
        runtime(procs).run(one_of_each);
    }
}

#[test]
fn where_goroutines_do_not_migrate() {
    let _t = common::test();
    builder(2).migrate(false).build().unwrap().run(one_of_each);
}

#[test]
fn on_the_smallest_stacks() {
    let _t = common::test();
    // So deep that half of the stack is left, for a wait may take another way than most: frames are large in debug builds.
    const LEVELS: u64 = if cfg!(debug_assertions) { 30 } else { 60 };
    builder(2).stack_size(32 << 10).build().unwrap().run(|| {
        let ch = Chan::<()>::new(0);
        // As deep as that, and a little less.
        #[inline(never)]
        fn deep(ch: &Chan<()>, levels: u64) -> u64 {
            let frame = std::hint::black_box([levels; 8]);
            if levels == 0 {
                outer_frame(|| done(ch.recv()));
                return 0;
            }
            deep(ch, levels - 1) + std::hint::black_box(frame)[0]
        }
        let all: Vec<_> = (0..LEVELS)
            .map(|levels| {
                let ch = ch.clone();
                spawn("deep", move || done(std::hint::black_box(deep(&ch, levels))))
            })
            .collect();
        for _ in 0..3 {
            let dump = dump_when_all_wait(all.len());
            dump.goroutines().iter().filter(|g| g.name().is_some()).for_each(assert_frames);
            let depths = |g: &&Goroutine| {
                g.backtrace().iter().filter(|f| f.function().contains("deep")).count()
            };
            let deepest = dump.goroutines().iter().map(|g| depths(&g) as u64).max().unwrap();
            assert!(deepest >= LEVELS, "{deepest}");
        }
        ch.close();
        all.into_iter().for_each(|g| g.join().unwrap());
    });
}

#[test]
fn pinned_ones_that_stand_on_their_threads() {
    let _t = common::test();
    runtime(2).run(|| {
        let ch = Chan::<()>::new(0);
        let rx = ch.clone();
        let pinned = spawn("pinned", move || {
            let _pin = rt::task::pin_thread();
            outer_frame(|| done(rx.recv_timeout(Duration::from_secs(3600))));
        });
        for _ in 0..20 {
            let dump = dump_when_all_wait(1);
            let g = named(&dump, "pinned");
            assert!(g.is_pinned() && g.thread().is_some(), "{g}");
            assert!(g.to_string().contains("locked to thread"), "{g}");
            assert!(g.time_left().is_some_and(|left| left > Duration::from_secs(1800)), "{g}");
            assert_frames(g);
        }
        ch.send(());
        pinned.join().unwrap();
    });
}

/// They are looked at a thousand times, and get what they wait for in the order in which they came.
#[test]
fn who_is_looked_at_stays_parked_and_in_its_place() {
    for procs in [1, 2] {
        let _t = common::test();
        runtime(procs).run(|| {
            let (ch, out) = (Chan::new(0), Chan::new(10));
            let resumed = Arc::new(AtomicBool::new(false));
            let all: Vec<_> = (0..10)
                .map(|i| {
                    let (ch, out, resumed) = (ch.clone(), out.clone(), Arc::clone(&resumed));
                    let g = rt::spawn(move || {
                        let value: u32 = ch.recv().unwrap();
                        resumed.store(true, Ordering::SeqCst);
                        out.send((i, value));
                    });
                    dump_when_all_wait(i + 1);
                    g
                })
                .collect();
            for _ in 0..1000 {
                assert_eq!(rt::dump().goroutines().len(), 11);
                assert!(!resumed.load(Ordering::SeqCst));
            }
            (0..10).for_each(|value| ch.send(value));
            all.into_iter().for_each(|g| g.join().unwrap());
            let mut got: Vec<_> = (0..10).map(|_| out.recv().unwrap()).collect();
            got.sort_unstable();
            assert!(got.iter().all(|(i, value)| *i == *value as usize), "{got:?}");
        });
    }
}

#[test]
fn those_that_run_block_or_burn() {
    let _t = common::alone();
    runtime(1).run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let (reader, writer) = std::io::pipe().unwrap();
        spawn("blocked", move || done(std::io::read_to_string(reader)));
        let seen = Arc::clone(&stop);
        spawn("hog", move || while !seen.load(Ordering::Relaxed) {});
        eventually("they are what they are", || {
            let dump = rt::dump();
            let state = |name| {
                dump.goroutines().iter().find(|g| g.name() == Some(name)).map(Goroutine::state)
            };
            let thread = |g| dump.threads().iter().find(|t| t.goroutine() == Some(g)).cloned();
            let blocked = dump.goroutines().iter().find(|g| g.name() == Some("blocked"));
            let reads = blocked.and_then(|g| thread(g.id())).is_some_and(|t| {
                t.state() == Some('S') && t.waits_in().is_none_or(|place| place.contains("read"))
            });
            state("blocked") == Some(State::Blocked)
                && reads
                && state("hog") == Some(State::Burning)
        });
        let me = rt::dump().goroutines().iter().find(|g| g.state() == State::Running).cloned();
        assert_eq!(me.unwrap().id(), rt::task::current().id().get());
        done(writer);
        stop.store(true, Ordering::Relaxed);
    });
}

/// Who looks may lose its processor to them first, so this is tried until it does not.
#[test]
fn those_that_have_not_started_are_listed() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let mut ran = 0;
            eventually("ten are queued at a look", || {
                let all: Vec<_> = (0..10).map(|i| spawn(&format!("queued {i}"), || ())).collect();
                let dump = rt::dump();
                ran += all.into_iter().filter_map(|g| g.join().ok()).count();
                let queued: Vec<_> =
                    dump.goroutines().iter().filter(|g| !g.has_started()).collect();
                for (i, g) in (10 - queued.len()..).zip(&queued) {
                    assert!(g.name().is_some_and(|name| name.starts_with("queued")), "{i}: {g}");
                    assert_eq!((g.state(), g.waits_for()), (State::Runnable, None));
                    assert!(g.backtrace().is_empty() && g.stack_size().is_none());
                    assert!(g.site().unwrap().file().ends_with("dump.rs") && g.parent().is_some());
                }
                if queued.len() < 10 {
                    return false;
                }
                assert_eq!(dump.unstarted(), 10);
                let text = dump.to_string();
                let of_all = "10 goroutines [runnable, not started]: goroutines ";
                assert!(text.contains(of_all) && !text.contains("have not started"), "{text}");
                assert_eq!(dump.to_json().matches(r#""has_started":false"#).count(), 10);
                true
            });
            assert_eq!(ran % 10, 0, "one of them was lost");
            assert_eq!(rt::dump().unstarted(), 0);
        });
    }
}

/// Their order is what it was, and each runs once.
#[test]
fn a_look_at_the_queue_leaves_its_order() {
    let _t = common::test();
    runtime(1).run(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let run = |look: bool| {
            let wg = WaitGroup::new();
            for i in 0..20 {
                let order = Arc::clone(&order);
                wg.go(move || order.lock().push(i));
            }
            if look {
                done(rt::dump());
            }
            wg.wait();
            std::mem::take(&mut *order.lock())
        };
        let before = run(false);
        eventually("nobody else has run them meanwhile", || run(true) == before);
    });
}

/// From a plain thread they are listed where a runtime has several processors, else counted; and nobody is lost.
#[test]
fn those_that_have_not_started_seen_from_outside() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let handle = runtime.handle();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let looks = std::thread::spawn(move || {
            rt::defer!(seen.store(true, Ordering::Relaxed)); // However it ends.
            eventually("some are queued at a look", || {
                let dump = handle.dump();
                let listed = dump.goroutines().iter().filter(|g| !g.has_started()).count();
                let text = dump.to_string();
                match procs {
                    1 => {
                        // The one that spawns them came by the queue that all share.
                        assert!(listed <= 1, "{text}");
                        text.contains("goroutines have not started")
                    }
                    _ => listed > 1 && text.contains("not started]"),
                }
            });
        });
        let ran = Arc::new(AtomicU64::new(0));
        let waves = runtime.run({
            let ran = Arc::clone(&ran);
            move || {
                let mut waves = 0;
                while !stop.load(Ordering::Relaxed) {
                    let spawn_one = |_| {
                        let ran = Arc::clone(&ran);
                        rt::spawn(move || done(ran.fetch_add(1, Ordering::Relaxed)))
                    };
                    let all: Vec<_> = (0..1000).map(spawn_one).collect();
                    all.into_iter().for_each(|g| g.join().unwrap());
                    waves += 1;
                }
                waves
            }
        });
        looks.join().unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 1000 * waves);
    }
}

/// Those that yield are queued, with a stack that nobody may look at.
#[test]
fn those_that_are_queued() {
    let _t = common::test();
    runtime(1).run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let yields = spawn("yields", move || {
            while !seen.load(Ordering::Relaxed) {
                rt::yield_now();
            }
        });
        rt::yield_now();
        let dump = rt::dump();
        let g = named(&dump, "yields");
        assert_eq!(g.state(), State::Runnable, "{g}");
        assert!(g.site().is_some() && g.parent().is_some());
        stop.store(true, Ordering::Relaxed);
        yields.join().unwrap();
    });
}

#[test]
fn two_runtimes_and_plain_threads() {
    let _t = common::alone();
    let (one, two) = (runtime(1), runtime(2));
    let ch = Chan::<u32>::new(0);
    let wait = |runtime: &rt::Runtime, name: &'static str| {
        let ch = ch.clone();
        runtime.run(move || done(spawn(name, move || outer_frame(|| done(ch.recv())))));
    };
    wait(&one, "in one");
    wait(&two, "in two");
    let thread = std::thread::spawn({
        let ch = ch.clone();
        move || ch.recv()
    });
    let waits = |dump: &Dump| {
        let all = dump.goroutines();
        all.len() == 1 && all[0].state() == State::Waiting
    };
    eventually("all wait", || {
        let dump = one.dump();
        waits(&dump) && waits(&two.dump()) && dump.waiting_threads() == 1
    });
    let dump = one.handle().dump();
    assert_eq!(dump.goroutines().len(), 1);
    assert_frames(named(&dump, "in one"));
    assert_frames(named(&two.dump(), "in two"));
    // Spawned by a goroutine that has ended.
    assert!(named(&dump, "in one").parent().is_some());
    // From the other runtime.
    let handle = two.handle();
    assert_eq!(one.run(move || handle.dump().goroutines().len()), 1);
    ch.close();
    assert_eq!(thread.join().unwrap(), None);
}

#[test]
fn who_spawned_whom_from_where() {
    let _t = common::test();
    let runtime = runtime(2);
    let ch = Chan::<()>::new(0);
    let rx = ch.clone();
    let from_thread = runtime.handle().spawn(move || rx.recv());
    eventually("it waits", || {
        let dump = runtime.dump();
        dump.goroutines().iter().any(|g| g.state() == State::Waiting)
    });
    let dump = runtime.dump();
    assert_eq!(dump.goroutines()[0].parent(), None);
    assert!(dump.to_string().contains("created at runtime/tests/dump.rs:"), "{dump}");
    ch.close();
    from_thread.join().unwrap();
}

#[test]
fn how_long_they_have_waited() {
    let _t = common::test();
    runtime(2).run(|| {
        let ch = Chan::<()>::new(0);
        let rx = ch.clone();
        let waits = spawn("waits", move || done(rx.recv()));
        dump_when_all_wait(1);
        // Nothing runs meanwhile, and nobody keeps the time.
        rt::time::sleep(Duration::from_millis(400));
        let dump = rt::dump();
        let since = named(&dump, "waits").waiting_for().unwrap();
        assert!(since >= Duration::from_millis(300), "{since:?}");
        // One that begins to wait after the whole runtime has slept has not waited for so long.
        let rx = ch.clone();
        let late = spawn("late", move || done(rx.recv()));
        let dump = dump_when_all_wait(2);
        let since = named(&dump, "late").waiting_for().unwrap();
        assert!(since < Duration::from_millis(300), "{since:?}");
        ch.close();
        waits.join().unwrap();
        late.join().unwrap();
    });
}

#[test]
fn equal_stacks_are_folded() {
    let _t = common::test();
    runtime(2).run(|| {
        let ch = Chan::<()>::new(0);
        let all: Vec<_> =
            (0..200).map(|_| rt::go!(ch => outer_frame(|| done(ch.recv())))).collect();
        let dump = dump_when_all_wait(200);
        let text = dump.to_string();
        // On a busy machine the first of them have waited for a second.
        assert!(text.contains("200 goroutines [chan receive"), "{text}");
        assert!(text.contains("and 136 more"), "{text}");
        assert_eq!(text.matches("outer_frame").count(), 1, "{text}");
        let json = dump.to_json();
        assert_eq!(json.matches(r#""kind":"chan receive""#).count(), 200);
        assert!(json.matches("outer_frame").count() < 4, "{json}");
        ch.close();
        all.into_iter().for_each(|g| g.join().unwrap());
    });
}

#[test]
fn rings_of_joins_are_named() {
    let _t = common::test();
    let runtime = runtime(2);
    let dump = runtime.run(|| {
        let inboxes: Vec<_> = (0..3).map(|_| Chan::<rt::JoinHandle<()>>::new(1)).collect();
        let spawn = |inbox: &Chan<rt::JoinHandle<()>>| {
            let inbox = inbox.clone();
            rt::spawn(move || inbox.recv().unwrap().join().unwrap())
        };
        let all: Vec<_> = inboxes.iter().map(spawn).collect();
        // Each is to join the next, and one waits for the ring from outside.
        for (i, handle) in all.into_iter().enumerate() {
            inboxes[(i + 2) % 3].send(handle);
        }
        dump_when_all_wait(3)
    });
    let [ring] = dump.cycles() else { panic!("{dump}") };
    assert_eq!(ring.goroutines().len(), 3);
    assert_eq!(dump.stuck().count(), 3);
    let first = ring.goroutines()[0];
    assert!(dump.to_string().contains(&format!("deadlock: goroutine {first} waits for")), "{dump}");
}

#[test]
fn rings_of_locks_are_named() {
    let _t = common::test();
    let runtime = runtime(2);
    let (a, b) = (Arc::new(Mutex::new(())), Arc::new(RwLock::new(())));
    let both = Arc::new(Barrier::new(2));
    let dump = runtime.run(|| {
        let (a2, b2, both2) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&both));
        let one = spawn("one", move || {
            let _a = a2.lock();
            both2.wait();
            let _b = b2.write();
        });
        let (a2, b2, both2) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&both));
        let two = spawn("two", move || {
            let _b = b2.write();
            both2.wait();
            let _a = a2.lock_timeout(Duration::from_secs(3600));
            let _a = a2.lock();
        });
        // With a deadline it is no deadlock.
        let dump = dump_when_all_wait(2);
        assert!(dump.cycles().is_empty(), "{dump}");
        two.abort();
        let _ = two.join();
        one.join().unwrap();
        let (a2, b2) = (Arc::clone(&a), Arc::clone(&b));
        let both2 = Arc::clone(&both);
        spawn("three", move || {
            let _a = a2.lock();
            both2.wait();
            let _b = b2.read();
        });
        let both2 = Arc::clone(&both);
        spawn("four", move || {
            let _b = b.write();
            both2.wait();
            let _a = a.lock();
        });
        dump_when_all_wait(2)
    });
    let ids = [named(&dump, "three").id(), named(&dump, "four").id()];
    let [ring] = dump.cycles() else { panic!("{dump}") };
    assert_eq!(ring.goroutines(), ids);
    assert!(named(&dump, "three").to_string().contains(&format!("locked by goroutine {}", ids[1])));
}

#[test]
fn channels_without_another_side_are_named() {
    let _t = common::test();
    runtime(2).run(|| {
        let (lonely, live) = (Chan::<()>::new(0), Chan::<()>::new(0));
        let rx = live.clone();
        let fine = rt::spawn(move || done(rx.recv()));
        let all: Vec<_> = (0..2)
            .map(|_| {
                let lonely = lonely.clone();
                spawn("lonely", move || {
                    let _ = lonely.recv();
                })
            })
            .collect();
        done(lonely);
        let dump = dump_when_all_wait(3);
        let text = dump.to_string();
        assert_eq!(text.matches("perhaps abandoned: chan ").count(), 1, "{text}");
        let ids: Vec<_> = all.iter().map(|g| g.task().id().to_string()).collect();
        assert!(text.contains(&format!("goroutines {} wait for it", ids.join(", "))), "{text}");
        live.close();
        fine.join().unwrap();
        all.into_iter().for_each(|g| g.abort());
    });
}

#[test]
fn what_waits_for_ever_is_stuck() {
    let _t = common::test();
    runtime(2).run(|| {
        let nil = spawn("nil", || {
            let _ = Chan::<()>::nil().recv();
        });
        let none = spawn("none", || rt::select! {});
        let dump = dump_when_all_wait(2);
        assert_eq!(dump.stuck().count(), 2);
        let text = dump.to_string();
        assert!(text.contains("[chan receive (nil chan)]"), "{text}");
        assert!(text.contains("[select (no cases)]"), "{text}");
        nil.abort();
        none.abort();
    });
}

#[test]
#[should_panic = "there is no rt runtime here"]
fn outside_of_a_runtime_it_says_so() {
    let _ = rt::dump();
}
