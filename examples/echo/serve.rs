//! The server.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use examples::{memory, plural};
use rt::go;
use rt::net::{TcpListener, TcpStream};
use rt::signal::{self, Signal};
use rt::sync::WaitGroup;

/// How long who is connected at the end may take.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Count {
    connections: AtomicU64,
    bytes: AtomicU64,
    broken: AtomicU64,
}

pub(crate) fn run(port: u16) -> Result<ExitCode, String> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .map_err(|error| format!("127.0.0.1:{port}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let stop = signal::notify(&[Signal::INTERRUPT, Signal::TERMINATE]);
    let (count, connections) = (Arc::new(Count::default()), WaitGroup::new());
    let accepting = go!(count, connections => {
        while let Ok((stream, _)) = listener.accept() {
            count.connections.fetch_add(1, Ordering::Relaxed);
            let count = Arc::clone(&count);
            connections.go(move || {
                if echo(&stream, &count.bytes).is_err() {
                    count.broken.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let mut stdout = io::stdout();
    let said = writeln!(stdout, "listening on {address}").and_then(|()| stdout.flush());
    said.map_err(|error| format!("standard output: {error}"))?;

    stop.recv().expect("signals come until we drop it");
    drop(stop); // a second Ctrl-C ends us at once
    accepting.abort(); // unwound from `accept`, it drops the listener
    let _ = accepting.join();
    connections.wait_timeout(GRACE);
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let served = plural(of(&count.connections), "connection");
    let (bytes, broken) = (memory(of(&count.bytes)), of(&count.broken));
    eprintln!("{served}, {bytes} sent back, {broken} broken off");
    Ok(ExitCode::SUCCESS)
}

fn echo(mut stream: &TcpStream, bytes: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
        bytes.fetch_add(n as u64, Ordering::Relaxed);
    }
}
