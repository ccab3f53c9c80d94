//! Finds files. One directory is open at a time, and the stack does not grow with the depth of the tree.

use std::fs::{self, FileType, ReadDir};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What a [`Walk`] meets.
#[derive(Debug)]
pub enum Found {
    /// A regular file.
    File(PathBuf),
    /// A symbolic link, to whatever it may be. It was not followed: there might be no end to it.
    Link(PathBuf),
    /// What could not be looked at, and why.
    Unreadable(PathBuf, io::Error),
}

/// The files and links at or under a path, in no particular order.
///
/// Pipes, sockets and devices are passed by; below the path also hidden directories, those named `target`, and `.git`.
///
/// ```
/// use examples::walk::{Found, Walk};
///
/// let here = Walk::new(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap();
/// let this = here.filter(|found| matches!(found, Found::File(path) if path.ends_with("walk.rs")));
/// assert_eq!(this.count(), 1);
/// ```
#[derive(Debug)]
pub struct Walk {
    /// If the root is a file, that.
    file: Option<PathBuf>,
    open: Option<(PathBuf, ReadDir)>,
    /// Directories whose turn is still to come.
    directories: Vec<PathBuf>,
}

impl Walk {
    /// Starts at `root`; if that is a link, at what it leads to.
    ///
    /// # Errors
    /// When `root` is not there, cannot be read, or is neither a file nor a directory.
    pub fn new(root: &Path) -> io::Result<Walk> {
        let metadata = fs::metadata(root)?;
        let mut walk = Walk { file: None, open: None, directories: Vec::new() };
        if metadata.is_file() {
            walk.file = Some(root.to_path_buf());
        } else if metadata.is_dir() {
            walk.open = Some((root.to_path_buf(), fs::read_dir(root)?));
        } else {
            let message = "neither a file nor a directory";
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(walk)
    }

    fn sort(&mut self, path: PathBuf, kind: FileType) -> Option<Found> {
        let name = path.file_name().expect("what is in a directory has a name");
        if name == ".git" {
            // A directory, or in a linked work tree a file: not part of what was written.
            return None;
        }
        if kind.is_dir() {
            if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                self.directories.push(path);
            }
            return None;
        }
        if kind.is_symlink() {
            return Some(Found::Link(path));
        }
        kind.is_file().then_some(Found::File(path))
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if let Some(file) = self.file.take() {
            return Some(Found::File(file));
        }
        loop {
            let Some((directory, entries)) = &mut self.open else {
                let directory = self.directories.pop()?;
                match fs::read_dir(&directory) {
                    Ok(entries) => self.open = Some((directory, entries)),
                    Err(error) => return Some(Found::Unreadable(directory, error)),
                }
                continue;
            };
            let found = match entries.next() {
                Some(Ok(entry)) => match entry.file_type() {
                    Ok(kind) => self.sort(entry.path(), kind),
                    Err(error) => Some(Found::Unreadable(entry.path(), error)),
                },
                // The rest of it would likely fail, too, perhaps for ever.
                Some(Err(error)) => {
                    let found = Found::Unreadable(directory.clone(), error);
                    self.open = None;
                    Some(found)
                }
                None => {
                    self.open = None;
                    None
                }
            };
            if found.is_some() {
                return found;
            }
        }
    }
}
