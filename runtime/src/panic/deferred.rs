//! The deferred code of a frame: a stack of closures. The first few lie in the frame itself, the others on the heap.
//!
//! ```text
//!   inline:  | words of a closure | its call, its size | words of the next | its call, its size | free ..
//! ```
//!
//! Invariants:
//! 1. The words below `used` are whole entries; the last two words of an entry say how to call it and how many
//!    words it has. Entries hold no pointers into themselves, so the frame may move.
//! 2. Nothing is put inline once there is one on the heap: the last that was put is on top.
//! 3. An entry is taken off before it is called, and a closure is read out of it once.

use super::unwind::Unwind;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Room for three closures of three words and more of fewer.
const WORDS: usize = 16;
/// What an entry has beside its closure.
const FOOT: usize = 2;

/// Calls the closure that lies at the address, and leaves nothing there.
type Call<R> = unsafe fn(*mut MaybeUninit<usize>, &mut Unwind<'_, R>);
type Boxed<'f, R> = Box<dyn FnOnce(&mut Unwind<'_, R>) + 'f>;

/// See the [module](self). What is not taken is leaked; a frame takes all.
pub(super) struct Deferred<'f, R> {
    used: usize,
    inline: [MaybeUninit<usize>; WORDS],
    heap: Vec<Boxed<'f, R>>,
    /// It owns them: as variant, and as little `Send`, as they are.
    owns: PhantomData<Boxed<'f, R>>,
}

impl<'f, R> Deferred<'f, R> {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        let inline = [const { MaybeUninit::uninit() }; WORDS];
        Self { used: 0, inline, heap: Vec::new(), owns: PhantomData }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.used == 0 && self.heap.is_empty()
    }

    #[inline(always)]
    pub(super) fn push<F: FnOnce(&mut Unwind<'_, R>) + 'f>(&mut self, f: F) {
        let words = size_of::<F>().div_ceil(size_of::<usize>());
        let fits = align_of::<F>() <= align_of::<usize>()
            && self.used + words + FOOT <= WORDS
            && self.heap.is_empty();
        if !fits {
            self.heap.push(Box::new(f));
            return;
        }
        let at = self.inline[self.used..].as_mut_ptr().cast::<F>();
        // SAFETY: there is room for it and its foot, and it is aligned to no more than a word.
        unsafe { at.write(f) };
        self.used += words + FOOT;
        let how = self.inline[self.used - 2].as_mut_ptr().cast::<Call<R>>();
        // SAFETY: a pointer to a function takes a word.
        unsafe { how.write(call::<F, R>) };
        self.inline[self.used - 1].write(words);
    }

    /// Calls the last one. `false`: there is none.
    #[inline(always)]
    pub(super) fn call_last(&mut self, unwind: &mut Unwind<'_, R>) -> bool {
        if let Some(f) = self.heap.pop() {
            f(unwind);
            return true;
        }
        if self.used == 0 {
            return false;
        }
        // SAFETY: invariant 1.
        let words = unsafe { self.inline[self.used - 1].assume_init() };
        let how = self.inline[self.used - 2].as_ptr().cast::<Call<R>>();
        // SAFETY: invariant 1: `push` has written one of this type.
        let call = unsafe { how.read() };
        self.used -= words + FOOT;
        let at = self.inline[self.used..].as_mut_ptr();
        // SAFETY: invariants 1 and 3: `call` is of the closure that lies there.
        unsafe { call(at, unwind) };
        true
    }
}

/// # Safety
/// An `F` lies at `at`, and is never used again.
unsafe fn call<F: FnOnce(&mut Unwind<'_, R>), R>(
    at: *mut MaybeUninit<usize>,
    unwind: &mut Unwind<'_, R>,
) {
    // SAFETY: as the caller says.
    let f = unsafe { at.cast::<F>().read() };
    f(unwind);
}
