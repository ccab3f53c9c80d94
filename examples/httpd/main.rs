//! Serves the files of a directory over HTTP/1.1.
//!
//! ```text
//! cargo run --release --example httpd -- --port 8080 --dir .
//! ```
//!
//! It prints where it listens, and on standard error a line for each request. Ctrl-C (SIGINT, or SIGTERM) ends it: nobody
//! is accepted any more, who waits between two requests is sent away, and what is under way may end within the grace
//! time. A second Ctrl-C ends it at once. `--help` says what may be set:
//!
//! ```text
//! usage: httpd [OPTION VALUE]...
//!
//!   --dir PATH           what is served                                        .
//!   --host ADDRESS       where it listens                                      127.0.0.1
//!   --port N             0: one that is free                                   8080
//!   --connections N      how many at a time; more of them wait                 1024
//!   --requests N         how many on one connection                            1000
//!   --head-timeout SECS  for the head of a request, and again for its body     10
//!   --idle-timeout SECS  between two requests                                  60
//!   --write-timeout SECS for each 64 KiB of an answer                          20
//!   --grace SECS         for what is under way when it is to stop              5
//!   --log all|errors     which requests get a line                             all
//! ```
//!
//! The exit code is 0, or 1 if accepting failed, or 2 if it could not begin.
//!
//! # How it works
//!
//! One goroutine per connection, which reads, opens, reads and writes in the plain order of the protocol. Sockets park
//! the goroutine; files are read with `std::fs`, without a wrapper: who blocks in the system loses its processor to
//! others. Every wait for the other side has a deadline, so that a slow client, or one that means harm, holds
//! nothing for long. A `Semaphore` bounds the connections, and is what the end waits for: when all permits are back,
//! nobody is served any more.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the command line |
//! | `server.rs` | accepting, and the stop |
//! | `connection.rs` | one connection: requests in, answers out, deadlines |
//! | `request.rs` | what a head says |
//! | `body.rs` | the end of a body that nobody wants |
//! | `files.rs` | from a target to a file, without a way out |
//! | `listing.rs` | a directory as a page |
//! | `response.rs` | statuses, heads, and how they are written |

mod body;
mod connection;
mod files;
mod listing;
mod options;
mod request;
mod response;
mod server;

use std::io::Write;
use std::process::ExitCode;

use options::{Invocation, Options};
use rt::signal::{self, Signal};
use server::Server;

#[rt::main]
fn main() -> ExitCode {
    let options = match options::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Serve(options)) => options,
        Ok(Invocation::Help) => return examples::help(options::USAGE),
        Err(problem) => {
            eprintln!("httpd: {problem}; --help says what may be set");
            return ExitCode::from(2);
        }
    };
    run(options).unwrap_or_else(|problem| {
        eprintln!("httpd: {problem}");
        ExitCode::from(2)
    })
}

fn run(options: Options) -> Result<ExitCode, String> {
    let server = Server::new(options)?;
    // Before anybody knows that we are there.
    let stop = signal::notify(&[Signal::INTERRUPT, Signal::TERMINATE]);
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{}/", server.address())
        .and_then(|()| stdout.flush())
        .map_err(|error| format!("standard output: {error}"))?;
    Ok(server.run(stop))
}
