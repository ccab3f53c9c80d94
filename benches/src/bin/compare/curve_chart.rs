//! The curves as tables and as lines.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use benches::chart::{Head, Line, Lines, Panel as Drawn, Scale, short};

use crate::args::{GO, all_peers};
use crate::curve::{CURVES, Curve, Panel};
use crate::saved::{Point, Saved};
use crate::table::{NOTHING, number, times};

/// What a panel shows: the peers that have any of it, and each one's figure where it has one.
struct Values<'a> {
    x: Vec<usize>,
    peers: Vec<&'static str>,
    points: Vec<&'a Point>,
    curve: &'static Curve,
    panel: &'static Panel,
}

impl<'a> Values<'a> {
    fn of(saved: &'a Saved, curve: &'static Curve, panel: &'static Panel) -> Self {
        let is_here = |point: &&Point| {
            point.row == panel.row && point.curve.is_some_and(|other| other.name == curve.name)
        };
        let points: Vec<&Point> = saved.points.iter().filter(is_here).collect();
        let x = points.iter().map(|point| curve.place(point.size, point.procs));
        let x: Vec<usize> = x.collect::<BTreeSet<_>>().into_iter().collect();
        let peers =
            all_peers().filter(|name| points.iter().any(|point| point.peer == *name)).collect();
        Self { x, peers, points, curve, panel }
    }

    fn point(&self, peer: &str, x: usize) -> Option<&'a Point> {
        let is_it =
            |point: &&&Point| point.peer == peer && self.curve.place(point.size, point.procs) == x;
        self.points.iter().find(is_it).copied()
    }

    fn figure(&self, peer: &str, x: usize) -> Option<f64> {
        Some(self.panel.shown(self.point(peer, x)?.figure(self.panel.metric)?, x))
    }

    fn table(&self) -> String {
        let mut text = format!("| {} | {} |\n", self.curve.of, self.peers.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(self.peers.len()));
        for &x in &self.x {
            let cells: Vec<String> = self.peers.iter().map(|&peer| self.cell(peer, x)).collect();
            let _ = writeln!(text, "| {x} | {} |", cells.join(" | "));
        }
        text
    }

    fn cell(&self, peer: &str, x: usize) -> String {
        match (self.figure(peer, x), self.figure(GO, x)) {
            (Some(figure), Some(go)) if peer != GO => {
                format!("{} ({})", number(figure), times(figure / go))
            }
            (Some(figure), _) => number(figure),
            (None, _) if self.point(peer, x).is_some() => "failed".to_owned(),
            (None, _) => NOTHING.to_owned(),
        }
    }

    fn drawn(&self) -> Drawn {
        let ends = [self.x.first(), self.x.last()].map(|x| x.map_or(1.0, |&x| x as f64).log10());
        let place = |x: usize| match (x as f64).log10() - ends[0] {
            _ if ends[0] == ends[1] => 0.5,
            from => from / (ends[1] - ends[0]),
        };
        let line = |&peer: &&str| {
            let points = self.x.iter();
            let points = points.filter_map(|&x| Some((place(x), self.figure(peer, x)?))).collect();
            Line { name: peer.to_owned(), points }
        };
        // `rt` first, and so on top.
        let (rt, others): (Vec<&str>, Vec<&str>) = self.peers.iter().partition(|&&p| p == "rt");
        let lines: Vec<Line> = rt.iter().chain(&others).map(line).collect();
        let values = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        Drawn {
            title: format!("{}, {}", self.panel.title, self.panel.unit),
            of: self.curve.of.to_owned(),
            ticks: self.x.iter().map(|&x| (place(x), short(x as f64))).collect(),
            scale: Scale::over(values),
            lines,
        }
    }
}

/// Every curve of which there is anything.
fn known(saved: &Saved) -> impl Iterator<Item = &'static Curve> {
    let has = |curve: &Curve| {
        saved.points.iter().any(|point| point.curve.is_some_and(|it| it.name == curve.name))
    };
    CURVES.iter().filter(move |curve| has(curve))
}

/// A table for each panel of each curve.
pub(crate) fn tables(saved: &Saved) -> String {
    let mut text = String::new();
    for curve in known(saved) {
        for panel in curve.panels {
            let _ = writeln!(text, "{}: {} ({}).\n", curve.title, panel.title, panel.unit);
            text += &Values::of(saved, curve, panel).table();
            text.push('\n');
        }
    }
    text
}

/// The name and the lines of each curve.
pub(crate) fn all(saved: &Saved) -> Vec<(&'static str, Lines)> {
    let lines = |curve: &'static Curve| {
        let values = curve.panels.iter().map(|panel| Values::of(saved, curve, panel));
        let values: Vec<Values<'_>> = values.collect();
        let has = |name: &&str| values.iter().any(|values| values.peers.contains(name));
        let peers: Vec<&str> = all_peers().filter(has).collect();
        let procs: BTreeSet<usize> =
            values.iter().flat_map(|values| &values.points).map(|point| point.procs).collect();
        let mut panels = curve.panels.iter();
        let better = match panels.any(Panel::is_rate) {
            true => "Lower is better; of rates higher is.",
            false => "Lower is better.",
        };
        let subtitle = match (procs.first(), procs.len()) {
            (Some(procs), 1) => format!("{procs} workers. {better}"),
            _ => format!(
                "{better} {} cores: beyond as many workers it shows what too many cost.",
                saved.cores
            ),
        };
        let head = Head { title: curve.title.to_owned(), subtitle, notes: saved.origin(&peers) };
        (curve.name, Lines { head, panels: values.iter().map(Values::drawn).collect() })
    };
    known(saved).map(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Cell;
    use crate::results::tests::{cell, results};
    use benches::row::Row;

    fn saved() -> Saved {
        let mut results = results("--curves spawn --procs 1");
        let at = |peer, size| Cell { curve: Some(&CURVES[0]), ..cell(peer, Row::SpawnBatch, size) };
        for (size, go) in [(1000, 200.0), (10_000, 300.0), (1_000_000, 400.0)] {
            results.add(at("go", size), vec![vec![go]]);
            results.add(at("rt", size), vec![vec![100.0]]);
        }
        results.add(at("may", 1000), vec![vec![900.0]]);
        results.fail(at("may", 10_000), 0, "no mappings left".to_owned());
        // A row of that name on the table is no point of the curve.
        results.add(cell("rt", Row::SpawnBatch, 500), vec![vec![1.0]]);
        Saved::read(&results.json()).expect("results")
    }

    #[test]
    fn a_table_has_a_line_for_every_point() {
        let text = tables(&saved());
        assert!(text.contains("| tasks in the batch | go | rt | may |"), "{text}");
        assert!(text.contains("| 1000 | 200 | 100 (0.50x) | 900 (4.50x) |"), "{text}");
        assert!(text.contains("| 10000 | 300 | 100 (0.33x) | failed |"), "{text}");
        assert!(text.contains("| 1000000 | 400 | 100 (0.25x) | – |"), "{text}");
        assert!(!text.contains("| 500 |"), "{text}");
    }

    #[test]
    fn lines_go_as_far_as_there_are_figures() {
        let saved = saved();
        let all = all(&saved);
        let [(name, lines)] = &all[..] else { panic!("{all:?}") };
        let panel = &lines.panels[0];
        assert_eq!((*name, panel.lines[0].name.as_str()), ("spawn", "rt"));
        assert_eq!(panel.lines[2].points, [(0.0, 900.0)]);
        let places: Vec<f64> = panel.ticks.iter().map(|tick| tick.0).collect();
        assert!((places[1] - 1.0 / 3.0).abs() < 1e-9, "{places:?}");
    }
}
