//! Looking at the goroutines from outside, while they go on.
//!
//! All started goroutines have a slot, and the slab knows all slots: there is no registry, and nothing is done for a look
//! before somebody looks. Each slot is visited once, and a goroutine never changes its slot: none is seen twice. One that
//! has not started has none: it is found in a queue (`unstarted`), or only counted.
//!
//! * **A parked one** is *held* (`parker`): who wakes it meanwhile leaves it to us, and we queue it when we let it go. So
//!   while it is visited it stays as it is, and so does what it waits for: a channel, a lock, another's handle, which
//!   it has borrowed. It shows where it stands (`Slot::look_at`), and its stack is walked from here.
//!   A look takes microseconds, no lock, and nothing of the goroutine's own code runs.
//! * **One that stands on its thread** (pinned) has left word of its registers (`m::Stand`). The kernel copies its stack, and if it
//!   still stands then, the copy is walked.
//! * **All others** run, or are queued, and may end at any time. Of them the header is read as `g::Header` does it, and there
//!   is no stack to show, but the caller's own.
//!
//! Invariants:
//! 1. A goroutine that is held is let go, whatever happens: [`Held`] does so when it is dropped.
//! 2. What [`Seen::object`] points at may be looked at during the visit if, and only if, `held` says so.

use super::monitor::TICK;
use super::why::TIMED;
use super::{Sched, Why};
use crate::carrier::{self, Slot};
use crate::g::{GBox, GRef, Header};
use crate::m::{self, M};
use crate::parker::{Hold, LetGo};
use crate::prim::global::Ordering;
use crate::stack::{Regs, Walker};
use crate::sys;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a goroutine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It is queued, and has not started.
    Unstarted,
    /// It could go on, and waits for a processor.
    Runnable,
    Running,
    /// It waits, in `rt`.
    Waiting,
    /// It waits in the system, and blocks its thread.
    Blocked,
    /// It runs, and has lost its processor, since it does not call the runtime.
    Burning,
}

/// A goroutine, as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) who: Header,
    pub(crate) doing: Doing,
    /// What it waits for.
    pub(crate) why: Option<Why>,
    /// Which one: an address or a number, as the reason says. 0: nothing to say.
    pub(crate) object: usize,
    /// Invariant 2.
    pub(crate) held: bool,
    /// The goroutine for whose end it waits.
    pub(crate) joins: Option<u64>,
    pub(crate) since: Option<Duration>,
    /// It wakes by itself.
    pub(crate) timed: bool,
    /// When, if that is known: not of one that has begun to wait since the look began.
    pub(crate) deadline: Option<Instant>,
    pub(crate) pinned: bool,
    /// Its thread, as the system numbers it, if it has one for itself or runs there.
    pub(crate) thread: Option<u32>,
    /// The scope that waits for its end, by its address.
    pub(crate) scope: Option<usize>,
    /// Where its frames go on, the innermost first; empty if that is not to be had.
    pub(crate) stack: Arc<[usize]>,
    /// Bytes of its stack: all, and, if it is known, those in use.
    pub(crate) stack_size: Option<usize>,
    pub(crate) stack_used: Option<usize>,
}

impl Seen {
    /// Who it is, and nothing else is known.
    pub(super) fn of(who: Header) -> Self {
        Self {
            who,
            doing: Doing::Waiting,
            why: None,
            object: 0,
            held: false,
            joins: None,
            since: None,
            timed: false,
            deadline: None,
            pinned: false,
            thread: None,
            scope: None,
            stack: Arc::new([]),
            stack_size: None,
            stack_used: None,
        }
    }
}

/// A goroutine on a thread of the runtime.
struct OnThread {
    m: Arc<M>,
    has_p: bool,
}

