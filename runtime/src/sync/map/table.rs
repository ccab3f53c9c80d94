//! The table of one shard of a [`Map`](super::Map): entries in the order of their marks.
//!
//! A *mark* is what is left of a key's hash. Each has a *home*, the slot that its upper bits name;
//! an entry whose home is taken lies further back. That is linear probing which keeps the order:
//!
//! ```text
//! home     0       1       2       3    .  no home: what the last ones pushed out
//!      [ 0.25 ][ 0.50 ][ 1.00 ][ 3.25 ][ 3.75 ]
//! ```
//!
//! The order is what makes iteration simple: "all marks from here on" means the same before and
//! after the table has grown.
//!
//! Invariants:
//! 1. Marks do not fall from slot to slot.
//! 2. An entry lies at its home or behind it, with no empty slot between the two. So who looks for
//!    a mark from its home on may stop at an empty slot, or at a greater mark.
//! 3. No code of the user runs in here. Keys are told apart by their marks and then by the entry's
//!    address; and no entry is dropped here for good: who takes one out holds it.

use crate::prim::global::{AtomicBool, Ordering};
use std::borrow::Borrow;
use std::mem;
use std::sync::Arc;

/// A key with its value. Never changed: a new value is a new entry.
pub(in crate::sync) struct Entry<K, V> {
    pub(in crate::sync) key: K,
    pub(in crate::sync) value: V,
    /// No longer in the map. Relaxed: what it was taken out for is ordered by the shard's lock.
    gone: AtomicBool,
}

impl<K, V> Entry<K, V> {
    pub(in crate::sync) fn new(key: K, value: V) -> Arc<Self> {
        Arc::new(Self { key, value, gone: AtomicBool::new(false) })
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    pub(super) fn set_gone(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// The value, moved out if nobody else holds the entry.
    pub(super) fn into_value(self: Arc<Self>) -> V
    where
        V: Clone,
    {
        match Arc::try_unwrap(self) {
            Ok(entry) => entry.value,
            Err(shared) => shared.value.clone(),
        }
    }
}

/// The entries of one mark: hardly ever more than one.
pub(in crate::sync) struct Run<K, V> {
    first: Option<Arc<Entry<K, V>>>,
    more: Vec<Arc<Entry<K, V>>>,
}

impl<K, V> Run<K, V> {
    pub(super) const fn new() -> Self {
        Self { first: None, more: Vec::new() }
    }

    fn push(&mut self, entry: Arc<Entry<K, V>>) {
        match self.first {
            None => self.first = Some(entry),
            Some(_) => self.more.push(entry),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Entry<K, V>>> {
        self.first.iter().chain(&self.more)
    }

    fn holds(&self, entry: &Arc<Entry<K, V>>) -> bool {
        self.iter().any(|held| Arc::ptr_eq(held, entry))
    }

    pub(super) fn get(&self, at: usize) -> Option<&Arc<Entry<K, V>>> {
        self.iter().nth(at)
    }

    pub(super) fn into_nth(self, at: usize) -> Option<Arc<Entry<K, V>>> {
        self.first.into_iter().chain(self.more).nth(at)
    }

    /// Where the entry of `key` is. Runs the user's `Eq`: not under the lock.
    pub(super) fn find<Q: Eq + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        self.iter().position(|entry| entry.key.borrow() == key)
    }

    /// The entry of `key`. As [`find`](Self::find).
    pub(super) fn into_found<Q: Eq + ?Sized>(self, key: &Q) -> Option<Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
    {
        self.first.into_iter().chain(self.more).find(|entry| entry.key.borrow() == key)
    }
}

/// The table was not what the caller knew.
pub(super) struct Stale<K, V> {
    /// What there is now.
    pub(super) run: Run<K, V>,
    /// What was to be put.
    pub(super) new: Arc<Entry<K, V>>,
}

type Slot<K, V> = Option<(u64, Arc<Entry<K, V>>)>;

/// See the [module](self).
pub(super) struct Table<K, V> {
    /// Empty, or at least one for each home.
    slots: Vec<Slot<K, V>>,
    len: usize,
    /// There are 2 to the power of this many homes.
    bits: u32,
}

/// The smallest table: four slots.
const LEAST_BITS: u32 = 2;

/// How many entries an iteration copies at a time, under the lock.
const BATCH: usize = 64;

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { slots: Vec::new(), len: 0, bits: LEAST_BITS }
    }
}

impl<K, V> Table<K, V> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All entries, which are no longer in the table.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Arc<Entry<K, V>>> {
        self.slots.into_iter().flatten().map(|(_, entry)| entry)
    }

    fn home(&self, mark: u64) -> usize {
        (mark >> (u64::BITS - self.bits)) as usize
    }

