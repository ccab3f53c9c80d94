//! What the tests of `net` share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use crate::common::{self, Rng};
use rt::net::{TcpListener, TcpStream};

/// `f` as the main goroutine of runtimes with one, two and eight processors, and on a plain thread.
pub(crate) fn everywhere(f: impl Fn() + Send + Sync) {
    for procs in [1, 2, 8] {
        common::runtime(procs).run(&f);
    }
    f();
}

/// Runs `f` beside the caller: as a goroutine if the caller is one, else as a thread. What is
/// returned waits for its end.
pub(crate) fn beside<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> Box<dyn FnOnce() -> T> {
    if rt::Handle::try_current().is_some() {
        let handle = rt::spawn(f);
        Box::new(move || handle.join().unwrap())
    } else {
        let handle = std::thread::spawn(f);
        Box::new(move || handle.join().unwrap())
    }
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Two ends of a connection.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = listener();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    (client, server)
}

/// Bytes that tell where they stand.
pub(crate) fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut bytes: Vec<u8> = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend(rng.next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
