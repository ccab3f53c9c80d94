//! A directory as a page.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::files::encode;

/// The files of `directory`, without those that are hidden, and links to them, in the order of their names.
pub(crate) fn page(directory: &Path, is_root: bool) -> io::Result<String> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        // Also what a link leads to. What is gone since, or leads nowhere, is left out.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
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
    let up = if is_root { "" } else { "<li><a href=\"../\">../</a>\n" };
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
