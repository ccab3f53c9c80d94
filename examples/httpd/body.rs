//! Bodies: nobody wants them, but the next request begins where they end.

use crate::request::MAX_BODY;
use crate::response::Status;

/// Looks for the end of a chunked body as its bytes come.
#[derive(Default)]
pub(crate) struct Chunks {
    /// How much of the input has been looked at.
    seen: u64,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Size,
    /// So much of a chunk is still to come, and then the line end after it.
    Data(u64),
    Trailer,
}

/// What a part of a body was good for.
pub(crate) enum Progress {
    /// So many bytes of the input are done with; there is more to come.
    More(usize),
    /// So many bytes of the input, and the body has ended.
    End(usize),
}

impl Chunks {
    /// Takes what it can of `input`.
    pub(crate) fn take(&mut self, input: &[u8]) -> Result<Progress, Status> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let n = match self.state {
                State::Size => match httparse::parse_chunk_size(rest) {
                    Ok(httparse::Status::Complete((n, 0))) => {
                        self.state = State::Trailer;
                        n
                    }
                    Ok(httparse::Status::Complete((n, size))) => {
                        if size > MAX_BODY {
                            return Err(Status::ContentTooLarge);
                        }
                        self.state = State::Data(size);
                        n
                    }
                    Ok(httparse::Status::Partial) => return self.more(at, rest.len()),
                    Err(_) => return Err(Status::BadRequest),
                },
                State::Data(0) => {
                    if rest.len() < 2 {
                        return Ok(Progress::More(at));
                    }
                    if !rest.starts_with(b"\r\n") {
                        return Err(Status::BadRequest);
                    }
                    self.state = State::Size;
                    2
                }
                State::Data(left) => {
                    let n = rest.len().min(left as usize);
                    if n == 0 {
                        return Ok(Progress::More(at));
                    }
                    self.state = State::Data(left - n as u64);
                    n
                }
                State::Trailer => {
                    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                        return self.more(at, rest.len());
                    };
                    let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
                    if line.is_empty() {
                        return Ok(Progress::End(at + end + 1));
                    }
                    // Nobody in between may see an end where we see none, or none where we see one.
                    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                    let is_field = name.len() < line.len() && !line.contains(&b'\r');
                    if !is_field || name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                        return Err(Status::BadRequest);
                    }
                    end + 1
                }
            };
            at += n;
            self.seen += n as u64;
            if self.seen > MAX_BODY {
                return Err(Status::ContentTooLarge);
            }
        }
    }

    /// Lines stay in the input until all of them is there, but only so long.
    fn more(&self, at: usize, line: usize) -> Result<Progress, Status> {
        const LONGEST_LINE: usize = 1024;
        if line > LONGEST_LINE { Err(Status::BadRequest) } else { Ok(Progress::More(at)) }
    }
}
