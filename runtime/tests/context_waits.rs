//! Whatever waits is ended by a context, from goroutines and plain threads, and loses nothing by it.

mod common;

use rt::chan::{self, Chan, RecvCtxError, Select, SendCtxError};
use rt::context::{Context, ContextError};
use rt::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use rt::sync::{Barrier, Condvar, ErrGroup, Mutex, RwLock, Semaphore, SingleFlight, WaitGroup};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

const CANCELED: ContextError = ContextError::Canceled;
const LATE: ContextError = ContextError::DeadlineExceeded;
const LONG: Duration = Duration::from_secs(60);

/// Calls `wait` with a context that is cancelled while it waits, with one whose deadline passes meanwhile, and with
/// one that is done already; on a goroutine and on a plain thread.
fn each_way(wait: impl Fn(&Context) -> ContextError + Send + Sync + 'static) {
    fn three(wait: &dyn Fn(&Context) -> ContextError) {
        let (ctx, cancel) = Context::background().with_cancel();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(2));
            cancel();
        });
        assert_eq!(wait(&ctx), CANCELED);
        assert_eq!(wait(&ctx), CANCELED, "done already");
        canceller.join().unwrap();
        let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(2));
        assert_eq!(wait(&ctx), LATE);
    }
    let wait = Arc::new(wait);
    let here = Arc::clone(&wait);
    three(&*here);
    rt::Runtime::builder().procs(2).build().unwrap().run(move || three(&*wait));
}

#[test]
fn channels() {
    let _test = common::test();
    let (full, rx) = chan::bounded(1);
    full.send(0).unwrap();
    let empty = chan::never::<u32>();
    let (go_full, go_empty) = (Chan::new(1), Chan::<u32>::new(0));
    go_full.send(0);
    each_way(move |ctx| {
        let error = empty.recv_ctx(ctx).unwrap_err();
        assert_eq!(go_empty.recv_ctx(ctx), Err(error));
        assert_eq!(Chan::<u32>::nil().recv_ctx(ctx), Err(error));
        let error = error.context_error().unwrap();
        for i in [7, 8] {
            assert_eq!(full.send_ctx(i, ctx), Err(SendCtxError::Cancelled(error, i)));
            assert_eq!(go_full.send_ctx(i, ctx), Err(SendCtxError::Cancelled(error, i)));
            assert_eq!(Chan::nil().send_ctx(i, ctx), Err(SendCtxError::Cancelled(error, i)));
        }
        assert_eq!((rx.len(), go_full.len()), (1, 1));
        error
    });
    let ctx = Context::background();
    let (tx, rx) = chan::bounded::<u32>(0);
    drop(tx);
    assert_eq!(rx.recv_ctx(&ctx), Err(RecvCtxError::Disconnected));
    let (tx, rx) = chan::bounded::<u32>(0);
    drop(rx);
    assert_eq!(tx.send_ctx(1, &ctx), Err(SendCtxError::Disconnected(1)));
}

#[test]
fn selects() {
    let _test = common::test();
    let (a, b) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
    each_way(move |ctx| {
        let mut select = Select::new();
        select.recv(&a);
        select.send(&b);
        let error = select.select_ctx(ctx).unwrap_err();
        assert_eq!(select.ready_ctx(ctx), Err(error));
        error
    });
    each_way(|ctx| {
        let ch = Chan::<u32>::new(0);
        rt::select! {
            recv(ch) -> _ => unreachable!(),
            recv(ctx.done()) -> end => {
                assert!(end.is_err());
                ctx.err().unwrap()
            }
        }
    });
}

#[test]
fn locks() {
    let _test = common::test();
    each_way(|ctx| {
        let mutex = Mutex::new(1);
        let held = mutex.lock();
        let error = mutex.lock_ctx(ctx).unwrap_err();
        drop(held);
        let lock = RwLock::new(1);
        let held = lock.write();
        assert_eq!(lock.read_ctx(ctx).unwrap_err(), error);
        assert_eq!(lock.write_ctx(ctx).unwrap_err(), error);
        drop(held);
        let read = lock.read();
        assert_eq!(lock.write_ctx(ctx).unwrap_err(), error);
        assert!(lock.try_read().is_some(), "a writer that has given up keeps nobody away");
        drop(read);
        assert!(lock.try_write().is_some() && mutex.try_lock().is_some());
        error
    });
    each_way(|ctx| {
        let lock = RwLock::new(1);
        let read = lock.read();
        let error = lock.write_ctx(ctx).unwrap_err();
        drop(read);
        assert!(lock.try_write().is_some());
        error
    });
}

