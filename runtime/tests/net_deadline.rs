//! Deadlines and timeouts of sockets: absolute, moved while somebody waits, taken away, in the past.

mod common;
#[path = "common/net.rs"]
mod net;

use net::{beside, everywhere, listener, pair};
use rt::net::{TcpListener, TcpStream, UdpSocket};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(3600);

fn past() -> Option<Instant> {
    Some(Instant::now())
}

#[track_caller]
fn assert_timed_out<T>(result: io::Result<T>) {
    match result {
        Ok(_) => panic!("it did not time out"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}"),
    }
}

#[test]
fn the_past_beats_what_is_there() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, mut server) = pair();
        client.write_all(b"data").unwrap();
        let mut buf = [0; 4];
        assert_eq!(server.peek(&mut buf).unwrap(), 4, "the data is there");
        server.set_read_deadline(past()).unwrap();
        for _ in 0..3 {
            assert_timed_out(server.read(&mut buf));
            assert_timed_out(server.peek(&mut buf));
        }
        // The other direction has none.
        server.write_all(b"x").unwrap();
        server.set_write_deadline(past()).unwrap();
        assert_timed_out(server.write(b"x"));
        // Taken away: as if there had been none.
        server.set_deadline(None).unwrap();
        server.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"data");
        server.write_all(b"y").unwrap();
        client.read_exact(&mut buf[..2]).unwrap();
        assert_eq!(&buf[..2], b"xy");
    });
}

#[test]
fn of_all_lengths() {
    let _t = common::test();
    everywhere(|| {
        let (_client, mut server) = pair();
        for nanos in [1, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000]
        {
            if nanos == 1_000_000_000 && rt::Handle::try_current().is_some_and(|_| rt::procs() > 1)
            {
                continue;
            }
            let at = Instant::now() + Duration::from_nanos(nanos);
            server.set_read_deadline(Some(at)).unwrap();
            assert_timed_out(server.read(&mut [0; 1]));
            assert!(Instant::now() >= at, "too early, of {nanos} ns");
            // It is a moment: it stays passed.
            assert_timed_out(server.read(&mut [0; 1]));
        }
    });
}

#[test]
fn timeouts_begin_anew_each_time() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, mut server) = pair();
        let short = Duration::from_millis(3);
        server.set_read_timeout(Some(short)).unwrap();
        for _ in 0..3 {
            let start = Instant::now();
            assert_timed_out(server.read(&mut [0; 1]));
            assert!(start.elapsed() >= short);
        }
        // What is there is read, however short the timeout.
        server.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
        client.write_all(b"x").unwrap();
        common::eventually("the byte", || match server.read(&mut [0; 1]) {
            Ok(n) => n == 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                false
            }
        });
        for zero in [
            server.set_read_timeout(Some(Duration::ZERO)),
            server.set_write_timeout(Some(Duration::ZERO)),
        ] {
            assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        server.set_read_timeout(Some(Duration::MAX)).unwrap();
        server.set_write_timeout(Some(LONG)).unwrap();
        assert_eq!(server.write_timeout().unwrap(), Some(LONG));
        client.write_all(b"x").unwrap();
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 1);
    });
}

/// A write that has filled all buffers times out, and what it has written is not lost.
#[test]
fn a_writer_that_nobody_reads() {
    let _t = common::test();
    everywhere(|| {
        let (client, mut server) = pair();
        client.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut sent = 0;
        let error = loop {
            match (&client).write(&[7; 64 << 10]) {
                Ok(n) => sent += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(client);
        let mut got = Vec::new();
        server.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), sent);
    });
}

/// Four who wait, and a deadline in the past: all end. With the deadline taken away they wait again.
#[test]
fn moved_while_they_wait() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, server) = pair();
        let server = Arc::new(server);
        for round in 0..3 {
            server.set_read_deadline([None, Some(Instant::now() + LONG)][round % 2]).unwrap();
            let waiters: Vec<_> = (0..4)
                .map(|_| {
                    let server = Arc::clone(&server);
                    beside(move || (&*server).read(&mut [0; 1]))
                })
                .collect();
            rt::time::sleep(Duration::from_millis(2));
            // Later, which ends nobody's wait, and now.
            server.set_read_deadline(Some(Instant::now() + LONG / 2)).unwrap();
            server.set_read_deadline(past()).unwrap();
            waiters.into_iter().for_each(|waiter| assert_timed_out(waiter()));
        }
        server.set_read_deadline(None).unwrap();
        let waiter = {
            let server = Arc::clone(&server);
            beside(move || (&*server).read(&mut [0; 1]).unwrap())
        };
        client.write_all(b"x").unwrap();
        assert_eq!(waiter(), 1);
    });
}

/// A deadline that is near is moved away while somebody waits for it: it waits for the later one.
#[test]
fn moved_away_while_they_wait() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, server) = pair();
        let server = Arc::new(server);
        let near = Instant::now() + Duration::from_millis(100);
        server.set_read_deadline(Some(near)).unwrap();
        let waiter = {
            let server = Arc::clone(&server);
            beside(move || (&*server).read(&mut [0; 1]))
        };
        rt::time::sleep(Duration::from_millis(2));
        server.set_read_deadline(Some(Instant::now() + LONG)).unwrap();
        let in_time = Instant::now() < near;
        rt::time::sleep_until(near + Duration::from_millis(2));
        client.write_all(b"x").unwrap();
        let result = waiter();
        // On a machine so busy that the first deadline passed before it was moved, nothing is shown.
        if in_time {
            assert_eq!(result.unwrap(), 1);
        }
    });
}

