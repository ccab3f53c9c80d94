//! Nobody can go on: the report, and exit code 2.

use super::{Scenario, With, text, wait};
use rt::chan::Chan;
use rt::sync::{Barrier, Condvar, Mutex, RwLock, Semaphore, WaitGroup};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

macro_rules! dead {
    ($($(#[$doc:meta])* $name:ident ($with:expr) says $says:expr; $body:block)*) => {
        pub(crate) fn scenarios() -> Vec<Scenario> {
            vec![$({
                fn play() $body
                fn watch(title: &str, child: Child) {
                    is_reported(title, child, &$says);
                }
                Scenario { name: concat!("dead ", stringify!($name)), play, with: $with, watch }
            }),*]
        }
    };
}

/// A second and some passes, and on a busy machine much more.
fn is_reported(title: &str, child: Child, says: &[&str]) {
    let (code, output) = wait(child, Duration::from_secs(100));
    let stderr = text(&output.stderr);
    assert_eq!(code, Some(2), "{title}: {stderr}");
    let start = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [";
    assert!(stderr.starts_with(start), "{title}: {stderr}");
    // What was printed before is not lost.
    assert_eq!(text(&output.stdout), "begun", "{title}");
    for words in says {
        assert!(stderr.contains(words), "{title}: {words:?} is not in\n{stderr}");
    }
}

fn begin() {
    print!("begun");
}

fn detects() -> rt::Builder {
    rt::Runtime::builder().deadlock_detection(true)
}

/// A future with a waker that nobody has.
struct Nobody;

impl Future for Nobody {
    type Output = ();
    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        drop(cx.waker().clone());
        std::task::Poll::Pending
    }
}

dead! {
    receives_what_nobody_sends (With::Main)
        says ["goroutine 1 [chan receive", "created at ", "dead.rs:", "waits for chan 0x"]; {
        begin();
        Chan::<()>::new(0).recv();
    }
    with_what_begins_when_a_context_is_done_and_none_is (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        let (ctx, _cancel) = rt::context::Context::background().with_cancel();
        let _stop = ctx.after_func(|| {});
        Chan::<()>::new(0).recv();
    }
    with_what_begins_in_ages (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        let _never = rt::time::after_func(Duration::MAX, || {});
        let _hardly = rt::time::after_func(Duration::from_secs(200 * 365 * 86_400), || {});
        Chan::<()>::new(0).recv();
    }
    in_a_runtime_that_asked (With::Runtime(detects)) says ["goroutine 1 [chan send"]; {
        begin();
        Chan::new(0).send(());
    }
    locks_twice (With::Main) says ["goroutine 1 [mutex"]; {
        begin();
        let mutex = Mutex::new(());
        let _held = mutex.lock();
        let _again = mutex.lock();
    }
    two_locks_in_two_orders (With::Main)
        says ["'left' [mutex", "'right' [rwlock", "goroutine 1 [join", "waits for goroutine ",
              "deadlock: goroutine "]; {
        begin();
        let (a, b, both) = (Arc::new(Mutex::new(())), Arc::new(RwLock::new(())), Arc::new(Barrier::new(2)));
        let (a2, b2, both2) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&both));
        let left = rt::task::Builder::new().name("left").spawn(move || {
            let _b = b2.write();
            both2.wait();
            let _a = a2.lock();
        });
        rt::task::Builder::new().name("right").spawn(move || {
            let _a = a.lock();
            both.wait();
            let _b = b.write();
        }).unwrap();
        let _ = left.unwrap().join();
    }
    nobody_cancels_its_context (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        let (ctx, _cancel) = rt::context::Context::background().with_cancel();
        let _ = Chan::<()>::new(0).recv_ctx(&ctx);
    }
    idle_workers_bring_nothing (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        let pool = rt::pool::Pool::builder().capacity(2).no_purge().build().unwrap();
        pool.spawn(|| ()).unwrap().join().unwrap();
        Chan::<()>::new(0).recv();
    }
    waits_for_a_group (With::Main) says ["goroutine 1 [waitgroup"]; {
        begin();
        let wg = WaitGroup::new();
        wg.add(1);
        wg.wait();
    }
    joins_in_a_ring (With::Main) says ["deadlock: goroutine ", "(join: goroutine "]; {
        begin();
        let (to_a, to_b) = (Chan::<rt::JoinHandle<()>>::new(1), Chan::<rt::JoinHandle<()>>::new(1));
        let a = rt::go!(to_a => to_a.recv().unwrap().join().unwrap());
        let b = rt::go!(to_b => to_b.recv().unwrap().join().unwrap());
        to_a.send(b);
        to_b.send(a);
        Chan::<()>::nil().recv();
    }
    a_child_wants_what_its_scope_holds (With::Main) says ["[scope", "[mutex"]; {
        begin();
        let mutex = Mutex::new(());
        let _held = mutex.lock();
        rt::scope(|s| { s.spawn(|| drop(mutex.lock())); });
    }
    selects_nothing (With::Main) says ["[select (no cases)"]; {
        begin();
        rt::select! {}
    }
    selects_what_nobody_does (With::Main) says ["[select", "recv chan ", "send chan "]; {
        begin();
        let (a, b) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
        rt::select! { recv(a) -> _ => {}, send(b, 1) -> () => {} }
    }
    all_kinds (With::Main) says ["[condvar", "[semaphore", "[barrier", "[chan receive (nil chan)", "goroutine 1 [future"]; {
        begin();
        rt::spawn(|| { let (m, c) = (Mutex::new(()), Condvar::new()); drop(c.wait(m.lock())); });
        rt::spawn(|| { let s = Semaphore::new(1); let _one = s.acquire(1); drop(s.acquire(1)); });
        rt::spawn(|| Barrier::new(2).wait());
        rt::spawn(|| Chan::<()>::nil().recv());
        rt::block_on(Nobody);
    }
    /// Shown as Go's nil channels.
    receives_where_nothing_ever_comes (With::Main)
        says ["goroutine 1 [chan receive (nil chan)", "[select (no cases)"]; {
        begin();
        rt::spawn(|| rt::select! { recv(rt::chan::never::<()>()) -> _ => {} });
        let _ = rt::chan::never::<()>().recv();
    }
    pinned (With::Main) says ["locked to thread"]; {
        begin();
        let ch = Chan::<()>::new(0);
        rt::go!(ch => { let _pin = rt::task::pin_thread(); ch.recv() });
        ch.recv();
    }
    without_migration (With::Runtime(|| detects().migrate(false))) says ["[chan receive"]; {
        begin();
        let ch = Chan::<()>::new(0);
        rt::go!(ch => { rt::yield_now(); ch.recv() });
        ch.recv();
    }
    on_small_stacks (With::Runtime(|| detects().stack_size(32 << 10))) says ["[chan receive"]; {
        begin();
        let ch = Chan::<()>::new(0);
        rt::go!(ch => ch.recv());
        ch.recv();
    }
    /// After a thread of the program's own has ended, without a word.
    after_the_last_thread (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        let ch = Chan::<()>::new(0);
        let tx = ch.clone();
        std::thread::spawn(move || { std::thread::sleep(Duration::from_millis(1500)); drop(tx) });
        ch.recv();
    }
    /// After a busy life, with a thread that waited for a socket.
    after_all_kinds_of_waits (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        drop(rt::signal::notify(&[rt::signal::Signal::USER1]));
        rt::time::sleep(Duration::from_millis(5));
        let (a, b) = rt::net::UnixStream::pair().unwrap();
        let reader = std::thread::spawn(move || drop(std::io::Read::read(&mut &a, &mut [0])));
        rt::time::sleep(Duration::from_millis(50));
        drop(b);
        reader.join().unwrap();
        rt::blocking(|| std::thread::sleep(Duration::from_millis(5)));
        Chan::<()>::new(0).recv();
    }
    many (With::Main) says ["1000 goroutines [chan receive", "goroutine 1 [chan receive"]; {
        begin();
        let ch = Chan::<()>::new(0);
        for _ in 0..1000 {
            rt::go!(ch => ch.recv());
        }
        ch.recv();
    }
    /// Main keeps its thread, and a second one its own.
    pinned_both (With::Main) says ["goroutine 1 [chan receive", "locked to thread"]; {
        begin();
        let _pin = rt::task::pin_thread();
        let ch = Chan::<()>::new(0);
        rt::go!(ch => { let _pin = rt::task::pin_thread(); ch.recv() });
        ch.recv();
    }
    /// What was stopped never comes, however near it was.
    timers_that_were_stopped (With::Main) says ["goroutine 1 [select", "[chan receive"]; {
        begin();
        let (timer, ticker) = (rt::time::Timer::new(Duration::from_secs(3600)), rt::time::Ticker::new(Duration::from_millis(1)));
        let waits = ticker.chan().clone();
        rt::spawn(move || for _ in &waits {});
        let never = rt::time::after_func(Duration::from_secs(3600), || {});
        rt::time::sleep(Duration::from_millis(5));
        assert!(timer.stop() && never.stop());
        ticker.stop();
        rt::select! { recv(timer.chan()) -> _ => {}, recv(ticker.chan()) -> _ => {} }
    }
    a_call_that_waits_for_itself (With::Main) says ["goroutine 1 [waitgroup"]; {
        begin();
        let calls = rt::sync::SingleFlight::<_, u32>::new();
        calls.run(1, || calls.run(1, || 2).0);
    }
    members_for_whom_there_is_no_place (With::Main) says ["goroutine 1 ["]; {
        begin();
        let group = rt::sync::ErrGroup::<()>::new();
        group.set_limit(0);
        group.go(|| Ok(()));
    }
    tasks_that_wait_for_each_other (With::Main) says ["goroutine 1 ["]; {
        begin();
        let pool = rt::pool::Pool::new(2).unwrap();
        let ch = Chan::<()>::new(0);
        for _ in 0..3 {
            let ch = ch.clone();
            pool.submit(move || assert!(ch.recv().is_some())).unwrap();
        }
    }
    /// Signals bring nothing to who asked for none, or was told that they are ignored.
    a_receiver_without_signals (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        use rt::signal::{self, Signal};
        let gone = signal::notify(&[Signal::USER1]);
        signal::ignore(&[Signal::USER1]);
        let none = signal::notify(&[]);
        assert!(gone.recv().is_err());
        let _ = none.recv();
    }
    a_value_that_nobody_sets (With::Main) says ["goroutine 1 ["]; {
        begin();
        rt::sync::OnceLock::<u32>::new().wait();
    }
    /// Who reports does not wait for the lock of standard error.
    with_stderr_locked (With::Main) says ["goroutine 1 [chan receive"]; {
        begin();
        let _held = std::io::stderr().lock();
        Chan::<()>::new(0).recv();
    }
}
