//! The process-wide pool: a free list and a slab to carve from for each class.
//!
//! `take` serves from the free list first, then arms slots that have no guard, then carves
//! fresh ones; a new slab is reserved when the last is used up. Slabs double from 16 MiB to 1 GiB;
//! the kernel merges neighbours into one mapping, so their number hardly matters.
//!
//! Invariants: those of the [parent](super), and
//! 1. Both lists have capacity for every slot of every slab, made when the slab is added, so that
//!    pushing under the lock never allocates (stack invariant 4).
//! 2. Free stacks have been discarded: they read as zeroes and hold no memory (but locked memory,
//!    which the kernel does not take back).

use crate::prim::global::{Mutex, MutexGuard};
use std::io;
use std::ptr::NonNull;

use super::class::Class;
use super::guard::{self, GuardMode};
use super::slot::{Slot, Stack};
use crate::sys::Span;
use crate::sys::mem::{self, Room};

/// Most slots handled in one go, which bounds the buffers.
const BATCH: usize = 512;

/// Most stacks that are given back in one go: the more, the longer the runs among them.
const GIVEN: usize = 4096;
/// Neighbours that take so many bytes together lose their guards when they are given back, and thus their page tables.
const RUN: usize = 4 << 20;

/// Fewer stacks than this are quicker touched by their users than populated by a system call.
const POPULATE_FROM: usize = 9;

/// The least and the most a slab takes of the address space.
const SLAB_LEAST: usize = 16 << 20;
const SLAB_MOST: usize = 1 << 30;

static POOLS: [Pool; Class::COUNT] = [const { Pool::new() }; Class::COUNT];

struct Pool {
    shelves: Mutex<Shelves>,
    /// Who adds a slab holds this. It is taken before the other one.
    growth: Mutex<()>,
}

/// What a pool holds.
struct Shelves {
    /// Guarded and discarded, the latest given on top.
    free: Vec<Stack>,
    /// Carved, but the kernel refused the guard; or it was taken away with the page tables.
    bare: Vec<Slot>,
    /// What is left of the newest slab.
    fresh: Fresh,
    slabs: usize,
    slots: usize,
}

/// Slots never used: `left` of them from `next` on.
struct Fresh {
    next: NonNull<u8>,
    left: usize,
}

// SAFETY: an address range with one owner (stack invariant 2), tied to no thread.
unsafe impl Send for Fresh {}

impl Pool {
    const fn new() -> Self {
        Pool {
            shelves: Mutex::new(Shelves {
                free: Vec::new(),
                bare: Vec::new(),
                fresh: Fresh { next: NonNull::dangling(), left: 0 },
                slabs: 0,
                slots: 0,
            }),
            growth: Mutex::new(()),
        }
    }

    fn of(class: Class) -> &'static Pool {
        &POOLS[class.index()]
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        // Nothing panics under the lock but a failed assertion of ours.
        self.shelves.lock()
    }
}

