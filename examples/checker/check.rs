//! One file, and each of its links.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use examples::shown;
use percent_encoding::percent_decode_str;
use rt::sync::Map;

use crate::markdown::Document;

/// What was found, in one file or in many.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) files: u64,
    pub(crate) links: u64,
    /// Those that begin as `https:` and `mailto:` do.
    pub(crate) web: u64,
    pub(crate) problems: Vec<Problem>,
}

/// In the order of files and lines.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    file: String,
    /// The line and the link, if it is not the file that is the problem.
    link: Option<(usize, String)>,
    reason: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, link, reason } = self;
        match link {
            Some((line, link)) => write!(f, "{file}:{line}: {link}: {reason}"),
            None => write!(f, "{file}: {reason}"),
        }
    }
}

impl Report {
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Report {
        let problem = Problem { file: shown(path), link: None, reason: error.to_string() };
        Report { problems: vec![problem], ..Report::default() }
    }

    pub(crate) fn add(&mut self, other: Report) {
        self.files += other.files;
        self.links += other.links;
        self.web += other.web;
        self.problems.extend(other.problems);
    }
}

/// What all files need. Who is linked to from many files is read once, or perhaps by two at the same time.
pub(crate) struct Checker {
    root: PathBuf,
    documents: Map<PathBuf, Arc<Document>>,
}

impl Checker {
    pub(crate) fn new(root: &Path) -> Checker {
        let directory = if root.is_file() { root.parent().unwrap_or(root) } else { root };
        Checker { root: directory.to_path_buf(), documents: Map::new() }
    }

    /// Reads a file and checks its links.
    pub(crate) fn file(&self, path: &Path) -> Report {
        let document = match self.document(path) {
            Ok(document) => document,
            Err(error) => return Report::unreadable(path, &error),
        };
        let mut report = Report { files: 1, ..Report::default() };
        for (line, link) in &document.links {
            report.links += 1;
            if has_scheme(link) {
                report.web += 1;
            } else if let Err(reason) = self.link(path, link) {
                let link = Some((*line, shown(Path::new(link))));
                report.problems.push(Problem { file: shown(path), link, reason });
            }
        }
        report
    }

    /// Why `link`, which is in the file `from`, leads nowhere.
    fn link(&self, from: &Path, link: &str) -> Result<(), String> {
        if link.is_empty() {
            return Err("it leads nowhere".to_owned());
        }
        let (path, anchor) = match link.split_once('#') {
            Some((path, anchor)) => (path, Some(decoded(anchor))),
            None => (link, None),
        };
        let path = decoded(path.split('?').next().unwrap_or_default());
        let target = match path.strip_prefix('/') {
            _ if path.is_empty() => from.to_path_buf(),
            Some(path) => self.root.join(path),
            None => from.parent().unwrap_or(Path::new("")).join(path),
        };
        let target = plain(&target);
        fs::metadata(&target).map_err(|error| error.to_string())?;
        let Some(anchor) = anchor.filter(|anchor| !anchor.is_empty()) else { return Ok(()) };
        if !crate::is_markdown(&target) {
            return Ok(());
        }
        let document = self.document(&target).map_err(|error| error.to_string())?;
        let found = document.anchors.contains(&anchor);
        if found { Ok(()) } else { Err("no such heading".to_owned()) }
    }

    fn document(&self, path: &Path) -> io::Result<Arc<Document>> {
        let path = plain(path);
        if let Some(document) = self.documents.load(&path) {
            return Ok(document);
        }
        let document = Arc::new(Document::parse(&fs::read_to_string(&path)?));
        self.documents.store(path, Arc::clone(&document));
        Ok(document)
    }
}

/// `https:` and others; a path with a colon in its first part would need `./` before it in a browser, too.
fn has_scheme(link: &str) -> bool {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    link.starts_with("//") || link.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Without `a/..` and `.`, as a browser does it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match (part, plain.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                plain.pop();
            }
            _ => plain.push(part),
        }
    }
    if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
}
