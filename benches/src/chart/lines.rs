//! Lines over an axis, in one panel or several side by side.

use super::axis::{Scale, short};
use super::color;
use super::frame::{EDGE, Head, WIDTH};
use super::svg::{Anchor, PALE, PLAIN, SMALL, Style, Svg};

const HEIGHT: f64 = 250.0;
/// The numbers beside a vertical axis.
const NUMBERS: f64 = 58.0;
const GAP: f64 = 12.0;
/// Points that are fewer are marked.
const FEW: usize = 20;

/// Whose, and where it goes: the first coordinate between 0 and 1.
#[derive(Clone, Debug)]
pub struct Line {
    /// Whose.
    pub name: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// Two axes and the lines between them.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What goes up, with its unit.
    pub title: String,
    /// What goes to the right.
    pub of: String,
    /// What the horizontal axis says at some places.
    pub ticks: Vec<(f64, String)>,
    /// What the vertical axis shows.
    pub scale: Scale,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A chart of lines.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Its words.
    pub head: Head,
    /// From left to right.
    pub panels: Vec<Panel>,
}

impl Lines {
    /// The picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut svg = Svg::new(WIDTH);
        let top = self.head.draw(&mut svg, &self.names()) + 14.0;
        let width = (WIDTH - 2.0 * EDGE) / self.panels.len().max(1) as f64;
        for (n, panel) in self.panels.iter().enumerate() {
            let left = EDGE + n as f64 * width;
            draw(&mut svg, panel, [left + NUMBERS, top], [left + width - GAP, top + HEIGHT]);
        }
        let end = self.head.draw_notes(&mut svg, top + HEIGHT + 58.0);
        svg.finish(end)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for line in self.panels.iter().flat_map(|panel| &panel.lines) {
            if !names.contains(&line.name) {
                names.push(line.name.clone());
            }
        }
        names
    }
}

fn draw(svg: &mut Svg, panel: &Panel, [left, top]: [f64; 2], [right, bottom]: [f64; 2]) {
    let place = |(x, y): (f64, f64)| {
        [left + x * (right - left), bottom - panel.scale.part(y) * (bottom - top)]
    };
    let bold = Style { bold: true, ..PLAIN };
    svg.text([left - NUMBERS + 4.0, top - 12.0], Anchor::Start, bold, &panel.title);
    for tick in panel.scale.ticks() {
        let [x, y] = place((0.0, tick));
        svg.line([x, y], [right, y], "#d8dee4");
        svg.text([x - 7.0, y + 4.0], Anchor::End, SMALL, &short(tick));
    }
    svg.line([left, bottom], [right, bottom], PALE);
    for (x, label) in &panel.ticks {
        let x = left + x * (right - left);
        svg.line([x, bottom], [x, bottom + 4.0], PALE);
        svg.text([x, bottom + 17.0], Anchor::Middle, SMALL, label);
    }
    let middle = f64::midpoint(left, right);
    svg.text([middle, bottom + 34.0], Anchor::Middle, SMALL, &panel.of);
    // The first lies on top.
    for line in panel.lines.iter().rev() {
        let points: Vec<_> = line.points.iter().map(|&point| place(point)).collect();
        let marked = points.len() < FEW;
        let width = match line.name.as_str() {
            "rt" => 3.0,
            "go" => 2.2,
            _ if marked => 1.6,
            _ => 1.4,
        };
        svg.polyline(&points, width, color(&line.name));
        for point in points.into_iter().filter(|_| marked) {
            svg.dot(point, width + 1.2, color(&line.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_points_are_not_marked() {
        let line = |n: usize| {
            let points = (0..n).map(|x| (x as f64 / n as f64, 1.0 + x as f64)).collect();
            Line { name: "go".to_owned(), points }
        };
        let picture = |n| {
            let head = Head { title: "t".to_owned(), subtitle: String::new(), notes: Vec::new() };
            let panel = Panel {
                title: "p".to_owned(),
                of: "x".to_owned(),
                ticks: vec![(0.0, "zero".to_owned())],
                scale: Scale::Log { low: 1.0, high: 1000.0 },
                lines: vec![line(n)],
            };
            Lines { head, panels: vec![panel] }.svg()
        };
        assert_eq!(picture(3).matches("<circle").count(), 3);
        let many = picture(400);
        assert!(!many.contains("<circle") && many.contains(">zero<"), "{many}");
    }
}
