//! The rows of connections: a server on each peer, and a driver that asks it.
//!
//! Two processes: what the clients cost must not count as the server's. The driver is this program
//! too ([`drive`]); it starts the server, which is an ordinary child ([`crate::child`]) whose body
//! never ends.
//!
//! 1. The server prints the port it listens on, as a line of its own, and serves every connection
//!    with a task.
//! 2. It ends when its standard input does, so none outlives its driver.
//! 3. Before anything is measured, the driver checks the answers, two requests at a time among them.

mod idle;
mod process;
pub mod serve;
mod wrk;

use serde_json::json;

use crate::child::Job;
use crate::row::Row;
use crate::sample::{Failed, Sample};
use process::Server;

pub use wrk::{THREADS as WRK_THREADS, is_installed as wrk_is_installed};

/// Runs the job's row against the server that the command starts; the samples as a line of JSON.
///
/// # Errors
///
/// If the server or `wrk` failed, or answered wrongly.
pub fn drive(job: &Job, command: &[String]) -> Result<String, Failed> {
    idle::allow_open_files(job.size)?;
    let server = Server::start(command)?;
    server.check_answers()?;
    let mut samples: Vec<Sample> = Vec::with_capacity(job.repeats);
    for turn in 0..job.warm_ups + job.repeats {
        let sample = match job.row {
            Row::HttpRaw | Row::HttpRaw512 => wrk::sample(&server, job.size)?,
            Row::HttpTail => wrk::tail(&server, job.size)?,
            Row::IdleConns => idle::sample(&server, job.size)?,
            row => return Err(Failed(format!("{} is no row of connections", row.spec().name))),
        };
        if turn >= job.warm_ups {
            samples.push(sample);
        }
    }
    Ok(json!({ "samples": samples }).to_string())
}
