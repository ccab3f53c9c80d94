//! The server's process as its driver sees it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use super::serve::RESPONSE;
use crate::memory::Usage;
use crate::sample::{Failed, check};

/// What the driver sends; `wrk` sends the like.
pub(super) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// A server that takes longer for an answer has lost the request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that listens; it is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts the server and waits for the line with its port.
    pub(super) fn start(command: &[String]) -> Result<Self, Failed> {
        let (program, args) =
            command.split_first().ok_or_else(|| Failed("no server to start".to_owned()))?;
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failed(format!("{program}: {error}")))?;
        let mut server = Self { child, port: 0 };
        let mut line = String::new();
        if let Some(output) = server.child.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(failed)?;
        }
        server.port = line.trim().parse().map_err(|_| Failed(format!("no port, but {line:?}")))?;
        Ok(server)
    }

    pub(super) const fn address(&self) -> SocketAddr {
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }

    pub(super) fn connect(&self) -> Result<TcpStream, Failed> {
        let stream = TcpStream::connect(self.address()).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(stream)
    }

    /// One request, two at once, and one in pieces must be answered, byte for byte.
    pub(super) fn check_answers(&self) -> Result<(), Failed> {
        let stream = self.connect()?;
        ask(&stream, 1)?;
        ask(&stream, 2)?;
        let (head, rest) = REQUEST.split_at(REQUEST.len() / 2);
        (&stream).write_all(head).map_err(failed)?;
        std::thread::sleep(Duration::from_millis(10));
        (&stream).write_all(rest).map_err(failed)?;
        answers(&stream, 1)
    }

    /// What the server's process holds.
    pub(super) fn memory(&self) -> Usage {
        Usage::of(&self.child.id().to_string())
    }

    /// The processor time that all threads of the server have taken, to a hundredth of a second.
    pub(super) fn cpu(&self) -> Result<Duration, Failed> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).map_err(failed)?;
        let ticks = ticks(&stat).ok_or_else(|| Failed(format!("no times in {stat:?}")))?;
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends so many requests at once and reads the answers.
pub(super) fn ask(mut stream: &TcpStream, requests: usize) -> Result<(), Failed> {
    stream.write_all(&REQUEST.repeat(requests)).map_err(failed)?;
    answers(stream, requests)
}

fn answers(mut stream: &TcpStream, requests: usize) -> Result<(), Failed> {
    let mut answer = vec![0; RESPONSE.len() * requests];
    stream.read_exact(&mut answer).map_err(failed)?;
    check("answers that are right", answer == RESPONSE.repeat(requests), true)
}

/// User's and system's time in the fields of `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<u64> {
    // The second field is the program's name, in brackets, and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

pub(super) fn failed(error: io::Error) -> Failed {
    Failed(format!("the server is lost: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_fields_14_and_15() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 13 14 15";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a) S"), None);
    }

    #[test]
    fn a_server_without_a_port_is_an_error() {
        let error = Server::start(&["echo".to_owned(), "hello".to_owned()]).expect_err("no port");
        assert_eq!(error, Failed("no port, but \"hello\\n\"".to_owned()));
        assert!(Server::start(&[]).is_err());
    }
}
