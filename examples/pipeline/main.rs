//! Finds files with the same contents, in a pipeline: stages that are goroutines, with channels between them.
//!
//! ```text
//! cargo run --release --example pipeline -- [--workers N] [--strict] [PATH]
//! ```
//!
//! It hashes every file under PATH, or under this repository, by N workers: as many as there are processors, unless the
//! option says otherwise. What is left out is what `wordcount` leaves out; links are not followed, and another name of
//! the same file (a hard link) is not a copy. A file that cannot be read is reported and skipped; with `--strict` the
//! first of them ends everything. The exit code is 0, or 1 if something was skipped, or 2 if there is no result.
//!
//! # The pattern
//!
//! ```text
//!              ┌─> hash ─┐
//!     walk ────┼─> hash ─┼──> merge ────> print
//!              └─> hash ─┘
//!        paths     ..    digests    groups
//! ```
//!
//! A stage is a plain loop: it receives, works, sends. Several workers that receive from one channel share its values:
//! that is *fan-out*. Several that send into one channel are a *fan-in*. Four rules make a pipeline of them:
//!
//! 1. **The channels are bounded.** A stage that is ahead waits for the next one, so what is under way stays small
//!    however large the tree is.
//! 2. **The end travels down.** A stage that is done drops its sender. When all senders of a channel are gone, the loop
//!    of the next stage ends; nobody has to count the workers.
//! 3. **A stop travels up.** A stage that wants no more returns, and so drops its receiver. The next send of the stage
//!    before fails; it returns, too. Thus a closed output (`| head -1`) and `--strict` stop it all, without a flag that
//!    everybody looks at.
//! 4. **Nothing is left.** All of it runs in a `rt::scope`, which ends when its goroutines have.
//!
//! The second and the third rule want channels that end with their handles: `Sender` and `Receiver`. With Go's channel,
//! `Chan`, somebody calls `close` when a `WaitGroup` has counted the last worker, and a stop needs a channel of its own.
//!
//! # What it prints
//!
//! On the directory that `tests/run` makes:
//!
//! ```text
//! 3 copies of 20 bytes waste 40 bytes
//!   fixture/fox.txt
//!   fixture/old/fox.bak
//!   fixture/old/older/fox.bak
//! 2 copies of 31 bytes waste 31 bytes
//!   fixture/dog.txt
//!   fixture/old/dog.txt
//! 2 copies of 0 bytes waste 0 bytes
//!   fixture/empty
//!   fixture/old/empty
//!
//! 8 files, 129 bytes: 3 groups of copies waste 71 bytes
//! ```

mod stages;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use examples::shown;
use examples::walk::Walk;
use rt::chan::bounded;

use stages::{Summary, Unreadable, hash, merge, print, walk};

const USAGE: &str = "usage: pipeline [--workers N] [--strict] [PATH]";

const MOST_WORKERS: usize = 1000;

/// How many values a channel holds: some, so that a stage is not held up by every hiccup of its neighbours.
const QUEUE: usize = 64;

struct Options {
    root: PathBuf,
    workers: usize,
    strict: bool,
}

#[rt::main]
fn main() -> ExitCode {
    let options = match options(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return examples::help(USAGE),
        Err(problem) => {
            eprintln!("pipeline: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let walk = match Walk::new(&options.root) {
        Ok(walk) => walk,
        Err(error) => {
            eprintln!("pipeline: {}: {error}", shown(&options.root));
            return ExitCode::from(2);
        }
    };
    let (merged, printed) = run(walk, &options);
    match merged {
        Ok(summary) => report(&summary, printed),
        Err(Unreadable { path, error }) => {
            eprintln!("pipeline: {}: {error}; stopped", shown(&path));
            ExitCode::from(2)
        }
    }
}

/// Builds the pipeline and waits until all of it has ended.
fn run(files: Walk, options: &Options) -> (Result<Summary, Unreadable>, io::Result<()>) {
    rt::scope(|s| {
        let (to_hash, paths) = bounded(QUEUE);
        let (to_merge, digests) = bounded(QUEUE);
        let (to_print, groups) = bounded(QUEUE);
        let unreadable = to_merge.clone();
        s.spawn(move || walk(files, &to_hash, &unreadable));
        for _ in 0..options.workers {
            let (paths, to_merge) = (paths.clone(), to_merge.clone());
            s.spawn(move || hash(&paths, &to_merge));
        }
        // These handles would keep the channels open, as a forgotten `close` does in Go: `merge` would wait for ever.
        drop((paths, to_merge));
        let merged = s.spawn(move || merge(digests, &to_print, options.strict));
        let printed = s.spawn(move || print(groups));
        let merged = merged.join().expect("merge does not panic");
        (merged, printed.join().expect("print does not panic"))
    })
}

/// The last line, the problems, and how it went.
fn report(summary: &Summary, printed: io::Result<()>) -> ExitCode {
    for Unreadable { path, error } in &summary.unreadable {
        eprintln!("pipeline: {}: {error}", shown(path));
    }
    match printed.and_then(|()| io::stdout().write_all(summary.to_string().as_bytes())) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("pipeline: standard output: {error}");
            ExitCode::from(2)
        }
        _ if summary.unreadable.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// `None`: help is asked for.
fn options(arguments: impl Iterator<Item = OsString>) -> Result<Option<Options>, String> {
    let (mut root, mut workers, mut strict) = (None, rt::procs(), false);
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--strict") => strict = true,
            Some("--workers") => {
                let n = arguments.next().ok_or("--workers wants a number")?;
                let number = n.to_str().and_then(|n| n.parse().ok());
                let fits = number.filter(|n| (1..=MOST_WORKERS).contains(n));
                workers = fits.ok_or_else(|| {
                    format!("--workers wants a number from 1 to {MOST_WORKERS}, not {n:?}")
                })?;
            }
            _ if argument.as_encoded_bytes().starts_with(b"-") => {
                return Err(format!("there is no option {argument:?}"));
            }
            _ if root.is_some() => return Err("only one PATH, please".into()),
            _ => root = Some(PathBuf::from(argument)),
        }
    }
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    Ok(Some(Options { root, workers, strict }))
}
