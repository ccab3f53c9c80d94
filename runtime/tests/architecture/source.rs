//! Reading Rust without a parser: what is code and what is comment, modules, and paths.

use std::collections::HashSet;

/// A file of the crate.
pub(crate) struct Source {
    /// From the source folder, with forward slashes: `sched/run.rs`.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// From 0.
    pub(crate) line: usize,
    /// The inline modules around it.
    pub(crate) inside: Vec<String>,
    /// Compiled for tests only.
    pub(crate) test: bool,
}

/// A path as it is written, groups expanded: `use a::{b, c::*}` is `a::b` and `a::c::*`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    pub(crate) inside: Vec<String>,
    pub(crate) test: bool,
}

impl Source {
    pub(crate) fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), tokens: tokens(&blank(text)) }
    }

    /// The top-level module: `sched` for `sched/run.rs`; `lib` for the root.
    pub(crate) fn room(&self) -> &str {
        let end = self.file.find(['/', '.']).unwrap_or(self.file.len());
        &self.file[..end]
    }

    /// The module that the file is: `["sched", "run"]`.
    pub(crate) fn module(&self) -> Vec<String> {
        let mut parts: Vec<_> = self.file.trim_end_matches(".rs").split('/').collect();
        if matches!(parts.last(), Some(&("mod" | "lib"))) {
            parts.pop();
        }
        parts.into_iter().map(str::to_owned).collect()
    }

    /// The modules in files of their own that this file declares for tests only.
    pub(crate) fn test_modules(&self) -> Vec<Vec<String>> {
        let words: Vec<_> = self.tokens.iter().map(|t| t.text.as_str()).collect();
        let mut found = Vec::new();
        for (i, three) in words.windows(3).enumerate() {
            if let ["mod", name, ";"] = three
                && is_for_tests(&words[..i])
            {
                let mut module = self.module();
                module.extend(self.tokens[i].inside.iter().cloned());
                module.push((*name).to_owned());
                found.push(module);
            }
        }
        found
    }

    pub(crate) fn is_in(&self, modules: &HashSet<Vec<String>>) -> bool {
        let module = self.module();
        (1..=module.len()).any(|n| modules.contains(&module[..n]))
    }

    /// Every path in the code.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let token = &self.tokens[at];
            let begins = is_word(&token.text) && (at == 0 || self.tokens[at - 1].text != "::");
            at += 1;
            if !begins {
                continue;
            }
            let mut all = Vec::new();
            at = self.tree(at - 1, &[], &mut all);
            paths.extend(all.into_iter().map(|segments| Path {
                segments,
                line: token.line,
                inside: token.inside.clone(),
                test: token.test,
            }));
        }
        paths
    }

    /// Reads a path from `at` on; returns where it ends.
    fn tree(&self, mut at: usize, prefix: &[String], out: &mut Vec<Vec<String>>) -> usize {
        let word = |at: usize| self.tokens.get(at).map_or("", |t| t.text.as_str());
        let mut path = prefix.to_vec();
        path.push(word(at).to_owned());
        at += 1;
        while word(at) == "::" {
            match word(at + 1) {
                "{" => {
                    at += 2;
                    while !matches!(word(at), "}" | "") {
                        if is_word(word(at)) || word(at) == "*" {
                            at = self.tree(at, &path, out);
                            // `as` and the new name.
                            while !matches!(word(at), "," | "}" | "") {
                                at += 1;
                            }
                        } else {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                next if is_word(next) || next == "*" => {
                    path.push(next.to_owned());
                    at += 2;
                }
                // A turbofish.
                _ => break,
            }
        }
        out.push(path);
        at
    }
}

impl Path {
    /// The path from the crate's root on, if it begins in the crate by its own words.
    pub(crate) fn in_crate(&self, file: &[String]) -> Option<Vec<String>> {
        let mut here = file.to_vec();
        here.extend(self.inside.iter().cloned());
        let mut rest = self.segments.as_slice();
        match rest.first()?.as_str() {
            "crate" | "rt" if rest.len() > 1 => {
                here.clear();
                rest = &rest[1..];
            }
            "self" | "super" if rest.len() > 1 => {
                while let Some(first) = rest.first() {
                    match first.as_str() {
                        "self" => {}
                        "super" => drop(here.pop()),
                        _ => break,
                    }
                    rest = &rest[1..];
                }
            }
            _ => return None,
        }
        here.extend(rest.iter().cloned());
        Some(here)
    }
}

/// Comments, strings and characters replaced by blanks; lines stay where they are.
pub(crate) fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let from = i;
        let is_start = i == 0 || !is_part(at(i - 1));
        i = match (at(i), at(i + 1)) {
            ('/', '/') => line_end(&chars, i),
            ('/', '*') => comment_end(&chars, i),
            ('"', _) => string_end(&chars, i),
            ('b' | 'c', '"') if is_start => string_end(&chars, i + 1),
            ('r', '"' | '#') | ('b' | 'c', 'r') if is_start => match raw_end(&chars, i) {
                Some(end) => end,
                None => i + 1,
            },
            ('\'', '\\') => string_end_at(&chars, i + 1, '\''),
            ('\'', _) if at(i + 2) == '\'' => i + 3,
            _ => i + 1,
        };
        if i == from + 1 {
            out.push(at(from));
        } else {
            out.extend(chars[from..i].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        }
    }
    out
}

fn line_end(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| from + n)
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let (mut depth, mut i) = (0, from);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], quote: usize) -> usize {
    string_end_at(chars, quote + 1, '"')
}

