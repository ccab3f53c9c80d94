//! `Map` beside its peers: how long the longest insert takes, and what that costs otherwise.

mod fresh;
mod memory;
mod peers;
mod rows;

use std::{fs, io};

use benches::chart::{Head, Line, Lines, Panel, Scale, short};
use peers::{Griddle, Hashbrown, Peer, Rt, Std};

/// What other work on the machine has disturbed least.
fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn four(rounds: usize, row: [fn(u64) -> f64; 4], keys: u64) -> [f64; 4] {
    let mut all = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        for (values, row) in all.iter_mut().zip(row) {
            values.push(row(keys));
        }
    }
    all.map(|values| least(&values))
}

fn show(title: &str, keys: u64, [map, brown, griddle, std]: [f64; 4]) {
    println!(
        "{title:<10}{keys:>10}  {map:8.2} {brown:8.2} {griddle:8.2} {std:8.2}   {:5.2}x hashbrown {:5.2}x std",
        brown / map,
        std / map,
    );
}

fn latency<P: Peer>(keys: u64, runs: usize) {
    let state = P::State::default();
    let all: Vec<_> = (0..runs).map(|_| rows::latency::<P>(keys, &state)).collect();
    let least = |of: &dyn Fn(&rows::Latencies) -> f64| {
        all.iter().map(of).fold(f64::INFINITY, f64::min) / 1000.0
    };
    println!(
        "{:<12} the least of {runs} runs: worst {:10.1} us   p99.99 {:8.2} us   p99.9 {:8.2} p99 {:8.2} p50 {:.3}",
        P::NAME,
        least(&|run| run.worst()),
        least(&|run| run.quantile(0.9999)),
        least(&|run| run.quantile(0.999)),
        least(&|run| run.quantile(0.99)),
        least(&|run| run.quantile(0.5)),
    );
    let own = rows::Latencies::least(&all);
    println!(
        "{:<12} each insert's least:  worst {:10.1} us   p99.99 {:8.2} us   p99.9 {:8.2} p99 {:8.2} p50 {:.3}",
        "",
        own.worst() / 1000.0,
        own.quantile(0.9999) / 1000.0,
        own.quantile(0.999) / 1000.0,
        own.quantile(0.99) / 1000.0,
        own.quantile(0.5) / 1000.0,
    );
}

/// The slowest insert of each of 400 stretches of time, in microseconds; each insert as fast as in the best
/// of some runs.
fn stretches<P: Peer>(keys: u64) -> Line {
    let state = P::State::default();
    let runs: Vec<_> = (0..4).map(|_| rows::latency::<P>(keys, &state)).collect();
    let run = rows::Latencies::least(&runs);
    let each = run.each.chunks(run.each.len().div_ceil(400));
    let worst = each.map(|part| f64::from(part.iter().copied().max().unwrap_or(0)) / 1000.0);
    let points = worst.enumerate().map(|(n, worst)| (n as f64 / 400.0, worst)).collect();
    Line { name: P::NAME.to_owned(), points }
}

