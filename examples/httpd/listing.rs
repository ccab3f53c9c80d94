//! A directory as a page.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::files::{encode, within};

/// The files of `directory`, and links to them, in the order of their names; without those that are hidden or lie outside
/// of `root`.
pub(crate) fn page(root: &Path, directory: &Path) -> io::Result<String> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        // What a link leads to. What is gone since, or leads nowhere or outside, is left out.
        let Ok(place) = within(root, &entry.path()) else { continue };
        let Ok(metadata) = fs::metadata(&place) else { continue };
        if name.as_bytes().starts_with(b".") {
            continue;
        }
        let slash = if metadata.is_dir() { "/" } else { "" };
        let link = encode(name.as_bytes()) + slash;
        let shown = escape(&name.to_string_lossy()) + slash;
        let size =
            if metadata.is_file() { examples::memory(metadata.len()) } else { String::new() };
        rows.push((
            !metadata.is_dir(),
            name,
            format!("<li><a href=\"{link}\">{shown}</a> {size}\n"),
        ));
    }
    rows.sort();
    let up = if directory == root { "" } else { "<li><a href=\"../\">../</a>\n" };
    let rows: String = rows.into_iter().map(|(_, _, row)| row).collect();
    Ok(format!(
        "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>Files</title>\n<ul>\n{up}{rows}</ul>\n"
    ))
}

/// A name in HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            char => escaped.push(char),
        }
    }
    escaped
}
