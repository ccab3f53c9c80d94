use super::slab::CHUNK;
use super::{Deadlines, FEW, Key, NEVER};
use std::collections::BTreeMap;

const START: u64 = 1_000_000_000;

fn ms(ms: u64) -> u64 {
    START + ms * 1_000_000
}

#[test]
fn comes_out_in_order_and_cancelled_ones_do_not() {
    let at = ms;
    let mut heap = Deadlines::new();
    let (_, first) = heap.insert(at(30), 30);
    assert!(first);
    let (twenty, first) = heap.insert(at(20), 20);
    assert!(first);
    assert!(!heap.insert(at(40), 40).1);
    assert_eq!(heap.cancel(twenty), Some(20));
    assert_eq!(heap.cancel(twenty), None);
    assert_eq!(heap.first(), at(30), "the one that was cancelled is not the first");
    assert_eq!(heap.pop_due(at(25)), None);
    assert_eq!(heap.pop_due(at(35)), Some(30));
    assert_eq!(heap.pop_due(at(35)), None);
    assert_eq!(heap.pop_due(at(40)), Some(40));
    assert_eq!((heap.first(), heap.len()), (NEVER, 0));
}

#[test]
fn of_the_same_deadline_the_first_comes_first() {
    let at = START;
    let mut heap = Deadlines::new();
    heap.next_seq = u64::from(u32::MAX) - 500;
    for i in 0..1000 {
        assert_eq!(heap.insert(at, i).1, i == 0);
    }
    assert_eq!(
        std::iter::from_fn(|| heap.pop_due(at)).collect::<Vec<_>>(),
        Vec::from_iter(0..1000)
    );
}

#[test]
fn a_key_names_its_own_entry_alone() {
    let mut heap = Deadlines::new();
    let (old, _) = heap.insert(START, 'a');
    assert_eq!(heap.pop_due(START), Some('a'));
    let (new, _) = heap.insert(START, 'b');
    assert_eq!(old.index, new.index, "the place is used again");
    assert_eq!(heap.cancel(old), None);
    assert_eq!(heap.cancel(new), Some('b'));
    assert_eq!(heap.pop_due(START), None);
}

#[test]
fn from_the_first_moment_and_beyond_the_last() {
    let mut heap = Deadlines::new();
    heap.insert(ms(10), "later");
    heap.insert(0, "at once");
    heap.insert(NEVER, "never");
    heap.insert(NEVER - 1, "last");
    assert_eq!(heap.first(), 0);
    assert_eq!(heap.pop_due(0), Some("at once"));
    assert_eq!(heap.first(), ms(10));
    assert_eq!(heap.pop_due(ms(10)), Some("later"));
    assert_eq!(heap.first(), NEVER - 1);
    assert_eq!(heap.pop_due(NEVER), None, "that time never comes");
    assert_eq!(heap.pop_due(NEVER - 1), Some("last"));
    assert_eq!(heap.first(), NEVER);
    assert_eq!(heap.pop_due(NEVER), None);
    assert_eq!((heap.len(), heap.pop()), (1, Some("never")));
}

#[test]
fn a_crowd_of_cancelled_entries_is_swept() {
    let mut heap = Deadlines::new();
    let keys: Vec<_> = (0..1000).map(|i| heap.insert(ms(1000 * i), i).0).collect();
    for (i, key) in keys[1..990].iter().enumerate() {
        assert_eq!(heap.cancel(*key), Some(i as u64 + 1));
        assert!(heap.dead <= FEW + heap.len());
    }
    assert!(heap.entries() < 200, "{} entries left", heap.entries());
    let late = ms(5_000_000);
    let left: Vec<_> = std::iter::from_fn(|| heap.pop_due(late)).collect();
    assert_eq!(left[0], 0);
    assert_eq!(left[1..], Vec::from_iter(990..1000));
    assert_eq!(heap.len(), 0);
}

#[test]
fn what_is_meant_is_extracted_and_the_rest_stays() {
    let mut heap = Deadlines::new();
    let keys: Vec<_> = (0..1000).map(|i| heap.insert(ms(1000 - i), i).0).collect();
    (0..1000).step_by(10).for_each(|i| assert_eq!(heap.cancel(keys[i]), Some(i as u64)));
    let mut odd = heap.extract(|i| i % 2 == 1);
    odd.sort_unstable();
    assert_eq!(odd, (0..1000).filter(|i| i % 2 == 1).collect::<Vec<_>>());
    assert_eq!(heap.cancel(keys[501]), None, "it was extracted");
    assert_eq!(heap.cancel(keys[502]), Some(502));
    let left: Vec<_> = std::iter::from_fn(|| heap.pop()).collect();
    let even = (0..1000).rev().filter(|i| i % 2 == 0 && i % 10 != 0 && *i != 502);
    assert_eq!(left, even.collect::<Vec<_>>());
    assert_eq!(heap.len(), 0);
}

