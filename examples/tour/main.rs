//! A tour of `rt`, one chapter per thing it can do; each is a file of its own beside this one.
//!
//! ```text
//! cargo run --example tour                 # all of it
//! cargo run --example tour -- pipeline     # one chapter
//! cargo run --example tour -- --list       # the index
//! ```
//!
//! The index:
//!
//! ```text
//! go          go! in all its forms
//! hello       main waits for nobody, unless a channel says so
//! wait_group  waiting for three goroutines
//! join        results, and panics as values
//! scope       goroutines that borrow
//! yielding    giving way
//! locals      goroutine_local!
//! names       names and ids
//! ending      abort, exit and join_timeout
//! channels    channels with and without a buffer
//! pipeline    goroutines in a row
//! parked      100,000 goroutines that wait
//! runtimes    several runtimes, and plain threads
//! blocking    std calls that block
//! ```
//!
//! What a chapter prints is at the head of its file. A panic in `join` is also reported on standard error.

mod blocking;
mod channels;
mod ending;
mod go;
mod hello;
mod join;
mod locals;
mod names;
mod parked;
mod pipeline;
mod runtimes;
mod scope;
mod wait_group;
mod yielding;

use std::process::ExitCode;

struct Chapter {
    name: &'static str,
    title: &'static str,
    run: fn(),
}

const fn chapter(name: &'static str, title: &'static str, run: fn()) -> Chapter {
    Chapter { name, title, run }
}

const CHAPTERS: &[Chapter] = &[
    chapter("go", "go! in all its forms", go::run),
    chapter("hello", "main waits for nobody, unless a channel says so", hello::run),
    chapter("wait_group", "waiting for three goroutines", wait_group::run),
    chapter("join", "results, and panics as values", join::run),
    chapter("scope", "goroutines that borrow", scope::run),
    chapter("yielding", "giving way", yielding::run),
    chapter("locals", "goroutine_local!", locals::run),
    chapter("names", "names and ids", names::run),
    chapter("ending", "abort, exit and join_timeout", ending::run),
    chapter("channels", "channels with and without a buffer", channels::run),
    chapter("pipeline", "goroutines in a row", pipeline::run),
    chapter("parked", "100,000 goroutines that wait", parked::run),
    chapter("runtimes", "several runtimes, and plain threads", runtimes::run),
    chapter("blocking", "std calls that block", blocking::run),
];

impl Chapter {
    fn show(&self) {
        println!("== {}: {}", self.name, self.title);
        (self.run)();
    }
}

#[rt::main]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names[..] {
        [] => {
            for (i, chapter) in CHAPTERS.iter().enumerate() {
                if i > 0 {
                    println!();
                }
                chapter.show();
            }
        }
        ["--list"] => {
            for Chapter { name, title, .. } in CHAPTERS {
                println!("{name:<10}  {title}");
            }
        }
        [name] => match CHAPTERS.iter().find(|chapter| chapter.name == name) {
            Some(chapter) => chapter.show(),
            None => {
                eprintln!("tour: there is no chapter `{name}`; `--list` shows them");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("usage: tour [CHAPTER | --list]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
