//! The cost curves: a row, asked again and again with another size or another number of workers.
//!
//! A curve's cells are ordinary ones that name the curve they belong to. All of them run with the
//! first of `--procs`, but for those of the curve over the number of workers.

use benches::peers::PEERS;
use benches::row::{Better, Row};
use benches::sleepers;

use crate::args::{Args, GO};
use crate::plan;
use crate::results::Cell;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// The rows' size.
    Size,
    /// The number of workers.
    Procs,
}

/// One drawing: what is varied, and what is looked at.
#[derive(Debug)]
pub(crate) struct Curve {
    /// Its name on the command line, in the JSON and of the picture.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the horizontal axis counts.
    pub(crate) of: &'static str,
    axis: Axis,
    points: &'static [usize],
    pub(crate) panels: &'static [Panel],
}

/// One metric of one row, over the curve's points.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) row: Row,
    pub(crate) metric: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    /// Less what no runtime could do without.
    above_floor: bool,
}

const fn panel(row: Row, metric: &'static str, title: &'static str, unit: &'static str) -> Panel {
    Panel { row, metric, title, unit, above_floor: false }
}

const K: usize = 1000;
const M: usize = 1_000_000;

/// The curves, in the order of the tables.
pub(crate) const CURVES: &[Curve] = &[
    Curve {
        name: "spawn",
        title: "Spawn a batch of empty tasks, wait for all",
        of: "tasks in the batch",
        axis: Axis::Size,
        points: &[K, 10 * K, 100 * K, M, 10 * M],
        panels: &[panel(Row::SpawnBatch, "time", "time for each task", "ns")],
    },
    Curve {
        name: "parked",
        title: "Tasks that are parked",
        of: "parked tasks",
        axis: Axis::Size,
        points: &[K, 10 * K, 100 * K, M],
        panels: &[
            panel(Row::ManyParked, "memory", "memory for each", "B"),
            panel(Row::ManyParked, "spawn", "spawn for each, until it parks", "ns"),
        ],
    },
    Curve {
        name: "channels",
        title: "Producers and as many consumers on one channel of 128 slots",
        of: "producers",
        axis: Axis::Size,
        points: &[1, 2, 4, 16, 64, 500],
        panels: &[panel(Row::Contention, "time", "time for each item", "ns")],
    },
    Curve {
        name: "procs",
        title: "The same work on more workers",
        of: "workers",
        axis: Axis::Procs,
        points: &[1, 2, 4, 8],
        panels: &[
            panel(Row::SpawnBatch, "time", "spawn 10,000, for each", "ns"),
            panel(Row::PingPong, "time", "ping-pong, round trip", "ns"),
            panel(Row::Mpmc, "time", "MPMC 4:4, for each item", "ns"),
        ],
    },
    Curve {
        name: "connections",
        title: "HTTP over many connections",
        of: "connections",
        axis: Axis::Size,
        points: &[10, 64, 512, 2 * K, 10 * K],
        panels: &[
            panel(Row::HttpRaw, "rate", "requests per second", "/s"),
            panel(Row::HttpRaw, "CPU", "the server's CPU for a request", "us"),
        ],
    },
    Curve {
        name: "timers",
        title: "Tasks that sleep for up to a second",
        of: "sleeping tasks",
        axis: Axis::Size,
        points: &[K, 10 * K, 100 * K, M],
        panels: &[
            Panel {
                above_floor: true,
                ..panel(Row::Sleepers, "wall", "end, after the last is due", "ms")
            },
            panel(Row::Sleepers, "CPU", "CPU for each", "us"),
        ],
    },
];

/// Sizes beyond which a peer would take minutes: no points there.
const LIMITS: &[(&str, Row, usize)] = &[("may", Row::SpawnBatch, 100 * K)];

/// Peers whose tasks are threads, or cannot wait: no lines of theirs unless they are named.
pub(crate) const NO_CURVES: &[&str] = &["crossbeam", "flume", "std", "rayon"];

