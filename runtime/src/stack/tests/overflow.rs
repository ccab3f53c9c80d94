//! Faults, each in a process of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use corosensei::Coroutine;

use super::*;
use crate::sys::{Altstack, errno, page_size, set_errno};

/// The guard that [`describe`] knows.
static KNOWN: AtomicUsize = AtomicUsize::new(0);

fn describe(address: usize, report: &mut Report) -> bool {
    let guard = KNOWN.load(Ordering::Relaxed);
    let known = guard != 0 && (guard..guard + guard_size()).contains(&address);
    if known {
        report.str("goroutine ").num(42).str(" used its stack up\n");
    }
    known
}

#[expect(unconditional_recursion, reason = "the overflow under test")]
fn for_ever(level: u64) -> u64 {
    let frame = std::hint::black_box([level; 32]);
    for_ever(level + 1) + frame[0]
}

/// Runs `body` on a known stack.
fn on_a_stack(body: fn()) {
    let stack = taken(64 << 10, 1).pop().unwrap();
    KNOWN.store(bounds(&stack).0, Ordering::Relaxed);
    let mut coroutine = Coroutine::with_stack(stack, move |_: &corosensei::Yielder<(), ()>, ()| {
        body();
    });
    let _ = coroutine.resume(());
}

fn read_null() {
    let null = std::hint::black_box(std::ptr::without_provenance::<u8>(8));
    // SAFETY: not sound at all: the fault under test.
    let _ = unsafe { null.read_volatile() };
}

/// Sets a handler, as code that was there before the runtime would.
fn set_handler(signal: libc::c_int, handler: usize, flags: libc::c_int) {
    // SAFETY: all zeroes is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the handlers of this file have the type that `flags` says.
    let rc = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    assert_eq!(rc, 0);
}

fn leave(text: &str) -> ! {
    // SAFETY: pointer and length describe `text`.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
    // SAFETY: ends the process, async-signal-safe.
    unsafe { libc::_exit(7) }
}

extern "C" fn full_handler(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel's own pointer, passed on.
    let info = unsafe { &*info };
    // SAFETY: a fault has an address.
    let address = unsafe { info.si_addr() }.addr();
    leave(if address == 8 { "full handler at 8" } else { "full handler elsewhere" });
}

extern "C" fn plain_handler(signal: libc::c_int) {
    leave(if signal == libc::SIGSEGV { "plain handler" } else { "plain handler, odd signal" });
}

#[test]
fn an_overflow_is_described_and_aborts() {
    const ME: &str = "stack::tests::overflow::an_overflow_is_described_and_aborts";
    if !in_child() {
        for mode in ["mprotect", ""] {
            child(ME, &[("RT_STACK_GUARD", mode)])
                .died_of(libc::SIGABRT)
                .saying("goroutine 42 used its stack up\n");
        }
        return;
    }
    install(describe);
    std::thread::spawn(|| {
        let _altstack = Altstack::install().unwrap();
        on_a_stack(|| {
            for_ever(0);
        });
    })
    .join()
    .unwrap();
}

#[test]
fn without_a_handler_the_guard_kills() {
    const ME: &str = "stack::tests::overflow::without_a_handler_the_guard_kills";
    if !in_child() {
        for mode in ["mprotect", ""] {
            child(ME, &[("RT_STACK_GUARD", mode)]).died_of(libc::SIGSEGV);
        }
        return;
    }
    let stack = taken(64 << 10, 1).pop().unwrap();
    write(&stack, bounds(&stack).0 + guard_size() - 1, 1);
}

#[test]
fn another_fault_kills_as_before() {
    const ME: &str = "stack::tests::overflow::another_fault_kills_as_before";
    if !in_child() {
        child(ME, &[]).died_of(libc::SIGSEGV);
        return;
    }
    install(describe);
    on_a_stack(read_null);
}

#[test]
fn another_fault_goes_to_the_handler_before() {
    const ME: &str = "stack::tests::overflow::another_fault_goes_to_the_handler_before";
    if !in_child() {
        for (kind, text) in [("full", "full handler at 8"), ("plain", "plain handler")] {
            let ended = child(ME, &[("RT_STACK_TEST_KIND", kind)]);
            assert_eq!(ended.0.status.code(), Some(7), "{}", ended.said());
            ended.saying(text);
        }
        return;
    }
    if std::env::var("RT_STACK_TEST_KIND").unwrap() == "full" {
        set_handler(
            libc::SIGSEGV,
            full_handler as *const () as usize,
            libc::SA_SIGINFO | libc::SA_ONSTACK,
        );
    } else {
        set_handler(libc::SIGSEGV, plain_handler as *const () as usize, libc::SA_ONSTACK);
    }
    install(describe);
    on_a_stack(read_null);
}

