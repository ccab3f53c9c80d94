//! Who looks at a carrier's job from outside, and what it may believe: the slot as it is; the job's memory is one word.
//!
//! Broken on purpose, and noticed: `id` or `job` stored or loaded Relaxed; no fence in `clear_job`.

use super::Slot;
use crate::prim::atomic::{AtomicU64, Ordering, fence};
use loom::sync::Arc;
use loom::thread;

struct World {
    slot: Slot,
    /// What lies where the jobs lie, one after the other: whose memory it is, as it says itself.
    memory: AtomicU64,
}

/// Something else than a goroutine.
const OTHER: u64 = 99;

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self { slot: Slot::for_model(), memory: AtomicU64::new(OTHER) })
    }

    fn begin(&self, id: u64) {
        self.memory.store(id, Ordering::Relaxed);
        let job = std::ptr::without_provenance_mut(64);
        self.slot.set_job(job, id);
    }

    /// The memory is another's at once, with nothing in between.
    fn end(&self) {
        self.slot.clear_job();
        self.memory.store(OTHER, Ordering::Relaxed);
    }

    /// As `Header::peek`.
    fn look(&self) {
        let before = self.slot.seen();
        if before.0.is_null() {
            return;
        }
        let copy = self.memory.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if self.slot.seen() == before {
            assert_eq!(copy, before.1, "another one's memory was believed");
        }
    }
}

fn looks_at(world: &Arc<World>) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || world.look())
}

/// One ends, and the next one lies where it lay.
#[test]
fn one_ends_and_another_begins_in_its_place() {
    loom::model(|| {
        let world = World::new();
        world.begin(1);
        let looks = looks_at(&world);
        world.end();
        world.begin(2);
        looks.join().unwrap();
    });
}

/// It begins, and ends.
#[test]
fn one_begins_and_ends() {
    loom::model(|| {
        let world = World::new();
        let looks = looks_at(&world);
        world.begin(1);
        world.end();
        looks.join().unwrap();
    });
}

/// While what it left is dropped it has no job; then it has a turn again, or ends.
#[test]
fn one_comes_back() {
    loom::model(|| {
        let world = World::new();
        world.begin(1);
        let looks = looks_at(&world);
        world.slot.clear_job();
        world.slot.resume_job(std::ptr::without_provenance_mut(64));
        world.end();
        looks.join().unwrap();
    });
}
