//! The schedule of a run, as it is reported: who ran, and why somebody else went on.

#![forbid(unsafe_code)]

use crate::util::Shown;
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// So many of the last switches are kept.
const KEPT: usize = 10_000;

/// Who a goroutine of the run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) name: Option<Arc<str>>,
    /// Where it was spawned. `None`: it is the body of the run, which is the same wherever it is asked for.
    pub(crate) site: Option<&'static Location<'static>>,
}

/// Why a goroutine did not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// The run begins.
    Start,
    /// It was stopped there.
    Stopped(&'static str),
    Yields,
    Ends,
    Waits(&'static str),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("begins"),
            Self::Stopped(what) => write!(f, "is stopped {what}"),
            Self::Yields => f.write_str("yields"),
            Self::Ends => f.write_str("ends"),
            Self::Waits(what) => write!(f, "waits: {what}"),
        }
    }
}

/// One goroutine after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Switch {
    /// Which draw of the run it was.
    pub(crate) step: u64,
    /// The time since the start.
    pub(crate) at: Duration,
    /// The one that ran, by its number from 1, and why it does not go on. `None`: the run begins.
    pub(crate) from: Option<usize>,
    pub(crate) cause: Cause,
    /// The one that runs.
    pub(crate) to: usize,
}

/// What was drawn in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) who: Vec<Who>,
    /// The last ones.
    pub(crate) switches: VecDeque<Switch>,
    /// How many there were.
    pub(crate) count: u64,
    /// Draws, switches or not, and dice thrown for others.
    pub(crate) steps: u64,
    /// Of all that was drawn.
    pub(crate) digest: u64,
    /// What came from outside.
    pub(crate) notes: Vec<String>,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            who: Vec::new(),
            switches: VecDeque::new(),
            count: 0,
            steps: 0,
            digest: 0xCBF2_9CE4_8422_2325,
            notes: Vec::new(),
        }
    }

    pub(super) fn switch(&mut self, switch: Switch) {
        if self.switches.len() == KEPT {
            self.switches.pop_front();
        }
        self.switches.push_back(switch);
        self.count += 1;
    }

    /// FNV-1a, by words.
    pub(super) fn digest(&mut self, word: u64) {
        self.steps += 1;
        self.digest = (self.digest ^ word).wrapping_mul(0x0100_0000_01B3);
    }

    /// The last `n` switches, a line each.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, n: usize) -> fmt::Result {
        let shown = self.switches.len().min(n);
        write!(f, "{} switches in {} draws", self.count, self.steps)?;
        if self.count > shown as u64 {
            write!(f, "; the last {shown}")?;
        }
        let mut named = vec![false; self.who.len()];
        for switch in self.switches.iter().skip(self.switches.len() - shown) {
            write!(f, "\n{:>6} {:>8}  ", switch.step, format!("{:?}", switch.at))?;
            if let Some(from) = switch.from {
                self.name(f, from, &mut named)?;
                write!(f, " {} -> ", switch.cause)?;
            }
            self.name(f, switch.to, &mut named)?;
            if switch.from.is_none() {
                f.write_str(" begins")?;
            }
        }
        self.notes
            .iter()
            .try_for_each(|note| write!(f, "\nthis schedule is not deterministic: {note}"))
    }

    /// With the place where it was spawned, the first time.
    fn name(&self, f: &mut fmt::Formatter<'_>, who: usize, named: &mut [bool]) -> fmt::Result {
        write!(f, "g{who}")?;
        let Some(Who { name, site }) = self.who.get(who - 1) else { return Ok(()) };
        // The body is "the test".
        if let (Some(name), Some(_)) = (name, site) {
            write!(f, " '{}'", Shown(name))?;
        }
        if !std::mem::replace(&mut named[who - 1], true) {
            match site {
                Some(site) => write!(f, " ({}:{})", site.file(), site.line())?,
                None => f.write_str(" (the test)")?,
            }
        }
        Ok(())
    }
}
