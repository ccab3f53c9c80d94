//! The read-write lock without its value.
//!
//! # The word
//! | bits | meaning |
//! |---|---|
//! | WRITER | somebody has it for writing |
//! | SLOW | that one also holds `writers` |
//! | PENDING | who holds `writers` waits until the word is free |
//! | READERS | somebody waits for reading |
//! | the others | how many have it for reading |
//!
//! Reading is one compare-exchange and one subtraction while neither WRITER nor PENDING is set;
//! writing is two compare-exchanges if the word is zero.
//!
//! # The protocol
//! **Writers** that do not find the word zero first lock `writers`, a mutex that they compete for as for any
//! other, with its barging and its hand-over. Who holds it is the only one that ever waits for the word:
//! it sets WRITER and SLOW, or PENDING and waits. PENDING keeps new readers away, and writers that would
//! go past `writers`. **Readers** that find WRITER or PENDING queue up.
//!
//! All that is not a fast path happens under the queues' lock:
//! ```text
//!   a writer unlocks   readers wait: they all have it now       - WRITER, SLOW, READERS; + their number
//!                      else PENDING: that one has it now        - PENDING; + SLOW
//!                      else                                     - WRITER, SLOW
//!                      and, with SLOW, `writers` is unlocked
//!   the last reader    PENDING: that one has it now             - PENDING; + WRITER, SLOW
//!   unlocks
//!   PENDING gives up   readers wait, no WRITER: they have it    - PENDING, READERS; + their number
//!                      else                                     - PENDING
//!                      and `writers` is unlocked
//!   a reader gives up  the last that waited                     - READERS
//! ```
//! The lock is given to who waits in its name, so whoever was chosen when it wanted to give up has it.
//!
//! So readers and writers take turns: a reader waits for one writer at most, the one that has it or is
//! PENDING, for that one's unlocking lets all readers in that wait. A writer waits for the others
//! that compete for `writers`, which starves nobody, and then for the readers that are in.
//!
//! Nobody waits for ever: readers are queued by a compare-exchange that finds WRITER or PENDING, under
//! the lock under which those go. PENDING is set by one that finds WRITER or a reader. The reader
//! whose subtraction leaves no reader sees PENDING, or PENDING comes after and does not find it.
//!
//! Invariants:
//! 1. READERS and PENDING say, under the queues' lock, whether the queues are empty.
//! 2. PENDING and SLOW each mean that one goroutine or thread holds `writers`: not both are set.
//! 3. Who unlocks releases (Release). All that writes the word later is a read-modify-write, and who locks it
//!    reads one (Acquire). Who gives the lock to others under the queues' lock acquires and releases
//!    in their name.
//! 4. A queued waiter is released, or takes itself out of the queue, before its call returns.

use crate::prim::atomic::{AtomicU32, Ordering};
use crate::prim::const_fn;
use crate::sync::mutex::RawMutex;
use crate::sync::owner::Owner;
use crate::sync::waiter::{Locked, Queue, TakenList, Waiter};
use crate::util;
use crate::wait::{self, Until, Why};

const WRITER: u32 = 1;
const SLOW: u32 = 2;
const PENDING: u32 = 4;
const READERS: u32 = 8;
/// One that has it for reading.
const ONE: u32 = 16;
const MOST: u32 = u32::MAX / ONE;

/// What waiters are released with: they have it.
const HANDED: u32 = 1;

/// See the [module](self).
#[derive(Debug)]
pub(in crate::sync) struct RawRwLock {
    word: AtomicU32,
    writers: RawMutex,
    owner: Owner,
    queues: Locked<Queues>,
}

#[derive(Debug)]
struct Queues {
    readers: Queue,
    /// One at most.
    pending: Queue,
}

/// Those who have been given the lock, and whether `writers` is to be unlocked.
struct Given(TakenList, bool);

