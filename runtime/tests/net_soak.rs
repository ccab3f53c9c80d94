//! Everything that clients do to a server, all at once and for long: whole exchanges, half-closes, resets,
//! deadlines, clients that are slow or do not read, waits that are closed or aborted. At the end nothing is left:
//! no connection is unaccounted for, no file, goroutine, thread or memory.
//!
//! `RT_SOAK_SECONDS=60` is the long check. A failure prints the seed: `RT_STRESS_SEED` plays the same plans again.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;
#[path = "common/net.rs"]
mod net;

use common::{Rng, eventually_resting, threads};
use net::bytes;
use rt::net::{Closed, TcpListener, TcpStream, UnixListener, UnixStream};
use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Clients at the same time.
const CLIENTS: u64 = 48;
/// A client that is silent for so long is sent away. Far above what a busy machine makes a quick one wait.
const PATIENCE: Duration = Duration::from_millis(1500);
/// A client that does not read is sent away after so long.
const WRITING: Duration = Duration::from_millis(40);
/// Far more than fits into both sockets' buffers.
const FLOOD: usize = 16 << 20;

/// What a client asks for with its first byte.
const ECHO: u8 = b'e';
const CHECK: u8 = b'c';
const FLOODED: u8 = b'f';
const SILENT: u8 = b's';

/// How many of each there were.
#[derive(Debug, Default)]
struct Counts {
    connected: AtomicU64,
    accepted: AtomicU64,
    ended: AtomicU64,
    echoed: [AtomicU64; 2],
    checked: [AtomicU64; 2],
    flooded: [AtomicU64; 2],
    silent: [AtomicU64; 2],
    resets: AtomicU64,
    closed: AtomicU64,
    aborted: AtomicU64,
    timeouts: AtomicU64,
    refused: AtomicU64,
}

/// Of a pair: as the client saw it, and as the server did.
const CLIENT: usize = 0;
const SERVER: usize = 1;

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A connection of either kind.
#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same call of either kind.
macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            Stream::Unix($inner) => $call,
        }
    };
}

impl Stream {
    fn half_close(&self) -> io::Result<()> {
        either!(self, stream => stream.shutdown(Shutdown::Write))
    }

    fn read_timeout(&self, timeout: Duration) {
        either!(self, stream => stream.set_read_timeout(Some(timeout))).unwrap();
    }

    fn read_deadline(&self, at: Option<Instant>) {
        either!(self, stream => stream.set_read_deadline(at)).unwrap();
    }

    fn write_deadline(&self, at: Instant) {
        either!(self, stream => stream.set_write_deadline(Some(at))).unwrap();
    }

    fn close(&self) -> io::Result<()> {
        either!(self, stream => stream.close())
    }

    /// Ends the connection such that the other side of a TCP stream gets an error.
    fn reset(self) {
        if let Self::Tcp(stream) = &self {
            socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => { let mut stream = stream; stream.read(buffer) })
    }
}

impl Write for &Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        either!(self, stream => { let mut stream = stream; stream.write(buffer) })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a connection may end with when the other side resets it.
fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// The server's side of one connection.
fn serve(stream: Stream, counts: &Counts) {
    stream.read_timeout(PATIENCE);
    let mut order = [0; 1];
    let counter = match (&stream).read(&mut order) {
        Ok(1) => match (order[0], served(order[0], &stream)) {
            (ECHO, Ok(())) => Some(&counts.echoed),
            (CHECK, Ok(())) => Some(&counts.checked),
            (FLOODED, Err(error)) if error.kind() == ErrorKind::TimedOut => Some(&counts.flooded),
            (SILENT, Err(error)) if error.kind() == ErrorKind::TimedOut => Some(&counts.silent),
            (_, Err(error)) if is_broken(&error) => None,
            // The client was ended before it had sent all.
            (CHECK, Err(error)) if error.kind() == ErrorKind::UnexpectedEof => None,
            other => panic!("a session ended with {other:?}"),
        },
        Ok(_) => None,
        Err(error) if is_broken(&error) => None,
        Err(error) => panic!("no order came: {error:?}"),
    };
    if let Some(counter) = counter {
        add(&counter[SERVER]);
    }
    drop(stream);
    add(&counts.ended);
}

fn served(order: u8, mut stream: &Stream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match order {
        ECHO | SILENT => loop {
            let n = stream.read(&mut buffer)?;
            if n == 0 {
                return stream.half_close();
            }
            stream.write_all(&buffer[..n])?;
        },
        // The server has said all before it hears the rest.
        CHECK => {
            let mut head = [0; 16];
            stream.read_exact(&mut head)?;
            let [seed, len] =
                [0, 8].map(|i| u64::from_le_bytes(head[i..i + 8].try_into().unwrap_or_default()));
            let sent = bytes(seed, len as usize);
            stream.write_all(&sent)?;
            stream.half_close()?;
            let mut received = Vec::new();
            stream.read_to_end(&mut received)?;
            if received.len() < sent.len() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            assert!(received == sent, "the server received other bytes than were sent");
            Ok(())
        }
        FLOODED => {
            stream.write_deadline(Instant::now() + WRITING);
            (0..FLOOD / buffer.len()).try_for_each(|_| stream.write_all(&buffer))
        }
        other => panic!("the order {other} was never sent"),
    }
}

