//! `Map`: Go's hash map, which grows a little with each write.
//!
//! | file | what it has |
//! |---|---|
//! | `marks` | a byte for each of eight cells, asked all at once |
//! | `bucket`, `content`, `cell` | where keys and values lie; the ground that all `unsafe` stands on |
//! | `storage` | an array of buckets, in segments |
//! | `table` | filling and emptying cells; the invariants of all of it |
//! | `find` | finding a key, or a place for one |
//! | `grow` | growth, chain by chain |
//! | `walk` | all full cells, from a random place on |
//! | this, `access`, `traits` | what is called |
//! | `entry`, `iter`, `owned`, `range` | entries and iterators |
//! | `hasher`, `random` | the default hasher; chance |
//! | `picture` | seeing inside |
//!
//! Nothing in here waits for anybody.

mod access;
mod bucket;
mod cell;
mod content;
mod entry;
mod find;
mod grow;
mod hasher;
mod iter;
mod marks;
mod owned;
mod picture;
mod random;
mod range;
mod storage;
mod table;
#[cfg(test)]
mod tests;
mod traits;
mod walk;

pub use entry::{Entry, OccupiedEntry, VacantEntry};
pub use hasher::{SeededHasher, SeededState};
pub use iter::{Iter, IterMut, Keys, Values, ValuesMut};
pub use owned::{Drain, ExtractIf, IntoIter, IntoKeys, IntoValues};
pub use picture::{GrowState, Picture};
pub use range::Range;

use std::collections::TryReserveError;
use std::hash::{BuildHasher, Hash};
use storage::Failure;
use table::Table;

/// A hash map of which no insert ever pays for a rehash. Go's `map`, as it was until Go 1.23.
///
/// It has the methods and traits of std's [`HashMap`](std::collections::HashMap), and Go's
/// way to grow: when it is full, a new array is begun and every write moves a few of the old keys,
/// so the longest insert into a map of millions takes microseconds where other maps stop for tens of
/// milliseconds. Use it where the slowest call counts; if it is the average alone, std's is as good.
///
/// Eight cells make a bucket. The low bits of a key's hash choose the bucket, its top byte is kept
/// beside the key, and a look-up compares those of eight keys at once before it compares keys. A
/// bucket that is full goes on in an overflow bucket; at 6.5 keys a bucket, the array doubles.
///
/// * Iteration begins at a random place, as in Go. So nobody relies on an order.
/// * [`range`](Self::range) is Go's `for k := range m`: its body may change the map.
/// * [`grow_state`](Self::grow_state) and [`picture`](Self::picture) show what is inside.
/// * Removing leaves the memory; [`shrink_to_fit`](Self::shrink_to_fit) gives it back. It, [`reserve`](Self::reserve) and `clone`
///   handle the whole map at once.
///
/// The default hasher is [`SeededState`]: fast, with secrets of its own in each map. Hashes of any
/// other are mixed once more, so weak ones (identity, say) do no harm to the distribution.
///
/// As with std's, a key must not change its hash or its equality while it is in the map, and
/// both must agree. If they do not, keys may be missed or be there twice, but nothing worse happens. For
/// one map that goroutines share see [`sync::Map`](crate::sync::Map).
///
/// | Go | here |
/// |---|---|
/// | `m[k] = v` | [`insert`](Self::insert), [`entry`](Self::entry) |
/// | `v := m[k]`, `v, ok := m[k]` | [`get`](Self::get) |
/// | `delete(m, k)` | [`remove`](Self::remove) |
/// | `len(m)`, `clear(m)` | [`len`](Self::len), [`clear`](Self::clear) |
/// | `for k, v := range m` | [`iter`](Self::iter), [`range`](Self::range) |
/// | `make(map[K]V, n)` | [`with_capacity`](Self::with_capacity) |
/// | `maps.DeleteFunc` | [`retain`](Self::retain), [`extract_if`](Self::extract_if) |
///
/// # Examples
/// ```
/// use rt::collections::Map;
///
/// let mut ages = Map::new();
/// ages.insert("Ada", 36);
/// ages.insert("Alan", 41);
/// *ages.entry("Ada").or_default() += 1;
/// assert_eq!(ages["Ada"], 37);
/// assert_eq!(ages.remove("Alan"), Some(41));
/// assert_eq!(ages.get("Grace"), None);
/// ```
pub struct Map<K, V, S = SeededState> {
    table: Table<K, V>,
    hasher: S,
}

/// The hash of a key as the table sees it: with the table's seed in it, and mixed, so that the low
/// bits and the top ones depend on all bits of what the hasher said. [`SeededState`] has seen to that. The seed would not help
/// it: xored to what is not mixed after, it says which bucket is which, but not which keys share one.
#[inline]
fn hash<Q: Hash + ?Sized, S: BuildHasher>(hasher: &S, seed: u64, key: &Q) -> u64 {
    let hash = hasher.hash_one(key);
    if hasher::is_seeded::<S>() {
        return hash;
    }
    let product = u128::from(hash ^ seed) * 0x9E37_79B9_7F4A_7C15;
    product as u64 ^ (product >> 64) as u64
}

impl<K, V> Map<K, V, SeededState> {
    /// An empty map. It allocates nothing until the first insert.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.capacity(), 0);
    /// map.insert(1, "one");
    /// assert_eq!(map.capacity(), 8);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_hasher(SeededState::new())
    }

    /// An empty map with room for `capacity` keys before it grows. Go's `make(map[K]V, n)`.
    ///
    /// # Panics
    /// When so many have more bytes than can be addressed. If the allocator does not have them, the process is aborted, as by
    /// std's map; [`try_reserve`](Self::try_reserve) tells either.
    ///
    /// # Examples
    /// ```
    /// let map: rt::collections::Map<u8, u8> = rt::collections::Map::with_capacity(100);
    /// assert!(map.capacity() >= 100);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, SeededState::new())
    }
}

