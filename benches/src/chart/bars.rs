//! Bars to both sides of one: how many times as much as somebody else.

use super::axis::{Scale, short};
use super::color;
use super::frame::{EDGE, Head, WIDTH};
use super::svg::{Anchor, PALE, PLAIN, SMALL, Style, Svg};

/// The column of the labels.
const LABELS: f64 = 300.0;
/// Room for a ratio beside the longest bar.
const BESIDE: f64 = 58.0;
const BAR: f64 = 13.0;
const GAP: f64 = 12.0;
/// From one line of a label to the next.
const WORDS: f64 = 15.0;
/// No bar is longer: its ratio says what it is.
const LONGEST: f64 = 1000.0;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Whose it is.
    pub peer: String,
    /// How many times as much; `None`: it failed.
    pub ratio: Option<f64>,
    /// Something has to be said about it in the notes.
    pub flag: &'static str,
}

/// Bars that answer one question.
#[derive(Clone, Debug)]
pub struct Group {
    /// The question.
    pub label: String,
    /// What else there is to say of it, in a line of its own.
    pub detail: String,
    /// The answers.
    pub bars: Vec<Bar>,
}

/// A chart of ratios.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Its words.
    pub head: Head,
    /// What is 1.
    pub one: String,
    /// From top to bottom.
    pub groups: Vec<Group>,
}

impl Bars {
    /// The picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut svg = Svg::new(WIDTH);
        let top = self.head.draw(&mut svg, &self.names()) + 10.0;
        let (left, right) = (LABELS + BESIDE, WIDTH - EDGE - BESIDE);
        let scale = self.scale();
        let x = |ratio: f64| left + scale.part(ratio) * (right - left);
        let heights = self.groups.iter().map(height);
        let bottom = top + heights.sum::<f64>();

        let mut y = top;
        for (n, group) in self.groups.iter().enumerate() {
            if n % 2 == 0 {
                svg.rect([EDGE, y, WIDTH - 2.0 * EDGE, height(group)], "#f6f8fa");
            }
            y += height(group);
        }
        for tick in scale.ticks() {
            let is_one = (tick - 1.0).abs() < 1e-9;
            let label = if is_one { self.one.clone() } else { format!("{}x", short(tick)) };
            svg.line([x(tick), top], [x(tick), bottom], if is_one { PALE } else { "#d8dee4" });
            let style = Style { bold: is_one, ..SMALL };
            svg.text([x(tick), top - 5.0], Anchor::Middle, style, &label);
        }
        let mut y = top;
        for group in &self.groups {
            draw(&mut svg, group, y, &x);
            y += height(group);
        }
        let end = self.head.draw_notes(&mut svg, bottom + 22.0);
        svg.finish(end)
    }

    /// Everybody who has a bar, in the order of their first.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for bar in self.groups.iter().flat_map(|group| &group.bars) {
            if !names.contains(&bar.peer) {
                names.push(bar.peer.clone());
            }
        }
        names
    }

    /// At least from a half to twice, at most as far as a bar may be long.
    fn scale(&self) -> Scale {
        let ratios = self.groups.iter().flat_map(|group| &group.bars).filter_map(|bar| bar.ratio);
        let limited = ratios.map(|ratio| ratio.clamp(1.0 / LONGEST, LONGEST));
        let all = || limited.clone().chain([0.5, 2.0]);
        Scale::Log { low: all().fold(1.0, f64::min), high: all().fold(1.0, f64::max) }
    }
}

fn height(group: &Group) -> f64 {
    let words = if group.detail.is_empty() { 1.0 } else { 2.0 };
    (group.bars.len() as f64 * BAR).max(words * WORDS) + GAP
}

fn draw(svg: &mut Svg, group: &Group, top: f64, x: &impl Fn(f64) -> f64) {
    let middle = top + height(group) / 2.0 + 4.0;
    let up = if group.detail.is_empty() { 0.0 } else { WORDS / 2.0 };
    svg.text([LABELS - 8.0, middle - up], Anchor::End, PLAIN, &group.label);
    svg.text([LABELS - 8.0, middle + up], Anchor::End, SMALL, &group.detail);
    let bars_top = top + (height(group) - group.bars.len() as f64 * BAR) / 2.0;
    for (n, bar) in group.bars.iter().enumerate() {
        let y = bars_top + n as f64 * BAR;
        let text_y = y + BAR - 3.0;
        let style = Style { size: 10.5, bold: bar.peer == "rt", ..SMALL };
        let Some(ratio) = bar.ratio else {
            let text = format!("{} failed", bar.peer);
            svg.text([x(1.0) + 5.0, text_y], Anchor::Start, style, &text);
            continue;
        };
        let (from, to) = (x(ratio.min(1.0)), x(ratio.max(1.0)));
        svg.rect([from, y + 1.0, (to - from).max(1.0), BAR - 2.0], color(&bar.peer));
        let text = format!("{}x{}", short(ratio), bar.flag);
        if ratio < 1.0 {
            svg.text([from - 4.0, text_y], Anchor::End, style, &text);
        } else {
            svg.text([to + 4.0, text_y], Anchor::Start, style, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(ratios: &[Option<f64>]) -> Bars {
        let bar = |&ratio: &Option<f64>| Bar { peer: "rt".to_owned(), ratio, flag: "*" };
        let head =
            Head { title: "t".to_owned(), subtitle: "s".to_owned(), notes: vec!["n".to_owned()] };
        let bars = ratios.iter().map(bar).collect();
        Bars {
            head,
            one: "Go".to_owned(),
            groups: vec![Group { label: "row".to_owned(), detail: String::new(), bars }],
        }
    }

    #[test]
    fn a_ratio_is_said_even_where_the_bar_is_cut() {
        let text = bars(&[Some(0.25), Some(4e6)]).svg();
        assert!(text.contains(">0.25x*<") && text.contains(">4Mx*<"), "{text}");
        assert!(!text.contains("NaN"), "{text}");
    }

    #[test]
    fn a_failure_is_named() {
        assert!(bars(&[None]).svg().contains(">rt failed<"));
    }
}
