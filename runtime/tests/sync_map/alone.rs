//! One goroutine or thread uses the map.

use crate::common::{self, Rng, Tally, panic_text, seeded, turns};
use crate::{Bad, HASHERS, pairs};
use rt::sync::Map;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Every method, one after the other, beside std's map; with hashes good and bad.
#[test]
fn it_does_what_hash_map_does() {
    let t = common::test();
    fn check<S: BuildHasher>(map: &Map<u32, u64, S>, rng: &mut Rng, keys: u64) {
        let mut model: HashMap<u32, u64> = HashMap::new();
        for step in 0..600 {
            let (key, value) = (rng.below(keys) as u32, rng.below(3));
            let there = model.get(&key).copied();
            match rng.below(12) {
                0 => {
                    map.store(key, value);
                    model.insert(key, value);
                }
                1 => assert_eq!(map.swap(key, value), model.insert(key, value)),
                2 => {
                    assert_eq!(
                        map.load_or_store(key, value),
                        (there.unwrap_or(value), there.is_some())
                    );
                    model.entry(key).or_insert(value);
                }
                3 => {
                    let made = AtomicBool::new(false);
                    let got = map.load_or_store_with(key, || {
                        made.store(true, Ordering::Relaxed);
                        value
                    });
                    assert_eq!(got, (there.unwrap_or(value), there.is_some()));
                    assert_ne!(made.into_inner(), there.is_some());
                    model.entry(key).or_insert(value);
                }
                4 => assert_eq!(map.delete(&key), model.remove(&key).is_some()),
                5 => assert_eq!(map.load_and_delete(&key), model.remove(&key)),
                6 | 7 => {
                    let old = rng.below(3);
                    assert_eq!(map.compare_and_swap(key, &old, value), there == Some(old));
                    if there == Some(old) {
                        model.insert(key, value);
                    }
                }
                8 => {
                    assert_eq!(map.compare_and_delete(&key, &value), there == Some(value));
                    if there == Some(value) {
                        model.remove(&key);
                    }
                }
                9 if step % 100 == 0 => {
                    map.clear();
                    model.clear();
                }
                _ => {
                    assert_eq!(map.load(&key), there);
                    assert_eq!(map.load_with(&key, |v| v + 1), there.map(|v| v + 1));
                    assert_eq!(map.contains_key(&key), there.is_some());
                }
            }
            assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
        }
        let mut expected: Vec<_> = model.into_iter().collect();
        expected.sort_unstable();
        assert_eq!(pairs(map), expected);
    }
    seeded(&t.dog, turns(10, 100), |seed| {
        let mut rng = Rng::new(seed);
        for keys in [3, 50, 2000] {
            check(&Map::new(), &mut rng, keys);
            for hasher in HASHERS {
                check(&Map::with_hasher(hasher), &mut rng, keys);
            }
        }
    });
}

