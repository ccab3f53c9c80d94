//! Where a goroutine stands that waits on its thread: pinned, or while it is panicking.
//!
//! Nobody can hold it as one that is off its thread: it goes on when the kernel says so. So it leaves word of its registers,
//! and what lies above them on its stack does not change until it takes them back. Who looks copies that and then asks
//! whether it still stands: `count` is odd while it does, and rises with every change. The model in `loom_tests` checks this.

use crate::prim::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
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

#[cfg(all(test, loom))]
mod loom_tests {
    //! The stack is one word.
    //!
    //! Broken on purpose, and noticed: `take` or `look` Relaxed; no fence in `leave`, or in `stands`.

    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    fn regs(ip: usize) -> Option<Regs> {
        Some(Regs { ip, sp: ip, fp: ip, lr: ip })
    }

    /// It stands, goes on, and stands again elsewhere; who looks believes nothing that is not so.
    fn model(stands: bool) {
        loom::model(move || {
            let world = Arc::new((Stand::new(), AtomicUsize::new(1)));
            if stands {
                world.0.take(regs(1), 1);
            }
            let looks = {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    let (stand, stack) = &*world;
                    let Some(stood) = stand.look() else { return };
                    let at = stood.regs.map_or(0, |regs| regs.ip);
                    assert_eq!(stood.regs.map(|regs| [regs.sp, regs.fp, regs.lr]), Some([at; 3]));
                    assert_eq!(stood.until, at as u64);
                    let copy = stack.load(Ordering::Relaxed);
                    if stand.stands(stood) {
                        assert_eq!(copy, at, "what it saw was not there while it stood");
                    }
                })
            };
            let (stand, stack) = &*world;
            if stands {
                stand.leave();
                stack.store(2, Ordering::Relaxed);
                stand.take(regs(2), 2);
            } else {
                stand.take(regs(1), 1);
                stand.leave();
                stack.store(3, Ordering::Relaxed);
            }
            looks.join().unwrap();
        });
    }

    #[test]
    fn it_goes_on_and_stands_elsewhere() {
        model(true);
    }

    #[test]
    fn it_stands_and_goes_on() {
        model(false);
    }
}
