//! One file that grows.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(50);

pub(crate) enum News {
    /// Without its end.
    Line(Vec<u8>),
    Note(String),
}

/// Tells what comes to the file, for ever.
pub(crate) fn follow(path: &Path, tell: impl Fn(News)) {
    let mut last_problem = String::new();
    loop {
        match File::open(path).and_then(|file| follow_one(path, file, &tell)) {
            Ok(()) => {
                tell(News::Note("replaced".to_string()));
                last_problem.clear();
                continue;
            }
            // Somebody is just about to put another there.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let problem = error.to_string();
                if problem != last_problem {
                    tell(News::Note(problem.clone()));
                }
                last_problem = problem;
            }
        }
        rt::time::sleep(PAUSE);
    }
}

/// Until another file has its name, and this one is read to its end.
fn follow_one(path: &Path, mut file: File, tell: &impl Fn(News)) -> io::Result<()> {
    let (mut at, mut line) = (0, Vec::new());
    let mut replaced = false;
    loop {
        at += read(&mut file, &mut line, tell)?;
        if replaced {
            end(&mut line, tell);
            return Ok(());
        }
        let metadata = file.metadata()?;
        if metadata.is_file() && metadata.len() < at {
            end(&mut line, tell);
            tell(News::Note("became shorter".to_string()));
            file.rewind()?;
            at = 0;
            continue;
        }
        // What was written between our last read and its replacement is read before we leave it.
        replaced = fs::metadata(path).is_ok_and(|there| !is_same(&there, &metadata));
        if !replaced {
            rt::time::sleep(PAUSE);
        }
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Reads to the end, for now, and says how far that was. `line` is the beginning of a line without an end.
fn read(file: &mut File, line: &mut Vec<u8>, tell: &impl Fn(News)) -> io::Result<u64> {
    let (mut buffer, mut total) = (vec![0; 64 * 1024], 0);
    loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        total += n as u64;
        for part in buffer[..n].split_inclusive(|byte| *byte == b'\n') {
            line.extend(part);
            if part.ends_with(b"\n") {
                line.pop();
                tell(News::Line(std::mem::take(line)));
            }
        }
    }
}

/// A line whose end will not come.
fn end(line: &mut Vec<u8>, tell: &impl Fn(News)) {
    if !line.is_empty() {
        tell(News::Line(std::mem::take(line)));
    }
}
