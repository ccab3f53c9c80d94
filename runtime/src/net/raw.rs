//! Sockets from the numbers of files, as a process gets them from the one that has started it. All that is unsafe in `net`.

#![allow(unsafe_code, reason = "std's trait is")]

use super::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

macro_rules! from_raw {
    ($($name:ident)*) => {$(
        /// As for std's types: the file becomes the socket's, and must be a socket of this kind.
        impl FromRawFd for $name {
            unsafe fn from_raw_fd(file: RawFd) -> Self {
                // SAFETY: it is the caller's to give, and open.
                Self::from(unsafe { OwnedFd::from_raw_fd(file) })
            }
        }
    )*};
}

from_raw!(TcpListener TcpStream UdpSocket UnixListener UnixStream UnixDatagram);
