//! What the head of a request says.

use crate::response::Status;

/// The longest head: where a client is told that it is too much.
pub(crate) const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// The longest body that is read, to be thrown away.
pub(crate) const MAX_BODY: u64 = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    /// Of HTTP, but not for files that can only be read.
    Known,
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Length(u64),
    Chunked,
}

pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) body: Body,
    /// The client wants to be told before it sends its body: who is answered at once need not send it.
    pub(crate) expects: bool,
    pub(crate) keep_alive: bool,
    /// HTTP/1.0, where keeping alive has to be said.
    pub(crate) old: bool,
}

/// The request at the beginning of `bytes`, and how long its head is; `None` if that is not all there yet.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Status> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let len = match head.parse(bytes) {
        Ok(httparse::Status::Complete(len)) if len <= MAX_HEAD => len,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
        Ok(_) if first_line(bytes).len() >= MAX_HEAD => return Err(Status::UriTooLong),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
        Err(httparse::Error::Version) if names_a_version(bytes) => return Err(Status::Version),
        Err(_) => return Err(Status::BadRequest),
    };
    let (Some(method), Some(target), Some(version)) = (head.method, head.path, head.version) else {
        return Err(Status::BadRequest);
    };
    let old = version == 0;
    let fields = Fields(head.headers);
    // Whoever is in between must not see another host in it than we do.
    if fields.all("host").count() != 1 && !(old && fields.all("host").count() == 0) {
        return Err(Status::BadRequest);
    }
    let expects = match fields.one("expect")? {
        None => false,
        Some(expect) if expect.eq_ignore_ascii_case(b"100-continue") => !old,
        Some(_) => return Err(Status::Expectation),
    };
    let closes = fields.has_token("connection", "close");
    let request = Request {
        method: match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "TRACE" | "CONNECT" => Method::Known,
            _ => Method::Unknown,
        },
        target: target.to_string(),
        body: body(&fields, old)?,
        expects,
        keep_alive: !closes && (!old || fields.has_token("connection", "keep-alive")),
        old,
    };
    Ok(Some((request, len)))
}

/// Where the body ends. About that nobody in between may think otherwise than we do, or it takes for a request
/// what is none: so nothing is guessed.
fn body(fields: &Fields<'_>, old: bool) -> Result<Body, Status> {
    let length = fields.one("content-length")?;
    match fields.one("transfer-encoding")? {
        Some(_) if length.is_some() || old => Err(Status::BadRequest),
        Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        Some(_) => Err(Status::NotImplemented),
        None => match length {
            None => Ok(Body::None),
            Some(digits) if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) => {
                Err(Status::BadRequest)
            }
            Some(digits) => match std::str::from_utf8(digits).map(str::parse::<u64>) {
                Ok(Ok(0)) => Ok(Body::None),
                Ok(Ok(length)) if length <= MAX_BODY => Ok(Body::Length(length)),
                // Also a number that is too big for us.
                _ => Err(Status::ContentTooLarge),
            },
        },
    }
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| field.value.trim_ascii())
    }

    /// A field that may be there once.
    fn one(&self, name: &str) -> Result<Option<&'a [u8]>, Status> {
        let mut all = self.all(name);
        let first = all.next();
        if all.next().is_some() { Err(Status::BadRequest) } else { Ok(first) }
    }

    fn has_token(&self, name: &str, token: &str) -> bool {
        let mut tokens = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        tokens.any(|this| this.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }
}

pub(crate) fn first_line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    bytes[..end].trim_ascii_end()
}

/// Of HTTP, but not of ours, as `HTTP/2.0`.
fn names_a_version(bytes: &[u8]) -> bool {
    let last = first_line(bytes).rsplit(|byte| *byte == b' ').next();
    last.and_then(|word| word.strip_prefix(b"HTTP/"))
        .is_some_and(|rest| matches!(rest, [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit()))
}
