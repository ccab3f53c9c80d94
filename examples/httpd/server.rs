//! Accepting connections, and the stop.
//!
//! Invariants:
//! 1. Who is served has a permit of `slots`; so when all of them are back, nobody is.
//! 2. What is in `Idle::waiting` waits for the first byte of a request and has a read deadline that `stop` may move.
//!    The flag, the table and these deadlines change under one lock: nobody begins to wait unseen by `stop`.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rt::chan::{self, Receiver};
use rt::net::{TcpListener, TcpStream};
use rt::signal::Signal;
use rt::sync::{Mutex, Semaphore};
use rt::{go, select};

use crate::connection::Connection;
use crate::options::{Limits, Options};

pub(crate) struct Server {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    slots: Arc<Semaphore>,
    connections: usize,
    grace: Duration,
    site: Arc<Site>,
}

/// What all connections share.
pub(crate) struct Site {
    /// Absolute and without links.
    pub(crate) root: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) log_all: bool,
    pub(crate) idle: Idle,
}

impl Server {
    pub(crate) fn new(options: Options) -> Result<Server, String> {
        let Options { dir, host, port, connections, grace, limits, log_all } = options;
        let shown = examples::shown(&dir);
        let root = dir.canonicalize().map_err(|error| format!("{shown}: {error}"))?;
        // Also says so if it may not be read.
        root.read_dir().map_err(|error| format!("{shown}: {error}"))?;
        let address = SocketAddr::from((host, port));
        let problem = |error: io::Error| format!("{address}: {error}");
        let listener = TcpListener::bind(address).map_err(problem)?;
        Ok(Server {
            address: listener.local_addr().map_err(problem)?,
            listener: Arc::new(listener),
            slots: Arc::new(Semaphore::new(connections)),
            connections,
            grace,
            site: Arc::new(Site { root, limits, log_all, idle: Idle::default() }),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until there is something on `stop`.
    pub(crate) fn run(self, stop: Receiver<Signal>) -> ExitCode {
        let Server { listener, slots, connections, grace, site, .. } = self;
        let (tx, failed) = chan::bounded(1);
        let accepting = go!(listener, slots, site => {
            let _ = tx.send(accept(&listener, &slots, &site));
        });
        let code = select! {
            recv(stop) -> signal => {
                eprintln_or_not(format_args!("httpd: {}: stopping", signal.expect("it is not dropped")));
                ExitCode::SUCCESS
            }
            recv(failed) -> error => {
                eprintln_or_not(format_args!("httpd: accepting: {}", error.expect("it sends one")));
                ExitCode::FAILURE
            }
        };
        // From here on the system does with a signal what it always does: a second Ctrl-C ends us.
        drop(stop);
        // It waits for a connection, or for a permit.
        accepting.abort();
        let _ = accepting.join();
        let _ = listener.close();
        site.idle.stop();
        if slots.acquire_timeout(connections, grace).is_none() {
            let left = connections - slots.available_permits();
            let left = examples::plural(left as u64, "connection");
            eprintln_or_not(format_args!("httpd: {left} broken off after {grace:?}"));
        }
        code
    }
}

/// Accepts until that fails.
fn accept(listener: &TcpListener, slots: &Arc<Semaphore>, site: &Arc<Site>) -> io::Error {
    for id in 0.. {
        // First the permit: who gets none stays in the backlog, where it costs us nothing.
        let permit = slots.acquire_owned(1);
        match listener.accept() {
            Ok((stream, peer)) => {
                let site = Arc::clone(site);
                go!(move || {
                    let _permit = permit;
                    Connection::new(id, stream, peer, &site).serve();
                });
            }
            Err(error) => return error,
        }
    }
    unreachable!("more than 2^64 connections")
}

/// The connections between two requests, and whether there is to be another.
#[derive(Default)]
pub(crate) struct Idle(Mutex<State>);

#[derive(Default)]
struct State {
    stopping: bool,
    waiting: HashMap<u64, Arc<TcpStream>>,
}

impl Idle {
    /// Before a connection waits for a request: reads end at `deadline`, or at the stop.
    pub(crate) fn enter(
        &self,
        id: u64,
        stream: &Arc<TcpStream>,
        deadline: Instant,
    ) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.stopping {
            return stream.set_read_deadline(Some(rt::time::now()));
        }
        stream.set_read_deadline(Some(deadline))?;
        state.waiting.insert(id, Arc::clone(stream));
        Ok(())
    }

    pub(crate) fn leave(&self, id: u64) {
        self.0.lock().waiting.remove(&id);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.0.lock().stopping
    }

    fn stop(&self) {
        let mut state = self.0.lock();
        state.stopping = true;
        for stream in state.waiting.values() {
            // It fails when the stream is closed, which is as good.
            let _ = stream.set_read_deadline(Some(rt::time::now()));
        }
    }
}

/// A line on standard error, if there is somebody who reads it: a server goes on without its log.
pub(crate) fn eprintln_or_not(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
