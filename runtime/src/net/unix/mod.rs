//! Unix domain sockets.

mod datagram;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::{UnixIncoming, UnixListener};
pub use stream::UnixStream;

use socket2::SockAddr;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// The system's address of a file. A zero in the path is refused, as by std: it would end the name there, or make it one
/// without a file.
fn path_addr(path: &Path) -> io::Result<SockAddr> {
    system_addr(&SocketAddr::from_pathname(path)?)
}

/// Std's address as the system's.
fn system_addr(address: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = address.as_pathname() {
        return SockAddr::unix(path);
    }
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        return SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat()));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "an address without a name"))
}
