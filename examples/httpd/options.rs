//! The command line.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: httpd [OPTION VALUE]...

  --dir PATH           what is served                                        .
  --host ADDRESS       where it listens                                      127.0.0.1
  --port N             0: one that is free                                   8080
  --connections N      how many at a time; more of them wait                 1024
  --requests N         how many on one connection                            1000
  --head-timeout SECS  for the head of a request, and again for its body     10
  --idle-timeout SECS  between two requests                                  60
  --write-timeout SECS for each 64 KiB of an answer                          20
  --grace SECS         for what is under way when it is to stop              5
  --log all|errors     which requests get a line                             all
";

pub(crate) struct Options {
    pub(crate) dir: PathBuf,
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) connections: usize,
    pub(crate) grace: Duration,
    pub(crate) limits: Limits,
    pub(crate) log_all: bool,
}

/// What one connection may do.
pub(crate) struct Limits {
    pub(crate) requests: u32,
    pub(crate) head: Duration,
    pub(crate) idle: Duration,
    pub(crate) write: Duration,
}

pub(crate) enum Invocation {
    Serve(Options),
    Help,
}

pub(crate) fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Invocation, String> {
    let mut options = Options {
        dir: ".".into(),
        host: IpAddr::from([127, 0, 0, 1]),
        port: 8080,
        connections: 1024,
        grace: Duration::from_secs(5),
        limits: Limits {
            requests: 1000,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            write: Duration::from_secs(20),
        },
        log_all: true,
    };
    let limits = &mut options.limits;
    while let Some(option) = arguments.next() {
        let option = option.to_string_lossy().into_owned();
        if option == "--help" || option == "-h" {
            return Ok(Invocation::Help);
        }
        let mut value = || arguments.next().ok_or_else(|| format!("{option} wants a value"));
        match option.as_str() {
            "--dir" => options.dir = value()?.into(),
            "--host" => options.host = number(&option, value()?, "an address, as 127.0.0.1")?,
            "--port" => options.port = number(&option, value()?, "a number from 0 to 65535")?,
            "--connections" => options.connections = at_least_one(&option, value()?)?,
            "--requests" => limits.requests = at_least_one(&option, value()?)?,
            "--head-timeout" => limits.head = seconds(&option, value()?)?,
            "--idle-timeout" => limits.idle = seconds(&option, value()?)?,
            "--write-timeout" => limits.write = seconds(&option, value()?)?,
            "--grace" => options.grace = seconds(&option, value()?)?,
            "--log" => {
                options.log_all = match value()?.to_str() {
                    Some("all") => true,
                    Some("errors") => false,
                    _ => return Err("--log wants all or errors".to_string()),
                }
            }
            _ => return Err(format!("there is no option {option:?}")),
        }
    }
    Ok(Invocation::Serve(options))
}

fn number<T: std::str::FromStr>(option: &str, value: OsString, what: &str) -> Result<T, String> {
    let text = value.to_string_lossy();
    text.parse().map_err(|_| format!("{option} wants {what}, not {text:?}"))
}

/// A million is more than any machine has files for, and less than a semaphore may have permits.
fn at_least_one<T>(option: &str, value: OsString) -> Result<T, String>
where
    T: TryFrom<u32>,
{
    const WANTED: &str = "a number from 1 to 1000000";
    let n: u32 = number(option, value, WANTED)?;
    match T::try_from(n) {
        Ok(t) if (1..=1_000_000).contains(&n) => Ok(t),
        _ => Err(format!("{option} wants {WANTED}, not \"{n}\"")),
    }
}

fn seconds(option: &str, value: OsString) -> Result<Duration, String> {
    const WANTED: &str = "seconds, from 0.001 to 86400";
    let secs: f64 = number(option, value, WANTED)?;
    if !(0.001..=86_400.0).contains(&secs) {
        return Err(format!("{option} wants {WANTED}, not \"{secs}\""));
    }
    Ok(Duration::from_secs_f64(secs))
}
