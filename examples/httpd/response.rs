//! Answers: their statuses, and how they are written.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime};

use rt::net::TcpStream;

macro_rules! statuses {
    ($($name:ident = $code:literal $reason:literal;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Status { $($name = $code),* }

        impl Status {
            fn reason(self) -> &'static str {
                match self { $(Status::$name => $reason),* }
            }
        }
    };
}

statuses! {
    Ok = 200 "OK";
    Moved = 301 "Moved Permanently";
    BadRequest = 400 "Bad Request";
    Forbidden = 403 "Forbidden";
    NotFound = 404 "Not Found";
    MethodNotAllowed = 405 "Method Not Allowed";
    Timeout = 408 "Request Timeout";
    ContentTooLarge = 413 "Content Too Large";
    UriTooLong = 414 "URI Too Long";
    Expectation = 417 "Expectation Failed";
    HeadTooLarge = 431 "Request Header Fields Too Large";
    Internal = 500 "Internal Server Error";
    NotImplemented = 501 "Not Implemented";
    Version = 505 "HTTP Version Not Supported";
}

impl Status {
    pub(crate) fn code(self) -> u16 {
        self as u16
    }
}

pub(crate) enum Content {
    Text(Vec<u8>),
    /// So much of a file.
    File(File, u64),
}

pub(crate) struct Response {
    pub(crate) status: Status,
    pub(crate) media_type: &'static str,
    pub(crate) location: Option<String>,
    pub(crate) content: Content,
}

/// How an answer is written.
pub(crate) struct Manner {
    /// The head alone.
    pub(crate) head_only: bool,
    pub(crate) keep_alive: bool,
    pub(crate) old: bool,
    /// For each part.
    pub(crate) timeout: Duration,
}

/// A part of an answer: what is in memory of a file at a time.
const PART: usize = 64 * 1024;

impl Response {
    pub(crate) fn page(status: Status, html: String) -> Response {
        let content = Content::Text(html.into_bytes());
        Response { status, media_type: "text/html; charset=utf-8", location: None, content }
    }

    /// One that says what its status is.
    pub(crate) fn of(status: Status) -> Response {
        let content = Content::Text(format!("{} {}\n", status.code(), status.reason()).into());
        Response { status, media_type: "text/plain; charset=utf-8", location: None, content }
    }

    pub(crate) fn moved(location: String) -> Response {
        Response { location: Some(location), ..Response::of(Status::Moved) }
    }

    pub(crate) fn file(file: File, len: u64, media_type: &'static str) -> Response {
        let content = Content::File(file, len);
        Response { status: Status::Ok, media_type, location: None, content }
    }

    fn head(&self, length: u64, manner: &Manner) -> String {
        let (code, reason) = (self.status.code(), self.status.reason());
        let mut head = format!(
            "HTTP/1.1 {code} {reason}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {length}\r\n\
             X-Content-Type-Options: nosniff\r\n",
            date(SystemTime::now()),
            self.media_type,
        );
        if self.status == Status::MethodNotAllowed {
            head += "Allow: GET, HEAD\r\n";
        }
        if let Some(location) = &self.location {
            head += &format!("Location: {location}\r\n");
        }
        if !manner.keep_alive {
            head += "Connection: close\r\n";
        } else if manner.old {
            head += "Connection: keep-alive\r\n";
        }
        head + "\r\n"
    }

    /// Writes it, and says how long its body was. The head goes out together with the beginning of the body.
    ///
    /// After an error the connection is of no more use: nobody knows how far it got.
    pub(crate) fn write(self, stream: &TcpStream, manner: &Manner) -> io::Result<u64> {
        let length = match &self.content {
            Content::Text(text) => text.len() as u64,
            Content::File(_, len) => *len,
        };
        let mut part = self.head(length, manner).into_bytes();
        if manner.head_only {
            write_part(stream, &part, manner.timeout)?;
            return Ok(0);
        }
        let mut file = match self.content {
            Content::Text(text) => {
                part.extend(text);
                write_part(stream, &part, manner.timeout)?;
                return Ok(length);
            }
            Content::File(file, len) => file.take(len),
        };
        loop {
            let room = PART.saturating_sub(part.len()) as u64;
            // It blocks in the system, as long as the disk takes.
            file.by_ref().take(room).read_to_end(&mut part)?;
            if part.is_empty() && file.limit() > 0 {
                let shorter = "the file has become shorter";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, shorter));
            }
            write_part(stream, &part, manner.timeout)?;
            part.clear();
            if file.limit() == 0 {
                return Ok(length);
            }
        }
    }
}

fn write_part(mut stream: &TcpStream, part: &[u8], timeout: Duration) -> io::Result<()> {
    stream.set_write_deadline(Some(rt::time::now() + timeout))?;
    stream.write_all(part)
}

/// As `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let secs = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, secs) = (secs / 86_400, secs % 86_400);
    // Years begin in March here, and eras of 400 years on 1 March of the year 0: the odd day comes last.
    let since_zero = days + 719_468;
    let (era, day) = (since_zero / 146_097, since_zero % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let year = 400 * era + year + u64::from(month >= 10);
    let day = day - (153 * month + 2) / 5 + 1;
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    let (name, month) = (DAYS[(days % 7) as usize], MONTHS[month as usize]);
    format!("{name}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}
