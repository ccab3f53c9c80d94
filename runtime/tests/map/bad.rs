//! Hashers, comparisons, clones, destructors and closures that panic or lie. After each the map is
//! in order, and each value is dropped exactly once, or leaked where std leaks.

use rt::collections::Map;
use std::cell::Cell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Counts down over all calls of the user's code, and panics at zero.
#[derive(Clone, Default)]
struct Fuse {
    left: Rc<Cell<Option<u32>>>,
    alive: Rc<Cell<i64>>,
}

impl Fuse {
    fn call(&self) {
        if let Some(left) = self.left.get() {
            self.left.set(left.checked_sub(1));
            assert!(left != 0, "the fuse has burnt down");
        }
    }

    /// Gives up what leaked keys hold of it, so that a leak checker tells of other leaks alone.
    fn forget_the_leaked(self) {
        let leaked = self.alive.get();
        let (left, alive) = (Rc::into_raw(self.left), Rc::into_raw(self.alive));
        for _ in 0..=leaked {
            // SAFETY: each key that leaked has a share of it that nobody gives back, and so has `self`.
            unsafe { Rc::decrement_strong_count(left) };
            // SAFETY: as above.
            unsafe { Rc::decrement_strong_count(alive) };
        }
    }
}

struct Key {
    n: u32,
    fuse: Fuse,
}

impl Key {
    fn new(n: u32, fuse: &Fuse) -> Self {
        fuse.alive.set(fuse.alive.get() + 1);
        Self { n, fuse: fuse.clone() }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fuse.call();
        self.n.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.fuse.call();
        self.n == other.n
    }
}

impl Eq for Key {}

impl Clone for Key {
    fn clone(&self) -> Self {
        self.fuse.call();
        Self::new(self.n, &self.fuse)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.fuse.alive.set(self.fuse.alive.get() - 1);
        if !std::thread::panicking() {
            self.fuse.call();
        }
    }
}

fn filled(n: u32, fuse: &Fuse) -> Map<Key, Key> {
    let mut map = Map::new();
    (0..n).for_each(|n| _ = map.insert(Key::new(n, fuse), Key::new(n, fuse)));
    map
}

/// Runs an operation with a fuse of every length until it no longer panics, and looks at the map after.
fn at_every_call(size: u32, leaks: bool, operation: impl Fn(&mut Map<Key, Key>, &Fuse)) {
    for length in 0.. {
        let fuse = Fuse::default();
        let mut map = filled(size, &fuse);
        fuse.left.set(Some(length));
        let result = catch_unwind(AssertUnwindSafe(|| operation(&mut map, &fuse)));
        let burnt = fuse.left.get().is_none();
        fuse.left.set(None);
        assert_eq!(result.is_err(), burnt);
        let mut seen = 0;
        for (key, value) in &map {
            assert_eq!(key.n, value.n);
            seen += 1;
        }
        assert_eq!(seen, map.len());
        let keys: Vec<_> = map.keys().map(|key| key.n).collect();
        for n in keys {
            assert!(map.contains_key(&Key::new(n, &fuse)), "{n} is lost");
            assert_eq!(map.insert(Key::new(n, &fuse), Key::new(n, &fuse)).unwrap().n, n);
        }
        drop(map);
        assert!(fuse.alive.get() == 0 || leaks && fuse.alive.get() > 0, "{}", fuse.alive.get());
        fuse.forget_the_leaked();
        if !burnt {
            return;
        }
    }
}

#[test]
fn in_an_insert_even_if_it_grows() {
    for size in [0, 1, 8, 13, 26, 27, 30, 52, 55] {
        at_every_call(size, false, |map, fuse| {
            let before = map.len();
            map.insert(Key::new(1000, fuse), Key::new(1000, fuse));
            assert_eq!(map.len(), before + 1);
        });
        at_every_call(size, false, |map, fuse| {
            map.insert(Key::new(0, fuse), Key::new(0, fuse));
        });
    }
}