/// Whatever way they go, and even if some stay.
#[test]
fn a_crowd_leaves_no_memory_behind() {
    for way in ["popped", "cancelled", "cancelled backwards", "of one bucket"] {
        let mut heap = Deadlines::new();
        let at = |i| match way {
            "of one bucket" => ms(500_000) + i,
            _ => ms(i),
        };
        let mut keys: Vec<_> = (0..100_000).map(|i| heap.insert(at(i), i).0).collect();
        heap.insert(ms(1_000_000), 1_000_000);
        match way {
            "popped" => while heap.pop_due(ms(200_000)).is_some() {},
            "cancelled" => keys.iter().for_each(|key| assert!(heap.cancel(*key).is_some())),
            _ => {
                keys.reverse();
                keys.iter().for_each(|key| assert!(heap.cancel(*key).is_some()));
            }
        }
        assert_eq!(heap.len(), 1, "{way}");
        assert!(heap.room() <= 16 * FEW, "{way}: room for {}", heap.room());
        assert!(heap.slab.places() <= 4 * CHUNK, "{way}: {} places", heap.slab.places());
        keys.iter().for_each(|key| assert_eq!(heap.cancel(*key), None, "{way}"));
        assert_eq!(heap.pop_due(ms(1_000_000)), Some(1_000_000), "{way}");
    }
}

/// Ten thousand operations beside a map that is obviously right: with few and with many pending, that lie
/// close together or far apart.
#[test]
fn behaves_as_a_sorted_map() {
    for seed in 0..20 {
        for unit in [40, 1_000_000, 9_000_000_000_000] {
            model(0x5EED + seed * 0x1_0001, 10_000, unit);
        }
    }
}

fn model(seed: u64, operations: u32, unit: u64) {
    let mut state = seed;
    let mut below = |n: u64| {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    };
    let at = |time: u64| START + unit * time;
    let mut now = 0;
    let mut heap = Deadlines::new();
    // By deadline, then by number.
    let mut map: BTreeMap<(u64, u64), Key> = BTreeMap::new();
    let mut gone: Vec<Key> = Vec::new();
    let mut number = 0;
    // How likely an insertion is: the heap grows, and shrinks again.
    let mut growth = 5;
    for step in 0..operations {
        if step % 1000 == 0 {
            growth = 2 + below(8);
        }
        match below(10) {
            n if n < growth => {
                // Often equal ones, sometimes past ones.
                let time = now.max(50) - 50 + below(if number % 2 == 0 { 100 } else { 10_000 });
                let (key, first) = heap.insert(at(time), number);
                let before = map.first_key_value().map(|(key, _)| *key);
                assert_eq!(first, before.is_none_or(|first| (time, number) < first), "seed {seed}");
                map.insert((time, number), key);
                number += 1;
            }
            n if n < 9 => {
                let drawn = (below(now + 10_000), 0);
                let found = map.range(drawn..).next().or(map.last_key_value());
                if let Some((&(time, number), &key)) = found {
                    map.remove(&(time, number));
                    assert_eq!(heap.cancel(key), Some(number), "seed {seed}");
                    gone.push(key);
                }
                if !gone.is_empty() {
                    let stale = gone[below(gone.len() as u64) as usize];
                    assert_eq!(heap.cancel(stale), None, "seed {seed}");
                }
            }
            _ => {
                now += below(200);
                while let Some(entry) = map.first_entry()
                    && entry.key().0 <= now
                {
                    let ((_, number), key) = entry.remove_entry();
                    assert_eq!(heap.pop_due(at(now)), Some(number), "seed {seed}");
                    gone.push(key);
                }
                assert_eq!(heap.pop_due(at(now)), None, "seed {seed}");
            }
        }
        let first = map.first_key_value().map_or(NEVER, |(&(time, _), _)| at(time));
        assert_eq!((heap.first(), heap.len()), (first, map.len()), "seed {seed}, step {step}");
        assert!(heap.dead <= FEW + heap.len(), "seed {seed}");
    }
    while let Some(((_, number), _)) = map.pop_first() {
        assert_eq!(heap.pop(), Some(number), "seed {seed}");
    }
    assert_eq!(heap.pop(), None);
    assert_eq!((heap.entries(), heap.dead), (0, 0));
}

/// Nothing comes out too late, too early or twice when a crowd moves from the heap to the buckets and back, and what lies
/// within one tick stays in the heap.
#[test]
fn a_crowd_comes_out_in_order() {
    for (unit, far) in [(1, false), (100_000, true), (3_600_000_000_000, true)] {
        let at = |i: u64| START + i * 7919 % 20_011 * unit;
        let mut heap = Deadlines::new();
        let mut order: Vec<u64> = (0..20_011).collect();
        for &i in &order {
            heap.insert(at(i), i);
        }
        assert_eq!(heap.far.len() > 15_000, far, "{} of 20,011 are far", heap.far.len());
        order.sort_by_key(|&i| at(i));
        for i in order {
            assert_eq!(heap.first(), at(i));
            assert_eq!(heap.pop_due(at(i) - 1), None);
            assert_eq!(heap.pop_due(at(i)), Some(i));
        }
        assert_eq!((heap.len(), heap.first()), (0, NEVER));
        assert!(!heap.far.is_far(NEVER), "few are in the heap again");
    }
}

/// A crowd far ahead does not go to and fro with each few hundred that come before it.
#[test]
fn a_crowd_on_one_deadline_stays_where_it_is() {
    let mut heap = Deadlines::new();
    let later = 100_000;
    for i in 0..later {
        heap.insert(ms(600_000), i);
    }
    for round in 0..20 {
        for i in 0..600 {
            heap.insert(ms(round * 100 + i % 20), i);
        }
        assert!(heap.heap.len() <= 2 * later as usize / super::WORTH, "{}", heap.heap.len());
        for i in 0..600 {
            assert_eq!(heap.pop().map(|n| n % 20), Some(i / 30));
        }
    }
    assert_eq!(heap.len(), later as usize);
    assert!(heap.room() < 3 * later as usize, "room for {}", heap.room());
}
