//! `net`'s Unix domain sockets.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;
#[path = "common/net.rs"]
mod net;

use net::{beside, bytes, everywhere};
use rt::context::Context;
use rt::net::{Closed, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A path that is removed in the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rt-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A name without a file.
fn name() -> SocketAddr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("rt-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    SocketAddr::from_abstract_name(name).unwrap()
}

#[test]
fn much_both_ways() {
    let _t = common::test();
    everywhere(|| {
        const LEN: usize = 2 << 20;
        let place = Place::new();
        let listener = UnixListener::bind(&place.0).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*place.0));
        let client = UnixStream::connect(&place.0).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert!(peer.is_unnamed());
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*place.0));
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

#[test]
fn a_pair() {
    let _t = common::test();
    everywhere(|| {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        let writer = beside(move || {
            let text = [IoSlice::new(b"he"), IoSlice::new(b"llo")];
            assert_eq!(a.write_vectored(&text).unwrap(), 5);
            a
        });
        let mut buf = [0; 9];
        assert!(b.peek(&mut buf).unwrap() > 0);
        b.read_exact(&mut buf[..5]).unwrap();
        assert_eq!(&buf[..5], b"hello");
        let mut a = writer();
        // As many as the system takes at once may be empty.
        let mut text = vec![IoSlice::new(b""); 5000];
        text.push(IoSlice::new(b"end"));
        assert_eq!(a.write_vectored(&text).unwrap(), 3);
        let mut room: Vec<_> = (0..5000).map(|_| IoSliceMut::new(&mut [])).collect();
        room.push(IoSliceMut::new(&mut buf));
        assert_eq!(b.read_vectored(&mut room).unwrap(), 3);
        b.set_nonblocking(true).unwrap();
        assert_eq!(b.read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut other = b.try_clone().unwrap();
        drop(b);
        drop(a);
        assert_eq!(other.read(&mut buf).unwrap(), 0);
        // Nobody is there: an error, and no signal.
        // SAFETY: what a process has that is not Rust's: a signal that ends it.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        assert_eq!(other.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let one = [IoSlice::new(b"x")];
        assert_eq!(other.write_vectored(&one).unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn who_connects_waits_for_room() {
    let _t = common::test();
    everywhere(|| {
        let address = name();
        // One place, and a bit.
        let listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let listener = UnixListener::from(listener);
        let clients: Vec<_> = (0..5)
            .map(|_| {
                let address = address.clone();
                beside(move || {
                    let mut stream = UnixStream::connect_addr(&address).unwrap();
                    stream.read(&mut [0; 1]).unwrap()
                })
            })
            .collect();
        rt::time::sleep(Duration::from_millis(3));
        for _ in 0..5 {
            listener.accept().unwrap().0.write_all(b"x").unwrap();
        }
        assert!(clients.into_iter().all(|client| client() == 1));
        listener.close().unwrap();
        let error = UnixStream::connect_addr(&address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = UnixStream::connect("/nowhere/at/all").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let unnamed = UnixDatagram::unbound().unwrap().local_addr().unwrap();
        let error = UnixStream::connect_addr(&unnamed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

/// Many who accept and many who connect.
#[test]
fn a_crowd() {
    let _t = common::test();
    everywhere(|| {
        let address = name();
        let listener = Arc::new(UnixListener::bind_addr(&address).unwrap());
        let accepting: Vec<_> = (0..4)
            .map(|_| {
                let listener = Arc::clone(&listener);
                beside(move || {
                    listener
                        .incoming()
                        .map_while(|stream| stream.ok())
                        .map(|mut stream| stream.write_all(b"x").unwrap())
                        .count()
                })
            })
            .collect();
        let clients: Vec<_> = (0..60)
            .map(|_| {
                let address = address.clone();
                beside(move || {
                    UnixStream::connect_addr(&address).unwrap().read(&mut [0; 1]).unwrap()
                })
            })
            .collect();
        assert_eq!(clients.into_iter().map(|client| client()).sum::<usize>(), 60);
        listener.close().unwrap();
        assert_eq!(accepting.into_iter().map(|a| a()).sum::<usize>(), 60);
    });
}

#[test]
fn datagrams() {
    let _t = common::test();
    everywhere(|| {
        let (a, b) = UnixDatagram::pair().unwrap();
        let receiving = beside(move || {
            let mut buf = [0; 8];
            let mut sum = 0_u64;
            for _ in 0..2000 {
                assert_eq!(b.recv(&mut buf).unwrap(), 8);
                sum += u64::from_le_bytes(buf);
            }
            sum
        });
        // More than the queue holds: who sends waits.
        for n in 0..2000_u64 {
            assert_eq!(a.send(&n.to_le_bytes()).unwrap(), 8);
        }
        assert_eq!(receiving(), 1999 * 1000);
        a.shutdown(Shutdown::Write).unwrap();
        assert!(a.send(b"x").is_err());
    });
}

#[test]
fn datagrams_by_name() {
    let _t = common::test();
    everywhere(|| {
        let (server_at, client_at) = (name(), name());
        let server = UnixDatagram::bind_addr(&server_at).unwrap();
        let client = UnixDatagram::bind_addr(&client_at).unwrap();
        let at = server_at.clone();
        let sending = beside(move || {
            for n in 0..300_u16 {
                // The queue is full soon, and nobody tells when it is not.
                assert_eq!(client.send_to_addr(&n.to_le_bytes(), &at).unwrap(), 2);
            }
            client
        });
        let mut buf = [0; 8];
        assert_eq!(server.peek(&mut buf).unwrap(), 2);
        for n in 0..300_u16 {
            let (len, from) = server.recv_from(&mut buf).unwrap();
            assert_eq!((len, &buf[..2]), (2, &n.to_le_bytes()[..]));
            assert_eq!(from.as_abstract_name(), client_at.as_abstract_name());
        }
        let client = sending();
        // It is full, nobody takes anything, and time passes.
        client.set_write_timeout(Some(Duration::from_millis(5))).unwrap();
        let full = std::iter::repeat_with(|| client.send_to_addr(b"x", &server_at));
        let error = full.take(100_000).find_map(Result::err).unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        client.set_write_timeout(None).unwrap();
        let deadline = rt::time::now() + Duration::from_millis(5);
        client.set_write_deadline(Some(deadline)).unwrap();
        let error = client.send_to_addr(b"x", &server_at).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        client.set_write_deadline(None).unwrap();
        let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(5));
        let error = client.send_to_addr_ctx(b"x", &server_at, &ctx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(server.recv(&mut buf).unwrap(), 1);
        let sent = client.send_to_addr_ctx(b"x", &server_at, &Context::background());
        assert_eq!(sent.unwrap(), 1);
        client.connect_addr(&server_at).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_abstract_name(), server_at.as_abstract_name());
        drop(server);
        assert!(client.send(b"x").is_err());
    });
}

/// What one destination refuses says nothing of another: the socket is writable all along, and no event says so again.
#[test]
fn a_full_destination_and_one_with_room() {
    let _t = common::test();
    everywhere(|| {
        let (full_at, room_at) = (name(), name());
        let full = UnixDatagram::bind_addr(&full_at).unwrap();
        let room = UnixDatagram::bind_addr(&room_at).unwrap();
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect_addr(&room_at).unwrap();
        // Whatever the poller says of a new socket, it has said.
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        assert_eq!(socket.recv(&mut [0; 1]).unwrap_err().kind(), ErrorKind::TimedOut);
        // It ends between two tries: each one that fails is an event.
        let deadline = rt::time::now() + Duration::from_millis(50);
        socket.set_write_deadline(Some(deadline)).unwrap();
        let mut sent = std::iter::repeat_with(|| socket.send_to_addr(b"x", &full_at));
        assert_eq!(sent.find_map(Result::err).unwrap().kind(), ErrorKind::TimedOut);
        socket.set_write_deadline(None).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(socket.send(b"x").unwrap(), 1);
        assert_eq!(room.recv(&mut [0; 8]).unwrap(), 1);
        drop(full);
    });
}

/// The last pause before the time is up is as short as it has to be.
#[rt::test(virtual_time)]
fn who_tries_again_by_itself_stops_in_time() {
    let at = name();
    let full = UnixDatagram::bind_addr(&at).unwrap();
    let socket = UnixDatagram::unbound().unwrap();
    let timeout = Duration::from_millis(130);
    socket.set_write_timeout(Some(timeout)).unwrap();
    let error = loop {
        let begin = rt::time::now();
        if let Err(error) = socket.send_to_addr(b"x", &at) {
            assert_eq!(rt::time::now() - begin, timeout);
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    drop(full);
}

/// The event comes to who waits for it, and not to who tries again by itself.
#[test]
fn who_pauses_takes_no_event() {
    let _t = common::test();
    everywhere(|| {
        let (full_at, room_at) = (name(), name());
        let full = UnixDatagram::bind_addr(&full_at).unwrap();
        let room = UnixDatagram::bind_addr(&room_at).unwrap();
        let socket = Arc::new(UnixDatagram::unbound().unwrap());
        socket.connect_addr(&room_at).unwrap();
        let pausing = [(); 2].map(|()| {
            let (socket, full_at) = (Arc::clone(&socket), full_at.clone());
            beside(move || {
                let mut sent = std::iter::repeat_with(|| socket.send_to_addr(b"x", &full_at));
                sent.find_map(Result::err).unwrap()
            })
        });
        let sender = Arc::clone(&socket);
        let sending = beside(move || {
            for _ in 0..500 {
                assert_eq!(sender.send(b"x").unwrap(), 1);
            }
        });
        for _ in 0..500 {
            assert_eq!(room.recv(&mut [0; 8]).unwrap(), 1);
        }
        sending();
        socket.close().unwrap();
        for pausing in pausing {
            assert!(Closed::is(&pausing()));
        }
        drop(full);
    });
}

/// A read that ends behind a message that carries a file is short, and more is there: it is not waited for.
#[test]
fn short_reads_behind_files() {
    let _t = common::test();
    everywhere(|| {
        let (a, mut b) = UnixStream::pair().unwrap();
        // The poller knows it, and has told of both messages when they are read.
        b.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
        assert_eq!(b.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::TimedOut);
        send_with_file(&a, b"one");
        (&a).write_all(b"two").unwrap();
        rt::time::sleep(Duration::from_millis(3));
        b.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut got: Vec<u8> = Vec::new();
        let mut buf = [0; 64];
        while got.len() < 6 {
            let n = b.read(&mut buf).unwrap();
            got.extend(&buf[..n]);
        }
        assert_eq!(got, b"onetwo");
    });
}

/// With `a` itself as the file.
fn send_with_file(a: &UnixStream, text: &[u8]) {
    use std::os::fd::AsRawFd;
    #[repr(C, align(8))]
    struct Control([u8; 24]);
    let mut control = Control([0; 24]);
    let mut part = libc::iovec { iov_base: text.as_ptr().cast_mut().cast(), iov_len: text.len() };
    // SAFETY: all zero is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: a computation.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as _;
    // SAFETY: the message is filled in.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: the control buffer has room for one header and one number.
    let header = unsafe { &mut *header };
    header.cmsg_level = libc::SOL_SOCKET;
    header.cmsg_type = libc::SCM_RIGHTS;
    // SAFETY: a computation.
    header.cmsg_len = unsafe { libc::CMSG_LEN(4) } as _;
    // SAFETY: a computation, with a header that is there.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: as above.
    unsafe { data.cast::<i32>().write_unaligned(a.as_raw_fd()) };
    // SAFETY: everything it points to is alive.
    let n = unsafe { libc::sendmsg(a.as_raw_fd(), &raw const message, 0) };
    assert_eq!(n, text.len() as isize);
}

/// A zero ends no path, and makes none a name without a file: it is refused, as by std.
#[test]
fn paths_with_a_zero() {
    let _t = common::test();
    everywhere(|| {
        let place = Place::new();
        let _listener = UnixListener::bind(&place.0).unwrap();
        let mut longer = place.0.clone().into_os_string();
        longer.push("\0junk");
        let hidden = name();
        let _hidden = UnixListener::bind_addr(&hidden).unwrap();
        let abstract_name = [b"\0", hidden.as_abstract_name().unwrap()].concat();
        let abstract_name = String::from_utf8(abstract_name).unwrap();
        let (ctx, _cancel) = Context::background().with_timeout(Duration::from_secs(50));
        for path in [longer, abstract_name.into()] {
            let client = UnixDatagram::unbound().unwrap();
            for error in [
                UnixStream::connect(&path).unwrap_err(),
                UnixStream::connect_ctx(&path, &ctx).unwrap_err(),
                UnixListener::bind(&path).unwrap_err(),
                UnixDatagram::bind(&path).unwrap_err(),
                client.connect(&path).unwrap_err(),
                client.send_to(b"x", &path).unwrap_err(),
                client.send_to_ctx(b"x", &path, &ctx).unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            }
        }
        UnixStream::connect(&place.0).unwrap();
    });
}

/// Each kind of socket goes out as a number and comes back, and its waits still park the goroutine.
#[test]
fn numbers_go_out_and_come_back() {
    fn out_and_back<S: IntoRawFd + FromRawFd>(socket: S) -> S {
        // SAFETY: the file is this function's, and of this kind.
        unsafe { S::from_raw_fd(socket.into_raw_fd()) }
    }
    let _t = common::test();
    everywhere(|| {
        let (a, mut b) = UnixStream::pair().unwrap();
        let (mut a, waits) = (out_and_back(a), beside(move || b.read(&mut [0; 8]).unwrap()));
        a.write_all(&[7]).unwrap();
        assert_eq!(waits(), 1);
        let (a, b) = UnixDatagram::pair().unwrap();
        let (a, b) = (out_and_back(a), out_and_back(b));
        let waits = beside(move || b.recv(&mut [0; 8]).unwrap());
        a.send(b"two").unwrap();
        assert_eq!(waits(), 3);
        let (listener, udp) = (net::listener(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = out_and_back(listener).local_addr().unwrap();
        assert!(address.port() != 0 && out_and_back(udp).local_addr().unwrap().port() != 0);
        let listener = UnixListener::bind_addr(&name()).unwrap();
        assert!(out_and_back(listener).local_addr().unwrap().as_abstract_name().is_some());
    });
}

/// A listener is looped over as std's.
#[test]
fn connections_of_a_listener() {
    let listener = UnixListener::bind_addr(&name()).unwrap();
    let address = listener.local_addr().unwrap();
    let _streams = [(); 2].map(|()| UnixStream::connect_addr(&address).unwrap());
    let mut count = 0;
    for stream in &listener {
        match stream {
            Ok(_) => count += 1,
            Err(error) => assert!(Closed::is(&error)),
        }
        if count == 2 {
            let _ = listener.close();
        }
    }
    assert_eq!(count, 2);
}
