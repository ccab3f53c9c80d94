//! Where entries lie that the heap only points at: a slab in chunks.
//!
//! Chunks do not move when the slab grows, and one that has become empty is given back when there is
//! room enough without it: a million entries leave nothing behind, wherever the few lie that stay.
//!
//! Invariants:
//! 1. A place is vacant, or has an entry with a number that no other ever had.
//! 2. `open` has the chunks that are there and not full, each once, at its `open_at`.
//! 3. `used` counts the entries, `chunk.used` those of a chunk, and `missing` has the chunks that are
//!    not there.

use crate::sys;

/// Places in a chunk.
pub(super) const CHUNK: usize = 256;
/// The end of a list of vacant places.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
enum Place<T> {
    /// The next vacant one of the chunk, or [`NONE`].
    Vacant(u32),
    /// `None`: what was there is gone, the place is not free yet.
    Taken(u64, Option<T>),
}

#[derive(Debug)]
struct Chunk<T> {
    /// Of length [`CHUNK`], or empty: the chunk is not there.
    places: Box<[Place<T>]>,
    vacant: u32,
    used: u32,
    open_at: u32,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    open: Vec<u32>,
    missing: Vec<u32>,
    used: usize,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), open: Vec::new(), missing: Vec::new(), used: 0 }
    }

    /// Puts an entry with the number `seq` somewhere.
    #[inline]
    pub(super) fn insert(&mut self, seq: u64, what: T) -> u32 {
        let number = match self.open.last() {
            Some(&number) => number,
            None => self.grow(),
        };
        let chunk = &mut self.chunks[number as usize];
        let at = chunk.vacant;
        let place = &mut chunk.places[at as usize];
        if let Place::Vacant(next) = *place {
            chunk.vacant = next;
        }
        *place = Place::Taken(seq, Some(what));
        if let Some(next) = chunk.places.get(chunk.vacant as usize) {
            sys::prefetch(std::ptr::from_ref(next).addr());
        }
        chunk.used += 1;
        self.used += 1;
        if chunk.vacant == NONE {
            self.open.pop();
        }
        number * CHUNK as u32 + at
    }

    /// What lies at `index`, if it has the number `seq`. The place stays taken.
    #[inline]
    pub(super) fn take(&mut self, index: u32, seq: u64) -> Option<T> {
        let chunk = self.chunks.get_mut(index as usize / CHUNK)?;
        match chunk.places.get_mut(index as usize % CHUNK)? {
            Place::Taken(number, what) if *number == seq => what.take(),
            _ => None,
        }
    }

    /// What lies at `index`, which is taken, if it is what is meant. The place stays taken.
    pub(super) fn take_if(&mut self, index: u32, is_meant: impl Fn(&T) -> bool) -> Option<T> {
        match &mut self.chunks[index as usize / CHUNK].places[index as usize % CHUNK] {
            Place::Taken(_, what) => what.take_if(|what| is_meant(what)),
            Place::Vacant(_) => None,
        }
    }

    /// Whether something lies at `index`, which is taken.
    #[inline]
    pub(super) fn is_live(&self, index: u32) -> bool {
        let place = &self.chunks[index as usize / CHUNK].places[index as usize % CHUNK];
        matches!(place, Place::Taken(_, Some(_)))
    }

    /// What lies at `index`, which is taken.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        match &self.chunks[index as usize / CHUNK].places[index as usize % CHUNK] {
            Place::Taken(_, what) => what.as_ref(),
            Place::Vacant(_) => None,
        }
    }

    /// `index`, which is taken, will soon be asked for.
    #[inline]
    pub(super) fn prefetch(&self, index: u32) {
        let place = &self.chunks[index as usize / CHUNK].places[index as usize % CHUNK];
        sys::prefetch(std::ptr::from_ref(place).addr());
    }

    /// Frees the place `index`, which is taken, and gives back what lay there.
    #[inline]
    pub(super) fn free(&mut self, index: u32) -> Option<T> {
        let (number, at) = (index / CHUNK as u32, index % CHUNK as u32);
        let chunk = &mut self.chunks[number as usize];
        let vacant = Place::Vacant(chunk.vacant);
        let old = std::mem::replace(&mut chunk.places[at as usize], vacant);
        if chunk.vacant == NONE {
            chunk.open_at = self.open.len() as u32;
            self.open.push(number);
        }
        chunk.vacant = at;
        chunk.used -= 1;
        self.used -= 1;
        if chunk.used == 0 {
            self.retire(number);
        }
        match old {
            Place::Taken(_, what) => what,
            Place::Vacant(_) => None,
        }
    }

    /// Adds a chunk.
    #[cold]
    fn grow(&mut self) -> u32 {
        let places = (1..=CHUNK as u32)
            .map(|next| Place::Vacant(if next == CHUNK as u32 { NONE } else { next }))
            .collect();
        let open_at = self.open.len() as u32;
        let chunk = Chunk { places, vacant: 0, used: 0, open_at };
        let number = match self.missing.pop() {
            Some(number) => {
                self.chunks[number as usize] = chunk;
                number
            }
            None => {
                self.chunks.push(chunk);
                self.chunks.len() as u32 - 1
            }
        };
        self.open.push(number);
        number
    }

    /// A chunk is empty: gives it back, unless it is soon needed again.
    #[cold]
    fn retire(&mut self, number: u32) {
        let room = (self.chunks.len() - self.missing.len()) * CHUNK - self.used;
        if room < 2 * CHUNK {
            return;
        }
        let chunk = &mut self.chunks[number as usize];
        chunk.places = Box::default();
        let open_at = chunk.open_at as usize;
        self.open.swap_remove(open_at);
        if let Some(&moved) = self.open.get(open_at) {
            self.chunks[moved as usize].open_at = open_at as u32;
        }
        self.missing.push(number);
    }

    /// How many places there are.
    #[cfg(all(test, not(loom)))]
    pub(super) fn places(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.places.len()).sum()
    }
}
