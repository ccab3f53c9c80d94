//! What is measured: one function for each question, generic over the map.

use crate::fresh::fresh;
use crate::memory;
use crate::peers::Peer;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Keys that look like chance: the sequence of splitmix64.
pub(crate) fn key(n: u64) -> u64 {
    let x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn filled<P: Peer>(keys: u64) -> P {
    let mut map = P::new();
    (0..keys).for_each(|n| map.insert(key(n), n));
    map
}

fn nanos(time: Duration, ops: u64) -> f64 {
    time.as_nanos() as f64 / ops as f64
}

/// How long each insert took.
pub(crate) struct Latencies {
    /// In order of time; with the clock's own price.
    pub(crate) each: Vec<u32>,
    sorted: Vec<u32>,
}

impl Latencies {
    pub(crate) fn worst(&self) -> f64 {
        self.sorted.last().copied().unwrap_or_default().into()
    }

    pub(crate) fn quantile(&self, q: f64) -> f64 {
        self.sorted[(self.sorted.len() as f64 * q) as usize].into()
    }
}

/// One run, in memory that the program has not used before: a child process does it.
pub(crate) fn latency<P: Peer>(keys: u64, state: &P::State) -> Latencies {
    let each = fresh(|| {
        // Ones, so that the pages of the list are there before the clock runs.
        let mut each = vec![1_u32; keys as usize];
        let mut map = P::with(state.clone());
        let mut before = Instant::now();
        for (n, time) in each.iter_mut().enumerate() {
            map.insert(key(n as u64), n as u64);
            let now = Instant::now();
            *time = (now - before).as_nanos().min(u32::MAX.into()) as u32;
            before = now;
        }
        each
    });
    Latencies::of(each)
}

impl Latencies {
    fn of(each: Vec<u32>) -> Self {
        let mut sorted = each.clone();
        sorted.sort_unstable();
        Self { each, sorted }
    }

    /// Of several runs with the same buckets, each insert in the one that disturbed it least. What the
    /// machine does beside is hardly ever at the same insert twice; what the map does is.
    pub(crate) fn least(runs: &[Self]) -> Self {
        let inserts = 0..runs.first().map_or(0, |run| run.each.len());
        let least = |n| runs.iter().map(|run| run.each[n]).min().unwrap_or(0);
        Self::of(inserts.map(least).collect())
    }
}

/// Bytes in use at most while so many keys come, and in the end.
pub(crate) fn memory<P: Peer>(keys: u64) -> (usize, usize) {
    let before = memory::now();
    memory::peak();
    let map = filled::<P>(keys);
    let (peak, end) = (memory::peak() - before, memory::now() - before);
    black_box(map);
    (peak, end)
}

/// Nanoseconds for each of `gets` look-ups of keys that are there, in random order.
pub(crate) fn get<P: Peer>(keys: u64, gets: u64) -> f64 {
    let map = filled::<P>(keys);
    // The order in which they came is not the order in which they are asked for.
    let asked: Vec<u64> = (0..keys.max(1 << 16)).map(|n| key(key(n) % keys)).collect();
    let run = |gets: u64| {
        let mut sum = 0_u64;
        for asked in asked.iter().cycle().take(gets as usize) {
            sum = sum.wrapping_add(map.get(*asked).expect("the key was put in"));
        }
        black_box(sum)
    };
    run(gets / 4);
    let begun = Instant::now();
    run(gets);
    nanos(begun.elapsed(), gets)
}

/// Nanoseconds for each insert into a map that begins empty; small maps are filled again and again.
pub(crate) fn insert<P: Peer>(keys: u64) -> f64 {
    let times = (1_000_000 / keys).max(1);
    let keyed: Vec<u64> = (0..keys).map(key).collect();
    let mut time = Duration::ZERO;
    for _ in 0..times {
        let begun = Instant::now();
        let mut map = P::new();
        for key in &keyed {
            map.insert(*key, 1);
        }
        time += begun.elapsed();
        drop(black_box(map));
    }
    nanos(time, keys * times)
}

/// Nanoseconds for each key when all of many maps are gone through, one map after the other: of the same map again and again
/// a processor learns by heart where the next full cell is.
pub(crate) fn iterate_in_turn<P: Peer>(keys: u64) -> f64 {
    // Enough of them to have no pattern, and not so many that it is the memory that is measured.
    let maps: Vec<P> = (0..(200_000 / keys).max(4)).map(|_| filled::<P>(keys)).collect();
    let expected = (0..keys).fold(0_u64, |sum, n| sum.wrapping_add(key(n) ^ n));
    let count = maps.len() as u64;
    let begun = Instant::now();
    for map in maps.iter().cycle().take(40 * maps.len()) {
        assert_eq!(black_box(map).sum(), expected, "something is missing");
    }
    nanos(begun.elapsed(), 40 * count * keys)
}

/// Nanoseconds for each key when all are gone through.
pub(crate) fn iterate<P: Peer>(keys: u64) -> f64 {
    let map = filled::<P>(keys);
    let times = (8_000_000 / keys).max(1);
    let expected = (0..keys).fold(0_u64, |sum, n| sum.wrapping_add(key(n) ^ n));
    let begun = Instant::now();
    for _ in 0..times {
        assert_eq!(black_box(&map).sum(), expected, "something is missing");
    }
    nanos(begun.elapsed(), keys * times)
}
