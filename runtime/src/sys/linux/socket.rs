//! What neither std nor socket2 does with sockets in one call.
//!
//! What a connection does all the time, receiving and sending, is asked of the kernel itself: libc's functions are points where
//! `pthread_cancel` may end the thread, which takes two atomic read-modify-writes a call, and which nobody uses here.
//!
//! Invariant: a buffer that goes to the kernel is given with its own length.

use super::epoll::{checked, owned};
use socket2::SockAddr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::ptr;
use std::sync::OnceLock;

/// A send that finds nobody at the other end is an error, and no signal.
pub(crate) const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;

/// Takes a connection; it does not block, and is not inherited.
///
/// # Errors
/// As `accept4`.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let take = |storage: *mut socket2::SockAddrStorage, len: *mut libc::socklen_t| {
        // SAFETY: room for an address and its size, in which the kernel writes how much it used.
        owned(unsafe { libc::accept4(listener.as_raw_fd(), storage.cast(), len, flags) })
    };
    // SAFETY: `accept4` writes an address and its length, or fails.
    unsafe { SockAddr::try_init(take) }
}

/// Receives what there is, as much as there is room for.
///
/// # Errors
/// As `recv`.
#[inline]
pub(crate) fn receive(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    let (socket, none) = (socket.as_raw_fd(), ptr::null_mut::<u8>());
    // SAFETY: the buffer with its own length, and no place for an address.
    let n = unsafe {
        libc::syscall(libc::SYS_recvfrom, socket, buf.as_mut_ptr(), buf.len(), 0, none, none)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Sends as much as the kernel takes; without a signal.
///
/// # Errors
/// As `send`.
#[inline]
pub(crate) fn send(socket: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    let (socket, none) = (socket.as_raw_fd(), ptr::null::<u8>());
    // SAFETY: the buffer with its own length, and no address.
    let n = unsafe {
        libc::syscall(libc::SYS_sendto, socket, buf.as_ptr(), buf.len(), NO_SIGNAL, none, 0)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Looks at what can be received, and leaves it there.
///
/// # Errors
/// As `recv`.
pub(crate) fn peek(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer with its own length.
    let n = unsafe {
        libc::recv(socket.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), libc::MSG_PEEK)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Whether the reading side was shut down.
pub(crate) fn reading_is_over(socket: BorrowedFd<'_>) -> bool {
    let mut file = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: one entry, which lives over the call.
    let rc = unsafe { libc::poll(&raw mut file, 1, 0) };
    rc > 0 && file.revents & libc::POLLRDHUP != 0
}

/// The most connections that the system lets a listener keep until they are accepted.
pub(crate) fn max_backlog() -> libc::c_int {
    static SEEN: OnceLock<libc::c_int> = OnceLock::new();
    *SEEN.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
        text.trim().parse().unwrap_or(libc::SOMAXCONN)
    })
}

/// Closes the file behind `fd`, and lets the number stand for one with which nothing can be done,
/// until its owner closes it: no other file gets the number while somebody may still use it.
///
/// # Errors
/// When the process has no file left for the first of these. Nothing is closed then.
pub(crate) fn vacate(fd: BorrowedFd<'_>) -> io::Result<()> {
    let nothing = nothing()?;
    loop {
        // SAFETY: numbers alone go in. `fd` stays open over the call and behind it, as its borrower
        // expects, and with another file, which any holder of the same socket could have told
        // it to expect: an operation fails.
        let rc = unsafe { libc::dup3(nothing.as_raw_fd(), fd.as_raw_fd(), libc::O_CLOEXEC) };
        match checked(rc) {
            // Another thread was opening a file of this number, says the manual; not of ours.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EINTR)) => {}
            result => return result.map(drop),
        }
    }
}

/// Sees to it that [`vacate`] needs no file.
pub(crate) fn prepare_to_vacate() {
    let _ = nothing();
}

/// A file of which only the name is open: no call does anything with it.
fn nothing() -> io::Result<&'static File> {
    static NOTHING: OnceLock<File> = OnceLock::new();
    if let Some(file) = NOTHING.get() {
        return Ok(file);
    }
    let file = File::options().read(true).custom_flags(libc::O_PATH).open("/")?;
    Ok(NOTHING.get_or_init(|| file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_vacated_number_stays_taken_and_does_nothing() {
        let (a, b) = UnixStream::pair().unwrap();
        let number = a.as_raw_fd();
        vacate(a.as_fd()).unwrap();
        assert_eq!((&b).read(&mut [0; 1]).unwrap(), 0, "the other end does not see the end");
        let byte = &mut [0; 1];
        for result in [peek(a.as_fd(), byte), receive(a.as_fd(), byte), send(a.as_fd(), &[0])] {
            assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EBADF));
        }
        let others: Vec<_> = (0..8).map(|_| File::open("/").unwrap()).collect();
        assert!(others.iter().all(|file| file.as_raw_fd() != number));
        vacate(a.as_fd()).unwrap();
    }

    #[test]
    fn what_is_sent_is_received_and_nothing_more() {
        let (a, b) = UnixStream::pair().unwrap();
        b.set_nonblocking(true).unwrap();
        assert_eq!(send(a.as_fd(), b"hello").unwrap(), 5);
        let mut buf = *b"-----";
        assert_eq!(receive(b.as_fd(), &mut buf[..4]).unwrap(), 4);
        assert_eq!(&buf, b"hell-");
        assert_eq!(receive(b.as_fd(), &mut buf).unwrap(), 1);
        assert_eq!(&buf, b"oell-");
        let error = receive(b.as_fd(), &mut buf).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(a);
        assert_eq!(receive(b.as_fd(), &mut buf).unwrap(), 0);
        // An error and no signal, which would end the process.
        let error = send(b.as_fd(), &buf).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_backlog_is_the_systems() {
        assert!(max_backlog() >= 1);
    }
}
