//! A goroutine that uses up its stack is named, and the process aborts; other faults are left alone.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{child, is_child, runtime};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

/// Uses a frame of stack for each level.
#[inline(never)]
fn deep(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 16]);
    if levels == 0 { frame[0] } else { deep(levels - 1) + std::hint::black_box(frame)[1] }
}

/// Never ends, but the compiler does not know.
fn endless() -> u64 {
    deep(std::hint::black_box(u64::MAX))
}

#[test]
fn a_goroutine_that_overflows_is_named() {
    let name = "a_goroutine_that_overflows_is_named";
    if is_child(name) {
        let runtime = runtime(2);
        runtime.run(|| {
            let go = rt::chan::Chan::<()>::new(0);
            let go2 = go.clone();
            let overflows = rt::task::Builder::new().name("deep\n\u{1b}thought").spawn(move || {
                go2.recv();
                endless()
            });
            let overflows = overflows.unwrap();
            eprintln!("id is {};", overflows.task().id());
            go.send(());
            overflows.join().unwrap();
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGABRT), "{ended:#?}");
    let id = ended.stderr.split("id is ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    ended.assert_says(&[
        &format!("goroutine {id} 'deep\\n\\u{{1b}}thought', spawned at runtime/tests/overflow.rs:"),
        "has overflowed its stack of 262144 bytes",
        "rt::task::Builder::stack_size",
        "RT_STACK_SIZE",
    ]);
}

#[test]
fn one_without_a_name_and_with_a_stack_of_its_own() {
    let name = "one_without_a_name_and_with_a_stack_of_its_own";
    if is_child(name) {
        let runtime = runtime(1);
        let big = rt::task::Builder::new().stack_size(1 << 20);
        runtime.run(|| {
            // Others have used the stacks before, and it has parked before it overflows.
            let _: Vec<_> = (0..100).map(|_| rt::spawn(rt::yield_now).join()).collect();
            let overflows = big.spawn(|| {
                rt::yield_now();
                rt::time::sleep(std::time::Duration::from_millis(1));
                endless()
            });
            overflows.unwrap().join().unwrap();
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGABRT), "{ended:#?}");
    ended.assert_says(&[
        "\ngoroutine ",
        ", spawned at ",
        "has overflowed its stack of 1048576 bytes",
    ]);
}

#[test]
fn the_first_goroutine_has_the_stack_of_a_main_thread() {
    let name = "the_first_goroutine_has_the_stack_of_a_main_thread";
    if is_child(name) {
        let runtime = runtime(1);
        // Six of its eight mebibytes.
        let levels = (6 << 20) / 512;
        assert_ne!(runtime.run(|| deep(levels)), 0);
        runtime.run(endless);
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGABRT), "{ended:#?}");
    ended.assert_says(&["has overflowed its stack of 8388608 bytes"]);
}

#[test]
fn another_fault_of_a_goroutine_goes_where_it_went() {
    let name = "another_fault_of_a_goroutine_goes_where_it_went";
    if is_child(name) {
        runtime(1).run(|| {
            let null = std::hint::black_box(std::ptr::null::<u8>());
            // SAFETY: none: it is the fault that is tested. The process ends here.
            eprintln!("read {}", unsafe { null.read_volatile() });
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGSEGV), "{ended:#?}");
    assert!(!ended.stderr.contains("overflowed"), "{ended:#?}");
}

#[test]
fn a_handler_that_was_there_gets_its_faults() {
    let name = "a_handler_that_was_there_gets_its_faults";
    if is_child(name) {
        extern "C" fn handler(_: libc::c_int) {
            // SAFETY: async-signal-safe calls alone.
            unsafe { libc::_exit(42) };
        }
        let handler: extern "C" fn(libc::c_int) = handler;
        // SAFETY: a handler of the right type.
        unsafe { libc::signal(libc::SIGSEGV, handler as libc::sighandler_t) };
        runtime(1).run(|| {
            let null = std::hint::black_box(std::ptr::null::<u8>());
            // SAFETY: none: it is the fault that is tested. The process ends here.
            eprintln!("read {}", unsafe { null.read_volatile() });
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.code, Some(42), "{ended:#?}");
}

#[test]
fn a_plain_thread_that_overflows_has_std_s_message() {
    let name = "a_plain_thread_that_overflows_has_std_s_message";
    if is_child(name) {
        let runtime = runtime(1);
        runtime.run(|| ());
        std::thread::Builder::new()
            .name("plain".to_owned())
            .spawn(endless)
            .unwrap()
            .join()
            .unwrap();
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGABRT), "{ended:#?}");
    ended.assert_says(&["thread 'plain'", "has overflowed its stack"]);
    assert!(!ended.stderr.contains("goroutine"), "{ended:#?}");
}

/// A panic with a backtrace fits into the smallest stack.
#[test]
fn a_backtrace_fits_into_the_smallest_stack() {
    let name = "a_backtrace_fits_into_the_smallest_stack";
    if is_child(name) {
        let runtime = rt::Runtime::builder().procs(1).stack_size(32 << 10).build().unwrap();
        runtime.run(|| {
            let error = rt::spawn(|| panic!("with a backtrace")).join().unwrap_err();
            assert!(error.is_panic());
        });
        return;
    }
    let _t = common::test();
    let mut command = child(name);
    command.env("RUST_BACKTRACE", "full");
    let ended = common::run(command);
    ended.assert_success();
    ended.assert_says(&["with a backtrace", "stack backtrace:"]);
}

/// A waker is a stranger's code, and runs on the stack of a goroutine that has ended.
#[test]
fn a_waker_that_overflows_after_the_end_is_no_goroutine() {
    struct Deep;
    impl Wake for Deep {
        fn wake(self: Arc<Self>) {
            std::hint::black_box(endless());
        }
    }
    let name = "a_waker_that_overflows_after_the_end_is_no_goroutine";
    if is_child(name) {
        runtime(1).run(|| {
            let mut handle = rt::spawn(rt::yield_now);
            let waker = Waker::from(Arc::new(Deep));
            let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            rt::time::sleep(std::time::Duration::from_secs(600));
        });
        return;
    }
    let _t = common::test();
    let ended = common::run(child(name));
    assert_eq!(ended.signal, Some(libc::SIGABRT), "{ended:#?}");
    ended.assert_says(&[
        "\nwhat ran after the end of a goroutine has overflowed its stack of 262144 bytes\n",
        "RT_STACK_SIZE",
    ]);
}

/// What the runtime does on a goroutine's stack fits into the smallest one, also where a run queue grows.
#[test]
fn a_run_queue_grows_on_the_smallest_stack() {
    let name = "a_run_queue_grows_on_the_smallest_stack";
    if is_child(name) {
        const MANY: usize = 2_000;
        let runtime = rt::Runtime::builder().procs(2).stack_size(32 << 10).build().unwrap();
        let woken = runtime.handle().spawn(|| {
            // It starts as many, and wakes as many at once; others do as they end.
            let gate = rt::chan::Chan::<()>::new(0);
            let waits = |gate: rt::chan::Chan<()>| rt::spawn(move || gate.recv().is_none());
            let all: Vec<_> = (0..MANY).map(|_| waits(gate.clone())).collect();
            rt::time::sleep(std::time::Duration::from_millis(5));
            gate.close();
            all.into_iter().map(|h| h.join().unwrap()).filter(|&it| it).count()
        });
        assert_eq!(woken.join().unwrap(), MANY);
        return;
    }
    let _t = common::test();
    common::run(child(name)).assert_success();
}
