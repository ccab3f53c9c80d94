//! The channels of contexts that are gone, while somebody still has them: who can still cancel closes them.
//!
//! Nobody says when he has dropped his last clone of one. So whoever brings one looks at the two that were looked at longest
//! ago, and takes those out that nobody has any more; the others go to the end. A round through `n` brings `n / 2` new ones, and
//! after it only those of the old ones are left that somebody has: so there are at most about twice as many as somebody has, and
//! nobody does more than a few steps for each that he brings. Who makes a context below looks at two as well, so that the last of a
//! burst do not stay for as long as the parent lives.

use crate::chan::Receiver;
use std::collections::VecDeque;

/// See the [module](self).
#[expect(clippy::box_collection, reason = "most contexts have none: it is one word of each")]
pub(super) struct Bells(Option<Box<VecDeque<Receiver<()>>>>);

/// So many are looked at for each that comes, and for each context that is made.
const LOOKS: usize = 2;
/// A list with no more places is not too large.
const FEW: usize = 32;

impl Bells {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |bells| bells.len())
    }

    pub(super) fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    pub(super) fn push(&mut self, bell: Receiver<()>) {
        self.0.get_or_insert_default().push_back(bell);
    }

    /// All of both. Returns those that nobody else has, to be dropped without a lock.
    ///
    /// Of two lists the smaller one is moved: so one that goes up a line of contexts, and gets longer with each, is not moved
    /// once for each of them.
    #[must_use = "to be dropped without a lock"]
    pub(super) fn join(&mut self, mut others: Self) -> Vec<Receiver<()>> {
        if self.len() < others.len() {
            std::mem::swap(self, &mut others);
        }
        let mut left = Vec::new();
        let (Some(bells), Some(others)) = (&mut self.0, others.0) else { return left };
        for bell in *others {
            look(bells, &mut left);
            bells.push_back(bell);
        }
        shrink(bells);
        left
    }

    /// Looks at the next ones. Returns those that nobody else has, to be dropped without a lock.
    #[must_use = "to be dropped without a lock"]
    pub(super) fn look(&mut self) -> Vec<Receiver<()>> {
        let mut left = Vec::new();
        if let Some(bells) = &mut self.0 {
            look(bells, &mut left);
            shrink(bells);
            if bells.is_empty() {
                self.0 = None;
            }
        }
        left
    }

    /// All of them, to be rung without a lock.
    pub(super) fn copies(&self) -> Vec<Receiver<()>> {
        self.0.iter().flat_map(|bells| bells.iter().cloned()).collect()
    }

    pub(super) fn ring(&self) {
        self.0.iter().flat_map(|bells| bells.iter()).for_each(Receiver::ring);
    }
}

fn look(bells: &mut VecDeque<Receiver<()>>, left: &mut Vec<Receiver<()>>) {
    for _ in 0..LOOKS {
        match bells.pop_front() {
            Some(old) if old.has_others() => bells.push_back(old),
            old => left.extend(old),
        }
    }
}

fn shrink(bells: &mut VecDeque<Receiver<()>>) {
    if bells.capacity() > FEW && bells.len() < bells.capacity() / 4 {
        bells.shrink_to(bells.len() * 2);
    }
}

#[cfg(all(test, not(loom), not(shuttle)))]
mod tests {
    use super::Bells;
    use crate::chan::{self, Receiver};
    use std::collections::VecDeque;

    fn one(bell: &Receiver<()>) -> Bells {
        let mut bells = Bells::NONE;
        bells.push(bell.clone());
        bells
    }

    /// So many live at a time, each until as many others have come.
    #[test]
    fn there_are_not_many_more_than_somebody_has() {
        let mut bells = Bells::NONE;
        for lives in [1, 10, 1_000, 3] {
            let mut alive = VecDeque::new();
            for turn in 0..20_000 {
                let bell = chan::bell(None);
                drop(bells.join(one(&bell)));
                alive.push_back(bell);
                if alive.len() > lives {
                    alive.pop_front();
                }
                let len = bells.len();
                assert!((alive.len()..=2 * lives + 3).contains(&len) || turn < 10_000, "{len}");
            }
        }
        assert!(bells.0.unwrap().capacity() <= 64);
    }

    /// Some live for ever, and many for a moment.
    #[test]
    fn those_that_stay_hide_none_of_those_that_go() {
        let kept: Vec<_> = (0..1_000).map(|_| chan::bell(None)).collect();
        let mut bells = Bells::NONE;
        kept.iter().for_each(|bell| bells.push(bell.clone()));
        for _ in 0..100_000 {
            drop(bells.join(one(&chan::bell(None))));
            assert!((1_000..=2_003).contains(&bells.len()), "{}", bells.len());
        }
    }

    /// Nobody brings another one.
    #[test]
    fn a_burst_leaves_nothing() {
        let kept: Vec<_> = (0..1_000).map(|_| chan::bell(None)).collect();
        let mut bells = Bells::NONE;
        kept.iter().for_each(|bell| bells.push(bell.clone()));
        for _ in 0..2_000 {
            assert!(bells.look().is_empty());
        }
        drop(kept);
        (0..500).for_each(|_| assert_eq!(bells.look().len(), 2));
        assert!(bells.is_empty());
        assert!(bells.look().is_empty());
    }

    #[test]
    fn the_smaller_list_moves() {
        let kept: Vec<_> = (0..100).map(|_| chan::bell(None)).collect();
        let mut many = Bells::NONE;
        kept.iter().for_each(|bell| many.push(bell.clone()));
        for _ in 0..2 {
            let mut few = one(&kept[0]);
            let list = |bells: &Bells| std::ptr::from_ref(&**bells.0.as_ref().unwrap());
            let place = list(&many);
            assert!(few.join(many).is_empty());
            assert_eq!(list(&few), place);
            many = few;
        }
        assert_eq!(many.len(), 102);
    }
}
