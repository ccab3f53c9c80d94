//! How sockets and those who wait on them end: close, abort, shutdown; no file is left, or there are
//! none to be had; many at once.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;
#[path = "common/net.rs"]
mod net;

use common::{apart, eventually, runtime};
use net::{beside, everywhere, listener, pair};
use rt::net::{Closed, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[track_caller]
fn assert_closed<T>(result: io::Result<T>) {
    match result {
        Ok(_) => panic!("it worked, on a closed socket"),
        Err(error) => {
            assert!(Closed::is(&error), "{error:?}");
            assert_eq!(error.kind(), ErrorKind::NotConnected);
            assert_eq!(error.to_string(), "use of closed network connection");
        }
    }
}

#[test]
fn frees_all_who_wait() {
    let _t = common::test();
    everywhere(|| {
        // Some of them have parked by then, and some not: both must end.
        for pause in [0, 0, 0, 2, 2] {
            let (_client, server) = pair();
            let server = Arc::new(server);
            let waiters: Vec<_> = (0..4)
                .map(|_| {
                    let server = Arc::clone(&server);
                    beside(move || (&*server).read(&mut [0; 1]))
                })
                .collect();
            rt::time::sleep(Duration::from_millis(pause));
            server.close().unwrap();
            waiters.into_iter().for_each(|waiter| assert_closed(waiter()));
        }
    });
}

#[test]
fn frees_readers_and_writers() {
    let _t = common::test();
    everywhere(|| {
        let (_client, server) = pair();
        let server = Arc::new(server);
        let waiters: Vec<_> = (0..4)
            .map(|n| {
                let server = Arc::clone(&server);
                beside(move || match n % 2 {
                    0 => (&*server).read(&mut [0; 1]).map(drop),
                    _ => loop {
                        if let Err(error) = (&*server).write(&[0; 1 << 16]) {
                            break Err(error);
                        }
                    },
                })
            })
            .collect();
        rt::time::sleep(Duration::from_millis(5));
        server.close().unwrap();
        waiters.into_iter().for_each(|waiter| assert_closed(waiter()));
    });
}

#[test]
fn every_call_says_so_afterwards() {
    let _t = common::test();
    everywhere(|| {
        let (client, mut server) = pair();
        client.close().unwrap();
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0, "the other end sees it at once");
        assert_closed((&client).read(&mut [0; 1]));
        assert_closed((&client).write(b"x"));
        assert_closed(client.peek(&mut [0; 1]));
        assert_closed(client.shutdown(Shutdown::Both));
        assert_closed(client.set_nodelay(true));
        assert_closed(client.set_deadline(None));
        assert_closed(client.set_read_timeout(None));
        assert_closed(client.try_clone());
        assert_closed(client.take_error());
        assert_closed(client.local_addr());
        assert_closed(client.set_nonblocking(true));
        assert_closed(client.close());
        assert_closed(client.into_std());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        socket.close().unwrap();
        assert_closed(socket.recv_from(&mut [0; 1]));
        assert_closed(socket.send_to(b"x", address));
        let (a, b) = UnixDatagram::pair().unwrap();
        a.close().unwrap();
        assert_closed(a.recv(&mut [0; 1]));
        assert_closed(a.send_to(b"x", "/nowhere"));
        assert!(!Closed::is(&b.send(b"x").unwrap_err()));
    });
}

