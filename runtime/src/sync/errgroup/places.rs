//! The places of a group: how many members may run, and who waits for that.
//!
//! Invariants:
//! 1. `active` counts the places that are taken: by members, and by who is just about to spawn one.
//!    It is at most `limit`, and nobody is queued while it is less.
//! 2. Who gives up a place passes it to the first in the queue, without changing `active`; a ticket
//!    that is no longer queued has a place. So a waiter that is cancelled either takes its
//!    ticket out of the queue, or passes the place on.

use crate::carrier::Slot;
use crate::prim::global::{AtomicBool, Mutex, Ordering};
use crate::wait::{self, Until, Why};
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) struct Places {
    room: Mutex<Room>,
}

struct Room {
    active: usize,
    limit: usize,
    queue: VecDeque<Arc<Ticket>>,
}

/// Who waits for a place.
struct Ticket {
    slot: &'static Slot,
    has_place: AtomicBool,
}

impl Ticket {
    fn give_place(&self) {
        // Release pairs with the waiter's Acquire. The slot outlives the wait.
        self.has_place.store(true, Ordering::Release);
        wait::wake(self.slot);
    }
}

impl Places {
    /// As many as one likes.
    pub(super) fn new() -> Self {
        Self { room: Mutex::new(Room { active: 0, limit: usize::MAX, queue: VecDeque::new() }) }
    }

    /// How many are taken, and of how many.
    pub(super) fn count(&self) -> (usize, usize) {
        let room = self.room.lock();
        (room.active, room.limit)
    }

    /// Sets the limit if no place is taken. Returns how many are.
    pub(super) fn set_limit(&self, limit: usize) -> usize {
        let (active, admitted) = {
            let mut room = self.room.lock();
            match room.active {
                0 => (0, room.set_limit(limit)),
                active => (active, Vec::new()),
            }
        };
        admitted.iter().for_each(|ticket| ticket.give_place());
        active
    }

    /// Takes a place if there is one.
    pub(super) fn try_enter(&self) -> bool {
        let mut room = self.room.lock();
        let free = room.active < room.limit;
        room.active += usize::from(free);
        free
    }

    /// Waits for a place. `false`: `until` was over first.
    #[cold]
    pub(super) fn enter(&self, until: Until<'_>) -> bool {
        wait::with(|slot| {
            let Some(ticket) = self.queue_up(slot) else { return true };
            let mut queued = Queued { places: self, ticket: &ticket, waits: true };
            while !ticket.has_place.load(Ordering::Acquire) {
                if until.is_over() {
                    return false;
                }
                wait::park_until(slot, Why::ErrGroup.on(self), until);
            }
            queued.waits = false;
            true
        })
    }

    /// `None`: there is a place now, and it is the caller's.
    fn queue_up(&self, slot: &'static Slot) -> Option<Arc<Ticket>> {
        let mut room = self.room.lock();
        if room.active < room.limit {
            room.active += 1;
            return None;
        }
        let ticket = Arc::new(Ticket { slot, has_place: AtomicBool::new(false) });
        room.queue.push_back(Arc::clone(&ticket));
        Some(ticket)
    }

    /// Gives a place up.
    pub(super) fn leave(&self) {
        let next = {
            let mut room = self.room.lock();
            let next = room.queue.pop_front();
            if next.is_none() {
                room.active -= 1;
            }
            next
        };
        if let Some(ticket) = next {
            ticket.give_place();
        }
    }
}

impl Room {
    /// Returns who gets in by that.
    fn set_limit(&mut self, limit: usize) -> Vec<Arc<Ticket>> {
        self.limit = limit;
        let admitted: Vec<_> = self.queue.drain(..limit.min(self.queue.len())).collect();
        self.active = admitted.len();
        admitted
    }
}

/// A ticket in the queue, until it has a place or its holder is cancelled: invariant 2.
struct Queued<'a> {
    places: &'a Places,
    ticket: &'a Arc<Ticket>,
    waits: bool,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        let withdrawn = {
            let queue = &mut self.places.room.lock().queue;
            let at = queue.iter().position(|ticket| Arc::ptr_eq(ticket, self.ticket));
            at.and_then(|at| queue.remove(at)).is_some()
        };
        if !withdrawn {
            self.places.leave();
        }
    }
}
