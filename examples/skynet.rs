//! A million goroutines in a tree: every node starts ten, and adds up what they send back.
//!
//! ```text
//! cargo run --release --example skynet [LEAVES [REPEATS]]
//! ```
//!
//! The leaves are numbered from 0 and send their number; the sum at the root is checked. With `1000000 4` one run
//! printed, on 2 cores of a shared virtual machine with Linux 6.18 that was nearly idle just before:
//!
//! ```text
//! 1,000,000 leaves, 1,111,111 goroutines
//! sum 499,999,500,000 in 808.4 ms, 727 ns per goroutine
//! sum 499,999,500,000 in 570.3 ms, 513 ns per goroutine
//! sum 499,999,500,000 in 493.1 ms, 443 ns per goroutine
//! sum 499,999,500,000 in 443.4 ms, 399 ns per goroutine
//! peak memory 403.6 MiB
//! ```
//!
//! Times and memory vary: of five such runs the first tree took 495 to 979 ms, and up to 2.3 s while other programs
//! were busy; the peak was 285 to 404 MiB.

use std::process::ExitCode;
use std::time::Instant;

use examples::{memory, peak_memory, plural, thousands};
use rt::chan::Chan;
use rt::go;

const USAGE: &str =
    "usage: skynet [LEAVES [REPEATS]], two numbers from 1, LEAVES at most 1000000000";
const CHILDREN: u64 = 10;

/// The sum of `first..first + leaves`, each number from a goroutine of its own. Gives also how many goroutines ran.
fn skynet(first: u64, leaves: u64) -> (u64, u64) {
    if leaves == 1 {
        return (first, 1);
    }
    let children = leaves.min(CHILDREN);
    let results = Chan::new(CHILDREN as usize);
    let edge = |child| first + leaves * child / children;
    for child in 0..children {
        let (first, next) = (edge(child), edge(child + 1));
        go!(results => results.send(skynet(first, next - first)));
    }
    let mut total = (0, 1);
    for _ in 0..children {
        let (sum, goroutines) = results.recv().expect("nobody closes the channel");
        total = (total.0 + sum, total.1 + goroutines);
    }
    total
}

#[rt::main]
fn main() -> ExitCode {
    examples::end_with_the_output();
    if examples::wants_help(examples::arguments()) {
        return examples::help(USAGE);
    }
    let Some((leaves, repeats)) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    for repeat in 0..repeats {
        let start = Instant::now();
        let (sum, goroutines) = go!(skynet(0, leaves)).join().expect("no goroutine panics");
        let time = start.elapsed();
        if repeat == 0 {
            let leaf = if leaves == 1 { "leaf" } else { "leaves" };
            println!("{} {leaf}, {}", thousands(leaves), plural(goroutines, "goroutine"));
        }
        println!(
            "sum {} in {:.1} ms, {} ns per goroutine",
            thousands(sum),
            time.as_secs_f64() * 1e3,
            time.as_nanos() / u128::from(goroutines),
        );
        let expected = (leaves - 1) * leaves / 2;
        if sum != expected {
            eprintln!("wrong: the sum is {}", thousands(expected));
            return ExitCode::FAILURE;
        }
    }
    if let Some(peak) = peak_memory() {
        println!("peak memory {}", memory(peak));
    }
    ExitCode::SUCCESS
}

/// `[LEAVES [REPEATS]]`; a billion leaves still add up in a `u64`.
fn arguments() -> Option<(u64, u64)> {
    let arguments = examples::arguments().into_iter();
    let mut numbers = arguments.map(|argument| argument.replace('_', "").parse::<u64>());
    let leaves = numbers.next().unwrap_or(Ok(1_000_000)).ok()?;
    let repeats = numbers.next().unwrap_or(Ok(1)).ok()?;
    let known = numbers.next().is_none() && (1..=1_000_000_000).contains(&leaves) && repeats > 0;
    known.then_some((leaves, repeats))
}
