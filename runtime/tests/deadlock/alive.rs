//! Somebody can still go on, though all goroutines wait for longer than a report takes: none is made.

use super::{Scenario, With, long, text, wait};
use rt::chan::Chan;
use std::io::Read as _;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

macro_rules! alive {
    ($($(#[$doc:meta])* $name:ident ($with:expr) $watch:ident $body:block)*) => {
        pub(crate) fn scenarios() -> Vec<Scenario> {
            vec![$({
                fn play() $body
                Scenario { name: concat!("alive ", stringify!($name)), play, with: $with, watch: $watch }
            }),*]
        }
    };
}

/// It goes on, and comes to its end.
fn ends(title: &str, child: Child) {
    let (code, output) = wait(child, Duration::from_secs(100));
    assert_eq!(code, Some(0), "{title}: {}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "went on\n", "{title}");
    assert_eq!(text(&output.stderr), "", "{title}");
}

/// It never does, but that is nobody's business.
fn stays(title: &str, child: Child) {
    let (code, output) = wait(child, 2 * long());
    assert_eq!(code, None, "{title}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{title}");
}

fn went_on() {
    println!("went on");
}

static KEPT: Mutex<Option<Waker>> = Mutex::new(None);

/// A future with a waker that is kept.
struct Somebody;

impl Future for Somebody {
    type Output = ();
    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        *KEPT.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }
}

alive! {
    a_plain_thread_sends (With::Main) ends {
        let ch = Chan::new(0);
        let tx = ch.clone();
        std::thread::spawn(move || { std::thread::sleep(long()); tx.send(1) });
        assert_eq!(ch.recv(), Some(1));
        went_on();
    }
    a_sleeper (With::Main) ends {
        rt::time::sleep(long());
        went_on();
    }
    a_pinned_sleeper (With::Main) ends {
        let _pin = rt::task::pin_thread();
        rt::time::sleep(long());
        went_on();
    }
    a_timeout (With::Main) ends {
        assert!(Chan::<()>::new(0).recv_timeout(long()).is_err());
        went_on();
    }
    a_clock (With::Main) ends {
        let (late, never) = (rt::chan::after(long()), Chan::<()>::new(0));
        rt::select! { recv(never) -> _ => {}, recv(late) -> _ => went_on() }
    }
    a_context_with_a_deadline (With::Main) ends {
        let (ctx, _cancel) = rt::context::Context::background().with_timeout(long());
        assert!(ctx.done().recv().is_err());
        went_on();
    }
    a_child_of_a_context_with_a_deadline_in_a_select (With::Main) ends {
        let (parent, _cancel) = rt::context::Context::background().with_timeout(long());
        let (ctx, _cancel) = parent.with_cancel();
        let never = Chan::<()>::new(0);
        rt::select! { recv(never) -> _ => {}, recv(ctx.done()) -> _ => went_on() }
    }
    a_pinned_wait_with_a_context_with_a_deadline (With::Main) ends {
        let _pin = rt::task::pin_thread();
        let (ctx, _cancel) = rt::context::Context::background().with_timeout(long());
        assert!(Chan::<()>::new(0).recv_ctx(&ctx).is_err());
        went_on();
    }
    a_wait_with_a_context_with_a_deadline (With::Main) ends {
        let (ctx, _cancel) = rt::context::Context::background().with_timeout(long());
        let lock = rt::sync::Mutex::new(());
        let _held = lock.lock();
        assert!(lock.lock_ctx(&ctx).is_err());
        went_on();
    }
    a_context_that_a_thread_cancels (With::Main) ends {
        let (ctx, cancel) = rt::context::Context::background().with_cancel();
        std::thread::spawn(move || { std::thread::sleep(long()); cancel() });
        assert!(Chan::<()>::new(0).recv_ctx(&ctx).is_err());
        went_on();
    }
    a_task_of_a_pool (With::Main) ends {
        let pool = rt::pool::Pool::new(2).unwrap();
        let task = pool.spawn(|| rt::time::sleep(long())).unwrap();
        task.join().unwrap();
        went_on();
    }
    a_goroutine_that_begins_later (With::Main) ends {
        let ch = Chan::<()>::new(0);
        let tx = ch.clone();
        let _timer = rt::time::after_func(long(), move || tx.send(()));
        ch.recv();
        went_on();
    }
    one_blocked_in_the_system (With::Main) ends {
        let blocked = rt::spawn(|| std::thread::sleep(long()));
        blocked.join().unwrap();
        went_on();
    }
    one_in_blocking (With::Main) ends {
        rt::blocking(|| std::thread::sleep(long()));
        went_on();
    }
    a_socket (With::Main) ends {
        let (a, b) = rt::net::UnixStream::pair().unwrap();
        let out = std::process::Stdio::from(std::os::fd::OwnedFd::from(b.into_std().unwrap()));
        let mut child = Command::new("sh").args(["-c", &format!("sleep {}; printf x", long().as_secs_f64())]).stdout(out).spawn().unwrap();
        assert_eq!((&a).read(&mut [0; 8]).unwrap(), 1);
        child.wait().unwrap();
        went_on();
    }
    a_receiver_of_signals (With::Main) ends {
        let signals = rt::signal::notify(&[rt::signal::Signal::USER1]);
        let kill = format!("sleep {}; kill -USR1 {}", long().as_secs_f64(), std::process::id());
        let mut child = Command::new("sh").args(["-c", &kill]).spawn().unwrap();
        signals.recv().unwrap();
        child.wait().unwrap();
        went_on();
    }
    another_runtime (With::Main) ends {
        let other = rt::Runtime::builder().build().unwrap();
        let ch = Chan::<()>::new(0);
        let tx = ch.clone();
        other.handle().spawn(move || { rt::time::sleep(long()); tx.send(()) });
        ch.recv();
        went_on();
        std::process::exit(0);
    }
    a_waker_that_somebody_keeps (With::Main) stays {
        rt::block_on(Somebody);
    }
    a_runtime_that_did_not_ask (With::Runtime(rt::Runtime::builder)) stays {
        Chan::<()>::new(0).recv();
    }
    a_runtime_beside_a_thread (With::Runtime(|| {
        std::thread::spawn(|| std::thread::sleep(Duration::from_secs(3600)));
        rt::Runtime::builder().deadlock_detection(true)
    })) stays {
        Chan::<()>::new(0).recv();
    }
    /// It looks asleep again and again, for a little less than it takes.
    one_that_wakes_every_second (With::Main) ends {
        for _ in 0..3 {
            rt::time::sleep(Duration::from_millis(950));
        }
        let ch = Chan::<()>::new(0);
        let tx = ch.clone();
        std::thread::spawn(move || { std::thread::sleep(Duration::from_millis(1100)); tx.send(()) });
        ch.recv();
        went_on();
    }
}
