//! A pool's queue: tasks in the order in which they were accepted. One can be taken out wherever it lies.
//!
//! Who comes gets a *number*, larger than all before it. So the places are in the order of their numbers, and one is found by
//! its number in a few steps, wherever it has moved to; a number that is not found was taken out before. Where a task was taken
//! out there is a *hole*, which is passed over. Who makes one closes them up if they outweigh what is left: that is done once
//! for as many holes as there are places, and a line in which few tasks lie at a time does not get long.
//!
//! Invariants:
//! 1. Numbers grow from the front to the back, and are not used twice.
//! 2. So many places as `holes` says have no task.

use std::collections::{TryReserveError, VecDeque};
use std::num::NonZeroU64;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Line<T> {
    places: VecDeque<Place<T>>,
    holes: usize,
    last: u64,
}

#[derive(Debug)]
struct Place<T> {
    number: u64,
    task: Option<T>,
}

/// What a task has in its pool's queue.
pub(super) type Number = NonZeroU64;

/// So many holes are not worth the work.
const FEW: usize = 16;

impl<T> Line<T> {
    /// No line has more places.
    pub(super) const MOST: usize = isize::MAX as usize / size_of::<Place<T>>();

    pub(super) const fn new() -> Self {
        Self { places: VecDeque::new(), holes: 0, last: 0 }
    }

    /// With memory for `count` tasks.
    pub(super) fn with_room(count: usize) -> Result<Self, TryReserveError> {
        let mut line = Self::new();
        line.places.try_reserve_exact(count)?;
        Ok(line)
    }

    /// How many tasks there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.holes
    }

    /// Puts `task` last.
    #[inline]
    pub(super) fn push(&mut self, task: T) -> Number {
        self.last += 1;
        self.places.push_back(Place { number: self.last, task: Some(task) });
        // It has been counted up just now.
        Number::new(self.last).unwrap_or(Number::MIN)
    }

    /// Takes the first one.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        loop {
            let first = self.places.pop_front()?;
            if first.task.is_some() {
                return first.task;
            }
            self.holes -= 1;
        }
    }

    /// Takes the one with this number, if it is still there.
    #[cold]
    pub(super) fn take(&mut self, number: Number) -> Option<T> {
        let at = self.places.binary_search_by_key(&number.get(), |place| place.number).ok()?;
        let task = self.places[at].task.take()?;
        self.holes += 1;
        if self.holes > FEW && self.holes > self.len() {
            self.places.retain(|place| place.task.is_some());
            self.holes = 0;
        }
        Some(task)
    }

    /// Takes all, in order.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.holes = 0;
        std::mem::take(&mut self.places).into_iter().filter_map(|place| place.task)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{FEW, Line};
    use crate::util::Rng;
    use std::collections::BTreeMap;

    /// Beside a map, which is in order, too.
    #[test]
    fn tasks_come_out_in_order_or_by_their_number() {
        let rng = Rng::new();
        for round in 0..40 {
            let (mut line, mut model, mut gone) = (Line::new(), BTreeMap::new(), Vec::new());
            let mut most = 0;
            for step in 0..2_000 {
                match rng.below(10) {
                    // It grows in some rounds, and is nearly empty in others.
                    0..4 => {
                        let number = line.push(step);
                        assert!(model.keys().all(|other| *other < number));
                        model.insert(number, step);
                    }
                    4..6 if round % 4 != 0 => {
                        let first = model.pop_first();
                        assert_eq!(line.pop(), first.map(|(_, task)| task));
                        gone.extend(first.map(|(number, _)| number));
                    }
                    _ if !model.is_empty() => {
                        let number = *model.keys().nth(rng.below(model.len())).unwrap();
                        assert_eq!(line.take(number), model.remove(&number));
                        gone.push(number);
                    }
                    _ => {}
                }
                if !gone.is_empty() {
                    assert_eq!(line.take(gone[rng.below(gone.len())]), None, "it is not there");
                }
                assert_eq!(line.len(), model.len());
                most = model.len().max(most);
                assert!(line.places.len() <= 2 * most + FEW, "{} {most}", line.places.len());
            }
            assert!(line.drain().eq(model.into_values()));
            assert_eq!((line.len(), line.pop()), (0, None));
        }
    }

    /// Nothing is popped: all others are taken out, and one stays in front.
    #[test]
    fn it_does_not_grow_with_those_that_were_taken_out() {
        let mut line = Line::new();
        line.push(0);
        let mut last = line.push(1);
        for n in 2..10_000 {
            let next = line.push(n);
            assert_eq!(line.take(last), Some(n - 1));
            last = next;
        }
        assert_eq!(line.len(), 2);
        assert!(line.places.len() <= FEW + 2, "{}", line.places.len());
        assert_eq!((line.pop(), line.pop(), line.pop()), (Some(0), Some(9_999), None));
    }
}
