//! Where a goroutine stands that waits on its thread: pinned, or while it is panicking.
//!
//! Nobody can hold it as one that is off its thread: it goes on when the kernel says so. So it leaves word of its registers,
//! and what lies above them on its stack does not change until it takes them back. Who looks copies that and then asks
//! whether it still stands: `count` is odd while it does, and rises with every change.

use crate::prim::atomic::{Ordering, fence};
use crate::prim::global::{AtomicU32, AtomicU64, AtomicUsize};
use crate::stack::Regs;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Stand {
    count: AtomicU32,
    ip: AtomicUsize,
    sp: AtomicUsize,
    fp: AtomicUsize,
    lr: AtomicUsize,
    until: AtomicU64,
}

/// A stand, as it was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stood {
    count: u32,
    /// `None`: this machine's are not known.
    pub(crate) regs: Option<Regs>,
    /// When it goes on by itself, as it was told.
    pub(crate) until: u64,
}

impl Stand {
    pub(super) fn new() -> Self {
        let zero = || AtomicUsize::new(0);
        let (ip, sp, fp, lr) = (zero(), zero(), zero(), zero());
        Self { count: AtomicU32::new(0), ip, sp, fp, lr, until: AtomicU64::new(0) }
    }

    /// The goroutine on this thread stands here from now on. `until`: when it goes on by itself, by the caller's count.
    pub(crate) fn take(&self, regs: Option<Regs>, until: u64) {
        let Regs { ip, sp, fp, lr } = regs.unwrap_or(Regs { ip: 0, sp: 0, fp: 0, lr: 0 });
        self.ip.store(ip, Ordering::Relaxed);
        self.sp.store(sp, Ordering::Relaxed);
        self.fp.store(fp, Ordering::Relaxed);
        self.lr.store(lr, Ordering::Relaxed);
        self.until.store(until, Ordering::Relaxed);
        // Release pairs with the Acquire of `look`.
        self.count.fetch_add(1, Ordering::Release);
    }

    /// It goes on.
    pub(crate) fn leave(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        // What it changes on its stack comes after that.
        fence(Ordering::Release);
    }

    /// Where a goroutine stands, if one does.
    pub(crate) fn look(&self) -> Option<Stood> {
        let count = self.count.load(Ordering::Acquire);
        if count.is_multiple_of(2) {
            return None;
        }
        let ip = self.ip.load(Ordering::Relaxed);
        let regs = Regs {
            ip,
            sp: self.sp.load(Ordering::Relaxed),
            fp: self.fp.load(Ordering::Relaxed),
            lr: self.lr.load(Ordering::Relaxed),
        };
        let until = self.until.load(Ordering::Relaxed);
        let stood = Stood { count, regs: (ip != 0).then_some(regs), until };
        self.stands(stood).then_some(stood)
    }

    /// Whether it has stood there since.
    pub(crate) fn stands(&self, stood: Stood) -> bool {
        // What was read of its stack comes before that.
        fence(Ordering::Acquire);
        self.count.load(Ordering::Relaxed) == stood.count
    }
}
