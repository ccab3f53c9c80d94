//! A process that runs one row on one peer: warm-ups, repeats, one line of JSON.

use serde_json::json;

use crate::peers::{Body, PEERS};
use crate::row::Row;
use crate::sample::{Failed, Sample};

/// What the peer parks its tasks on, where the row asks for many parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Park {
    /// A wait group that is done later.
    WaitGroup,
    /// A channel that is closed later.
    Chan,
}

impl Park {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Park::WaitGroup => "waitgroup",
            Park::Chan => "chan",
        }
    }

    /// Finds one by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Park> {
        [Park::WaitGroup, Park::Chan].into_iter().find(|park| park.name() == name)
    }
}

/// What one process is asked to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// The row to run.
    pub row: Row,
    /// Worker threads that may run tasks.
    pub procs: usize,
    /// Runs whose samples are thrown away.
    pub warm_ups: usize,
    /// Runs whose samples count.
    pub repeats: usize,
    /// The row's size.
    pub size: usize,
    /// What `rt` parks on.
    pub park: Park,
}

impl Job {
    /// How many arguments [`Job::args`] has.
    pub const WORDS: usize = 6;

    /// The job as arguments: a child's command line without the peer's name.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let numbers = [self.procs, self.warm_ups, self.repeats, self.size];
        let mut args = vec![self.row.spec().name.to_owned()];
        args.extend(numbers.map(|number| number.to_string()));
        args.push(self.park.name().to_owned());
        args
    }

    /// Reads what [`Job::args`] wrote.
    ///
    /// # Errors
    ///
    /// If the arguments are not such a list.
    pub fn from_args(args: &[String]) -> Result<Job, Failed> {
        let bad = || Failed(format!("not a job: {args:?}"));
        let [row, procs, warm_ups, repeats, size, park] = args else {
            return Err(bad());
        };
        let number = |text: &String| text.parse::<usize>().map_err(|_| bad());
        Ok(Job {
            row: Row::named(row).ok_or_else(bad)?,
            procs: number(procs)?,
            warm_ups: number(warm_ups)?,
            repeats: number(repeats)?,
            size: number(size)?,
            park: Park::named(park).ok_or_else(bad)?,
        })
    }
}

/// Runs the job on the peer of that name; the samples as a line of JSON.
///
/// # Errors
///
/// If there is no such peer, if it cannot start, or if a check failed.
pub fn run(peer: &str, job: &Job) -> Result<String, Failed> {
    let peer = PEERS
        .iter()
        .find(|known| known.name == peer)
        .ok_or_else(|| Failed(format!("no peer named {peer}")))?;
    let mut body = (peer.start)(job)?;
    let samples = samples(&mut body, job)?;
    Ok(json!({ "samples": samples }).to_string())
}

/// Runs the warm-ups and the repeats.
fn samples(body: &mut Body, job: &Job) -> Result<Vec<Sample>, Failed> {
    let mut samples = Vec::with_capacity(job.repeats);
    for turn in 0..job.warm_ups + job.repeats {
        let sample = body()?;
        if turn >= job.warm_ups {
            samples.push(sample);
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_the_command_line() {
        let job =
            Job { row: Row::Yield, procs: 2, warm_ups: 1, repeats: 5, size: 7, park: Park::Chan };
        let read = Job::from_args(&job.args()).expect("a job");
        assert_eq!(read.args(), job.args());
        assert_eq!(job.args().len(), Job::WORDS);
        assert!(Job::from_args(&[]).is_err());
    }

    #[test]
    fn warm_ups_are_thrown_away() {
        let job =
            Job { row: Row::Yield, procs: 1, warm_ups: 2, repeats: 3, size: 1, park: Park::Chan };
        let mut turn = 0.0;
        let mut body: Body = Box::new(move || {
            turn += 1.0;
            Ok(vec![turn])
        });
        assert_eq!(samples(&mut body, &job), Ok(vec![vec![3.0], vec![4.0], vec![5.0]]));
    }
}