    /// Where the entries of `mark` begin, or the first of them would be put.
    fn start(&self, mark: u64) -> usize {
        let home = self.home(mark).min(self.slots.len());
        let behind = |slot: &&Slot<K, V>| slot.as_ref().is_some_and(|(other, _)| *other < mark);
        home + self.slots[home..].iter().take_while(behind).count()
    }

    /// The entries of `mark`, from the first on, with their places.
    fn at(&self, mark: u64) -> impl Iterator<Item = (usize, &Arc<Entry<K, V>>)> {
        let start = self.start(mark);
        self.slots[start..].iter().enumerate().map_while(move |(n, slot)| match slot {
            Some((other, entry)) if *other == mark => Some((start + n, entry)),
            _ => None,
        })
    }

    fn position(&self, mark: u64, entry: &Arc<Entry<K, V>>) -> Option<usize> {
        self.at(mark).find(|(_, other)| Arc::ptr_eq(other, entry)).map(|(at, _)| at)
    }

    #[inline]
    pub(super) fn run(&self, mark: u64) -> Run<K, V> {
        let mut run = Run::new();
        self.at(mark).for_each(|(_, entry)| run.push(Arc::clone(entry)));
        run
    }

    /// Puts `new` in the place of `old`; or, if there is none, beside those of `known`.
    pub(super) fn put(
        &mut self,
        mark: u64,
        new: Arc<Entry<K, V>>,
        old: Option<&Arc<Entry<K, V>>>,
        known: &Run<K, V>,
    ) -> Result<(), Stale<K, V>> {
        match old {
            Some(old) => match self.position(mark, old) {
                Some(at) => {
                    old.set_gone();
                    // Invariant 3: the caller holds `old`.
                    self.slots[at] = Some((mark, new));
                    Ok(())
                }
                None => Err(Stale { run: self.run(mark), new }),
            },
            // One that the caller does not know may have the same key.
            None if self.at(mark).all(|(_, entry)| known.holds(entry)) => {
                self.insert(mark, new);
                Ok(())
            }
            None => Err(Stale { run: self.run(mark), new }),
        }
    }

    /// Takes `entry` out, which the caller holds. If it is not here: what is.
    pub(super) fn remove(&mut self, mark: u64, entry: &Arc<Entry<K, V>>) -> Result<(), Run<K, V>> {
        let Some(at) = self.position(mark, entry) else {
            return Err(self.run(mark));
        };
        entry.set_gone();
        // Those behind that are not at home move up (invariant 2).
        let strays = self.slots[at + 1..]
            .iter()
            .zip(at + 1..)
            .take_while(|(slot, n)| slot.as_ref().is_some_and(|(mark, _)| self.home(*mark) < *n))
            .count();
        self.slots[at] = None;
        self.slots[at..=at + strays].rotate_left(1);
        self.len -= 1;
        if self.bits > LEAST_BITS && self.len * 8 < 1 << self.bits {
            self.rebuild(self.bits - 1);
        }
        Ok(())
    }

