//! `net`'s TCP: connections, their ends, half closes, errors, options, conversions; from goroutines and
//! plain threads alike.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;
#[path = "common/net.rs"]
mod net;

use common::runtime;
use net::{beside, bytes, everywhere, listener, pair};
use rt::net::{Closed, TcpListener, TcpStream};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn echo() {
    let _t = common::test();
    everywhere(|| {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let server = beside(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buf = [0; 64];
            loop {
                match stream.read(&mut buf).unwrap() {
                    0 => return,
                    n => stream.write_all(&buf[..n]).unwrap(),
                }
            }
        });
        let mut client = TcpStream::connect(address).unwrap();
        for round in 0..100_u32 {
            client.write_all(&round.to_le_bytes()).unwrap();
            let mut answer = [0; 4];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(u32::from_le_bytes(answer), round);
        }
        drop(client);
        server();
    });
}

/// Much more than any buffer holds: reads and writes in parts, both ways at once, on one stream each.
#[test]
fn much_both_ways() {
    let _t = common::test();
    everywhere(|| {
        const LEN: usize = 3 << 20;
        let (client, server) = pair();
        let (client, server) = (Arc::new(client), Arc::new(server));
        let mut ends = Vec::new();
        for (seed, stream) in [(1, &client), (2, &server)] {
            let stream = Arc::clone(stream);
            ends.push(beside(move || {
                (&*stream).write_all(&bytes(seed, LEN)).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            }));
        }
        for (seed, stream) in [(1, &server), (2, &client)] {
            let stream = Arc::clone(stream);
            ends.push(beside(move || {
                let mut got = Vec::new();
                (&*stream).read_to_end(&mut got).unwrap();
                assert!(got == bytes(seed, LEN), "what came is not what was sent");
            }));
        }
        ends.into_iter().for_each(|end| end());
    });
}

/// One end is a goroutine, the other a thread with std's socket.
#[test]
fn with_threads_at_the_other_end() {
    let _t = common::test();
    const LEN: usize = 1 << 20;
    let std_listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = std_listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = std_listener.accept().unwrap();
        let mut all = vec![0; LEN];
        stream.read_exact(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    runtime(2).run(|| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&bytes(3, LEN)).unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        assert!(got == bytes(3, LEN));
    });
    thread.join().unwrap();
}

#[test]
fn half_close_lets_the_answer_through() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, mut server) = pair();
        let other = beside(move || {
            let mut request = String::new();
            server.read_to_string(&mut request).unwrap();
            server.write_all(request.to_uppercase().as_bytes()).unwrap();
        });
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "QUESTION");
        other();
    });
}

/// The end comes with the last bytes, or just after a read that got less than it asked for: a reader that
/// waits for news does not miss it.
#[test]
fn the_end_is_seen_after_a_short_read() {
    let _t = common::test();
    everywhere(|| {
        for round in 0..200 {
            let (mut client, mut server) = pair();
            let writer = beside(move || {
                client.write_all(b"last").unwrap();
                if round % 2 == 0 {
                    rt::yield_now();
                }
            });
            let mut buf = [0; 64];
            let mut len = 0;
            loop {
                match server.read(&mut buf).unwrap() {
                    0 => break,
                    n => len += n,
                }
            }
            assert_eq!(len, 4);
            assert_eq!(server.read(&mut buf).unwrap(), 0, "the end stays");
            writer();
        }
    });
}

