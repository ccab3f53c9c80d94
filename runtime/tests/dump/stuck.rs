//! Those whom nobody can wake: rings, channels without another side, waits for ever.

use crate::common::{self, runtime};
use crate::{done, dump_when_all_wait, named, spawn};
use rt::chan::Chan;
use rt::sync::{Barrier, Mutex, RwLock};
use std::sync::Arc;
use std::time::Duration;

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
