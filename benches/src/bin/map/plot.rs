//! Plots as SVG: lines over two axes, the second one logarithmic.

use std::fmt::Write as _;
use std::{fs, io};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 30.0;
const COLORS: [&str; 4] = ["#1f6feb", "#d1242f", "#9a6700", "#57606a"];

/// A name and its points.
pub(crate) type Line = (&'static str, Vec<(f64, f64)>);

/// What is drawn around the lines.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// What the horizontal axis says at some places.
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) unit: &'a str,
    /// Powers of ten, from and to.
    pub(crate) decades: (i32, i32),
}

/// Draws lines whose first coordinate is 0 to 1.
pub(crate) fn draw(path: &str, frame: &Frame<'_>, lines: &[Line]) -> io::Result<()> {
    let (low, high) = frame.decades;
    let x = |x: f64| LEFT + x * (WIDTH - LEFT - 20.0);
    let height = HEIGHT - TOP - 50.0;
    let y = |y: f64| {
        let part = (y.log10() - f64::from(low)) / f64::from(high - low);
        TOP + height * (1.0 - part.clamp(0.0, 1.0))
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"18\" font-size=\"14\">{}</text>\n",
        frame.title
    );
    let mut add = |text: std::fmt::Arguments<'_>| {
        svg.write_fmt(text).expect("a string takes everything");
        svg.push('\n');
    };
    for decade in low..=high {
        let at = y(10_f64.powi(decade));
        let label = 10_f64.powi(decade);
        add(format_args!(
            "<path d=\"M{LEFT} {at:.0}H{:.0}\" stroke=\"#ddd\"/>\
             <text x=\"62\" y=\"{:.0}\" text-anchor=\"end\">{label} {}</text>",
            x(1.0),
            at + 4.0,
            frame.unit
        ));
    }
    for (at, label) in &frame.ticks {
        let (at, y) = (x(*at), HEIGHT - 32.0);
        add(format_args!("<text x=\"{at:.0}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"));
    }
    for (n, (name, points)) in lines.iter().enumerate() {
        let color = COLORS[n % COLORS.len()];
        let points: Vec<_> =
            points.iter().map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py))).collect();
        add(format_args!(
            "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.4\" points=\"{}\"/>",
            points.join(" ")
        ));
        let at = LEFT + 130.0 * n as f64;
        add(format_args!(
            "<text x=\"{at}\" y=\"{}\" fill=\"{color}\">{name}</text>",
            HEIGHT - 10.0
        ));
    }
    svg.push_str("</svg>\n");
    fs::write(path, svg)
}