#[test]
fn a_reset_is_an_error() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, mut server) = pair();
        let reader = beside(move || {
            let mut buf = [0; 8];
            server.read_exact(&mut buf[..1]).unwrap();
            server.read(&mut buf).unwrap_err().kind()
        });
        client.write_all(b"x").unwrap();
        // Closed without lingering: the system sends a reset.
        socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        assert_eq!(reader(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn nobody_listens() {
    let _t = common::test();
    everywhere(|| {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        let error = TcpStream::connect_timeout(&address, Duration::from_secs(30)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        let error = TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn each_address_is_tried_in_turn() {
    let _t = common::test();
    everywhere(|| {
        let (dead, alive) = (listener(), listener());
        let addresses = [dead.local_addr().unwrap(), alive.local_addr().unwrap()];
        drop(dead);
        let stream = TcpStream::connect(&addresses[..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        let name = format!("localhost:{}", addresses[1].port());
        assert_eq!(TcpStream::connect(name).unwrap().peer_addr().unwrap(), addresses[1]);
        assert!(TcpStream::connect(&[][..]).is_err());
        assert_eq!(TcpListener::bind(addresses[1]).unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn peeking_takes_nothing() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, mut server) = pair();
        let reader = beside(move || {
            let mut buf = [0; 16];
            for _ in 0..3 {
                let n = server.peek(&mut buf).unwrap();
                assert_eq!(&buf[..n], b"hello");
            }
            let n = server.read(&mut buf).unwrap();
            assert_eq!(&buf[..n], b"hello");
            assert_eq!(server.peek(&mut buf).unwrap(), 0);
        });
        client.write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        reader();
    });
}

#[test]
fn in_several_buffers() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, mut server) = pair();
        let text = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(client.write_vectored(&text).unwrap(), 7);
        let (mut a, mut b) = ([0; 3], [0; 16]);
        let n =
            server.read_vectored(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]).unwrap();
        assert_eq!((n, &a, &b[..4]), (7, b"one", &b" two"[..]));
        // More than the system takes at once.
        let many = vec![IoSlice::new(b"x"); 5000];
        let n = client.write_vectored(&many).unwrap();
        assert!((1..=5000).contains(&n));
        assert_eq!(server.read(&mut []).unwrap(), 0);
        let mut xs = vec![0; n];
        server.read_exact(&mut xs).unwrap();
        assert!(xs.iter().all(|x| *x == b'x'));
        // As many as it takes at once may be empty.
        let mut text = vec![IoSlice::new(b""); 5000];
        text.push(IoSlice::new(b"end"));
        assert_eq!(client.write_vectored(&text).unwrap(), 3);
        let mut end = [0; 3];
        let mut room: Vec<_> = (0..5000).map(|_| IoSliceMut::new(&mut [])).collect();
        room.push(IoSliceMut::new(&mut end));
        assert_eq!(server.read_vectored(&mut room).unwrap(), 3);
        assert_eq!(&end, b"end");
    });
}

#[test]
fn a_clone_is_a_handle_of_its_own() {
    let _t = common::test();
    everywhere(|| {
        let (client, mut server) = pair();
        client.set_read_timeout(Some(Duration::from_millis(7))).unwrap();
        let mut other = client.try_clone().unwrap();
        assert_ne!(other.as_raw_fd(), client.as_raw_fd());
        assert_eq!(other.read_timeout().unwrap(), Some(Duration::from_millis(7)));
        other.set_read_timeout(None).unwrap();
        assert_eq!(client.read_timeout().unwrap(), Some(Duration::from_millis(7)));
        client.close().unwrap();
        assert!(Closed::is(&(&client).write(b"x").unwrap_err()));
        other.write_all(b"still").unwrap();
        let mut buf = [0; 5];
        server.read_exact(&mut buf).unwrap();
        server.write_all(b"there").unwrap();
        other.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"there");
        drop(client);
        drop(other);
        assert_eq!(server.read(&mut buf).unwrap(), 0);
    });
}

/// Both handles wait for the same data, and each has the poller's attention.
#[test]
fn clones_wait_side_by_side() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, server) = pair();
        let readers: Vec<_> = [server.try_clone().unwrap(), server]
            .into_iter()
            .map(|mut server| {
                beside(move || {
                    let mut sum = 0;
                    let mut byte = [0];
                    while server.read(&mut byte).unwrap() == 1 {
                        sum += u32::from(byte[0]);
                    }
                    sum
                })
            })
            .collect();
        for byte in 1..=100 {
            client.write_all(&[byte]).unwrap();
        }
        drop(client);
        assert_eq!(readers.into_iter().map(|reader| reader()).sum::<u32>(), 5050);
    });
}

#[test]
fn to_std_and_back() {
    let _t = common::test();
    everywhere(|| {
        let (client, server) = pair();
        let mut client = client.into_std().unwrap();
        // It blocks: a read waits for what is yet to be written, and the thread with it.
        let writer = std::thread::spawn(move || {
            (&server).write_all(b"a").unwrap();
            server
        });
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        let server = writer.join().unwrap();
        let mut client = TcpStream::from(client);
        let reader = beside(move || {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            client
        });
        (&server).write_all(b"b").unwrap();
        let client = reader();
        let file: OwnedFd = client.into_std().unwrap().into();
        let client = TcpStream::from(file);
        (&client).write_all(b"c").unwrap();
        (&server).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"c");
        let std_listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::from(std_listener);
        let address = listener.local_addr().unwrap();
        let connecting = beside(move || TcpStream::connect(address).unwrap());
        listener.accept().unwrap();
        connecting();
        let std_listener = listener.into_std().unwrap();
        client.close().unwrap();
        assert!(Closed::is(&client.into_std().unwrap_err()));
        drop(std_listener);
    });
}

