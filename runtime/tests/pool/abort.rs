//! Tasks that are aborted in the queue: they leave it, and others get in.

use crate::common::{
    OnDrop, Party, Tally, eventually_resting, everywhere, fail, panic_text, runtime, test,
};
use crate::{Gate, LONG, fill};
use rt::chan::Chan;
use rt::pool::{Nested, Pool, Queue};

fn pool_with_room(room: usize) -> Pool {
    Pool::builder().capacity(1).queue(Queue::Bounded(room)).build().unwrap()
}

/// The worker does something else all the time.
#[test]
fn an_aborted_task_gives_up_its_place_in_the_queue() {
    let _test = test();
    everywhere(|| {
        let (pool, gate, order) = (pool_with_room(3), Gate::new(), Chan::new(10));
        fill(&pool, &gate);
        let drops = Tally::default();
        let spawn = |n: u32| {
            let (order, held) = (order.clone(), drops.token());
            pool.try_spawn(move || {
                let _held = held;
                order.send(n);
            })
        };
        let all: Vec<_> = (0..3).map(|n| spawn(n).unwrap()).collect();
        assert!(spawn(9).unwrap_err().is_overloaded());
        all[1].abort();
        assert_eq!((pool.running(), pool.queued()), (1, 2));
        // Once; and who comes for the place is last.
        all[1].abort();
        let third = spawn(3).unwrap();
        assert!(spawn(9).unwrap_err().is_overloaded());
        all[1].abort();
        assert_eq!(pool.queued(), 3);
        all[0].abort();
        third.abort();
        let last = [spawn(4).unwrap(), spawn(5).unwrap()];
        assert!(spawn(9).unwrap_err().is_overloaded());
        gate.open();
        pool.release_timeout(LONG).unwrap();
        assert_eq!((order.recv(), order.recv(), order.recv()), (Some(2), Some(4), Some(5)));
        assert!(order.is_empty());
        drops.assert_all_dropped();
        assert!(last.into_iter().all(|task| task.join().is_ok()));
        // One that has run is not in the queue, whoever is.
        let (gate, late) = (Gate::new(), &all[2]);
        pool.reboot();
        fill(&pool, &gate);
        let waits = pool.try_spawn(|| 7).unwrap();
        late.abort();
        assert_eq!(pool.queued(), 1);
        gate.open();
        assert_eq!(waits.join().unwrap(), 7);
    });
}

#[test]
fn who_waits_gets_in_for_a_task_that_is_aborted() {
    let _test = test();
    for on_thread in [false, true] {
        runtime(2).run(|| {
            let (pool, gate, order) = (pool_with_room(2), Gate::new(), Chan::new(10));
            fill(&pool, &gate);
            let queued: Vec<_> = (0..2).map(|_| pool.spawn(|| ()).unwrap()).collect();
            let submitters: Vec<_> = (0..3)
                .map(|n| {
                    let (inside, order) = (pool.clone(), order.clone());
                    let submits = move || inside.spawn(move || order.send(n)).unwrap();
                    let submitter = Party::new(on_thread, submits);
                    eventually_resting("it waits", || pool.waiting() == n + 1);
                    submitter
                })
                .collect();
            queued[1].abort();
            assert_eq!((pool.queued(), pool.waiting()), (2, 2));
            queued[0].abort();
            assert_eq!((pool.queued(), pool.waiting()), (2, 1));
            // Who got in so can leave so.
            let mut submitters = submitters.into_iter();
            let first = submitters.next().unwrap().join();
            first.abort();
            assert_eq!((pool.queued(), pool.waiting(), pool.running()), (2, 0, 1));
            for submitter in submitters {
                drop(submitter.join());
            }
            gate.open();
            pool.release_timeout(LONG).unwrap();
            assert_eq!((order.recv(), order.recv()), (Some(1), Some(2)));
            assert!(order.is_empty() && first.join().unwrap_err().is_cancelled());
        });
    }
}

#[test]
fn a_destructor_that_panics_keeps_no_place() {
    let _test = test();
    everywhere(|| {
        let (pool, gate) = (pool_with_room(1), Gate::new());
        fill(&pool, &gate);
        let bad = OnDrop(|| fail("in a destructor"));
        let task = pool.spawn(move || drop(bad)).unwrap();
        assert_eq!(panic_text(|| task.abort()), "in a destructor");
        assert_eq!(pool.queued(), 0);
        assert!(task.join().unwrap_err().is_cancelled());
        pool.try_submit(|| ()).unwrap();
        gate.open();
        pool.release_timeout(LONG).unwrap();
    });
}