#[test]
fn semaphores() {
    let _test = common::test();
    each_way(|ctx| {
        let semaphore = Arc::new(Semaphore::new(3));
        let held = semaphore.acquire(2);
        let error = semaphore.acquire_ctx(2, ctx).unwrap_err();
        assert_eq!(semaphore.acquire_owned_ctx(2, ctx).unwrap_err(), error);
        assert!(semaphore.try_acquire(1).is_some(), "who has given up holds nobody up");
        drop(held);
        assert_eq!(semaphore.available_permits(), 3);
        error
    });
    let background = Context::background();
    let owned = Arc::new(Semaphore::new(1)).acquire_owned_ctx(1, &background).unwrap();
    assert_eq!(owned.count(), 1);
    let text = common::panic_text(|| drop(Semaphore::new(1).acquire_ctx(2, &background)));
    assert_eq!(text, "semaphore: 2 permits are wanted, and there are 1 in all");
}

#[test]
fn waits_for_others() {
    let _test = common::test();
    each_way(|ctx| {
        let wg = WaitGroup::new();
        wg.add(1);
        let error = wg.wait_ctx(ctx).unwrap_err();
        let barrier = Barrier::new(2);
        assert_eq!(barrier.wait_ctx(ctx).unwrap_err(), error);
        assert_eq!(barrier.wait_timeout(Duration::from_millis(1)).map(|_| ()), None);
        let (mutex, condvar) = (Mutex::new(0), Condvar::new());
        let (guard, result) = condvar.wait_ctx(mutex.lock(), ctx);
        assert_eq!(result, Err(error));
        assert!(mutex.try_lock().is_none(), "the guard is locked");
        let (guard, result) = condvar.wait_while_ctx(guard, ctx, |n| *n == 0);
        assert_eq!(result, Err(error));
        let (_guard, result) = condvar.wait_while_ctx(guard, ctx, |n| *n != 0);
        assert_eq!(result, Ok(()), "it does not hold: nothing to wait for");
        error
    });
}

#[rt::test]
fn what_comes_ends_the_wait() {
    let _test = common::test();
    let ctx = Context::background();
    let (ctx, _cancel) = ctx.with_timeout(LONG);
    let wg = WaitGroup::new();
    wg.add(1);
    let (mutex, condvar) = (Mutex::new(false), Condvar::new());
    let barrier = Barrier::new(2);
    rt::scope(|s| {
        let waits = s.spawn(|| {
            wg.wait_ctx(&ctx).unwrap();
            let (guard, result) = condvar.wait_while_ctx(mutex.lock(), &ctx, |come| !*come);
            assert!(*guard && result.is_ok());
            drop(guard);
            barrier.wait_ctx(&ctx).unwrap().is_leader()
        });
        wg.done();
        *mutex.lock() = true;
        condvar.notify_all();
        let here = barrier.wait_ctx(&ctx).unwrap().is_leader();
        assert!(waits.join().unwrap() != here);
    });
}

#[test]
fn sleeps() {
    let _test = common::test();
    each_way(|ctx| {
        let error = rt::time::sleep_ctx(LONG, ctx).unwrap_err();
        assert_eq!(rt::time::sleep_ctx(Duration::MAX, ctx), Err(error));
        assert_eq!(rt::time::sleep_ctx(Duration::ZERO, ctx), Err(error));
        assert_eq!(rt::time::sleep_until_ctx(rt::time::now() + LONG, ctx), Err(error));
        error
    });
    let ctx = Context::background();
    let start = rt::time::now();
    assert_eq!(rt::time::sleep_ctx(Duration::from_millis(2), &ctx), Ok(()));
    assert!(start.elapsed() >= Duration::from_millis(2));
    assert_eq!(rt::time::sleep_ctx(Duration::ZERO, &ctx), Ok(()));
    assert_eq!(rt::time::sleep_until_ctx(start, &ctx), Ok(()));
}

