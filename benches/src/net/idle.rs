//! Connections on which nothing happens: what each costs the server.

use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::process::{Server, ask};
use crate::sample::{Failed, Sample};

/// Files that a process has open besides its connections.
const OTHERS: usize = 100;
/// Time for the last task to wait again, and for a collector to finish its cycle.
const SETTLE: Duration = Duration::from_millis(100);

/// Lets this process, and the server that it will start, have so many connections.
pub(super) fn allow_open_files(connections: usize) -> Result<(), Failed> {
    let refused = |error: nix::Error| {
        Failed(format!(
            "{connections} connections want as many open files, and {OTHERS} more (ulimit -n): {error}"
        ))
    };
    let wanted = (connections + OTHERS) as u64;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(refused)?;
    if soft < wanted {
        // Above the hard limit only root may go.
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map_err(refused)?;
    }
    Ok(())
}

/// Bytes for each of `n` connections that have been answered once and now are idle.
///
/// In the end each must still give an answer.
pub(super) fn sample(server: &Server, n: usize) -> Result<Sample, Failed> {
    let before = server.memory();
    let mut connections = Vec::with_capacity(n);
    for _ in 0..n {
        let connection = server.connect()?;
        ask(&connection, 1)?;
        connections.push(connection);
    }
    thread::sleep(SETTLE);
    let each = server.memory().each_since(before, n);
    for connection in &connections {
        ask(connection, 1)?;
    }
    Ok(vec![each])
}
