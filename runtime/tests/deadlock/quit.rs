//! SIGQUIT: the goroutines are shown, and the process ends with code 2, unless the program wants the signal itself.

use super::{Scenario, With, text, wait};
use rt::chan::Chan;
use rt::signal::{self, Signal};
use std::io::Read as _;
use std::process::Child;
use std::time::Duration;

macro_rules! quit {
    ($($name:ident ($with:expr) $watch:ident $body:block)*) => {
        pub(crate) fn scenarios() -> Vec<Scenario> {
            vec![$({
                fn play() $body
                Scenario { name: concat!("quit ", stringify!($name)), play, with: $with, watch: $watch }
            }),*]
        }
    };
}

/// Sends the signal as soon as the child has said something.
fn signalled(mut child: Child) -> (Option<i32>, String, String) {
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    // SAFETY: numbers alone go in.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGQUIT) }, 0);
    let (code, output) = wait(child, Duration::from_secs(100));
    (code, text(&output.stdout), text(&output.stderr))
}

fn shows(title: &str, child: Child) {
    let (code, _, stderr) = signalled(child);
    assert_eq!(code, Some(2), "{title}: {stderr}");
    assert!(stderr.starts_with("SIGQUIT: quit\n\ngoroutine 1 ["), "{title}: {stderr}");
    assert!(stderr.contains("goroutine 2 'waits' [chan receive"), "{title}: {stderr}");
    assert!(stderr.contains("created in goroutine 1 at "), "{title}: {stderr}");
}

fn theirs(title: &str, child: Child) {
    let (code, stdout, stderr) = signalled(child);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{title}");
    assert!(stdout.ends_with("mine"), "{title}: {stdout}");
}

/// The process ends as by who was first.
fn shows_and_goes_on(title: &str, child: Child) {
    let (code, stdout, stderr) = signalled(child);
    assert_eq!((code, stdout.as_str()), (Some(3), "went on"), "{title}: {stderr}");
    assert!(stderr.starts_with("SIGQUIT: quit\n\ngoroutine 1 ["), "{title}: {stderr}");
}

/// As without `rt`.
fn kills(title: &str, child: Child) {
    let (code, _, stderr) = signalled(child);
    assert_eq!((code, stderr.as_str()), (None, ""), "{title}");
}

fn one_waits() {
    let ch = Chan::<()>::new(0);
    let waits = ch.clone();
    rt::task::Builder::new().name("waits").spawn(move || waits.recv()).unwrap();
    while rt::metrics().goroutines.waiting.iter().all(|(what, _)| *what != "chan receive") {
        rt::yield_now();
    }
    // It is not closed, nor counted as given up.
    let _for_ever: &_ = Box::leak(Box::new(ch));
}

fn ready() {
    use std::io::Write as _;
    print!(".");
    std::io::stdout().flush().unwrap();
}

quit! {
    while_all_wait (With::Main) shows {
        one_waits();
        ready();
        rt::time::sleep(Duration::from_secs(3600));
    }
    while_all_are_busy (With::Main) shows {
        one_waits();
        for _ in 0..2 * rt::procs() {
            rt::spawn(|| loop { std::hint::spin_loop() });
        }
        ready();
        loop { std::hint::spin_loop() }
    }
    while_all_are_blocked (With::Main) shows {
        one_waits();
        for _ in 0..4 {
            rt::spawn(|| std::thread::sleep(Duration::from_secs(3600)));
        }
        ready();
        std::thread::sleep(Duration::from_secs(3600));
    }
    while_one_ends_the_process (With::Main) shows_and_goes_on {
        struct AtEnd;
        impl Drop for AtEnd {
            fn drop(&mut self) {
                ready();
                // The signal has come by then.
                std::thread::sleep(Duration::from_millis(500));
                // Who blocks their threads need the monitor, for the last one to begin.
                let (sender, receiver) = std::sync::mpsc::sync_channel::<()>(0);
                let receiver = std::sync::Arc::new(std::sync::Mutex::new(receiver));
                let blocked: Vec<_> = (0..rt::procs())
                    .map(|_| {
                        let receiver = std::sync::Arc::clone(&receiver);
                        rt::spawn(move || assert!(receiver.lock().unwrap().recv().is_err()))
                    })
                    .collect();
                let last = rt::spawn(move || drop(sender));
                last.join().unwrap();
                blocked.into_iter().for_each(|one| one.join().unwrap());
                print!("went on");
            }
        }
        thread_local!(static AT_END: AtEnd = const { AtEnd });
        let _pinned = rt::task::pin_thread();
        AT_END.with(|_| std::process::exit(3));
    }
    who_is_notified_has_it (With::Main) theirs {
        let quit = signal::notify(&[Signal::QUIT]);
        ready();
        quit.recv().unwrap();
        print!("mine");
    }
    who_was_notified_gives_it_back (With::Main) shows {
        one_waits();
        drop(signal::notify(&[Signal::QUIT]));
        ready();
        rt::time::sleep(Duration::from_secs(3600));
    }
    who_ignores_it_is_left_alone (With::Main) theirs {
        signal::ignore(&[Signal::QUIT]);
        ready();
        rt::time::sleep(Duration::from_millis(500));
        print!("mine");
    }
    a_runtime_leaves_it_alone (With::Runtime(rt::Runtime::builder)) kills {
        ready();
        rt::time::sleep(Duration::from_secs(3600));
    }
}
