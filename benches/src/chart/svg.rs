//! The few shapes that charts are made of.

use std::fmt::{Arguments, Write as _};

/// The color of most text.
pub(super) const INK: &str = "#1f2328";
/// The color of what matters less.
pub(super) const PALE: &str = "#59636e";

/// Which of a text's ends is where it is put.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) size: f64,
    pub(super) color: &'static str,
    pub(super) bold: bool,
}

/// Most texts.
pub(super) const PLAIN: Style = Style { size: 12.0, color: INK, bold: false };
/// Texts at the edge.
pub(super) const SMALL: Style = Style { size: 11.0, color: PALE, bold: false };

/// A picture that is being drawn.
#[derive(Debug)]
pub(super) struct Svg {
    body: String,
    width: f64,
}

impl Svg {
    pub(super) const fn new(width: f64) -> Self {
        Self { body: String::new(), width }
    }

    fn add(&mut self, shape: Arguments<'_>) {
        self.body.write_fmt(shape).expect("a string takes everything");
        self.body.push('\n');
    }

    pub(super) fn rect(&mut self, [x, y, width, height]: [f64; 4], color: &str) {
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>"
        ));
    }

    pub(super) fn line(&mut self, [x, y]: [f64; 2], [to_x, to_y]: [f64; 2], color: &str) {
        self.add(format_args!(
            "<path d=\"M{x:.1} {y:.1}L{to_x:.1} {to_y:.1}\" stroke=\"{color}\"/>"
        ));
    }

    pub(super) fn polyline(&mut self, points: &[[f64; 2]], width: f64, color: &str) {
        let points: Vec<_> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!(
            "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\" points=\"{}\"/>",
            points.join(" ")
        ));
    }

    pub(super) fn dot(&mut self, [x, y]: [f64; 2], radius: f64, color: &str) {
        self.add(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{color}\"/>"
        ));
    }

    pub(super) fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        let Style { size, color, bold } = style;
        let weight = if bold { " font-weight=\"600\"" } else { "" };
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{color}\"{weight} \
             text-anchor=\"{}\">{}</text>",
            anchor.name(),
            escaped(text)
        ));
    }

    /// The whole picture, so high.
    pub(super) fn finish(self, height: f64) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width} {height:.0}\" \
             font-family=\"-apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}</svg>\n",
            self.body,
            width = self.width,
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// About how wide a text is: wide enough for the widest of the fonts that may be at hand.
pub(super) fn width_of(text: &str, style: Style) -> f64 {
    text.chars().count() as f64 * style.size * 0.62
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_the_picture() {
        let mut svg = Svg::new(10.0);
        svg.text([1.0, 2.0], Anchor::Start, PLAIN, "a < b & c");
        let text = svg.finish(20.0);
        assert!(text.contains("a &lt; b &amp; c</text>"), "{text}");
        assert!(text.contains("viewBox=\"0 0 10 20\""), "{text}");
    }
}
