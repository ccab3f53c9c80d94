//! Where the memory of goroutines comes from.
//!
//! Who spawns and who runs a goroutine are often two threads: one allocates and the other frees, and both ask the
//! allocator's locks for it. So the memory of goroutines goes round here: each thread has two *magazines* for each size, and takes
//! from the one and gives to the other without anybody's leave. When it has none that is full, or none with room, it exchanges a
//! whole one with the *depot*, which all share. (Bonwick and Adams, *Magazines and Vmem*, 2001, section 3.)
//!
//! What the depot has not needed from one second to the next goes back to the allocator, step by step: [`trim`], which the monitor calls. It never has more
//! than [`MOST`] magazines of a size; and what is large, or aligned to more than [`ALIGN`], is not kept at all.
//!
//! Invariants:
//! 1. What lies in a magazine is memory of its size's [`layout`], and nobody's.
//! 2. A thread's magazines are touched by that thread alone, and no code of others is called meanwhile: not even the
//!    allocator's, which may be the user's own. Nor is it called under the depot's lock. The functions that touch them are never
//!    inlined: a goroutine may go on with another thread, but not within them.

use crate::prim::global::Mutex;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::mem;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// Sizes are multiples of it, as an allocator's: with coarser ones a million parked goroutines would take more.
const GRAIN: usize = 16;
/// So many sizes.
const SIZES: usize = 32;
/// The alignment of all of them.
const ALIGN: usize = 16;
/// What fits into a magazine.
const ROUNDS: usize = 62;
/// Full magazines of a size in the depot, at most: the memory of a million goroutines, for programs that start as many again and again.
const MOST: usize = 20_000;
/// So many go back to the allocator in one go, at most: the monitor has other things to do, too.
const STEP: usize = 256;

/// Whether memory goes round at all. Not where somebody looks for its being used when it is free, nor in models.
const IS_ON: bool = !cfg!(any(feature = "sanitizer", miri, loom, shuttle));

type Cell = NonNull<u8>;

/// Memory of one size: [`ROUNDS`] at most.
#[derive(Default)]
struct Magazine(Vec<Cell>);

// SAFETY: what lies in it is memory and nobody's (invariant 1).
unsafe impl Send for Magazine {}

/// The memory for `layout`, from here or from the allocator.
#[inline]
pub(super) fn take(layout: Layout) -> Cell {
    match size_of_layout(layout) {
        Some(size) => take_of(size),
        None => allocate(layout),
    }
}

/// Gives back what [`take`] gave for the same `layout`.
///
/// # Safety
/// It is nobody's any more.
#[inline]
pub(super) unsafe fn give(cell: Cell, layout: Layout) {
    match size_of_layout(layout) {
        // SAFETY: as the caller says.
        Some(size) => unsafe { give_of(size, cell) },
        // SAFETY: `take` has allocated it with this layout.
        None => unsafe { dealloc(cell.as_ptr(), layout) },
    }
}

/// The number of the size. `None`: it does not go round.
#[inline(always)]
const fn size_of_layout(layout: Layout) -> Option<usize> {
    let size = layout.size().div_ceil(GRAIN);
    if IS_ON && size != 0 && size <= SIZES && layout.align() <= ALIGN {
        Some(size - 1)
    } else {
        None
    }
}

/// What the memory of a size is allocated with.
const fn layout(size: usize) -> Layout {
    match Layout::from_size_align((size + 1) * GRAIN, ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("a few hundred bytes are a layout"),
    }
}

#[inline]
fn allocate(layout: Layout) -> Cell {
    // SAFETY: a goroutine has a header, so the size is not zero.
    match NonNull::new(unsafe { alloc(layout) }) {
        Some(cell) => cell,
        None => handle_alloc_error(layout),
    }
}

/// A thread's magazines of one size. From `loaded` it takes, and to it it gives; they change places before the depot is asked.
#[derive(Default)]
struct Pair {
    loaded: Magazine,
    other: Magazine,
}

/// What a thread has, of all sizes.
#[derive(Default)]
struct Own([Pair; SIZES]);

thread_local! {
    static OWN: RefCell<Own> = RefCell::default();
}

#[inline(never)]
fn take_of(size: usize) -> Cell {
    match OWN.try_with(|own| own.borrow_mut().0[size].loaded.0.pop()) {
        Ok(Some(cell)) => cell,
        _ => take_slow(size),
    }
}

/// # Safety
/// As [`give`], of that size.
#[inline(never)]
unsafe fn give_of(size: usize, cell: Cell) {
    if OWN.try_with(|own| own.borrow_mut().0[size].loaded.push(cell)) != Ok(true) {
        // SAFETY: as the caller says.
        unsafe { give_slow(size, cell) };
    }
}

/// Nothing is loaded.
#[cold]
#[inline(never)]
fn take_slow(size: usize) -> Cell {
    let mut empty = Magazine::default();
    let kept = reload(size, &mut empty);
    drop(empty);
    kept.unwrap_or_else(|| allocate(layout(size)))
}