    fn insert(&mut self, mark: u64, entry: Arc<Entry<K, V>>) {
        if self.slots.is_empty() {
            self.rebuild(LEAST_BITS);
        } else if (self.len + 1) * 4 > 3 << self.bits {
            self.rebuild(self.bits + 1);
        }
        let at = self.start(mark);
        let gap = match self.slots[at..].iter().position(Option::is_none) {
            Some(n) => at + n,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[at..=gap].rotate_right(1);
        self.slots[at] = Some((mark, entry));
        self.len += 1;
    }

    /// The same entries in a table of another size. One pass: they are in order already.
    fn rebuild(&mut self, bits: u32) {
        self.bits = bits;
        let mut slots = Vec::new();
        slots.resize_with(1 << bits, || None);
        let mut next = 0;
        for (mark, entry) in mem::take(&mut self.slots).into_iter().flatten() {
            next = self.home(mark).max(next);
            if next == slots.len() {
                slots.push(None);
            }
            slots[next] = Some((mark, entry));
            next += 1;
        }
        self.slots = slots;
    }

    /// Copies entries into `batch`, in order, from the mark `from` on. Returns the mark where to
    /// go on, if there are more. The entries of one mark are not torn apart.
    pub(super) fn batch(&self, from: u64, batch: &mut Vec<Arc<Entry<K, V>>>) -> Option<u64> {
        let home = self.home(from).min(self.slots.len());
        let mut last = None;
        for (mark, entry) in self.slots[home..].iter().flatten().filter(|(mark, _)| *mark >= from) {
            if batch.len() >= BATCH && last != Some(*mark) {
                return Some(*mark);
            }
            last = Some(*mark);
            batch.push(Arc::clone(entry));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::Rng;
    use std::collections::BTreeMap;

    type Model = BTreeMap<u64, Vec<Arc<Entry<u32, ()>>>>;

    fn put(table: &mut Table<u32, ()>, mark: u64, new: &Arc<Entry<u32, ()>>) {
        let known = table.run(mark);
        assert!(table.put(mark, Arc::clone(new), None, &known).is_ok());
    }

    /// Invariants 1 and 2, and that it holds what the model does.
    fn check(table: &Table<u32, ()>, model: &Model) {
        let count: usize = model.values().map(Vec::len).sum();
        assert_eq!((table.len(), table.slots.iter().flatten().count()), (count, count));
        let mut before = 0;
        for (at, slot) in table.slots.iter().enumerate() {
            let Some((mark, entry)) = slot else { continue };
            assert!(before <= *mark, "out of order at {at}");
            before = *mark;
            let home = table.home(*mark);
            assert!(home <= at && table.slots[home..at].iter().all(Option::is_some));
            assert!(model[mark].iter().any(|held| Arc::ptr_eq(held, entry)));
            assert!(!entry.is_gone());
        }
        if table.bits > LEAST_BITS {
            assert!(table.len * 4 <= 3 << table.bits && table.len * 8 >= 1 << table.bits);
        }
    }

    #[test]
    fn it_does_what_a_sorted_map_does() {
        let rng = Rng::new();
        for round in 0..30 {
            // Few marks, many marks, marks at one end, marks that share a home.
            let marks: Vec<u64> = (0..[3, 40, 400, 100][round % 4])
                .map(|n| match round % 3 {
                    0 => (rng.below(1 << 30) as u64) << 34,
                    1 => u64::MAX - n,
                    _ => n << 40 | 1 << 62,
                })
                .collect();
            let (mut table, mut model) = (Table::default(), Model::new());
            for step in 0..1500 {
                let mark = marks[rng.below(marks.len())];
                // Grows for a while, shrinks for a while.
                if rng.below(10) < if step < 800 { 7 } else { 2 } {
                    let entry = Entry::new(step, ());
                    put(&mut table, mark, &entry);
                    model.entry(mark).or_default().push(entry);
                } else if let Some(entry) = model.get_mut(&mark).and_then(Vec::pop) {
                    assert!(table.remove(mark, &entry).is_ok());
                    assert!(entry.is_gone());
                    assert!(table.remove(mark, &entry).is_err(), "it was taken out already");
                }
                if step % 16 == 0 || table.len() < 8 {
                    check(&table, &model);
                }
                let run = table.run(mark);
                let held = model.get(&mark).map_or(&[][..], Vec::as_slice);
                assert_eq!(run.iter().count(), held.len());
                assert!(held.iter().all(|entry| run.holds(entry)));
            }
        }
    }

    #[test]
    fn a_stale_writer_is_told() {
        let mut table = Table::default();
        let (a, b, c) = (Entry::new(1, ()), Entry::new(2, ()), Entry::new(3, ()));
        let nothing = Run::new();
        assert!(table.put(5, Arc::clone(&a), None, &nothing).is_ok());
        // Knew of none, but there is one; it knows that one then.
        let Err(stale) = table.put(5, Arc::clone(&b), None, &nothing) else { unreachable!() };
        assert!(stale.run.holds(&a) && Arc::ptr_eq(&stale.new, &b));
        assert!(table.put(5, stale.new, None, &stale.run).is_ok());
        assert!(table.put(5, Arc::clone(&c), Some(&a), &nothing).is_ok());
        assert!(a.is_gone());
        // The old one is no longer there.
        assert!(table.put(5, Arc::clone(&a), Some(&a), &stale.run).is_err());
        assert!(table.remove(5, &a).is_err());
        // That one was taken away does no harm to who knew it.
        let known = table.run(5);
        assert!(table.remove(5, &b).is_ok());
        assert!(table.put(5, b, None, &known).is_ok());
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn batches_go_on_where_they_ended_though_the_table_changed() {
        let mut table = Table::default();
        let mark = |n: u64| n << 50;
        let entries: Vec<_> = (0..1000).map(|n| Entry::new(n, ())).collect();
        for (n, entry) in entries.iter().enumerate() {
            put(&mut table, mark(n as u64 / 3), entry);
        }
        let (mut seen, mut from, mut batches) = (Vec::new(), Some(0), 0);
        while let Some(at) = from {
            let mut batch = Vec::new();
            from = table.batch(at, &mut batch);
            // Three of a mark stay together.
            assert!((BATCH..BATCH + 3).contains(&batch.len()) || from.is_none());
            seen.extend(batch.iter().map(|entry| entry.key));
            batches += 1;
            // It doubles, and then shrinks again, under the iteration.
            for (n, entry) in entries.iter().enumerate().filter(|(n, _)| batches > 3 && n % 8 > 0) {
                let _ = table.remove(mark(n as u64 / 3), entry);
            }
            if batches <= 3 {
                (0..900).for_each(|n| put(&mut table, n << 30, &Entry::new(9999, ())));
            }
        }
        seen.retain(|key| *key != 9999);
        let once: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "one came twice");
        assert!((0..1000).step_by(8).all(|n| once.contains(&n)), "one that stayed was not seen");
    }
}
