//! Tests of the inside: the invariants of the table's files, after each of many operations.

use super::marks::{CELLS, EMPTY_ONE, EMPTY_REST, LEAST_TOP, top};
use super::table::Table;
use super::{Map, hash};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Checks what the files promise of a table.
fn check<K: Hash, V, S: BuildHasher>(map: &Map<K, V, S>) {
    let table = &map.table;
    let (mut full, mut overflow, mut old_overflow) = (0, 0, 0);
    let Some(now) = &table.now else {
        assert!(table.len() == 0 && table.old.is_none());
        return;
    };
    if let Some(old) = &table.old {
        assert!(table.done < old.len());
        assert!(now.len() == old.len() || now.len() == 2 * old.len());
    }
    for number in 0..now.len() {
        let Some(head) = table.chain(number) else { continue };
        let is_old = table.old.as_ref().is_some_and(|old| number & old.mask() >= table.done);
        let (mut rest, mut bucket, mut buckets) = (false, Some(head), 0);
        let mut last = EMPTY_REST;
        while let Some(some) = bucket {
            for cell in 0..CELLS {
                let mark = some.marks().get(cell);
                assert!(!rest || mark == EMPTY_REST, "something behind the rest");
                rest |= mark == EMPTY_REST;
                if !rest {
                    last = mark;
                }
                assert!(!(2..LEAST_TOP).contains(&mark), "a mark of evacuation in a live chain");
                if mark >= LEAST_TOP {
                    full += 1;
                    // SAFETY: the cell is full.
                    let hash = hash(&map.hasher, table.seed(), unsafe { &*some.key(cell) });
                    assert_eq!(mark, top(hash));
                    assert!(table.head(hash) == Some(head), "a key in the wrong chain");
                }
            }
            bucket = some.next();
            buckets += 1;
        }
        assert_ne!(last, EMPTY_ONE, "an emptied cell with nothing behind it");
        *(if is_old { &mut old_overflow } else { &mut overflow }) += buckets - 1;
    }
    assert_eq!(full, table.len());
    assert_eq!(overflow, table.overflow);
    assert_eq!(old_overflow, table.old_overflow);
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
    *state >> 33
}

/// Random operations on a map and on std's, compared, with the invariants checked.
fn against_std<S: BuildHasher + Clone>(hasher: S, keys: u64, steps: u64, seed: u64) {
    let mut map: Map<u64, String, S> = Map::with_hasher(hasher);
    let mut model = HashMap::new();
    let mut state = seed;
    for step in 0..steps {
        let key = random(&mut state) % keys;
        match random(&mut state) % 100 {
            // More insertions first, more removals then.
            n if n < 60 - step * 30 / steps => {
                let value = format!("{step}");
                assert_eq!(map.insert(key, value.clone()), model.insert(key, value));
            }
            n if n < 90 => assert_eq!(map.remove(&key), model.remove(&key)),
            90..95 => assert_eq!(map.get(&key), model.get(&key)),
            95 => {
                map.retain(|key, _| key % 7 != step % 7);
                model.retain(|key, _| key % 7 != step % 7);
            }
            96 if n_is_rare(&mut state) => {
                map.clear();
                model.clear();
            }
            97 if n_is_rare(&mut state) => map.shrink_to_fit(),
            98 if n_is_rare(&mut state) => map.reserve((key % 500) as usize),
            _ => *map.entry(key).or_default() = model.entry(key).or_default().clone(),
        }
        assert_eq!(map.len(), model.len());
        if step % 16 == 0 {
            check(&map);
        }
    }
    let copy = map.clone();
    check(&copy);
    for all in [map.iter().collect::<HashMap<_, _>>(), copy.iter().collect()] {
        assert_eq!(all, model.iter().collect());
    }
    let all: HashMap<_, _> = map.into_iter().collect();
    assert_eq!(all, model);
}

fn n_is_rare(state: &mut u64) -> bool {
    random(state).is_multiple_of(20)
}

/// So few different hashes that chains are long.
#[derive(Clone)]
struct Crowded;

struct CrowdedHasher(u64);

impl BuildHasher for Crowded {
    type Hasher = CrowdedHasher;

    fn build_hasher(&self) -> CrowdedHasher {
        CrowdedHasher(0)
    }
}

impl Hasher for CrowdedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from(bytes[0] % 3);
    }
}

const STEPS: u64 = if cfg!(miri) { 300 } else { 20_000 };

#[test]
fn it_does_what_stds_map_does() {
    for seed in 0..if cfg!(miri) { 1 } else { 4 } {
        for keys in [10, 100, 1000] {
            against_std(super::SeededState::new(), keys, STEPS, seed);
        }
    }
}

