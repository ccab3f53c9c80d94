//! What it is told on the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "usage: checker [--timeout SECONDS] [--workers N] PATH";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) timeout: Duration,
    pub(crate) workers: usize,
}

impl Options {
    /// `None`: help is wanted.
    pub(crate) fn parse(
        arguments: impl Iterator<Item = OsString>,
    ) -> Result<Option<Options>, String> {
        let mut arguments = arguments;
        let (mut path, mut timeout, mut workers) = (None, Duration::from_secs(60), 32);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(None),
                Some("--timeout") => {
                    let seconds = value(arguments.next()).and_then(|text| text.parse().ok());
                    let seconds = seconds.and_then(|n| Duration::try_from_secs_f64(n).ok());
                    timeout = seconds.ok_or("--timeout wants a number of seconds")?;
                }
                Some("--workers") => {
                    let number = value(arguments.next()).and_then(|text| text.parse().ok());
                    let number = number.filter(|n| (1..=1000).contains(n));
                    workers = number.ok_or("--workers wants a number from 1 to 1000")?;
                }
                Some(option) if option.starts_with('-') => {
                    return Err(format!("there is no option {option:?}"));
                }
                _ if path.is_some() => return Err("one PATH, and no more".to_owned()),
                _ => path = Some(PathBuf::from(argument)),
            }
        }
        let path = path.ok_or("PATH is missing")?;
        Ok(Some(Options { path, timeout, workers }))
    }
}

fn value(argument: Option<OsString>) -> Option<String> {
    argument?.into_string().ok()
}