#[rt::test]
fn joins() {
    let _test = common::test();
    let (ctx, cancel) = Context::background().with_cancel();
    let gate = Chan::<u32>::new(0);
    let waits = rt::go!(gate => gate.recv().unwrap());
    rt::time::after_func(Duration::from_millis(2), move || {
        cancel();
    });
    let error = waits.join_ctx(&ctx).unwrap_err();
    assert_eq!(error.context_error(), Some(CANCELED));
    assert!(!error.is_timeout() && !error.is_cancelled() && !error.is_panic());
    assert_eq!(error.to_string(), "context canceled");
    assert_eq!(format!("{error:?}"), "JoinError::Context(Canceled)");
    gate.send(7);
    assert_eq!(waits.join_ctx(&Context::background()).unwrap(), 7);
    let (late, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    let waits = rt::go!(gate => gate.recv().unwrap());
    assert_eq!(waits.join_ctx(&late).unwrap_err().context_error(), Some(LATE));
    gate.send(8);
    assert_eq!(waits.join().unwrap(), 8);
}

#[rt::test]
fn single_flights() {
    let _test = common::test();
    let flights = Arc::new(SingleFlight::<&str, u32>::new());
    let (gate, begun) = (Chan::<u32>::new(0), Chan::new(0));
    let leader = rt::go!(flights, gate, begun => flights.run("a", || {
        begun.send(());
        gate.recv().unwrap()
    }));
    begun.recv();
    let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(2));
    assert_eq!(flights.run_ctx("a", &ctx, || unreachable!()), Err(LATE));
    assert_eq!(flights.run_ctx("b", &ctx, || unreachable!()), Err(LATE), "done already");
    gate.send(7);
    assert_eq!(leader.join().unwrap(), (7, false), "nobody waits any more");
}

#[rt::test]
fn groups_cancel_their_context() {
    let _test = common::test();
    let background = Context::background();
    let (group, ctx) = ErrGroup::<&str>::with_context(&background);
    let child = ctx.clone();
    group.go(|| Ok(()));
    group.go(move || match rt::time::sleep_ctx(LONG, &child) {
        Err(CANCELED) => Err("the second"),
        other => panic!("{other:?}"),
    });
    group.go(|| Err("the first"));
    assert_eq!(group.wait(), Err("the first"));
    assert_eq!(ctx.err(), Some(CANCELED));

    let (group, ctx) = ErrGroup::<&str>::with_context(&background);
    let child = ctx.clone();
    group.go(move || {
        assert!(child.done().recv().is_err());
        Ok(())
    });
    group.go(|| std::panic::resume_unwind(Box::new("in a member")));
    let panic = std::panic::catch_unwind(|| group.wait()).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"in a member"));
    assert_eq!(ctx.err(), Some(CANCELED));

    let (group, ctx) = ErrGroup::<&str>::with_context(&background);
    group.go(|| Ok(()));
    assert_eq!(ctx.err(), None);
    assert_eq!(group.wait(), Ok(()));
    assert_eq!(ctx.err(), Some(CANCELED), "as in Go, when `wait` returns");

    let (parent, cancel) = background.with_cancel();
    let (group, ctx) = ErrGroup::<&str>::with_context(&parent);
    drop(group);
    assert_eq!(ctx.err(), None);
    cancel();
    assert_eq!(ctx.err(), Some(CANCELED));
}

/// The first failure is the cause, whatever comes after it.
#[rt::test]
fn groups_say_what_their_context_is_cancelled_for() {
    let _test = common::test();
    let background = Context::background();
    let text = |ctx: &Context| ctx.cause().unwrap().to_string();

    let (group, ctx) = ErrGroup::<u32>::with_context(&background);
    group.wait().unwrap();
    assert!(ctx.cause().unwrap().is::<ContextError>(), "nothing failed");

    let (group, ctx) = ErrGroup::<u32>::with_context(&background);
    group.go(|| Err(1));
    ctx.done().recv().unwrap_err();
    group.go(|| panic!("later"));
    std::panic::catch_unwind(|| group.wait()).unwrap_err();
    assert_eq!(text(&ctx), "a goroutine of the group failed");

    let (group, ctx) = ErrGroup::<u32>::with_context(&background);
    group.go(|| panic!("in a member"));
    std::panic::catch_unwind(|| group.wait()).unwrap_err();
    assert_eq!(text(&ctx), "a goroutine of the group panicked: in a member");

    let said = |error: &u32| format!("number {error}").into();
    let (group, ctx) = ErrGroup::with_context_cause(&background, said);
    group.go(|| Err(7));
    ctx.done().recv().unwrap_err();
    group.go(|| Err(8));
    assert_eq!(group.wait(), Err(7));
    assert_eq!(text(&ctx), "number 7");

    // What says it is a part of the member.
    let (group, ctx) = ErrGroup::with_context_cause(&background, |_: &u32| panic!("at a loss"));
    group.go(|| Err(9));
    std::panic::catch_unwind(|| group.wait()).unwrap_err();
    assert_eq!(text(&ctx), "a goroutine of the group panicked: at a loss");
}