/// By the same handle or by a clone: who reads sees the end, who writes hears that nobody will read it.
#[test]
fn a_shutdown_ends_the_waits() {
    /// What `wait` comes to in the end.
    fn ends<S: Send + Sync + 'static>(
        (one, _other): (S, S),
        clone: (bool, fn(&S) -> io::Result<S>),
        shutdown: impl FnOnce(&S) -> io::Result<()>,
        wait: fn(&S) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let one = Arc::new(one);
        let by = if clone.0 { Arc::new(clone.1(&one).unwrap()) } else { Arc::clone(&one) };
        let waits: Vec<_> = (0..2)
            .map(|_| {
                let one = Arc::clone(&one);
                beside(move || wait(&one))
            })
            .collect();
        rt::time::sleep(Duration::from_millis(2));
        shutdown(&by).unwrap();
        waits
            .into_iter()
            .map(|waits| waits())
            .collect::<io::Result<Vec<_>>>()
            .map(|n| n.into_iter().sum())
    }
    /// Until it fails.
    fn fill(mut write: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
        std::iter::repeat_with(|| write().map(|_| 1)).sum()
    }
    fn is_broken(result: io::Result<usize>) {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    let _t = common::test();
    everywhere(|| {
        for clones in [false, true] {
            for how in [Shutdown::Read, Shutdown::Both] {
                let read = |mut s: &TcpStream| s.read(&mut [0; 8]);
                let clone = (clones, TcpStream::try_clone as fn(&_) -> _);
                assert_eq!(ends(pair(), clone, |s| s.shutdown(how), read).unwrap(), 0);
                let read = |mut s: &UnixStream| s.read(&mut [0; 8]);
                let clone = (clones, UnixStream::try_clone as fn(&_) -> _);
                let pair = UnixStream::pair().unwrap();
                assert_eq!(ends(pair, clone, |s| s.shutdown(how), read).unwrap(), 0);
                let read = |s: &UnixDatagram| s.recv(&mut [0; 8]);
                let clone = (clones, UnixDatagram::try_clone as fn(&_) -> _);
                let pair = UnixDatagram::pair().unwrap();
                assert_eq!(ends(pair, clone, |s| s.shutdown(how), read).unwrap(), 0);
            }
            for how in [Shutdown::Write, Shutdown::Both] {
                let write = |mut s: &TcpStream| fill(|| s.write(&[0; 1 << 16]));
                let clone = (clones, TcpStream::try_clone as fn(&_) -> _);
                is_broken(ends(pair(), clone, |s| s.shutdown(how), write));
                let write = |mut s: &UnixStream| fill(|| s.write(&[0; 1 << 16]));
                let clone = (clones, UnixStream::try_clone as fn(&_) -> _);
                is_broken(ends(UnixStream::pair().unwrap(), clone, |s| s.shutdown(how), write));
                let write = |s: &UnixDatagram| fill(|| s.send(&[0; 1000]));
                let clone = (clones, UnixDatagram::try_clone as fn(&_) -> _);
                is_broken(ends(UnixDatagram::pair().unwrap(), clone, |s| s.shutdown(how), write));
            }
        }
    });
}