#[test]
fn an_ignored_fault_kills_and_an_ignored_kill_does_not() {
    const ME: &str = "stack::tests::overflow::an_ignored_fault_kills_and_an_ignored_kill_does_not";
    if !in_child() {
        child(ME, &[]).died_of(libc::SIGSEGV).saying("still here");
        return;
    }
    set_handler(libc::SIGSEGV, libc::SIG_IGN, 0);
    install(describe);
    set_errno(1234);
    // SAFETY: ignored, as the line above says.
    let rc = unsafe { libc::raise(libc::SIGSEGV) };
    assert_eq!((rc, errno()), (0, 1234));
    eprintln!("still here");
    read_null();
}

#[test]
fn a_kill_by_default_kills() {
    const ME: &str = "stack::tests::overflow::a_kill_by_default_kills";
    if !in_child() {
        child(ME, &[]).died_of(libc::SIGSEGV);
        return;
    }
    set_handler(libc::SIGSEGV, libc::SIG_DFL, 0);
    install(describe);
    // SAFETY: ends this child.
    unsafe { libc::raise(libc::SIGSEGV) };
}

/// The page that [`repair`] makes accessible.
static BROKEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn repair(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let page = BROKEN.load(Ordering::Relaxed) as *mut libc::c_void;
    // SAFETY: the test's own page.
    unsafe { libc::mprotect(page, page_size(), libc::PROT_READ | libc::PROT_WRITE) };
    set_errno(99);
}

#[test]
fn a_fault_that_is_repaired_goes_on_with_errno_kept() {
    const ME: &str = "stack::tests::overflow::a_fault_that_is_repaired_goes_on_with_errno_kept";
    if !in_child() {
        return child(ME, &[]).passed();
    }
    set_handler(libc::SIGSEGV, repair as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK);
    install(describe);
    let page = crate::sys::mem::reserve(page_size()).unwrap();
    // SAFETY: sys invariants 1 and 2: mapped just now.
    unsafe { crate::sys::mem::protect(crate::sys::Span::new(page, page_size())) }.unwrap();
    BROKEN.store(page.addr().get(), Ordering::Relaxed);
    set_errno(1234);
    // SAFETY: accessible once the handler has been there.
    unsafe { page.write_volatile(5) };
    assert_eq!(errno(), 1234);
    // SAFETY: accessible now.
    assert_eq!(unsafe { page.read_volatile() }, 5);
}

extern "C" fn overflow_here(_: libc::c_int) {
    for_ever(0);
}

#[test]
fn std_still_reports_an_overflowing_thread() {
    const ME: &str = "stack::tests::overflow::std_still_reports_an_overflowing_thread";
    if !in_child() {
        child(ME, &[])
            .died_of(libc::SIGABRT)
            .saying("thread 'narrow'")
            .saying("has overflowed its stack");
        return;
    }
    install(describe);
    let narrow = std::thread::Builder::new().name("narrow".into());
    let _ = narrow.spawn(|| for_ever(0)).unwrap().join();
}

#[test]
#[cfg(target_os = "linux")]
fn std_still_reports_an_overflowing_main_thread() {
    const ME: &str = "stack::tests::overflow::std_still_reports_an_overflowing_main_thread";
    if !in_child() {
        child(ME, &[])
            .died_of(libc::SIGABRT)
            .saying("thread 'main'")
            .saying("has overflowed its stack");
        return;
    }
    install(describe);
    // Tests run on other threads. The main one waits for this one, and takes signals meanwhile, on
    // its own stack as nobody asked for another.
    set_handler(libc::SIGUSR1, overflow_here as *const () as usize, 0);
    let main = std::process::id();
    // SAFETY: sends a signal that has a handler.
    let rc = unsafe { libc::syscall(libc::SYS_tgkill, main, main, libc::SIGUSR1) };
    assert_eq!(rc, 0);
    std::thread::park();
}
