//! Connecting a stream: the system is told to begin, and says later how it went.

use super::socket::Socket;
use crate::poller::Dir;
use crate::wait::Until;
use socket2::{Domain, SockAddr, SockRef, Type};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};

/// Connects to `address`, before `limit` is over.
pub(super) fn connect<S: AsFd + From<OwnedFd>>(
    address: &SockAddr,
    limit: Until<'_>,
) -> io::Result<Socket<S>> {
    let file = open(address.domain())?;
    let socket = Socket::new(S::from(file));
    let mut begun = false;
    socket.op_until(Dir::Write, limit, |io| {
        let file = SockRef::from(io);
        if !begun {
            begun = true;
            return match file.connect(address) {
                // It goes on by itself: from here on there is only to wait.
                Err(error) if is_under_way(&error) => Err(ErrorKind::WouldBlock.into()),
                result => result,
            };
        }
        match file.take_error()? {
            Some(error) => Err(error),
            None => match file.peer_addr() {
                Err(error) if error.kind() == ErrorKind::NotConnected => {
                    Err(ErrorKind::WouldBlock.into())
                }
                result => result.map(drop),
            },
        }
    })?;
    Ok(socket)
}

/// Connects to a socket of this machine before `limit` is over: at once, or when the listener has room. There is no
/// event for that.
pub(super) fn connect_local<S: AsFd + From<OwnedFd>>(
    address: &SockAddr,
    limit: Until<'_>,
) -> io::Result<Socket<S>> {
    let socket = Socket::new(S::from(open(address.domain())?));
    socket.op_patiently(limit, |io| SockRef::from(io).connect(address))?;
    Ok(socket)
}

fn is_under_way(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR | libc::EALREADY))
}

/// A stream socket that does not block and is not inherited.
fn open(domain: Domain) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let socket = socket2::Socket::new_raw(domain, Type::STREAM.cloexec().nonblocking(), None)?;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
