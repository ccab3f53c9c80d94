//! A session with whoever sits at standard input.

use std::io::{self, BufRead, BufReader, Write};
use std::time::Duration;

use rt::chan::{self, Receiver, after, bounded, never};
use rt::{go, select};

use crate::room::{Door, Line, Room};

const NAME: &str = "you";

const PARROT: &str = "parrot";

const TICK: Duration = Duration::from_secs(60);

/// How long to listen after the last line.
const MOMENT: Duration = Duration::from_millis(200);

const HELP: &str = "Say something, or /who, or /quit.";

pub(crate) fn talk(mut out: impl Write) -> io::Result<()> {
    let (room, door) = Room::new(chan::tick(TICK));
    go!(room.run());
    go!(parrot(door.join(PARROT).expect("the room is open"), door.clone()));
    let inbox = door.join(NAME).expect("the room is open");
    let mut lines = standard_input();
    let mut goodbye = never();
    writeln!(out, "{HELP}")?;
    loop {
        select! {
            recv(inbox) -> line => match line {
                Ok(line) => writeln!(out, "{line}")?,
                Err(_) => return writeln!(out, "(disconnected)"),
            },
            recv(lines) -> line => match line.as_deref() {
                Ok("/quit") => return Ok(()),
                Ok("/who") => writeln!(out, "* here: {}", door.who().unwrap_or_default().join(", "))?,
                Ok(command) if command.starts_with('/') => writeln!(out, "* {HELP}")?,
                Ok("") => {}
                Ok(text) => {
                    // If it is closed, so is the inbox.
                    let _ = door.say(NAME, text);
                }
                Err(_) => {
                    lines = never();
                    goodbye = after(MOMENT);
                }
            },
            recv(goodbye) -> _ => return Ok(()),
        }
    }
}

/// Repeats what you say.
fn parrot(inbox: Receiver<Line>, door: Door) {
    for line in inbox {
        if let Some(text) = line.strip_prefix("you: ")
            && door.say(PARROT, text).is_err()
        {
            return;
        }
    }
}

/// The lines that are typed. A read of standard input may take for ever; nobody else waits for it.
fn standard_input() -> Receiver<String> {
    let (tx, typed) = bounded(0);
    // Not locked: a lock of std's belongs to its thread, and must not be held over a wait.
    let lines = BufReader::new(io::stdin());
    go!(move || {
        for line in lines.split(b'\n') {
            let Ok(line) = line else { return };
            if tx.send(String::from_utf8_lossy(&line).trim_end().to_string()).is_err() {
                return;
            }
        }
    });
    typed
}
