//! The servers: a coroutine for each connection.

use ::may::go;
use ::may::net::TcpListener;

use crate::net::serve::{announce, connection, failed};
use crate::sample::{Failed, Sample};

/// Serves until the process ends.
pub(super) fn serve() -> Result<Sample, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    announce(listener.local_addr().map_err(failed)?.port());
    loop {
        let (stream, _) = listener.accept().map_err(failed)?;
        // A connection that breaks is its client's to report.
        drop(go!(move || drop(connection(stream))));
    }
}