impl RawRwLock {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self {
                word: AtomicU32::new(0),
                writers: RawMutex::new(),
                owner: Owner::new(),
                queues: Locked::new(Queues { readers: Queue::new(), pending: Queue::new() }),
            }
        }
    }

    #[track_caller]
    #[inline]
    pub(super) fn try_read(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & (WRITER | PENDING) == 0 {
            if word / ONE == MOST {
                too_many();
            }
            match self.change(word, word + ONE) {
                Ok(()) => return true,
                Err(seen) => word = seen,
            }
        }
        false
    }

    #[inline]
    pub(super) fn try_write(&self) -> bool {
        let locked =
            self.word.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if locked {
            self.owner.set();
        }
        locked
    }

    /// `false`: `deadline` came first.
    #[track_caller]
    #[inline]
    pub(super) fn read(&self, until: Until<'_>) -> bool {
        self.try_read() || self.read_slow(until)
    }

    /// `false`: `deadline` came first.
    #[inline]
    pub(super) fn write(&self, until: Until<'_>) -> bool {
        if self.try_write() {
            return true;
        }
        let locked = self.write_slow(until);
        if locked {
            self.owner.set();
        }
        locked
    }

    #[inline]
    pub(super) fn unlock_read(&self) {
        // Release: invariant 3.
        let word = self.word.fetch_sub(ONE, Ordering::Release) - ONE;
        if word / ONE == 0 && word & PENDING != 0 {
            self.last_reader();
        }
    }

    #[inline]
    pub(super) fn unlock_write(&self) {
        self.owner.clear();
        if self.word.compare_exchange(WRITER, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_write_slow(0);
        }
    }

    /// The writer reads on.
    pub(super) fn downgrade(&self) {
        self.owner.clear();
        self.unlock_write_slow(1);
    }

    /// An address in the stack of who has it for writing, if that is known; and how many have it for reading.
    pub(in crate::sync) fn holders(&self) -> (Option<usize>, u32) {
        (self.owner.get(), self.word.load(Ordering::Relaxed) / ONE)
    }

    /// AcqRel: invariant 3.
    #[inline]
    fn change(&self, from: u32, to: u32) -> Result<(), u32> {
        match self.word.compare_exchange_weak(from, to, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(seen) => Err(seen),
        }
    }

    /// Takes the word to what `f` makes of it.
    fn update(&self, mut f: impl FnMut(u32) -> u32) -> u32 {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            match self.change(word, f(word)) {
                Ok(()) => return word,
                Err(seen) => word = seen,
            }
        }
    }

    #[track_caller]
    #[cold]
    #[inline(never)]
    fn read_slow(&self, until: Until<'_>) -> bool {
        wait::checkpoint("before RwLock::read");
        wait::with(|slot| {
            let waiter = Waiter::new(slot, 0);
            let listed = self.queues.with(|queues| {
                let was = self.update(|word| match word & (WRITER | PENDING) {
                    0 => with_readers(word, 1),
                    _ => word | READERS,
                });
                let listed = was & (WRITER | PENDING) != 0;
                if listed {
                    // SAFETY: it is released or has left before this returns (invariant 4).
                    unsafe { queues.readers.push_back(&waiter) };
                }
                listed
            });
            if !listed {
                return true;
            }
            match waiter.wait(Why::RwLock.on(self), until) {
                Ok(_) => true,
                Err(end) => {
                    if self.reader_leaves(&waiter) {
                        end.raise();
                        return false;
                    }
                    waiter.wait_taken(Why::RwLock);
                    true
                }
            }
        })
    }

    #[cold]
    fn reader_leaves(&self, waiter: &Waiter) -> bool {
        self.queues.with(|queues| {
            // SAFETY: `read_slow` put it there.
            let left = unsafe { queues.readers.leave(waiter) };
            if left && queues.readers.is_empty() {
                self.word.fetch_and(!READERS, Ordering::Relaxed);
            }
            left
        })
    }

    #[cold]
    #[inline(never)]
    fn write_slow(&self, until: Until<'_>) -> bool {
        wait::checkpoint("before RwLock::write");
        // May unwind, with nothing held.
        if !self.writers.lock_until(until, Why::RwLock.on(self)) {
            return false;
        }
        wait::with(|slot| {
            let waiter = Waiter::new(slot, 0);
            let listed = self.queues.with(|queues| {
                let free = |word| word & WRITER == 0 && word / ONE == 0;
                let was = self.update(|word| match free(word) {
                    true => word | WRITER | SLOW,
                    false => word | PENDING,
                });
                if !free(was) {
                    // SAFETY: it is released or has left before this returns (invariant 4).
                    unsafe { queues.pending.push_back(&waiter) };
                }
                !free(was)
            });
            if !listed {
                return true;
            }
            match waiter.wait(Why::RwLock.on(self), until) {
                Ok(_) => true,
                Err(end) => {
                    if self.writer_leaves(&waiter) {
                        end.raise();
                        return false;
                    }
                    waiter.wait_taken(Why::RwLock);
                    true
                }
            }
        })
    }

    #[cold]
    fn writer_leaves(&self, waiter: &Waiter) -> bool {
        let given = self.queues.with(|queues| {
            // SAFETY: `write_slow` put it there.
            if !unsafe { queues.pending.leave(waiter) } {
                return None;
            }
            let is_written = self.word.fetch_and(!PENDING, Ordering::Relaxed) & WRITER != 0;
            let readers = if is_written { TakenList::new() } else { self.admit(queues, 0, 0) };
            Some(Given(readers, true))
        });
        let left = given.is_some();
        if let Some(given) = given {
            self.finish(given);
        }
        left
    }

    #[cold]
    #[inline(never)]
    fn last_reader(&self) {
        let given = self.queues.with(|queues| {
            let idle = |word| word & PENDING != 0 && word / ONE == 0 && word & WRITER == 0;
            let was = self.update(|word| match idle(word) {
                true => word & !PENDING | WRITER | SLOW,
                false => word,
            });
            let given =
                if idle(was) { queues.pending.take_while(|_| true) } else { TakenList::new() };
            Given(given, false)
        });
        self.finish(given);
        wait::checkpoint("after the unlock of a RwLock");
    }

    /// The writer unlocks, and goes on as so many readers.
    #[cold]
    #[inline(never)]
    fn unlock_write_slow(&self, stays: u32) {
        let given = self.queues.with(|queues| {
            let was_slow = self.word.load(Ordering::Relaxed) & SLOW != 0;
            if queues.readers.is_empty() && stays == 0 && !queues.pending.is_empty() {
                // WRITER stays, for another.
                self.update(|word| word & !PENDING | SLOW);
                return Given(queues.pending.take_while(|_| true), was_slow);
            }
            Given(self.admit(queues, stays, WRITER | SLOW), was_slow)
        });
        self.finish(given);
        wait::checkpoint("after the unlock of a RwLock");
    }

    /// Lets all readers in that wait, and so many more; the word loses `bits`.
    fn admit(&self, queues: &mut Queues, more: u32, bits: u32) -> TakenList {
        let mut count = more;
        let readers = queues.readers.take_while(|_| {
            count += 1;
            true
        });
        self.update(|word| with_readers(word & !(bits | READERS), count));
        readers
    }

    /// Not under the lock.
    fn finish(&self, Given(who, unlock): Given) {
        who.release(HANDED);
        if unlock {
            self.writers.unlock();
        }
    }
}

/// `word` with so many more that read. Nobody has as many, but by forgetting guards.
fn with_readers(word: u32, more: u32) -> u32 {
    match more.checked_mul(ONE).and_then(|more| word.checked_add(more)) {
        Some(word) => word,
        None => util::bug(format_args!("an RwLock was read by 2^28 at a time")),
    }
}

#[cold]
#[track_caller]
fn too_many() -> ! {
    panic!("too many readers of an RwLock")
}
