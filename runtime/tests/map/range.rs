//! Going through a map that changes.

use rt::collections::Map;
use std::collections::HashSet;

#[test]
fn it_begins_anywhere() {
    let map: Map<u32, ()> = (0..1000).map(|n| (n, ())).collect();
    let firsts: HashSet<_> = (0..50).map(|_| *map.keys().next().unwrap()).collect();
    assert!(firsts.len() > 10, "{firsts:?}");
    let small = Map::from([(1, ()), (2, ()), (3, ())]);
    let firsts: HashSet<_> = (0..200).map(|_| *small.keys().next().unwrap()).collect();
    assert_eq!(firsts.len(), 3);
    for n in [3, 8, 15] {
        let mut map: Map<u32, ()> = (0..n).map(|n| (n, ())).collect();
        let firsts: HashSet<_> = (0..2000).map(|_| map.range().next(&mut map).unwrap()).collect();
        assert_eq!(firsts.len(), n as usize, "a range over {n}");
    }
}

#[test]
fn a_map_may_grow_to_many_times_its_size_meanwhile() {
    for start in [1, 8, 9, 100, 417] {
        let mut map: Map<u32, u32> = (0..start).map(|n| (n, n)).collect();
        let (mut range, mut seen, mut next) = (map.range(), HashSet::new(), start);
        while let Some(key) = range.next(&mut map) {
            assert!(seen.insert(key), "{key} came twice");
            if next < 20_000 {
                (next..next + 50).for_each(|n| _ = map.insert(n, n));
                next += 50;
            }
        }
        assert!((0..start).all(|n| seen.contains(&n)), "{start}");
    }
}

#[test]
fn in_the_middle_of_a_growth_each_comes_once() {
    for n in 1..600 {
        let mut map: Map<u32, u32> = Map::new();
        (0..n).for_each(|n| _ = map.insert(n, n));
        assert_eq!(map.iter().map(|(key, _)| *key).collect::<HashSet<_>>().len(), n as usize);
        let (mut range, mut seen) = (map.range(), HashSet::new());
        while let Some(key) = range.next(&mut map) {
            assert!(seen.insert(key));
            // A write, so that the growth goes on.
            map.insert(key, 0);
        }
        assert_eq!(seen.len(), n as usize);
    }
}

#[test]
fn a_map_that_was_emptied_is_at_its_end() {
    let mut map = Map::from([(1, ()), (2, ())]);
    let mut range = map.range();
    let key = range.next(&mut map).unwrap();
    map.clear();
    map.insert(key, ());
    assert_eq!(range.next(&mut map), None);
    assert_eq!(range.next(&mut map), None);
    let mut empty: Map<u8, u8> = Map::new();
    assert_eq!(empty.range().next(&mut empty), None);
}

#[test]
fn another_map_does_no_harm() {
    let mut one: Map<u32, u32> = (0..100).map(|n| (n, n)).collect();
    let mut other: Map<u32, u32> = (1000..1010).map(|n| (n, n)).collect();
    let mut range = one.range();
    let mut n = 0;
    while let Some(key) = range.next(if n % 2 == 0 { &mut one } else { &mut other }) {
        assert!(key < 1010);
        n += 1;
    }
}
