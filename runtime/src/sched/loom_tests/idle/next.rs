//! Who lies alone in a `next` that has credit, and is left to a spinner.
//!
//! Broken on purpose, and noticed: a spinner that retires and does not look for it.

use super::{Own, World, producer};
use loom::sync::Arc;
use loom::sync::atomic::Ordering;

impl World {
    /// As `Sched::put_next` where there is credit.
    fn put_next(&self, m: u32) {
        let p = self.own(m).p.expect("runs with a P");
        self.ps[p as usize].next.store(1, Ordering::Relaxed);
        if self.idle.idle_ps() != 0 {
            self.surplus();
        }
    }

    /// A thief sees somebody there.
    pub(super) fn has_next(&self, p: usize) -> bool {
        self.has_next && self.ps[p].next.load(Ordering::Relaxed) != 0
    }
}

/// A goroutine wakes one that runs next, and computes, while a spinner leaves that has begun to look before.
#[test]
fn one_alone_in_next_while_a_spinner_leaves() {
    loom::model(|| {
        let world = Arc::new(World { has_next: true, ..World::new(3, 3, 3, &[2]) });
        world.begin(0);
        world.begin(1);
        assert!(world.idle.start_spinning(3));
        world.set_own(1, Own { spinning: true, ..world.own(1) });
        let computes = producer(&world, |world| world.put_next(0));
        world.run(1);
        computes.join().unwrap();
        world.all_taken(1);
    });
}