fn plots() -> io::Result<()> {
    for millions in [4, 16] {
        let keys = millions * 1_000_000;
        let ticks = (0..=4).map(|n| n as f64 / 4.0);
        let panel = Panel {
            title: "longest insert, us".to_owned(),
            of: "inserts".to_owned(),
            ticks: ticks.map(|at| (at, short(at * keys as f64))).collect(),
            scale: Scale::Log { low: 0.1, high: 1e6 },
            lines: vec![
                stretches::<Rt>(keys),
                stretches::<Hashbrown>(keys),
                stretches::<Griddle>(keys),
                stretches::<Std>(keys),
            ],
        };
        let title = "The slowest of each 1/400 of all inserts, each the least of four runs";
        draw(&format!("docs/map-insert-{millions}m.svg"), title, panel)?;
    }
    fn line<P: Peer>(sizes: &[u64]) -> Line {
        let last = (sizes.len() - 1) as f64;
        let rate = |keys: &u64| 1000.0 / rows::get::<P>(*keys, 2_000_000);
        let rates = sizes.iter().map(rate).enumerate();
        let points = rates.map(|(n, rate)| (n as f64 / last, rate)).collect();
        Line { name: P::NAME.to_owned(), points }
    }
    let sizes: Vec<u64> = (0..18).map(|n| 100 << n).chain([16_000_000]).collect();
    let last = (sizes.len() - 1) as f64;
    let ticks = sizes.iter().enumerate().step_by(3);
    let panel = Panel {
        title: "look-ups, M/s".to_owned(),
        of: "keys".to_owned(),
        ticks: ticks.map(|(n, keys)| (n as f64 / last, short(*keys as f64))).collect(),
        scale: Scale::Log { low: 1.0, high: 1000.0 },
        lines: vec![
            line::<Rt>(&sizes),
            line::<Hashbrown>(&sizes),
            line::<Griddle>(&sizes),
            line::<Std>(&sizes),
        ],
    };
    draw("docs/map-get.svg", "Look-ups of keys that are there, by the size of the map", panel)
}

fn draw(path: &str, title: &str, panel: Panel) -> io::Result<()> {
    let head = Head { title: title.to_owned(), subtitle: String::new(), notes: Vec::new() };
    fs::write(path, Lines { head, panels: vec![panel] }.svg())
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let row = args.first().map_or("all", String::as_str);
    let size = |default: &[u64]| match args.get(1) {
        Some(size) => vec![size.parse().expect("a size")],
        None => default.to_vec(),
    };
    if ["all", "latency"].contains(&row) {
        for keys in size(&[4_000_000]) {
            latency::<Rt>(keys, 8);
            latency::<Hashbrown>(keys, 8);
            latency::<Griddle>(keys, 8);
            latency::<Std>(keys, 8);
        }
    }
    if row == "plots" {
        plots().expect("docs/ is where this is run, and can be written to");
    }
    if ["all", "memory"].contains(&row) {
        for keys in size(&[4_000_000]) {
            for (name, (peak, end)) in [
                (Rt::NAME, rows::memory::<Rt>(keys)),
                (Hashbrown::NAME, rows::memory::<Hashbrown>(keys)),
                (Griddle::NAME, rows::memory::<Griddle>(keys)),
            ] {
                println!(
                    "{name:<12} peak {} MiB, end {} MiB, {:.2}x",
                    peak >> 20,
                    end >> 20,
                    peak as f64 / end as f64
                );
            }
        }
    }
    if ["all", "get"].contains(&row) {
        for keys in size(&[
            100,
            300,
            900,
            4000,
            16_000,
            65_536,
            131_072,
            262_144,
            524_288,
            1 << 20,
            2 << 20,
            4 << 20,
        ]) {
            fn g<P: Peer>(keys: u64) -> f64 {
                rows::get::<P>(keys, 4_000_000)
            }
            show("get", keys, four(5, [g::<Rt>, g::<Hashbrown>, g::<Griddle>, g::<Std>], keys));
        }
    }
    if ["all", "insert"].contains(&row) {
        for keys in size(&[100, 1000, 65_536, 1_000_000, 4_000_000]) {
            use rows::insert as i;
            show("insert", keys, four(5, [i::<Rt>, i::<Hashbrown>, i::<Griddle>, i::<Std>], keys));
        }
    }
    if ["all", "iterate"].contains(&row) {
        for keys in size(&[1000, 65_536, 1_000_000]) {
            use rows::iterate as i;
            show("iterate", keys, four(5, [i::<Rt>, i::<Hashbrown>, i::<Griddle>, i::<Std>], keys));
        }
        for keys in size(&[1000, 65_536]) {
            use rows::iterate_in_turn as i;
            let row = four(5, [i::<Rt>, i::<Hashbrown>, i::<Griddle>, i::<Std>], keys);
            show("iterate maps in turn", keys, row);
        }
    }
}
