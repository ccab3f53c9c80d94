//! Main exits, as by Go's `runtime.Goexit`, and the others go on: until none is left, or they end the process, or are
//! asleep for ever.

use super::{Scenario, With, long, text, wait};
use rt::chan::Chan;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

macro_rules! exit {
    ($($(#[$doc:meta])* $name:ident $watch:ident $body:block)*) => {
        pub(crate) fn scenarios() -> Vec<Scenario> {
            vec![$({
                fn play() $body
                Scenario { name: concat!("exit ", stringify!($name)), play, with: With::Main, watch: $watch }
            }),*]
        }
    };
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let (code, output) = wait(child, Duration::from_secs(100));
    (code, text(&output.stdout), text(&output.stderr))
}

fn none_is_left(title: &str, child: Child) {
    let (code, stdout, stderr) = ended(child);
    let says = "fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n";
    assert_eq!((code, stderr.as_str()), (Some(2), says), "{title}");
    assert_eq!(stdout, "went on", "{title}");
}

fn all_are_asleep(title: &str, child: Child) {
    let (code, stdout, stderr) = ended(child);
    let start = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 2 [chan receive";
    assert_eq!((code, stdout.as_str()), (Some(2), "went on"), "{title}: {stderr}");
    assert!(stderr.starts_with(start) && !stderr.contains("goroutine 1 ["), "{title}: {stderr}");
}

fn one_ends_it(title: &str, child: Child) {
    let went_on = "went on".to_owned();
    assert_eq!(ended(child), (Some(3), went_on, String::new()), "{title}");
}

exit! {
    the_only_one none_is_left {
        print!("went on");
        rt::task::exit();
    }
    /// Its destructors run, and the others come to their ends.
    before_the_others none_is_left {
        struct Last(Chan<()>);
        impl Drop for Last {
            fn drop(&mut self) {
                self.0.close();
            }
        }
        let last = Last(Chan::new(0));
        let ch = last.0.clone();
        rt::spawn(move || {
            assert_eq!(ch.recv(), None);
            rt::spawn(|| { rt::time::sleep(Duration::from_millis(50)); print!("went on") });
        });
        rt::task::exit();
    }
    and_another_ends_the_process one_ends_it {
        rt::spawn(|| {
            rt::time::sleep(Duration::from_millis(50));
            print!("went on");
            std::process::exit(3);
        });
        rt::task::exit();
    }
    /// And the main thread has a signal meanwhile, which is handled on a signal stack that is still there. (What std gave
    /// the thread is gone by then.)
    and_one_ends_it_while_signals_come one_ends_it {
        static HANDLED: AtomicBool = AtomicBool::new(false);
        extern "C" fn handler(_: libc::c_int) {
            HANDLED.store(true, Ordering::SeqCst);
        }
        struct AtEnd;
        impl Drop for AtEnd {
            fn drop(&mut self) {
                // The main thread's number.
                let main = std::process::id();
                // SAFETY: numbers alone.
                unsafe { libc::syscall(libc::SYS_tgkill, main, main, libc::SIGUSR1) };
                while !HANDLED.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            }
        }
        thread_local!(static AT_END: AtEnd = const { AtEnd });
        // SAFETY: all zeroes is a valid `sigaction`: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let handler: extern "C" fn(libc::c_int) = handler;
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_ONSTACK;
        // SAFETY: a handler of the type that the flags say.
        let rc = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
        assert_eq!(rc, 0);
        rt::spawn(|| {
            rt::time::sleep(Duration::from_millis(50));
            print!("went on");
            AT_END.with(|_| std::process::exit(3));
        });
        rt::task::exit();
    }
    /// The waiting thread is none of the program's.
    and_the_others_are_asleep all_are_asleep {
        rt::spawn(|| { print!("went on"); Chan::<()>::new(0).recv() });
        rt::task::exit();
    }
    /// Who may start goroutines.
    while_a_thread_is_left none_is_left {
        let handle = rt::Handle::current();
        std::thread::spawn(move || {
            std::thread::sleep(long() / 4);
            handle.spawn(|| { rt::time::sleep(Duration::from_millis(50)); print!("went on") });
        });
        rt::task::exit();
    }
    /// The panic that was under way is over, and said nowhere.
    in_the_deferred_code_of_a_panic none_is_left {
        rt::spawn(|| rt::panic::frame(|f| -> () {
            f.defer(|_| { print!("went on"); rt::task::exit() });
            panic!("hello")
        }));
        rt::task::exit();
    }
    /// The recovery ends the panic, and not the exit.
    and_recovers_a_panic_on_its_way none_is_left {
        rt::panic::frame(|f| -> () {
            f.defer(|u| { u.recover().expect("a panic"); print!("went on") });
            f.defer(|_| panic!("hello"));
            rt::task::exit()
        });
        unreachable!("it has exited");
    }
}
