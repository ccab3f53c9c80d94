//! The results as a Markdown table.

use std::fmt::Write as _;

use benches::row::{Group, Row};
use benches::sample::median;

use crate::args::GO;
use crate::results::{Failure, Line, Results};

/// A cell without a figure.
pub(crate) const NOTHING: &str = "–";

/// The machine, a table for each group of rows, and what has to be said about them.
pub(crate) fn markdown(results: &Results, curves: &str) -> String {
    let mut text = head(results);
    text.extend(Group::ALL.iter().filter_map(|&group| table(results, group)));
    text + curves + &foot(results)
}

fn head(results: &Results) -> String {
    let (args, machine) = (&results.args, &results.machine);
    let versions: Vec<String> =
        results.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "{}, {} cores, {} GiB, Linux {}; {}.\n\n\
         Medians; rounds: {}, repeats in each: {} (where the first time counts: 1). \
         In brackets: times Go. Lower is better, but for rates.\n\n",
        machine.cpu,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        versions.join(", "),
        args.rounds,
        args.repeats,
    )
}

/// A table of the group's rows and of the peers that have any of them.
fn table(results: &Results, group: Group) -> Option<String> {
    let args = &results.args;
    let rows: Vec<Row> = args.rows.iter().copied().filter(|row| row.group() == group).collect();
    let has_any = |peer: &&str| rows.iter().any(|&row| results.knows(peer, row));
    let peers: Vec<&str> = args.peers.iter().copied().filter(has_any).collect();
    if peers.is_empty() {
        return None;
    }
    let mut text = format!("| row | p | {} | best Rust peer | rt / best |\n", peers.join(" | "));
    let _ = writeln!(text, "|---|---|{}---|---|", "---|".repeat(peers.len()));
    for row in rows {
        for metric in 0..row.spec().metrics.len() {
            for &procs in &args.procs {
                text.extend(table_line(results, &peers, Line { row, procs, metric }));
            }
        }
    }
    text.push('\n');
    Some(text)
}

/// A line of the table, unless no peer has anything to say on it.
fn table_line(results: &Results, peers: &[&str], line: Line) -> Option<String> {
    let cells: Vec<String> = peers.iter().map(|&peer| shown(results, peer, line)).collect();
    if cells.iter().all(|cell| cell == NOTHING) {
        return None;
    }
    let spec = line.row.spec();
    let metric = spec.metrics[line.metric];
    let label = if spec.metrics.len() == 1 { String::new() } else { format!(": {}", metric.name) };
    Some(format!(
        "| {}{label} ({}) | {} | {} | {} | {} |\n",
        spec.title,
        metric.unit,
        line.procs,
        cells.join(" | "),
        results.best(line).map_or(NOTHING, |(peer, _)| peer),
        results.rt_to_best(line).map_or(NOTHING.to_owned(), times),
    ))
}

/// What the table shows of one cell: the figure, its flags, its ratio to Go.
fn shown(results: &Results, peer: &str, line: Line) -> String {
    let failed = results.failed_at(peer, line);
    let measured = results.at(peer, line);
    let Some(figure) = measured.and_then(|measured| measured.figure(line.metric)) else {
        return if failed { "failed" } else { NOTHING }.to_owned();
    };
    let mut text = number(figure);
    if measured.is_some_and(|measured| results.is_smaller(&measured.cell)) {
        text.push('*');
    }
    if failed {
        text.push('†');
    }
    if let Some(go) = results.go(line).filter(|_| peer != GO) {
        let _ = write!(text, " ({})", times(figure / go));
    }
    text
}

fn foot(results: &Results) -> String {
    let mut text = format!("- {NOTHING}: the peer has no such form.\n");
    let load = results.highest_load();
    let _ = writeln!(text, "- highest load before a process: {load:.2}");
    if load > results.own_load() {
        let _ =
            writeln!(text, "- **others were using the machine: these figures are no evidence**");
    }
    text.push_str("- not here: ants, which is a pool: `--bin pool` compares pools\n");
    for &peer in &results.args.peers {
        let cells = results.measured.iter().map(|measured| measured.cell);
        let smaller = cells.filter(|cell| cell.peer == peer).find(|cell| results.is_smaller(cell));
        if let Some(cell) = smaller {
            let _ =
                writeln!(text, "- \\*: {peer} ran {} tasks; it cannot have a million.", cell.size);
        }
    }
    for row in &results.args.rows {
        let (spec, asked) = (row.spec(), results.args.size(*row));
        if asked != spec.size {
            let _ = writeln!(text, "- {}: {asked} were asked for, not {}", spec.name, spec.size);
        }
    }
    for (what, reason) in &results.skipped {
        let _ = writeln!(text, "- skipped: {what}: {reason}");
    }
    for Failure { cell, round, reason } in &results.failures {
        let (row, peer, procs, round) = (cell.row.spec().name, cell.peer, cell.procs, round + 1);
        let flag = if round > 1 { " (†: the rounds before it count)" } else { "" };
        let of = cell.curve.map_or(String::new(), |_| format!(" of {}", cell.size));
        let _ =
            writeln!(text, "- failed: {row}{of}, {peer}, p{procs}, round {round}{flag}: {reason}");
    }
    text
}

