//! Text of the user's in reports: on one line, and without what a terminal would obey.

use std::fmt::{self, Write};

/// A name as reports show it: control characters are escaped as in Rust's literals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl Shown<'_> {
    /// Its characters. No allocation: a signal handler asks, too.
    pub(crate) fn chars(self) -> impl Iterator<Item = char> {
        self.0.chars().flat_map(|c| {
            let (escape, plain) = match c.is_control() {
                true => (Some(c.escape_default()), None),
                false => (None, Some(c)),
            };
            escape.into_iter().flatten().chain(plain)
        })
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|c| f.write_char(c))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::Shown;

    #[test]
    fn only_control_characters_are_escaped() {
        let name = "a\tb\n\u{1b}[31mred\u{7f}\u{9b}1m 'q' \\ \u{e4}\u{4e2d}";
        let shown = "a\\tb\\n\\u{1b}[31mred\\u{7f}\\u{9b}1m 'q' \\ \u{e4}\u{4e2d}";
        assert_eq!(Shown(name).to_string(), shown);
    }
}
