//! `wrk` asks as fast as it can, and says how fast it was answered.

use std::process::{Command, Stdio};

use super::process::Server;
use crate::sample::{Failed, Sample};

const PROGRAM: &str = "wrk";
/// How long one sample takes, in seconds.
const SECONDS: u32 = 3;
/// The same with very many connections, which take a while until all are there.
const SECONDS_OF_MANY: u32 = 6;
/// From here on there are very many.
const MANY: usize = 1000;
/// An answer that takes longer, in seconds, is an error.
const PATIENCE: u32 = 10;
/// What has `wrk` say more of its latencies.
const TAILS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/net/tails.lua");
/// wrk's own threads.
pub const THREADS: usize = 2;

/// Whether the program is there.
#[must_use]
pub fn is_installed() -> bool {
    // It prints its version, and ends with a 1 because nobody told it what to ask.
    Command::new(PROGRAM).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Requests per second, 99th percentile in microseconds, the server's microseconds per request.
pub(super) fn sample(server: &Server, connections: usize) -> Result<Sample, Failed> {
    let before = server.cpu()?;
    let text = run(server, connections, &["--latency"])?;
    let cpu = server.cpu()? - before;
    let said = Said::read(&text)?;
    Ok(vec![said.rate, said.p99_us, cpu.as_secs_f64() * 1e6 / said.requests])
}

/// p50, p99, p99.9 and the longest, in microseconds.
pub(super) fn tail(server: &Server, connections: usize) -> Result<Sample, Failed> {
    read_tail(&run(server, connections, &["--script", TAILS])?)
}

/// Asks over so many connections; what `wrk` said.
fn run(server: &Server, connections: usize, options: &[&str]) -> Result<String, Failed> {
    let seconds = if connections < MANY { SECONDS } else { SECONDS_OF_MANY };
    let output = Command::new(PROGRAM)
        .args(options)
        .args([
            format!("-t{}", THREADS.min(connections)),
            format!("-c{connections}"),
            format!("-d{seconds}s"),
            format!("--timeout={PATIENCE}s"),
            format!("http://{}/", server.address()),
        ])
        .output()
        .map_err(|error| Failed(format!("{PROGRAM}: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(Failed(format!("{PROGRAM} failed with {}: {text}", output.status)));
    }
    refuse_errors(&text)?;
    Ok(text)
}

/// What was answered wrongly, or not at all, makes it no sample.
fn refuse_errors(text: &str) -> Result<(), Failed> {
    let wrong = ["Socket errors", "Non-2xx"];
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| wrong.iter().any(|word| line.starts_with(word)));
    line.map_or(Ok(()), |line| Err(Failed(format!("{PROGRAM} met {line}"))))
}

/// The line of `tails.lua`.
fn read_tail(text: &str) -> Result<Sample, Failed> {
    let line = text.lines().find_map(|line| line.strip_prefix("tail: "));
    let tail: Option<Sample> =
        line.and_then(|line| line.split(' ').map(|number| number.parse().ok()).collect());
    tail.filter(|tail| tail.len() == 4)
        .ok_or_else(|| Failed(format!("{PROGRAM} said something else: {text}")))
}

/// What `wrk` said.
#[derive(Debug, PartialEq)]
struct Said {
    requests: f64,
    rate: f64,
    p99_us: f64,
}

impl Said {
    fn read(text: &str) -> Result<Self, Failed> {
        let lines = || text.lines().map(str::trim);
        let missing = || Failed(format!("{PROGRAM} said something else: {text}"));
        let after = |word| lines().find_map(|line| line.strip_prefix(word)).map(str::trim);
        let requests = lines().find_map(|line| line.split_once(" requests in")?.0.parse().ok());
        let said = Self {
            requests: requests.ok_or_else(missing)?,
            rate: after("Requests/sec:").and_then(|rate| rate.parse().ok()).ok_or_else(missing)?,
            p99_us: after("99%").and_then(micros).ok_or_else(missing)?,
        };
        if said.requests > 0.0 { Ok(said) } else { Err(missing()) }
    }
}

/// A time such as `545.00us`, `1.31ms` or `2.00s`.
fn micros(text: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6)];
    units.iter().find_map(|(unit, us)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * us))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
Running 3s test @ http://127.0.0.1:1/
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   412.24us  203.40us   7.14ms   81.02%
  Latency Distribution
     50%  379.00us
     99%    1.31ms
  406102 requests in 3.00s, 29.82MB read
Requests/sec: 135231.51
Transfer/sec:      9.93MB
";

    #[test]
    fn the_three_figures_are_found() {
        let said = Said { requests: 406_102.0, rate: 135_231.51, p99_us: 1310.0 };
        assert_eq!(Said::read(SAID), Ok(said));
    }

    #[test]
    fn errors_make_it_no_sample() {
        let text = format!("{SAID}  Socket errors: connect 0, read 3, write 0, timeout 0\n");
        assert!(refuse_errors(&text).expect_err("errors").0.contains("read 3"));
        assert_eq!(refuse_errors(SAID), Ok(()));
        assert!(Said::read("").is_err());
        assert!(Said::read(&SAID.replace("406102", "0")).is_err());
    }

    #[test]
    fn a_tail_is_four_numbers() {
        let text = format!("{SAID}tail: 379 1310 4096.5 7140\n");
        assert_eq!(read_tail(&text), Ok(vec![379.0, 1310.0, 4096.5, 7140.0]));
        assert!(read_tail(SAID).is_err());
        assert!(read_tail("tail: 1 2 3\n").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(["545.00us", "1.31ms", "2.00s"].map(micros), [545.0, 1310.0, 2e6].map(Some));
        assert_eq!(micros("7"), None);
    }
}
