//! `Map`: a map that many use at once.
//!
//! Hashing, comparing, cloning and dropping keys and values is code of the user: it may panic, wait,
//! or use the same map. So none of it runs under a lock. A map has a few *shards*, each with a table
//! under a readers-writer lock, which is held for a few dozen instructions and never over a switch.
//! The tables know only hashes and addresses: a look-up fetches, under the lock, the entries with
//! the key's hash (hardly ever more than one), and compares the keys after. A change is decided on
//! what was fetched, and takes place if that is still so; else it is decided again.
//!
//! Invariants:
//! 1. Under a shard's lock no code of the user runs, and nobody waits for anything. Whatever is
//!    taken out of a table is held outside before, so the lock drops nothing for good.
//! 2. Entries never change. An entry in a table says that its key has its value; what is not there
//!    by address is not there.
//! 3. A shard has at most one entry for a key: a new one is put in only if every entry with its
//!    hash is known to have another key, by who puts it.
//! 4. The number of shards is fixed once there is one, so a key's shard and mark are for ever.
//!
//! A call therefore takes place at the moment when it last held the lock, and of two changes
//! that disturb each other one succeeds.
//!
//! | rejected | why |
//! |---|---|
//! | a lock over `Eq` and `Clone` | deadlocks if they use the map or wait; must not be held over a switch |
//! | copying a shard for each change, and reading without a lock | a store costs as much as the shard is large |
//! | tries or tables with epochs or hazard pointers, as Go's with its collector | `unsafe`, and what protects a reader belongs to its thread: it could not last over `Eq`, so an entry has to be counted all the same |

mod access;
mod table;

pub(super) use table::Entry;

use crate::prim::global::RwLock;
use crossbeam_utils::CachePadded;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;
use std::sync::{LazyLock, OnceLock};
use table::{Run, Table};

/// A hash map that goroutines and threads share without a lock around it. Go's `sync.Map`.
///
/// Made for keys that are written seldom and read often, and for goroutines that each use keys of
/// their own. All methods take `&self`. None of them waits for another goroutine, and a read blocks
/// no other read. `Hash`, `Eq`, `Clone`, `Drop` and the closures are called without any lock held:
/// they may use the same map, wait, or panic. (An `Eq` that stores the very key that it compares
/// never comes to an end.)
///
/// Reads return clones: for values that are dear to clone use [`load_with`](Self::load_with), or
/// store them in an [`Arc`](std::sync::Arc). A key that may stay in the map is passed by value, and
/// takes the place of the one that was there; a key that only names is borrowed, as in std's
/// `HashMap`.
///
/// Alone, a load costs about twice what a [`RwLock`](std::sync::RwLock) around a `HashMap` does, for
/// each counts a reference to what it found; a store that replaces costs four times that, for it
/// allocates. What is bought is that no two keys share a lock for long, and no lock meets your code.
///
/// | Go | here | in std's `HashMap` |
/// |---|---|---|
/// | `Load` | [`load`](Self::load), [`load_with`](Self::load_with) | `get` |
/// | `Store` | [`store`](Self::store) | `insert` |
/// | `Swap` | [`swap`](Self::swap) | `insert` |
/// | `LoadOrStore` | [`load_or_store`](Self::load_or_store), [`load_or_store_with`](Self::load_or_store_with) | `entry().or_insert()` |
/// | `Delete` | [`delete`](Self::delete) | `remove` |
/// | `LoadAndDelete` | [`load_and_delete`](Self::load_and_delete) | `remove` |
/// | `CompareAndSwap` | [`compare_and_swap`](Self::compare_and_swap) | |
/// | `CompareAndDelete` | [`compare_and_delete`](Self::compare_and_delete) | |
/// | `Range` | [`range`](Self::range) | `iter` |
/// | `Clear` | [`clear`](Self::clear) | `clear` |
/// | | [`contains_key`](Self::contains_key), [`len`](Self::len), [`is_empty`](Self::is_empty) | the same |
///
/// # Examples
/// ```
/// use rt::sync::Map;
///
/// static SQUARES: Map<u64, u64> = Map::new();
///
/// #[rt::main]
/// fn main() {
///     rt::scope(|s| {
///         for n in 0..10 {
///             s.spawn(move || SQUARES.store(n, n * n));
///         }
///     });
///     assert_eq!(SQUARES.load(&7), Some(49));
///     assert_eq!(SQUARES.load(&11), None);
///     assert_eq!(SQUARES.load_or_store(7, 0), (49, true));
/// }
/// ```
pub struct Map<K, V, S = RandomState> {
    hasher: Hasher<S>,
    /// None until something is stored. A power of two, at least two.
    shards: OnceLock<Box<[Shard<K, V>]>>,
}

type Shard<K, V> = CachePadded<RwLock<Table<K, V>>>;

enum Hasher<S> {
    Given(S),
    /// What makes it possible to have a map in a `static`.
    Late(LazyLock<S>),
}

