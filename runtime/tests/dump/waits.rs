//! What goroutines wait for: one of each kind, and for how long already.

use crate::common::{self, builder, runtime};
use crate::{assert_frames, done, dump_when_all_wait, named, outer_frame, spawn};
use rt::chan::{self, Chan};
use rt::debug::State;
use rt::sync::{Barrier, Condvar, Mutex, RwLock, Semaphore, WaitGroup};
use std::sync::Arc;
use std::time::Duration;

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
        assert!(g.site().unwrap().file().ends_with("tests/dump/main.rs"));
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
