//! The places of a group: how many members may run, and who waits for that.
//!
//! Invariants:
//! 1. `active` counts the places that are taken: by members, and by who is just about to spawn one.
//!    It is at most `limit`, and nobody is queued while it is less.
//! 2. Who gives up a place passes it to the first in the queue, without changing `active`; a waiter that
//!    was taken from the queue has a place. One that is to end and finds that it was taken uses it all the same.
//! 3. A queued waiter leaves the queue or is released before `enter` returns.

use crate::sync::waiter::{End, Locked, Queue, TakenList, Waiter};
use crate::wait::{self, Until, Why};

/// What a waiter is released with: it has a place.
const PLACED: u32 = 1;

pub(super) struct Places {
    room: Locked<Room>,
}

struct Room {
    active: usize,
    limit: usize,
    queue: Queue,
}

impl Places {
    /// As many as one likes.
    pub(super) fn new() -> Self {
        Self { room: Locked::new(Room { active: 0, limit: usize::MAX, queue: Queue::new() }) }
    }

    /// How many are taken, and of how many.
    pub(super) fn count(&self) -> (usize, usize) {
        self.room.with(|room| (room.active, room.limit))
    }

    /// Sets the limit if no place is taken. Returns how many are.
    pub(super) fn set_limit(&self, limit: usize) -> usize {
        let (active, admitted) = self.room.with(|room| match room.active {
            0 => (0, room.set_limit(limit)),
            active => (active, TakenList::new()),
        });
        admitted.release(PLACED);
        active
    }

    /// Takes a place if there is one.
    pub(super) fn try_enter(&self) -> bool {
        self.room.with(Room::try_enter)
    }

    /// Waits for a place. `false`: `until` was over first.
    #[cold]
    pub(super) fn enter(&self, until: Until<'_>) -> bool {
        wait::with(|slot| {
            let waiter = Waiter::new(slot, 0);
            if self.take_or_queue(&waiter) {
                return true;
            }
            let Err(end) = waiter.wait(Why::ErrGroup.on(self), until) else { return true };
            self.ends(&waiter, end)
        })
    }

    /// `true`: there is a place now, and it is the caller's.
    fn take_or_queue(&self, waiter: &Waiter) -> bool {
        self.room.with(|room| {
            let entered = room.try_enter();
            if !entered {
                // SAFETY: new, and it stays until it has left or was released (invariant 3).
                unsafe { room.queue.push_back(waiter) };
            }
            entered
        })
    }

    /// `true`: it has got its place in this moment. Unwinds if it is to.
    #[cold]
    fn ends(&self, waiter: &Waiter, end: End) -> bool {
        // SAFETY: `take_or_queue` put it there.
        if self.room.with(|room| unsafe { room.queue.leave(waiter) }) {
            end.raise();
            return false;
        }
        waiter.wait_taken(Why::ErrGroup.on(self));
        true
    }

    /// Gives a place up.
    pub(super) fn leave(&self) {
        let next = self.room.with(|room| {
            let next = room.queue.take_front();
            room.active -= usize::from(next.is_none());
            next
        });
        if let Some(next) = next {
            next.release(PLACED);
        }
    }
}

impl Room {
    fn try_enter(&mut self) -> bool {
        let free = self.active < self.limit;
        self.active += usize::from(free);
        free
    }

    /// Returns who gets in by that.
    fn set_limit(&mut self, limit: usize) -> TakenList {
        self.limit = limit;
        let active = &mut self.active;
        self.queue.take_while(|_| {
            let enters = *active < limit;
            *active += usize::from(enters);
            enters
        })
    }
}
