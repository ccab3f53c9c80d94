//! What the numbers were taken on and with: machine, compilers, crates, commit.

use std::fs;
use std::path::Path;
use std::process::Command;

use benches::peers::PEERS;
use serde_json::{Map, Value, json};

use crate::process::go;

/// The versions that this program was built with.
const LOCK: &str = include_str!("../../../../Cargo.lock");

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let info = |path, key| value_in(&fs::read_to_string(path).unwrap_or_default(), key);
        let kib = info("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Self {
            cpu: info("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kib.map_or(0, |kib| kib >> 20),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| version_in(&text).to_owned()),
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "cpu": self.cpu,
            "cores": self.cores,
            "memory_gib": self.memory_gib,
            "kernel": self.kernel,
        })
    }
}

/// How many threads wanted to run during the last minute, on average: ours and everyone's.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// Name and version of everything that takes part.
pub(crate) fn versions() -> Vec<(&'static str, String)> {
    let mut versions = vec![
        ("rustc", rustc().unwrap_or_else(unknown)),
        ("go", go::version().unwrap_or_else(|| "not installed".to_owned())),
        ("commit", commit().unwrap_or_else(unknown)),
    ];
    for peer in PEERS {
        if let Some(package) = peer.package {
            versions.push((peer.name, locked(LOCK, package).unwrap_or_else(unknown)));
        }
    }
    versions
}

pub(crate) fn versions_json(versions: &[(&'static str, String)]) -> Value {
    let map: Map<String, Value> =
        versions.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
    Value::Object(map)
}

/// A kernel's version without what its builder added.
fn version_in(release: &str) -> &str {
    release.trim().split(['-', '+']).next().unwrap_or_default()
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// Today, as everywhere at the same time.
pub(crate) fn date() -> String {
    line_of("date", &["-u", "+%Y-%m-%d"]).unwrap_or_else(unknown)
}

fn rustc() -> Option<String> {
    line_of("rustc", &["-V"]).map(|line| line.trim_start_matches("rustc ").to_owned())
}

/// The commit of the sources, marked when they were changed since.
fn commit() -> Option<String> {
    line_of("git", &["describe", "--always", "--dirty", "--abbrev=10"])
}

/// The first line that a program prints.
fn line_of(program: &str, args: &[&str]) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(program).args(args).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

/// The value of the first `key : value` line.
fn value_in(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

/// The version that a lock file names for a package.
fn locked(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| **line != name).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_a_version() {
        for package in PEERS.iter().filter_map(|peer| peer.package) {
            assert!(locked(LOCK, package).is_some(), "{package}");
        }
        assert_eq!(locked(LOCK, "no such package"), None);
    }

    #[test]
    fn a_kernel_has_a_short_version() {
        assert_eq!(version_in("6.1.0-13-amd64\n"), "6.1.0");
    }

    #[test]
    fn values_are_found_by_their_key() {
        assert_eq!(value_in("a b\t: c d\n", "a b"), Some("c d".to_owned()));
    }
}
