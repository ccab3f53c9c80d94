//! What was measured: samples and failures by cell, the figures made of them, the JSON.

use benches::net;
use benches::row::{Better, Row};
use benches::sample::{Sample, median};
use serde_json::{Value, json};

use crate::args::{Args, GO};
use crate::curve::Curve;
use crate::machine::{self, Machine};

/// The runtime of this workspace.
const RT: &str = "rt";
/// The peer that only computes: shown, but no rival for the best Rust peer.
const RAYON: &str = "rayon";

/// One peer on one row with one number of workers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) peer: &'static str,
    pub(crate) row: Row,
    pub(crate) procs: usize,
    pub(crate) size: usize,
    /// The curve that it is a point of; otherwise it belongs to the table.
    pub(crate) curve: Option<&'static Curve>,
}

/// A line of the table: what all its cells share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) row: Row,
    pub(crate) procs: usize,
    /// Index into the row's metrics.
    pub(crate) metric: usize,
}

/// A cell's samples: one entry per process.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) cell: Cell,
    rounds: Vec<Vec<Sample>>,
}

/// Why a cell stopped, and when.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cell: Cell,
    pub(crate) round: usize,
    pub(crate) reason: String,
}

/// Everything that one call of `compare` found out.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) args: Args,
    pub(crate) machine: Machine,
    pub(crate) versions: Vec<(&'static str, String)>,
    pub(crate) measured: Vec<Measured>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) skipped: Vec<(&'static str, String)>,
    /// The machine's load before every process.
    pub(crate) loads: Vec<f64>,
}

impl Results {
    pub(crate) fn new(args: Args) -> Self {
        Self {
            args,
            machine: Machine::this(),
            versions: machine::versions(),
            measured: Vec::new(),
            failures: Vec::new(),
            skipped: Vec::new(),
            loads: Vec::new(),
        }
    }

    /// Takes in one process's samples.
    pub(crate) fn add(&mut self, cell: Cell, samples: Vec<Sample>) {
        match self.measured.iter_mut().find(|known| known.cell == cell) {
            Some(known) => known.rounds.push(samples),
            None => self.measured.push(Measured { cell, rounds: vec![samples] }),
        }
    }

    pub(crate) fn fail(&mut self, cell: Cell, round: usize, reason: String) {
        self.failures.push(Failure { cell, round, reason });
    }

    pub(crate) fn has_failed(&self, cell: Cell) -> bool {
        self.failures.iter().any(|failure| failure.cell == cell)
    }

    pub(crate) fn skip(&mut self, what: &'static str, reason: &str) {
        self.skipped.push((what, reason.to_owned()));
    }

    /// Whether the peer has answered the row, or tried to.
    pub(crate) fn knows(&self, peer: &str, row: Row) -> bool {
        let tried = self.failures.iter().map(|failure| failure.cell);
        let mut cells = tried.chain(self.measured.iter().map(|measured| measured.cell));
        cells.any(|cell| cell.curve.is_none() && cell.peer == peer && cell.row == row)
    }

    /// The measured cell where the peer meets the line.
    pub(crate) fn at(&self, peer: &str, line: Line) -> Option<&Measured> {
        self.measured.iter().find(|known| known.cell.is_at(peer, line))
    }

    /// Whether the peer failed on the line, in whichever round.
    pub(crate) fn failed_at(&self, peer: &str, line: Line) -> bool {
        self.failures.iter().any(|failure| failure.cell.is_at(peer, line))
    }

    /// Whether the peer ran fewer tasks than the row asks for.
    pub(crate) fn is_smaller(&self, cell: &Cell) -> bool {
        cell.curve.is_none() && cell.row.is_memory() && cell.size < self.args.size(cell.row)
    }

    /// The highest load that any process found.
    pub(crate) fn highest_load(&self) -> f64 {
        self.loads.iter().copied().fold(0.0, f64::max)
    }

    /// The highest load that all this can make by itself: everybody's workers, `wrk` beside them, and one more.
    pub(crate) fn own_load(&self) -> f64 {
        let cells = || self.measured.iter().map(|measured| measured.cell);
        let workers = cells().map(|cell| cell.procs).fold(self.machine.cores, usize::max);
        let wrk = if cells().any(|cell| cell.row.is_http()) { net::WRK_THREADS } else { 0 };
        (workers + wrk + 1) as f64
    }

