//! Many use the map at once; and code of the user that uses it, too, or gives way.

use crate::common::{self, Rng, Tally, Token, runtime, seeded, turns};
use crate::{Bad, HASHERS, pairs};
use rt::sync::Map;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A key whose every piece of code uses the map that it is in, and gives way.
struct Busy {
    n: u32,
    map: Arc<Map<Self, Busy2>>,
    _token: Token,
}

/// The value of one.
struct Busy2(u32, std::sync::Weak<Map<Busy, Busy2>>, Token);

fn be_busy(map: &Map<Busy, Busy2>) {
    // Reads the whole map: every lock is free, or soon will be.
    assert!(map.len() <= 100);
    rt::yield_now();
}

impl Hash for Busy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        be_busy(&self.map);
        // Three hashes in all.
        (self.n % 3).hash(state);
    }
}

impl PartialEq for Busy {
    fn eq(&self, other: &Self) -> bool {
        be_busy(&self.map);
        self.n == other.n
    }
}

impl Eq for Busy {}

impl Drop for Busy2 {
    fn drop(&mut self) {
        if let Some(map) = self.1.upgrade() {
            be_busy(&map);
        }
    }
}

impl Clone for Busy2 {
    fn clone(&self) -> Self {
        if let Some(map) = self.1.upgrade() {
            be_busy(&map);
        }
        Self(self.0, self.1.clone(), self.2.clone())
    }
}

impl PartialEq for Busy2 {
    fn eq(&self, other: &Self) -> bool {
        if let Some(map) = self.1.upgrade() {
            be_busy(&map);
        }
        self.0 == other.0
    }
}

/// On one processor a lock that is held over a switch would end it all.
#[test]
fn code_of_the_user_may_switch_and_use_the_map() {
    let _t = common::test();
    for procs in [1, 2] {
        let runtime = runtime(procs);
        let tally = Tally::default();
        runtime.run(|| {
            let map: Arc<Map<Busy, Busy2>> = Arc::new(Map::new());
            let (key, value) = {
                let (map, weak, tally) = (&map, Arc::downgrade(&map), &tally);
                (
                    move |n| Busy { n, map: Arc::clone(map), _token: tally.token() },
                    move |n| Busy2(n, weak.clone(), tally.token()),
                )
            };
            rt::scope(|s| {
                for g in 0..8 {
                    let (map, key, value) = (&map, &key, &value);
                    s.spawn(move || {
                        let mut rng = Rng::new(g);
                        for _ in 0..turns(15, 150) {
                            let n = rng.below(9) as u32;
                            match rng.below(8) {
                                0 => map.store(key(n), value(n)),
                                1 => drop(map.swap(key(n), value(n))),
                                2 => assert_eq!(map.load_or_store(key(n), value(n)).0.0, n),
                                3 => drop(map.load_and_delete(&key(n))),
                                4 => {
                                    map.compare_and_swap(key(n), &value(n), value(n));
                                }
                                5 => {
                                    map.compare_and_delete(&key(n), &value(n));
                                }
                                6 => map.range(|key, value| {
                                    be_busy(map);
                                    assert_eq!(key.n, value.0);
                                    true
                                }),
                                _ => assert!(map.load(&key(n)).is_none_or(|v| v.0 == n)),
                            }
                        }
                    });
                }
            });
            // The keys hold the map.
            map.clear();
        });
        tally.assert_all_dropped();
    }
}

/// Compares equal after a while, in which others run.
#[derive(Clone, Debug)]
struct Slow(u32);

impl PartialEq for Slow {
    fn eq(&self, other: &Self) -> bool {
        (0..3).for_each(|_| rt::yield_now());
        self.0 == other.0
    }
}

impl Eq for Slow {}

impl Hash for Slow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0.hash(state);
    }
}

