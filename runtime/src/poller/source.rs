//! What stands for a socket: its two sides, and the pollers that it was added to.
//!
//! Invariants:
//! 1. A desk lives to the end of the process, and belongs to one [`Source`] at a time.
//! 2. `homes` are the pollers that have the file, under its lock. None is added once the source is closed.

use super::Poller;
use super::side::{Side, Waiting, Wake};
use crate::carrier::Slot;
use crate::prim::global::{AtomicU32, AtomicU64, AtomicUsize, Mutex, Ordering};
use crate::sys::{self, epoll::Event};
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock, Weak};

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dir {
    Read,
    Write,
}

/// Stands for one socket, from its birth to its end.
#[derive(Debug)]
pub(crate) struct Source {
    desk: &'static Desk,
    fd: RawFd,
    /// There once the file has been cloned.
    kin: OnceLock<Arc<Kin>>,
}

/// What the events of a file's handles carry that come from each other.
type Kin = Mutex<Vec<u64>>;

/// A source's place, which outlives it.
#[repr(align(64))]
#[derive(Debug)]
struct Desk {
    read: Side,
    write: Side,
    index: u32,
    generation: AtomicU32,
    /// The first poller that it was added to; 0: none yet.
    first_home: AtomicU64,
    homes: Mutex<Vec<Weak<Poller>>>,
    /// Who last waited to read.
    reader: Whereabouts,
}

/// Where the memory is that a waiter goes on with: its slot, and its place in the queue, which lies on its stack. It may be
/// gone: these are numbers, to be prefetched.
#[derive(Debug)]
struct Whereabouts {
    slot: AtomicUsize,
    place: AtomicUsize,
}

impl Whereabouts {
    fn note(&self, slot: &'static Slot, waiting: &Waiting<'_>) {
        self.slot.store(std::ptr::from_ref(slot).addr(), Ordering::Relaxed);
        self.place.store(std::ptr::from_ref(waiting).addr(), Ordering::Relaxed);
    }
}

impl Source {
    /// For the file `fd`, which stays open for as long as this lives.
    pub(crate) fn new(fd: RawFd) -> Self {
        Self { desk: take_desk(), fd, kin: OnceLock::new() }
    }

    /// What its events carry.
    pub(super) fn data(&self) -> u64 {
        data(self.desk.index, self.desk.generation.load(Ordering::Relaxed))
    }

    #[inline(always)]
    pub(crate) fn side(&self, dir: Dir) -> &Side {
        match dir {
            Dir::Read => &self.desk.read,
            Dir::Write => &self.desk.write,
        }
    }

    /// Sees to it that `poller` tells about the file. Not needed, and not done, once it is closed.
    ///
    /// # Errors
    /// When the kernel cannot: out of memory, too many watched files, or a file of another kind.
    #[inline]
    pub(crate) fn register(&self, poller: &Arc<Poller>) -> io::Result<()> {
        // Relaxed: whoever waits learns of it by the kernel's events alone, and those come.
        if self.desk.first_home.load(Ordering::Relaxed) == poller.id() {
            return Ok(());
        }
        self.register_slow(poller)
    }

