//! Prints what is in files, and then what comes to them, as `tail -F` does.
//!
//! ```text
//! cargo run --example follow -- [--for SECS] PATH...
//! ```
//!
//! It prints each line when its end has come; of several files with the name in front. A file that becomes shorter is
//! begun anew, as is one that is replaced by another of its name; standard error has a line about it. (One that is
//! emptied and filled again behind our back, beyond where we were, cannot be told from one that grew.) A pipe may be
//! followed, too. It stops on Ctrl-C, or after so many seconds, with the exit code 0; 2 means that it could not begin.
//!
//! # How it works
//!
//! One goroutine per file reads with plain `std::fs`, until there is no more, and then looks again every 50 ms. All send
//! to one channel, and `main` waits for that, for Ctrl-C and for the end of the time in one `select!`. A read may block,
//! that of a pipe for ever: it holds a thread then, but nobody else, and the program ends in spite of it.

mod file;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use examples::shown;
use rt::chan::{self, Chan, Receiver};
use rt::signal::{self, Signal};
use rt::{go, select};

use file::News;

const USAGE: &str = "usage: follow [--for SECS] PATH...";

#[rt::main]
fn main() -> ExitCode {
    examples::end_with_the_output();
    // Before anybody knows that we are there.
    let stop = signal::notify(&[Signal::INTERRUPT, Signal::TERMINATE]);
    if examples::wants_help(std::env::args_os().skip(1)) {
        return examples::help(USAGE);
    }
    let mut arguments = std::env::args_os().skip(1).peekable();
    let mut end = chan::never();
    if arguments.next_if(|argument| argument == "--for").is_some() {
        let secs = arguments.next().and_then(|secs| secs.to_str()?.parse().ok());
        match secs.map(Duration::try_from_secs_f64) {
            Some(Ok(time)) => end = chan::after(time),
            _ => return usage(),
        }
    }
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let is_option = |path: &PathBuf| path.as_os_str().as_encoded_bytes().starts_with(b"-");
    if paths.is_empty() || paths.iter().any(is_option) {
        return usage();
    }
    for path in &paths {
        let problem = match path.metadata() {
            Ok(metadata) if metadata.is_dir() => "Is a directory".to_string(),
            Ok(_) => continue,
            Err(error) => error.to_string(),
        };
        eprintln!("follow: {}: {problem}", shown(path));
        return ExitCode::from(2);
    }
    print(paths, &stop, &end);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Prints what comes, until it is to stop.
fn print(paths: Vec<PathBuf>, stop: &Receiver<Signal>, end: &Receiver<Instant>) {
    let several = paths.len() > 1;
    // Without a buffer: nothing is read far ahead of what is printed.
    let news = Chan::new(0);
    for path in paths {
        go!(news => file::follow(&path, |what| news.send((shown(&path), what))));
    }
    loop {
        select! {
            recv(news) -> this => match this.expect("nobody closes it") {
                (name, News::Line(line)) => {
                    let line = String::from_utf8_lossy(&line);
                    if several {
                        println!("{name}: {line}");
                    } else {
                        println!("{line}");
                    }
                }
                (name, News::Note(note)) => eprintln!("follow: {name}: {note}"),
            },
            recv(stop) -> _ => return,
            recv(end) -> _ => return,
        }
    }
}
