//! The room: a goroutine that knows who is in it, and the door to it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rt::chan::{Receiver, RecvError, Sender, after, bounded, never};
use rt::select;

/// How many lines a guest may be behind.
pub(crate) const INBOX: usize = 3;

/// Who says nothing for so many ticks is dropped.
const PATIENCE: u32 = 3;

/// How long a room stays open when the last one has gone.
const EMPTY: Duration = Duration::from_millis(50);

/// What is said, once for all who hear it.
pub(crate) type Line = Arc<str>;

/// What a guest holds to reach the room. Every call waits until the room has taken it.
#[derive(Clone)]
pub(crate) struct Door {
    joins: Sender<Join>,
    leaves: Sender<String>,
    says: Sender<(String, String)>,
    whos: Sender<Sender<Vec<String>>>,
}

struct Join {
    name: String,
    inbox: Sender<Line>,
    /// Whether the name is free.
    answer: Sender<bool>,
}

#[derive(Debug)]
pub(crate) enum Refused {
    Taken,
    Closed,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Taken => "(the name is taken)",
            Refused::Closed => "(the room is closed)",
        })
    }
}

impl Door {
    /// Comes in, and gives what will be heard from now on.
    pub(crate) fn join(&self, name: &str) -> Result<Receiver<Line>, Refused> {
        let (inbox, heard) = bounded(INBOX);
        let (answer, answered) = bounded(1);
        let join = Join { name: name.into(), inbox, answer };
        self.joins.send(join).map_err(|_| Refused::Closed)?;
        match answered.recv() {
            Ok(true) => Ok(heard),
            Ok(false) => Err(Refused::Taken),
            Err(RecvError) => Err(Refused::Closed),
        }
    }

    pub(crate) fn leave(&self, name: &str) -> Result<(), Refused> {
        self.leaves.send(name.into()).map_err(|_| Refused::Closed)
    }

    /// Says something. Nobody hears what one says who is not in the room.
    pub(crate) fn say(&self, name: &str, text: &str) -> Result<(), Refused> {
        self.says.send((name.into(), text.into())).map_err(|_| Refused::Closed)
    }

    /// Who is in the room, when it has done what was asked of it before.
    pub(crate) fn who(&self) -> Result<Vec<String>, Refused> {
        let (answer, answered) = bounded(1);
        self.whos.send(answer).map_err(|_| Refused::Closed)?;
        answered.recv().map_err(|_| Refused::Closed)
    }
}

struct Member {
    name: String,
    inbox: Sender<Line>,
    silent: u32,
}

/// What becomes of the guests.
#[derive(Debug, Default)]
pub(crate) struct Report {
    came: u32,
    left: u32,
    deaf: u32,
    silent: u32,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { came, left, deaf, silent } = self;
        write!(f, "{came} came, {left} left, {deaf} did not listen, {silent} said nothing")
    }
}

pub(crate) struct Room {
    members: Vec<Member>,
    joins: Receiver<Join>,
    leaves: Receiver<String>,
    says: Receiver<(String, String)>,
    whos: Receiver<Sender<Vec<String>>>,
    ticks: Receiver<Instant>,
    /// When it is over: never, as long as somebody is in it.
    closing: Receiver<Instant>,
    report: Report,
}

impl Room {
    pub(crate) fn new(ticks: Receiver<Instant>) -> (Room, Door) {
        let ((joins, to_join), (leaves, to_leave)) = (bounded(0), bounded(0));
        let ((says, to_say), (whos, to_ask)) = (bounded(0), bounded(0));
        let room = Room {
            members: Vec::new(),
            joins: to_join,
            leaves: to_leave,
            says: to_say,
            whos: to_ask,
            ticks,
            closing: never(),
            report: Report::default(),
        };
        (room, Door { joins, leaves, says, whos })
    }

    /// Until it is empty, or nobody has a door to it any more.
    pub(crate) fn run(mut self) -> Report {
        loop {
            let done = select! {
                recv(self.joins) -> join => join.map(|join| self.join(join)),
                recv(self.leaves) -> name => name.map(|name| self.leave(&name)),
                recv(self.says) -> said => said.map(|(name, text)| self.say(&name, &text)),
                recv(self.whos) -> answer => answer.map(|answer| self.who(&answer)),
                recv(self.ticks) -> tick => tick.map(|_| self.tick()),
                recv(self.closing) -> _ => return self.report,
            };
            if let Err(RecvError) = done {
                return self.report;
            }
        }
    }

    fn join(&mut self, Join { name, inbox, answer }: Join) {
        let free = self.members.iter().all(|member| member.name != name);
        // There is room for the answer, and somebody may have given up waiting for it.
        let _ = answer.send(free);
        if free {
            self.report.came += 1;
            self.closing = never();
            self.members.push(Member { name: name.clone(), inbox, silent: 0 });
            self.tell_all(format!("* {name} joined"));
        }
    }

    fn leave(&mut self, name: &str) {
        if let Some(i) = self.members.iter().position(|member| member.name == name) {
            self.members.remove(i);
            self.report.left += 1;
            self.tell_all(format!("* {name} left"));
        }
    }

    fn say(&mut self, name: &str, text: &str) {
        if let Some(member) = self.members.iter_mut().find(|member| member.name == name) {
            member.silent = 0;
            self.tell_all(format!("{name}: {text}"));
        }
    }

    fn who(&self, answer: &Sender<Vec<String>>) {
        let _ = answer.send(self.members.iter().map(|member| member.name.clone()).collect());
    }

    fn tick(&mut self) {
        let silent = |member: &mut Member| {
            member.silent += 1;
            member.silent >= PATIENCE
        };
        let silent: Vec<Member> = self.members.extract_if(.., silent).collect();
        for Member { name, inbox, .. } in silent {
            self.report.silent += 1;
            let _ = inbox.try_send("* you said nothing for long: goodbye".into());
            self.tell_all(format!("* {name} said nothing"));
        }
    }

    /// Gives a line to everybody, and waits for nobody.
    fn tell_all(&mut self, text: String) {
        let line = Line::from(text);
        let deaf = |member: &mut Member| {
            select! {
                send(member.inbox, line.clone()) -> sent => sent.is_err(),
                default => true,
            }
        };
        let deaf: Vec<Member> = self.members.extract_if(.., deaf).collect();
        for Member { name, .. } in deaf {
            self.report.deaf += 1;
            self.tell_all(format!("* {name} did not listen"));
        }
        if self.members.is_empty() {
            self.closing = after(EMPTY);
        }
    }
}
