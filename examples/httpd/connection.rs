//! One connection, from its first byte to its last, in one goroutine.
//!
//! Invariant: every wait for the client has a deadline. Of reads that is one for the whole head, or body, and not
//! one for each read: who sends a byte a second is cut off with the rest.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rt::net::TcpStream;

use crate::body::{Chunks, Progress};
use crate::files;
use crate::request::{self, Body, MAX_HEAD, Method, Request};
use crate::response::{Manner, Response, Status};
use crate::server::{Site, eprintln_or_not};

pub(crate) struct Connection<'a> {
    id: u64,
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    site: &'a Site,
    /// What has been read and not yet been understood: often the next request.
    input: Vec<u8>,
    /// The first line of the request that is being served, once its head is all there.
    line: Option<Vec<u8>>,
    served: u32,
}

/// Why there is no next request.
enum End {
    /// The client has to be told.
    Refused(Status),
    /// There is nobody to be told, or nothing to say.
    Gone,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Gone
    }
}

impl From<Status> for End {
    fn from(status: Status) -> End {
        End::Refused(status)
    }
}

impl<'a> Connection<'a> {
    pub(crate) fn new(id: u64, stream: TcpStream, peer: SocketAddr, site: &'a Site) -> Self {
        let (stream, input) = (Arc::new(stream), Vec::new());
        Connection { id, stream, peer, site, input, line: None, served: 0 }
    }

    pub(crate) fn serve(mut self) {
        // Answers are written whole: to wait for more would only delay their ends.
        let _ = self.stream.set_nodelay(true);
        loop {
            match self.serve_one() {
                Ok(true) => {}
                Ok(false) => break,
                Err(End::Gone) => return,
                Err(End::Refused(status)) => {
                    let refused = self.answer(Response::of(status), false, false);
                    if refused.is_err() {
                        return;
                    }
                    break;
                }
            }
        }
        self.linger();
    }

    /// `Ok(false)`: that was the last one.
    fn serve_one(&mut self) -> Result<bool, End> {
        self.line = None;
        self.wait()?;
        self.limit_reads()?;
        let (request, len) = self.head()?;
        self.line = Some(request::first_line(&self.input).to_vec());
        self.input.drain(..len);
        self.served += 1;
        // Who waits to be told before it sends the body is told the answer, and need not send it.
        let unsent = request.expects && request.body != Body::None;
        if !unsent {
            self.drain(request.body)?;
        }
        let Request { method, target, keep_alive, old, .. } = request;
        let response = match method {
            Method::Get | Method::Head => files::find(&self.site.root, &target),
            Method::Known => Response::of(Status::MethodNotAllowed),
            Method::Unknown => Response::of(Status::NotImplemented),
        };
        let keep_alive = keep_alive
            && !unsent
            && self.served < self.site.limits.requests
            && !self.site.idle.is_stopping();
        self.answer(response, keep_alive, old)?;
        Ok(keep_alive)
    }

    /// Until the next request has begun.
    fn wait(&mut self) -> Result<(), End> {
        self.skip_empty_lines();
        if !self.input.is_empty() {
            return Ok(());
        }
        // As long as nobody sends anything there is no need to keep what the longest head has taken.
        self.input = Vec::new();
        let deadline = rt::time::now() + self.site.limits.idle;
        self.site.idle.enter(self.id, &self.stream, deadline)?;
        let mut read = self.read();
        self.site.idle.leave(self.id);
        if self.site.idle.is_stopping() && is_timeout(&read) {
            // What had come before the stop is still answered.
            self.stream.set_read_deadline(None)?;
            self.stream.set_nonblocking(true)?;
            read = self.read();
            self.stream.set_nonblocking(false)?;
        }
        if read? == 0 { Err(End::Gone) } else { Ok(()) }
    }

