//! Looking up and changing: from a key to an entry, and back into the table.
//!
//! Invariants: those of the [parent](super).

use super::super::spread;
use super::table::{Entry, Run, Stale};
use super::{Map, Shard};
use crate::util;
use crate::wait;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// Who has a key.
type Found<K, V> = Option<Arc<Entry<K, V>>>;

impl<K: Hash + Eq, V, S: BuildHasher> Map<K, V, S> {
    pub(in crate::sync) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        // Every operation on a key begins here.
        wait::point("before an operation on a Map");
        mix(self.hasher().hash_one(key))
    }

    /// Where the entries with `hash` are: the upper bits name the shard, the rest is the mark.
    fn place(shards: &[Shard<K, V>], hash: u64) -> (&Shard<K, V>, u64) {
        let bits = shards.len().trailing_zeros();
        (&shards[(hash >> (u64::BITS - bits)) as usize], hash << bits)
    }

    /// The same, in a map that gets shards if it has none.
    fn place_for(&self, hash: u64) -> (&Shard<K, V>, u64) {
        let shards = self.shards.get_or_init(|| {
            (0..(4 * spread::width()).clamp(2, 64)).map(|_| Shard::default()).collect()
        });
        Self::place(shards, hash)
    }

    pub(super) fn run(&self, hash: u64) -> Run<K, V> {
        match self.shards.get() {
            Some(shards) => {
                let (shard, mark) = Self::place(shards, hash);
                shard.read().run(mark)
            }
            None => Run::new(),
        }
    }

    pub(in crate::sync) fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Found<K, V>
    where
        K: Borrow<Q>,
    {
        self.run(hash).into_found(key)
    }

    /// Puts `new` in if its key is not there; else returns what is. May unwind when it has put it in: then
    /// out of a destructor of another key.
    pub(in crate::sync) fn add(
        &self,
        hash: u64,
        new: &Arc<Entry<K, V>>,
    ) -> Result<(), Arc<Entry<K, V>>> {
        match self.put(hash, Arc::clone(new), Run::new(), |there| there.is_none()) {
            Ok(_) => Ok(()),
            Err(Some(there)) => Err(there),
            Err(None) => util::bug(format_args!("sync::Map: there was no entry, and it stayed")),
        }
    }

    /// Puts `new` in if `wants`, which is asked about the value that its key has. `known`: what
    /// the caller has seen of the mark. Returns the entry that had the key, whether it was replaced
    /// (`Ok`) or not.
    pub(super) fn put(
        &self,
        hash: u64,
        mut new: Arc<Entry<K, V>>,
        mut known: Run<K, V>,
        mut wants: impl FnMut(Option<&V>) -> bool,
    ) -> Result<Found<K, V>, Found<K, V>> {
        let (shard, mark) = self.place_for(hash);
        loop {
            let at = known.find(&new.key);
            let old = at.and_then(|at| known.get(at));
            if !wants(old.map(|old| &old.value)) {
                return Err(at.and_then(|at| known.into_nth(at)));
            }
            let put = shard.write().put(mark, new, old, &known);
            match put {
                Ok(()) => return Ok(at.and_then(|at| known.into_nth(at))),
                Err(Stale { run, new: back }) => (known, new) = (run, back),
            }
        }
    }

    /// Takes `key` out if `wants`, and returns its entry.
    pub(super) fn remove<Q: Hash + Eq + ?Sized>(
        &self,
        key: &Q,
        mut wants: impl FnMut(&V) -> bool,
    ) -> Option<Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
    {
        let hash = self.hash(key);
        let (shard, mark) = Self::place(self.shards.get()?, hash);
        let mut known = shard.read().run(mark);
        loop {
            let old = known.into_found(key).filter(|old| wants(&old.value))?;
            let removed = shard.write().remove(mark, &old);
            match removed {
                Ok(()) => return Some(old),
                Err(run) => known = run,
            }
        }
    }

    /// Takes this very entry out, if it is still there.
    pub(in crate::sync) fn remove_entry(&self, hash: u64, entry: &Arc<Entry<K, V>>) {
        if let Some(shards) = self.shards.get() {
            let (shard, mark) = Self::place(shards, hash);
            let removed = shard.write().remove(mark, entry);
            // What is there instead is let go here, without the lock.
            drop(removed);
        }
    }
}

/// Spreads hashes whose upper bits say little, as those of hashers that pass numbers on: the upper
/// bits choose shard and slot. One to one; the multiplier is 2^64 divided by the golden ratio.
fn mix(hash: u64) -> u64 {
    (hash ^ hash >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
