//! Finds the ports of this machine on which somebody listens, by connecting to each: a goroutine per port, and a bounded
//! number of them at a time.
//!
//! ```text
//! cargo run --release --example portscan [FIRST-LAST [AT_A_TIME]]
//! ```
//!
//! It looks at 127.0.0.1 alone. Without arguments it tries all ports, 256 at a time. It prints those that are open, as
//! they are found to be, and then how many of how many that were. The exit code is 0, or 1 if some could not be tried, or 2
//! for arguments that make no sense.
//!
//! The permit is taken before the goroutine is started, so that there are never more goroutines than permits, and never more
//! open files. A port that takes its time holds nobody up but its own goroutine.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use examples::plural;
use rt::chan;
use rt::go;
use rt::net::TcpStream;
use rt::sync::Semaphore;

const USAGE: &str = "usage: portscan [FIRST-LAST [AT_A_TIME]], numbers from 1 to 65535";
/// On this machine an answer takes microseconds. A port that drops what comes never gives one.
const TIMEOUT: Duration = Duration::from_secs(1);

#[rt::main]
fn main() -> ExitCode {
    examples::end_with_the_output();
    let arguments = examples::arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if examples::wants_help(&arguments) {
        return examples::help(USAGE);
    }
    let parsed = match arguments[..] {
        [] => Some((1..=u16::MAX, 256)),
        [ports] => range(ports).zip(Some(256)),
        [ports, at_a_time] => range(ports).zip(at_a_time.parse().ok()),
        _ => None,
    };
    let Some((ports, at_a_time @ 1..=65_535)) = parsed else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let tried = ports.len() as u64;
    let (mut open, mut failed) = (0, 0);
    for (port, result) in scan(ports, at_a_time) {
        match result {
            Ok(true) => {
                println!("{port}");
                open += 1;
            }
            Ok(false) => {}
            Err(error) => {
                eprintln!("portscan: port {port}: {error}");
                failed += 1;
            }
        }
    }
    println!("{} of {} open", examples::thousands(open), plural(tried, "port"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (1 <= first && first <= last).then_some(first..=last)
}

/// Tries the ports, so many at a time, and tells of each whether it is open.
fn scan(
    ports: RangeInclusive<u16>,
    at_a_time: usize,
) -> impl Iterator<Item = (u16, io::Result<bool>)> {
    let (tx, results) = chan::bounded(at_a_time);
    go!(move || {
        let permits = Arc::new(Semaphore::new(at_a_time));
        for port in ports {
            let permit = permits.acquire_owned(1);
            let tx = tx.clone();
            go!(move || {
                let _permit = permit;
                let _ = tx.send((port, is_open(port)));
            });
        }
    });
    // The last sender is gone when the last goroutine is.
    results.into_iter()
}

fn is_open(port: u16) -> io::Result<bool> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    match TcpStream::connect_timeout(&address, TIMEOUT) {
        // A port that nobody has may be lent to the one who connects, which then meets itself.
        Ok(stream) => Ok(stream.local_addr()? != stream.peer_addr()?),
        Err(error)
            if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::TimedOut) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
