//! Keys and values of all sizes, and what the types promise.

use rt::collections::Map;
use rt::collections::map::{Drain, Entry, IntoIter, Iter, IterMut, Range};
use std::cell::Cell;
use std::panic::UnwindSafe;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(align(256))]
struct Wide(u8);

#[test]
fn nothing_at_all() {
    let mut set = Map::new();
    assert_eq!((set.insert((), ()), set.insert((), ()), set.len()), (None, Some(()), 1));
    assert_eq!((set.remove(&()), set.len()), (Some(()), 0));
    let mut keys: Map<(), String> = Map::new();
    keys.entry(()).or_default().push('a');
    assert_eq!(keys[&()], "a");
    let values: Map<u32, ()> = (0..1000).map(|n| (n, ())).collect();
    assert_eq!(values.iter().count(), 1000);
}

#[test]
fn wide_alignment() {
    let map: Map<Wide, Wide> = (0..=255).map(|n| (Wide(n), Wide(255 - n))).collect();
    for (key, value) in &map {
        assert_eq!((&raw const *key).addr() % 256, 0);
        assert_eq!((&raw const *value).addr() % 256, 0);
        assert_eq!(value.0, 255 - key.0);
    }
    assert_eq!(map.clone(), map);
}

#[test]
fn large_values() {
    let mut map: Map<u32, [u32; 5000]> = Map::new();
    for n in 0..100 {
        map.insert(n, [n; 5000]);
    }
    map.retain(|key, _| key % 3 == 0);
    assert!(map.iter().all(|(key, value)| value[4999] == *key) && map.len() == 34);
}

/// Of all that is left of its old buckets, too. The values are so large that those come in segments, and go one by one.
#[test]
fn a_copy_has_the_same_picture_at_any_time() {
    let mut map: Map<u32, [u64; 400]> = Map::new();
    let mut given_back = 0;
    for n in 0..1700 {
        map.insert(n, [0; 400]);
        if map.grow_state().is_growing() && n % 7 < 2 {
            let picture = map.picture().to_string();
            assert_eq!(map.clone().picture().to_string(), picture);
            given_back += picture.matches("given back").count();
        }
    }
    assert_ne!(given_back, 0);
}

#[test]
fn so_much_memory_there_is_not() {
    let mut map = Map::from([(1_u64, 1_u64)]);
    for many in [usize::MAX, usize::MAX / 2, usize::MAX / 64, 1 << 50] {
        assert!(map.try_reserve(many).is_err(), "{many}");
    }
    assert_eq!(map[&1], 1);
    let overflow = std::panic::catch_unwind(|| Map::<u64, u64>::with_capacity(usize::MAX));
    let message = overflow.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(*message, "Hash table capacity overflow");
    let mut map = map;
    let overflow = std::panic::catch_unwind(move || map.reserve(usize::MAX));
    assert!(overflow.is_err());
}

#[test]
fn capacity_is_what_fits_without_growing() {
    for n in [0, 1, 8, 9, 13, 14, 1000] {
        let mut map = Map::with_capacity(n);
        let buckets = map.grow_state().buckets;
        assert!(map.capacity() >= n && (n > 0 || buckets == 0));
        (0..map.capacity()).for_each(|n| _ = map.insert(n, ()));
        assert!(n == 0 || map.grow_state().buckets == buckets);
    }
}

#[test]
#[should_panic(expected = "duplicate keys found")]
fn the_same_value_twice_is_refused() {
    let mut map = Map::from([(1, 1)]);
    map.get_disjoint_mut([&1, &1]);
}

#[test]
#[should_panic(expected = "no entry found for key")]
fn an_index_that_is_not_there_panics() {
    let map = Map::from([(1, 1)]);
    let _ = map[&2];
}

