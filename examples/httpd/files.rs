//! From the target of a request to a file, and never to one outside of the root.
//!
//! A target is split at its slashes first and decoded then; a part that is `..`, or holds a slash or a NUL, is refused,
//! and one with a dot in front is hidden. What is left is looked up by the system, links and all, and has to lie in the
//! root where it really is. (Who may change the directory while it is served could still put a link in place of
//! a file between that look and the opening: it may be read by who may write in it.)

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::listing;
use crate::response::{Response, Status};

/// The answer to a GET.
pub(crate) fn find(root: &Path, target: &str) -> Response {
    look_up(root, target).unwrap_or_else(Response::of)
}

fn look_up(root: &Path, target: &str) -> Result<Response, Status> {
    let path = path_of(target)?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts = parts(path)?;
    let wants_directory = path.ends_with('/');
    let relative: PathBuf = parts.iter().map(|part| OsStr::from_bytes(part)).collect();

    let place = within(root, &root.join(&relative))?;
    let metadata = fs::metadata(&place).map_err(|error| status(&error))?;
    if metadata.is_file() && !wants_directory {
        return open(&place);
    }
    if metadata.is_file() {
        return Err(Status::NotFound);
    }
    if !metadata.is_dir() {
        // A pipe or a device: reading it would not end.
        return Err(Status::Forbidden);
    }
    if !wants_directory {
        // So that the links on the page lead into it. The location begins with one slash: with two it would
        // name another host.
        let parts: String = parts.iter().map(|part| format!("/{}", encode(part))).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        return Ok(Response::moved(format!("{parts}/{query}")));
    }
    match within(root, &place.join("index.html")) {
        Ok(index) if index.is_file() => open(&index),
        Ok(_) | Err(Status::NotFound) => {
            let page = listing::page(root, &place).map_err(|error| status(&error))?;
            Ok(Response::page(Status::Ok, page))
        }
        Err(status) => Err(status),
    }
}

fn open(path: &Path) -> Result<Response, Status> {
    let file = File::open(path).map_err(|error| status(&error))?;
    let metadata = file.metadata().map_err(|error| status(&error))?;
    if !metadata.is_file() {
        return Err(Status::Forbidden);
    }
    Ok(Response::file(file, metadata.len(), media_type(path)))
}

/// Where `path` really is, which has to be in `root`.
pub(crate) fn within(root: &Path, path: &Path) -> Result<PathBuf, Status> {
    let place = path.canonicalize().map_err(|error| status(&error))?;
    if place.starts_with(root) { Ok(place) } else { Err(Status::Forbidden) }
}

/// Path and query of a target: `/a?b`, or `http://host/a?b`, as for a proxy.
fn path_of(target: &str) -> Result<&str, Status> {
    if target.contains('#') {
        return Err(Status::BadRequest);
    }
    if target.starts_with('/') {
        return Ok(target);
    }
    match target.split_at_checked("http://".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http://") => {
            let path = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
            if path.starts_with('/') { Ok(path) } else { Ok("/") }
        }
        _ => Err(Status::BadRequest),
    }
}

/// The names on the way.
fn parts(path: &str) -> Result<Vec<Vec<u8>>, Status> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        let part = decode(part).ok_or(Status::BadRequest)?;
        match &part[..] {
            b"" | b"." => {}
            b".." => return Err(Status::Forbidden),
            [b'.', ..] => return Err(Status::NotFound),
            _ if part.contains(&b'/') || part.contains(&0) => return Err(Status::BadRequest),
            _ => parts.push(part),
        }
    }
    Ok(parts)
}

/// Resolves `%41`, once.
fn decode(part: &str) -> Option<Vec<u8>> {
    let mut bytes = part.bytes();
    let mut decoded = Vec::with_capacity(part.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (16 * digit()? + digit()?) as u8
            }
            byte => byte,
        });
    }
    Some(decoded)
}

/// A name as a part of a link.
pub(crate) fn encode(name: &[u8]) -> String {
    let mut text = String::new();
    for &byte in name {
        match byte {
            b'-' | b'.' | b'_' | b'~' => text.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => text.push(byte.into()),
            byte => text += &format!("%{byte:02X}"),
        }
    }
    text
}

fn status(error: &io::Error) -> Status {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
            Status::NotFound
        }
        ErrorKind::PermissionDenied => Status::Forbidden,
        // A loop of links has no stable kind yet.
        _ => Status::Internal,
    }
}

fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("").to_ascii_lowercase();
    match extension.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "md" | "rs" | "toml" | "log" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}
