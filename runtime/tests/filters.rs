//! System calls that a filter forbids when the runtime has used them already.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{builder, child, is_child};
use rt::chan::Chan;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// From now on these calls fail with `errno`, in all threads of the process. `false`: the system has no filters.
fn forbid(calls: &[libc::c_long], errno: i32) -> bool {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // The call's number is the first word of what a filter sees.
    let mut program = vec![step(LOAD, 0, 0, 0)];
    for &call in calls {
        program.push(step(EQUAL, 0, 1, u32::try_from(call).unwrap()));
        program.push(step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()));
    }
    program.push(step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    let len = program.len().try_into().unwrap();
    let filter = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    // SAFETY: a plain request, without which only root may set a filter.
    let rc = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(rc, 0);
    // SAFETY: the program and its description live over the call.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const filter,
        )
    };
    if rc != 0 {
        eprintln!("no filter: {}", std::io::Error::last_os_error());
    }
    rc == 0
}

/// Runs the test again as a child. `None`: there are no filters here.
fn filtered(name: &str) -> Option<common::Ended> {
    let _t = common::test();
    let ended = common::run(child(name));
    if ended.stderr.contains("no filter:") {
        eprintln!("skipped: the system has no filters");
        return None;
    }
    Some(ended)
}

/// Whoever blocks in the system loses its processor, also without the barrier.
#[test]
fn without_membarrier_who_blocks_loses_its_processor() {
    let name = "without_membarrier_who_blocks_loses_its_processor";
    if !is_child(name) {
        if let Some(ended) = filtered(name) {
            ended.assert_success();
        }
        return;
    }
    let runtime = builder(1).build().unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let reader = Arc::new(reader);
    runtime.run(|| rt::spawn(|| ()).join().unwrap());
    if !forbid(&[libc::SYS_membarrier], libc::EPERM) {
        return;
    }
    runtime.run(|| {
        for _ in 0..20 {
            let reader = Arc::clone(&reader);
            let blocks = rt::spawn(move || (&*reader).read_exact(&mut [0]).unwrap());
            // Here it begins, and nobody has written yet.
            rt::time::sleep(Duration::from_millis(1));
            assert!(!blocks.is_finished());
            writer.write_all(&[1]).unwrap();
            blocks.join().unwrap();
        }
    });
}

/// A lock that favours a thread cannot be taken from it: that is said.
#[test]
fn a_lock_that_needs_membarrier_says_so() {
    let name = "a_lock_that_needs_membarrier_says_so";
    if !is_child(name) {
        if let Some(ended) = filtered(name) {
            // Where there was no such call from the beginning, nobody was favoured.
            if ended.signal.is_none() {
                return ended.assert_success();
            }
            let says = ["membarrier", "Operation not permitted (os error 1)", "RT_BARRIER=fence"];
            ended.assert_says(&says);
            assert!(!ended.stderr.contains("internal error"), "{ended:#?}");
        }
        return;
    }
    let runtime = builder(2).build().unwrap();
    let chan = Chan::new(4);
    runtime.run(|| {
        for n in 0..100_000 {
            chan.send(n);
            assert_eq!(chan.recv(), Some(n));
        }
    });
    if !forbid(&[libc::SYS_membarrier], libc::EPERM) {
        return;
    }
    // Another thread than the favoured one.
    chan.send(7);
    assert_eq!(chan.recv(), Some(7));
}

fn echo(rounds: usize) {
    let listener = rt::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = rt::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        while stream.read(&mut byte).unwrap() == 1 {
            stream.write_all(&byte).unwrap();
        }
    });
    let mut stream = rt::net::TcpStream::connect(address).unwrap();
    for _ in 0..rounds {
        stream.write_all(&[7]).unwrap();
        rt::time::sleep(Duration::from_micros(300));
        stream.read_exact(&mut [0]).unwrap();
    }
    drop(stream);
    server.join().unwrap();
}

/// The newer call is forbidden, in whatever way, and the older one is there.
#[test]
fn without_the_newer_call_the_poller_uses_the_older_one() {
    let name = "without_the_newer_call_the_poller_uses_the_older_one";
    if !is_child(name) {
        if let Some(ended) = filtered(name) {
            ended.assert_success();
        }
        return;
    }
    let runtime = builder(2).build().unwrap();
    runtime.run(|| echo(20));
    if forbid(&[libc::SYS_epoll_pwait2], libc::EACCES) {
        runtime.run(|| echo(20));
    }
}

/// Without any the sockets cannot be waited for: that is said.
#[test]
fn without_epoll_the_poller_says_so() {
    let name = "without_epoll_the_poller_says_so";
    if !is_child(name) {
        if let Some(ended) = filtered(name) {
            assert_eq!(ended.signal, Some(libc::SIGABRT), "{ended:#?}");
            ended.assert_says(&["epoll_wait", "Operation not permitted (os error 1)"]);
            assert!(!ended.stderr.contains("internal error"), "{ended:#?}");
        }
        return;
    }
    let runtime = builder(2).build().unwrap();
    runtime.run(|| echo(20));
    let all = [
        libc::SYS_epoll_pwait2,
        libc::SYS_epoll_pwait,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait,
    ];
    if forbid(&all, libc::EPERM) {
        runtime.run(|| echo(20));
    }
}

/// Threads that cannot be put to sleep look again and again, with a pause.
#[test]
fn without_futexes_all_goes_on() {
    let name = "without_futexes_all_goes_on";
    if !is_child(name) {
        if let Some(ended) = filtered(name) {
            ended.assert_success();
        }
        return;
    }
    let runtime = builder(2).build().unwrap();
    runtime.run(|| rt::spawn(|| ()).join().unwrap());
    if !forbid(&[libc::SYS_futex], libc::EPERM) {
        return;
    }
    let handle = runtime.handle();
    let done = handle.spawn(|| {
        let all: Vec<_> = (0..50_u64)
            .map(|n| {
                rt::spawn(move || {
                    rt::time::sleep(Duration::from_millis(n % 7));
                    n
                })
            })
            .collect();
        let sum = all.into_iter().map(|one| one.join().unwrap()).sum::<u64>();
        let used = cpu_time();
        rt::time::sleep(Duration::from_millis(500));
        (sum, cpu_time() - used)
    });
    let (sum, used) = done.join().unwrap();
    eprintln!("used: {used:?}");
    assert_eq!(sum, 1225);
    assert!(used < Duration::from_millis(250), "it spins: {used:?}");
    // Without its end, for which std's threads wait.
    std::process::exit(0);
}

fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes `time` alone.
    let rc = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(rc, 0);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec.try_into().unwrap())
}
