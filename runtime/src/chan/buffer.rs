//! The values between sender and receiver, in order.
//!
//! A ring for what is bounded and small: allocated once, never again. Blocks for the rest: they
//! come and go with the values, and one is kept, so that a queue in steady state allocates nothing. No
//! push ever moves the values that are there.
//!
//! Invariants:
//! 1. Of a ring, the `len` slots from `head` on (round the end) hold values, where `len` is the gate's.
//! 2. Of the blocks, the slots from `head` in the first to `tail` in the last hold values.

use std::collections::VecDeque;
use std::mem::MaybeUninit;

/// Values of more bytes than this in all are not allocated in advance.
const RING_BYTES: usize = 1 << 20;
/// The bytes of a block, roughly.
const BLOCK_BYTES: usize = 2048;

type Slots<T> = Box<[MaybeUninit<T>]>;

pub(super) enum Buffer<T> {
    Ring { slots: Slots<T>, head: usize, tail: usize },
    Blocks(Blocks<T>),
}

pub(super) struct Blocks<T> {
    list: VecDeque<Slots<T>>,
    /// The first value's place in the first block.
    head: usize,
    /// The place after the last value, in the last block.
    tail: usize,
    spare: Option<Slots<T>>,
}

fn slots<T>(len: usize) -> Slots<T> {
    (0..len).map(|_| MaybeUninit::uninit()).collect()
}

impl<T> Buffer<T> {
    /// For at most `cap` values.
    pub(super) fn new(cap: usize) -> Self {
        match size_of::<T>().checked_mul(cap) {
            Some(bytes) if bytes <= RING_BYTES && cap <= RING_BYTES => {
                Self::Ring { slots: slots(cap), head: 0, tail: 0 }
            }
            _ => Self::Blocks(Blocks::new()),
        }
    }

    /// Puts the value at `value` last.
    ///
    /// # Safety
    /// There are fewer than `cap`, and `value` may be read; it is the caller's no longer.
    #[inline]
    pub(super) unsafe fn push(&mut self, value: *const T) {
        // SAFETY: as the caller says.
        let value = unsafe { value.read() };
        match self {
            Self::Ring { slots, tail, .. } => {
                // SAFETY: the tail is always below the number of slots, which is not zero here.
                unsafe { slots.get_unchecked_mut(*tail) }.write(value);
                *tail = if *tail + 1 == slots.len() { 0 } else { *tail + 1 };
            }
            Self::Blocks(blocks) => blocks.push(value),
        }
    }

    /// Takes the first value.
    ///
    /// # Safety
    /// There is one.
    #[inline]
    pub(super) unsafe fn pop(&mut self) -> T {
        match self {
            Self::Ring { slots, head, .. } => {
                // SAFETY: the head is always below the number of slots, which is not zero here.
                let slot = unsafe { slots.get_unchecked(*head) };
                *head = if *head + 1 == slots.len() { 0 } else { *head + 1 };
                // SAFETY: the head holds a value (invariant 1), and no longer does.
                unsafe { slot.assume_init_read() }
            }
            // SAFETY: as the caller says.
            Self::Blocks(blocks) => unsafe { blocks.pop() },
        }
    }
}

impl<T> Blocks<T> {
    const LEN: usize = {
        let fit = if size_of::<T>() == 0 { BLOCK_BYTES } else { BLOCK_BYTES / size_of::<T>() };
        if fit == 0 { 1 } else { fit }
    };

    fn new() -> Self {
        Self { list: VecDeque::new(), head: 0, tail: Self::LEN, spare: None }
    }

    fn push(&mut self, value: T) {
        if self.tail == Self::LEN {
            let block = self.spare.take().unwrap_or_else(|| slots(Self::LEN));
            self.list.push_back(block);
            self.tail = 0;
        }
        if let Some(last) = self.list.back_mut() {
            last[self.tail].write(value);
            self.tail += 1;
        }
    }

    /// # Safety
    /// There is a value.
    unsafe fn pop(&mut self) -> T {
        // SAFETY: the first block's head holds a value (invariant 2), and no longer does.
        let value = unsafe { self.list[0][self.head].assume_init_read() };
        self.head += 1;
        let emptied = self.list.len() == 1 && self.head == self.tail;
        if self.head == Self::LEN || emptied {
            self.spare = self.list.pop_front();
            self.head = 0;
            if emptied {
                self.tail = Self::LEN;
            }
        }
        value
    }
}
