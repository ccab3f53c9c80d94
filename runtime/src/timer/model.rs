//! Random operations beside a sorted map, in phases that each try to make one thing go wrong: crowds on one deadline,
//! the edges of ticks, cancelling from either end, deadlines that never come, a clock that leaps.

use super::{Deadlines, FEW, Key, NEVER};
use std::collections::BTreeMap;

/// A time, with its number, for the order among equals.
type Place = (u64, u64);

const TICK: u64 = 1 << 17;

struct Model {
    state: u64,
    now: u64,
    crowd: u64,
    number: u64,
    deadlines: Deadlines<u64>,
    map: BTreeMap<Place, Key>,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut deadlines = Deadlines::new();
        // Close to where numbers wrap, in two of three.
        deadlines.next_seq = [0, u64::from(u32::MAX) - 2000, (1 << 31) - 1000][seed as usize % 3];
        let (state, now) = (seed, (seed % 2) * 1_000_000_000);
        Self { state, now, crowd: now, number: 0, deadlines, map: BTreeMap::new() }
    }

    /// SplitMix64.
    fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    /// Often small, sometimes huge.
    fn distance(&mut self, bits: u64) -> u64 {
        let bits = self.below(bits);
        self.below(1 << bits)
    }

    fn insert(&mut self, time: u64) {
        let place = (time, self.number);
        let (key, first) = self.deadlines.insert(time, self.number);
        let before = self.map.first_key_value().map(|(place, _)| *place);
        assert_eq!(first, before.is_none_or(|before| place < before));
        self.map.insert(place, key);
        self.number += 1;
    }

    fn cancel(&mut self, place: Option<Place>) {
        let Some(place) = place else { return };
        let Some(key) = self.map.remove(&place) else { return };
        assert_eq!(self.deadlines.cancel(key), Some(place.1));
        assert_eq!(self.deadlines.cancel(key), None);
        let counts = (self.deadlines.dead, self.deadlines.len());
        assert!(counts.0 <= FEW + counts.1, "{counts:?} are dead and alive");
    }

    fn leap(&mut self) {
        self.now += self.distance(40);
        for _ in 0..200 {
            match self.map.first_entry() {
                Some(first) if first.key().0 <= self.now => {
                    let ((_, number), _) = first.remove_entry();
                    assert_eq!(self.deadlines.pop_due(self.now), Some(number));
                    self.named();
                }
                _ => return assert_eq!(self.deadlines.pop_due(self.now), None),
            }
        }
    }

    /// Who is said to come has not come, and is later than nobody but those of the heap.
    fn named(&mut self) {
        let coming: Vec<u64> = self.deadlines.coming().copied().collect();
        let places: Vec<Place> = coming
            .iter()
            .map(|number| *self.map.keys().find(|place| place.1 == *number).expect("it waits"))
            .collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    fn extract(&mut self) {
        let every = 2 + self.below(5);
        let mut taken = self.deadlines.extract(|number| number % every == 0);
        taken.sort_unstable();
        let numbers = self.map.keys().map(|place| place.1);
        let mut meant: Vec<u64> = numbers.filter(|number| number % every == 0).collect();
        meant.sort_unstable();
        assert_eq!(taken, meant);
        self.map.retain(|place, _| place.1 % every != 0);
    }

    fn step(&mut self, phase: u64) {
        match phase {
            0 => (0..20).for_each(|_| self.insert(self.crowd)),
            1 => {
                let time = self.now + self.distance(50);
                self.insert(time);
            }
            2 => self.cancel(self.map.first_key_value().map(|(place, _)| *place)),
            3 => self.cancel(self.map.last_key_value().map(|(place, _)| *place)),
            4 => {
                let time = self.crowd / TICK * TICK + self.below(4) * TICK;
                let time = (time + 1).saturating_sub(self.below(3));
                self.insert(time);
            }
            5 => self.leap(),
            6 => match self.below(40) {
                0 => self.extract(),
                n if n < 15 => self.insert(NEVER),
                _ => {
                    let first = self.map.pop_first().map(|((_, number), _)| number);
                    assert_eq!(self.deadlines.pop(), first);
                }
            },
            _ => {
                let from = (self.now + self.distance(45), 0);
                let found = self.map.range(from..).next().or(self.map.first_key_value());
                self.cancel(found.map(|(place, _)| *place));
                let time = self.now + self.below(3) * self.distance(30);
                self.insert(time);
            }
        }
    }

    fn check(&self) {
        let first = self.map.keys().next().map_or(NEVER, |place| place.0);
        assert_eq!((self.deadlines.first(), self.deadlines.len()), (first, self.map.len()));
    }
}

fn run(seed: u64, steps: u64) {
    let mut model = Model::new(seed);
    let mut phase = 0;
    for step in 0..steps {
        if step % 500 == 0 {
            phase = model.below(8);
            if model.below(2) == 0 {
                let bits = 10 + model.below(35);
                model.crowd = model.now + model.below(1 << bits);
            }
        }
        model.step(phase);
        model.check();
        if step % 97 == 0 {
            model.deadlines.check();
        }
    }
    while let Some(((_, number), _)) = model.map.pop_first() {
        assert_eq!(model.deadlines.pop(), Some(number));
    }
    assert_eq!(model.deadlines.pop(), None);
    model.deadlines.check();
}

#[test]
fn behaves_as_a_sorted_map_whatever_comes() {
    for seed in 0..24 {
        let ran = std::panic::catch_unwind(|| run(seed, 5000));
        assert!(ran.is_ok(), "seed {seed}");
    }
}

impl<T> Deadlines<T> {
    /// All invariants of the [module](super), by looking at every entry.
    fn check(&self) {
        self.far.check();
        let near: Vec<_> = self.heap.entries().iter().chain(&self.run).copied().collect();
        assert!(!near.is_empty() || self.far.len() == 0);
        assert!(near.iter().all(|entry| !self.far.is_far(entry.at)));
        if let Some(first) = self.peek() {
            assert!(self.slab.is_live(first.index));
            assert!(near.iter().all(|entry| !entry.is_before(first)));
        }
        assert!(self.heap.last().is_none_or(|last| self.slab.is_live(last.index)));
        assert!(self.run.windows(2).all(|pair| pair[1].is_before(pair[0])));
        let all: Vec<_> = near.iter().chain(self.far.entries()).collect();
        let dead = all.iter().filter(|entry| !self.slab.is_live(entry.index)).count();
        assert_eq!(dead, self.dead);
        let mut places: Vec<u32> = all.iter().map(|entry| entry.index).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), all.len());
    }
}
