//! Text of the user's in reports: on one line, and without what a terminal would obey.

use std::fmt::{self, Write};

/// Whether what shows a line may obey it: control characters, what ends a line, and what turns the direction of text, which
/// may make another one of the rest of the line.
pub(crate) fn is_obeyed(c: char) -> bool {
    let ends_a_line = matches!(c, '\u{2028}' | '\u{2029}');
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || ends_a_line || turns
}

/// A name as reports show it: what would be [obeyed](is_obeyed) is escaped as in Rust's literals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl Shown<'_> {
    /// Its characters. No allocation: a signal handler asks, too.
    pub(crate) fn chars(self) -> impl Iterator<Item = char> {
        self.0.chars().flat_map(|c| {
            let (escape, plain) = match is_obeyed(c) {
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
    fn only_what_is_obeyed_is_escaped() {
        let name = "a\tb\n\u{1b}[31mred\u{7f}\u{9b}1m 'q' \\ \u{e4}\u{4e2d}";
        let shown = "a\\tb\\n\\u{1b}[31mred\\u{7f}\\u{9b}1m 'q' \\ \u{e4}\u{4e2d}";
        assert_eq!(Shown(name).to_string(), shown);
        let name = "\u{202e}nur\u{2069} \u{61c}\u{200f}\u{2028}";
        let shown = "\\u{202e}nur\\u{2069} \\u{61c}\\u{200f}\\u{2028}";
        assert_eq!(Shown(name).to_string(), shown);
        // What joins or parts letters is a part of them, as are those of languages that run from right to left.
        let name = "\u{645}\u{6cc}\u{200c}\u{62e} \u{1f468}\u{200d}\u{1f469} \u{5d0}";
        assert_eq!(Shown(name).to_string(), name);
    }
}
