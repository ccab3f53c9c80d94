//! Adds up what the goroutines counted, and prints it: the same for the same files, in whatever order they came.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use examples::{plural, shown, thousands};

use crate::count::{Contents, Text};

/// How many words the table shows.
const TOP: usize = 20;

#[derive(Default)]
pub(crate) struct Report {
    words: HashMap<String, u64>,
    text_files: u64,
    binary_files: u64,
    unreadable: u64,
    bad_bytes: u64,
    /// What was skipped where, and why.
    problems: Vec<(PathBuf, String)>,
}

impl Report {
    pub(crate) fn add(&mut self, path: PathBuf, contents: io::Result<Contents>) {
        match contents {
            Ok(Contents::Text(text)) => self.add_text(path, text),
            Ok(Contents::Binary) => self.binary_files += 1,
            Err(error) => {
                self.unreadable += 1;
                self.problems.push((path, error.to_string()));
            }
        }
    }

    fn add_text(&mut self, path: PathBuf, text: Text) {
        self.text_files += 1;
        for (word, count) in text.words {
            *self.words.entry(word).or_default() += count;
        }
        if text.bad_bytes > 0 {
            self.bad_bytes += text.bad_bytes;
            let bytes = match text.bad_bytes {
                1 => "1 byte that is not UTF-8, at".to_string(),
                n => format!("{} bytes that are not UTF-8, the first at", thousands(n)),
            };
            self.problems.push((path, format!("skipped {bytes} offset {}", text.first_bad)));
        }
    }

    /// How many files were read, or tried.
    pub(crate) fn files_done(&self) -> u64 {
        self.text_files + self.binary_files + self.unreadable
    }

    /// Prints the problems to standard error and the table to standard output; says whether there were no problems.
    pub(crate) fn print(mut self) -> io::Result<bool> {
        self.problems.sort();
        for (path, problem) in &self.problems {
            eprintln!("wordcount: {}: {problem}", shown(path));
        }
        match io::stdout().write_all(self.table().as_bytes()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            result => result?,
        }
        Ok(self.problems.is_empty())
    }

    fn table(&self) -> String {
        let mut top: Vec<(&str, u64)> =
            self.words.iter().map(|(word, &count)| (word.as_str(), count)).collect();
        top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let mut table = String::new();
        if let Some((_, most)) = top.first() {
            let width = thousands(*most).len().max("count".len());
            let _ = writeln!(table, "  {:>width$}  word", "count");
            for (word, count) in top.iter().take(TOP) {
                let _ = writeln!(table, "  {:>width$}  {word}", thousands(*count));
            }
            table.push('\n');
        }
        let _ = writeln!(
            table,
            "{}, {} different, in {}",
            plural(self.words.values().sum(), "word"),
            thousands(self.words.len() as u64),
            plural(self.text_files, "file"),
        );
        if self.binary_files > 0 {
            let _ = writeln!(table, "{} left out", plural(self.binary_files, "binary file"));
        }
        if !self.problems.is_empty() {
            let _ = writeln!(
                table,
                "{} unreadable, {} skipped",
                plural(self.unreadable, "file"),
                plural(self.bad_bytes, "byte"),
            );
        }
        table
    }
}