/// Takes up to `want` stacks of `class` into `out` and says how many: fewer only when there are no
/// more to be had, none only for `want == 0`. Many at once come with the page of their base, few
/// without any memory.
///
/// # Errors
/// When not even one is to be had; the text says which limit was met and what to do.
pub(crate) fn take(class: Class, want: usize, out: &mut Vec<Stack>) -> io::Result<usize> {
    let mode = GuardMode::current()?;
    let mut got = 0;
    while got < want {
        let batch = (want - got).min(BATCH);
        let more = match take_free(class, batch, out) {
            0 => take_fresh(mode, class, batch, out),
            more => Ok(more),
        };
        match more {
            Ok(more) => {
                populate(&out[out.len() - more..]);
                got += more;
            }
            Err(error) if got == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(got)
}

/// Returns stacks to the pool, their memory to the system. Nothing may live on them any more.
pub(crate) fn give(stacks: impl IntoIterator<Item = Stack>) {
    let mut stacks = stacks.into_iter();
    let mut batch: Vec<Stack> = Vec::new();
    loop {
        batch.extend(stacks.by_ref().take(GIVEN));
        if batch.is_empty() {
            return;
        }
        batch.sort_unstable_by_key(|stack| (stack.class(), stack.slot().start()));
        let mut bare = strip(&mut batch);
        let dirty: Vec<Span> = batch.iter().map(|stack| stack.slot().memory()).collect();
        // SAFETY: sys invariants 1 and 2: the batch owns the slots (stack invariant 2), and a stack
        // by value has no coroutine on it.
        unsafe { mem::discard(&dirty) };
        for class in Class::all() {
            let from = batch.partition_point(|stack| stack.class() < class);
            let to = batch.partition_point(|stack| stack.class() <= class);
            let from_bare = bare.partition_point(|slot| slot.class() < class);
            let to_bare = bare.partition_point(|slot| slot.class() <= class);
            if (from, from_bare) == (to, to_bare) {
                continue;
            }
            let mut shelves = Pool::of(class).lock();
            debug_assert!(shelves.free.capacity() - shelves.free.len() >= to - from);
            debug_assert!(shelves.bare.capacity() - shelves.bare.len() >= to_bare - from_bare);
            shelves.free.extend(batch.drain(from..to));
            shelves.bare.extend(bare.drain(from_bare..to_bare));
        }
    }
}

/// Takes long runs of neighbours out of `batch`, which is sorted, with their guards and page tables.
fn strip(batch: &mut Vec<Stack>) -> Vec<Slot> {
    let mut bare = Vec::new();
    if !matches!(GuardMode::current(), Ok(GuardMode::Madvise)) {
        return bare;
    }
    let (mut kept, mut spans) = (Vec::with_capacity(batch.len()), Vec::new());
    let mut rest = batch.drain(..).peekable();
    let mut run: Vec<Stack> = Vec::new();
    while let Some(stack) = rest.next() {
        let next = rest.peek().map(Stack::slot);
        let class = stack.class();
        let behind = stack.slot().start().addr().get() + class.pitch();
        run.push(stack);
        if next.is_some_and(|next| next.class() == class && next.start().addr().get() == behind) {
            continue;
        }
        let bytes = run.len() * class.pitch();
        if bytes < RUN {
            kept.append(&mut run);
            continue;
        }
        spans.push(Span::new(run[0].slot().start(), bytes));
        bare.extend(run.drain(..).map(Stack::into_slot));
    }
    drop(rest);
    *batch = kept;
    // SAFETY: sys invariants 1 and 2: whole slots that we own (stack invariant 2), and their stacks are no more.
    unsafe { mem::clear(&spans) };
    bare
}

/// Gives many stacks the page that their first frames will lie in, where one call does it for all.
fn populate(stacks: &[Stack]) {
    if stacks.len() < POPULATE_FROM {
        return;
    }
    let tops: Vec<Span> = stacks.iter().map(|stack| stack.slot().top_page()).collect();
    // SAFETY: sys invariant 1: slots of ours.
    unsafe { mem::populate(&tops) };
}

/// Moves up to `want` free stacks to `out`.
fn take_free(class: Class, want: usize, out: &mut Vec<Stack>) -> usize {
    out.reserve(want);
    let mut shelves = Pool::of(class).lock();
    let from = shelves.free.len().saturating_sub(want);
    let before = out.len();
    // The latest given first.
    out.extend(shelves.free.drain(from..).rev());
    out.len() - before
}

/// Guards up to `want` slots that have no guard yet and moves them to `out`: at least one.
fn take_fresh(
    mode: GuardMode,
    class: Class,
    want: usize,
    out: &mut Vec<Stack>,
) -> io::Result<usize> {
    let mut slots = Vec::with_capacity(want);
    while !carve(class, &mut slots) {
        grow(class)?;
    }
    let before = out.len();
    // SAFETY: `carve` made us the owner of slots that nobody uses.
    let armed = unsafe { guard::arm(mode, &mut slots, out) };
    let got = out.len() - before;
    if !slots.is_empty() {
        // Invariant 1: there is room for every slot.
        Pool::of(class).lock().bare.append(&mut slots);
    }
    // A refusal matters when it left us with nothing.
    if got == 0 { armed.map(|()| got) } else { Ok(got) }
}

/// Fills `slots` up to its capacity with unguarded slots; false when the slab is used up.
fn carve(class: Class, slots: &mut Vec<Slot>) -> bool {
    let want = slots.capacity();
    let mut shelves = Pool::of(class).lock();
    let from = shelves.bare.len().saturating_sub(want);
    slots.extend(shelves.bare.drain(from..));
    let fresh = &mut shelves.fresh;
    while slots.len() < want && fresh.left > 0 {
        slots.push(Slot::new(fresh.next, class));
        fresh.left -= 1;
        // SAFETY: the slab has `left` more slots from `next` on; one past the last is its end.
        fresh.next = unsafe { fresh.next.add(class.pitch()) };
    }
    !slots.is_empty()
}

/// Adds a slab to the pool of `class`, unless another thread just did.
///
/// One after the other: the first one may take the last that there is room for, and brings stacks for all who come meanwhile.
fn grow(class: Class) -> io::Result<()> {
    let pool = Pool::of(class);
    let _alone = pool.growth.lock();
    let existing = {
        let shelves = pool.lock();
        if shelves.fresh.left > 0 || !shelves.bare.is_empty() {
            return Ok(());
        }
        shelves.slots
    };
    let slot = class.pitch();
    let mut bytes = ((existing * slot).clamp(SLAB_LEAST, SLAB_MOST) / slot * slot).max(slot);
    let start = loop {
        match reserve(bytes) {
            Ok(start) => break start,
            Err(error) if bytes == slot => return Err(explain(&error, class.bytes())),
            Err(_) => bytes = (bytes / 2).next_multiple_of(slot),
        }
    };
    let count = bytes / slot;
    // Invariant 1, with the allocation outside the lock.
    let mut free = Vec::with_capacity(existing + count);
    let mut bare = Vec::with_capacity(existing + count);
    let mut shelves = pool.lock();
    free.append(&mut shelves.free);
    bare.append(&mut shelves.bare);
    std::mem::swap(&mut shelves.free, &mut free);
    std::mem::swap(&mut shelves.bare, &mut bare);
    shelves.fresh = Fresh { next: start, left: count };
    shelves.slots += count;
    shelves.slabs += 1;
    drop(shelves);
    // The old lists go here, outside the lock.
    drop((free, bare));
    Ok(())
}

/// Reserves `bytes` unless that would use up what the process may have (`ulimit -v`, `-d`): a sixteenth is
/// left to the rest of it, which would die of the next failed allocation otherwise.
fn reserve(bytes: usize) -> io::Result<NonNull<u8>> {
    if Room::ALL.into_iter().any(|room| is_short_of(room, bytes)) {
        return Err(io::Error::from_raw_os_error(libc::ENOMEM));
    }
    mem::reserve(bytes)
}

/// Whether `bytes` more would leave too little of a limited `room`.
fn is_short_of(room: Room, bytes: usize) -> bool {
    let (Some(limit), Some(used)) = (room.limit(), mem::used(room)) else { return false };
    used.saturating_add(bytes) > limit - limit / 16
}

/// Says why there is no room, and what to do.
fn explain(error: &io::Error, stack: usize) -> io::Error {
    let short = Room::ALL.into_iter().find(|room| is_short_of(*room, stack));
    let limited = short.or(Room::ALL.into_iter().find(|room| room.limit().is_some()));
    let advice = match limited.and_then(|room| Some((room, room.limit()?))) {
        Some((room, limit)) => {
            let (what, how) = match room {
                Room::AddressSpace => ("address space", "`ulimit -v`, RLIMIT_AS"),
                Room::Data => ("data", "`ulimit -d`, RLIMIT_DATA"),
            };
            format!(
                "the process may have {limit} bytes of {what}; raise that limit ({how}) or lower \
                 the stack size"
            )
        }
        None => "run fewer goroutines at once or lower the stack size; where vm.overcommit_memory \
                 is 2 the kernel counts every reserved stack in full, and where vm.max_map_count \
                 is used up it maps nothing more"
            .to_owned(),
    };
    io::Error::new(
        error.kind(),
        format!("cannot reserve {stack} bytes for a goroutine stack: {error}: {advice}"),
    )
}

/// What the pools hold, in stacks of every class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Stacks that the slabs have address space for: free, in use, or never used yet.
    pub(crate) reserved: usize,
    /// The same in bytes of address space.
    pub(crate) reserved_bytes: usize,
    /// Stacks in the pool, guarded and without memory.
    pub(crate) free: usize,
    /// Stacks handed out.
    pub(crate) in_use: usize,
    /// Slabs.
    pub(crate) slabs: usize,
}

/// Counts what the pools hold now.
pub(crate) fn stats() -> Stats {
    let mut sum = Stats::default();
    for class in Class::all() {
        let shelves = Pool::of(class).lock();
        let idle = shelves.free.len() + shelves.bare.len() + shelves.fresh.left;
        sum.reserved += shelves.slots;
        sum.reserved_bytes += shelves.slots * class.pitch();
        sum.free += shelves.free.len();
        sum.in_use += shelves.slots - idle;
        sum.slabs += shelves.slabs;
    }
    sum
}
