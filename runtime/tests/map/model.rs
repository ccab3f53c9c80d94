//! Random programs on a `Map` and on std's `HashMap`, compared after each step. Proptest shrinks
//! what differs. `PROPTEST_CASES` says how many.

use proptest::collection::vec;
use proptest::prelude::*;
use rt::collections::Map;
use rt::collections::map::{Entry, SeededState};
use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::{BuildHasher, Hasher};

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u8),
    /// So many at once: it grows meanwhile.
    InsertMany(u16, u16),
    Remove(u16),
    RemoveMany(u16, u16),
    Get(u16),
    OrInsert(u16, u8),
    Change(u16),
    RemoveEntry(u16),
    Retain(u8),
    Extract(u8, usize),
    Drain(usize),
    Clear,
    Shrink,
    Reserve(u16),
    Copy,
    Disjoint(u16, u16),
    /// A range in which every so-manieth step changes the map.
    Range(u8, u16),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let key = 0..400_u16;
    prop_oneof![
        8 => (key.clone(), any::<u8>()).prop_map(|(k, v)| Insert(k, v)),
        4 => (key.clone(), 1..200_u16).prop_map(|(k, n)| InsertMany(k, n)),
        6 => key.clone().prop_map(Remove),
        2 => (key.clone(), 1..200_u16).prop_map(|(k, n)| RemoveMany(k, n)),
        3 => key.clone().prop_map(Get),
        3 => (key.clone(), any::<u8>()).prop_map(|(k, v)| OrInsert(k, v)),
        3 => key.clone().prop_map(Change),
        2 => key.clone().prop_map(RemoveEntry),
        1 => (1..9_u8).prop_map(Retain),
        1 => (1..9_u8, 0..50_usize).prop_map(|(m, n)| Extract(m, n)),
        1 => (0..50_usize).prop_map(Drain),
        1 => Just(Clear),
        1 => Just(Shrink),
        1 => (0..500_u16).prop_map(Reserve),
        1 => Just(Copy),
        1 => (key.clone(), key.clone()).prop_map(|(a, b)| Disjoint(a, b)),
        2 => (1..5_u8, key).prop_map(|(m, k)| Range(m, k)),
    ]
}

type Model = HashMap<u16, String>;

fn run<S: BuildHasher + Clone>(hasher: S, steps: Vec<Step>) {
    let mut map: Map<u16, String, S> = Map::with_hasher(hasher);
    let mut model = Model::new();
    for step in steps {
        one(&mut map, &mut model, step);
        assert_eq!(map.len(), model.len());
        assert!(map.capacity() >= map.len());
        let all: HashMap<_, _> = map.iter().collect();
        assert_eq!(all, model.iter().collect());
        assert!(model.iter().all(|(key, value)| map.get(key) == Some(value)));
    }
    assert_eq!(map.into_iter().collect::<Model>(), model);
}

