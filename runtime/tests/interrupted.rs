//! Signals all the time, on every thread, that interrupt what the system does for it: nobody is woken early, or hears of it.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_types, reason = "std's own atomics and threads disturb from outside")]

mod common;
#[path = "common/net.rs"]
mod net;

use rt::chan::{self, Chan};
use rt::net::{TcpStream, UdpSocket, UnixListener, UnixStream};
use rt::sync::{Condvar, Mutex, RwLock, Semaphore, WaitGroup};
use rt::time::{Ticker, Timer, sleep};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

static CAME: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_: libc::c_int) {
    CAME.fetch_add(1, Ordering::Relaxed);
}

/// Without `SA_RESTART`: what is interrupted fails.
fn interrupt_at(signal: libc::c_int) {
    // SAFETY: all zeroes is a valid action.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int) = count;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: a valid action, whose handler only adds to an atomic.
    assert_eq!(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) }, 0);
}

/// Sends `signal` to each thread but this one, over and over.
fn disturb(signal: libc::c_int, stop: &AtomicBool) {
    let process = std::process::id().cast_signed();
    // SAFETY: it has no arguments.
    let own = unsafe { libc::gettid() };
    while !stop.load(Ordering::Relaxed) {
        for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            let task: libc::pid_t = task.file_name().to_str().unwrap().parse().unwrap();
            if task != own {
                // SAFETY: numbers alone; a thread that has ended is none.
                unsafe { libc::syscall(libc::SYS_tgkill, process, task, signal) };
            }
        }
        thread::sleep(Duration::from_micros(50));
    }
}

/// Nobody is early.
fn takes<T>(at_least: Duration, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = f();
    assert!(start.elapsed() >= at_least, "{:?} of {at_least:?}", start.elapsed());
    result
}

fn waits_for_time() {
    for i in 0..10 {
        takes(i * MS / 2, || sleep(i * MS / 2));
        takes(MS, || assert!(chan::never::<()>().recv_timeout(MS).is_err()));
        takes(MS, || Timer::new(MS).chan().recv().unwrap());
        takes(
            MS,
            || rt::select! { recv(chan::never::<()>()) -> _ => unreachable!(), default(MS) => {} },
        );
        takes(MS, || rt::blocking(|| thread::sleep(MS)));
        takes(MS, || thread::sleep(MS));
    }
    takes(10 * MS, || assert_eq!(Ticker::new(MS).chan().iter().take(10).count(), 10));
}

fn waits_for_locks() {
    let (mutex, condvar, lock, one) =
        (Mutex::new(()), Condvar::new(), RwLock::new(()), Semaphore::new(1));
    let (_writes, _one) = (lock.write(), one.acquire(1));
    for _ in 0..10 {
        assert!(takes(MS, || condvar.wait_timeout(mutex.lock(), MS).1), "a spurious wake-up");
        assert!(takes(MS, || lock.read_timeout(MS)).is_none());
        assert!(takes(MS, || one.acquire_timeout(1, MS)).is_none());
    }
}

fn talks_to_itself() {
    let listener = net::listener();
    let address = listener.local_addr().unwrap();
    let server = rt::spawn(move || {
        for _ in 0..10 {
            let (stream, _) = listener.accept().unwrap();
            rt::spawn(move || {
                std::io::copy(&mut &stream, &mut &stream).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            });
        }
    });
    for round in 0..10 {
        let stream = Arc::new(TcpStream::connect(address).unwrap());
        let (sent, mut back) = (net::bytes(round, 200_000), Vec::new());
        let (writes, data) = (Arc::clone(&stream), sent.clone());
        let writer = rt::spawn(move || {
            (&*writes).write_all(&data).unwrap();
            writes.shutdown(Shutdown::Write).unwrap();
        });
        (&*stream).read_to_end(&mut back).unwrap();
        assert!(back == sent);
        writer.join().unwrap();
    }
    server.join().unwrap();
}

fn talks_without_connections() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut end, _other) = UnixStream::pair().unwrap();
    socket.set_read_timeout(Some(MS)).unwrap();
    end.set_read_timeout(Some(MS)).unwrap();
    for _ in 0..10 {
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        assert_eq!(socket.recv(&mut [0; 4]).unwrap(), 1);
        let error = takes(MS, || socket.recv(&mut [0]).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(takes(MS, || end.read(&mut [0]).unwrap_err()).kind(), ErrorKind::TimedOut);
    }
}

/// More who connect than may wait for it.
fn connects_to_a_path() {
    let name = format!("rt-interrupted-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let at = path.clone();
    let clients = rt::spawn(move || {
        (0..50).for_each(|_| UnixStream::connect(&at).unwrap().write_all(b"x").unwrap());
    });
    (0..50).for_each(|_| listener.accept().unwrap().0.read_exact(&mut [0]).unwrap());
    clients.join().unwrap();
    std::fs::remove_file(&path).unwrap();
}

fn blocks_in_the_system() {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let reads = rt::spawn(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).map(|_| all.len())
    });
    for _ in 0..10 {
        writer.write_all(&[1; 1000]).unwrap();
        sleep(MS / 5);
    }
    drop(writer);
    assert_eq!(reads.join().unwrap().unwrap(), 10_000);
    assert!(Command::new("true").status().unwrap().success());
}

fn many_begin_and_end() {
    let all: Vec<_> = (0..1000_u64).map(|i| rt::spawn(move || (rt::yield_now(), i).1)).collect();
    assert_eq!(all.into_iter().map(|one| one.join().unwrap()).sum::<u64>(), 499_500);
    let (there, back) = (Chan::new(0), Chan::new(0));
    rt::go!(there, back => for n in &there { back.send(n) });
    for n in 0..1000 {
        there.send(n);
        assert_eq!(back.recv(), Some(n));
    }
    there.close();
    let pinned = rt::spawn(|| {
        let _pin = rt::task::pin_thread();
        (0..20).for_each(|_| sleep(MS / 10));
    });
    pinned.join().unwrap();
    let start = Instant::now();
    while start.elapsed() < 15 * MS {}
}

#[test]
fn whatever_is_interrupted_goes_on() {
    common::apart("whatever_is_interrupted_goes_on", |dog| {
        interrupt_at(libc::SIGUSR2);
        let stop = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stop);
        let disturber = thread::spawn(move || disturb(libc::SIGUSR2, &stops));
        for procs in [1, 2, 8] {
            let before = CAME.load(Ordering::Relaxed);
            common::runtime(procs).run(|| {
                let all = WaitGroup::new();
                for work in [
                    waits_for_time,
                    waits_for_locks,
                    talks_to_itself,
                    talks_without_connections,
                    connects_to_a_path,
                    blocks_in_the_system,
                    many_begin_and_end,
                ] {
                    all.go(work);
                }
                all.wait();
            });
            assert!(CAME.load(Ordering::Relaxed) > before, "nothing was interrupted");
            dog.pet();
        }
        stop.store(true, Ordering::Relaxed);
        disturber.join().unwrap();
    });
}