impl<K, V> Map<K, V> {
    /// An empty map, which takes no memory of its own yet.
    ///
    /// # Examples
    /// ```
    /// static NAMES: rt::sync::Map<u32, &str> = rt::sync::Map::new();
    /// NAMES.store(1, "one");
    /// assert_eq!(NAMES.load(&1), Some("one"));
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { hasher: Hasher::Late(LazyLock::new(RandomState::new)), shards: OnceLock::new() }
    }
}

impl<K, V, S> Map<K, V, S> {
    /// An empty map that hashes keys by `hasher`.
    ///
    /// # Examples
    /// ```
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    /// type Fixed = BuildHasherDefault<DefaultHasher>;
    ///
    /// static AGES: rt::sync::Map<&str, u32, Fixed> = rt::sync::Map::with_hasher(Fixed::new());
    /// AGES.store("Ann", 30);
    /// assert_eq!(AGES.len(), 1);
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self { hasher: Hasher::Given(hasher), shards: OnceLock::new() }
    }

    /// What hashes the keys.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let map = rt::sync::Map::<u32, ()>::new();
    /// assert_eq!(map.hasher().hash_one(7), map.hasher().hash_one(7));
    /// ```
    pub fn hasher(&self) -> &S {
        match &self.hasher {
            Hasher::Given(hasher) => hasher,
            Hasher::Late(hasher) => hasher,
        }
    }

    /// How many keys there are: those that were there throughout the call, and perhaps some that
    /// came or went meanwhile.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// (0..3).for_each(|n| map.store(n, ()));
    /// assert!(map.len() == 3 && !map.is_empty());
    /// ```
    pub fn len(&self) -> usize {
        self.shards().iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether [`len`](Self::len) is zero.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// assert!(map.is_empty());
    /// map.store("a", 1);
    /// assert!(!map.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shards().iter().all(|shard| shard.read().len() == 0)
    }

    /// Removes every key that is there when the call begins; what is stored during the call may
    /// stay. Go's `Clear`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// map.store("a", 1);
    /// map.clear();
    /// assert_eq!(map.len(), 0);
    /// ```
    pub fn clear(&self) {
        for shard in self.shards() {
            let table = mem::take(&mut *shard.write());
            // Dropped here, without the lock.
            table.into_entries().for_each(|entry| entry.set_gone());
        }
    }

    fn shards(&self) -> &[Shard<K, V>] {
        self.shards.get().map_or(&[], |shards| shards)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Map<K, V, S> {
    /// A clone of the value of `key`. Go's `Load`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// map.store("a", 1);
    /// assert_eq!((map.load("a"), map.load("b")), (Some(1), None));
    /// ```
    #[doc(alias = "get")]
    pub fn load<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        V: Clone,
    {
        self.load_with(key, V::clone)
    }

    /// What `f` makes of the value of `key`, which it borrows: no clone.
    ///
    /// No lock is held while `f` runs; it sees the value that was there when the call began.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// map.store("poem", "Tyger, tyger, burning bright".to_owned());
    /// assert_eq!(map.load_with("poem", |text| text.len()), Some(28));
    /// ```
    pub fn load_with<Q: Hash + Eq + ?Sized, R>(&self, key: &Q, f: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
    {
        self.find(self.hash(key), key).map(|entry| f(&entry.value))
    }

    /// Whether there is a value for `key`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// map.store(String::from("a"), 1);
    /// assert!(map.contains_key("a") && !map.contains_key("b"));
    /// ```
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(self.hash(key), key).is_some()
    }

    /// Sets the value of `key`. Go's `Store`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// map.store("a", 1);
    /// map.store("a", 2);
    /// assert_eq!(map.load("a"), Some(2));
    /// ```
    #[doc(alias = "insert")]
    pub fn store(&self, key: K, value: V) {
        let hash = self.hash(&key);
        let _ = self.put(hash, Entry::new(key, value), Run::new(), |_| true);
    }

    /// Sets the value of `key` and returns the one before. Go's `Swap`.
    ///
    /// What it returns is cloned only if somebody else is reading it right now.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// assert_eq!(map.swap("a", 1), None);
    /// assert_eq!(map.swap("a", 2), Some(1));
    /// ```
    #[doc(alias = "insert")]
    pub fn swap(&self, key: K, value: V) -> Option<V>
    where
        V: Clone,
    {
        let hash = self.hash(&key);
        let old = self.put(hash, Entry::new(key, value), Run::new(), |_| true);
        old.ok().flatten().map(Entry::into_value)
    }

    /// The value of `key` and `true`; or, if it has none, stores `value` and returns that
    /// and `false`. Go's `LoadOrStore`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// assert_eq!(map.load_or_store("a", 1), (1, false));
    /// assert_eq!(map.load_or_store("a", 2), (1, true));
    /// ```
    pub fn load_or_store(&self, key: K, value: V) -> (V, bool)
    where
        V: Clone,
    {
        self.load_or_store_with(key, || value)
    }

    /// As [`load_or_store`](Self::load_or_store), with a value that is made only when `key` has
    /// none. If several make one at the same time, all but one are dropped.
    ///
    /// To have only one made at a time, see [`SingleFlight`](super::SingleFlight).
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::new();
    /// assert_eq!(map.load_or_store_with("a", || 1), (1, false));
    /// assert_eq!(map.load_or_store_with("a", || unreachable!("it is there")), (1, true));
    /// ```
    pub fn load_or_store_with(&self, key: K, make: impl FnOnce() -> V) -> (V, bool)
    where
        V: Clone,
    {
        let hash = self.hash(&key);
        if let Some(entry) = self.find(hash, &key) {
            return (entry.value.clone(), true);
        }
        let new = Entry::new(key, make());
        match self.add(hash, &new) {
            Ok(()) => (new.value.clone(), false),
            Err(there) => (there.value.clone(), true),
        }
    }

    /// Removes `key`. Returns whether it was there. Go's `Delete`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::from([("a", 1)]);
    /// assert!(map.delete("a"));
    /// assert!(!map.delete("a"));
    /// ```
    #[doc(alias = "remove")]
    pub fn delete<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.remove(key, |_| true).is_some()
    }

    /// Removes `key` and returns its value. Go's `LoadAndDelete`.
    ///
    /// What it returns is cloned only if somebody else is reading it right now.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::from([("a", 1)]);
    /// assert_eq!(map.load_and_delete("a"), Some(1));
    /// assert_eq!(map.load_and_delete("a"), None);
    /// ```
    #[doc(alias = "remove")]
    pub fn load_and_delete<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        V: Clone,
    {
        self.remove(key, |_| true).map(Entry::into_value)
    }

    /// Sets the value of `key` to `new` if it is equal to `old`. Returns whether it did; not, if there
    /// is no value. Go's `CompareAndSwap`.
    ///
    /// # Examples
    /// Adding, whatever others do meanwhile:
    /// ```
    /// let map = rt::sync::Map::from([("visits", 0)]);
    /// let add = |n: i32| loop {
    ///     let old = map.load("visits").unwrap();
    ///     if map.compare_and_swap("visits", &old, old + n) {
    ///         break;
    ///     }
    /// };
    /// add(2);
    /// add(3);
    /// assert_eq!(map.load("visits"), Some(5));
    /// ```
    pub fn compare_and_swap(&self, key: K, old: &V, new: V) -> bool
    where
        V: PartialEq,
    {
        let hash = self.hash(&key);
        let known = self.run(hash);
        self.put(hash, Entry::new(key, new), known, |there| there == Some(old)).is_ok()
    }

    /// Removes `key` if its value is equal to `old`. Returns whether it did. Go's
    /// `CompareAndDelete`.
    ///
    /// # Examples
    /// ```
    /// let map = rt::sync::Map::from([("a", 1)]);
    /// assert!(!map.compare_and_delete("a", &2));
    /// assert!(map.compare_and_delete("a", &1));
    /// ```
    pub fn compare_and_delete<Q: Hash + Eq + ?Sized>(&self, key: &Q, old: &V) -> bool
    where
        K: Borrow<Q>,
        V: PartialEq,
    {
        self.remove(key, |there| there == old).is_some()
    }

    /// Calls `f` with each key and its value, in no order that means anything, until it returns
    /// `false`. Go's `Range`.
    ///
    /// The map may change meanwhile, also by `f` itself. No key comes twice. A key that is there
    /// all the time comes once, one that comes or goes may come or not; one that was deleted does not
    /// come after that. The value is the one that the key has when `f` is called, as far as others
    /// do not change it in this moment. It is no snapshot: two keys may show the map at two times.
    ///
    /// No lock is held while `f` runs. It copies references to some 64 entries at a time.
    ///
    /// # Examples
    /// ```
    /// let map: rt::sync::Map<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
    /// // Deletes as it goes.
    /// map.range(|n, _| {
    ///     if n % 2 == 1 {
    ///         map.delete(n);
    ///     }
    ///     true
    /// });
    /// assert_eq!(map.len(), 50);
    /// ```
    #[doc(alias = "iter")]
    pub fn range(&self, mut f: impl FnMut(&K, &V) -> bool) {
        for shard in self.shards() {
            let (mut from, mut batch) = (Some(0), Vec::new());
            while let Some(at) = from {
                from = shard.read().batch(at, &mut batch);
                for mut entry in batch.drain(..) {
                    if entry.is_gone() {
                        // Another value, or none. The same mark: it does not come again later.
                        match self.find(self.hash(&entry.key), &entry.key) {
                            Some(now) => entry = now,
                            None => continue,
                        }
                    }
                    if !f(&entry.key, &entry.value) {
                        return;
                    }
                }
            }
        }
    }
}

impl<K, V, S: Default> Default for Map<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Extend<(K, V)> for Map<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        pairs.into_iter().for_each(|(key, value)| self.store(key, value));
    }
}

impl<K: Hash + Eq, V, S: BuildHasher + Default> FromIterator<(K, V)> for Map<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Self::default();
        map.extend(pairs);
        map
    }
}

impl<K: Hash + Eq, V, const N: usize> From<[(K, V); N]> for Map<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Hash + Eq + fmt::Debug, V: fmt::Debug, S: BuildHasher> fmt::Debug for Map<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.range(|key, value| {
            map.entry(key, value);
            true
        });
        map.finish()
    }
}