#[test]
fn options() {
    let _t = common::test();
    everywhere(|| {
        let (client, _server) = pair();
        assert!(!client.nodelay().unwrap());
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        client.set_ttl(77).unwrap();
        assert_eq!(client.ttl().unwrap(), 77);
        assert!(client.take_error().unwrap().is_none());
        assert!(format!("{client:?}").contains("TcpStream"));
        assert_eq!(client.as_fd().as_raw_fd(), client.as_raw_fd());
        client.set_nonblocking(true).unwrap();
        assert_eq!(client.peek(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.peek(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let listener = listener();
        listener.set_ttl(78).unwrap();
        assert_eq!(listener.ttl().unwrap(), 78);
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

/// Without waiting it still sees what comes later, and who waits when it is told not to stops waiting.
#[test]
fn nonblocking_looks_each_time() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, server) = pair();
        let server = Arc::new(server);
        let waiter = {
            let server = Arc::clone(&server);
            beside(move || (&*server).read(&mut [0; 1]).unwrap_err().kind())
        };
        rt::time::sleep(Duration::from_millis(1));
        server.set_nonblocking(true).unwrap();
        assert_eq!(waiter(), ErrorKind::WouldBlock);
        client.write_all(b"x").unwrap();
        common::eventually("the byte", || match (&*server).read(&mut [0; 1]) {
            Ok(n) => n == 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        });
        server.set_nonblocking(false).unwrap();
        drop(client);
        assert_eq!((&*server).read(&mut [0; 1]).unwrap(), 0);
    });
}

/// The system tells what it allows, and that the listener has it.
#[test]
fn the_backlog_is_the_systems_largest() {
    let _t = common::test();
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let out = std::process::Command::new("ss").args(["-ltn"]).output();
    let Ok(out) = out else { return connects_without_accept(&listener, most.trim()) };
    let text = String::from_utf8(out.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(&format!("127.0.0.1:{port} "))).unwrap();
    assert_eq!(line.split_whitespace().nth(2), Some(most.trim()), "{line}");
}

/// More than std's 128 connect, and nobody accepts.
fn connects_without_accept(listener: &TcpListener, most: &str) {
    if most.parse::<usize>().unwrap() < 300 {
        return;
    }
    let address = listener.local_addr().unwrap();
    let many: Vec<_> = (0..300)
        .map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(20)).unwrap())
        .collect();
    assert_eq!(many.len(), 300);
}

/// Nothing to write, or no room to read into: done at once, on a stream that is full, or empty, as in Go.
#[test]
fn nothing_is_done_at_once() {
    macro_rules! check {
        ($pair:expr) => {{
            let (stream, _other) = $pair;
            let stream = &stream;
            // Found empty, and found full.
            stream.set_nonblocking(true).unwrap();
            assert_eq!((&mut { stream }).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
            while (&mut { stream }).write(&[0; 1 << 16]).is_ok() {}
            stream.set_nonblocking(false).unwrap();
            let calls = || -> Vec<std::io::Result<usize>> {
                let (mut io, ctx) = (stream, rt::context::Context::background());
                vec![
                    io.read(&mut []),
                    io.read_vectored(&mut [IoSliceMut::new(&mut [])]),
                    io.read_vectored(&mut []),
                    stream.peek(&mut []),
                    stream.read_ctx(&mut [], &ctx),
                    io.write(&[]),
                    io.write_vectored(&[IoSlice::new(&[]), IoSlice::new(&[])]),
                    io.write_vectored(&[]),
                    stream.write_ctx(&[], &ctx),
                ]
            };
            // Who waits fails.
            stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            stream.set_write_timeout(Some(Duration::from_millis(1))).unwrap();
            for result in calls() {
                assert_eq!(result.unwrap(), 0);
            }
            stream.set_deadline(Some(rt::time::now())).unwrap();
            let (reads, writes) = (calls(), calls().split_off(5));
            for result in reads.into_iter().take(5) {
                assert_eq!(result.unwrap(), 0);
            }
            for result in writes {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
            }
            stream.close().unwrap();
            for result in calls() {
                assert!(Closed::is(&result.unwrap_err()));
            }
        }};
    }
    let _t = common::test();
    everywhere(|| {
        check!(pair());
        check!(rt::net::UnixStream::pair().unwrap());
    });
}

/// Std's traits for who takes a socket elsewhere: its file is nobody else's, and blocks again.
#[test]
fn files_go_out() {
    let _t = common::test();
    everywhere(|| {
        let (a, b) = pair();
        let number = a.as_raw_fd();
        // With a poller that knows them.
        a.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert!((&a).read(&mut [0]).is_err() && b.peek(&mut []).is_ok());
        let a = std::net::TcpStream::from(OwnedFd::from(a));
        // SAFETY: the file is this function's.
        let b = unsafe { std::net::TcpStream::from_raw_fd(b.into_raw_fd()) };
        assert_eq!(a.as_raw_fd(), number);
        let other = beside(move || {
            let mut byte = [0];
            (&b).read_exact(&mut byte).unwrap();
            (&b).write_all(&byte).unwrap();
        });
        (&a).write_all(&[7]).unwrap();
        let mut byte = [0];
        rt::blocking(|| (&a).read_exact(&mut byte)).unwrap();
        assert_eq!(byte, [7]);
        other();
        // The way back, and one that was closed: a file of no use.
        // SAFETY: as above.
        let again = unsafe { TcpStream::from_raw_fd(a.into_raw_fd()) };
        assert!(again.peek(&mut []).is_ok() && again.peer_addr().is_ok());
        let again = TcpStream::from(OwnedFd::from(again));
        again.close().unwrap();
        let file = std::net::TcpStream::from(OwnedFd::from(again));
        assert!(file.peer_addr().is_err());
        let listener = std::net::TcpListener::from(OwnedFd::from(listener()));
        assert!(listener.local_addr().is_ok());
    });
}