    #[cold]
    #[inline(never)]
    fn register_slow(&self, poller: &Arc<Poller>) -> io::Result<()> {
        let desk = self.desk;
        let mut homes = desk.homes.lock();
        if desk.read.seen().is_closed()
            || homes.iter().any(|home| home.as_ptr() == Arc::as_ptr(poller))
        {
            return Ok(());
        }
        let generation = desk.generation.load(Ordering::Relaxed);
        poller.epoll.add(self.fd, data(desk.index, generation))?;
        poller.sources.fetch_add(1, Ordering::Relaxed);
        // Those that are gone leave no trace.
        homes.retain(|home| home.strong_count() > 0);
        homes.push(Arc::downgrade(poller));
        if desk.first_home.load(Ordering::Relaxed) == 0 {
            desk.first_home.store(poller.id(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Calls `f` with a place in the queue of `dir` for the caller, who waits on `slot`: see [`Side::enter`].
    #[inline(always)]
    pub(crate) fn enter<R>(
        &self,
        dir: Dir,
        slot: &'static Slot,
        wake: Wake,
        f: impl FnOnce(&Waiting<'_>) -> R,
    ) -> R {
        self.side(dir).enter(slot, wake, |waiting| {
            if dir == Dir::Read {
                self.desk.reader.note(slot, waiting);
            }
            f(waiting)
        })
    }

    /// Ends it: all who wait look again, and no poller tells about it any more. The file is still open.
    /// `false`: somebody has closed it before.
    pub(crate) fn close(&self, wake: Wake) -> bool {
        let first = self.desk.read.close(wake);
        self.desk.write.close(wake);
        if first {
            self.leave_homes();
        }
        first
    }

    /// Has what `other` has of deadlines and timeouts. Nobody uses it yet.
    pub(crate) fn copy(&self, other: &Self) {
        self.desk.read.copy(&other.desk.read);
        self.desk.write.copy(&other.desk.write);
    }

    /// Is for another handle of the file that `other` is for. Nobody uses it yet.
    pub(crate) fn relate(&self, other: &Self) {
        let kin = other.kin.get_or_init(|| Arc::new(Mutex::new(vec![other.data()])));
        kin.lock().push(self.data());
        let _ = self.kin.set(Arc::clone(kin));
    }

    /// Something has happened to the file that pollers need not tell: who waits for `dir`, on any of its handles, looks again.
    pub(crate) fn stir(&self, dir: Dir, wake: Wake) {
        let all = self.kin.get().map_or_else(|| vec![self.data()], |kin| kin.lock().clone());
        for data in all {
            let (readable, writable) = (dir == Dir::Read, dir == Dir::Write);
            happened(Event { data, readable, writable, lasting: true }, &mut |slot| wake(slot));
        }
    }

    fn leave_homes(&self) {
        let mut homes = self.desk.homes.lock();
        for poller in homes.drain(..).filter_map(|home| home.upgrade()) {
            poller.epoll.remove(self.fd);
            poller.sources.fetch_sub(1, Ordering::Relaxed);
        }
        // While a closed one is used, it asks under the lock.
        self.desk.first_home.store(0, Ordering::Relaxed);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.leave_homes();
        if let Some(kin) = self.kin.get() {
            kin.lock().retain(|data| *data != self.data());
        }
        let desk = self.desk;
        // From here on its events are nobody's.
        desk.generation.fetch_add(1, Ordering::Relaxed);
        desk.read.renew();
        desk.write.renew();
        FREE.lock().push(desk);
    }
}

/// The event is to be told soon: asks the memory for its desk.
pub(super) fn fetch(event: Event) {
    if let Some(desk) = desk(event.data as u32) {
        sys::prefetch_all(std::ptr::from_ref(desk).addr(), size_of::<Desk>());
    }
}

/// The same for who waits there, when the desk has come. The lines of its stack that it touches first: from so far below
/// its place in the queue, where it was suspended, to so far above.
pub(super) fn fetch_reader(event: Event) {
    const BELOW: usize = 256;
    const ABOVE: usize = 384;
    let Some(desk) = desk(event.data as u32).filter(|_| event.readable) else { return };
    let slot = desk.reader.slot.load(Ordering::Relaxed);
    let place = desk.reader.place.load(Ordering::Relaxed);
    sys::prefetch_all(slot, size_of::<Slot>());
    sys::prefetch_all(place.wrapping_sub(BELOW), BELOW + ABOVE);
}

/// The kernel has something to tell about a file.
pub(super) fn happened(event: Event, wake: &mut dyn FnMut(&'static Slot)) {
    let (index, generation) = (event.data as u32, (event.data >> 32) as u32);
    let Some(desk) = desk(index) else { return };
    // A source that takes the place in this moment is told what it need not know: it looks, in vain.
    if desk.generation.load(Ordering::Relaxed) != generation {
        return;
    }
    let reader = if event.readable { desk.read.event(event.lasting) } else { None };
    let writer = if event.writable { desk.write.event(event.lasting) } else { None };
    reader.into_iter().chain(writer).for_each(wake);
}

fn data(index: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(index)
}

/// Desks by index: the first chunk has [`FIRST`], and each one twice as many as the one before.
static CHUNKS: [OnceLock<Box<[Desk]>>; 24] = [const { OnceLock::new() }; 24];
static FREE: Mutex<Vec<&'static Desk>> = Mutex::new(Vec::new());
const FIRST: u32 = 64;

fn desk(index: u32) -> Option<&'static Desk> {
    let (chunk, place) = place(index);
    CHUNKS.get(chunk)?.get()?.get(place)
}

/// In which chunk a desk lies, and where.
fn place(index: u32) -> (usize, usize) {
    let chunk = (u64::from(index) / u64::from(FIRST) + 1).ilog2();
    (chunk as usize, (u64::from(index) - first_of(chunk)) as usize)
}

/// The index of the first desk of a chunk.
fn first_of(chunk: u32) -> u64 {
    u64::from(FIRST) * ((1 << chunk) - 1)
}

fn take_desk() -> &'static Desk {
    let mut free = FREE.lock();
    if let Some(desk) = free.pop() {
        return desk;
    }
    // Under the lock: one chunk after the other, and 2^30 files at most.
    let Some(chunk) = CHUNKS.iter().position(|chunk| chunk.get().is_none()) else {
        crate::util::bug(format_args!("there are more sockets than there can be files"))
    };
    let from = first_of(chunk as u32) as u32;
    let more = (from..from + (FIRST << chunk)).map(new_desk).collect();
    free.extend(CHUNKS[chunk].get_or_init(|| more).iter().rev());
    match free.pop() {
        Some(desk) => desk,
        None => crate::util::bug(format_args!("a chunk without desks")),
    }
}

fn new_desk(index: u32) -> Desk {
    Desk {
        read: Side::new(),
        write: Side::new(),
        index,
        generation: AtomicU32::new(0),
        first_home: AtomicU64::new(0),
        homes: Mutex::new(Vec::new()),
        reader: Whereabouts { slot: AtomicUsize::new(0), place: AtomicUsize::new(0) },
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{FIRST, first_of, place};

    #[test]
    fn every_index_has_its_place() {
        for chunk in 0..20 {
            let (from, to) = (first_of(chunk), first_of(chunk + 1));
            assert_eq!(to - from, u64::from(FIRST) << chunk);
            assert_eq!(place(from as u32), (chunk as usize, 0));
            assert_eq!(place(to as u32 - 1), (chunk as usize, (to - from - 1) as usize));
        }
    }
}