#[test]
fn chains_may_be_long() {
    against_std(Crowded, 200, STEPS / 4, 1);
}

#[test]
#[cfg_attr(miri, ignore = "checks a large map a thousand times")]
fn it_grows_when_go_grows() {
    let mut map = Map::new();
    let mut grown = Vec::new();
    for n in 0..1000_u32 {
        let before = map.grow_state();
        map.insert(n, n);
        let after = map.grow_state();
        check(&map);
        if after.buckets != before.buckets {
            grown.push((n + 1, after.buckets));
            // One or two old buckets have moved by then.
            let old = if before.buckets > 2 { before.buckets } else { 0 };
            assert!(before.old_buckets == 0 && after.old_buckets == old);
        }
        if after.is_growing() && before.buckets == after.buckets {
            let moved = after.evacuated - before.evacuated;
            assert_eq!(moved, 2.min(after.old_buckets - before.evacuated));
        }
    }
    let expected = [(1, 1), (9, 2), (14, 4), (27, 8), (53, 16), (105, 32), (209, 64)];
    assert_eq!(grown, [&expected[..], &[(417, 128), (833, 256)]].concat());
}

#[test]
fn reads_move_nothing_and_every_write_moves_two() {
    let mut map: Map<u32, u32> = Map::new();
    let mut n = 0;
    while !map.grow_state().is_growing() || map.grow_state().old_buckets < 64 {
        map.insert(n, n);
        n += 1;
    }
    let before = map.grow_state();
    assert!((0..n).all(|key| map.get(&key) == Some(&key) && map.get_mut(&key).is_some()));
    assert_eq!(map.iter().count(), n as usize);
    assert_eq!(map.grow_state(), before);
    let evacuated = |map: &Map<u32, u32>| map.grow_state().evacuated - before.evacuated;
    map.insert(0, 1);
    assert_eq!(evacuated(&map), 2);
    assert_eq!(map.remove(&n), None);
    assert_eq!(evacuated(&map), 4);
    let _ = map.entry(0);
    assert_eq!(evacuated(&map), 6);
    check(&map);
}

#[test]
fn a_new_map_allocates_nothing_and_an_emptied_one_has_another_seed() {
    let mut map = Map::with_hasher(Crowded);
    assert!(map.table.now.is_none() && map.table.seed() == 0);
    assert!(map.remove(&1).is_none() && map.get(&1).is_none() && map.iter().next().is_none());
    assert!(map.table.now.is_none());
    map.insert(1, 1);
    assert_eq!(map.table.seed(), 0);
    map.remove(&1);
    let first = map.table.seed();
    assert_ne!(first, 0);
    map.insert(1, 1);
    map.clear();
    let second = map.table.seed();
    assert_ne!(first, second);
    map.insert(1, 1);
    map.retain(|_, _| false);
    let third = map.table.seed();
    assert_ne!(second, third);
    map.insert(1, 1);
    map.drain();
    assert_ne!(third, map.table.seed());
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn many_overflow_buckets_start_a_growth_of_the_same_size() {
    let mut map: Map<u64, (), Crowded> = Map::with_hasher(Crowded);
    let mut same = 0;
    for round in 0..30 {
        // Keys of one chain come, and go but for one: a chain of empty buckets is left.
        let keys: Vec<_> = (0..50).map(|n| n * 3 + round % 3).collect();
        for key in &keys {
            let before = map.grow_state();
            map.insert(*key, ());
            let after = map.grow_state();
            if after.is_growing() && !before.is_growing() && after.buckets == after.old_buckets {
                assert!(before.overflow >= before.buckets);
                same += 1;
            }
            assert!(after.overflow <= after.buckets);
            check(&map);
        }
        keys[1..].iter().for_each(|key| _ = map.remove(key));
        check(&map);
    }
    assert!(same > 5, "{same}");
    assert_eq!(map.grow_state().buckets, 8);
}

thread_local! {
    /// So many hashes go well before one unwinds.
    static LEFT: Cell<u32> = const { Cell::new(u32::MAX) };
}

#[derive(PartialEq, Eq, Clone)]
struct Unwinding(u64);

impl Hash for Unwinding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert_ne!(LEFT.replace(LEFT.get().wrapping_sub(1)), 0, "the last hash");
        self.0.hash(state);
    }
}

