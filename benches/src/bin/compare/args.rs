//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use benches::child::Park;
use benches::peers::PEERS;
use benches::row::Row;

use crate::curve::Curve;

pub(crate) const USAGE: &str = "\
usage: compare [options]
       compare charts FILE.json.. [--out DIR]   draw what --json saved (default: docs)
  --rows A,B      rows to run, or whole groups: tasks, channels, sync, time, stall, net,
                  tails (default: all, or none with --curves)
  --curves A,B    also ask rows at many sizes: spawn, parked, channels, procs, connections,
                  timers, or all
  --most N        the largest size on a curve (default: 1000000; spawn has 10000000, too)
  --peers A,B     peers to run, `go` among them (default: all)
  --procs 2,1     numbers of workers (default: 2,1)
  --rounds N      processes per peer, row and number of workers (default: 3)
  --repeats N     samples per process, after one warm-up (default: 5)
  --charts DIR    also draw bars and lines there
  --json FILE     also write every sample, the machine and the versions
  --park KIND     what rt's parked tasks wait on: waitgroup or chan (default: waitgroup)
  --parked N      how many to park or to sleep (default: 1000000; a million needs about 6 GiB)
  --size ROW=N,.. other sizes: ticks, sleepers, connections, seconds of the stall row, items
  --timeout S     seconds after which a process is given up (default: 120)
  --list          show rows and peers";

/// The peer that is no Rust program.
pub(crate) const GO: &str = "go";

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) rows: Vec<Row>,
    pub(crate) curves: Vec<&'static Curve>,
    /// No point of a curve is larger.
    pub(crate) most: usize,
    pub(crate) peers: Vec<&'static str>,
    /// The peers were chosen, not taken as they are.
    pub(crate) peers_named: bool,
    pub(crate) procs: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) repeats: usize,
    pub(crate) json: Option<PathBuf>,
    pub(crate) charts: Option<PathBuf>,
    pub(crate) park: Park,
    pub(crate) parked: usize,
    /// What the rows' sizes are instead.
    pub(crate) sizes: Vec<(Row, usize)>,
    pub(crate) timeout: Duration,
}

impl Args {
    /// How large the row is to be.
    pub(crate) fn size(&self, row: Row) -> usize {
        let own = self.sizes.iter().rev().find(|(other, _)| *other == row);
        match own {
            Some(&(_, size)) => size,
            None if row.is_memory() => self.parked,
            None => row.spec().size,
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Compare(Args),
    /// Draws what was saved; of two files that have the same rows the later one counts.
    Charts {
        files: Vec<PathBuf>,
        folder: PathBuf,
    },
    List,
    Help,
}

/// Every peer, Go first.
pub(crate) fn all_peers() -> impl Iterator<Item = &'static str> {
    std::iter::once(GO).chain(PEERS.iter().map(|peer| peer.name))
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut args = Args {
        rows: Vec::new(),
        curves: Vec::new(),
        most: 1_000_000,
        peers: all_peers().collect(),
        peers_named: false,
        procs: vec![2, 1],
        rounds: 3,
        repeats: 5,
        json: None,
        charts: None,
        park: Park::WaitGroup,
        parked: Row::ManyParked.spec().size,
        sizes: Vec::new(),
        timeout: Duration::from_secs(120),
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "charts" => return charts(words),
            "--list" => return Ok(Request::List),
            "--help" | "-h" => return Ok(Request::Help),
            _ => {}
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--rows" => args.rows = list(&value, "row", Row::all_named)?.concat(),
            "--curves" => args.curves = list(&value, "curve", Curve::all_named)?.concat(),
            "--most" => args.most = number(&word, &value)?,
            "--peers" => {
                args.peers = list(&value, "peer", peer_named)?;
                args.peers_named = true;
            }
            "--procs" => args.procs = list(&value, "number of workers", positive)?,
            "--rounds" => args.rounds = number(&word, &value)?,
            "--repeats" => args.repeats = number(&word, &value)?,
            "--json" => args.json = Some(PathBuf::from(value)),
            "--charts" => args.charts = Some(PathBuf::from(value)),
            "--park" => {
                args.park = Park::named(&value).ok_or("--park is waitgroup or chan")?;
            }
            "--size" => args.sizes.extend(list(&value, "row with a size", size)?),
            "--parked" => args.parked = number(&word, &value)?,
            "--timeout" => args.timeout = Duration::from_secs(number(&word, &value)? as u64),
            _ => return Err(format!("unknown option {word}")),
        }
    }
    if args.rows.is_empty() && args.curves.is_empty() {
        args.rows = Row::ALL.to_vec();
    }
    Ok(Request::Compare(args))
}