fn string_end_at(chars: &[char], from: usize, quote: char) -> usize {
    let mut i = from;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            c if c == quote => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// The end of `r".."`, `r#".."#`, `br".."`; `None` for anything else, as `r#type`.
fn raw_end(chars: &[char], from: usize) -> Option<usize> {
    let r = from + usize::from(chars[from] != 'r');
    let hashes = chars[r + 1..].iter().take_while(|c| **c == '#').count();
    let quote = r + 1 + hashes;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let closes = |i: usize| {
        chars[i] == '"'
            && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    let end = (quote + 1..chars.len()).find(|i| closes(*i));
    Some(end.map_or(chars.len(), |i| i + 1 + hashes))
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

fn tokens(blanked: &str) -> Vec<Token> {
    let mut words: Vec<(String, usize)> = Vec::new();
    for (number, line) in blanked.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = match first {
                c if is_part(c) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            words.push((rest[..len].to_owned(), number));
            rest = rest[len..].trim_start();
        }
    }
    with_modules(words)
}

/// Tells for each token in which inline modules it lies.
fn with_modules(words: Vec<(String, usize)>) -> Vec<Token> {
    let mut open: Vec<(String, usize, bool)> = Vec::new();
    let mut depth = 0;
    let mut tokens: Vec<Token> = Vec::with_capacity(words.len());
    for (text, line) in words {
        match text.as_str() {
            "{" => {
                let before: Vec<_> = tokens.iter().map(|t| t.text.as_str()).collect();
                if let [.., "mod", name] = before[..] {
                    let test = is_for_tests(&before[..before.len() - 2]);
                    open.push((name.to_owned(), depth, test));
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                open.pop_if(|(_, at, _)| *at == depth);
            }
            _ => {}
        }
        tokens.push(Token {
            text,
            line,
            inside: open.iter().map(|(name, ..)| name.clone()).collect(),
            test: open.iter().any(|(.., test)| *test),
        });
    }
    tokens
}

/// Whether the attributes at the end of `before` say `cfg(.. test ..)`. A visibility may follow.
fn is_for_tests(before: &[&str]) -> bool {
    let mut rest = before;
    loop {
        rest = match rest {
            [head @ .., "pub"] | [head @ .., "pub", "(", _, ")"] => head,
            [.., "]"] => {
                let Some(from) = rest.iter().rposition(|word| *word == "#") else { return false };
                let words = &rest[from..];
                if words.starts_with(&["#", "[", "cfg"]) && wants_test(words) {
                    return true;
                }
                &rest[..from]
            }
            _ => return false,
        };
    }
}

/// Whether `test` is among the words, and not in a `not(..)`.
fn wants_test(words: &[&str]) -> bool {
    let (mut depth, mut denied) = (0, None);
    for pair in words.windows(2) {
        match pair {
            ["not", "("] if denied.is_none() => denied = Some(depth),
            ["(", _] => depth += 1,
            [")", _] => {
                depth -= 1;
                denied = denied.filter(|at| *at != depth);
            }
            _ => {}
        }
        if pair[1] == "test" && denied.is_none() {
            return true;
        }
    }
    false
}
