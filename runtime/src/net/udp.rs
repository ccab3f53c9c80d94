//! `UdpSocket`.

use super::addr;
use super::common::{datagrams, example, shared, timed};
use super::socket::Socket;
use crate::poller::Dir;
use crate::wait::Cancel;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// Sends and receives datagrams: [`std::net::UdpSocket`] for goroutines. Go's `net.UDPConn`.
///
/// # Examples
/// ```
/// use rt::net::UdpSocket;
///
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
///     let server = UdpSocket::bind("127.0.0.1:0")?;
///     let address = server.local_addr()?;
///     rt::go!(move || -> std::io::Result<()> {
///         let mut buf = [0; 64];
///         loop {
///             let (n, peer) = server.recv_from(&mut buf)?;
///             server.send_to(&buf[..n], peer)?;
///         }
///     });
///     let client = UdpSocket::bind("127.0.0.1:0")?;
///     client.connect(address)?;
///     client.send(b"hello")?;
///     let mut buf = [0; 64];
///     assert_eq!(client.recv(&mut buf)?, 5);
///     Ok(())
/// }
/// ```
pub struct UdpSocket(Socket<net::UdpSocket>);

shared!(UdpSocket, net::UdpSocket, "let socket = rt::net::UdpSocket::bind(\"127.0.0.1:0\")?;\n");
timed!(UdpSocket, "let socket = rt::net::UdpSocket::bind(\"127.0.0.1:0\")?;\n");
datagrams!(UdpSocket, net::UdpSocket, "let socket = rt::net::UdpSocket::bind(\"127.0.0.1:0\")?;\n");

/// Options of the system that std has: a setter, a getter.
macro_rules! options {
    ($($set:ident $get:ident $type:ty = $value:literal, $name:literal: $doc:literal, $bind:literal;)*) => {
        impl UdpSocket {$(
            #[doc = concat!("Sets `", $name, "`: ", $doc, ".")]
            ///
            /// # Errors
            /// What the system says; when it was closed.
            ///
            #[doc = concat!(
                "# Examples\n```\n# fn main() -> std::io::Result<()> {\n",
                "let Ok(socket) = rt::net::UdpSocket::bind(\"", $bind, "\") else { return Ok(()) };\n",
                "socket.", stringify!($set), "(", stringify!($value), ")?;\n",
                "assert_eq!(socket.", stringify!($get), "()?, ", stringify!($value), ");\n",
                "# Ok(())\n# }\n```"
            )]
            pub fn $set(&self, value: $type) -> io::Result<()> {
                self.0.with(|io| io.$set(value))
            }

            #[doc = concat!("`", $name, "`.")]
            ///
            /// # Errors
            /// What the system says; when it was closed.
            ///
            #[doc = concat!(
                "# Examples\n```\n# fn main() -> std::io::Result<()> {\n",
                "let Ok(socket) = rt::net::UdpSocket::bind(\"", $bind, "\") else { return Ok(()) };\n",
                "let _default: ", stringify!($type), " = socket.", stringify!($get), "()?;\n",
                "# Ok(())\n# }\n```"
            )]
            pub fn $get(&self) -> io::Result<$type> {
                self.0.with(|io| io.$get())
            }
        )*}
    };
}

options! {
    set_broadcast broadcast bool = true,
        "SO_BROADCAST": "datagrams may go to broadcast addresses", "127.0.0.1:0";
    set_ttl ttl u32 = 100,
        "IP_TTL": "how many routers the datagrams may pass", "127.0.0.1:0";
    set_multicast_loop_v4 multicast_loop_v4 bool = false,
        "IP_MULTICAST_LOOP": "whether multicast datagrams come back to this machine", "127.0.0.1:0";
    set_multicast_ttl_v4 multicast_ttl_v4 u32 = 2,
        "IP_MULTICAST_TTL": "how many routers multicast datagrams may pass", "127.0.0.1:0";
    set_multicast_loop_v6 multicast_loop_v6 bool = false,
        "IPV6_MULTICAST_LOOP": "whether multicast datagrams come back to this machine", "[::1]:0";
}