/// What is loaded has no room.
///
/// # Safety
/// As [`give`], of that size.
#[cold]
#[inline(never)]
unsafe fn give_slow(size: usize, cell: Cell) {
    let mut spare = Magazine::default();
    let mut kept = unload(size, cell, &mut spare);
    if !kept {
        spare = Magazine::with_room();
        kept = unload(size, cell, &mut spare);
    }
    spare.put_away(size);
    if !kept {
        // SAFETY: as the caller says; `take_of` has allocated it with this layout.
        unsafe { dealloc(cell.as_ptr(), layout(size)) };
    }
}

/// Takes from the other magazine, or from one of the depot's, which is loaded for what is then in `empty`. `None`: there is none, or
/// the thread ends and has none any more.
#[inline(never)]
fn reload(size: usize, empty: &mut Magazine) -> Option<Cell> {
    let kept = OWN.try_with(|own| {
        let pair = &mut own.borrow_mut().0[size];
        pair.change_places();
        if pair.loaded.0.is_empty()
            && let Some(full) = DEPOT.lock()[size].take()
        {
            *empty = mem::replace(&mut pair.loaded, full);
        }
        pair.loaded.0.pop()
    });
    kept.ok().flatten()
}

/// Gives to the other magazine, or to `spare`, which is loaded for what is then there. `false`: there is no room, or the thread
/// ends and has no magazines any more.
#[inline(never)]
fn unload(size: usize, cell: Cell, spare: &mut Magazine) -> bool {
    let kept = OWN.try_with(|own| {
        let pair = &mut own.borrow_mut().0[size];
        if !pair.loaded.has_room() {
            pair.change_places();
        }
        if !pair.loaded.has_room() && spare.has_room() {
            mem::swap(&mut pair.loaded, spare);
        }
        pair.loaded.push(cell)
    });
    kept == Ok(true)
}

impl Pair {
    fn change_places(&mut self) {
        mem::swap(&mut self.loaded, &mut self.other);
    }
}

impl Magazine {
    /// An empty one; without room, if there is no memory.
    fn with_room() -> Self {
        let mut cells = Vec::new();
        // Without it, it takes nothing.
        let _ = cells.try_reserve_exact(ROUNDS);
        Self(cells)
    }

    /// It never grows: that would be a call of the allocator.
    #[inline(always)]
    fn has_room(&self) -> bool {
        self.0.len() < self.0.capacity()
    }

    /// `false`: there is no room.
    #[inline(always)]
    fn push(&mut self, cell: Cell) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.0.push(cell);
        }
        has_room
    }

    fn is_full(&self) -> bool {
        self.0.len() >= ROUNDS
    }

    /// Into the depot if it is full; else what is in it goes back to the allocator.
    fn put_away(self, size: usize) {
        if self.is_full() { put(size, self) } else { self.free(size) }
    }

    /// Gives back all to the allocator.
    fn free(self, size: usize) {
        for cell in self.0 {
            // SAFETY: invariant 1.
            unsafe { dealloc(cell.as_ptr(), layout(size)) };
        }
    }
}

impl Drop for Own {
    /// The thread ends.
    fn drop(&mut self) {
        for (size, pair) in mem::take(&mut self.0).into_iter().enumerate() {
            [pair.loaded, pair.other].into_iter().for_each(|magazine| magazine.put_away(size));
        }
    }
}

/// Full magazines of one size.
struct Shelf {
    /// Has room for [`MOST`], or for none.
    full: Vec<Magazine>,
    /// So many were there all the time since the last second began.
    least: usize,
    /// So many were not needed in the second before, and are to go.
    unneeded: usize,
}

static DEPOT: Mutex<[Shelf; SIZES]> =
    Mutex::new([const { Shelf { full: Vec::new(), least: 0, unneeded: 0 } }; SIZES]);

impl Shelf {
    fn take(&mut self) -> Option<Magazine> {
        let magazine = self.full.pop();
        self.count();
        magazine
    }

    /// Some have gone.
    fn count(&mut self) {
        self.least = self.least.min(self.full.len());
        self.unneeded = self.unneeded.min(self.full.len());
    }

    /// Gives it back if there is no room.
    fn put(&mut self, magazine: Magazine) -> Option<Magazine> {
        if self.full.len() >= self.full.capacity().min(MOST) {
            return Some(magazine);
        }
        self.full.push(magazine);
        None
    }
}

/// Puts a full magazine into the depot, if there is room.
fn put(size: usize, magazine: Magazine) {
    let mut left = DEPOT.lock()[size].put(magazine);
    if let Some(magazine) = left.take() {
        build_shelf(size);
        left = DEPOT.lock()[size].put(magazine);
    }
    if let Some(magazine) = left {
        magazine.free(size);
    }
}