/// One connection, in one of the ways in which clients behave.
fn visit(connect: impl Fn() -> io::Result<Stream>, rng: &mut Rng, counts: &Counts) {
    let stream = connect().unwrap();
    add(&counts.connected);
    stream.read_timeout(Duration::from_secs(30));
    let most = 1 << [4, 10, 17][rng.below(3) as usize];
    let sent = bytes(rng.next(), 1 + rng.below(most) as usize);
    match rng.below(32) {
        0..12 => whole(&stream, &sent, rng, counts),
        12..20 => checked(&stream, rng, counts),
        20..24 => {
            let _ = (&stream).write_all(&[ECHO]).and_then(|()| (&stream).write_all(&sent));
            stream.reset();
            add(&counts.resets);
        }
        24..26 => deadlines(&stream, &sent, counts),
        26..28 => closed_while_it_waits(stream, counts),
        28..30 => aborted_while_it_waits(stream, counts),
        30 => flooded(&stream, counts),
        31 if rng.one_in(8) => silent(&stream, counts),
        _ => drop(stream),
    }
}

/// All is sent, then all is received; or both at once, in pieces.
fn whole(mut stream: &Stream, sent: &[u8], rng: &mut Rng, counts: &Counts) {
    let mut received = Vec::new();
    stream.write_all(&[ECHO]).unwrap();
    if rng.one_in(2) && sent.len() < 1 << 14 {
        stream.write_all(sent).unwrap();
        stream.half_close().unwrap();
        stream.read_to_end(&mut received).unwrap();
    } else {
        let most = rng.below(5000) as usize + 100;
        rt::scope(|s| {
            s.spawn(move || {
                sent.chunks(most).for_each(|piece| (&mut { stream }).write_all(piece).unwrap());
                stream.half_close().unwrap();
            });
            (&mut { stream }).read_to_end(&mut received).unwrap();
        });
    }
    assert!(received == sent, "the client received other bytes than it sent");
    add(&counts.echoed[CLIENT]);
}

/// The server ends its direction first.
fn checked(mut stream: &Stream, rng: &mut Rng, counts: &Counts) {
    let (seed, len) = (rng.next(), rng.below(20_000));
    stream.write_all(&[CHECK]).unwrap();
    stream.write_all(&[seed.to_le_bytes(), len.to_le_bytes()].concat()).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    assert!(
        received == bytes(seed, len as usize),
        "the client received other bytes than it asked for"
    );
    stream.write_all(&received).unwrap();
    stream.half_close().unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    add(&counts.checked[CLIENT]);
}

/// Deadlines pass, are taken back, and the connection is as it was.
fn deadlines(mut stream: &Stream, sent: &[u8], counts: &Counts) {
    let sent = &sent[..sent.len().min(1 << 12)];
    stream.write_all(&[ECHO]).unwrap();
    for until in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(2)] {
        stream.read_deadline(Some(Instant::now() + until));
        assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::TimedOut);
        add(&counts.timeouts);
    }
    stream.write_all(sent).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::TimedOut);
    stream.read_deadline(None);
    stream.half_close().unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    assert!(received == sent, "a deadline lost bytes");
    add(&counts.echoed[CLIENT]);
}

fn closed_while_it_waits(stream: Stream, counts: &Counts) {
    let stream = Arc::new(stream);
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let stream = Arc::clone(&stream);
            rt::spawn(move || (&*stream).read(&mut [0; 1]))
        })
        .collect();
    rt::time::sleep(Duration::from_micros(200));
    stream.close().unwrap();
    for reader in readers {
        assert!(Closed::is(&reader.join().unwrap().unwrap_err()));
    }
    add(&counts.closed);
}

fn aborted_while_it_waits(stream: Stream, counts: &Counts) {
    let reader = rt::spawn(move || (&stream).read(&mut [0; 1]).map(drop));
    rt::time::sleep(Duration::from_micros(200));
    reader.abort();
    assert!(reader.join().unwrap_err().is_cancelled());
    add(&counts.aborted);
}

/// Asks for much and reads little: the server gives up.
fn flooded(mut stream: &Stream, counts: &Counts) {
    stream.write_all(&[FLOODED]).unwrap();
    let mut received = 0;
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => received += n,
            Err(error) if is_broken(&error) => break,
            Err(error) => panic!("a flood ended with {error:?}"),
        }
        if received < 8 * buffer.len() {
            rt::time::sleep(WRITING);
        }
    }
    assert!(received < FLOOD, "the server's deadline did not hold");
    add(&counts.flooded[CLIENT]);
}