#[test]
fn it_is_made_in_all_the_usual_ways() {
    let _t = common::test();
    static MAP: Map<String, u32> = Map::new();
    assert!(MAP.is_empty() && MAP.load("a").is_none() && !MAP.delete("a"));
    MAP.range(|_, _| unreachable!("it is empty"));
    MAP.clear();
    MAP.store("a".to_owned(), 1);
    // Borrowed keys.
    assert_eq!((MAP.load("a"), MAP.load("b")), (Some(1), None));
    assert_eq!(format!("{MAP:?}"), r#"{"a": 1}"#);
    let mut map: Map<u32, u32> = (0..3).map(|n| (n, n)).collect();
    map.extend([(3, 3)]);
    assert_eq!(map.len(), 4);
    assert!(Map::<u32, u32, Bad>::default().hasher().mask == 0);
    fn shared<T: Send + Sync + std::panic::RefUnwindSafe>(_: &T) {}
    shared(&MAP);
}

#[test]
fn a_store_takes_the_new_key() {
    let _t = common::test();
    struct Key(u32, &'static str);
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Key {}
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    let map = Map::from([(Key(1, "old"), ())]);
    let has = |name: &str| {
        map.range(|key, ()| {
            assert_eq!(key.1, name);
            true
        });
    };
    map.load_or_store(Key(1, "not stored"), ());
    has("old");
    map.store(Key(1, "new"), ());
    has("new");
    map.swap(Key(1, "newer"), ());
    has("newer");
    assert!(map.compare_and_swap(Key(1, "newest"), &(), ()));
    has("newest");
}

#[test]
fn range_stops_when_told() {
    let _t = common::test();
    let map: Map<u32, u32> = (0..1000).map(|n| (n, n)).collect();
    for wanted in [1, 63, 64, 65, 999, 1000] {
        let mut calls = 0;
        map.range(|_, _| {
            calls += 1;
            calls < wanted
        });
        assert_eq!(calls, wanted);
    }
}

#[test]
fn range_sees_what_it_did_itself() {
    let _t = common::test();
    for hasher in HASHERS {
        let map = Map::with_hasher(hasher);
        // Where all meet, each step looks at all.
        let all = if hasher.mask < 8 { 100_u32 } else { 500 };
        let fill = || (0..all).for_each(|n| map.store(n, 0_u64));
        // What was deleted does not come.
        fill();
        let mut seen = BTreeSet::new();
        map.range(|key, _| {
            assert!(seen.insert(*key), "{key} came twice");
            map.delete(&(key ^ 1));
            true
        });
        assert_eq!((seen.len(), map.len()), (all as usize / 2, all as usize / 2));
        // What was changed comes with its new value, and once.
        fill();
        seen.clear();
        map.range(|key, value| {
            assert!(seen.insert(*key), "{key} came twice");
            assert_eq!(*value, u64::from(seen.len() > 1));
            (0..all).for_each(|n| map.store(n, 1));
            true
        });
        assert_eq!(seen.len(), all as usize);
        // What is deleted and stored again comes once, if at all.
        seen.clear();
        map.range(|key, _| {
            assert!(seen.insert(*key), "{key} came twice");
            map.delete(key);
            map.store(*key, 2);
            true
        });
        assert_eq!(seen.len(), all as usize);
        // It grows and shrinks meanwhile.
        seen.clear();
        map.range(|key, _| {
            assert!(seen.insert(*key), "{key} came twice");
            if *key < all {
                (0..4).for_each(|n| map.store(1000 + key * 4 + n, 3));
                map.delete(key);
            }
            true
        });
        assert!((0..all).all(|key| seen.contains(&key)));
        assert_eq!(map.len(), 4 * all as usize);
        // And ends when there is nothing left.
        let mut calls = 0;
        map.range(|_, _| {
            calls += 1;
            map.clear();
            true
        });
        assert_eq!((calls, map.len()), (1, 0));
    }
}

#[test]
fn a_panic_in_code_of_the_user_does_no_harm() {
    let _t = common::test();
    struct Key(u32);
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            assert!(self.0 != 7 && other.0 != 7, "seven is not compared");
            self.0 == other.0
        }
    }
    impl Eq for Key {}
    struct Value(u32);
    impl Clone for Value {
        fn clone(&self) -> Self {
            panic!("{} is not cloned", self.0)
        }
    }
    let map = Map::with_hasher(Bad { mask: 0, hash: 0 });
    (0..7).for_each(|n| map.store(Key(n), Value(n)));
    assert_eq!(panic_text(|| map.store(Key(7), Value(7))), "seven is not compared");
    assert_eq!(panic_text(|| map.load_with(&Key(7), |_| ())), "seven is not compared");
    assert_eq!(panic_text(|| map.load(&Key(3))), "3 is not cloned");
    assert_eq!(panic_text(|| map.load_or_store(Key(3), Value(9))), "3 is not cloned");
    assert_eq!(panic_text(|| map.load_or_store_with(Key(8), || panic!("made"))), "made");
    assert_eq!(panic_text(|| map.load_with(&Key(4), |_| panic!("used"))), "used");
    assert_eq!(panic_text(|| map.range(|_, _| panic!("called"))), "called");
    assert_eq!(map.len(), 7);
    assert!((0..7).all(|n| map.load_with(&Key(n), |v| v.0) == Some(n)));
    assert!(map.load_and_delete(&Key(3)).is_some(), "nobody else has it: no clone");
    (0..7).for_each(|n| assert_eq!(map.delete(&Key(n)), n != 3));
    assert!(map.is_empty());
}

#[test]
fn everything_is_dropped_once() {
    let _t = common::test();
    let tally = Tally::default();
    let map = Map::new();
    for n in 0..300 {
        map.store(n, tally.token());
    }
    assert_eq!(tally.dropped(), 0);
    (0..100).for_each(|n| map.store(n, tally.token()));
    assert_eq!(tally.dropped(), 100);
    (0..50).for_each(|n| assert!(map.delete(&n)));
    assert_eq!(tally.dropped(), 150);
    // Who reads keeps it alive.
    map.load_with(&60, |_| {
        map.delete(&60);
        assert_eq!(tally.dropped(), 150);
    });
    assert_eq!(tally.dropped(), 151);
    let kept = Arc::new(map);
    kept.clear();
    tally.assert_all_dropped();
    kept.store(1, tally.token());
    drop(kept);
    tally.assert_all_dropped();
}