#[test]
fn in_entries_and_removals() {
    for size in [13, 27, 53] {
        at_every_call(size, false, |map, fuse| {
            map.remove(&Key::new(3, fuse));
        });
        at_every_call(size, false, |map, fuse| {
            map.entry(Key::new(99, fuse)).or_insert_with(|| {
                fuse.call();
                Key::new(99, fuse)
            });
        });
        at_every_call(size, false, |map, fuse| {
            map.entry(Key::new(5, fuse)).insert_entry(Key::new(5, fuse)).remove_entry();
        });
    }
}

#[test]
fn in_a_hash_of_a_rebuild() {
    for size in [5, 30, 55] {
        at_every_call(size, false, |map, _| map.reserve(500));
        at_every_call(size, false, |map, _| {
            map.retain(|key, _| key.n < 9);
            map.shrink_to_fit();
        });
    }
}

#[test]
fn in_a_clone() {
    for size in [5, 27, 55] {
        at_every_call(size, true, |map, _| {
            let copy = map.clone();
            assert_eq!(copy.len(), map.len());
        });
    }
}

#[test]
fn in_destructors_and_closures() {
    for size in [5, 27, 55] {
        at_every_call(size, false, |map, _| map.clear());
        at_every_call(size, false, |map, fuse| {
            map.retain(|key, _| {
                fuse.call();
                key.n % 2 == 0
            });
        });
        at_every_call(size, false, |map, _| drop(map.drain()));
        at_every_call(size, false, |map, fuse| {
            let mut range = map.range();
            while let Some(key) = range.next(map) {
                map.remove(&key);
                map.insert(Key::new(key.n + 100, fuse), Key::new(key.n + 100, fuse));
            }
        });
        // The map is dropped inside: what comes after the one that panics may leak.
        at_every_call(size, true, |map, _| drop(std::mem::take(map)));
        at_every_call(size, true, |map, _| {
            std::mem::take(map).into_iter().take(3).for_each(drop);
        });
    }
}

/// Equal to nothing, or to everything, as chance has it.
#[derive(Clone, Debug)]
struct Liar(u64, Rc<Cell<u64>>);

impl Liar {
    fn dice(&self) -> u64 {
        let x = self.1.get().wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        self.1.set(x);
        x >> 40
    }
}

impl PartialEq for Liar {
    fn eq(&self, _: &Self) -> bool {
        self.dice().is_multiple_of(3)
    }
}

impl Eq for Liar {}

impl Hash for Liar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Another one now and then.
        state.write_u64(self.0 % 7 + u64::from(self.dice().is_multiple_of(10)));
    }
}

#[test]
fn keys_that_lie_do_no_harm() {
    let dice = Rc::new(Cell::new(1));
    let mut map: Map<Liar, Rc<()>> = Map::new();
    let value = Rc::new(());
    for n in 0..3000 {
        let key = Liar(n, Rc::clone(&dice));
        match n % 5 {
            0..3 => _ = map.insert(key, Rc::clone(&value)),
            3 => _ = map.remove(&key),
            _ => _ = map.entry(key).or_insert_with(|| Rc::clone(&value)),
        }
        assert_eq!(map.iter().count(), map.len());
        assert_eq!(Rc::strong_count(&value), map.len() + 1);
        if n % 500 == 499 {
            map.reserve(1000);
            map.shrink_to_fit();
            let mut range = map.range();
            for _ in 0..5 {
                range.next(&mut map);
            }
            assert_eq!(map.clone().len(), map.len());
        }
    }
    drop(map);
    assert_eq!(Rc::strong_count(&value), 1);
}

/// Hashes nothing: each number is its own hash.
#[derive(Clone, Default)]
struct Identity(u64);

impl BuildHasher for Identity {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unimplemented!("only numbers")
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

#[test]
fn weak_hashers_are_mixed() {
    for shift in [0, 3, 10, 20, 32, 40, 50] {
        let mut map = Map::with_hasher(Identity(0));
        (0..10_000_u64).for_each(|n| _ = map.insert(n << shift, ()));
        let state = map.grow_state();
        assert_eq!(state.buckets, 2048);
        assert!(state.overflow < 600, "{shift}: {state}");
    }
}
