//! Pictures of what was found out: bars for the rows, times Go, and lines for the curves.

use std::fs;
use std::path::{Path, PathBuf};

use benches::chart::{Bar, Bars, Group as Question, Head};
use benches::row::{Better, Group, Metric, Row};

use crate::args::{GO, all_peers};
use crate::curve_chart;
use crate::saved::{Point, Saved};

/// A picture of some rows.
struct Chart {
    name: &'static str,
    title: &'static str,
    has: fn(Row) -> bool,
}

const CHARTS: &[Chart] = &[
    Chart {
        name: "tasks",
        title: "Starting and switching tasks",
        has: |row| row.group() == Group::Tasks && !row.is_memory(),
    },
    Chart {
        name: "parked",
        title: "Very many parked tasks",
        has: |row| row.group() == Group::Tasks && row.is_memory(),
    },
    Chart { name: "channels", title: "Channels", has: |row| row.group() == Group::Channels },
    Chart { name: "sync", title: "Locks and counters", has: |row| row.group() == Group::Sync },
    Chart {
        name: "time",
        title: "Waking in time",
        has: |row| matches!(row.group(), Group::Time | Group::Stall),
    },
    Chart { name: "net", title: "Connections", has: |row| row.group() == Group::Net },
    Chart { name: "tails", title: "The slowest of many", has: |row| row.group() == Group::Tails },
];

/// Metrics that only the tables have: the longest of all says little of one run, and the others repeat.
const NOT_DRAWN: &[&str] = &["max", "mappings", "wall again", "CPU again", "median again"];

/// Draws all that the results have; the files.
pub(crate) fn draw(saved: &Saved, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let bars = CHARTS
        .iter()
        .filter_map(|chart| Some((format!("bench-{}.svg", chart.name), bars(chart, saved)?.svg())));
    let lines = curve_chart::all(saved).into_iter();
    let lines = lines.map(|(name, lines)| (format!("curve-{name}.svg"), lines.svg()));
    let mut files = Vec::new();
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, svg) in bars.chain(lines) {
        let file = folder.join(name);
        fs::write(&file, svg).map_err(|error| format!("{}: {error}", file.display()))?;
        files.push(file);
    }
    Ok(files)
}

/// The chart, unless there is nothing to hold against Go.
fn bars(chart: &Chart, saved: &Saved) -> Option<Bars> {
    let points: Vec<&Point> = (saved.points.iter())
        .filter(|point| point.curve.is_none() && (chart.has)(point.row))
        .collect();
    let procs = points.iter().map(|point| point.procs).max()?;
    let points: Vec<&Point> = points.into_iter().filter(|point| point.procs == procs).collect();
    let mut groups = Vec::new();
    for &row in Row::ALL {
        for metric in row.spec().metrics.iter().filter(|metric| !NOT_DRAWN.contains(&metric.name)) {
            groups.extend(question(&points, row, metric));
        }
    }
    let peers: Vec<&str> =
        all_peers().filter(|&name| points.iter().any(|point| point.peer == name)).collect();
    let mut notes = saved.origin(&peers);
    if groups.iter().flat_map(|group| &group.bars).any(|bar| !bar.flag.is_empty()) {
        notes.push("* with fewer tasks than the others, for it cannot have so many.".to_owned());
    }
    let workers = if procs == 1 { "one worker".to_owned() } else { format!("{procs} workers") };
    let subtitle =
        format!("Times Go's figure, {workers}; to the left is better. The scale is logarithmic.");
    let head = Head { title: chart.title.to_owned(), subtitle, notes };
    (!groups.is_empty()).then(|| Bars { head, one: "Go".to_owned(), groups })
}

/// The bars of one metric of one row: `rt` first.
fn question(points: &[&Point], row: Row, metric: &Metric) -> Option<Question> {
    let at = |peer: &str, row: Row| {
        points.iter().find(|point| point.peer == peer && point.row == row).copied()
    };
    let go = at(GO, row).or_else(|| at(GO, row.spec().stand_in?))?;
    go.figure(metric.name)?;
    let most = points.iter().filter(|point| point.row == row).map(|point| point.size).max()?;
    let bar = |peer: &str| {
        let point = at(peer, row)?;
        let flag = if row.is_memory() && point.size < most { "*" } else { "" };
        Some(Bar { peer: peer.to_owned(), ratio: point.times(go, metric.name), flag })
    };
    let bars: Vec<Bar> = all_peers().filter(|&peer| peer != GO).filter_map(bar).collect();
    let spec = row.spec();
    let what = match (spec.metrics, metric.better) {
        ([_], _) => None,
        (_, Better::Lower) => Some(metric.name.to_owned()),
        (_, Better::Higher) => Some(format!("1 / {}", metric.name)),
    };
    let size = (most != spec.size).then(|| format!("with a size of {most}"));
    let detail: Vec<String> = what.into_iter().chain(size).collect();
    let label = spec.title.to_owned();
    (!bars.is_empty()).then(|| Question { label, detail: detail.join(", "), bars })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{cell, results};

    #[test]
    fn every_row_is_on_one_chart() {
        for &row in Row::ALL {
            assert_eq!(CHARTS.iter().filter(|chart| (chart.has)(row)).count(), 1, "{row:?}");
        }
    }

    #[test]
    fn bars_are_times_go_and_a_failure_has_none() {
        let mut results = results("--procs 1");
        results.add(cell("go", Row::SpawnBatch, 10_000), vec![vec![400.0]]);
        results.add(cell("rt", Row::SpawnBatchWg, 10_000), vec![vec![100.0]]);
        results.fail(cell("may", Row::SpawnBatch, 10_000), 0, "no".to_owned());
        let saved = Saved::read(&results.json()).expect("results");
        let bars = bars(&CHARTS[0], &saved).expect("a chart");
        let [batch, variant] = &bars.groups[..] else { panic!("{bars:?}") };
        assert_eq!((batch.bars[0].peer.as_str(), batch.bars[0].ratio), ("may", None));
        assert_eq!(variant.bars[0].ratio, Some(0.25));
    }

    #[test]
    fn without_go_there_is_nothing_to_draw() {
        let mut results = results("--procs 1");
        results.add(cell("rt", Row::Yield, 1), vec![vec![1.0]]);
        let saved = Saved::read(&results.json()).expect("results");
        assert!(bars(&CHARTS[0], &saved).is_none());
    }
}
