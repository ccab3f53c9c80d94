//! An example that serves until it is told to stop, and a client that says exactly what it is told to say.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use super::{LIMIT, command};

/// The lines of a pipe, as they come.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Lines {
        let (tx, rx) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let Ok(line) = line else { return };
                if tx.send(line).is_err() {
                    return;
                }
            }
        });
        Lines(rx)
    }

    #[track_caller]
    pub(crate) fn next(&self) -> String {
        self.0.recv_timeout(LIMIT).expect("another line")
    }

    /// The next line that has this in it.
    #[track_caller]
    pub(crate) fn find(&self, what: &str) -> String {
        loop {
            match self.0.recv_timeout(LIMIT) {
                Ok(line) if line.contains(what) => return line,
                Ok(_) => {}
                Err(error) => panic!("no line with {what:?}: {error}"),
            }
        }
    }

    /// What comes until the other end is closed.
    #[track_caller]
    pub(crate) fn rest(&self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.0.recv_timeout(LIMIT) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return lines,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end after {lines:?}"),
            }
        }
    }
}

/// A child that is killed if a test fails before it has ended.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

impl Running {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Running {
        Running::spawn(&mut command(name, arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it is built");
        let stdout = Lines::of(child.stdout.take().expect("it is piped"));
        let stderr = Lines::of(child.stderr.take().expect("it is piped"));
        Running { child, stdout, stderr }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits for its end, which shows in its output.
    pub(crate) fn ended(mut self) -> (ExitStatus, Vec<String>, Vec<String>) {
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        (self.child.wait().unwrap(), stdout, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server has answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (this, value) = line.split_once(':')?;
            this.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.field("content-length").expect("it says how long it is").parse().unwrap()
    }
}

/// A connection to a server.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn new(address: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        Client(BufReader::new(stream))
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends what may be refused before all of it has been read.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        let _ = self.0.get_mut().write_all(bytes.as_ref());
        self
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")).answer()
    }

    /// A head, without what follows.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let n = self.0.read_line(&mut head).expect("an answer");
            assert!(n > 0, "it has closed the connection after {head:?}");
        }
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|digits| digits.parse().ok());
        Answer { status: status.expect("a status"), head, body: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        answer.body = vec![0; answer.len()];
        self.0.read_exact(&mut answer.body).expect("a body as long as it says");
        answer
    }

    /// What comes until the server closes the connection, in whatever manner.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it is still open"),
            _ => rest,
        }
    }

    /// Closed, with nothing more said, and not broken off.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        let mut rest = Vec::new();
        let end = self.0.read_to_end(&mut rest);
        assert!(end.is_ok(), "{end:?}");
        assert_eq!(rest.escape_ascii().to_string(), "");
    }
}

impl Read for Client {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buf)
    }
}

/// Whether a program is there to test with; says so if not.
pub(crate) fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("{program} is not installed: this test has tested nothing");
    }
    found
}