/// Three digits, or all before the point; counts as they are.
pub(crate) fn number(value: f64) -> String {
    let digits = match value {
        value if value >= 99.5 || value.fract() == 0.0 => 0,
        value if value >= 9.95 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

pub(crate) fn times(ratio: f64) -> String {
    format!("{ratio:.2}x")
}

/// The first metric's median of one process's samples: what the progress shows.
pub(crate) fn progress(samples: &[Vec<f64>]) -> String {
    let firsts: Vec<f64> = samples.iter().filter_map(|sample| sample.first().copied()).collect();
    median(&firsts).map_or_else(|| NOTHING.to_owned(), number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{cell, results};

    #[test]
    fn everyone_is_held_against_go() {
        let mut results = results("--rows spawn_batch --peers go,tokio,may --procs 1");
        results.add(cell("go", Row::SpawnBatch, 1), vec![vec![400.0]]);
        results.add(cell("tokio", Row::SpawnBatch, 1), vec![vec![100.0]]);
        results.fail(cell("may", Row::SpawnBatch, 1), 0, "no mappings left".to_owned());
        let text = markdown(&results, "");
        assert!(text.contains("| 1 | 400 | 100 (0.25x) | failed | tokio | – |"), "{text}");
        assert!(text.contains("may, p1, round 1: no mappings left"), "{text}");
    }

    #[test]
    fn a_group_has_a_table_of_the_peers_that_know_it() {
        let mut results = results("--rows yield,spsc --peers go,tokio,may --procs 1");
        results.add(cell("go", Row::Yield, 1), vec![vec![10.0]]);
        results.add(cell("go", Row::Spsc, 1), vec![vec![50.0]]);
        results.add(cell("tokio", Row::Yield, 1), vec![vec![20.0]]);
        results.fail(cell("may", Row::Spsc, 1), 0, "no".to_owned());
        let text = markdown(&results, "");
        assert!(text.contains("| row | p | go | tokio | best"), "{text}");
        assert!(text.contains("| row | p | go | may | best"), "{text}");
    }

    #[test]
    fn fewer_tasks_are_flagged() {
        let mut results = results("--rows many_parked --peers may --procs 1");
        results.add(cell("may", Row::ManyParked, 20_000), vec![vec![8_000.0]]);
        let text = markdown(&results, "");
        assert!(text.contains("8000*"), "{text}");
        assert!(text.contains("may ran 20000 tasks"), "{text}");
    }

    #[test]
    fn another_size_is_named() {
        let mut results = results("--rows ticker,sleepers --size ticker=5 --peers go --procs 1");
        results.add(cell("go", Row::Ticker, 5), vec![vec![1.0, 2.0, 3.0]]);
        let text = markdown(&results, "");
        assert!(text.contains("ticker: 5 were asked for, not 2000"), "{text}");
        assert!(!text.contains("sleepers: "), "{text}");
    }

    #[test]
    fn a_busy_machine_is_no_evidence() {
        let mut results = results("--peers go");
        assert!(!markdown(&results, "").contains("no evidence"));
        results.loads.push(results.machine.cores as f64 + 20.0);
        assert!(markdown(&results, "").contains("no evidence"));
    }

    #[test]
    fn a_peer_that_is_skipped_is_named() {
        let mut results = results("--peers go");
        results.skip("go", "not installed");
        assert!(markdown(&results, "").contains("skipped: go: not installed"));
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [1.234, 12.34, 123.4, 1234.4, 38.0].map(number);
        assert_eq!(shown, ["1.23", "12.3", "123", "1234", "38"]);
    }
}
