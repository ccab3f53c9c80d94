//! Limits of the system that are met: said clearly, nothing lost, nobody waits for ever.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Tally, address_space, builder, child, is_child, limit, limit_for_now, runtime};
use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Spawns `count` goroutines that wait for `hold` to be closed; returns how each ended: fine, for want
/// of a stack.
fn crowd(runtime: &rt::Runtime, count: usize) -> (usize, usize) {
    let (tally, began) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
    let hold = Chan::<()>::new(0);
    let all: Vec<_> = (0..count)
        .map(|i| {
            let (hold, token, began) = (hold.clone(), tally.token(), began.clone());
            runtime.handle().spawn(move || {
                let _token = token;
                began.fetch_add(1, Ordering::SeqCst);
                assert_eq!(hold.recv(), None);
                i
            })
        })
        .collect();
    // As many as have a stack: all, or those after whom none has begun for long.
    let (mut at_once, mut quiet) = (0, 0);
    while at_once < count && quiet < 30 {
        std::thread::sleep(Duration::from_millis(50));
        let now = began.load(Ordering::SeqCst);
        quiet = if now == at_once { quiet + 1 } else { 0 };
        at_once = now;
    }
    eprintln!("at once: {at_once};");
    hold.close();
    let (mut fine, mut without) = (0, 0);
    for (i, handle) in all.into_iter().enumerate() {
        match handle.join() {
            Ok(value) => {
                assert_eq!(value, i);
                fine += 1;
            }
            Err(error) if error.is_resource() => without += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    tally.assert_all_dropped();
    (fine, without)
}

fn number_after(text: &str, before: &str) -> usize {
    let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("{before:?} is missing: {text}"));
    rest.trim_start().split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Room for some thousand stacks, and for the closures of the rest: who finds no stack waits until others have ended.
fn crowd_with_little(name: &str, resource: libc::__rlimit_resource_t, most: u64, says: &str) {
    if is_child(name) {
        let runtime = runtime(2);
        runtime.run(|| rt::spawn(|| ()).join().unwrap());
        limit(resource, most);
        let (fine, without) = crowd(&runtime, 20_000);
        eprintln!("fine: {fine}; without: {without};");
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    let fine = number_after(&ended.stderr, "fine:");
    assert_eq!(fine + number_after(&ended.stderr, "without:"), 20_000);
    assert!(fine > 1000, "{ended:#?}");
    assert!(number_after(&ended.stderr, "at once:") < 20_000, "the limit was not met: {ended:#?}");
    ended.assert_says(&[says]);
}

/// `ulimit -v`
#[test]
fn little_address_space() {
    let most = address_space() + (1 << 30);
    crowd_with_little("little_address_space", libc::RLIMIT_AS, most, "ulimit -v");
}

/// `ulimit -d`
#[test]
fn little_data() {
    crowd_with_little("little_data", libc::RLIMIT_DATA, 1 << 30, "ulimit -d");
}

/// Not even one stack: the join says so.
#[test]
fn no_address_space_at_all() {
    let name = "no_address_space_at_all";
    if is_child(name) {
        let runtime = builder(1).stack_size(1 << 30).build().unwrap();
        let handle = runtime.handle();
        // The thread runs already; a gibibyte is too much.
        limit(libc::RLIMIT_AS, address_space() + (256 << 20));
        let tally = Tally::default();
        let token = tally.token();
        let error = handle.spawn(move || drop(token)).join().unwrap_err();
        assert!(error.is_resource(), "{error:?}");
        assert_eq!(error.to_string(), "there was no stack to start the goroutine on");
        tally.assert_all_dropped();
        // The caller has one: it runs both.
        let _entered = handle.enter();
        assert_eq!(rt::join(|| 1, || 2), (1, 2));
        // Smaller ones are to be had.
        let small = rt::task::Builder::new().stack_size(64 << 10).spawn(|| 3).unwrap();
        assert_eq!(small.join().unwrap(), 3);
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    ended.assert_says(&["rt: a goroutine ends before it began", "ulimit -v"]);
}

/// Becomes somebody for whom the limit on threads holds, with room for `more` of them.
fn limit_threads(more: u64) {
    limit(libc::RLIMIT_NPROC, common::threads() as u64 + more);
    become_somebody();
}

fn become_somebody() {
    // A number that nobody else uses: the limit counts a user's threads in all processes.
    let user = 4_000_000 + std::process::id() % 1_000_000;
    // SAFETY: a plain request. Of all threads: glibc sees to it.
    let refused = unsafe { libc::setresuid(user, user, user) };
    assert_eq!(refused, 0, "{}", std::io::Error::last_os_error());
}

fn is_root() -> bool {
    // SAFETY: a plain question.
    unsafe { libc::geteuid() == 0 }
}

/// Runs `name` as a child that becomes somebody else. `None`: it could not.
fn run_as_somebody(name: &str) -> Option<common::Ended> {
    let _t = common::test();
    if !is_root() {
        eprintln!("skipped: only root can become somebody with a limit of their own");
        return None;
    }
    let ended = common::run(child(name));
    ended.assert_success();
    Some(ended)
}

/// `ulimit -u`: with fewer threads than processors the work is done by those there are.
#[test]
fn few_threads() {
    let name = "few_threads";
    if is_child(name) {
        // The monitor and one worker.
        limit_threads(2);
        let runtime = builder(4).build().unwrap();
        let sum = runtime.run(|| {
            let all: Vec<_> = (0..2000_u64)
                .map(|i| {
                    rt::spawn(move || {
                        rt::yield_now();
                        rt::time::sleep(Duration::from_micros(i % 50));
                        i
                    })
                })
                .collect();
            all.into_iter().map(|h| h.join().unwrap()).sum::<u64>()
        });
        assert_eq!(sum, 1_999_000);
        // One that is pinned yields as well as it can.
        runtime.run(|| {
            let other = rt::spawn(|| ());
            let _pin = rt::task::pin_thread();
            (0..10).for_each(|_| rt::yield_now());
            drop(other);
        });
        return;
    }
    let Some(ended) = run_as_somebody(name) else { return };
    ended.assert_says(&["rt: cannot start another worker thread", "for 4 processors", "ulimit -u"]);
    assert_eq!(ended.stderr.matches("cannot start another").count(), 1, "{ended:#?}");
}

/// Without a thread at all `build` says so, and gives back what it had.
#[test]
fn no_threads() {
    let name = "no_threads";
    if is_child(name) {
        limit_threads(1);
        for _ in 0..3 {
            // A monitor, but no worker.
            let error = builder(2).build().unwrap_err();
            eprintln!("build: {error}");
        }
        return;
    }
    let Some(ended) = run_as_somebody(name) else { return };
    ended.assert_says(&["build: cannot start the runtime's first threads", "ulimit -u"]);
    assert_eq!(ended.stderr.matches("build: cannot start").count(), 3, "{ended:#?}");
}

/// The system gives no thread, and those there are wait in calls of their own: what comes from outside waits, too. It is
/// begun when the system gives one again, with nothing else that could set it going.
#[test]
fn threads_again() {
    let name = "threads_again";
    if is_child(name) {
        let threads = common::threads() as u64;
        // The monitor and one worker.
        limit_for_now(libc::RLIMIT_NPROC, threads + 2, threads + 8);
        become_somebody();
        let (said, says) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let runtime = builder(2).build().unwrap();
        let blocked = runtime.handle().spawn(move || {
            rt::blocking(|| {
                said.send(()).unwrap();
                wait.recv().unwrap();
            });
        });
        says.recv().unwrap();
        // The monitor may have gone to sleep meanwhile.
        std::thread::sleep(Duration::from_millis(300));
        let other = runtime.handle().spawn(move || go.send(()).unwrap());
        std::thread::sleep(Duration::from_millis(30));
        assert!(!other.is_finished());
        limit_for_now(libc::RLIMIT_NPROC, threads + 8, threads + 8);
        other.join().unwrap();
        blocked.join().unwrap();
        return;
    }
    let Some(ended) = run_as_somebody(name) else { return };
    ended.assert_says(&["rt: cannot start another worker thread", "The 1 there are go on"]);
}

/// The same with one processor, whose holder has started somebody and then blocks.
#[test]
fn threads_again_for_one_processor() {
    let name = "threads_again_for_one_processor";
    if is_child(name) {
        let threads = common::threads() as u64;
        limit_for_now(libc::RLIMIT_NPROC, threads + 2, threads + 8);
        become_somebody();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let runtime = builder(1).build().unwrap();
        let blocked = runtime.handle().spawn(move || {
            let other = rt::spawn(move || go.send(()).unwrap());
            wait.recv().unwrap();
            other.join().unwrap();
        });
        std::thread::sleep(Duration::from_millis(300));
        assert!(!blocked.is_finished());
        limit_for_now(libc::RLIMIT_NPROC, threads + 8, threads + 8);
        blocked.join().unwrap();
        return;
    }
    let Some(ended) = run_as_somebody(name) else { return };
    ended.assert_says(&["rt: cannot start another worker thread"]);
}

/// `max_threads`: the same by our own limit.
#[test]
fn max_threads_is_kept() {
    common::apart("max_threads_is_kept", |_| {
        let before = common::threads();
        let runtime = builder(4).max_threads(1).build().unwrap();
        let most = Arc::new(AtomicUsize::new(0));
        runtime.run(|| {
            let wg = WaitGroup::new();
            for i in 0..500 {
                let most = most.clone();
                wg.go(move || {
                    rt::yield_now();
                    if i % 50 == 0 {
                        most.fetch_max(common::threads(), Ordering::Relaxed);
                    }
                });
            }
            wg.wait();
            // One that is pinned, with others that could run.
            let others: Vec<_> = (0..5).map(|_| rt::spawn(rt::yield_now)).collect();
            {
                let _pin = rt::task::pin_thread();
                (0..100).for_each(|_| rt::yield_now());
            }
            others.into_iter().for_each(|h| h.join().unwrap());
        });
        // One worker and the monitor.
        assert_eq!(most.load(Ordering::Relaxed), before + 2);
    });
}

/// No thread is to be had for an idle processor: who computes on the other one, and calls the runtime now and then, makes way for what
/// belongs to neither.
#[test]
fn at_the_limit_of_threads_who_computes_lets_others_in() {
    let t = common::test();
    for (procs, most) in [(2, 1), (3, 2), (4, 1)] {
        let runtime = builder(procs).max_threads(most).build().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let all: Vec<_> = (0..most)
            .map(|_| {
                let stop = Arc::clone(&stop);
                let (began, ready) = (Chan::new(1), Chan::<()>::new(0));
                let its = began.clone();
                let computes = runtime.handle().spawn(move || {
                    its.send(());
                    while !stop.load(Ordering::Relaxed) {
                        assert!(ready.try_recv().is_err());
                    }
                });
                began.recv();
                computes
            })
            .collect();
        // From a plain thread, so through the global queue.
        let other = runtime.handle().spawn(|| ());
        let ended = other.join_timeout(Duration::from_secs(20)).is_ok();
        stop.store(true, Ordering::Relaxed);
        assert!(ended, "{procs} processors and {most} threads: it has not had its turn");
        all.into_iter().for_each(|g| g.join().unwrap());
        t.dog.pet();
    }
}

/// The fallback for kernels without guard marks.
#[test]
fn guards_by_mprotect() {
    let name = "guards_by_mprotect";
    if is_child(name) {
        let runtime = runtime(2);
        assert_eq!(crowd(&runtime, 1000), (1000, 0));
        return;
    }
    let _t = common::test();
    let mut command = child(name);
    command.env("RT_STACK_GUARD", "mprotect");
    let ended = common::run(command);
    ended.assert_success();
    assert_eq!(number_after(&ended.stderr, "at once:"), 1000);
}

/// Beyond `vm.max_map_count` some wait for others to end.
#[test]
fn guards_by_mprotect_beyond_the_limit() {
    let name = "guards_by_mprotect_beyond_the_limit";
    let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let most: usize = most.trim().parse().unwrap();
    let count = most / 2 + 5000;
    if is_child(name) {
        let runtime = builder(2).stack_size(32 << 10).build().unwrap();
        assert_eq!(crowd(&runtime, count), (count, 0));
        return;
    }
    let _t = common::test();
    if most > 200_000 {
        eprintln!("skipped: vm.max_map_count = {most} would take too many goroutines");
        return;
    }
    let mut command = child(name);
    command.env("RT_STACK_GUARD", "mprotect");
    let ended = common::run(command);
    ended.assert_success();
    assert!(number_after(&ended.stderr, "at once:") < count);
    ended.assert_says(&["vm.max_map_count", "6.13"]);
}

/// Many wait for few stacks, on several processors with caches of their own, over and over.
#[test]
fn nobody_waits_for_a_stack_for_ever() {
    let name = "nobody_waits_for_a_stack_for_ever";
    if is_child(name) {
        // Two hundred stacks of 16 MiB.
        let runtime = builder(3).stack_size(16 << 20).build().unwrap();
        runtime.run(|| rt::spawn(|| ()).join().unwrap());
        limit(libc::RLIMIT_AS, address_space() + (3 << 30));
        for round in 0..20 {
            let wg = WaitGroup::new();
            runtime.run(|| {
                for i in 0..1000_u64 {
                    wg.go(move || match (i + round) % 4 {
                        0 => rt::time::sleep(Duration::from_micros(i % 300)),
                        1 => rt::yield_now(),
                        _ => {}
                    });
                }
                wg.wait();
            });
        }
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    ended.assert_says(&["goroutines wait for others to end"]);
}

/// A message that nobody can read is lost; a panic instead would come out of the middle of a wait.
#[test]
fn what_is_said_to_nobody_harms_nobody() {
    common::apart("what_is_said_to_nobody_harms_nobody", |_| {
        let (reader, writer) = std::io::pipe().unwrap();
        // SAFETY: open descriptors.
        assert!(unsafe { libc::dup2(writer.as_raw_fd(), libc::STDERR_FILENO) } >= 0);
        // Standard error has no reader from now on.
        drop(reader);
        let runtime = builder(1).max_threads(1).build().unwrap();
        let waited = runtime.run(|| {
            let (tx, rx) = rt::chan::bounded::<u64>(0);
            // Somebody wants the processor, and there is no thread for it: that is said.
            let other = rt::spawn(|| ());
            let pin = rt::task::pin_thread();
            let wait = || rx.recv_timeout(Duration::from_millis(20));
            let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait)).is_ok();
            let nobody_waits = tx.try_send(7).is_err();
            drop(pin);
            other.join().unwrap();
            (waited, nobody_waits)
        });
        // The harness could not say it.
        std::process::exit(if waited == (true, true) { 0 } else { 1 });
    });
}

/// With no file left the state of a thread cannot be read. Who blocks in the system delays others for a while, not until its call
/// returns.
#[test]
fn without_a_file_left_who_blocks_loses_its_processor() {
    common::apart("without_a_file_left_who_blocks_loses_its_processor", |_| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let reader = Arc::new(reader);
        limit(libc::RLIMIT_NOFILE, 64);
        let runtime = runtime(1);
        let mut hoard = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        runtime.run(|| {
            for _ in 0..3 {
                let reader = Arc::clone(&reader);
                let blocks = rt::spawn(move || (&*reader).read_exact(&mut [0]).unwrap());
                // Here it begins, and nobody has written yet.
                rt::time::sleep(Duration::from_millis(1));
                assert!(!blocks.is_finished());
                writer.write_all(&[1]).unwrap();
                blocks.join().unwrap();
            }
        });
    });
}

/// Also one that waited for its stack.
#[test]
fn without_migration_a_goroutine_keeps_its_thread_where_stacks_are_short() {
    let name = "without_migration_a_goroutine_keeps_its_thread_where_stacks_are_short";
    if is_child(name) {
        // Some forty stacks of 64 MiB.
        limit(libc::RLIMIT_AS, 3 << 30);
        let runtime = builder(4).migrate(false).stack_size(64 << 20).build().unwrap();
        let moved = runtime.run(|| {
            let all: Vec<_> = (0..300)
                .map(|_| {
                    rt::spawn(|| {
                        let home = std::thread::current().id();
                        (0..100).any(|i| {
                            match i % 8 {
                                0 => rt::time::sleep(Duration::from_micros(200)),
                                _ => rt::yield_now(),
                            }
                            std::thread::current().id() != home
                        })
                    })
                })
                .collect();
            all.into_iter().map(|g| g.join().unwrap()).filter(|&moved| moved).count()
        });
        assert_eq!(moved, 0);
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    ended.assert_success();
    ended.assert_says(&["goroutines wait for others to end"]);
}
