//! Finds the files. One directory is open at a time, and the stack does not grow with the depth of the tree.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// What the walk meets.
pub(crate) enum Found {
    File(PathBuf),
    Unreadable(PathBuf, io::Error),
}

/// Calls `found` for every file at or under `root`. An error is one of `root` itself.
///
/// Links to files count as files. Links to directories are not followed: they would be counted twice, or for ever.
/// Pipes, sockets and devices are passed by.
pub(crate) fn walk(root: &Path, mut found: impl FnMut(Found)) -> io::Result<()> {
    let metadata = fs::metadata(root)?;
    if metadata.is_file() {
        found(Found::File(root.to_path_buf()));
        return Ok(());
    }
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a directory"));
    }
    let mut directories = Vec::new();
    read_directory(root, &mut directories, &mut found)?;
    while let Some(directory) = directories.pop() {
        if let Err(error) = read_directory(&directory, &mut directories, &mut found) {
            found(Found::Unreadable(directory, error));
        }
    }
    Ok(())
}

fn read_directory(
    path: &Path,
    directories: &mut Vec<PathBuf>,
    found: &mut impl FnMut(Found),
) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
        if name == ".git" {
            // A directory, or in a linked work tree a file: not part of what was written.
        } else if kind.is_dir() {
            if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                directories.push(path);
            }
        } else if kind.is_file() {
            found(Found::File(path));
        } else if kind.is_symlink() {
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => found(Found::File(path)),
                Ok(_) => {}
                Err(error) => found(Found::Unreadable(path, error)),
            }
        }
    }
    Ok(())
}
