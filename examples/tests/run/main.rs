//! Runs the examples, and compares what they print with what the head of their files says they print.
//!
//! `cargo test` builds the examples of a package before it runs the tests; `cargo test --test run` alone does not, and
//! then finds the ones that were built last.

mod chat;
mod checker;
mod httpd;
mod net;
mod numbers;
mod pipeline;
mod server;
mod tour;
mod wordcount;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long an example may take: far longer than any does, so that only one that hangs is killed.
const LIMIT: Duration = Duration::from_secs(60);

/// Where cargo puts an example: beside `deps`, where this test is.
fn path_of(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this process has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is in target/profile/deps");
    profile.join("examples").join(name)
}

/// Runs a command to its end, or kills it after `limit` and shows what it had printed until then.
#[track_caller]
fn output(command: &mut Command, limit: Duration) -> Output {
    output_until(command, usize::MAX, limit)
}

/// Like [`output`], with a standard output that is closed after so many lines.
#[track_caller]
fn output_until(command: &mut Command, lines: usize, limit: Duration) -> Output {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match piped.spawn() {
        Ok(child) => child,
        Err(error) => panic!("{command:?}: {error}; `cargo build -p examples --examples`"),
    };
    let (open, closed) = mpsc::channel();
    let stdout = read(child.stdout.take().expect("it is piped"), lines, open.clone());
    let stderr = read(child.stderr.take().expect("it is piped"), usize::MAX, open);
    let late = closed.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
    if late {
        child.kill().expect("it is a child");
    }
    let status = child.wait().expect("it is a child");
    let output = Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    assert!(!late, "killed after {limit:?}: {command:?}: {output:?}");
    output
}

/// Reads so many lines of a pipe, on a thread. When that is done `_open` is dropped: nothing is ever sent.
fn read(pipe: impl Read + Send + 'static, lines: usize, _open: Sender<()>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let _open = _open;
        let (mut pipe, mut bytes) = (BufReader::new(pipe), Vec::new());
        for _ in 0..lines {
            if pipe.read_until(b'\n', &mut bytes).expect("a pipe can be read") == 0 {
                break;
            }
        }
        bytes
    })
}

#[test]
fn arguments_that_are_no_text_are_refused() {
    for (name, arguments) in [
        ("portscan", &[][..]),
        ("portscan", &["1-2"]),
        ("echo", &[]),
        ("echo", &["serve", "--port"]),
        ("echo", &["load", "--port"]),
        ("tour", &[]),
        ("skynet", &[]),
        ("skynet", &["10"]),
    ] {
        let output = run_with_bytes(name, arguments);
        let stderr = text(output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{name}: {stderr}");
        assert!(!stderr.is_empty() && !stderr.contains("panicked"), "{name}: {stderr}");
    }
}

#[test]
fn every_example_says_how_it_is_called() {
    const ALL: [&str; 11] = [
        "chat",
        "checker",
        "echo",
        "follow",
        "httpd",
        "pipeline",
        "portscan",
        "sieve",
        "skynet",
        "tour",
        "wordcount",
    ];
    for name in ALL {
        for option in ["--help", "-h"] {
            let output = run(name, &[option]);
            let (stdout, stderr) = (text(output.stdout), text(output.stderr));
            assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{name}");
            assert!(stdout.starts_with(&format!("usage: {name} ")), "{name}: {stdout}");
        }
        let full = to_a_full_disk(&mut command(name, &["--help"]));
        assert_eq!(full.status.code(), Some(2), "{name}");
        let problem = "standard output: No space left on device (os error 28)\n";
        assert_eq!(text(full.stderr), problem, "{name}");
    }
}

#[test]
#[should_panic(expected = "killed after 100ms")]
fn what_hangs_is_killed() {
    output(Command::new("sleep").arg("1000"), Duration::from_millis(100));
}

/// Runs a command whose standard output takes nothing.
#[track_caller]
fn to_a_full_disk(command: &mut Command) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$0" "$@" >/dev/full"#]).arg(command.get_program());
    shell.args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    output(&mut shell, LIMIT)
}

fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(path_of(name));
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command
}

/// Runs an example with an argument that is no UTF-8, behind others.
fn run_with_bytes(name: &str, arguments: &[&str]) -> Output {
    output(command(name, arguments).arg(OsStr::from_bytes(b"\xff")), LIMIT)
}

/// Runs an example in `directory`.
fn run_in(directory: &Path, name: &str, arguments: &[&str]) -> Output {
    output(command(name, arguments).current_dir(directory), LIMIT)
}

fn run(name: &str, arguments: &[&str]) -> Output {
    run_in(Path::new("."), name, arguments)
}

/// Runs an example that is expected to succeed, and gives its standard output.
#[track_caller]
fn stdout(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
    text(output.stdout)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("examples print UTF-8")
}

fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The last fenced block in the `//!` comment at the head of a file: its fence, and its lines.
fn printed(source: &str) -> (String, String) {
    let head = source.lines().map_while(|line| line.strip_prefix("//!"));
    let head: Vec<&str> = head.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let fences: Vec<usize> = (0..head.len()).filter(|&i| head[i].starts_with("```")).collect();
    let [.., open, close] = fences[..] else { panic!("no block in {head:?}") };
    let block = head[open + 1..close].iter().map(|line| format!("{line}\n"));
    (head[open].to_string(), block.collect())
}

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("rt-examples-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Runs an example here: its exit code, standard output and standard error.
    fn run(&self, name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = run_in(&self.0, name, arguments);
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