/// Evidence that a goroutine is held. Invariant 1.
struct Held(&'static Slot);

impl Held {
    fn take(slot: &'static Slot) -> Option<Self> {
        loop {
            match slot.word.hold() {
                Hold::Held => return Some(Self(slot)),
                Hold::Busy => std::thread::yield_now(),
                Hold::NotParked => return None,
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.word.let_go() == LetGo::Notified {
            super::ready::ready(self.0, false);
        }
    }
}

impl Sched {
    /// The same, and after it with each that is queued and has not started.
    pub(crate) fn look_at_all(&self, walker: &mut Walker, visit: &mut dyn FnMut(Seen)) -> u64 {
        // Who starts between the two looks is seen, and not twice.
        let unstarted = self.unstarted();
        let mut has_started = vec![false; unstarted.len()];
        let rest = self.look(Some(walker), &mut |seen| {
            if let Ok(at) = unstarted.binary_search_by_key(&seen.who.id, |seen| seen.who.id) {
                has_started[at] = true;
            }
            visit(seen);
        });
        let still = unstarted.into_iter().zip(has_started).filter(|(_, has_started)| !has_started);
        let listed = still.map(|(seen, _)| visit(seen)).count() as u64;
        rest.max(listed)
    }

    /// Calls `visit` with each goroutine that has started and not ended, with its stack if there is a `walker`.
    /// Returns how many have not started, about.
    ///
    /// `visit` may be called while the goroutine is held: it waits for nobody, and calls nobody's code.
    pub(crate) fn look(&self, mut walker: Option<&mut Walker>, visit: &mut dyn FnMut(Seen)) -> u64 {
        let on_threads = self.on_threads();
        let deadlines = self.deadlines();
        let (home, mut seen) = (self.this(), 0);
        self.tick(crate::util::real_now());
        carrier::for_each(|slot| {
            if slot.home() != home || slot.job().is_null() {
                return;
            }
            let deadline = deadlines.get(&std::ptr::from_ref(slot)).copied();
            if let Some(held) = Held::take(slot) {
                // It may have changed hands before.
                if let Some(found) = self.visit_parked(slot, walker.as_deref_mut()) {
                    // The deadline may be that of an earlier wait.
                    visit(Seen { deadline: deadline.filter(|_| found.timed), ..found });
                    seen += 1;
                }
                drop(held);
                return;
            }
            let on = on_threads.get(&std::ptr::from_ref(slot));
            if let Some(found) = self.visit_other(slot, on, walker.as_deref_mut()) {
                visit(found);
                seen += 1;
            }
        });
        self.live().saturating_sub(seen)
    }

    /// By slot, the goroutines that are on a thread.
    fn on_threads(&self) -> HashMap<*const Slot, OnThread> {
        let holders: Vec<_> = self.ps.iter().filter_map(|p| p.holder()).collect();
        let on = |m: Arc<M>| {
            let slot = m.slot.get()?;
            let has_p = holders.contains(&m.id);
            Some((std::ptr::from_ref(slot), OnThread { m, has_p }))
        };
        self.machines.all().into_iter().filter_map(on).collect()
    }

    /// One that the caller holds.
    fn visit_parked(&self, slot: &'static Slot, walker: Option<&mut Walker>) -> Option<Seen> {
        if slot.home() != self.this() {
            return None;
        }
        let g = GRef::from_ptr(NonNull::new(slot.job())?.cast());
        // SAFETY: held, so it neither goes on nor ends; a parked goroutine that has a job has not ended.
        let who = Header::of(unsafe { g.get() });
        // SAFETY: as above.
        let scope = unsafe { GBox::of(g).scope() }.map(|scope| scope.cast::<()>().addr().get());
        // SAFETY: held, and parked: all goroutines park by `suspend_parked`.
        let regs = if walker.is_some() { unsafe { slot.look_at() } } else { None };
        // SAFETY: held.
        let word = |addr| unsafe { slot.stack_word(addr) };
        let stack =
            regs.zip(walker).map(|(regs, walker)| walker.walk(regs, slot.stack_end(), word));
        let wait = wait_of(slot);
        let joins = wait.why == Some(Why::Join) && wait.object != 0;
        let child = std::ptr::with_exposed_provenance_mut(wait.object);
        // SAFETY: held, so it keeps the handle that it has borrowed for the join.
        let id = |child| unsafe { GRef::from_ptr(child).get() }.id();
        let joins = joins.then(|| NonNull::new(child).map(id)).flatten();
        Some(Seen {
            who,
            doing: Doing::Waiting,
            held: true,
            joins,
            since: Some(self.waited(slot)),
            scope,
            stack: stack.unwrap_or_default(),
            stack_size: Some(slot.class().bytes()),
            stack_used: regs.map(|regs| slot.stack_end() - regs.sp),
            ..wait
        })
    }

    /// One that is not parked, or was not a moment ago.
    fn visit_other(
        &self,
        slot: &'static Slot,
        on: Option<&OnThread>,
        walker: Option<&mut Walker>,
    ) -> Option<Seen> {
        let who = Header::peek(slot)?;
        let idle = Seen { who, why: None, object: 0, ..wait_of(slot) };
        let Some(OnThread { m, has_p }) = on else {
            return Some(Seen { doing: Doing::Runnable, ..idle });
        };
        let thread = Some(m.tid.load(Ordering::Relaxed)).filter(|tid| *tid != 0);
        let on_thread = Seen { thread, ..idle };
        if m::current().is_some_and(|me| me.id == m.id && me.own().home.get() == slot.home()) {
            return Some(caller(slot, on_thread, walker));
        }
        if let Some(stood) = m.stand.look() {
            if !slot.word.is_asleep() {
                return Some(Seen { doing: Doing::Runnable, pinned: true, ..on_thread });
            }
            let stack = stood.regs.zip(walker).and_then(|(regs, walker)| {
                let copy = copy_stack(regs)?;
                m.stand.stands(stood).then(|| walk_copy(walker, regs, &copy))
            });
            let Seen { why, object, .. } = wait_of(slot);
            let stack = stack.unwrap_or_default();
            let deadline = self.instant(stood.until);
            let since = Some(self.waited(slot));
            let timed = deadline.is_some();
            let wait =
                Seen { why, object, since, timed, deadline, doing: Doing::Waiting, ..on_thread };
            return Some(Seen { pinned: true, stack, ..wait });
        }
        let doing = match thread.map(sys::thread_look).and_then(|(state, _)| state) {
            _ if m.entry.is_inside() => match has_p {
                true => Doing::Running,
                false => Doing::Runnable,
            },
            Some('S' | 'D') => Doing::Blocked,
            _ if !has_p => Doing::Burning,
            _ => Doing::Running,
        };
        Some(Seen { doing, ..on_thread })
    }

    /// For how long its goroutine has waited.
    fn waited(&self, slot: &Slot) -> Duration {
        let now = self.ticks.load(Ordering::Relaxed);
        TICK * now.saturating_sub(slot.since.load(Ordering::Relaxed))
    }
}

/// What it waits for, in a look of which nothing else is known.
fn wait_of(slot: &Slot) -> Seen {
    let reason = slot.reason.load(Ordering::Relaxed);
    let object = slot.object.load(Ordering::Relaxed);
    let nobody = Header { id: 0, parent: 0, name: None, site: None };
    Seen { why: Why::of(reason), object, timed: reason & TIMED != 0, ..Seen::of(nobody) }
}

/// The goroutine that looks.
#[inline(never)]
fn caller(slot: &'static Slot, seen: Seen, walker: Option<&mut Walker>) -> Seen {
    // SAFETY: it runs on this stack.
    let word = |addr| unsafe { slot.stack_word(addr) };
    let regs = Regs::here();
    let stack = regs.zip(walker).map(|(regs, walker)| walker.walk(regs, slot.stack_end(), word));
    Seen {
        doing: Doing::Running,
        pinned: slot.pins.get() != 0,
        stack: stack.unwrap_or_default(),
        stack_size: Some(slot.class().bytes()),
        stack_used: regs.map(|regs| slot.stack_end() - regs.sp),
        ..seen
    }
}

/// So much of a stack is copied, at most.
const COPIED: usize = 64 << 10;

/// What lies from `regs.sp` on.
fn copy_stack(regs: Regs) -> Option<Vec<u8>> {
    let page = sys::page_size();
    let mut bytes = vec![0; COPIED];
    let mut len = 0;
    // To the end of what can be read: behind a stack there may be another's guard.
    while len < COPIED {
        let from = regs.sp + len;
        let part = (page - from % page).min(COPIED - len);
        if !sys::peek(from, &mut bytes[len..len + part]) {
            break;
        }
        len += part;
    }
    bytes.truncate(len);
    (len != 0).then_some(bytes)
}

fn walk_copy(walker: &mut Walker, regs: Regs, copy: &[u8]) -> Arc<[usize]> {
    walker.walk(regs, regs.sp + copy.len(), |addr| {
        let at = addr.checked_sub(regs.sp)?;
        let word = copy.get(at..at.checked_add(size_of::<usize>())?)?;
        Some(usize::from_ne_bytes(word.try_into().ok()?))
    })
}

/// A thread of a runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadSeen {
    /// As the system numbers it.
    pub(crate) tid: u32,
    /// The goroutine that is on it; 0: none.
    pub(crate) goroutine: u64,
    pub(crate) has_p: bool,
}

impl Sched {
    /// The threads that run goroutines.
    pub(crate) fn threads(&self) -> Vec<ThreadSeen> {
        let holders: Vec<_> = self.ps.iter().filter_map(|p| p.holder()).collect();
        let seen = |m: Arc<M>| {
            let tid = m.tid.load(Ordering::Relaxed);
            let goroutine = m.slot.get().map_or(0, |slot| slot.id.load(Ordering::Relaxed));
            (tid != 0).then_some(ThreadSeen { tid, goroutine, has_p: holders.contains(&m.id) })
        };
        self.machines.all().into_iter().filter_map(seen).collect()
    }
}

/// Plain threads that wait in `rt` now, for whatever, of the whole process.
pub(crate) fn threads_that_wait() -> usize {
    let mut count = 0;
    carrier::for_each(|slot| count += usize::from(slot.home().is_null() && slot.word.is_asleep()));
    count
}
