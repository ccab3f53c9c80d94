//! As much of HTTP/1.1 as a page for oneself needs: a request's head, and one answer.
//!
//! A head has at most [`MOST`] bytes and comes within [`PATIENCE`]; bodies are not read. Each connection carries one request.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

/// The largest head.
const MOST: usize = 8 << 10;
/// For the whole head.
const PATIENCE: Duration = Duration::from_secs(5);
/// For each write of the answer.
const WRITE: Duration = Duration::from_secs(10);

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) is_head: bool,
    pub(super) path: String,
    /// Pairs in their order. Nothing in them is decoded: what is known here is letters and digits.
    pub(super) query: Vec<(String, String)>,
    pub(super) host: String,
    /// What the browser says of where the request comes from.
    pub(super) fetch_site: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    /// The name under which a browser saves it.
    pub(super) file: Option<&'static str>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn new(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, kind, file: None, body: body.into() }
    }

    pub(super) fn error(status: u16, text: &str) -> Self {
        Self { status, ..Self::new("text/plain; charset=utf-8", format!("{text}\n")) }
    }

    pub(super) fn send(&self, to: &mut TcpStream, is_head: bool) -> io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            _ => "Error",
        };
        let mut head = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
             Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; \
             script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'\r\n",
            self.status,
            self.kind,
            self.body.len(),
        );
        if self.status == 405 {
            head.push_str("Allow: GET, HEAD\r\n");
        }
        if let Some(file) = self.file {
            head.push_str(&format!("Content-Disposition: attachment; filename=\"{file}\"\r\n"));
        }
        head.push_str("\r\n");
        to.set_write_timeout(Some(WRITE))?;
        to.write_all(head.as_bytes())?;
        if !is_head {
            to.write_all(&self.body)?;
        }
        to.flush()
    }
}

/// Reads a request's head. `Ok(Err)`: what is to be answered to a bad one.
///
/// # Errors
/// When the connection ends or is too slow.
pub(super) fn read(from: &mut TcpStream) -> io::Result<Result<Request, Response>> {
    let end = crate::util::now() + PATIENCE;
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let left = end.saturating_duration_since(crate::util::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        from.set_read_timeout(Some(left))?;
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The end may lie across two reads.
        let before = head.len().saturating_sub(3);
        head.extend_from_slice(&buffer[..n]);
        if let Some(at) = head[before..].windows(4).position(|four| four == b"\r\n\r\n") {
            head.truncate(before + at);
            return Ok(parse(&head));
        }
        if head.len() > MOST {
            return Ok(Err(Response::error(431, "the request's head is too large")));
        }
    }
}

fn parse(head: &[u8]) -> Result<Request, Response> {
    let bad = |what| Response::error(400, what);
    let head = std::str::from_utf8(head).map_err(|_| bad("the request is not text"))?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("the request's first line is not METHOD PATH VERSION"));
    };
    if !["HTTP/1.1", "HTTP/1.0"].contains(&version) {
        return Err(bad("HTTP/1.1 is spoken here"));
    }
    let is_head = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Response::error(405, "there is nothing here but to look: GET and HEAD")),
    };
    if !target.starts_with('/') {
        return Err(bad("the path does not begin with /"));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    let (mut host, mut fetch_site) = (None, None);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            return Err(bad("a header without a colon"));
        };
        let value = value.trim().to_ascii_lowercase();
        if name.eq_ignore_ascii_case("host") && host.replace(value.clone()).is_some() {
            return Err(bad("more than one Host"));
        }
        if name.eq_ignore_ascii_case("sec-fetch-site") {
            fetch_site = Some(value);
        }
    }
    let Some(host) = host else { return Err(bad("no Host")) };
    Ok(Request { is_head, path: path.to_owned(), query, host, fetch_site })
}

/// Whether this may stand in `Host`: a number, for no name can be bound to another address behind the browser's back
/// then; `localhost`; or a name that was allowed.
pub(super) fn is_known(host: &str, allowed: &[String]) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && !name.ends_with(':') => name,
        _ => host,
    };
    let number = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    name == "localhost"
        || number.parse::<IpAddr>().is_ok()
        || allowed.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let head = b"GET /trace?seconds=5&x HTTP/1.1\r\nhOsT: Localhost:6060\r\nSec-Fetch-Site: none\r\nA: b";
        let request = parse(head).unwrap();
        assert_eq!(request.path, "/trace");
        assert_eq!(request.query, [("seconds".into(), "5".into()), ("x".into(), String::new())]);
        assert_eq!((request.host.as_str(), request.is_head), ("localhost:6060", false));
        assert_eq!(request.fetch_site.as_deref(), Some("none"));
    }

    #[test]
    fn bad_requests_are_answered() {
        for (head, status) in [
            ("", 400),
            ("GET /", 400),
            ("GET / HTTP/2", 400),
            ("GET / HTTP/1.1 x", 400),
            ("GET http://x/ HTTP/1.1\r\nHost: x", 400),
            ("GET / HTTP/1.1", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400),
            ("GET / HTTP/1.1\r\nHost", 400),
            ("POST / HTTP/1.1\r\nHost: a", 405),
        ] {
            assert_eq!(parse(head.as_bytes()).unwrap_err().status, status, "{head:?}");
        }
        assert_eq!(parse(b"GET /\xff HTTP/1.1\r\nHost: a").unwrap_err().status, 400);
    }

    #[test]
    fn only_known_hosts_pass() {
        let allowed = ["Box.example".to_owned()];
        for good in [
            "localhost",
            "localhost:6060",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:80",
            "::1",
            "10.0.0.7:6060",
            "box.example",
            "box.example:6060",
        ] {
            assert!(is_known(good, &allowed), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "evil.example:6060",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:x",
            "localhost:",
            "box.example.evil",
        ] {
            assert!(!is_known(bad, &allowed), "{bad}");
        }
    }
}
