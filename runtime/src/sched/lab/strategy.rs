//! How it is drawn who goes on. The seed says all of it: which strategy, its numbers, and every throw.
//!
//! * **A walk** throws for one of all that can run, at every step: a third of the seeds with even chances, a third with the
//!   running one stopped rarely. What needs many switches close together is found by the first, what needs a long run of one
//!   goroutine in a certain place by the second.
//! * **Priorities**: each goroutine gets one at random, the highest runs, and at a few steps chosen beforehand the
//!   running one gets the lowest. A bug that needs `d` orderings among `n` goroutines in `k` steps is thus found with a chance of
//!   1 / (n k^(d - 1)) at least, whatever the program does otherwise (Burckhardt, Kothari, Musuvathi, Nagarakatte: "A
//!   Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010). How long a run will be is not
//!   known beforehand, and a seed must mean the same always: so the seed throws for that, too.
//!   Who yields, or goes on for long without ever waiting, gets the lowest priority: it waits for somebody, in a loop.

#![forbid(unsafe_code)]

use crate::util::Rng;

/// So many steps in a row without a wait are a loop that waits for somebody.
const SPINS: u32 = 200;
/// Above them are the priorities that goroutines begin with.
const LOWEST: u64 = 1 << 40;

#[derive(Debug)]
pub(super) enum Strategy {
    /// The running one is stopped at one of `rarely` steps; 0: all chances are even.
    Walk {
        rarely: usize,
    },
    Priorities(Priorities),
}

#[derive(Debug)]
pub(super) struct Priorities {
    /// By goroutine.
    of: Vec<u64>,
    /// The steps at which the running one gets the lowest.
    changes: Vec<u64>,
    lowest: u64,
    step: u64,
    /// Who ran last, and for how many steps in a row.
    spins: (usize, u32),
}

impl Strategy {
    pub(super) fn new(rng: &Rng) -> Self {
        match rng.below(3) {
            0 => Self::Walk { rarely: 0 },
            1 => Self::Walk { rarely: 2 << rng.below(6) },
            _ => {
                let length = 8_usize << rng.below(10);
                let changes = (0..=rng.below(3)).map(|_| rng.below(length) as u64).collect();
                let (of, lowest) = (Vec::new(), LOWEST);
                Self::Priorities(Priorities { of, changes, lowest, step: 0, spins: (0, 0) })
            }
        }
    }

    /// Whether `running` makes way, and to which of `others`: its place among them. There are some.
    pub(super) fn stop(&mut self, rng: &Rng, running: usize, others: &[usize]) -> Option<usize> {
        match self {
            Self::Walk { rarely: 0 } => rng.below(others.len() + 1).checked_sub(1),
            Self::Walk { rarely } => (rng.below(*rarely) == 0).then(|| rng.below(others.len())),
            Self::Priorities(priorities) => {
                priorities.step(rng, running);
                let best = priorities.best(rng, others);
                let is_higher = priorities.of(rng, others[best]) > priorities.of(rng, running);
                is_higher.then_some(best)
            }
        }
    }

    /// Which of `all` goes on: its place among them. There are some. `yielded`: who does not want to, if others do.
    pub(super) fn next(&mut self, rng: &Rng, all: &[usize], yielded: Option<usize>) -> usize {
        match self {
            Self::Walk { .. } => {
                let Some(not) = yielded.and_then(|who| all.iter().position(|one| *one == who))
                else {
                    return rng.below(all.len());
                };
                match all.len() {
                    1 => 0,
                    n => (not + 1 + rng.below(n - 1)) % n,
                }
            }
            Self::Priorities(priorities) => {
                if let Some(who) = yielded {
                    priorities.lower(rng, who);
                }
                let best = priorities.best(rng, all);
                priorities.step(rng, all[best]);
                best
            }
        }
    }
}

impl Priorities {
    fn of(&mut self, rng: &Rng, who: usize) -> u64 {
        while self.of.len() <= who {
            self.of.push(LOWEST + 1 + rng.below(1 << 30) as u64);
        }
        self.of[who]
    }

    fn lower(&mut self, rng: &Rng, who: usize) {
        self.of(rng, who);
        self.lowest -= 1;
        self.of[who] = self.lowest;
    }

    /// `running` takes a step.
    fn step(&mut self, rng: &Rng, running: usize) {
        self.step += 1;
        let (who, spins) = self.spins;
        self.spins = if who == running { (who, spins + 1) } else { (running, 0) };
        if self.changes.contains(&self.step) || self.spins.1 >= SPINS {
            self.spins = (running, 0);
            self.lower(rng, running);
        }
    }

    fn best(&mut self, rng: &Rng, all: &[usize]) -> usize {
        let mut best = (0, 0);
        for (at, who) in all.iter().enumerate() {
            let priority = self.of(rng, *who);
            if priority > best.1 {
                best = (at, priority);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Rng, SPINS, Strategy};

    fn strategies(n: u64) -> impl Iterator<Item = (Rng, Strategy)> {
        (0..n).map(|seed| {
            let rng = Rng::seeded(seed);
            let strategy = Strategy::new(&rng);
            (rng, strategy)
        })
    }

    #[test]
    fn a_seed_means_the_same_each_time() {
        let throws = |seed| {
            let rng = Rng::seeded(seed);
            let mut strategy = Strategy::new(&rng);
            let mut throws = vec![];
            for _ in 0..50 {
                throws.push(strategy.stop(&rng, 0, &[1, 2]).unwrap_or(9));
                throws.push(strategy.next(&rng, &[0, 1, 2], None));
            }
            throws
        };
        for seed in 0..30 {
            assert_eq!(throws(seed), throws(seed));
        }
        assert!((1..30).any(|seed| throws(seed) != throws(0)));
    }

    #[test]
    fn who_spins_makes_way_and_who_yields_does_not_go_on() {
        for (rng, mut strategy) in strategies(200) {
            let steps = (0..100 * SPINS).position(|_| strategy.stop(&rng, 0, &[1]).is_some());
            assert!(steps.is_some(), "{strategy:?} lets one spin for ever");
        }
        for (rng, mut strategy) in strategies(200) {
            for who in [0, 1, 0, 1] {
                assert_eq!([0, 1][strategy.next(&rng, &[0, 1], Some(who))], 1 - who);
            }
            assert_eq!(strategy.next(&rng, &[7], Some(7)), 0);
        }
    }

    #[test]
    fn everybody_has_a_chance() {
        for first in 0..3 {
            let all = strategies(100).any(|(rng, mut s)| s.next(&rng, &[0, 1, 2], None) == first);
            assert!(all, "{first} never goes first");
        }
    }
}
