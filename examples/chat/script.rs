//! A session that is the same every time: see the head of `main.rs` for why.

use std::fmt;
use std::io::{self, Write};
use std::time::Instant;

use rt::chan::bounded;

use crate::guest::{Guest, Order};
use crate::room::{Line, Room};

enum Step {
    Joins(&'static str),
    Says(&'static str, &'static str),
    FallsAsleep(&'static str),
    WakesUp(&'static str),
    Leaves(&'static str),
    Tick,
}

use Step::{FallsAsleep, Joins, Leaves, Says, Tick, WakesUp};

const SCRIPT: &[Step] = &[
    Joins("alice"),
    Joins("bob"),
    Says("alice", "Is anybody here?"),
    Says("bob", "I am."),
    Joins("bob"),
    Joins("carol"),
    FallsAsleep("carol"),
    Says("alice", "One."),
    Says("alice", "Two."),
    Says("alice", "Three."),
    Says("alice", "Four is too much for the inbox of carol."),
    WakesUp("carol"),
    Tick,
    Says("alice", "I am still here."),
    Tick,
    Tick,
    Leaves("alice"),
];

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Joins(name) => write!(f, "{name} joins"),
            Says(name, text) => write!(f, "{name} says: {text}"),
            FallsAsleep(name) => write!(f, "{name} falls asleep"),
            WakesUp(name) => write!(f, "{name} wakes up"),
            Leaves(name) => write!(f, "{name} leaves"),
            Tick => f.write_str("a tick"),
        }
    }
}

/// Plays the script, and writes what everybody reads.
pub(crate) fn play(mut out: impl Write) -> io::Result<()> {
    rt::scope(|s| {
        let (clock, ticks) = bounded(0);
        let (room, door) = Room::new(ticks);
        let room = s.spawn(|| room.run());
        let mut guests: Vec<Guest> = Vec::new();
        for step in SCRIPT {
            writeln!(out, "> {step}")?;
            let order = |name, order| {
                let guest = guests.iter().find(|guest| guest.name == name);
                guest.expect("the script knows who is there").order(order)
            };
            // What the guest who acts had to read before it was done with that.
            let (name, lines) = match *step {
                Joins(name) => {
                    let (guest, lines) = Guest::start(s, name, &door);
                    guests.push(guest);
                    (name, lines)
                }
                Says(name, text) => (name, order(name, Order::Say(text))),
                FallsAsleep(name) => (name, order(name, Order::Sleep)),
                WakesUp(name) => (name, order(name, Order::Wake)),
                Leaves(name) => (name, order(name, Order::Leave)),
                Tick => {
                    clock.send(Instant::now()).expect("the room is open");
                    ("", Vec::new())
                }
            };
            show(&mut out, name, &lines)?;
            // If it has closed already, it was done, too.
            let _ = door.who();
            for guest in &guests {
                show(&mut out, guest.name, &guest.order(Order::Look))?;
            }
        }
        let report = room.join().expect("the room does not panic");
        writeln!(out, "The empty room has closed: {report}.")
    })
}

fn show(out: &mut impl Write, name: &str, lines: &[Line]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "    {name:<5} | {line}"))
}
