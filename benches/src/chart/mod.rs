//! Charts as SVG: bars of ratios, and lines over one or two axes.
//!
//! 1. What is drawn was measured: a chart is given all its numbers and texts.
//! 2. The ground is white, whatever the page's is.
//! 3. A peer has one color on all charts.

mod axis;
mod bars;
mod frame;
mod lines;
mod svg;

pub use axis::{Scale, short};
pub use bars::{Bar, Bars, Group};
pub use frame::Head;
pub use lines::{Line, Lines, Panel};

/// The peers' colors.
const COLORS: &[(&str, &str)] = &[
    ("rt", "#0969da"),
    ("go", "#57606a"),
    ("tokio", "#8250df"),
    ("smol", "#1b9aaa"),
    ("kanal", "#cf222e"),
    ("may", "#bf8700"),
    ("go-lib", "#2da44e"),
    ("crossbeam", "#e85aad"),
    ("flume", "#fb8f44"),
    ("std", "#8a5a2b"),
    ("rayon", "#8c959f"),
    ("Map", "#0969da"),
    ("hashbrown", "#cf222e"),
    ("griddle", "#d4a017"),
    ("std HashMap", "#8a5a2b"),
];

/// The color of a peer; that of nobody in particular if it has none.
#[must_use]
pub fn color(peer: &str) -> &'static str {
    COLORS.iter().find(|(name, _)| *name == peer).map_or("#57606a", |(_, color)| color)
}