/// Room for magazines of that size in the depot, if there is none at all.
fn build_shelf(size: usize) {
    if DEPOT.lock()[size].full.capacity() != 0 {
        return;
    }
    let mut room = Vec::new();
    let _ = room.try_reserve_exact(MOST);
    // Somebody else may have been faster.
    let shelf = &mut DEPOT.lock()[size];
    if shelf.full.capacity() == 0 {
        mem::swap(&mut shelf.full, &mut room);
    }
}

/// When the second began.
static SECOND: Mutex<Option<Instant>> = Mutex::new(None);
/// It lasts about that long.
const LONG: Duration = Duration::from_millis(900);

/// What [`trim`] has left in the depot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing, or somebody else sees to it.
    Nothing,
    /// Something, to be looked at in the next second.
    Something,
    /// Something that is to go soon.
    Unneeded,
}

/// Gives back some of what the depot has not needed in the last second. `goes_on`: the caller was told that there is more.
pub(crate) fn trim(now: Instant, goes_on: bool) -> Left {
    let begins = {
        let mut second = SECOND.lock();
        let begins = second.is_none_or(|at| now.saturating_duration_since(at) >= LONG);
        if begins {
            *second = Some(now);
        }
        begins
    };
    if begins {
        begin();
    } else if !goes_on {
        // The monitor of another runtime does so.
        return Left::Nothing;
    }
    give_back(STEP)
}

/// A second begins.
fn begin() {
    DEPOT.lock().iter_mut().for_each(|shelf| {
        shelf.unneeded = shelf.least;
        shelf.least = shelf.full.len();
    });
}

/// Gives back all that is in the depot.
pub(crate) fn empty() {
    DEPOT.lock().iter_mut().for_each(|shelf| shelf.unneeded = shelf.full.len());
    give_back(usize::MAX);
}

/// Gives back what is not needed, `most` magazines at most.
fn give_back(mut most: usize) -> Left {
    let (mut left, mut unneeded) = (Left::Nothing, Vec::new());
    for size in 0..SIZES {
        let wanted = DEPOT.lock()[size].unneeded.min(most);
        unneeded.reserve(wanted);
        {
            let shelf = &mut DEPOT.lock()[size];
            let count = shelf.unneeded.min(wanted);
            unneeded.extend(shelf.full.drain(..count));
            shelf.unneeded -= count;
            shelf.count();
            most -= count;
            left = match (shelf.unneeded, shelf.full.len()) {
                (1.., _) => Left::Unneeded,
                (0, 1..) if left == Left::Nothing => Left::Something,
                _ => left,
            };
        }
        unneeded.drain(..).for_each(|magazine: Magazine| magazine.free(size));
    }
    left
}

#[cfg(all(test, not(any(feature = "sanitizer", loom, shuttle, miri))))]
mod tests {
    use super::*;

    /// A size that no goroutine of these tests has.
    const SIZE: Layout = layout(SIZES - 1);

    #[test]
    fn what_one_thread_frees_another_gets() {
        let there: Vec<_> = (0..10 * ROUNDS).map(|_| take(SIZE).as_ptr().addr()).collect();
        let given = there.clone();
        let give_all = move || {
            let cells = given.into_iter().map(std::ptr::with_exposed_provenance_mut);
            // SAFETY: taken above, and not used.
            cells.filter_map(NonNull::new).for_each(|cell| unsafe { give(cell, SIZE) });
        };
        std::thread::spawn(give_all).join().unwrap();
        let again: Vec<_> = (0..8 * ROUNDS).map(|_| take(SIZE)).collect();
        let known = again.iter().filter(|cell| there.contains(&cell.as_ptr().addr())).count();
        assert_eq!(known, 8 * ROUNDS);
        // SAFETY: taken above, and not used.
        again.into_iter().for_each(|cell| unsafe { give(cell, SIZE) });
        let count = || DEPOT.lock()[SIZES - 1].full.len();
        assert!(count() > 5);
        begin();
        // Some are needed, the others are not.
        let some: Vec<_> = (0..3 * ROUNDS).map(|_| take(SIZE)).collect();
        // SAFETY: taken above, and not used.
        some.into_iter().for_each(|cell| unsafe { give(cell, SIZE) });
        let before = count();
        begin();
        let unneeded = DEPOT.lock()[SIZES - 1].unneeded;
        assert!((1..before).contains(&unneeded), "{unneeded} of {before}");
        let mut steps = 1;
        while give_back(1) == Left::Unneeded {
            steps += 1;
        }
        assert!(steps >= unneeded, "{steps} for {unneeded}");
        assert_eq!(count(), before - unneeded);
        begin();
        while give_back(STEP) == Left::Unneeded {}
        assert_eq!(count(), 0);
    }

    #[test]
    fn what_is_large_or_aligned_is_not_kept() {
        assert_eq!(size_of_layout(Layout::new::<[u64; 64]>()), Some(SIZES - 1));
        assert_eq!(size_of_layout(Layout::new::<[u64; 65]>()), None);
        assert_eq!(size_of_layout(Layout::new::<crossbeam_utils::CachePadded<u8>>()), None);
        assert_eq!(size_of_layout(Layout::new::<u8>()), Some(0));
    }
}
