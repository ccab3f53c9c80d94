//! A ring of events: one thread at a time writes, anybody reads, nobody waits.
//!
//! The writer never waits for a reader and overwrites the oldest. A reader copies what it finds, and then
//! throws away what may have been overwritten meanwhile.
//!
//! # Why no torn event is read
//! Events are numbered from 0; event `n` lies at `n % capacity`, and `head` is the number of the next one.
//!
//! ```text
//!   the writer of event n                    a reader
//!   W1  fence(Release)                       R1  h := head (Acquire)
//!   W2  words of n := .. (Relaxed)           R2  copy the words of h - capacity .. h (Relaxed)
//!   W3  head := n + 1 (Release)              R3  fence(Acquire)
//!                                            R4  h' := head (Relaxed)
//!                                            R5  keep those from h' + 1 - capacity on
//! ```
//!
//! By R1 and W3 all events below `h` were written whole before R2. Say R2, at the place of an event `k`, reads a word of
//! a later event `n`, so `n >= k + capacity`. Then W1 of `n` synchronises with R3, and R4 reads what was stored
//! before it: `h' >= n`. So `k <= n - capacity < h' + 1 - capacity`, and R5 throws `k` away.
//!
//! The writers of one ring are ordered among themselves: who holds the P, or the lock, hands it on.
//!
//! The model in `loom_tests` checks this on this code. Broken on purpose, and noticed: no W1, no R3, W3 or R1 Relaxed, one event more kept
//! in R5.

use super::event::{Entry, WORDS};
use crate::prim::atomic::{AtomicU64, Ordering, fence};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Ring {
    head: AtomicU64,
    words: Box<[AtomicU64]>,
}

/// What a reader has copied.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) entries: Vec<Entry>,
    /// Events from where it was asked to begin that are no longer there.
    pub(super) lost: u64,
}

impl Ring {
    /// Room for `capacity` events, a power of two.
    pub(super) fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two());
        let words = (0..capacity * WORDS).map(|_| AtomicU64::new(0)).collect();
        Self { head: AtomicU64::new(0), words }
    }

    fn capacity(&self) -> u64 {
        (self.words.len() / WORDS) as u64
    }

    fn place(&self, n: u64) -> &[AtomicU64] {
        let at = (n & (self.capacity() - 1)) as usize * WORDS;
        &self.words[at..at + WORDS]
    }

    /// Writes an event. By one thread at a time.
    pub(super) fn push(&self, entry: Entry) {
        let n = self.head.load(Ordering::Relaxed);
        // Pairs with R3.
        fence(Ordering::Release);
        for (place, word) in self.place(n).iter().zip(entry.encode()) {
            place.store(word, Ordering::Relaxed);
        }
        // Pairs with R1.
        self.head.store(n + 1, Ordering::Release);
    }

    /// The number of the next event.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// What is left of the events from number `from` on.
    pub(super) fn copy(&self, from: u64) -> Copied {
        let head = self.head();
        let first = from.max(head.saturating_sub(self.capacity())).min(head);
        let copied: Vec<[u64; WORDS]> = (first..head)
            .map(|n| {
                let mut words = [0; WORDS];
                for (word, place) in words.iter_mut().zip(self.place(n)) {
                    *word = place.load(Ordering::Relaxed);
                }
                words
            })
            .collect();
        // Pairs with W1.
        fence(Ordering::Acquire);
        let head_now = self.head.load(Ordering::Relaxed);
        let whole = (head_now + 1).saturating_sub(self.capacity()).clamp(first, head);
        let entries = copied.into_iter().skip((whole - first) as usize);
        Copied {
            entries: entries.filter_map(Entry::decode).collect(),
            lost: whole - from.min(whole),
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::event::Event;
    use super::*;

    fn event(n: u64) -> Entry {
        Entry { at: n, m: n as u32, event: Event::Ready { g: n, by: n } }
    }

    #[test]
    fn the_last_ones_are_there_and_the_lost_are_counted() {
        let ring = Ring::new(4);
        assert_eq!(ring.copy(0).entries, []);
        (0..3).for_each(|n| ring.push(event(n)));
        let copied = ring.copy(0);
        assert_eq!(copied.entries, [event(0), event(1), event(2)]);
        assert_eq!(
            (copied.lost, ring.copy(2).entries.len(), ring.copy(3).entries.len()),
            (0, 1, 0)
        );
        (3..10).for_each(|n| ring.push(event(n)));
        // One less than there is room for: the writer may be at the next.
        let copied = ring.copy(0);
        assert_eq!(copied.entries, [event(7), event(8), event(9)]);
        assert_eq!(copied.lost, 7);
        assert_eq!(ring.copy(8).lost, 0);
    }

    #[test]
    fn nothing_torn_is_read_while_it_is_written() {
        const COUNT: u64 = 200_000;
        let ring = Ring::new(64);
        std::thread::scope(|s| {
            s.spawn(|| (0..COUNT).for_each(|n| ring.push(event(n))));
            while ring.head() < COUNT {
                let copied = ring.copy(0);
                for pair in copied.entries.windows(2) {
                    assert_eq!(pair[0].at + 1, pair[1].at);
                }
                for entry in copied.entries {
                    assert_eq!(entry, event(entry.at));
                }
            }
        });
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::super::event::Event;
    use super::*;
    use loom::sync::Arc;

    fn event(n: u64) -> Entry {
        Entry { at: n, m: n as u32, event: Event::Ready { g: n, by: n } }
    }

    #[test]
    fn loom_no_torn_event_is_read() {
        loom::model(|| {
            let ring = Arc::new(Ring::new(2));
            ring.push(event(7));
            let reader = Arc::clone(&ring);
            // It is the thread: so loom tries what it may see of what has been written. The other way round it tries less: of several looks
            // of one thread at a word it remembers the last.
            let thread = loom::thread::spawn(move || reader.copy(0));
            ring.push(event(8));
            ring.push(event(9));
            let copied = thread.join().unwrap();
            for entry in &copied.entries {
                assert_eq!(*entry, event(entry.at));
            }
            let last = copied.entries.last().map(|entry| entry.at);
            assert!(copied.lost + copied.entries.len() as u64 <= 3, "{last:?}");
            assert_eq!(ring.copy(0).entries, [event(9)]);
        });
    }
}
