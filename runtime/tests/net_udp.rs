//! `net`'s datagrams.

mod common;
#[path = "common/net.rs"]
mod net;

use net::{beside, everywhere};
use rt::net::UdpSocket;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

#[test]
fn to_and_from() {
    let _t = common::test();
    everywhere(|| {
        let (a, b) = (socket(), socket());
        let (at, bt) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let answering = beside(move || {
            let mut buf = [0; 64];
            for _ in 0..50 {
                let (n, from) = b.recv_from(&mut buf).unwrap();
                assert_eq!(from, at);
                assert_eq!(b.send_to(&buf[..n], from).unwrap(), n);
            }
        });
        let mut buf = [0; 64];
        for n in 0..50 {
            a.send_to(&[n; 7], bt).unwrap();
            assert_eq!(a.peek_from(&mut buf[..3]).unwrap(), (3, bt));
            assert_eq!(a.recv_from(&mut buf).unwrap(), (7, bt));
            assert_eq!(buf[..7], [n; 7]);
        }
        answering();
        // One that is empty is one.
        a.send_to(&[], at).unwrap();
        assert_eq!(a.recv_from(&mut buf).unwrap(), (0, at));
        // What does not fit is lost.
        a.send_to(b"long", at).unwrap();
        a.send_to(b"next", at).unwrap();
        assert_eq!(a.recv_from(&mut buf[..2]).unwrap(), (2, at));
        assert_eq!(a.recv_from(&mut buf).unwrap(), (4, at));
        assert_eq!(&buf[..4], b"next");
        assert!(a.send_to(b"x", &[][..]).is_err());
    });
}

#[test]
fn connected() {
    let _t = common::test();
    everywhere(|| {
        let (a, b, c) = (socket(), socket(), socket());
        assert!(a.send(b"x").is_err());
        assert!(a.peer_addr().is_err());
        let at = a.local_addr().unwrap();
        a.connect(b.local_addr().unwrap()).unwrap();
        b.connect(at).unwrap();
        assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
        // A stranger is not heard.
        c.send_to(b"stranger", at).unwrap();
        b.send(b"friend").unwrap();
        let mut buf = [0; 16];
        assert_eq!(a.peek(&mut buf).unwrap(), 6);
        assert_eq!(a.recv(&mut buf).unwrap(), 6);
        // The other end goes, and the system says so.
        drop(b);
        a.send(b"x").unwrap();
        assert_eq!(a.recv(&mut buf).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        // It goes on after that: the error was one, and is gone.
        a.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(a.recv(&mut buf).unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

/// Without room, or empty, a datagram is still one: who receives waits for it, and it is gone then.
#[test]
fn without_room() {
    let _t = common::test();
    everywhere(|| {
        let (socket, sender) = (Arc::new(socket()), socket());
        let to = socket.local_addr().unwrap();
        for (room, len) in [(0, 3), (0, 0), (4, 0), (4, 9)] {
            let receives = Arc::clone(&socket);
            let receiving = beside(move || receives.recv(&mut vec![0; room]).unwrap());
            rt::time::sleep(Duration::from_micros(200));
            assert_eq!(sender.send_to(&vec![1; len], to).unwrap(), len);
            assert_eq!(receiving(), len.min(room));
        }
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(socket.recv(&mut []).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(socket.peek_from(&mut []).unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

/// Each datagram comes to one of several who wait; nobody sleeps beside one.
#[test]
fn several_receive() {
    let _t = common::test();
    everywhere(|| {
        let (socket, sender) = (Arc::new(socket()), socket());
        let address = socket.local_addr().unwrap();
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let socket = Arc::clone(&socket);
                beside(move || {
                    let mut sum = 0;
                    loop {
                        let mut byte = [0];
                        assert_eq!(socket.recv(&mut byte).unwrap(), 1);
                        match byte[0] {
                            0 => return sum,
                            n => sum += u32::from(n),
                        }
                    }
                })
            })
            .collect();
        for n in 1..=100 {
            sender.send_to(&[n], address).unwrap();
        }
        for _ in 0..4 {
            sender.send_to(&[0], address).unwrap();
        }
        assert_eq!(receivers.into_iter().map(|receiver| receiver()).sum::<u32>(), 5050);
    });
}

#[test]
fn options() {
    let _t = common::test();
    everywhere(|| {
        let a = socket();
        assert!(!a.broadcast().unwrap());
        a.set_broadcast(true).unwrap();
        assert!(a.broadcast().unwrap());
        a.set_ttl(9).unwrap();
        assert_eq!(a.ttl().unwrap(), 9);
        a.set_multicast_ttl_v4(3).unwrap();
        assert_eq!(a.multicast_ttl_v4().unwrap(), 3);
        a.set_multicast_loop_v4(false).unwrap();
        assert!(!a.multicast_loop_v4().unwrap());
        assert!(a.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::UNSPECIFIED).is_err());
        assert!(a.leave_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::UNSPECIFIED).is_err());
        assert!(a.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0).is_err());
        assert!(a.leave_multicast_v6(&Ipv6Addr::LOCALHOST, 0).is_err());
        a.set_nonblocking(true).unwrap();
        assert_eq!(a.recv(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let b = a.try_clone().unwrap();
        assert_eq!(b.local_addr().unwrap(), a.local_addr().unwrap());
        assert_eq!(b.recv(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let std = b.into_std().unwrap();
        let b = UdpSocket::from(std);
        b.send_to(b"x", a.local_addr().unwrap()).unwrap();
        assert_eq!(b.recv(&mut [0; 1]).unwrap(), 1);
    });
}

/// What is sent to a group comes back to this machine, where there is an interface that can.
#[test]
fn multicast() {
    let _t = common::test();
    everywhere(|| {
        let receiver = UdpSocket::bind("0.0.0.0:0").unwrap();
        let group = Ipv4Addr::new(239, 255, 71, 3);
        if receiver.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_err() {
            return;
        }
        let sender =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        sender.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let sender = UdpSocket::from(std::net::UdpSocket::from(sender));
        let port = receiver.local_addr().unwrap().port();
        if sender.send_to(b"all", (group, port)).is_err() {
            return;
        }
        receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 3);
        receiver.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    });
}

#[test]
fn sent_before_a_context_is_done() {
    use rt::context::{Context, ContextError};
    let _t = common::test();
    everywhere(|| {
        let (a, b) = (socket(), socket());
        let (ctx, cancel) = Context::background().with_cancel();
        let to = b.local_addr().unwrap();
        assert_eq!(a.send_to_ctx(b"hello", to, &ctx).unwrap(), 5);
        let (n, from) = b.recv_from_ctx(&mut [0; 9], &ctx).unwrap();
        assert_eq!((n, from), (5, a.local_addr().unwrap()));
        let none: &[std::net::SocketAddr] = &[];
        assert_eq!(a.send_to_ctx(b"", none, &ctx).unwrap_err().kind(), ErrorKind::InvalidInput);
        cancel();
        let error = a.send_to_ctx(b"hello", to, &ctx).unwrap_err();
        assert_eq!(error.downcast::<ContextError>().unwrap(), ContextError::Canceled);
        a.close().unwrap();
        let error = a.send_to_ctx(b"hello", to, &Context::background()).unwrap_err();
        assert!(rt::net::Closed::is(&error));
    });
}