/// The move of a chain of several buckets is given up after each of its hashes, and begun again.
#[test]
fn a_hash_that_unwinds_leaves_no_bucket_behind() {
    let mut map: Map<Unwinding, (), Crowded> = Map::with_hasher(Crowded);
    let (mut unwound, mut with_overflow) = (0, 0);
    for n in 0..if cfg!(miri) { 30 } else { 120 } {
        for good in 0.. {
            let before = map.grow_state();
            LEFT.set(good);
            let inserted = catch_unwind(AssertUnwindSafe(|| map.insert(Unwinding(n), ())));
            LEFT.set(u32::MAX);
            check(&map);
            if inserted.is_ok() {
                break;
            }
            unwound += 1;
            with_overflow += u32::from(before.is_growing() && before.old_overflow != 0);
        }
        assert_eq!(map.len() as u64, n + 1);
    }
    assert!(unwound > 50 && with_overflow > 5, "{unwound} {with_overflow}");
}

#[test]
fn tables_in_segments_are_as_good() {
    type Large = [u64; 1024];
    // A bucket is more than 64 KiB, so eight of them are a segment.
    assert_eq!(super::storage::Array::<u64, Large>::SEGMENT, 8);
    let mut map: Map<u64, Large> = Map::new();
    let most = if cfg!(miri) { 120 } else { 2000 };
    for n in 0..most {
        map.insert(n, [n; 1024]);
        if n % 97 == 0 {
            check(&map);
            assert!((0..=n).all(|n| map[&n] == [n; 1024]));
            if n % 3 == 0 {
                let copy = map.clone();
                check(&copy);
                assert!(copy == map);
            }
        }
    }
    map.retain(|key, _| key % 10 == 0);
    check(&map);
    map.shrink_to_fit();
    check(&map);
    assert!(map.iter().all(|(key, value)| value[1023] == *key));
    map.reserve(400);
    check(&map);
    map.clear();
    check(&map);
    let mut huge: Map<u8, [u64; 8192]> = Map::new();
    assert_eq!(super::storage::Array::<u8, [u64; 8192]>::SEGMENT, 1);
    for n in 0..if cfg!(miri) { 3 } else { 40 } {
        huge.entry(n).or_insert_with(|| [u64::from(n); 8192]);
        check(&huge);
    }
    assert!(huge.iter().all(|(key, value)| value[8191] == u64::from(*key)));
}

/// After each insert, so at every step of every growth, a walk finds each key once, wherever it begins.
fn walks_while_it_grows<V, S: BuildHasher>(mut map: Map<u64, V, S>, keys: u64, value: fn() -> V) {
    for n in 0..if cfg!(miri) { keys / 20 } else { keys } {
        map.insert(n, value());
        let mut found = vec![false; n as usize + 1];
        for (key, _) in &map {
            assert!(!std::mem::replace(&mut found[*key as usize], true), "{key} of {n} came twice");
        }
        assert!(found.iter().all(|found| *found), "one of {n} did not come");
    }
}

#[test]
fn a_walk_finds_each_key_once_at_every_step_of_a_growth() {
    walks_while_it_grows(Map::new(), 1000, || 0_u8);
    walks_while_it_grows(Map::with_hasher(Crowded), 300, || 0_u64);
    // In segments of 8 and of 32 buckets: of a single row, and of several.
    walks_while_it_grows(Map::new(), 300, || [0_u64; 1024]);
    walks_while_it_grows(Map::new(), 1000, || [0_u64; 256]);
}

/// An array of a row or less comes in two parts, whatever the cell is that it begins with.
#[test]
fn a_small_map_comes_in_two_parts_that_are_all_of_it() {
    for keys in 1..if cfg!(miri) { 12 } else { 60 } {
        let map: Map<u64, ()> = (0..keys).map(|n| (n, ())).collect();
        for _ in 0..if cfg!(miri) { 5 } else { 300 } {
            let (mut walk, mut found) = (map.iter(), 0_u64);
            for left in (0..keys as usize).rev() {
                let (key, ()) = walk.next().expect("there are more");
                assert_eq!(found >> key & 1, 0, "{key} of {keys} came twice");
                found |= 1 << key;
                assert_eq!((walk.len(), walk.clone().count()), (left, left));
            }
            assert!(walk.next().is_none());
        }
    }
}

#[test]
fn a_table_is_as_small_as_it_says() {
    assert_eq!(super::bucket::size::<u64, u64>(), 8 + 64 + 64 + 8);
    assert_eq!(super::bucket::size::<(), ()>(), 16);
    assert_eq!(super::bucket::size::<i64, i8>(), 8 + 64 + 8 + 8);
    let segment = super::storage::Array::<u64, u64>::SEGMENT * 144;
    assert!((384 << 10..=768 << 10).contains(&segment));
    assert!(size_of::<Table<u64, u64>>() <= 128);
}
