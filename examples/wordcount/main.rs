//! Counts the words of all text files under a directory, one goroutine per file.
//!
//! ```text
//! cargo run --release --example wordcount [PATH]
//! ```
//!
//! Without PATH it counts this repository. Hidden directories and those named `target` are left out, links to
//! directories are not followed, and what holds a NUL byte is not text. A word is a run of letters and digits in
//! lower case, with apostrophes inside. A file that cannot be read, and bytes that are not UTF-8, are reported and
//! skipped. On the directory that `tests/run` makes, it prints
//!
//! ```text
//! wordcount: fixture/gone.txt: No such file or directory (os error 2)
//! wordcount: fixture/latin1.txt: skipped 1 byte that is not UTF-8, at offset 3
//!
//!   count  word
//!       5  the
//!       2  dog
//!       2  fox
//!       2  straße
//!       1  brown
//!       1  caf
//!       1  end
//!       1  isn't
//!       1  it
//!       1  jumps
//!       1  lazy
//!       1  over
//!       1  quick
//!       1  über
//!
//! 21 words, 14 different, in 3 files
//! 1 binary file left out
//! 1 file unreadable, 1 byte skipped
//! ```
//!
//! The exit code is 0, or 1 if something was skipped, or 2 if there was nothing to do.
//!
//! # How it works
//!
//! One goroutine walks the tree and starts one for each file; these read with plain `std::fs` calls and send
//! what they counted over a channel; `main` adds up. A second channel holds a slot for each file that may be under way:
//! the walker waits for one before it starts the next goroutine. When the tree is walked and a `WaitGroup` says that every
//! file is counted, it closes the first channel, which ends the loop in `main`.

mod count;
mod progress;
mod report;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use examples::shown;
use examples::walk::{Found, Walk};
use rt::chan::Chan;
use rt::go;
use rt::sync::WaitGroup;

use count::Contents;
use progress::{Live, Progress};
use report::Report;

const USAGE: &str = "usage: wordcount [PATH]";

/// How many files are found, open, or counted and not yet added up, at a time. It bounds memory when the walk is faster
/// than the counting, and open files: who blocks reading one holds no processor, so all of them may be open at once.
const OPEN_FILES: usize = 64;

/// What `main` hears while the goroutines work.
enum Event {
    /// A file was read, or something in the tree could not be.
    Read(PathBuf, io::Result<Contents>),
    /// Time to show how far it is.
    Tick,
}

#[rt::main]
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let root = match (arguments.next(), arguments.next()) {
        (None, None) => Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        (Some(option), None) if examples::wants_help([&option]) => return examples::help(USAGE),
        (Some(path), None) if !path.as_encoded_bytes().starts_with(b"-") => path.into(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = match count_tree(&root) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("wordcount: {}: {error}", shown(&root));
            return ExitCode::from(2);
        }
    };
    match report.print() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wordcount: standard output: {error}");
            ExitCode::from(2)
        }
    }
}

/// Counts everything under `root`. An error is one of `root` itself.
fn count_tree(root: &Path) -> io::Result<Report> {
    let walk = Walk::new(root)?;
    let events = Chan::new(OPEN_FILES);
    let live = Arc::new(Live::default());
    let ticker = go!(events => loop {
        rt::time::sleep(Duration::from_millis(100));
        events.send(Event::Tick);
    });
    let walker = go!(events, live => {
        let files = WaitGroup::new();
        let slots = Chan::new(OPEN_FILES);
        for found in walk {
            match file(found) {
                Ok(Some(path)) => {
                    slots.send(());
                    let (events, live, slots) = (events.clone(), live.clone(), slots.clone());
                    files.go(move || {
                        let contents = File::open(&path).and_then(|file| count::read(file, &live));
                        events.send(Event::Read(path, contents));
                        slots.recv();
                    });
                }
                Ok(None) => {}
                Err((path, error)) => events.send(Event::Read(path, Err(error))),
            }
        }
        files.wait();
        ticker.abort();
        let _ = ticker.join();
        events.close();
    });
    let mut report = Report::default();
    let mut progress = Progress::new(live);
    for event in &events {
        match event {
            Event::Read(path, contents) => report.add(path, contents),
            Event::Tick => progress.show(report.files_done()),
        }
    }
    progress.finish(report.files_done());
    walker.join().expect("the walk does not panic");
    Ok(report)
}

/// The file to count, if it is one: links to files count, too.
fn file(found: Found) -> Result<Option<PathBuf>, (PathBuf, io::Error)> {
    match found {
        Found::File(path) => Ok(Some(path)),
        Found::Link(path) => match fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file().then_some(path)),
            Err(error) => Err((path, error)),
        },
        Found::Unreadable(path, error) => Err((path, error)),
    }
}
