//! A heap of deadlines: what is due first comes out first.
//!
//! Generic over what a deadline is for. Cancelling leaves the entry to die in the heap, unless
//! dead entries outnumber the living: then the heap is rebuilt without them.
//!
//! Invariant: `live` holds the keys that are in the heap and were not cancelled.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Instant;

/// Names an entry, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u64);

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    key: Key,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.key).cmp(&(other.at, other.key))
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Heap<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    live: HashSet<Key>,
    next_key: u64,
}

impl<T> Heap<T> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), live: HashSet::new(), next_key: 0 }
    }

    /// Adds `what` for `at`. `true`: it is now the first.
    pub(crate) fn insert(&mut self, at: Instant, what: T) -> (Key, bool) {
        let key = Key(self.next_key);
        self.next_key += 1;
        let first = self.heap.peek().is_none_or(|Reverse(entry)| at < entry.at);
        self.heap.push(Reverse(Entry { at, key, what }));
        self.live.insert(key);
        (key, first)
    }

    /// Sees to it that an entry does not come out. No matter if it has.
    pub(crate) fn cancel(&mut self, key: Key) {
        if self.live.remove(&key) && self.heap.len() > 64 + 2 * self.live.len() {
            let live = &self.live;
            self.heap.retain(|Reverse(entry)| live.contains(&entry.key));
        }
    }

    /// Takes the first entry that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if self.live.contains(&entry.key) && entry.at > now {
                return None;
            }
            let Some(Reverse(entry)) = self.heap.pop() else { break };
            if self.live.remove(&entry.key) {
                return Some(entry.what);
            }
        }
        None
    }

    /// When the first entry is due. It may be a dead one, which costs a look for nothing.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Heap;
    use std::time::{Duration, Instant};

    #[test]
    fn comes_out_in_order_and_cancelled_ones_do_not() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut heap = Heap::new();
        let (_, first) = heap.insert(at(30), 30);
        assert!(first);
        let (twenty, first) = heap.insert(at(20), 20);
        assert!(first);
        assert!(!heap.insert(at(40), 40).1);
        heap.cancel(twenty);
        heap.cancel(twenty);
        assert_eq!(heap.pop_due(at(25)), None);
        assert_eq!(heap.pop_due(at(35)), Some(30));
        assert_eq!(heap.pop_due(at(35)), None);
        assert_eq!(heap.pop_due(at(40)), Some(40));
        assert_eq!(heap.first(), None);
    }

    #[test]
    fn a_crowd_of_cancelled_entries_is_swept() {
        let start = Instant::now();
        let mut heap = Heap::new();
        let keys: Vec<_> =
            (0..1000).map(|i| heap.insert(start + Duration::from_secs(i), i).0).collect();
        for key in &keys[..990] {
            heap.cancel(*key);
        }
        assert!(heap.heap.len() < 200, "{} entries left", heap.heap.len());
        let late = start + Duration::from_secs(5000);
        let left: Vec<_> = std::iter::from_fn(|| heap.pop_due(late)).collect();
        assert_eq!(left, (990..1000).collect::<Vec<_>>());
        assert!(heap.live.is_empty());
    }
}