/// Says nothing: the server gives up.
fn silent(mut stream: &Stream, counts: &Counts) {
    stream.write_all(&[SILENT]).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    add(&counts.silent[CLIENT]);
}

/// Nobody listens there.
fn refused(counts: &Counts) {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    nobody.close().unwrap();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    add(&counts.refused);
}

/// Goroutines that accept until the listener is closed, and serve.
fn accept(
    accept: impl Fn() -> io::Result<Stream> + Send + 'static,
    counts: &Arc<Counts>,
) -> rt::JoinHandle<()> {
    let counts = Arc::clone(counts);
    rt::spawn(move || {
        loop {
            match accept() {
                Ok(stream) => {
                    add(&counts.accepted);
                    let counts = Arc::clone(&counts);
                    drop(rt::spawn(move || serve(stream, &counts)));
                }
                Err(error) => return assert!(Closed::is(&error), "{error:?}"),
            }
        }
    })
}

/// Open sockets. (Of other files the runtime's monitor keeps a few, one for a thread that it looks at.)
fn sockets() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

/// Resident memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn nothing_is_left_and_nothing_is_lost() {
    let t = common::alone();
    let seconds = std::env::var("RT_SOAK_SECONDS").map_or(4, |text| text.parse().unwrap());
    let seed = std::env::var("RT_STRESS_SEED").map_or_else(
        |_| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
        |text| text.parse().unwrap(),
    );
    common::note(seed);
    let runtime = common::runtime(2);
    runtime.run(|| {
        refused(&Counts::default());
        let before = (sockets(), rt::num_goroutines(), threads());
        let counts = Arc::new(Counts::default());
        let (warm, flat) = soak(&counts, seed, Duration::from_secs(seconds), &t.dog);
        eventually_resting("every goroutine has ended", || rt::num_goroutines() == before.1);
        let report = format!("seed {seed}, {warm} and {flat} KiB, {counts:#?}");
        assert_eq!(get(&counts.accepted), get(&counts.connected), "{report}");
        assert_eq!(get(&counts.ended), get(&counts.connected), "{report}");
        for pair in [&counts.echoed, &counts.checked, &counts.flooded, &counts.silent] {
            assert_eq!(get(&pair[CLIENT]), get(&pair[SERVER]), "{report}");
        }
        for happened in
            [&counts.echoed[0], &counts.checked[0], &counts.resets, &counts.closed, &counts.refused]
        {
            assert_ne!(get(happened), 0, "{report}");
        }
        assert_eq!(sockets(), before.0, "open sockets; {report}");
        assert!(flat < warm + warm / 4 + 8192, "memory has grown; {report}");
        println!("{report}");
        // What was started for calls that blocked ends after seconds of idleness.
        eventually_resting("the threads have ended", || threads() <= before.2 + 2);
    });
}

/// Plays for so long. Resident memory after a third of it, and at the end.
fn soak(counts: &Arc<Counts>, seed: u64, long: Duration, dog: &common::Watchdog) -> (u64, u64) {
    // Several addresses: one has 28,000 ports to come from, and each is kept for a while.
    let listeners: Vec<_> = (1..=8)
        .map(|host| Arc::new(TcpListener::bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap()))
        .collect();
    let addresses: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
    let path = std::env::temp_dir().join(format!("rt-soak-{}.sock", std::process::id()));
    let unix = Arc::new(UnixListener::bind(&path).unwrap());
    let mut acceptors: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let listener = Arc::clone(listener);
            accept(move || listener.accept().map(|(stream, _)| Stream::Tcp(stream)), counts)
        })
        .collect();
    let local = Arc::clone(&unix);
    acceptors.push(accept(move || local.accept().map(|(stream, _)| Stream::Unix(stream)), counts));

    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (addresses, path, counts) = (addresses.clone(), path.clone(), Arc::clone(counts));
            rt::spawn(move || {
                let mut rng = Rng::new(seed ^ client);
                while start.elapsed() < long {
                    match rng.below(40) {
                        0 => refused(&counts),
                        1..8 => visit(
                            || UnixStream::connect(&path).map(Stream::Unix),
                            &mut rng,
                            &counts,
                        ),
                        n => {
                            let address = addresses[n as usize % addresses.len()];
                            visit(
                                || TcpStream::connect(address).map(Stream::Tcp),
                                &mut rng,
                                &counts,
                            );
                        }
                    }
                }
            })
        })
        .collect();
    let mut warm = 0;
    while start.elapsed() < long {
        rt::time::sleep(Duration::from_millis(250).min(long / 8));
        dog.pet();
        if warm == 0 && start.elapsed() > long / 3 {
            warm = resident();
        }
    }
    clients.into_iter().for_each(|client| client.join().unwrap());
    let flat = resident();
    listeners.iter().for_each(|listener| listener.close().unwrap());
    unix.close().unwrap();
    acceptors.into_iter().for_each(|acceptor| acceptor.join().unwrap());
    std::fs::remove_file(&path).unwrap();
    (warm, flat)
}