    /// Go's figure for the line.
    pub(crate) fn go(&self, line: Line) -> Option<f64> {
        self.figure_or_stand_in(GO, line).map(|(_, figure)| figure)
    }

    /// The best Rust runtime other than `rt` that could do all of the line, and its figure.
    pub(crate) fn best(&self, line: Line) -> Option<(&'static str, f64)> {
        let rivals = self.args.peers.iter().filter(|peer| ![GO, RT, RAYON].contains(peer));
        rivals
            .filter_map(|&peer| self.figure_or_stand_in(peer, line))
            .filter(|(measured, _)| !self.is_smaller(&measured.cell))
            .map(|(measured, figure)| (measured.cell.peer, figure))
            .min_by(|a, b| match line.row.spec().metrics[line.metric].better {
                Better::Lower => a.1.total_cmp(&b.1),
                Better::Higher => b.1.total_cmp(&a.1),
            })
    }

    /// How many times the best Rust peer `rt` takes.
    pub(crate) fn rt_to_best(&self, line: Line) -> Option<f64> {
        Some(self.figure_or_stand_in(RT, line)?.1 / self.best(line)?.1)
    }

    /// The figure, or that of the row that stands in for it.
    fn figure_or_stand_in(&self, peer: &str, line: Line) -> Option<(&Measured, f64)> {
        let figure = |line| {
            let measured = self.at(peer, line)?;
            Some((measured, measured.figure(line.metric)?))
        };
        figure(line).or_else(|| figure(Line { row: line.row.spec().stand_in?, ..line }))
    }

    /// Everything, every sample included.
    pub(crate) fn json(&self) -> Value {
        json!({
            "date": machine::date(),
            "machine": self.machine.json(),
            "loads": self.loads,
            "versions": machine::versions_json(&self.versions),
            "settings": {
                "rounds": self.args.rounds,
                "repeats": self.args.repeats,
                "parked": self.args.parked,
                "park": self.args.park.name(),
            },
            "results": self.measured.iter().map(Measured::json).collect::<Vec<_>>(),
            "failures": self.failures.iter().map(Failure::json).collect::<Vec<_>>(),
            "skipped": self
                .skipped
                .iter()
                .map(|(what, reason)| json!({ "what": what, "reason": reason }))
                .collect::<Vec<_>>(),
        })
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        (self.peer, self.row, self.procs, self.size, self.curve_name())
            == (other.peer, other.row, other.procs, other.size, other.curve_name())
    }
}

impl Cell {
    fn is_at(&self, peer: &str, line: Line) -> bool {
        let is_line = self.row == line.row && self.procs == line.procs;
        self.curve.is_none() && self.peer == peer && is_line
    }

    pub(crate) fn curve_name(&self) -> Option<&'static str> {
        self.curve.map(|curve| curve.name)
    }
}

impl Measured {
    /// The median over processes of each process's median; the worst of all where that is asked.
    pub(crate) fn figure(&self, metric: usize) -> Option<f64> {
        if self.cell.row.spec().metrics.get(metric)?.worst {
            let all = self.rounds.iter().flatten().filter_map(|sample| sample.get(metric).copied());
            return all.max_by(f64::total_cmp);
        }
        let of_round = |samples: &Vec<Sample>| {
            median(
                &samples
                    .iter()
                    .filter_map(|sample| sample.get(metric).copied())
                    .collect::<Vec<_>>(),
            )
        };
        median(&self.rounds.iter().filter_map(of_round).collect::<Vec<_>>())
    }

    fn json(&self) -> Value {
        let spec = self.cell.row.spec();
        let metrics: Vec<Value> = (spec.metrics.iter().enumerate())
            .map(|(index, metric)| {
                json!({ "name": metric.name, "unit": metric.unit, "median": self.figure(index) })
            })
            .collect();
        json!({
            "row": spec.name,
            "peer": self.cell.peer,
            "procs": self.cell.procs,
            "size": self.cell.size,
            "curve": self.cell.curve_name(),
            "x": self.cell.curve.map(|curve| curve.place(self.cell.size, self.cell.procs)),
            "metrics": metrics,
            "rounds": self.rounds,
        })
    }
}