    /// Reads a head to its end, and leaves it in the input.
    fn head(&mut self) -> Result<(Request, usize), End> {
        let mut look = true;
        loop {
            self.skip_empty_lines();
            if look && let Some(parsed) = request::parse(&self.input)? {
                return Ok(parsed);
            }
            let before = self.input.len();
            self.read_more()?;
            // To look again at each byte would be work for who sends them one by one.
            look = self.input[before..].contains(&b'\n') || self.input.len() >= MAX_HEAD;
        }
    }

    /// Reads a body to its end, for nothing.
    fn drain(&mut self, body: Body) -> Result<(), End> {
        if body == Body::None {
            return Ok(());
        }
        self.limit_reads()?;
        let mut chunks = Chunks::default();
        let mut left = if let Body::Length(length) = body { length as usize } else { 0 };
        loop {
            let progress = if body == Body::Chunked {
                chunks.take(&self.input)?
            } else {
                let n = left.min(self.input.len());
                left -= n;
                if left == 0 { Progress::End(n) } else { Progress::More(n) }
            };
            match progress {
                Progress::End(n) => {
                    self.input.drain(..n);
                    return Ok(());
                }
                Progress::More(n) => self.input.drain(..n),
            };
            self.read_more()?;
        }
    }

    fn answer(&mut self, response: Response, keep_alive: bool, old: bool) -> io::Result<()> {
        let timeout = self.site.limits.write;
        let status = response.status;
        // What is refused may have no whole head.
        let line = self.line.take().unwrap_or_else(|| request::first_line(&self.input).to_vec());
        // Also of one that is refused.
        let head_only = line.starts_with(b"HEAD ");
        let manner = Manner { head_only, keep_alive, old, timeout };
        let written = response.write(&self.stream, &manner);
        if self.site.log_all || status.code() >= 400 || written.is_err() {
            let (peer, line, code) = (self.peer, line.escape_ascii(), status.code());
            match &written {
                Ok(len) => eprintln_or_not(format_args!("{peer} \"{line}\" {code} {len}")),
                Err(error) => {
                    eprintln_or_not(format_args!("{peer} \"{line}\" {code} broken off: {error}"));
                }
            }
        }
        written.map(drop)
    }

    /// Ends the connection so that the client gets to read the last answer: if we closed while something from it is
    /// unread, the system would break off the connection, and the client's would throw away what it has received.
    fn linger(&mut self) {
        const TIME: Duration = Duration::from_secs(1);
        const BYTES: usize = 1024 * 1024;
        let deadline = rt::time::now() + TIME;
        if self.stream.shutdown(Shutdown::Write).is_err()
            || self.stream.set_read_deadline(Some(deadline)).is_err()
        {
            return;
        }
        let mut total = 0;
        while total < BYTES {
            self.input.clear();
            match self.read() {
                Ok(n) if n > 0 => total += n,
                _ => return,
            }
        }
    }

    fn limit_reads(&self) -> io::Result<()> {
        self.stream.set_read_deadline(Some(rt::time::now() + self.site.limits.head))
    }

    /// Reads more of a request: there has to be more.
    fn read_more(&mut self) -> Result<(), End> {
        let read = self.read();
        if is_timeout(&read) {
            return Err(End::Refused(Status::Timeout));
        }
        if read? == 0 { Err(End::Gone) } else { Ok(()) }
    }

    fn read(&mut self) -> io::Result<usize> {
        const ROOM: usize = 4096;
        let before = self.input.len();
        self.input.resize(before + ROOM, 0);
        let read = (&*self.stream).read(&mut self.input[before..]);
        self.input.truncate(before + read.as_ref().map_or(0, |n| *n));
        read
    }

    /// Lines that some send after a body, or to see whether we are there.
    fn skip_empty_lines(&mut self) {
        let is_part = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let start = self.input.iter().position(is_part).unwrap_or(self.input.len());
        self.input.drain(..start);
    }
}

fn is_timeout(read: &io::Result<usize>) -> bool {
    read.as_ref().is_err_and(|error| error.kind() == ErrorKind::TimedOut)
}