#[test]
fn of_listeners() {
    let _t = common::test();
    everywhere(|| {
        let listener = Arc::new(listener());
        let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_deadline(past()).unwrap();
        assert_timed_out(listener.accept());
        listener.set_deadline(None).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, connected.local_addr().unwrap());
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let listener = Arc::clone(&listener);
                beside(move || listener.accept())
            })
            .collect();
        rt::time::sleep(Duration::from_millis(1));
        listener.set_deadline(Some(Instant::now() + Duration::from_millis(2))).unwrap();
        waiters.into_iter().for_each(|waiter| assert_timed_out(waiter()));
    });
}

#[test]
fn of_datagrams() {
    let _t = common::test();
    everywhere(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_timed_out(socket.recv_from(&mut [0; 1]));
        socket.send_to(b"x", address).unwrap();
        socket.set_read_deadline(past()).unwrap();
        assert_timed_out(socket.recv_from(&mut [0; 1]));
        socket.set_write_deadline(past()).unwrap();
        assert_timed_out(socket.send_to(b"x", address));
        socket.set_deadline(None).unwrap();
        socket.set_read_timeout(None).unwrap();
        assert_eq!(socket.recv_from(&mut [0; 1]).unwrap(), (1, address));
    });
}

/// Nobody answers: the backlog is full.
#[test]
fn of_connecting() {
    let _t = common::test();
    everywhere(|| {
        let full =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        full.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        full.listen(0).unwrap();
        let address = full.local_addr().unwrap().as_socket().unwrap();
        let (mut connected, mut error) = (Vec::new(), None);
        while error.is_none() {
            assert!(connected.len() < 100, "the backlog has no end");
            match TcpStream::connect_timeout(&address, Duration::from_millis(30)) {
                Ok(stream) => connected.push(stream),
                Err(e) => error = Some(e),
            }
        }
        assert_timed_out::<()>(Err(error.unwrap()));
    });
}

/// The deadline of who waits and data come at the same time, over and over: it is one or the other, and no byte is
/// lost.
#[test]
fn against_data() {
    let _t = common::test();
    everywhere(|| {
        let (mut client, mut server) = pair();
        const BYTES: u32 = 300;
        let writer = beside(move || {
            for byte in 0..BYTES {
                client.write_all(&[byte as u8]).unwrap();
                rt::time::sleep(Duration::from_micros(u64::from(byte % 7) * 30));
            }
        });
        let mut got = 0;
        let mut deadlines = 0_u64;
        while got < BYTES {
            deadlines += 1;
            let at = Instant::now() + Duration::from_micros(deadlines % 11 * 20);
            server.set_read_deadline(Some(at)).unwrap();
            let mut byte = [0];
            match server.read(&mut byte) {
                Ok(n) => {
                    assert_eq!((n, byte[0]), (1, got as u8));
                    got += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            }
        }
        writer();
    });
}

/// One listener per runtime, and deadlines set from a plain thread.
#[test]
fn from_another_thread() {
    let _t = common::test();
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let runtime = common::runtime(2);
    let accepting: Vec<_> = (0..4)
        .map(|_| {
            let listener = Arc::clone(&listener);
            runtime.handle().spawn(move || listener.accept().unwrap_err().kind())
        })
        .collect();
    std::thread::sleep(Duration::from_millis(2));
    listener.set_deadline(past()).unwrap();
    for handle in accepting {
        assert_eq!(handle.join().unwrap(), ErrorKind::TimedOut);
    }
}

/// A virtual clock shows the time at which its runtime was built: mostly an earlier one than that at which the process sets
/// its first deadline. In a process of its own, for it to be that.
#[test]
fn of_a_virtual_clock_that_is_behind() {
    common::apart("of_a_virtual_clock_that_is_behind", |_| {
        let runtime = rt::Runtime::builder().virtual_time(true).build().unwrap();
        runtime.run(|| {
            let start = rt::time::now();
            std::thread::sleep(Duration::from_millis(50));
            let (a, mut b) = rt::net::UnixStream::pair().unwrap();
            b.write_all(b"x").unwrap();
            a.set_read_deadline(Some(start)).unwrap();
            assert_timed_out((&a).read(&mut [0; 1]));
            a.set_read_deadline(None).unwrap();
            assert_eq!((&a).read(&mut [0; 1]).unwrap(), 1);
            let wait = Duration::from_millis(10);
            a.set_read_deadline(Some(start + wait)).unwrap();
            assert_timed_out((&a).read(&mut [0; 1]));
            assert_eq!(rt::time::now() - start, wait);
        });
    });
}

/// What was there before the call is received, though who is to tell of it does not get to that before the time is over.
#[test]
fn time_does_not_pass_over_what_is_there() {
    let _t = common::test();
    common::runtime(1).run(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        // More than a call takes to begin, even on a busy machine that takes the processor away: and that is no failure.
        let (short, mut in_time) = (Duration::from_micros(300), 0);
        for n in 0..80 {
            // From here on it is known that there is nothing.
            socket.set_read_timeout(Some(Duration::from_micros(100))).unwrap();
            assert_timed_out(socket.recv(&mut [0]));
            let busy = rt::spawn(|| {
                for _ in 0..3 {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(400) {}
                    rt::yield_now();
                }
            });
            socket.send_to(&[n], address).unwrap();
            let mut byte = [0];
            if n % 2 == 0 {
                assert_eq!(socket.recv(&mut byte).unwrap(), 1, "a timeout");
            } else {
                let deadline = Instant::now() + short;
                socket.set_read_deadline(Some(deadline)).unwrap();
                let received = socket.recv(&mut byte);
                socket.set_read_deadline(None).unwrap();
                match received {
                    Ok(len) => in_time += len,
                    Err(_) => assert_eq!(socket.recv(&mut byte).unwrap(), 1),
                }
            }
            assert_eq!(byte, [n]);
            busy.join().unwrap();
        }
        assert!(in_time > 0, "no deadline was met");
    });
}
