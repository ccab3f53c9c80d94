//! The stages. Each is a loop over the values of a channel, which ends when there will be no more, or when nobody wants
//! what it sends.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use examples::walk::{Found, Walk};
use examples::{plural, shown, thousands};
use rt::chan::{Receiver, SendError, Sender};
use sha2::{Digest, Sha256};

/// What could not be read, and why.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// A file and what is in it.
pub(crate) struct Hashed {
    path: PathBuf,
    contents: Contents,
    /// Device and inode: the same for all names of a file.
    id: (u64, u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Contents {
    bytes: u64,
    sha256: [u8; 32],
}

type Outcome = Result<Hashed, Unreadable>;

/// First stage: finds the files. What cannot be looked at has no contents to hash, and goes past the second stage.
pub(crate) fn walk(files: Walk, paths: &Sender<PathBuf>, unreadable: &Sender<Outcome>) {
    for found in files {
        let wanted = match found {
            Found::File(path) => paths.send(path).is_ok(),
            Found::Link(_) => true,
            Found::Unreadable(path, error) => {
                unreadable.send(Err(Unreadable { path, error })).is_ok()
            }
        };
        if !wanted {
            return;
        }
    }
}

/// Second stage, several times: reads and hashes. The reads are plain `std::fs` calls.
pub(crate) fn hash(paths: &Receiver<PathBuf>, outcomes: &Sender<Outcome>) {
    let mut buffer = vec![0; 64 * 1024];
    for path in paths {
        let outcome = match contents(&path, &mut buffer, || !outcomes.is_closed()) {
            Ok((contents, id)) => Ok(Hashed { path, contents, id }),
            Err(error) => Err(Unreadable { path, error }),
        };
        if let Err(SendError(_)) = outcomes.send(outcome) {
            return;
        }
    }
}

/// Reads a file for as long as somebody `wants` it.
fn contents(
    path: &Path,
    buffer: &mut [u8],
    wants: impl Fn() -> bool,
) -> io::Result<(Contents, (u64, u64))> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(n) => {
                hash.update(&buffer[..n]);
                bytes += n as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        // A large file neither keeps its processor from the other stages, nor a stop from its effect.
        rt::yield_now();
        if !wants() {
            return Err(io::Error::other("nobody will see this"));
        }
    }
    let contents = Contents { bytes, sha256: hash.finalize().into() };
    Ok((contents, (metadata.dev(), metadata.ino())))
}

/// Files with the same contents.
pub(crate) struct Group {
    bytes: u64,
    paths: Vec<PathBuf>,
}

impl Group {
    fn wasted(&self) -> u64 {
        self.bytes * (self.paths.len() as u64 - 1)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, wasted) = (plural(self.bytes, "byte"), plural(self.wasted(), "byte"));
        writeln!(f, "{} copies of {bytes} waste {wasted}", self.paths.len())?;
        self.paths.iter().try_for_each(|path| writeln!(f, "  {}", shown(path)))
    }
}

/// What there is to say at the end.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    files: u64,
    bytes: u64,
    groups: u64,
    wasted: u64,
    pub(crate) unreadable: Vec<Unreadable>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, bytes) = (plural(self.files, "file"), plural(self.bytes, "byte"));
        let wasted = plural(self.wasted, "byte");
        match self.groups {
            0 => write!(f, "{files}, {bytes}: no copies")?,
            1 => write!(f, "\n{files}, {bytes}: 1 group of copies wastes {wasted}")?,
            n => write!(f, "\n{files}, {bytes}: {} of copies waste {wasted}", plural(n, "group"))?,
        }
        match self.unreadable.len() as u64 {
            0 => writeln!(f),
            n => writeln!(f, "; {} unreadable", thousands(n)),
        }
    }
}

/// Third stage: puts together what belongs together, and sends the groups on, in an order that depends on the files
/// alone: the most wasteful first. If it is `strict`, what is unreadable ends it.
pub(crate) fn merge(
    outcomes: Receiver<Outcome>,
    to_print: &Sender<Group>,
    strict: bool,
) -> Result<Summary, Unreadable> {
    let mut summary = Summary::default();
    let mut names: HashMap<Contents, HashMap<(u64, u64), PathBuf>> = HashMap::new();
    for outcome in outcomes {
        match outcome {
            Ok(Hashed { path, contents, id }) => {
                // Of several names of one file, the first in the alphabet stands for it.
                let name =
                    names.entry(contents).or_default().entry(id).or_insert_with(|| path.clone());
                *name = path.min(std::mem::take(name));
            }
            Err(unreadable) if strict => return Err(unreadable),
            Err(unreadable) => summary.unreadable.push(unreadable),
        }
    }
    let mut groups = Vec::new();
    for (Contents { bytes, .. }, names) in names {
        summary.files += names.len() as u64;
        summary.bytes += bytes * names.len() as u64;
        if names.len() > 1 {
            let mut paths: Vec<PathBuf> = names.into_values().collect();
            paths.sort();
            groups.push(Group { bytes, paths });
        }
    }
    summary.groups = groups.len() as u64;
    summary.wasted = groups.iter().map(Group::wasted).sum();
    summary.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    groups.sort_by(|a, b| b.wasted().cmp(&a.wasted()).then_with(|| a.paths.cmp(&b.paths)));
    for group in groups {
        if to_print.send(group).is_err() {
            break;
        }
    }
    Ok(summary)
}

/// Last stage: prints the groups as they come.
pub(crate) fn print(groups: Receiver<Group>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    for group in groups {
        write!(out, "{group}")?;
    }
    out.flush()
}
