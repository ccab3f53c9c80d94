//! What all charts have around them: title, legend, and what the numbers were taken on.

use super::color;
use super::svg::{Anchor, PLAIN, SMALL, Style, Svg, width_of};

/// All charts are so wide.
pub(super) const WIDTH: f64 = 880.0;
/// Nothing is closer to the edge.
pub(super) const EDGE: f64 = 16.0;
const TITLE: Style = Style { size: 16.0, bold: true, ..PLAIN };
/// Characters of a note that fit into a line.
const NOTE: usize = 150;

/// A chart's own words.
#[derive(Clone, Debug)]
pub struct Head {
    /// What is shown.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// What the numbers were taken on, and what is missing.
    pub notes: Vec<String>,
}

impl Head {
    /// Draws the title and the legend; where the chart may begin.
    pub(super) fn draw(&self, svg: &mut Svg, names: &[String]) -> f64 {
        svg.text([EDGE, 28.0], Anchor::Start, TITLE, &self.title);
        svg.text([EDGE, 47.0], Anchor::Start, SMALL, &self.subtitle);
        let (mut x, mut y) = (EDGE, 70.0);
        for name in names {
            let width = 18.0 + width_of(name, PLAIN) + 16.0;
            if x + width > WIDTH - EDGE {
                (x, y) = (EDGE, y + 18.0);
            }
            svg.rect([x, y - 10.0, 11.0, 11.0], color(name));
            let style = Style { bold: name == "rt", ..PLAIN };
            svg.text([x + 16.0, y], Anchor::Start, style, name);
            x += width;
        }
        y + 22.0
    }

    /// Draws the notes below the chart; where the picture ends.
    pub(super) fn draw_notes(&self, svg: &mut Svg, mut y: f64) -> f64 {
        for line in self.notes.iter().flat_map(|note| wrapped(note, NOTE)) {
            svg.text([EDGE, y], Anchor::Start, Style { size: 10.5, ..SMALL }, &line);
            y += 15.0;
        }
        y
    }
}

/// The text in lines of that many characters at most, if its words allow.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn notes_are_wrapped_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("longerthanthat a", 5), ["longerthanthat", "a"]);
    }
}
