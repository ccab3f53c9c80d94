//! The client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use examples::{memory, plural};
use rt::net::TcpStream;

use super::Plan;

/// How long a server may keep us waiting before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(plan: &Plan) -> Result<ExitCode, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], plan.port));
    let start = rt::time::now();
    let end = start + plan.time;
    let results: Vec<io::Result<u64>> = rt::scope(|s| {
        let connect = |seed| s.spawn(move || one(address, seed, plan.size, end));
        let all: Vec<_> = (0..plan.conns as u64).map(connect).collect();
        all.into_iter().map(|one| one.join().expect("it does not panic")).collect()
    });
    let took = start.elapsed().as_secs_f64();
    let (mut bytes, mut broken) = (0, 0);
    for result in results {
        match result {
            Ok(n) => bytes += n,
            Err(error) => {
                eprintln!("echo: {address}: {error}");
                broken += 1;
            }
        }
    }
    let conns = plural(plan.conns as u64, "connection");
    let rate = memory((bytes as f64 / took) as u64);
    println!("{conns}, {bytes} bytes there and back, {rate}/s each way, {broken} broken off");
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One connection: how many bytes came back, all of them as they were sent.
fn one(address: SocketAddr, seed: u64, size: usize, end: Instant) -> io::Result<u64> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (sent, got) = rt::scope(|s| {
        let writing = s.spawn(|| write(&stream, seed, size, end));
        let got = read(&stream, seed, size);
        if got.is_err() {
            // The writer would fill the buffers and wait.
            let _ = stream.close();
        }
        (writing.join().expect("it does not panic"), got)
    });
    // If both have failed, it is because of what the reader met.
    let (got, sent) = (got?, sent?);
    if got == sent {
        return Ok(got);
    }
    let problem = format!("{sent} bytes went and {got} came back");
    Err(io::Error::new(ErrorKind::UnexpectedEof, problem))
}

fn write(mut stream: &TcpStream, seed: u64, size: usize, end: Instant) -> io::Result<u64> {
    let (mut pattern, mut message, mut sent) = (Pattern::new(seed), vec![0; size], 0);
    // At least one, so that no time at all still tests something.
    loop {
        pattern.fill(&mut message);
        stream.write_all(&message)?;
        sent += size as u64;
        if rt::time::now() >= end {
            break;
        }
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(sent)
}

fn read(mut stream: &TcpStream, seed: u64, size: usize) -> io::Result<u64> {
    let (mut pattern, mut buffer, mut expected) =
        (Pattern::new(seed), vec![0; size], vec![0; size]);
    let mut got = 0;
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(got);
        }
        pattern.fill(&mut expected[..n]);
        if buffer[..n] != expected[..n] {
            let problem = format!("within {n} bytes after {got}: not what was sent");
            return Err(io::Error::new(ErrorKind::InvalidData, problem));
        }
        got += n as u64;
    }
}

/// Bytes that go on for long without repeating themselves, different for each connection: what is lost, doubled or
/// taken for another's shows. Xorshift, a byte at a time.
struct Pattern(u64);

impl Pattern {
    fn new(seed: u64) -> Pattern {
        // Odd times what is not zero, which would stay zero for ever.
        Pattern((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut x = self.0;
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            self.0 = x;
            *byte = (x >> 32) as u8;
        }
    }
}