fn one<S: BuildHasher + Clone>(map: &mut Map<u16, String, S>, model: &mut Model, step: Step) {
    match step {
        Step::Insert(k, v) => {
            assert_eq!(map.insert(k, v.to_string()), model.insert(k, v.to_string()));
        }
        Step::InsertMany(from, n) => {
            for k in from..from + n {
                assert_eq!(map.insert(k, k.to_string()), model.insert(k, k.to_string()));
            }
        }
        Step::Remove(k) => assert_eq!(map.remove(&k), model.remove(&k)),
        Step::RemoveMany(from, n) => {
            for k in from..from + n {
                assert_eq!(map.remove_entry(&k), model.remove_entry(&k));
            }
        }
        Step::Get(k) => {
            assert_eq!(map.get_key_value(&k), model.get_key_value(&k));
            assert_eq!(map.contains_key(&k), model.contains_key(&k));
            assert_eq!(map.get_mut(&k), model.get_mut(&k));
        }
        Step::OrInsert(k, v) => {
            map.entry(k).and_modify(|s| s.push('+')).or_insert_with(|| v.to_string());
            model.entry(k).and_modify(|s| s.push('+')).or_insert_with(|| v.to_string());
        }
        Step::Change(k) => match (map.entry(k), model.entry(k)) {
            (Entry::Occupied(mut a), hash_map::Entry::Occupied(mut b)) => {
                assert_eq!(a.insert("new".into()), b.insert("new".into()));
                assert_eq!((a.key(), a.get()), (b.key(), b.get()));
            }
            (Entry::Vacant(a), hash_map::Entry::Vacant(b)) => {
                assert_eq!(a.insert_entry("new".into()).get(), b.insert("new".into()));
            }
            _ => panic!("{k} is in one of the two"),
        },
        Step::RemoveEntry(k) => match (map.entry(k), model.entry(k)) {
            (Entry::Occupied(a), hash_map::Entry::Occupied(b)) => {
                assert_eq!(a.remove_entry(), b.remove_entry());
            }
            (Entry::Vacant(a), hash_map::Entry::Vacant(_)) => assert_eq!(a.into_key(), k),
            _ => panic!("{k} is in one of the two"),
        },
        Step::Retain(m) => {
            map.retain(|k, _| k % u16::from(m) != 0);
            model.retain(|k, _| k % u16::from(m) != 0);
        }
        Step::Extract(m, n) => {
            // Which come first is chance: what came is taken out of the model.
            for (k, v) in map.extract_if(|k, _| k % u16::from(m) == 0).take(n) {
                assert_eq!(model.remove(&k), Some(v));
            }
        }
        Step::Drain(n) => {
            for (k, v) in map.drain().take(n) {
                assert_eq!(model.remove(&k), Some(v));
            }
            model.clear();
        }
        Step::Clear => {
            map.clear();
            model.clear();
        }
        Step::Shrink => map.shrink_to_fit(),
        Step::Reserve(n) => {
            map.try_reserve(n.into()).unwrap();
            assert!(map.capacity() >= map.len() + usize::from(n));
        }
        Step::Copy => {
            let copy = map.clone();
            assert!(copy == *map);
            *map = copy;
        }
        Step::Disjoint(a, b) if a != b => {
            if let [Some(a), Some(b)] = map.get_disjoint_mut([&a, &b]) {
                std::mem::swap(a, b);
            }
            if let [Some(a), Some(b)] = model.get_disjoint_mut([&a, &b]) {
                std::mem::swap(a, b);
            }
        }
        Step::Disjoint(..) => {}
        Step::Range(m, k) => range(map, model, m.into(), k),
    }
}

/// No key twice, no removed one, and all that stayed.
fn range<S: BuildHasher>(map: &mut Map<u16, String, S>, model: &mut Model, m: usize, k: u16) {
    let (mut must, mut seen) = (model.clone(), Model::new());
    let mut range = map.range();
    let mut n = 0;
    while let Some((key, value)) = range.next_entry(map) {
        assert_eq!(model.get(&key), Some(&*value), "{key} is not there");
        assert!(seen.insert(key, value.clone()).is_none(), "{key} came twice");
        must.remove(&key);
        n += 1;
        if n % m == 0 {
            // More keys for a growth, and others out; the one that came, too, and in again.
            for new in 0..8 {
                let new = k + 400 + 8 * (n % 100) as u16 + new;
                assert_eq!(map.insert(new, "new".into()), model.insert(new, "new".into()));
            }
            let old = (key * 7) % 400;
            assert_eq!(map.remove(&old), model.remove(&old));
            must.remove(&old);
            if let Some(value) = map.remove(&key) {
                map.insert(key, value);
            }
        }
        if n == 300 {
            map.shrink_to_fit();
        }
        assert!(n < 2000, "it does not end");
    }
    assert!(map.is_empty() || must.is_empty(), "did not come: {must:?}");
}

/// All keys in few chains.
#[derive(Clone)]
struct Weak;

impl BuildHasher for Weak {
    type Hasher = WeakHasher;

    fn build_hasher(&self) -> WeakHasher {
        WeakHasher(0)
    }
}

struct WeakHasher(u64);

impl Hasher for WeakHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from(bytes[0] % 5);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_stds_does(steps in vec(step(), 1..60)) {
        run(SeededState::new(), steps);
    }

    #[test]
    fn with_a_weak_hasher_too(steps in vec(step(), 1..30)) {
        run(Weak, steps);
    }
}