#[test]
fn groups_with_a_limit() {
    let _test = common::test();
    rt::Runtime::builder().procs(2).build().unwrap().run(|| {
        let group = ErrGroup::<()>::new();
        group.set_limit(1);
        let gate = Chan::<()>::new(0);
        let inside = gate.clone();
        group.go(move || {
            inside.recv();
            Ok(())
        });
        let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(2));
        assert_eq!(group.go_ctx(&ctx, || unreachable!()), Err(LATE));
        gate.send(());
        assert_eq!(group.wait(), Ok(()));
        assert!(group.try_go(|| Ok(())), "who gave up has no place");
        assert_eq!(group.wait(), Ok(()));
    });
}

fn kind(error: ContextError) -> ErrorKind {
    if error == LATE { ErrorKind::TimedOut } else { ErrorKind::Other }
}

/// An error of a socket is the context's.
fn of_context<T: std::fmt::Debug>(result: std::io::Result<T>) -> ContextError {
    let error = result.unwrap_err();
    let kind_of = error.kind();
    let error = error.downcast::<ContextError>().unwrap();
    assert_eq!(kind_of, kind(error));
    error
}

#[test]
fn sockets() {
    let _test = common::test();
    each_way(|ctx| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = of_context(listener.accept_ctx(ctx));
        let address = listener.local_addr().unwrap();
        assert_eq!(of_context(TcpStream::connect_ctx(address, ctx)), error);
        let mut one = TcpStream::connect(address).unwrap();
        let (two, _) = listener.accept_ctx(&Context::background()).unwrap();
        assert_eq!(of_context(two.read_ctx(&mut [0; 1], ctx)), error);
        one.write_all(b"x").unwrap();
        assert_eq!(of_context(two.read_ctx(&mut [0; 1], ctx)), error, "beats what is there");
        assert_eq!(of_context(two.write_ctx(b"x", ctx)), error);
        let mut buf = [0; 1];
        assert_eq!(two.within(&Context::background()).read(&mut buf).unwrap(), 1);
        error
    });
    each_way(|ctx| {
        let (one, _two) = UnixStream::pair().unwrap();
        of_context(std::io::copy(&mut std::io::repeat(0), &mut one.within(ctx)))
    });
    each_way(|ctx| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = of_context(socket.recv_from_ctx(&mut [0; 1], ctx));
        assert_eq!(of_context(socket.recv_ctx(&mut [0; 1], ctx)), error);
        assert_eq!(of_context(socket.send_ctx(&[0; 1], ctx)), error);
        error
    });
    each_way(|ctx| {
        let path = std::env::temp_dir().join(format!("rt-context-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let error = of_context(listener.accept_ctx(ctx));
        drop(listener);
        std::fs::remove_file(&path).unwrap();
        error
    });
    each_way(|ctx| {
        let path = std::env::temp_dir().join(format!("rt-full-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        // Nobody accepts, and there is room for few: who comes then waits.
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let mut connected = Vec::new();
        let error = loop {
            match UnixStream::connect_ctx(&path, ctx) {
                Ok(stream) => connected.push(stream),
                result => break of_context(result),
            }
        };
        assert!(connected.len() < 10);
        let address = std::os::unix::net::SocketAddr::from_pathname(&path).unwrap();
        assert_eq!(of_context(UnixStream::connect_addr_ctx(&address, ctx)), error);
        std::fs::remove_file(&path).unwrap();
        let gone = UnixStream::connect_ctx(&path, &Context::background()).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        error
    });
    each_way(|ctx| {
        let (one, _two) = UnixDatagram::pair().unwrap();
        loop {
            match one.send_ctx(&[0; 64], ctx) {
                Ok(n) => assert_eq!(n, 64),
                result => break of_context(result),
            }
        }
    });
}

#[test]
fn a_deadline_of_the_socket_is_its_own() {
    let _test = common::test();
    let (one, _two) = UnixStream::pair().unwrap();
    one.set_read_deadline(Some(rt::time::now())).unwrap();
    let (ctx, _cancel) = Context::background().with_timeout(LONG);
    let error = one.read_ctx(&mut [0; 1], &ctx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.downcast::<ContextError>().is_err());
}

/// Values and permits that come in the moment of the cancellation: used or still there.
#[test]
fn nothing_is_lost() {
    let _test = common::test();
    const ROUNDS: u32 = 2000;
    let runtime = rt::Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let (got, left) = (Arc::new(AtomicU32::new(0)), AtomicU32::new(0));
        let semaphore = Arc::new(Semaphore::new(1));
        for i in 0..ROUNDS {
            let (ctx, cancel) = Context::background().with_cancel();
            let (tx, rx) = chan::bounded(if i % 2 == 0 { 0 } else { 1 });
            let receiver = rt::go!(ctx, rx, got, semaphore => {
                if rx.recv_ctx(&ctx).is_ok() {
                    got.fetch_add(1, Ordering::Relaxed);
                }
                drop(semaphore.acquire_ctx(1, &ctx));
            });
            let sender = rt::go!(ctx, semaphore => {
                let permit = semaphore.acquire_ctx(1, &ctx);
                let sent = tx.send_ctx((), &ctx);
                drop(permit);
                sent.is_ok()
            });
            if i % 3 == 0 {
                rt::yield_now();
            }
            cancel();
            receiver.join().unwrap();
            let sent = sender.join().unwrap();
            let there = u32::from(rx.try_recv().is_ok());
            left.fetch_add(there, Ordering::Relaxed);
            let all = got.load(Ordering::Relaxed) + left.load(Ordering::Relaxed);
            got.fetch_sub(u32::from(sent), Ordering::Relaxed);
            assert_eq!(all, u32::from(sent), "round {i}: sent, and neither here nor there");
            got.store(0, Ordering::Relaxed);
            left.store(0, Ordering::Relaxed);
        }
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// One context, waiters of two runtimes and plain threads, in many places.
#[test]
fn one_cancel_ends_all() {
    let _test = common::test();
    let (ctx, cancel) = Context::background().with_cancel();
    let ended = Arc::new(AtomicUsize::new(0));
    let waiting = Arc::new(AtomicUsize::new(0));
    let runtimes = [1, 2].map(|n| rt::Runtime::builder().procs(n).build().unwrap());
    let body = {
        let (ctx, ended, waiting) = (ctx.clone(), ended.clone(), waiting.clone());
        move |i: usize| {
            waiting.fetch_add(1, Ordering::SeqCst);
            let error = match i % 4 {
                0 => chan::never::<()>().recv_ctx(&ctx).unwrap_err().context_error().unwrap(),
                1 => rt::time::sleep_ctx(LONG, &ctx).unwrap_err(),
                2 => {
                    let _ = ctx.done().recv();
                    ctx.err().unwrap()
                }
                _ => Barrier::new(2).wait_ctx(&ctx).unwrap_err(),
            };
            assert_eq!(error, CANCELED);
            ended.fetch_add(1, Ordering::SeqCst);
        }
    };
    let mut joins = Vec::new();
    for runtime in &runtimes {
        for i in 0..100 {
            let body = body.clone();
            joins.push(runtime.handle().spawn(move || body(i)));
        }
    }
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let body = body.clone();
            std::thread::spawn(move || body(i))
        })
        .collect();
    while waiting.load(Ordering::SeqCst) < 208 {
        std::thread::yield_now();
    }
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    cancel();
    joins.into_iter().for_each(|join| join.join().unwrap());
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(ended.load(Ordering::SeqCst), 208);
}

/// Aborted while it waits with a context: its watch goes, and the context can be cancelled.
#[rt::test]
fn who_is_aborted_leaves() {
    let _test = common::test();
    let (ctx, cancel) = Context::background().with_cancel();
    for _ in 0..100 {
        let waits = rt::go!(ctx => rt::time::sleep_ctx(LONG, &ctx));
        let sends = rt::go!(ctx => chan::never::<()>().recv_ctx(&ctx));
        rt::yield_now();
        waits.abort();
        sends.abort();
        assert!(waits.join().unwrap_err().is_cancelled());
        assert!(sends.join().unwrap_err().is_cancelled());
    }
    cancel();
}