impl<K, V, S> Map<K, V, S> {
    /// An empty map with a hasher of your own.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Map;
    /// use std::hash::RandomState;
    ///
    /// let mut map = Map::with_hasher(RandomState::new());
    /// map.insert("key", 1);
    /// assert_eq!(map["key"], 1);
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self { table: Table::new(), hasher }
    }

    /// Room for `capacity` keys, and a hasher of your own.
    ///
    /// # Panics
    /// When so many have more bytes than can be addressed. If the allocator does not have them, the process is aborted, as by
    /// std's map; [`try_reserve`](Self::try_reserve) tells either.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Map;
    /// use std::hash::RandomState;
    ///
    /// let map: Map<u8, u8, _> = Map::with_capacity_and_hasher(9, RandomState::new());
    /// assert!(map.capacity() >= 9);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let mut map = Self::with_hasher(hasher);
        if capacity != 0 {
            let table = grow::log_for(capacity).and_then(Table::with_buckets);
            map.table = match table {
                Ok(table) => table,
                Err(failure) => failure.raise(),
            };
        }
        map
    }

    /// How many keys it can hold before it grows again. (Hashes that crowd into few buckets can make
    /// it take more memory before.)
    ///
    /// # Examples
    /// ```
    /// let map: rt::collections::Map<u8, u8> = rt::collections::Map::with_capacity(9);
    /// assert_eq!(map.capacity(), 13); // two buckets of eight, at most 6.5 keys for each
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        // While a growth of long chains goes on, more may have come.
        self.table.log().map_or(0, grow::capacity).max(self.len())
    }

    /// How many keys it has. Go's `len(m)`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::collections::Map::from([(1, 'a'), (2, 'b')]).len(), 2);
    /// ```
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether it has none.
    ///
    /// # Examples
    /// ```
    /// assert!(rt::collections::Map::<u8, u8>::new().is_empty());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What builds its hashers.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let map: rt::collections::Map<u8, u8> = rt::collections::Map::new();
    /// assert_eq!(map.hasher().hash_one(1), map.hasher().hash_one(1));
    /// ```
    #[must_use]
    pub fn hasher(&self) -> &S {
        &self.hasher
    }

    /// Removes everything, and keeps the memory. Go's `clear(m)`.
    ///
    /// If a destructor panics, what was not dropped yet stays in the map.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([(1, 'a')]);
    /// map.clear();
    /// assert!(map.is_empty() && map.capacity() == 8);
    /// ```
    pub fn clear(&mut self) {
        self.table.clear();
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Map<K, V, S> {
    /// Makes room for `additional` keys more. If that takes a larger array, the keys move there now,
    /// all of them.
    ///
    /// # Panics
    /// When so many have more bytes than can be addressed. If the allocator does not have them, the process is aborted, as by
    /// std's map; [`try_reserve`](Self::try_reserve) tells either.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([(1, 'a')]);
    /// map.reserve(1000);
    /// assert!(map.capacity() > 1000);
    /// ```
    #[track_caller]
    pub fn reserve(&mut self, additional: usize) {
        if let Err(failure) = self.make_room(additional) {
            failure.raise();
        }
    }

    /// The same, with an error if there is no room in memory. The map is as it was then.
    ///
    /// # Errors
    /// When so many have no room in memory.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::from([(1, 'a')]);
    /// assert!(map.try_reserve(10).is_ok());
    /// assert!(map.try_reserve(usize::MAX).is_err());
    /// ```
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        Ok(self.make_room(additional)?)
    }

    fn make_room(&mut self, additional: usize) -> Result<(), Failure> {
        if additional == 0 {
            return Ok(());
        }
        let wanted = self.len().checked_add(additional).ok_or(Failure::Overflow)?;
        let log = grow::log_for(wanted)?;
        if self.table.log().is_some_and(|now| now >= log) { Ok(()) } else { self.rebuild(log) }
    }

    fn rebuild(&mut self, log: u32) -> Result<(), Failure> {
        let seed = self.table.seed();
        self.table.rebuild(log, |key| hash(&self.hasher, seed, key))
    }

    /// Gives back the memory that its keys do not need. They move, all of them.
    ///
    /// # Examples
    /// ```
    /// let mut map: rt::collections::Map<u8, u8> = rt::collections::Map::with_capacity(100);
    /// map.insert(1, 1);
    /// map.shrink_to_fit();
    /// assert_eq!(map.capacity(), 8);
    /// ```
    pub fn shrink_to_fit(&mut self) {
        self.shrink_to(0);
    }

    /// Gives memory back, but keeps room for `capacity` keys.
    ///
    /// # Examples
    /// ```
    /// let mut map: rt::collections::Map<u8, u8> = rt::collections::Map::with_capacity(100);
    /// map.shrink_to(10);
    /// assert_eq!(map.capacity(), 13);
    /// ```
    pub fn shrink_to(&mut self, capacity: usize) {
        let (wanted, Some(now)) = (self.len().max(capacity), self.table.log()) else { return };
        let seed = self.table.seed();
        if wanted == 0 {
            self.table.free();
        } else if let Ok(log) = grow::log_for(wanted)
            && log < now
        {
            self.rebuild(log).unwrap_or_else(|failure| failure.raise());
        } else {
            let finished = self.table.finish(|key| hash(&self.hasher, seed, key));
            finished.unwrap_or_else(|failure| failure.raise());
            self.table.drain_pool();
        }
    }
}
