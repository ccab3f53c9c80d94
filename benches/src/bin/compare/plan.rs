//! Which process runs when.

use benches::child::Job;
use benches::memory;
use benches::peers::PEERS;
use benches::row::Row;
use benches::sample::median;

use crate::args::{Args, GO};
use crate::process::Launcher;
use crate::report::{Cell, Report};

/// Runs every cell once per round, odd rounds backwards. A cell that failed is not run again.
pub(crate) fn run(args: &Args, peers: &[&'static str], launcher: &Launcher, report: &mut Report) {
    let mut cells = cells(args, peers);
    let total = cells.len() * args.rounds;
    let mut count = 0;
    for round in 0..args.rounds {
        for cell in &cells {
            count += 1;
            let name = format!("{} {} p{}", cell.row.spec().name, cell.peer, cell.procs);
            eprint!("[{count}/{total}] round {} {name}: ", round + 1);
            if report.has_failed(*cell) {
                eprintln!("failed before");
                continue;
            }
            if cell.row.is_memory() {
                memory::warm(cell.size);
            }
            match launcher.run(cell.peer, &job(args, *cell)) {
                Ok(samples) => {
                    let firsts: Vec<f64> =
                        samples.iter().filter_map(|s| s.first().copied()).collect();
                    let metric = cell.row.spec().metrics[0];
                    eprintln!("{:.1} {}", median(&firsts).unwrap_or(f64::NAN), metric.unit);
                    report.add(*cell, samples);
                }
                Err(reason) => {
                    eprintln!("FAILED: {reason}");
                    report.fail(*cell, round, reason);
                }
            }
        }
        cells.reverse();
    }
}

/// Every cell of the table: rows, then numbers of workers, then peers.
fn cells(args: &Args, peers: &[&'static str]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &row in &args.rows {
        for &procs in &args.procs {
            for &peer in peers {
                if let Some(size) = size(args, peer, row) {
                    cells.push(Cell {
                        peer,
                        row,
                        procs,
                        size,
                    });
                }
            }
        }
    }
    cells
}

/// The row's size on this peer, if the peer has the row at all.
fn size(args: &Args, peer: &str, row: Row) -> Option<usize> {
    let size = if row.is_memory() {
        args.parked
    } else {
        row.spec().size
    };
    if peer == GO {
        return row.spec().stand_in.is_none().then_some(size);
    }
    let peer = PEERS.iter().find(|known| known.name == peer)?;
    let limit = peer
        .parked_limit
        .filter(|_| row.is_memory())
        .unwrap_or(usize::MAX);
    peer.rows.contains(&row).then_some(size.min(limit))
}

fn job(args: &Args, cell: Cell) -> Job {
    let once = cell.row.spec().once;
    Job {
        row: cell.row,
        procs: cell.procs,
        warm_ups: usize::from(!once),
        repeats: if once { 1 } else { args.repeats },
        size: cell.size,
        park: args.park,
    }
}
