//! `collections::Map` beside std's `HashMap`: any program of a few steps does the same to both.
//!
//! Keys and values are boxes, so that AddressSanitizer sees what is dropped twice, used after, or leaked. The
//! hashers are weaker than the default: what goes wrong once goes wrong again. (Where an iteration begins is
//! chance all the same.)
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rt::collections::Map;
use rt::collections::map::{Entry, SeededState};
use std::collections::{HashMap, hash_map};
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};

#[derive(Arbitrary, Debug)]
enum Kind {
    /// As users have it.
    Seeded,
    /// The key is its hash.
    Plain,
    /// All keys in few chains, which become long.
    Crowded,
    /// Values so large that a few buckets make a segment.
    Large,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Insert(u8, u16),
    InsertMany(u16, u8),
    Remove(u8),
    RemoveMany(u16, u8),
    Get(u16),
    Entry(u8, What),
    Retain(u8),
    Extract(u8, u8),
    Iterate(u8),
    IterateMut(u8),
    IterateOver,
    Range(Vec<Change>),
    Drain(u8),
    Clear,
    Shrink(u16),
    Reserve(u16),
    Copy,
    CopyOver,
    Disjoint(u8, u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum What {
    Insert,
    OrInsert,
    Remove,
    Nothing,
}

/// What is done to the map after a key has come out of a range.
#[derive(Arbitrary, Debug)]
enum Change {
    Nothing,
    Insert(u16),
    InsertMany(u16, u8),
    Remove(u16),
    RemoveMany(u16, u8),
    /// The one that came.
    RemoveIt,
    /// It, and in again: it must not come twice.
    Again,
    Write(u16),
    Shrink,
    Copy,
    Clear,
}

fuzz_target!(|program: (Kind, Vec<Step>)| {
    let (kind, steps) = program;
    match kind {
        Kind::Seeded => run::<Box<u16>, _>(SeededState::new(), steps),
        Kind::Plain => run::<Box<u16>, _>(Weak(u64::MAX), steps),
        Kind::Crowded => run::<Box<u16>, _>(Weak(3), steps),
        Kind::Large => run::<Large, _>(Weak(u64::MAX), steps),
    }
});

trait Value: Clone + Debug + PartialEq {
    fn new(n: u16) -> Self;
    /// Changes it.
    fn write(&mut self, n: u16);
}

impl Value for Box<u16> {
    fn new(n: u16) -> Self {
        Box::new(n)
    }

    fn write(&mut self, n: u16) {
        **self = n;
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Large {
    value: Box<u16>,
    rest: [u16; 2000],
}

impl Value for Large {
    fn new(n: u16) -> Self {
        Self { value: Box::new(n), rest: [n; 2000] }
    }

    fn write(&mut self, n: u16) {
        (*self.value, self.rest[1999]) = (n, n);
    }
}

type Real<V, S> = Map<Box<u16>, V, S>;
type Model<V> = HashMap<u16, V>;

fn run<V: Value, S: BuildHasher + Clone>(hasher: S, steps: Vec<Step>) {
    let mut map: Real<V, S> = Map::with_hasher(hasher);
    let mut model: Model<V> = Model::new();
    for step in steps {
        one(&mut map, &mut model, step);
        assert_eq!(map.len(), model.len());
        assert_eq!(map.is_empty(), model.is_empty());
        assert!(map.capacity() >= map.len());
    }
    same(&map, &model);
    for (key, value) in map {
        assert_eq!(model.remove(&key), Some(value));
    }
    assert!(model.is_empty());
}

fn same<V: Value, S: BuildHasher>(map: &Real<V, S>, model: &Model<V>) {
    let mut seen = 0;
    for (key, value) in map {
        assert_eq!(model.get(&**key), Some(value));
        seen += 1;
    }
    assert_eq!(seen, model.len());
    for (key, value) in model {
        assert_eq!(map.get(key), Some(value));
    }
}

fn insert<V: Value, S: BuildHasher>(map: &mut Real<V, S>, model: &mut Model<V>, key: u16, n: u16) {
    assert_eq!(map.insert(Box::new(key), V::new(n)), model.insert(key, V::new(n)));
}

fn remove<V: Value, S: BuildHasher>(map: &mut Real<V, S>, model: &mut Model<V>, key: u16) {
    assert_eq!(map.remove(&key), model.remove(&key));
}

fn many(from: u16, n: u8) -> impl Iterator<Item = u16> {
    // Few enough keys to meet again, enough to grow a few times.
    (0..u16::from(n)).map(move |n| (from % 1024 + n) % 1024)
}

fn one<V: Value, S: BuildHasher + Clone>(map: &mut Real<V, S>, model: &mut Model<V>, step: Step) {
    match step {
        Step::Insert(key, n) => insert(map, model, key.into(), n),
        Step::InsertMany(from, n) => many(from, n).for_each(|key| insert(map, model, key, from)),
        Step::Remove(key) => remove(map, model, key.into()),
        Step::RemoveMany(from, n) => many(from, n).for_each(|key| remove(map, model, key)),
        Step::Get(key) => {
            let key = key % 1024;
            let there = map.get_key_value(&key).map(|(key, value)| (&**key, value));
            assert_eq!(there, model.get_key_value(&key));
            assert_eq!(map.contains_key(&key), model.contains_key(&key));
            assert_eq!(map.get_mut(&key), model.get_mut(&key));
        }
        Step::Entry(key, what) => entry(map, model, key.into(), what),
        Step::Retain(n) => {
            let keep = |key: u16| n == 0 || key % u16::from(n) != 1;
            map.retain(|key, _| keep(**key));
            model.retain(|key, _| keep(*key));
        }
        Step::Extract(n, take) => {
            // Which come first is chance: what came is taken out of the model.
            let wanted = |key: u16| n == 0 || key % u16::from(n) == 0;
            let mut taken = map.extract_if(|key, _| wanted(**key)).take(take.into());
            assert!(taken.all(|(key, value)| model.remove(&key) == Some(value)));
        }
        Step::Iterate(n) => {
            let mut iter = map.iter();
            iter.by_ref().take(n.into()).for_each(drop);
            assert_eq!(iter.len(), model.len() - model.len().min(n.into()));
            assert!(iter.clone().eq(iter), "a copy goes on in the same order");
            same(map, model);
        }
        Step::IterateMut(n) => {
            for (key, value) in map.iter_mut().take(n.into()) {
                value.write(**key);
                model.get_mut(&**key).expect("a key of both").write(**key);
            }
            for value in map.values_mut() {
                value.write(n.into());
            }
            model.values_mut().for_each(|value| value.write(n.into()));
        }
        Step::IterateOver => {
            // By value, not to the end: the rest is dropped.
            let copy = map.clone();
            assert!(copy.into_keys().take(10).all(|key| model.contains_key(&*key)));
        }
        Step::Range(changes) => range(map, model, changes),
        Step::Drain(n) => {
            let mut drained = map.drain().take(n.into());
            assert!(drained.all(|(key, value)| model.remove(&key) == Some(value)));
            drop(drained);
            model.clear();
        }
        Step::Clear => {
            map.clear();
            model.clear();
        }
        Step::Shrink(n) => {
            map.shrink_to(usize::from(n % 2048));
            same(map, model);
        }
        Step::Reserve(n) => {
            let n = usize::from(n % 2048);
            map.try_reserve(n).expect("so much memory there is");
            assert!(map.capacity() >= map.len() + n);
        }
        Step::Copy => {
            let copy = map.clone();
            assert!(copy == *map);
            *map = copy;
            same(map, model);
        }
        Step::CopyOver => {
            let mut copy = Map::with_hasher(map.hasher().clone());
            copy.insert(Box::new(0), V::new(0));
            copy.clone_from(map);
            *map = copy;
        }
        Step::Disjoint(a, b) if a != b => {
            let (a, b) = (a.into(), b.into());
            if let [Some(a), Some(b)] = map.get_disjoint_mut([&a, &b]) {
                std::mem::swap(a, b);
            }
            if let [Some(a), Some(b)] = model.get_disjoint_mut([&a, &b]) {
                std::mem::swap(a, b);
            }
        }
        Step::Disjoint(..) => {}
    }
}

fn entry<V: Value, S: BuildHasher>(
    map: &mut Real<V, S>,
    model: &mut Model<V>,
    key: u16,
    what: What,
) {
    match (map.entry(Box::new(key)), model.entry(key)) {
        (Entry::Occupied(mut a), hash_map::Entry::Occupied(mut b)) => match what {
            What::Insert => assert_eq!(a.insert(V::new(7)), b.insert(V::new(7))),
            What::OrInsert => assert_eq!(a.get_mut(), b.get_mut()),
            What::Remove => assert_eq!(*a.remove_entry().0, b.remove_entry().0),
            What::Nothing => assert_eq!((&**a.key(), a.get()), (b.key(), b.get())),
        },
        (Entry::Vacant(a), hash_map::Entry::Vacant(b)) => match what {
            What::Insert => assert_eq!(a.insert(V::new(8)), b.insert(V::new(8))),
            What::OrInsert => {
                b.insert(V::new(9));
                assert_eq!(*a.insert_entry(V::new(9)).get(), V::new(9));
            }
            What::Remove => assert_eq!(*a.into_key(), key),
            What::Nothing => {}
        },
        _ => panic!("{key} is in one of the two"),
    }
}

/// No key twice, none that was removed, and all that stayed.
fn range<V: Value, S: BuildHasher + Clone>(
    map: &mut Real<V, S>,
    model: &mut Model<V>,
    changes: Vec<Change>,
) {
    let (mut must, mut seen) = (model.clone(), HashMap::new());
    let mut range = map.range();
    let mut changes = changes.into_iter();
    while let Some((key, value)) = range.next_entry(map) {
        let key = *key;
        assert_eq!(model.get(&key), Some(&*value));
        assert!(seen.insert(key, ()).is_none(), "{key} came twice");
        must.remove(&key);
        match changes.next().unwrap_or(Change::Nothing) {
            Change::Nothing => {}
            Change::Insert(key) => insert(map, model, key, key),
            Change::InsertMany(from, n) => {
                many(from, n).for_each(|key| insert(map, model, key, n.into()))
            }
            Change::Remove(key) => {
                must.remove(&(key % 1024));
                remove(map, model, key % 1024);
            }
            Change::RemoveMany(from, n) => {
                for key in many(from, n) {
                    must.remove(&key);
                    remove(map, model, key);
                }
            }
            Change::RemoveIt => remove(map, model, key),
            Change::Again => {
                remove(map, model, key);
                insert(map, model, key, key);
            }
            Change::Write(n) => {
                value.write(n);
                model.get_mut(&key).expect("a key of both").write(n);
            }
            Change::Shrink => map.shrink_to_fit(),
            Change::Copy => *map = map.clone(),
            Change::Clear => {
                map.clear();
                model.clear();
                must.clear();
            }
        }
        if model.is_empty() {
            // It has another seed from now on, and the cursor is at its end: whatever comes, may come or not.
            must.clear();
        }
    }
    assert!(must.is_empty(), "some did not come");
}

/// The key, or a part of its bits.
#[derive(Clone)]
struct Weak(u64);

struct WeakHasher(u64, u64);

impl BuildHasher for Weak {
    type Hasher = WeakHasher;

    fn build_hasher(&self) -> WeakHasher {
        WeakHasher(self.0, 0)
    }
}

impl Hasher for WeakHasher {
    fn finish(&self) -> u64 {
        self.1 & self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.1 = self.1 << 8 | u64::from(*byte));
    }
}
