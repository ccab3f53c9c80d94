//! The results: collected by cell, shown as Markdown and as JSON.

use std::fmt::Write as _;

use benches::row::{Metric, Row};
use benches::sample::{Sample, median};
use serde_json::{Value, json};

use crate::args::{Args, GO};
use crate::machine::{self, Machine};

/// The peer whose figures the others are held against here.
const RT: &str = "rt";
/// The peer that computes only: shown, but no rival for the best Rust peer.
const RAYON: &str = "rayon";

/// One peer on one row with one number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) peer: &'static str,
    pub(crate) row: Row,
    pub(crate) procs: usize,
    pub(crate) size: usize,
}

#[derive(Debug)]
struct Result {
    cell: Cell,
    /// One entry per process.
    rounds: Vec<Vec<Sample>>,
}

#[derive(Debug)]
struct Failure {
    cell: Cell,
    round: usize,
    reason: String,
}

#[derive(Debug)]
pub(crate) struct Report {
    peers: Vec<&'static str>,
    rows: Vec<Row>,
    procs: Vec<usize>,
    settings: Value,
    method: String,
    results: Vec<Result>,
    failures: Vec<Failure>,
    skipped: Vec<(&'static str, String)>,
    machine: Machine,
    versions: Vec<(&'static str, String)>,
}

impl Report {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            peers: args.peers.clone(),
            rows: args.rows.clone(),
            procs: args.procs.clone(),
            settings: json!({
                "rounds": args.rounds,
                "repeats": args.repeats,
                "parked": args.parked,
                "park": args.park.name(),
            }),
            method: format!(
                "Medians of {} rounds of {} repeats (parked rows: one per round).",
                args.rounds, args.repeats
            ),
            results: Vec::new(),
            failures: Vec::new(),
            skipped: Vec::new(),
            machine: Machine::this(),
            versions: machine::versions(),
        }
    }

    pub(crate) fn add(&mut self, cell: Cell, samples: Vec<Sample>) {
        if let Some(result) = self.results.iter_mut().find(|result| result.cell == cell) {
            result.rounds.push(samples);
        } else {
            self.results.push(Result {
                cell,
                rounds: vec![samples],
            });
        }
    }

    pub(crate) fn fail(&mut self, cell: Cell, round: usize, reason: String) {
        self.failures.push(Failure {
            cell,
            round,
            reason,
        });
    }

    pub(crate) fn has_failed(&self, cell: Cell) -> bool {
        self.failures.iter().any(|failure| failure.cell == cell)
    }

    pub(crate) fn skip_peer(&mut self, peer: &'static str, reason: &str) {
        self.skipped.push((peer, reason.to_owned()));
    }

    /// The median over rounds of each round's median.
    fn figure(&self, peer: &str, row: Row, procs: usize, metric: usize) -> Option<f64> {
        let matches = |cell: &Cell| cell.peer == peer && cell.row == row && cell.procs == procs;
        let result = self.results.iter().find(|result| matches(&result.cell))?;
        result.figure(metric)
    }

    /// The figure, or that of the row that stands in for it.
    fn figure_or_stand_in(&self, peer: &str, row: Row, procs: usize, metric: usize) -> Option<f64> {
        self.figure(peer, row, procs, metric)
            .or_else(|| self.figure(peer, row.spec().stand_in?, procs, metric))
    }

