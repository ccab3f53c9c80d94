//! The servers: a task for each connection, and no framework.

use std::io;

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpListener, TcpStream};

use crate::net::serve::{Heads, RESPONSE, announce, failed};
use crate::sample::{Failed, Sample};

/// Serves until the process ends.
pub(super) async fn serve() -> Result<Sample, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    announce(listener.local_addr().map_err(failed)?.port());
    loop {
        let (stream, _) = listener.accept().await.map_err(failed)?;
        // A connection that breaks is its client's to report.
        drop(tokio::spawn(connection(stream)));
    }
}

async fn connection(mut stream: TcpStream) -> io::Result<()> {
    let mut heads = Heads::new();
    loop {
        let more = stream.read(heads.room()).await?;
        if more == 0 {
            return Ok(());
        }
        for _ in 0..heads.take(more)? {
            stream.write_all(RESPONSE).await?;
        }
    }
}