/// All have seen the same before the first of them changes it: one wins, on one processor, too.
#[test]
fn one_wins_though_all_saw_the_same() {
    let _t = common::test();
    /// How many of four goroutines say yes.
    fn winners(f: impl Fn() -> bool + Sync) -> usize {
        let won = AtomicUsize::new(0);
        rt::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| won.fetch_add(usize::from(f()), Ordering::Relaxed));
            }
        });
        won.into_inner()
    }
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let map = Map::from([(Slow(0), Slow(0)), (Slow(1), Slow(1)), (Slow(2), Slow(2))]);
            let (key, old) = (Slow(1), Slow(1));
            assert_eq!(winners(|| map.compare_and_swap(Slow(1), &old, Slow(9))), 1);
            assert_eq!(winners(|| map.compare_and_swap(Slow(1), &old, Slow(9))), 0);
            assert_eq!(winners(|| map.swap(Slow(1), Slow(1)).is_some_and(|v| v.0 == 9)), 1);
            assert_eq!(winners(|| map.compare_and_delete(&key, &old)), 1);
            // The others of the same hash are still there.
            assert_eq!(
                (map.len(), map.contains_key(&Slow(0)), map.contains_key(&Slow(2))),
                (2, true, true)
            );
            assert_eq!(winners(|| map.swap(Slow(1), Slow(1)).is_none()), 1);
            assert_eq!(winners(|| map.delete(&key)), 1);
            assert_eq!(winners(|| !map.load_or_store(Slow(1), Slow(1)).1), 1);
            assert_eq!(winners(|| map.load_and_delete(&key).is_some()), 1);
            assert_eq!(map.len(), 2);
        });
    }
}

