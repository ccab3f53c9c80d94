//! What a goroutine waits for, in words.

use crate::chan::{self, Peeked};
use crate::sched::{Seen, Why};
use crate::sync;
use std::fmt;

/// What a goroutine waits for.
///
/// # Examples
/// ```
/// use rt::chan::Chan;
///
/// #[rt::main]
/// fn main() {
///     let ch = Chan::<u32>::new(0);
///     let rx = ch.clone();
///     rt::spawn(move || rx.recv());
///     let wait = loop {
///         let found = rt::dump().goroutines().iter().find_map(|g| g.waits_for().cloned());
///         match found {
///             Some(wait) => break wait,
///             None => rt::yield_now(),
///         }
///     };
///     assert_eq!(wait.kind(), "chan receive");
///     assert!(wait.address() == Some(wait.channels()[0].address()));
///     assert!(wait.file().is_none() && wait.goroutine().is_none() && !wait.is_for_ever());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub(super) kind: &'static str,
    pub(super) address: Option<usize>,
    pub(super) file: Option<i32>,
    /// Whom it waits for: who is to end, or to unlock.
    pub(super) goroutine: Option<u64>,
    pub(super) channels: Vec<Channel>,
    pub(super) readers: u32,
    pub(super) is_for_ever: bool,
}

/// A channel that a goroutine waits for.
///
/// # Examples
/// ```
/// use rt::chan::Chan;
///
/// #[rt::main]
/// fn main() {
///     let full = Chan::new(1);
///     full.send('a');
///     rt::go!(full => full.send('b'));
///     let dump = loop {
///         let dump = rt::dump();
///         if dump.goroutines().iter().any(|g| g.waits_for().is_some()) {
///             break dump;
///         }
///         rt::yield_now();
///     };
///     let wait = dump.goroutines().iter().find_map(|g| g.waits_for()).unwrap();
///     let [channel] = wait.channels() else { unreachable!("it is no select") };
///     assert!(channel.sends() && wait.address() == Some(channel.address()));
///     assert_eq!((channel.len(), channel.cap(), channel.handles()), (1, Some(1), Some(2)));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    pub(super) address: usize,
    pub(super) sends: bool,
    pub(super) cap: Option<usize>,
    pub(super) len: usize,
    pub(super) is_clock: bool,
    pub(super) handles: Option<usize>,
}

impl Channel {
    fn of(sends: bool, peeked: Peeked) -> Self {
        let Peeked { address, cap, len, is_clock, is_never: _, handles } = peeked;
        Self { address, sends, cap, len, is_clock, handles }
    }

    /// Where it lies; the same for all who wait for the same channel.
    pub fn address(&self) -> usize {
        self.address
    }

    /// Whether the goroutine wants to send; else it wants to receive.
    pub fn sends(&self) -> bool {
        self.sends
    }

    /// How many values it may hold; `None`: any number.
    pub fn cap(&self) -> Option<usize> {
        self.cap
    }

    /// How many it held.
    #[allow(clippy::len_without_is_empty, reason = "a number that was seen, not a collection")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many [`Chan`](crate::chan::Chan) handles there were of it; `None` for senders and receivers.
    pub fn handles(&self) -> Option<usize> {
        self.handles
    }
}

impl Wait {
    /// In few words: `chan receive`, `chan send`, `select`, `sleep`, `mutex`, `rwlock`, `condvar`, `once`, `semaphore`,
    /// `barrier`, `waitgroup`, `join`, `scope`, `errgroup`, `IO read`, `IO write`, `future`, `runtime`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Where it lies, if it is a thing in memory: the same for all who wait for the same.
    pub fn address(&self) -> Option<usize> {
        self.address
    }

    /// The file descriptor, if it is one.
    pub fn file(&self) -> Option<i32> {
        self.file
    }

    /// The goroutine whose end it waits for, or which has locked what it waits for.
    pub fn goroutine(&self) -> Option<u64> {
        self.goroutine
    }

    /// The channel, or those of a select.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Whether it cannot end: a nil channel, a select without cases.
    pub fn is_for_ever(&self) -> bool {
        self.is_for_ever
    }