#[test]
fn it_is_sent_and_shared_as_its_parts_are() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn unwind_safe<T: UnwindSafe>() {}
    send::<Map<String, Cell<u8>>>();
    sync::<Map<String, String>>();
    send::<Iter<'_, String, String>>();
    sync::<Iter<'_, String, String>>();
    send::<IterMut<'_, String, Cell<u8>>>();
    send::<IntoIter<String, Cell<u8>>>();
    send::<Drain<'_, String, Cell<u8>>>();
    send::<Entry<'_, String, Cell<u8>>>();
    send::<Range<String>>();
    unwind_safe::<Map<String, String>>();
    // And not otherwise: a method of the trait that is there for all, hidden by one for some.
    trait Otherwise {
        const IS: bool = false;
    }
    impl<T: ?Sized> Otherwise for T {}
    struct IsSend<T>(std::marker::PhantomData<T>);
    #[allow(dead_code, reason = "hidden where it should be")]
    impl<T: Send> IsSend<T> {
        const IS: bool = true;
    }
    struct IsSync<T>(std::marker::PhantomData<T>);
    #[allow(dead_code, reason = "hidden where it should be")]
    impl<T: Sync> IsSync<T> {
        const IS: bool = true;
    }
    const {
        assert!(IsSend::<Map<u8, u8>>::IS && IsSync::<Map<u8, u8>>::IS);
        assert!(!IsSend::<Map<u8, Rc<u8>>>::IS && !IsSend::<Map<Rc<u8>, u8>>::IS);
        assert!(!IsSync::<Map<u8, Cell<u8>>>::IS);
        assert!(!IsSend::<Iter<'_, u8, Cell<u8>>>::IS);
        assert!(!IsSend::<IterMut<'_, u8, Rc<u8>>>::IS && !IsSend::<IntoIter<u8, Rc<u8>>>::IS);
        assert!(!IsSend::<Entry<'_, u8, Rc<u8>>>::IS && !IsSync::<Entry<'_, u8, Cell<u8>>>::IS);
    }
}

#[test]
fn lifetimes_may_become_shorter() {
    fn shorter<'a>(map: Map<&'static str, &'static str>, _: &'a str) -> Map<&'a str, &'a str> {
        map
    }
    let text = String::from("x");
    assert_eq!(shorter(Map::from([("a", "b")]), &text)["a"], "b");
}

#[test]
fn what_is_forgotten_stays_in_order() {
    let mut map: Map<u32, String> = (0..50).map(|n| (n, n.to_string())).collect();
    let mut drain = map.drain();
    let taken: Vec<_> = drain.by_ref().take(20).collect();
    // Forgotten, as `mem::forget` does.
    let _ = std::mem::ManuallyDrop::new(drain);
    assert_eq!((taken.len(), map.len(), map.iter().count()), (20, 30, 30));
    assert!(taken.iter().all(|(key, _)| !map.contains_key(key)));
    let mut extract = map.extract_if(|_, _| true);
    extract.next();
    drop(extract);
    assert_eq!(map.len(), 29);
}

/// As std's.
#[test]
fn iterators_have_a_default_of_nothing() {
    use rt::collections::map::{IntoKeys, IntoValues, Keys, Values, ValuesMut};
    // Not `'static`, nor `Default`.
    struct Lent<'a>(#[expect(dead_code, reason = "only its lifetime counts")] &'a str);
    fn nothing<'a>(_: &'a str) {
        assert_eq!(Iter::<Lent<'a>, Lent<'a>>::default().count(), 0);
        assert_eq!(IterMut::<Lent<'a>, Lent<'a>>::default().fold(0, |n, _| n + 1), 0);
        assert_eq!(ValuesMut::<u8, Lent<'a>>::default().count(), 0);
        assert_eq!(Keys::<Lent<'a>, u8>::default().len(), 0);
        assert_eq!(Values::<Lent<'a>, u8>::default().clone().count(), 0);
        assert_eq!(IntoIter::<Lent<'a>, u8>::default().count(), 0);
        assert_eq!(IntoKeys::<Lent<'a>, u8>::default().len(), 0);
        assert_eq!(IntoValues::<Lent<'a>, u8>::default().count(), 0);
    }
    nothing(&String::from("lent"));
}

#[test]
fn a_fold_goes_the_way_of_next() {
    let mut map = Map::new();
    for n in 0..400_u64 {
        map.insert(n, n);
        let mut iter = map.iter();
        // From the beginning, from the middle of a row, and from the end.
        for _ in 0..=n / 7 {
            let mut by_next = Vec::new();
            for (key, _) in iter.clone() {
                by_next.push(*key);
            }
            let by_fold = iter.clone().fold(Vec::new(), |mut keys, (key, _)| {
                keys.push(*key);
                keys
            });
            assert_eq!(by_fold, by_next, "{} of {n} are left", iter.len());
            if iter.nth(n as usize / 3).is_none() {
                break;
            }
        }
    }
    map.values_mut().for_each(|value| *value += 1);
    assert_eq!(map.values().sum::<u64>(), (1..=400).sum());
    assert!(map.iter().all(|(key, value)| key + 1 == *value));
}
