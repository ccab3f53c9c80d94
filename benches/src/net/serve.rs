//! What the servers share: the answer, the parser, and the loop of those that block.

use std::io::{self, Read, Write};
use std::process;
use std::thread;

use httparse::{EMPTY_HEADER, Request, Status};

use crate::sample::Failed;

/// What every request is answered with: as in `go/net.go`.
pub const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";
/// Room for the heads of requests, one in each connection's task.
pub const ROOM: usize = 2048;
/// Lines in a head.
const HEADERS: usize = 16;

/// Tells the driver where to connect, and ends this process when the driver is gone.
pub fn announce(port: u16) {
    println!("{port}");
    thread::spawn(|| {
        // Nothing is ever sent: it returns at the end, however that comes.
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
}

/// A server cannot go on.
pub fn failed(error: io::Error) -> Failed {
    Failed(format!("the server cannot go on: {error}"))
}

/// What came over a connection and is not answered yet.
#[derive(Debug)]
pub struct Heads {
    bytes: [u8; ROOM],
    len: usize,
}

impl Heads {
    /// Nothing has come.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; ROOM], len: 0 }
    }

    /// Where the next bytes go.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.len..]
    }

    /// So many more bytes have come: how many heads are complete. They are taken away.
    ///
    /// # Errors
    ///
    /// If it is no head, or a larger one than there is room for.
    pub fn take(&mut self, more: usize) -> io::Result<usize> {
        self.len += more;
        let mut taken = 0;
        let mut heads = 0;
        while let Some(len) = head(&self.bytes[taken..self.len])? {
            taken += len;
            heads += 1;
        }
        self.bytes.copy_within(taken..self.len, 0);
        self.len -= taken;
        if self.len == ROOM { Err(io::ErrorKind::InvalidData.into()) } else { Ok(heads) }
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self::new()
    }
}

/// The length of the head that the bytes begin with, once it is complete.
fn head(bytes: &[u8]) -> io::Result<Option<usize>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut headers = [EMPTY_HEADER; HEADERS];
    match Request::new(&mut headers).parse(bytes) {
        Ok(Status::Complete(len)) => Ok(Some(len)),
        Ok(Status::Partial) => Ok(None),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// Answers until the other side has had enough. For streams whose calls block their task alone.
///
/// # Errors
///
/// If the connection breaks, or if it is not HTTP.
pub fn connection(mut stream: impl Read + Write) -> io::Result<()> {
    let mut heads = Heads::new();
    loop {
        let more = stream.read(heads.room())?;
        if more == 0 {
            return Ok(());
        }
        for _ in 0..heads.take(more)? {
            stream.write_all(RESPONSE)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    fn give(heads: &mut Heads, bytes: &[u8]) -> io::Result<usize> {
        heads.room()[..bytes.len()].copy_from_slice(bytes);
        heads.take(bytes.len())
    }

    #[test]
    fn heads_are_counted_whole() {
        let mut heads = Heads::new();
        let (first, rest) = REQUEST.split_at(10);
        assert_eq!(give(&mut heads, first).ok(), Some(0));
        assert_eq!(give(&mut heads, rest).ok(), Some(1));
        assert_eq!(give(&mut heads, &[REQUEST, REQUEST, first].concat()).ok(), Some(2));
        assert_eq!(give(&mut heads, rest).ok(), Some(1));
    }

    #[test]
    fn what_is_no_head_is_an_error() {
        assert!(give(&mut Heads::new(), b"\0\0\r\n\r\n").is_err());
        let long = [b"GET /".as_slice(), &[b'a'; ROOM]].concat();
        assert!(give(&mut Heads::new(), &long[..ROOM]).is_err());
    }

    #[test]
    fn the_length_in_the_answer_is_right() {
        let text = std::str::from_utf8(RESPONSE).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
    }
}
