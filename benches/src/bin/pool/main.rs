//! Pools side by side: `rt`'s, ants (Go), goroutines without a pool, and pools of threads.
//!
//! ```text
//! cargo run --release -p benches --bin pool [-- [--rounds N] [--rows sleep,short,short8,cpu] [--procs N]]
//! ```
//!
//! One process for each peer, row and round; rounds are interleaved. A figure is the median over the rounds. What is
//! measured, and how ants is found: `benches/README.md`.

mod ants;
mod measure;

use measure::{Figures, PEERS, ROWS, Row};
use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["child", peer, row, procs] => measure::child(peer, row, procs),
        _ => Args::parse(&words).and_then(|args| compare(&args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pool: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Args {
    rounds: usize,
    procs: usize,
    rows: Vec<&'static Row>,
}

impl Args {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut args = Self { rounds: 5, procs: 2, rows: ROWS.iter().collect() };
        for pair in words.chunks(2) {
            let &[option, value] = pair else {
                return Err(format!("{}: a value is missing", pair[0]));
            };
            let number = || value.parse().map_err(|_| format!("{option} {value}: not a number"));
            match option {
                "--rounds" => args.rounds = number()?,
                "--procs" => args.procs = number()?,
                "--rows" => {
                    let rows = value.split(',').map(Row::named);
                    args.rows = rows.collect::<Result<_, _>>()?;
                }
                _ => return Err(format!("{option}: there are --rounds, --procs and --rows")),
            }
        }
        Ok(args)
    }
}

/// What one peer made of one row.
struct Cell {
    row: &'static Row,
    peer: &'static str,
    figures: Vec<Figures>,
}

fn compare(args: &Args) -> Result<(), String> {
    let go = ants::build();
    if let Err(reason) = &go {
        eprintln!("ants and Go are missing: {reason}");
    }
    let mut cells = Vec::new();
    for row in &args.rows {
        for peer in PEERS.iter().filter(|peer| peer.rows.contains(&row.name)) {
            if go.is_ok() || !peer.is_go {
                cells.push(Cell { row, peer: peer.name, figures: Vec::new() });
            }
        }
    }
    let own = env::current_exe().map_err(|error| error.to_string())?;
    for round in 0..args.rounds {
        for cell in &mut cells {
            let mut command = match &go {
                Ok(go) if PEERS.iter().any(|peer| peer.name == cell.peer && peer.is_go) => {
                    let mut command = Command::new(go);
                    let (tasks, capacity) = (cell.row.tasks, cell.row.capacity(args.procs));
                    command
                        .args([cell.peer, cell.row.name])
                        .args([tasks, capacity].map(|n| n.to_string()));
                    command
                }
                _ => {
                    let mut command = Command::new(&own);
                    command.args(["child", cell.peer, cell.row.name, &args.procs.to_string()]);
                    command
                }
            };
            command.env("GOMAXPROCS", args.procs.to_string());
            let figures = measure::run(&mut command)?;
            eprintln!("round {} {} {}: {figures}", round + 1, cell.row.name, cell.peer);
            cell.figures.push(figures);
        }
    }
    table(&cells, args.procs);
    Ok(())
}

fn table(cells: &[Cell], procs: usize) {
    println!("| {procs} processors | peer | time, ms | a task, ns | peak memory, MiB |");
    println!("|---|---|---|---|---|");
    for cell in cells {
        let figures = Figures::median(&cell.figures);
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.0} |",
            cell.row.title,
            cell.peer,
            figures.nanos / 1e6,
            figures.nanos / cell.row.tasks as f64,
            figures.kib / 1024.0
        );
    }
}