    /// What a goroutine that was just seen waits for. While it is visited. `owner` knows whose stack an address lies in.
    pub(super) fn of(seen: &Seen, owner: &dyn Fn(usize) -> Option<u64>) -> Option<Self> {
        let why = seen.why?;
        let held = seen.held && seen.object != 0;
        let mut wait = Self {
            kind: why.name(),
            address: Some(seen.object).filter(|object| *object != 0),
            file: None,
            goroutine: seen.joins,
            channels: Vec::new(),
            readers: 0,
            is_for_ever: false,
        };
        match why {
            Why::ChanSend | Why::ChanRecv if held => {
                // SAFETY: held, and this is what those who wait for a channel note.
                let peeked = unsafe { chan::peek(seen.object) };
                if peeked.is_never {
                    // As a nil channel.
                    wait.address = None;
                    wait.is_for_ever = !seen.timed;
                } else {
                    wait.channels.push(Channel::of(why == Why::ChanSend, peeked));
                }
            }
            Why::ChanSend | Why::ChanRecv => {
                wait.is_for_ever = seen.object == 0 && !seen.timed;
            }
            Why::Select if held => {
                // SAFETY: held, and this is what a select notes.
                let cases = unsafe { chan::peek_cases(seen.object) };
                wait.address = None;
                wait.is_for_ever = cases.is_empty() && !seen.timed;
                wait.channels.extend(cases.iter().map(|case| Channel::of(case.0, case.1)));
            }
            Why::Mutex if held => {
                // SAFETY: held, and this is what those who wait for a mutex note.
                wait.goroutine = unsafe { sync::peek_mutex(seen.object) }.and_then(owner);
            }
            Why::RwLock if held => {
                // SAFETY: held, and this is what those who wait for a `RwLock` note.
                let (writer, readers) = unsafe { sync::peek_rwlock(seen.object) };
                (wait.goroutine, wait.readers) = (writer.and_then(owner), readers);
            }
            Why::Select | Why::Join => wait.address = None,
            Why::NetRead | Why::NetWrite => {
                wait.address = None;
                wait.file = seen.object.try_into().ok();
            }
            _ => {}
        }
        Some(wait)
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())?;
        let detail = self.detail();
        if detail.is_empty() { Ok(()) } else { write!(f, ": {detail}") }
    }
}

impl Wait {
    /// The kind, as it is printed.
    pub(super) fn words(&self) -> &'static str {
        match self.kind {
            kind if !self.is_for_ever => kind,
            "select" => "select (no cases)",
            "chan send" => "chan send (nil chan)",
            _ => "chan receive (nil chan)",
        }
    }

    /// What there is to say beside that.
    pub(super) fn detail(&self) -> String {
        if self.is_for_ever {
            // The kind has said it: it has no cases, or no channel.
            return String::new();
        }
        let mut text = match (&self.channels[..], self.address, self.file) {
            (_, _, Some(file)) => format!("file {file}"),
            ([channel], ..) if self.kind != "select" => channel.to_string(),
            ([], Some(address), _) => format!("{address:#x}"),
            (channels, ..) => {
                let case = |c: &Channel| format!("{} {c}", if c.sends { "send" } else { "recv" });
                channels.iter().map(case).collect::<Vec<_>>().join(", ")
            }
        };
        match (self.kind, self.goroutine, self.readers) {
            ("join", Some(id), _) => text = format!("goroutine {id}"),
            (_, Some(id), _) => text += &format!(", locked by goroutine {id}"),
            (_, None, 1) => text += ", locked by 1 reader",
            (_, None, readers @ 2..) => text += &format!(", locked by {readers} readers"),
            _ => {}
        }
        text
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chan {:#x}", self.address)?;
        match (self.is_clock, self.cap) {
            (true, _) => f.write_str(", a clock"),
            (false, Some(0)) => f.write_str(", unbuffered"),
            (false, Some(cap)) => write!(f, ", {} of {cap} values", self.len),
            (false, None) => write!(f, ", {} values, unbounded", self.len),
        }
    }
}