/// Many race for each key: one wins, and the others are told who.
#[test]
fn one_wins() {
    let _t = common::test();
    let runtime = runtime(3);
    runtime.run(|| {
        for _ in 0..turns(30, 300) {
            let map = Map::new();
            let stored = AtomicUsize::new(0);
            rt::scope(|s| {
                for me in 0..6_usize {
                    let (map, stored) = (&map, &stored);
                    s.spawn(move || {
                        for key in 0..20_usize {
                            let (owner, loaded) = map.load_or_store(key, me);
                            assert_eq!(owner == me, !loaded);
                            stored.fetch_add(usize::from(!loaded), Ordering::Relaxed);
                            assert_eq!(map.load(&key), Some(owner));
                        }
                    });
                }
            });
            assert_eq!(stored.into_inner(), 20);
            let taken = AtomicUsize::new(0);
            rt::scope(|s| {
                for me in 0..6_usize {
                    let (map, taken) = (&map, &taken);
                    s.spawn(move || {
                        for key in 0..20_usize {
                            let won = match me % 3 {
                                0 => map.delete(&key),
                                1 => map.load_and_delete(&key).is_some(),
                                _ => (0..6).any(|owner| map.compare_and_delete(&key, &owner)),
                            };
                            taken.fetch_add(usize::from(won), Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!((taken.into_inner(), map.len()), (20, 0));
        }
    });
}

/// Counters by compare-and-swap: nothing is lost, whatever else happens to other keys.
#[test]
fn compare_and_swap_counts() {
    let _t = common::test();
    let runtime = runtime(3);
    let turns = turns(100, 1000);
    runtime.run(|| {
        for hasher in HASHERS {
            let map = Map::with_hasher(hasher);
            rt::scope(|s| {
                for me in 0..6_u32 {
                    let map = &map;
                    s.spawn(move || {
                        for turn in 0..turns {
                            let key = (turn % 4) as u32;
                            loop {
                                let (old, _) = map.load_or_store(key, 0_u64);
                                if map.compare_and_swap(key, &old, old + 1) {
                                    break;
                                }
                            }
                            // Grows and shrinks the same shards.
                            map.store(100 + me * 1000 + key, 0);
                            map.delete(&(100 + me * 1000 + key));
                        }
                    });
                }
            });
            let sum: u64 = pairs(&map).iter().map(|(_, value)| value).sum();
            assert_eq!((sum, map.len()), (6 * turns, 4));
        }
    });
}

/// What is swapped out was swapped in, once each.
#[test]
fn swap_loses_nothing_and_doubles_nothing() {
    let _t = common::test();
    let runtime = runtime(3);
    let turns = turns(100, 1000);
    runtime.run(|| {
        let map = Map::new();
        let out = Mutex::new(Vec::new());
        rt::scope(|s| {
            for me in 0..6_u64 {
                let (map, out) = (&map, &out);
                s.spawn(move || {
                    let mut mine = Vec::new();
                    for turn in 0..turns {
                        mine.extend(map.swap(turn % 3, me * turns + turn));
                        if turn % 7 == 0 {
                            mine.extend(map.load_and_delete(&(turn % 2)));
                        }
                    }
                    out.lock().unwrap().extend(mine);
                });
            }
        });
        let mut all = out.into_inner().unwrap();
        map.range(|_, value| {
            all.push(*value);
            true
        });
        all.sort_unstable();
        assert_eq!(all, (0..6 * turns).collect::<Vec<_>>());
    });
}

/// While others come and go, a range shows each key that stays once, and no key twice.
#[test]
fn range_under_change() {
    let _t = common::test();
    let runtime = runtime(3);
    runtime.run(|| {
        for hasher in HASHERS {
            let map: Map<u32, u64, Bad> = Map::with_hasher(hasher);
            let stay = 200;
            (0..stay).for_each(|n| map.store(n, 0));
            let done = AtomicBool::new(false);
            /// Also when an assertion fails: the others are to end.
            struct Done<'a>(&'a AtomicBool);
            impl Drop for Done<'_> {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            rt::scope(|s| {
                let _done = Done(&done);
                for me in 0..2_u32 {
                    let (map, done) = (&map, &done);
                    s.spawn(move || {
                        let mut rng = Rng::new(u64::from(me));
                        while !done.load(Ordering::Relaxed) {
                            let come = stay + rng.below(500) as u32;
                            map.store(come, 1);
                            map.store(rng.below(u64::from(stay)) as u32, rng.below(9));
                            map.delete(&(stay + rng.below(500) as u32));
                            rt::yield_now();
                        }
                    });
                }
                for _ in 0..turns(20, 100) {
                    let mut seen = BTreeSet::new();
                    map.range(|key, _| {
                        assert!(seen.insert(*key), "{key} came twice");
                        true
                    });
                    assert_eq!(seen.range(..stay).count(), stay as usize);
                    rt::yield_now();
                }
            });
        }
    });
}

/// Goroutines and threads do everything at once. A value tells its key; each is dropped once.
#[test]
fn stress() {
    let t = common::test();
    seeded(&t.dog, turns(30, 200), |seed| {
        let mut rng = Rng::new(seed);
        let runtime = runtime(1 + rng.below(4) as usize);
        let tally = Tally::default();
        let map = Arc::new(Map::with_hasher(HASHERS[rng.below(4) as usize]));
        let keys = [2, 20, 1000][rng.below(3) as usize];
        let actor = |seed: u64| {
            let (map, tally) = (Arc::clone(&map), tally.clone());
            move || {
                let mut rng = Rng::new(seed);
                let value = |key: u32| Arc::new((key, tally.token()));
                for _ in 0..150 {
                    let key = rng.below(keys) as u32;
                    let got = match rng.below(16) {
                        0..=2 => {
                            map.store(key, value(key));
                            None
                        }
                        3 => map.swap(key, value(key)),
                        4 => Some(map.load_or_store(key, value(key)).0),
                        5 | 6 => map.load_and_delete(&key),
                        7 => {
                            map.delete(&key);
                            None
                        }
                        8 => {
                            let mut n = 0;
                            map.range(|key, value| {
                                assert_eq!(*key, value.0);
                                n += 1;
                                n < 100
                            });
                            None
                        }
                        9 if rng.one_in(20) => {
                            map.clear();
                            None
                        }
                        10 => {
                            rt::yield_now();
                            None
                        }
                        _ => map.load(&key),
                    };
                    assert!(got.is_none_or(|value| value.0 == key));
                }
            }
        };
        let thread = rng.one_in(2).then(|| std::thread::spawn(actor(rng.next())));
        let all: Vec<_> = (0..6).map(|_| runtime.handle().spawn(actor(rng.next()))).collect();
        all.into_iter().for_each(|actor| actor.join().unwrap());
        if let Some(thread) = thread {
            thread.join().unwrap();
        }
        let count = map.len();
        assert_eq!(tally.made() - tally.dropped(), count);
        map.clear();
        tally.assert_all_dropped();
    });
}