impl Curve {
    /// Finds curves by a name, `all` among them.
    pub(crate) fn all_named(name: &str) -> Option<Vec<&'static Curve>> {
        let found: Vec<_> =
            CURVES.iter().filter(|curve| name == "all" || curve.name == name).collect();
        (!found.is_empty()).then_some(found)
    }

    /// The rows that are asked, each once.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.panels.iter().map(|panel| panel.row).collect();
        rows.dedup();
        rows
    }

    /// Whether any of it is a row of connections.
    pub(crate) fn is_net(&self) -> bool {
        self.panels.iter().any(|panel| panel.row.is_net())
    }

    /// The place on the horizontal axis.
    pub(crate) const fn place(&self, size: usize, procs: usize) -> usize {
        match self.axis {
            Axis::Size => size,
            Axis::Procs => procs,
        }
    }

    /// All cells: rows, then points, then peers.
    pub(crate) fn cells(&'static self, args: &Args, peers: &[&'static str]) -> Vec<Cell> {
        let mut cells = Vec::new();
        let points = || self.points.iter().copied().filter(|&x| x <= args.most);
        for row in self.rows() {
            for x in points() {
                for &peer in peers {
                    let (size, procs) = match self.axis {
                        Axis::Size => (can(peer, row, x).then_some(x), args.procs[0]),
                        Axis::Procs => (plan::size(args, peer, row), x),
                    };
                    let cell = |size| Cell { peer, row, procs, size, curve: Some(self) };
                    cells.extend(size.map(cell));
                }
            }
        }
        cells
    }
}

/// Whether the peer has the row at that size.
fn can(peer: &str, row: Row, size: usize) -> bool {
    let limited = LIMITS.iter().any(|&(name, of, most)| name == peer && of == row && size > most);
    let known = PEERS.iter().find(|known| known.name == peer);
    !limited && (peer == GO || known.is_some_and(|known| known.size(row, size) == Some(size)))
}

impl Panel {
    /// Whether more is better.
    pub(crate) fn is_rate(&self) -> bool {
        let metrics = self.row.spec().metrics.iter();
        metrics.filter(|metric| metric.name == self.metric).any(|it| it.better == Better::Higher)
    }

    /// What is drawn of a metric's figure at that place.
    pub(crate) fn shown(&self, figure: f64, x: usize) -> f64 {
        if self.above_floor { figure - sleepers::floor(x).as_secs_f64() * 1e3 } else { figure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::parsed;
    use benches::row::{CROWD_ITEMS, Metric};

    #[test]
    fn panels_look_at_metrics_that_there_are() {
        for panel in CURVES.iter().flat_map(|curve| curve.panels) {
            let has = |metric: &Metric| metric.name == panel.metric;
            assert!(panel.row.spec().metrics.iter().any(has), "{panel:?}");
        }
    }

    #[test]
    fn items_are_shared_out_at_every_point() {
        let curve = &Curve::all_named("channels").expect("a curve")[0];
        assert!(curve.points.iter().all(|&pairs| CROWD_ITEMS.is_multiple_of(pairs)));
    }

    #[test]
    fn a_peer_has_points_up_to_its_limit() {
        let args = parsed("--curves parked,spawn --most 100000 --procs 2,1").expect("args");
        let sizes = |curve: &'static Curve, peer: &str| -> Vec<usize> {
            let cells = curve.cells(&args, &["rt", "may"]).into_iter();
            cells.filter(|cell| cell.peer == peer).map(|cell| cell.size).collect()
        };
        assert_eq!(sizes(args.curves[0], "rt"), [K, 10 * K, 100 * K]);
        assert_eq!(sizes(args.curves[0], "may"), [K, 10 * K]);
        assert_eq!(sizes(args.curves[1], "may"), [K, 10 * K, 100 * K]);
    }

    #[test]
    fn workers_are_varied_or_the_size_is() {
        let args = parsed("--curves procs --procs 2").expect("args");
        let cells = args.curves[0].cells(&args, &["go"]);
        assert!(cells.iter().all(|cell| cell.size == cell.row.spec().size));
        let x: Vec<usize> =
            cells.iter().map(|cell| args.curves[0].place(cell.size, cell.procs)).collect();
        assert_eq!(x, [1, 2, 4, 8].repeat(3));
    }
}
