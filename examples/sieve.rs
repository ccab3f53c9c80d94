//! Prints prime numbers, found by a chain of goroutines: the classic of Go, and of Hoare's and McIlroy's before it.
//!
//! ```text
//! cargo run --release --example sieve [HOW_MANY]
//! ```
//!
//! A goroutine sends 2, 3, 4, .. into a channel without a buffer. The first number that comes out at the end of the chain
//! is a prime; from then on a new goroutine at the end lets pass only what this prime does not divide:
//!
//! ```text
//! numbers ──> not by 2 ──> not by 3 ──> not by 5 ──> main: 7 is next
//! ```
//!
//! So the chain is as long as the list of primes, and nearly every step of it is a hand-over from one goroutine to the
//! next: as a sieve it is slow, as a test of channels and of the scheduler it is good.
//!
//! Go's version ends by leaving its goroutines behind. Here each holds the ends of its two channels, and whoever finds that
//! nobody receives any more returns, which tells the one before: when `main` has enough, or its output is closed, the
//! chain ends from its tail to its head, and the `scope` with it.
//!
//! It prints 10 primes unless another number is asked for:
//!
//! ```text
//! 2
//! 3
//! 5
//! 7
//! 11
//! 13
//! 17
//! 19
//! 23
//! 29
//! ```

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use rt::chan::{Receiver, Sender, bounded};

const USAGE: &str = "usage: sieve [HOW_MANY], a number from 1 to 10000";
const MOST: usize = 10_000;

/// Sends 2, 3, 4, .. for as long as somebody receives.
fn generate(numbers: &Sender<u32>) {
    for n in 2.. {
        if numbers.send(n).is_err() {
            return;
        }
    }
}

/// Passes on what `prime` does not divide.
fn filter(numbers: &Receiver<u32>, prime: u32, rest: &Sender<u32>) {
    for n in numbers {
        if n % prime != 0 && rest.send(n).is_err() {
            return;
        }
    }
}

fn print_primes(how_many: usize) -> io::Result<()> {
    let mut out = io::stdout();
    rt::scope(|s| {
        let (tx, mut numbers) = bounded(0);
        s.spawn(move || generate(&tx));
        for left in (0..how_many).rev() {
            let prime = numbers.recv().expect("there is always another number");
            writeln!(out, "{prime}")?;
            if left > 0 {
                let (tx, rest) = bounded(0);
                let before = std::mem::replace(&mut numbers, rest);
                s.spawn(move || filter(&before, prime, &tx));
            }
        }
        Ok(())
    })
}

#[rt::main]
fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if examples::wants_help(&arguments) {
        return examples::help(USAGE);
    }
    let how_many = match &arguments[..] {
        [] => Some(10),
        [n] => n.to_str().and_then(|n| n.parse().ok()).filter(|n| (1..=MOST).contains(n)),
        _ => None,
    };
    let Some(how_many) = how_many else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match print_primes(how_many) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("sieve: standard output: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}
