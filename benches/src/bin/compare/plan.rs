//! Which process runs when.

use benches::child::Job;
use benches::memory;
use benches::peers::PEERS;
use benches::row::Row;

use crate::args::{Args, GO};
use crate::curve::NO_CURVES;
use crate::machine;
use crate::process::Launcher;
use crate::results::{Cell, Results};
use crate::table;

/// Runs every cell once per round, odd rounds backwards. A cell that failed is not run again.
pub(crate) fn run(peers: &[&'static str], launcher: &Launcher, results: &mut Results) {
    let mut cells = cells(&results.args, peers);
    let has_curves = |peer: &&str| results.args.peers_named || !NO_CURVES.contains(peer);
    let on_curves: Vec<_> = peers.iter().copied().filter(has_curves).collect();
    for curve in &results.args.curves {
        cells.extend(curve.cells(&results.args, &on_curves));
    }
    let rounds = results.args.rounds;
    let total = cells.len() * rounds;
    let mut count = 0;
    for round in 0..rounds {
        for &cell in &cells {
            count += 1;
            let (row, peer, procs) = (cell.row.spec(), cell.peer, cell.procs);
            let size = cell.curve.map_or(String::new(), |_| format!(" of {}", cell.size));
            eprint!("[{count}/{total}] round {} {}{size} {peer} p{procs}: ", round + 1, row.name);
            if results.has_failed(cell) {
                eprintln!("failed before");
                continue;
            }
            if cell.row.is_memory() {
                memory::warm(cell.size);
            }
            results.loads.push(machine::load());
            match launcher.run(peer, &job(&results.args, cell)) {
                Ok(samples) => {
                    eprintln!("{} {}", table::progress(&samples), row.metrics[0].unit);
                    results.add(cell, samples);
                }
                Err(reason) => {
                    eprintln!("FAILED: {reason}");
                    results.fail(cell, round, reason);
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
                    cells.push(Cell { peer, row, procs, size, curve: None });
                }
            }
        }
    }
    cells
}

/// The row's size on this peer, if the peer has the row at all.
pub(crate) fn size(args: &Args, peer: &str, row: Row) -> Option<usize> {
    let size = args.size(row);
    if peer == GO {
        return row.spec().stand_in.is_none().then_some(size);
    }
    PEERS.iter().find(|known| known.name == peer)?.size(row, size)
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