/// What follows the word `charts`.
fn charts(mut words: impl Iterator<Item = String>) -> Result<Request, String> {
    let (mut files, mut folder) = (Vec::new(), PathBuf::from("docs"));
    while let Some(word) = words.next() {
        match word.as_str() {
            "--out" => folder = words.next().ok_or("--out needs a value")?.into(),
            _ if word.starts_with('-') => return Err(format!("unknown option {word}")),
            _ => files.push(PathBuf::from(word)),
        }
    }
    if files.is_empty() {
        return Err("charts needs a file that --json wrote".to_owned());
    }
    Ok(Request::Charts { files, folder })
}

fn peer_named(name: &str) -> Option<&'static str> {
    all_peers().find(|&peer| peer == name)
}

/// Reads `ROW=N`.
fn size(text: &str) -> Option<(Row, usize)> {
    let (row, size) = text.split_once('=')?;
    Some((Row::named(row)?, positive(size)?))
}

fn positive(text: &str) -> Option<usize> {
    text.parse().ok().filter(|&n| n > 0)
}

fn number(option: &str, text: &str) -> Result<usize, String> {
    positive(text).ok_or_else(|| format!("{option} needs a number above zero, not {text}"))
}

fn list<T>(text: &str, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    text.split(',').map(|word| find(word).ok_or_else(|| format!("no {what} {word}"))).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn parsed(line: &str) -> Result<Args, String> {
        match parse(line.split_whitespace().map(str::to_owned))? {
            Request::Compare(args) => Ok(args),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn lists_keep_their_order() {
        let args = parsed("--rows yield,skynet --peers tokio,go --procs 1,2").expect("args");
        assert_eq!(args.rows, [Row::Yield, Row::Skynet]);
        assert_eq!(args.peers, ["tokio", "go"]);
        assert_eq!(args.procs, [1, 2]);
    }

    #[test]
    fn a_group_stands_for_its_rows() {
        let args = parsed("--rows yield,sync").expect("args");
        assert_eq!(args.rows, [Row::Yield, Row::Mutex8, Row::MutexUncontended, Row::WaitGroup]);
    }

    #[test]
    fn curves_are_instead_of_rows_unless_both_are_named() {
        let args = parsed("--curves all").expect("args");
        assert_eq!((args.rows.len(), args.curves.len()), (0, 6));
        assert_eq!(parsed("--curves spawn --rows yield").expect("args").rows, [Row::Yield]);
        assert_eq!(parsed("").expect("args").rows, Row::ALL);
        assert_eq!(parsed("--curves nope").expect_err("no curve"), "no curve nope");
    }

    #[test]
    fn sizes_are_the_rows_own_unless_named() {
        let args = parsed("--parked 7 --size stall=5,ticker=9").expect("args");
        assert_eq!([Row::Stall, Row::Ticker].map(|row| args.size(row)), [5, 9]);
        assert_eq!([Row::Sleepers, Row::ManyParked].map(|row| args.size(row)), [7, 7]);
        assert_eq!(args.size(Row::TickerSpawn), Row::TickerSpawn.spec().size);
        assert_eq!(parsed("--size stall=0").expect_err("no size"), "no row with a size stall=0");
    }

    #[test]
    fn charts_are_drawn_from_files() {
        let request = |line: &str| parse(line.split(' ').map(str::to_owned));
        let Ok(Request::Charts { files, folder }) = request("charts a.json b.json --out x") else {
            panic!("charts");
        };
        assert_eq!((files.len(), folder), (2, PathBuf::from("x")));
        assert!(request("charts --out x").is_err() && request("charts --json x").is_err());
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parsed("--rows nope").expect_err("no such row"), "no row nope");
        assert_eq!(
            parsed("--rounds 0").map(|_| ()),
            Err("--rounds needs a number above zero, not 0".to_owned())
        );
        assert_eq!(parsed("--json").expect_err("no file"), "--json needs a value");
    }
}
