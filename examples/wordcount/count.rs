//! Counts the words of one file, a buffer at a time.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};

use crate::progress::Live;

/// What is in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    Text(Text),
    /// It holds a NUL byte.
    Binary,
}

/// What is in a text file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) words: HashMap<String, u64>,
    /// How many bytes are not UTF-8, and where the first of them is.
    pub(crate) bad_bytes: u64,
    pub(crate) first_bad: u64,
}

const BUFFER: usize = 64 * 1024;

/// Reads `source` to its end, or to its first NUL byte.
pub(crate) fn read(mut source: impl Read, live: &Live) -> io::Result<Contents> {
    let mut counter = Counter::default();
    let mut buffer = vec![0; BUFFER];
    // The bytes before `kept` are the beginning of a character whose end was not read yet.
    let mut kept = 0;
    loop {
        let n = match source.read(&mut buffer[kept..]) {
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer[kept..kept + n].contains(&0) {
            return Ok(Contents::Binary);
        }
        live.add_bytes(n as u64);
        let filled = kept + n;
        kept = counter.bytes(&buffer[..filled], n == 0);
        buffer.copy_within(filled - kept..filled, 0);
        if n == 0 {
            counter.end_word();
            return Ok(Contents::Text(counter.text));
        }
    }
}

/// Where the reading is: in a word or between two.
#[derive(Default)]
struct Counter {
    text: Text,
    /// How many bytes came before the ones at hand.
    offset: u64,
    word: String,
    /// After the word came an apostrophe: part of it if a letter follows.
    apostrophe: bool,
}

impl Counter {
    /// Counts what is in `bytes`, and says how many at the end it left: an unfinished character, not at the `end`.
    fn bytes(&mut self, mut bytes: &[u8], end: bool) -> usize {
        for chunk in bytes.utf8_chunks() {
            self.str(chunk.valid());
            self.offset += chunk.valid().len() as u64;
            bytes = &bytes[chunk.valid().len()..];
            let bad = chunk.invalid().len();
            // Nothing is wrong yet with a last sequence that only wants more bytes.
            let unfinished = bad == bytes.len() && is_unfinished(bytes);
            if bad > 0 && unfinished && !end {
                return bad;
            }
            if bad > 0 {
                self.end_word();
                if self.text.bad_bytes == 0 {
                    self.text.first_bad = self.offset;
                }
                self.text.bad_bytes += bad as u64;
                self.offset += bad as u64;
                bytes = &bytes[bad..];
            }
        }
        0
    }

    fn str(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_alphanumeric() {
                if self.apostrophe {
                    self.word.push('\'');
                    self.apostrophe = false;
                }
                self.word.extend(c.to_lowercase());
            } else if matches!(c, '\'' | '’') && !self.word.is_empty() && !self.apostrophe {
                self.apostrophe = true;
            } else {
                self.end_word();
            }
        }
    }

    fn end_word(&mut self) {
        self.apostrophe = false;
        if self.word.is_empty() {
            return;
        }
        match self.text.words.get_mut(&self.word) {
            Some(count) => *count += 1,
            None => {
                self.text.words.insert(self.word.clone(), 1);
            }
        }
        self.word.clear();
    }
}

/// Whether `bytes` begin a character that needs more bytes.
fn is_unfinished(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
}