/// What has come is received first; then there are ends without end.
#[test]
fn a_datagram_socket_that_was_shut_down_says_so() {
    let _t = common::test();
    everywhere(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        other.send(b"one").unwrap();
        one.shutdown(Shutdown::Read).unwrap();
        let ctx = rt::context::Context::background();
        let mut buf = [0; 8];
        assert_eq!(one.recv(&mut buf).unwrap(), 3);
        for _ in 0..2 {
            assert_eq!(one.recv(&mut buf).unwrap(), 0);
            assert_eq!(one.peek(&mut buf).unwrap(), 0);
            assert_eq!(one.recv_ctx(&mut buf, &ctx).unwrap(), 0);
            let (n, from) = one.recv_from(&mut buf).unwrap();
            assert!(n == 0 && from.is_unnamed());
        }
        assert_eq!(other.send(b"two").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// As std's: the end is for those who wait.
#[test]
fn a_datagram_socket_that_was_shut_down_and_is_not_to_wait() {
    /// What two receivers get, and a third one when it may wait.
    macro_rules! received {
        ($socket:ty) => {{
            let (one, other) = <$socket>::pair().unwrap();
            other.send(b"one").unwrap();
            one.shutdown(Shutdown::Read).unwrap();
            one.set_nonblocking(true).unwrap();
            let mut buf = [0; 8];
            let mut receive = || one.recv(&mut buf).map_err(|error| error.kind());
            let (first, second) = (receive(), receive());
            let from = one.recv_from(&mut [0; 8]).map(|(n, _)| n).map_err(|error| error.kind());
            one.set_nonblocking(false).unwrap();
            (first, second, from, receive())
        }};
    }
    let _t = common::test();
    let blocks = ErrorKind::WouldBlock;
    let expected = (Ok(3), Err(blocks), Err(blocks), Ok(0));
    assert_eq!(received!(std::os::unix::net::UnixDatagram), expected);
    everywhere(|| assert_eq!(received!(UnixDatagram), expected));
}

/// What the socket had is free at once, though the handle is still there.
#[test]
fn releases_the_port() {
    let _t = common::test();
    everywhere(|| {
        for _ in 0..20 {
            let first = listener();
            let address = first.local_addr().unwrap();
            assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
            first.close().unwrap();
            let second = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(address).unwrap();
            assert_eq!(second.accept().unwrap().1, client.local_addr().unwrap());
            assert_closed(first.accept());
        }
        let first = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap();
        first.close().unwrap();
        UdpSocket::bind(address).unwrap();
        drop(first);
    });
}

#[test]
fn stops_an_accept_loop() {
    let _t = common::test();
    everywhere(|| {
        let listener = Arc::new(listener());
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let loops: Vec<_> = (0..3)
            .map(|_| {
                let (listener, accepted) = (Arc::clone(&listener), Arc::clone(&accepted));
                beside(move || {
                    let mut last = None;
                    for stream in listener.incoming() {
                        assert!(last.is_none(), "it went on behind the end");
                        match stream {
                            Ok(_) => _ = accepted.fetch_add(1, Ordering::SeqCst),
                            Err(error) => last = Some(error),
                        }
                    }
                    last.unwrap()
                })
            })
            .collect();
        for _ in 0..50 {
            TcpStream::connect(address).unwrap();
        }
        eventually("all are accepted", || {
            rt::yield_now();
            accepted.load(Ordering::SeqCst) == 50
        });
        listener.close().unwrap();
        loops.into_iter().for_each(|accepting| assert_closed::<()>(Err(accepting())));
        assert!(TcpStream::connect(address).is_err());
    });
}

#[test]
fn of_unix_listeners_and_datagrams() {
    let _t = common::test();
    everywhere(|| {
        let path = std::env::temp_dir().join(format!("rt-close-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = Arc::new(UnixListener::bind(&path).unwrap());
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let accepting = {
            let listener = Arc::clone(&listener);
            beside(move || listener.accept())
        };
        let receiving = {
            let socket = Arc::clone(&socket);
            beside(move || socket.recv(&mut [0; 1]))
        };
        rt::time::sleep(Duration::from_millis(1));
        listener.close().unwrap();
        socket.close().unwrap();
        assert_closed(accepting());
        assert_closed(receiving());
        std::fs::remove_file(&path).unwrap();
    });
}

/// Closed by many at once: one has done it. And beside calls: each works, or says that it is closed, and none
/// meets a file of somebody else.
#[test]
fn in_a_race() {
    let _t = common::test();
    everywhere(|| {
        for _ in 0..30 {
            let (client, server) = pair();
            let (client, server) = (Arc::new(client), Arc::new(server));
            let busy: Vec<_> = (0..2)
                .map(|_| {
                    let client = Arc::clone(&client);
                    beside(move || {
                        loop {
                            match (&*client).write_all(b"mine") {
                                Ok(()) => rt::yield_now(),
                                Err(error) => return error,
                            }
                        }
                    })
                })
                .collect();
            let closing: Vec<_> = (0..3)
                .map(|_| {
                    let client = Arc::clone(&client);
                    beside(move || client.close().is_ok())
                })
                .collect();
            let closed = closing.into_iter().filter_map(|c| c().then_some(())).count();
            assert_eq!(closed, 1);
            // Files that could have got the number.
            let (mut theirs, _keep) = UnixStream::pair().unwrap();
            busy.into_iter().for_each(|b| assert_closed::<()>(Err(b())));
            theirs.set_nonblocking(true).unwrap();
            assert_eq!(theirs.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut got = Vec::new();
            (&*server).read_to_end(&mut got).unwrap();
            assert!(got.chunks(4).all(|chunk| chunk == b"mine"));
        }
    });
}

/// A goroutine that waits is unwound, and the next one in the queue gets what comes.
#[test]
fn an_aborted_reader_leaves_no_trace() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        runtime(procs).run(|| {
            let (mut client, server) = pair();
            let server = Arc::new(server);
            for round in 0..50 {
                let mut readers: Vec<_> = (0..3)
                    .map(|_| {
                        let server = Arc::clone(&server);
                        rt::spawn(move || (&*server).read(&mut [0; 1]).unwrap())
                    })
                    .collect();
                if round % 3 != 0 {
                    rt::time::sleep(Duration::from_micros(300));
                }
                let aborted = readers.swap_remove(round % 3);
                // Before, beside and after the data comes: then it may have been the one to be told.
                if round % 2 == 0 {
                    client.write_all(b"x").unwrap();
                }
                aborted.abort();
                if round % 2 != 0 {
                    client.write_all(b"x").unwrap();
                }
                let mut got = match aborted.join() {
                    Ok(n) => n,
                    Err(error) => {
                        assert!(error.is_cancelled());
                        0
                    }
                };
                if got == 0 {
                    client.write_all(b"y").unwrap();
                } else {
                    client.write_all(b"yz").unwrap();
                    got = 0;
                }
                for reader in readers {
                    got += reader.join().unwrap();
                }
                assert_eq!(got, 2);
            }
        });
    }
}

#[test]
fn a_runtime_that_stops_unwinds_them() {
    let _t = common::test();
    for procs in [1, 2, 8] {
        let listener = Arc::new(listener());
        let (client, server) = pair();
        let server = Arc::new(server);
        let tally = common::Tally::default();
        let runtime = runtime(procs);
        for n in 0..20 {
            let (listener, server) = (Arc::clone(&listener), Arc::clone(&server));
            let token = tally.token();
            drop(runtime.handle().spawn(move || {
                let _token = token;
                match n % 3 {
                    0 => drop(listener.accept()),
                    1 => drop((&*server).read(&mut [0; 1])),
                    _ => {
                        server.set_write_timeout(Some(Duration::from_secs(3600))).unwrap();
                        while (&*server).write(&[0; 1 << 16]).is_ok() {}
                    }
                }
            }));
        }
        std::thread::sleep(Duration::from_millis(5));
        drop(runtime);
        tally.assert_all_dropped();
        // The sockets are as they were, for others.
        (&client).write_all(b"x").unwrap();
        assert_eq!((&*server).read(&mut [0; 1]).unwrap(), 1);
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(listener.accept().unwrap().1, stream.local_addr().unwrap());
    }
}

/// One socket, used from two runtimes and a thread.
#[test]
fn of_several_runtimes() {
    let _t = common::test();
    let runtimes = [runtime(1), runtime(2)];
    let (mut client, server) = pair();
    let server = Arc::new(server);
    let mut readers: Vec<Box<dyn FnOnce() -> usize>> = Vec::new();
    for n in 0..6 {
        let server = Arc::clone(&server);
        let read = move || {
            let mut sum = 0;
            while (&*server).read(&mut [0; 1]).unwrap() == 1 {
                sum += 1;
            }
            sum
        };
        readers.push(match runtimes.get(n % 3) {
            Some(runtime) => {
                let handle = runtime.handle().spawn(read);
                Box::new(move || handle.join().unwrap())
            }
            None => beside(read),
        });
    }
    for _ in 0..500 {
        client.write_all(b"x").unwrap();
    }
    drop(client);
    assert_eq!(readers.into_iter().map(|reader| reader()).sum::<usize>(), 500);
}

/// Lowers what this process may open, to a few more than it has.
fn leave_files(more: u64) {
    let open = common::files_and_mappings().0 as u64;
    let limit = libc::rlimit { rlim_cur: open + more, rlim_max: open + more };
    // SAFETY: a limit of this process, which nothing else uses.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// Accepting goes on as soon as there are files again; until then it waits, and can be ended.
#[test]
fn without_files() {
    apart("without_files", |_| {
        runtime(2).run(|| {
            // What is opened on the way is opened now.
            let (warm, _up) = pair();
            warm.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
            let _ = warm.peek(&mut [0; 1]);
            let listener = Arc::new(listener());
            let address = listener.local_addr().unwrap();
            leave_files(8);
            let mut files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/").ok()).collect();
            let error = TcpStream::connect(address).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            // One, for the client.
            files.pop();
            let mut client = TcpStream::connect(address).unwrap();
            let start = Instant::now();
            listener.set_deadline(Some(start + Duration::from_millis(30))).unwrap();
            let error = listener.accept().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(start.elapsed() >= Duration::from_millis(30));
            listener.set_deadline(None).unwrap();
            listener.set_nonblocking(true).unwrap();
            assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(libc::EMFILE));
            listener.set_nonblocking(false).unwrap();
            let is_accepted = Arc::new(AtomicBool::new(false));
            let accepted = Arc::clone(&is_accepted);
            let accepting = {
                let listener = Arc::clone(&listener);
                rt::spawn(move || {
                    let first = listener.accept().unwrap();
                    accepted.store(true, Ordering::SeqCst);
                    (first, listener.accept())
                })
            };
            rt::time::sleep(Duration::from_millis(20));
            assert!(!is_accepted.load(Ordering::SeqCst));
            client.write_all(b"hello").unwrap();
            // Accepted now, though nothing new has happened on the listener; and the second one waits. The runtime itself
            // may be quicker, which looks at threads: for that there is another file.
            let (other, address2) = (Arc::clone(&listener), address);
            eventually("there is a file", || {
                files.pop();
                rt::time::sleep(Duration::from_millis(10));
                is_accepted.load(Ordering::SeqCst)
            });
            files.extend(std::iter::from_fn(|| std::fs::File::open("/").ok()));
            let _second = loop {
                files.pop();
                match TcpStream::connect(address2) {
                    Ok(second) => break second,
                    Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE)),
                }
            };
            rt::time::sleep(Duration::from_millis(20));
            other.close().unwrap();
            let (first, second) = accepting.join().unwrap();
            let mut hello = [0; 5];
            (&first.0).read_exact(&mut hello).unwrap();
            assert_eq!(&hello, b"hello");
            assert_closed(second);
        });
    });
}

#[test]
fn no_file_is_left() {
    apart("no_file_is_left", |_| {
        let round = || {
            let (client, server) = pair();
            let clone = client.try_clone().unwrap();
            let reading = beside(move || (&server).read(&mut [0; 1]).unwrap());
            let closed = UdpSocket::bind("127.0.0.1:0").unwrap();
            closed.close().unwrap();
            let (a, _b) = UnixStream::pair().unwrap();
            drop(a.into_std().unwrap());
            drop(client);
            drop(clone);
            assert_eq!(reading(), 0);
            assert!(
                TcpStream::connect_timeout(
                    &closed.local_addr().err().map(|_| "127.0.0.1:1".parse().unwrap()).unwrap(),
                    Duration::from_secs(20)
                )
                .is_err()
            );
        };
        // The file that stands for nothing, and those of the plain threads' poller.
        runtime(2).run(round);
        round();
        let before = common::files_and_mappings().0;
        for _ in 0..20 {
            runtime(2).run(|| (0..10).for_each(|_| round()));
        }
        round();
        assert_eq!(common::files_and_mappings().0, before);
    });
}

/// So many goroutines wait at the same time, on a socket each, at both ends.
fn connections(count: usize, procs: usize) {
    runtime(procs).run(|| {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let server = rt::spawn(move || {
            let mut echoes = Vec::new();
            for _ in 0..count {
                let (mut stream, _) = listener.accept().unwrap();
                echoes.push(rt::spawn(move || {
                    let mut buf = [0; 8];
                    while stream.read(&mut buf[..1]).unwrap() != 0 {
                        stream.read_exact(&mut buf[1..]).unwrap();
                        stream.write_all(&buf).unwrap();
                    }
                }));
            }
            echoes.into_iter().for_each(|echo| echo.join().unwrap());
        });
        let all_there = rt::sync::Barrier::new(count);
        rt::scope(|s| {
            for n in 0..count as u64 {
                let all_there = &all_there;
                s.spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    all_there.wait();
                    for round in 0..3 {
                        let mut answer = [0; 8];
                        stream.write_all(&(n + round).to_le_bytes()).unwrap();
                        stream.read_exact(&mut answer).unwrap();
                        assert_eq!(u64::from_le_bytes(answer), n + round);
                    }
                });
            }
        });
        server.join().unwrap();
    });
}

/// As many files as the system lets this process have.
fn more_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a limit of this process.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the same.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    limit.rlim_cur
}

/// `RT_CONNECTIONS` of them; 2,000 if it is not set.
#[test]
fn many_connections() {
    apart("many_connections", |dog| {
        let count = std::env::var("RT_CONNECTIONS").map_or(2_000, |n| n.parse().unwrap());
        let files = more_files();
        // Two each, and some.
        let count = count.min((files as usize).saturating_sub(100) / 2);
        assert!(count >= 100, "there are only {files} files");
        connections(count, 2);
        dog.pet();
        connections(count.min(500), 8);
        dog.pet();
        connections(count.min(500), 1);
    });
}