    /// The best Rust runtime other than `rt` on this line.
    fn best(&self, row: Row, procs: usize, metric: usize) -> Option<(&'static str, f64)> {
        let rivals = self
            .peers
            .iter()
            .filter(|peer| ![GO, RT, RAYON].contains(peer));
        rivals
            .filter_map(|&peer| Some((peer, self.figure_or_stand_in(peer, row, procs, metric)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        self.write_head(&mut text);
        self.write_table(&mut text);
        self.write_foot(&mut text);
        text
    }

    fn write_head(&self, text: &mut String) {
        let machine = &self.machine;
        let versions: Vec<String> = self
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        line(
            text,
            format_args!(
                "{}, {} cores, {} GiB, Linux {}. {}",
                machine.cpu, machine.cores, machine.memory_gib, machine.kernel, self.method
            ),
        );
        line(text, format_args!("{}.\n", versions.join(", ")));
        line(
            text,
            format_args!("In brackets: times Go. Lower is better.\n"),
        );
    }

    fn write_table(&self, text: &mut String) {
        line(
            text,
            format_args!(
                "| row | p | {} | best Rust peer | rt / best |",
                self.peers.join(" | ")
            ),
        );
        line(
            text,
            format_args!("|---|---|{}---|---|", "---|".repeat(self.peers.len())),
        );
        for &row in &self.rows {
            for (index, metric) in row.spec().metrics.iter().enumerate() {
                for &procs in &self.procs {
                    self.write_line(text, row, (index, *metric), procs);
                }
            }
        }
    }

    fn write_line(&self, text: &mut String, row: Row, metric: (usize, Metric), procs: usize) {
        let (index, metric) = metric;
        let go = self.figure_or_stand_in(GO, row, procs, index);
        let cells: Vec<String> = self
            .peers
            .iter()
            .map(|&peer| self.shown(peer, row, procs, index, go))
            .collect();
        if cells.iter().all(|cell| cell == NOTHING) {
            return;
        }
        let best = self.best(row, procs, index);
        let rt = self.figure(RT, row, procs, index);
        let ratio = rt
            .zip(best)
            .map_or(NOTHING.to_owned(), |(rt, best)| times(rt, best.1));
        let label = if row.spec().metrics.len() == 1 {
            ""
        } else {
            metric.name
        };
        line(
            text,
            format_args!(
                "| {}{}{label} ({}) | {procs} | {} | {} | {ratio} |",
                row.spec().title,
                if label.is_empty() { "" } else { ": " },
                metric.unit,
                cells.join(" | "),
                best.map_or(NOTHING, |(peer, _)| peer),
            ),
        );
    }

    /// What the table shows of one cell: the figure, flagged if smaller or shaken, and its ratio.
    fn shown(&self, peer: &str, row: Row, procs: usize, metric: usize, go: Option<f64>) -> String {
        let matches = |cell: &Cell| cell.peer == peer && cell.row == row && cell.procs == procs;
        let failed = self.failures.iter().any(|failure| matches(&failure.cell));
        let Some(result) = self.results.iter().find(|result| matches(&result.cell)) else {
            return if failed {
                "failed".to_owned()
            } else {
                NOTHING.to_owned()
            };
        };
        let Some(value) = result.figure(metric) else {
            return NOTHING.to_owned();
        };
        let mut shown = number(value);
        if self.is_smaller(&result.cell) {
            shown.push('*');
        }
        if failed {
            shown.push('†');
        }
        if let Some(go) = go.filter(|_| peer != GO) {
            let _ = write!(shown, " ({})", times(value, go));
        }
        shown
    }

    /// Whether the peer ran fewer tasks than the row asks for.
    fn is_smaller(&self, cell: &Cell) -> bool {
        let asked = self.settings["parked"].as_u64();
        cell.row.is_memory() && asked.is_some_and(|asked| (cell.size as u64) < asked)
    }

    fn write_foot(&self, text: &mut String) {
        line(
            text,
            format_args!("\n`{NOTHING}`: the peer has no such form."),
        );
        let mut smaller: Vec<_> = self
            .results
            .iter()
            .map(|result| result.cell)
            .filter(|cell| self.is_smaller(cell))
            .collect();
        smaller.dedup_by_key(|cell| cell.peer);
        smaller.sort_by_key(|cell| cell.peer);
        smaller.dedup_by_key(|cell| cell.peer);
        for cell in smaller {
            line(
                text,
                format_args!(
                    "`*`: {} had only {} parked; it cannot have more.",
                    cell.peer, cell.size
                ),
            );
        }
        for (peer, reason) in &self.skipped {
            line(text, format_args!("Skipped: {peer}: {reason}."));
        }
        for Failure {
            cell,
            round,
            reason,
        } in &self.failures
        {
            let (row, peer, procs) = (cell.row.spec().name, cell.peer, cell.procs);
            line(
                text,
                format_args!(
                    "Failed (`†` if earlier rounds count): {row}, {peer}, p{procs}, round {}: {reason}",
                    round + 1
                ),
            );
        }
    }

    pub(crate) fn json(&self) -> Value {
        let results: Vec<Value> = self.results.iter().map(Result::json).collect();
        let failures: Vec<Value> = self
            .failures
            .iter()
            .map(|failure| {
                json!({
                    "row": failure.cell.row.spec().name,
                    "peer": failure.cell.peer,
                    "procs": failure.cell.procs,
                    "round": failure.round + 1,
                    "reason": failure.reason,
                })
            })
            .collect();
        let skipped: Vec<Value> = self
            .skipped
            .iter()
            .map(|(peer, reason)| json!({ "peer": peer, "reason": reason }))
            .collect();
        json!({
            "machine": self.machine.json(),
            "versions": machine::versions_json(&self.versions),
            "settings": self.settings,
            "results": results,
            "failures": failures,
            "skipped": skipped,
        })
    }
}

impl Result {
    fn figure(&self, metric: usize) -> Option<f64> {
        let medians: Vec<f64> = self
            .rounds
            .iter()
            .filter_map(|samples| {
                let values: Vec<f64> = samples
                    .iter()
                    .filter_map(|sample| sample.get(metric).copied())
                    .collect();
                median(&values)
            })
            .collect();
        median(&medians)
    }

    fn json(&self) -> Value {
        let spec = self.cell.row.spec();
        let metrics: Vec<Value> = spec
            .metrics
            .iter()
            .enumerate()
            .map(|(index, metric)| {
                json!({ "name": metric.name, "unit": metric.unit, "median": self.figure(index) })
            })
            .collect();
        json!({
            "row": spec.name,
            "peer": self.cell.peer,
            "procs": self.cell.procs,
            "size": self.cell.size,
            "metrics": metrics,
            "rounds": self.rounds,
        })
    }
}

/// A cell without a figure.
const NOTHING: &str = "–";

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{words}");
}

/// Three digits, or all before the point.
fn number(value: f64) -> String {
    let digits = if value >= 99.5 {
        0
    } else if value >= 9.95 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

fn times(value: f64, base: f64) -> String {
    format!("{:.2}x", value / base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Request, parse};

    fn report() -> Report {
        let words = [
            "--rows",
            "spawn_batch,spawn_batch_wg",
            "--peers",
            "go,tokio,may",
            "--procs",
            "1",
        ];
        match parse(words.into_iter().map(str::to_owned)) {
            Ok(Request::Compare(args)) => Report::new(&args),
            other => panic!("{other:?}"),
        }
    }

    fn cell(peer: &'static str) -> Cell {
        Cell {
            peer,
            row: Row::SpawnBatch,
            procs: 1,
            size: 10_000,
        }
    }

    #[test]
    fn the_figure_is_the_median_of_medians() {
        let mut report = report();
        report.add(cell("go"), vec![vec![1.0], vec![2.0], vec![9.0]]);
        report.add(cell("go"), vec![vec![4.0]]);
        report.add(cell("go"), vec![vec![50.0]]);
        assert_eq!(report.figure("go", Row::SpawnBatch, 1, 0), Some(4.0));
        assert_eq!(report.figure("go", Row::SpawnBatch, 2, 0), None);
    }

    #[test]
    fn the_table_holds_everyone_against_go() {
        let mut report = report();
        report.add(cell("go"), vec![vec![400.0]]);
        report.add(cell("tokio"), vec![vec![100.0]]);
        report.fail(cell("may"), 0, "no mappings left".to_owned());
        let table = report.markdown();
        assert!(
            table.contains("| 1 | 400 | 100 (0.25x) | failed | tokio | – |"),
            "{table}"
        );
        assert!(
            table.contains("may, p1, round 1: no mappings left"),
            "{table}"
        );
        assert!(report.has_failed(cell("may")));
        assert_eq!(report.json()["failures"][0]["reason"], "no mappings left");
    }

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(
            ["1.23", "12.3", "123", "1234"],
            [1.234, 12.34, 123.4, 1234.4].map(number)
        );
    }
}
