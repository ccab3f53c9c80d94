//! A chat room in memory: a room and its guests, each a goroutine, and `select!` where one of them waits for several
//! things.
//!
//! ```text
//! cargo run --example chat                      # a session by a script, the same every time
//! cargo run --example chat -- --interactive     # with you, and a parrot
//! ```
//!
//! # How it works
//!
//! ```text
//! join, leave, say, who ──> room ──> inbox of alice ──> alice <── orders of the script
//!                 ticks ──>      ──> inbox of bob   ──> bob   <── orders of the script
//! ```
//!
//! The room alone knows who is in it, so nothing is locked. It waits for whatever comes first of its channels, and never
//! for a guest: a line goes into an inbox with a `select!` that has a `default`, and whoever has no room for it is
//! dropped. Whoever is dropped finds the other end of the inbox gone, after the last line in it.
//!
//! A case that must not happen now has a channel on which nothing comes, `chan::never()`: the inbox of a guest who is
//! asleep, and the closing time of a room with somebody in it.
//!
//! **Time is a channel**, too. With `--interactive` the room's ticks come from `chan::tick`. The script sends them itself,
//! and so decides when three of them have passed. It also decides when a step is over, without a guess at how long that
//! takes: the guest whose turn it is has done it, the room has answered a question asked after it, and each guest says
//! what it has read, which it does only when there is nothing more to read. What is left to the clock is the end, when
//! nothing else can happen: an empty room closes after a moment.
//!
//! # What it prints
//!
//! ```text
//! > alice joins
//!     alice | * alice joined
//! > bob joins
//!     alice | * bob joined
//!     bob   | * bob joined
//! > alice says: Is anybody here?
//!     alice | alice: Is anybody here?
//!     bob   | alice: Is anybody here?
//! > bob says: I am.
//!     alice | bob: I am.
//!     bob   | bob: I am.
//! > bob joins
//!     bob   | (the name is taken)
//! > carol joins
//!     alice | * carol joined
//!     bob   | * carol joined
//!     carol | * carol joined
//! > carol falls asleep
//! > alice says: One.
//!     alice | alice: One.
//!     bob   | alice: One.
//! > alice says: Two.
//!     alice | alice: Two.
//!     bob   | alice: Two.
//! > alice says: Three.
//!     alice | alice: Three.
//!     bob   | alice: Three.
//! > alice says: Four is too much for the inbox of carol.
//!     alice | alice: Four is too much for the inbox of carol.
//!     alice | * carol did not listen
//!     bob   | alice: Four is too much for the inbox of carol.
//!     bob   | * carol did not listen
//! > carol wakes up
//!     carol | alice: One.
//!     carol | alice: Two.
//!     carol | alice: Three.
//!     carol | (disconnected)
//! > a tick
//! > alice says: I am still here.
//!     alice | alice: I am still here.
//!     bob   | alice: I am still here.
//! > a tick
//! > a tick
//!     alice | * bob said nothing
//!     bob   | * you said nothing for long: goodbye
//!     bob   | (disconnected)
//! > alice leaves
//! The empty room has closed: 3 came, 1 left, 1 did not listen, 1 said nothing.
//! ```

mod guest;
mod room;
mod script;
mod you;

use std::io::{self, ErrorKind};
use std::process::ExitCode;

const USAGE: &str = "usage: chat [--interactive]";

#[rt::main]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let talked = match &arguments[..] {
        [] => script::play(io::stdout()),
        [option] if option == "--interactive" => you::talk(io::stdout()),
        options if examples::wants_help(options) => return examples::help(USAGE),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match talked {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("chat: standard output: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}