impl UdpSocket {
    /// Opens a socket at the first of the addresses that works. Port 0: one that is free. Go's
    /// `net.ListenPacket`.
    ///
    /// A name is looked up first, which may take its time.
    ///
    /// # Errors
    /// What the system says: the address is in use, is not this machine's, needs a privilege.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let socket = net::UdpSocket::bind(&addr::resolve(address)?[..])?;
        socket.set_nonblocking(true)?;
        Ok(Self(Socket::new(socket)))
    }

    /// Sets the other end: [`send`](Self::send) goes there, and only what comes from there is received. To the first
    /// of the addresses that works; nothing is sent for it.
    ///
    /// # Errors
    /// What the system says; when it was closed.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        let addresses = addr::resolve(address)?;
        self.0.with(|io| io.connect(&addresses[..]))
    }

    fn receive(&self, io: &net::UdpSocket, buf: &mut [u8]) -> io::Result<usize> {
        io.recv(buf)
    }

    fn receive_from(&self, io: &net::UdpSocket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        io.recv_from(buf)
    }

    /// Waits for a datagram. Returns its length and who sent it; what does not fit into `buf` is lost.
    ///
    /// # Errors
    /// [`Closed`](crate::net::Closed); [`TimedOut`](io::ErrorKind::TimedOut); what the system says.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.op(Dir::Read, |io| io.recv_from(buf))
    }

    /// As [`recv_from`](Self::recv_from), and the datagram stays for the next one who receives.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// let socket = rt::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let address = socket.local_addr()?;
    /// socket.send_to(b"x", address)?;
    /// assert_eq!(socket.peek_from(&mut [0; 9])?, (1, address));
    /// assert_eq!(socket.recv_from(&mut [0; 9])?, (1, address));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.op(Dir::Read, |io| io.peek_from(buf))
    }

    /// Sends a datagram to the first of the addresses. Waits while the system has no room for it.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) without an address; otherwise as
    /// [`recv_from`](Self::recv_from).
    ///
    /// # Examples
    /// See [`peek_from`](Self::peek_from).
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], address: A) -> io::Result<usize> {
        let address = addr::first(address)?;
        self.0.op(Dir::Write, |io| io.send_to(buf, address))
    }

    /// The same, until `ctx` is done at most. A name is looked up first, which the context does not end.
    ///
    /// # Errors
    /// The same; a [`ContextError`](crate::context::ContextError).
    ///
    /// # Examples
    /// ```
    /// use rt::context::Context;
    ///
    /// let socket = rt::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert_eq!(socket.send_to_ctx(b"x", socket.local_addr()?, &ctx)?, 1);
    /// cancel();
    /// assert!(socket.send_to_ctx(b"x", socket.local_addr()?, &ctx).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_to_ctx<A: ToSocketAddrs>(
        &self,
        buf: &[u8],
        address: A,
        ctx: &(impl Cancel + ?Sized),
    ) -> io::Result<usize> {
        Socket::<net::UdpSocket>::bounded(ctx, |until| {
            let address = addr::first(address)?;
            self.0.op_until(Dir::Write, until, |io| io.send_to(buf, address))
        })
    }

    /// Waits for a datagram from the [other end](Self::connect).
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from), and when the other end's machine has answered that nobody listens there.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.op(Dir::Read, |io| io.recv(buf))
    }

    /// As [`recv`](Self::recv), and the datagram stays for the next one who receives.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// let socket = rt::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.connect(socket.local_addr()?)?;
    /// socket.send(b"x")?;
    /// assert_eq!(socket.peek(&mut [0; 9])?, 1);
    /// assert_eq!(socket.recv(&mut [0; 9])?, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.op(Dir::Read, |io| io.peek(buf))
    }

    /// Sends a datagram to the [other end](Self::connect). Waits while the system has no room for it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); when there is no other end.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.op(Dir::Write, |io| io.send(buf))
    }

    /// The address at the [other end](Self::connect).
    ///
    /// # Errors
    /// When there is none, or it was closed.
    ///
    /// # Examples
    /// ```
    /// let socket = rt::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(socket.peer_addr().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.peer_addr())
    }

    /// The address at this end.
    ///
    /// # Errors
    /// When it was closed.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }

    /// Receives what is sent to the group `group`, at the interface that has the address `interface`
    /// (unspecified: one that the system chooses). Go's `net.ListenMulticastUDP`.
    ///
    /// # Errors
    /// What the system says; when it was closed.
    ///
    /// # Examples
    /// ```no_run
    /// use std::net::Ipv4Addr;
    /// let socket = rt::net::UdpSocket::bind("0.0.0.0:5353")?;
    /// let group = Ipv4Addr::new(224, 0, 0, 251);
    /// socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    /// socket.leave_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.with(|io| io.join_multicast_v4(group, interface))
    }

    /// Undoes a [`join_multicast_v4`](Self::join_multicast_v4).
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// use std::net::Ipv4Addr;
    /// let socket = rt::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let group = Ipv4Addr::new(224, 0, 0, 251);
    /// assert!(socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_err(), "it has not joined");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.with(|io| io.leave_multicast_v4(group, interface))
    }

    /// Receives what is sent to the group `group`, at the interface of the index `interface` (0: one that the
    /// system chooses).
    ///
    /// # Errors
    /// What the system says; when it was closed.
    ///
    /// # Examples
    /// ```no_run
    /// let socket = rt::net::UdpSocket::bind("[::]:5353")?;
    /// let group = "ff02::fb".parse().unwrap();
    /// socket.join_multicast_v6(&group, 0)?;
    /// socket.leave_multicast_v6(&group, 0)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.with(|io| io.join_multicast_v6(group, interface))
    }

    /// Undoes a [`join_multicast_v6`](Self::join_multicast_v6).
    ///
    /// # Errors
    /// The same.
    ///
    /// # Examples
    /// ```
    /// let Ok(socket) = rt::net::UdpSocket::bind("[::1]:0") else { return Ok(()) };
    /// assert!(socket.leave_multicast_v6(&"ff02::fb".parse().unwrap(), 0).is_err(), "it has not joined");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.with(|io| io.leave_multicast_v6(group, interface))
    }
}
