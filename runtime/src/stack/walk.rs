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

#[cfg(target_arch = "x86_64")]
mod machine {
    pub(super) type Unwinder = framehop::x86_64::UnwinderX86_64<&'static [u8]>;
    pub(super) type Cache = framehop::x86_64::CacheX86_64;

    pub(super) fn regs(regs: super::Regs) -> framehop::x86_64::UnwindRegsX86_64 {
        let super::Regs { ip, sp, fp, .. } = regs;
        framehop::x86_64::UnwindRegsX86_64::new(ip as u64, sp as u64, fp as u64)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod machine {
    pub(super) type Unwinder = framehop::aarch64::UnwinderAarch64<&'static [u8]>;
    pub(super) type Cache = framehop::aarch64::CacheAarch64;

    pub(super) fn regs(regs: super::Regs) -> framehop::aarch64::UnwindRegsAarch64 {
        let super::Regs { sp, fp, lr, .. } = regs;
        framehop::aarch64::UnwindRegsAarch64::new(lr as u64, sp as u64, fp as u64)
    }
}

/// Frames that are walked, at most.
const DEEPEST: usize = 512;

/// See the [module](self).
pub(crate) struct Walker {
    unwinder: machine::Unwinder,
    cache: machine::Cache,
}

impl Walker {
    pub(crate) fn new() -> Self {
        let mut unwinder = machine::Unwinder::new();
        for image in sys::images() {
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
        Self { unwinder, cache: machine::Cache::new() }
    }

    /// The addresses at which the frames of a stack go on, the innermost first. `read` gives the word at an address, or
    /// `None` where the stack is not.
    pub(crate) fn walk(
        &mut self,
        regs: Regs,
        mut read: impl FnMut(usize) -> Option<usize>,
    ) -> Vec<usize> {
        let mut addresses = Vec::with_capacity(24);
        let mut word = |addr: u64| read(addr as usize).map(|word| word as u64).ok_or(());
        let first = regs.ip as u64;
        let mut frames =
            self.unwinder.iter_frames(first, machine::regs(regs), &mut self.cache, &mut word);
        while let Ok(Some(frame)) = frames.next() {
            addresses.push(frame.address() as usize);
            if addresses.len() == DEEPEST {
                break;
            }
        }
        addresses
    }
}

impl std::fmt::Debug for Walker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walker").finish_non_exhaustive()
    }
}