impl Failure {
    fn json(&self) -> Value {
        json!({
            "row": self.cell.row.spec().name,
            "peer": self.cell.peer,
            "procs": self.cell.procs,
            "size": self.cell.size,
            "curve": self.cell.curve_name(),
            "round": self.round + 1,
            "reason": self.reason,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::args::{Request, parse};

    /// Results of a call with these options.
    pub(crate) fn results(options: &str) -> Results {
        match parse(options.split_whitespace().map(str::to_owned)) {
            Ok(Request::Compare(args)) => Results::new(args),
            other => panic!("{other:?}"),
        }
    }

    /// A cell with one worker.
    pub(crate) fn cell(peer: &'static str, row: Row, size: usize) -> Cell {
        Cell { peer, row, procs: 1, size, curve: None }
    }

    const LINE: Line = Line { row: Row::SpawnBatch, procs: 1, metric: 0 };

    #[test]
    fn the_figure_is_the_median_of_medians() {
        let mut results = results("--peers go");
        let cell = cell(GO, Row::SpawnBatch, 10_000);
        results.add(cell, vec![vec![1.0], vec![2.0], vec![9.0]]);
        results.add(cell, vec![vec![4.0]]);
        results.add(cell, vec![vec![50.0]]);
        assert_eq!(results.go(LINE), Some(4.0));
        assert_eq!(results.go(Line { procs: 2, ..LINE }), None);
    }

    #[test]
    fn a_variant_is_held_against_the_row_it_varies() {
        let mut results = results("--peers go,tokio");
        results.add(cell(GO, Row::SpawnBatch, 10_000), vec![vec![4.0]]);
        results.add(cell("tokio", Row::SpawnBatch, 10_000), vec![vec![3.0]]);
        let variant = Line { row: Row::SpawnBatchWg, ..LINE };
        assert_eq!(results.go(variant), Some(4.0));
        assert_eq!(results.best(variant), Some(("tokio", 3.0)));
    }

    #[test]
    fn the_best_did_the_whole_row() {
        let mut results = results("--peers tokio,may --parked 1000");
        results.add(cell("may", Row::ManyParked, 10), vec![vec![1.0]]);
        results.add(cell("tokio", Row::ManyParked, 1000), vec![vec![2.0]]);
        let line = Line { row: Row::ManyParked, ..LINE };
        assert_eq!(results.best(line), Some(("tokio", 2.0)));
    }

    #[test]
    fn more_requests_are_better_and_less_latency_is() {
        let mut results = results("--peers tokio,may");
        results.add(cell("may", Row::HttpRaw, 64), vec![vec![100.0, 9.0, 5.0]]);
        results.add(cell("tokio", Row::HttpRaw, 64), vec![vec![200.0, 10.0, 4.0]]);
        let line = Line { row: Row::HttpRaw, ..LINE };
        assert_eq!(results.best(line), Some(("tokio", 200.0)));
        assert_eq!(results.best(Line { metric: 1, ..line }), Some(("may", 9.0)));
    }

    #[test]
    fn the_longest_stall_is_that_of_all_rounds() {
        let mut results = results("--peers go");
        let cell = cell(GO, Row::Stall, 60);
        for longest in [3.0, 70.0, 5.0] {
            results.add(cell, vec![vec![longest, longest]]);
        }
        let line = Line { row: Row::Stall, ..LINE };
        assert_eq!(results.go(line), Some(70.0));
        assert_eq!(results.go(Line { metric: 1, ..line }), Some(5.0));
    }

    #[test]
    fn the_load_of_wrk_and_of_many_workers_is_our_own() {
        let mut results = results("--peers go");
        let cores = results.machine.cores as f64;
        assert_eq!(results.own_load(), cores + 1.0);
        results.add(cell(GO, Row::HttpRaw, 64), vec![]);
        assert_eq!(results.own_load(), cores + 3.0);
        results.add(Cell { procs: 800, ..cell(GO, Row::Mpmc, 64) }, vec![]);
        assert_eq!(results.own_load(), 803.0);
    }

    #[test]
    fn failures_are_kept_with_their_reason() {
        let mut results = results("--peers may");
        let cell = cell("may", Row::Skynet, 1);
        assert!(!results.has_failed(cell));
        results.fail(cell, 0, "no mappings left".to_owned());
        assert!(results.has_failed(cell));
        assert_eq!(results.json()["failures"][0]["reason"], "no mappings left");
    }
}
