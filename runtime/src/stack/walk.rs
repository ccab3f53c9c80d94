//! Walking a stack from outside: from registers and memory to return addresses.
//!
//! The tables that say how are those by which panics unwind (`.eh_frame`); [`framehop`] reads them. Nothing runs on the
//! stack that is walked, nothing of it is written, and only the memory is read that the caller's function gives.
//! So a torn or garbled stack yields wrong addresses at worst.
//!
//! The tables are those of what is loaded when the [`Walker`] is made. A library that is unloaded while it is used must not
//! be on a stack that is walked; code that a goroutine has to return to is not unloaded.

use super::Regs;
use crate::sys;
use framehop::{ExplicitModuleSectionInfo, Module, Unwinder as _};
use std::collections::HashMap;
use std::sync::Arc;

#[cfg(target_arch = "x86_64")]
mod machine {
    pub(super) type Unwinder = framehop::x86_64::UnwinderX86_64<&'static [u8]>;
    pub(super) type Cache = framehop::x86_64::CacheX86_64;

    pub(super) fn regs(regs: super::Regs, _: u64) -> framehop::x86_64::UnwindRegsX86_64 {
        let super::Regs { ip, sp, fp, .. } = regs;
        framehop::x86_64::UnwindRegsX86_64::new(ip as u64, sp as u64, fp as u64)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod machine {
    use framehop::aarch64::PtrAuthMask;

    pub(super) type Unwinder = framehop::aarch64::UnwinderAarch64<&'static [u8]>;
    pub(super) type Cache = framehop::aarch64::CacheAarch64;

    /// Return addresses may be signed (`-Z branch-protection=pac-ret`), in bits above those of `code_end`.
    pub(super) fn regs(regs: super::Regs, code_end: u64) -> framehop::aarch64::UnwindRegsAarch64 {
        let super::Regs { sp, fp, lr, .. } = regs;
        let address = PtrAuthMask::from_max_known_address(code_end);
        let (lr, sp, fp) = (lr as u64, sp as u64, fp as u64);
        framehop::aarch64::UnwindRegsAarch64::new_with_ptr_auth_mask(address, lr, sp, fp)
    }
}

/// Frames that are walked, at most.
const DEEPEST: usize = 512;

/// See the [module](self).
pub(crate) struct Walker {
    unwinder: machine::Unwinder,
    cache: machine::Cache,
    /// No code lies above it.
    code_end: u64,
    known: HashMap<usize, Vec<Walk>>,
}

/// A walk that was done, relative to where it began.
struct Walk {
    fp: usize,
    /// The words that were read: where, and what was there.
    read: Vec<(usize, Word)>,
    addresses: Arc<[usize]>,
}

/// What was read of a stack.
#[derive(Clone, Copy)]
enum Word {
    /// An address on the same stack, as far from `sp`.
    Moves(usize),
    /// Anything else.
    Stays(usize),
}

/// Of walks that begin at the same instruction, so many are kept.
const KEPT: usize = 8;

impl Walk {
    /// Whether a walk from `regs` leads to the same addresses, if the stack has there what `word` says.
    ///
    /// The way is a function of the registers and of the words that were read, and moves with the stack: the tables say
    /// where a frame's caller is by its distance from `sp` or `fp`. So it is the same if each word is the same, or, if it
    /// points into the stack, has moved with it.
    fn is_same(&self, regs: Regs, word: &mut impl FnMut(usize) -> Option<usize>) -> bool {
        self.fp == regs.fp.wrapping_sub(regs.sp)
            && self.read.iter().all(|&(at, before)| {
                word(regs.sp.wrapping_add(at)).is_some_and(|now| match before {
                    Word::Moves(distance) => now.wrapping_sub(regs.sp) == distance,
                    Word::Stays(before) => now == before,
                })
            })
    }
}

impl Walker {
    pub(crate) fn new() -> Self {
        let (mut unwinder, mut code_end) = (machine::Unwinder::new(), 0);
        for image in sys::images() {
            code_end = code_end.max(image.addresses.end);
            unwinder.add_module(Module::new(
                String::new(),
                image.addresses,
                image.base,
                ExplicitModuleSectionInfo {
                    eh_frame_svma: Some(image.eh_frame.0),
                    eh_frame: Some(image.eh_frame.1),
                    eh_frame_hdr_svma: Some(image.eh_frame_hdr.0),
                    eh_frame_hdr: Some(image.eh_frame_hdr.1),
                    ..Default::default()
                },
            ));
        }
        Self { unwinder, cache: machine::Cache::new(), code_end, known: HashMap::new() }
    }

    /// The addresses at which the frames of a stack that ends at `end` go on, the innermost first. `read` gives the word at
    /// an address, or `None` where the stack is not.
    pub(crate) fn walk(
        &mut self,
        regs: Regs,
        end: usize,
        mut read: impl FnMut(usize) -> Option<usize>,
    ) -> Arc<[usize]> {
        let known = self.known.entry(regs.ip).or_default();
        if let Some(known) = known.iter().find(|known| known.is_same(regs, &mut read)) {
            return Arc::clone(&known.addresses);
        }
        let mut addresses = Vec::with_capacity(24);
        let mut words = Vec::with_capacity(48);
        let mut word = |addr: u64| {
            let word = read(addr as usize).ok_or(())?;
            let noted = match (regs.sp..end).contains(&word) {
                true => Word::Moves(word - regs.sp),
                false => Word::Stays(word),
            };
            words.push(((addr as usize).wrapping_sub(regs.sp), noted));
            Ok(word as u64)
        };
        let first = regs.ip as u64;
        let start = machine::regs(regs, self.code_end);
        let mut frames = self.unwinder.iter_frames(first, start, &mut self.cache, &mut word);
        while let Ok(Some(frame)) = frames.next() {
            addresses.push(frame.address() as usize);
            if addresses.len() == DEEPEST {
                break;
            }
        }
        let addresses: Arc<[usize]> = addresses.into();
        if known.len() < KEPT {
            let fp = regs.fp.wrapping_sub(regs.sp);
            known.push(Walk { fp, read: words, addresses: Arc::clone(&addresses) });
        }
        addresses
    }
}

impl std::fmt::Debug for Walker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walker").finish_non_exhaustive()
    }
}

#[cfg(all(test, target_arch = "aarch64"))]
mod tests {
    use super::{Regs, machine};

    #[test]
    fn what_a_return_address_is_signed_with_is_no_part_of_it() {
        let regs = Regs { ip: 0, sp: 16, fp: 32, lr: 0x0063_0055_0009_bcb8 };
        assert_eq!(machine::regs(regs, 0x0055_0040_0000).lr(), 0x0055_0009_bcb8);
    }
}