#[test]
fn children_of_a_scope_that_are_aborted_give_up_their_places() {
    let _test = test();
    everywhere(|| {
        let (pool, gate, lent) = (pool_with_room(2), Gate::new(), String::from("lent"));
        fill(&pool, &gate);
        pool.scope(|s| {
            let (one, two) = (s.spawn(|| lent.len()), s.spawn(|| lent.len() + 1));
            assert!(pool.try_submit(|| ()).unwrap_err().is_overloaded());
            one.abort();
            assert_eq!(pool.queued(), 1);
            let three = s.spawn(|| lent.len() + 2);
            assert!(pool.try_submit(|| ()).unwrap_err().is_overloaded());
            gate.open();
            assert!(one.join().is_err());
            assert_eq!((two.join().unwrap(), three.join().unwrap()), (5, 6));
        });
        pool.release_timeout(LONG).unwrap();
    });
}

#[test]
fn an_aborted_parent_gives_up_the_places_of_its_children() {
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let (pool, gate) = (pool_with_room(3), Gate::new());
            fill(&pool, &gate);
            let inside = pool.clone();
            let parent = rt::spawn(move || {
                let lent = String::from("lent");
                inside.scope(|s| (0..3).for_each(|_| drop(s.spawn(|| lent.len()))));
            });
            eventually_resting("they are queued", || pool.queued() == 3);
            let inside = pool.clone();
            let submitter = rt::spawn(move || inside.submit(|| ()).unwrap());
            eventually_resting("it waits", || pool.waiting() == 1);
            parent.abort();
            assert!(parent.join_timeout(LONG).unwrap_err().is_cancelled());
            submitter.join_timeout(LONG).unwrap();
            assert_eq!((pool.running(), pool.queued(), pool.waiting()), (1, 1, 0));
            gate.open();
            pool.release_timeout(LONG).unwrap();
        });
    }
}

/// It has ended while who submits it waits, and gets in all the same; then there is nothing left of it.
#[test]
fn a_child_that_ends_before_it_is_queued_gives_up_its_place() {
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let builder = Pool::builder().capacity(2).queue(Queue::Bounded(1));
            let pool = builder.nested(Nested::Block).build().unwrap();
            let (gate, begins, own) = (Gate::new(), Gate::new(), Gate::new());
            let (told, drops) = (Chan::new(1), Tally::default());
            pool.submit(gate.wait()).unwrap();
            let (inside, held, tells) = (pool.clone(), drops.clone(), told.clone());
            let (first, then) = (begins.clone(), own.clone());
            let parent = rt::spawn(move || {
                let (held, tells, first, then) = (&held, &tells, &first, &then);
                inside.scope(|s| {
                    s.spawn(move || {
                        rt::panic::frame(|f| -> () {
                            // Whatever becomes of the parent, this is done whole.
                            f.defer(move |_| {
                                first.wait()();
                                let token = Some(held.token());
                                drop(s.spawn(move || assert!(token.is_none())));
                                tells.send(());
                                then.wait()();
                            });
                            rt::task::exit();
                        });
                    });
                });
            });
            eventually_resting("both run", || pool.running() == 2);
            let in_front = pool.spawn(|| ()).unwrap();
            begins.open();
            eventually_resting("it waits", || pool.waiting() == 1);
            parent.abort();
            eventually_resting("its child has ended", || drops.dropped() == 1);
            assert_eq!((pool.queued(), pool.waiting()), (1, 1));
            in_front.abort();
            told.recv();
            assert_eq!((pool.running(), pool.queued(), pool.waiting()), (2, 0, 0));
            own.open();
            assert!(parent.join_timeout(LONG).unwrap_err().is_cancelled());
            gate.open();
            pool.release_timeout(LONG).unwrap();
        });
    }
}

/// The one that fails is run by who submits it: no worker comes by.
#[test]
fn members_of_a_group_that_fails_give_up_their_places() {
    let _test = test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let (pool, drops) = (pool_with_room(2), Tally::default());
            let (inside, held) = (pool.clone(), drops.clone());
            let task = pool.spawn(move || {
                let group = inside.group();
                for _ in 0..2 {
                    let token = Some(held.token());
                    let task = move || {
                        assert!(token.is_none());
                        Ok(())
                    };
                    group.submit(task).unwrap();
                }
                assert_eq!((inside.running(), inside.queued()), (1, 2));
                group.submit(|| Err("no")).unwrap();
                held.assert_all_dropped();
                assert_eq!(inside.queued(), 0);
                // It waits for nobody: the only worker is here.
                assert_eq!(group.wait(), Err("no"));
            });
            task.unwrap().join_timeout(LONG).unwrap();
            pool.release_timeout(LONG).unwrap();
            drops.assert_all_dropped();
        });
    }
}
