//! Where a fresh goroutine gets its carrier: from its P, from the pool, or newly built.
//!
//! New ones are built in batches that grow with the number there are, so that a program with ten
//! goroutines pays for ten, and the millionth costs what a batch of kernel calls costs.

use super::{Sched, body};
use crate::carrier::{self, FIRST, Slot};
use crate::g::{GRef, Outcome, Runnable};
use crate::m::CurrentM;
use crate::p::Held;
use crate::prim::atomic::{self, AtomicUsize, fence};
use crate::prim::global::{AtomicBool, Ordering};
use crate::stack::{self, Class, Stack};
use crate::sys;
use crate::util;
use std::io;
use std::ptr::NonNull;

/// Idle carriers that a P keeps; half of them spill when there are more.
const CACHE: usize = 256;
/// Built at a time, at most.
const BATCH: usize = 512;

/// It was said that stacks are short. Once: it will be a crowd.
static WARNED: AtomicBool = AtomicBool::new(false);

impl Sched {
    /// A carrier with `g` as its job. `None`: there is no stack now; `g` waits for one, or
    /// has ended for want of one.
    #[inline]
    pub(super) fn fresh_carrier(&self, m: CurrentM, g: GRef) -> Option<&'static Slot> {
        // SAFETY: it came out of a queue: we are its runtime side.
        let header = unsafe { g.get() };
        let class = header.class();
        let cached = match m.own().p.get() {
            Some(p) if class == self.config.class => cached(p),
            _ => None,
        };
        let slot = match cached {
            Some(slot) => slot,
            None => self.more_carriers(m, class, g)?,
        };
        slot.set_job(g.as_ptr().as_ptr().cast(), header.id());
        if !self.config.migrate {
            slot.bound.set(m.id + 1);
        }
        Some(slot)
    }

    #[cold]
    #[inline(never)]
    fn more_carriers(&self, m: CurrentM, class: Class, g: GRef) -> Option<&'static Slot> {
        if let Some(slot) = self.pooled(m, class) {
            return Some(slot);
        }
        let count = &self.carriers[class.index()];
        let given = count.given();
        let there_are = count.get();
        let want = if class == self.config.class { (there_are / 4).clamp(1, BATCH) } else { 1 };
        let build = |again| {
            let want = if again { 1 } else { want };
            count.build(want, || self.build(m, class, want), || self.feed_some(class, 1))
        };
        match build_or_wait(build, || count.get() != 0) {
            Ok(slot) => return Some(slot),
            Err(NoStack::ForNow(error)) => self.starve(class, g, given, &error),
            Err(NoStack::AtAll(error)) => self.end_for_want(m, g, &error),
        }
        None
    }

    /// Refills the P's cache from the pool, and takes one.
    fn pooled(&self, m: CurrentM, class: Class) -> Option<&'static Slot> {
        let mut pool = self.pool[class.index()].lock();
        let slot = pool.pop()?;
        if class == self.config.class
            && let Some(p) = m.own().p.get()
        {
            let more = pool.len().min(CACHE / 2);
            let from = pool.len() - more;
            p.own().carriers.borrow_mut().extend(pool.drain(from..));
        }
        Some(slot)
    }

    /// One, and how many have been built.
    fn build(&self, m: CurrentM, class: Class, want: usize) -> io::Result<(&'static Slot, usize)> {
        let mut stacks: Vec<Stack> = Vec::with_capacity(want);
        stack::take(class, want, &mut stacks)?;
        let mut slots = Vec::with_capacity(stacks.len());
        if let Err(error) = carrier::take(stacks.len(), &mut slots) {
            stack::give(stacks);
            return Err(error);
        }
        let built = slots.len();
        for slot in &slots {
            let Some(stack) = stacks.pop() else { break };
            slot.set_home(self.this());
            // SAFETY: a free slot that was just handed to us.
            unsafe { slot.build(stack, body::body) };
        }
        stack::give(stacks);
        let Some(first) = slots.pop() else {
            util::bug(format_args!("the slab gave no slot and no error"))
        };
        if let Some(p) = m.own().p.get() {
            p.own().carriers.borrow_mut().append(&mut slots);
        } else {
            self.pool_all(&mut slots, 0);
        }
        Ok((first, built))
    }

    /// No stack is to be had, but carriers are alive: `g` waits for one of them. `given`: how often stacks had been given back before
    /// one was asked for.
    fn starve(&self, class: Class, g: GRef, given: usize, error: &io::Error) {
        if !WARNED.swap(true, Ordering::Relaxed) {
            util::say(format_args!(
                "rt: goroutines wait for others to end, to have their stacks: {error}"
            ));
        }
        self.starved.lock().push_back(g);
        // SeqCst: as in `feed_some`: either who pools a carrier now, or has given stacks back, or has built none, sees
        // us wait, or we see the one in the pool, or that some were given back, or that there is none left to wait for.
        self.starving.fetch_add(1, Ordering::SeqCst);
        fence(atomic::Ordering::SeqCst);
        let has_idle = !self.pool[class.index()].lock().is_empty();
        if has_idle || self.carriers[class.index()].has_changed(given) {
            self.feed(class);
        }
    }

    /// No stack is to be had, and nobody has one to wait for.
    fn end_for_want(&self, m: CurrentM, g: GRef, error: &io::Error) {
        util::say(format_args!("rt: a goroutine ends before it began: {error}"));
        self.count_finish(m);
        // The closure's destructor is a stranger's code, and this is the one time that it runs on
        // g0: there is no other stack.
        m.own().starves.set(true);
        m.leave(0);
        body::end_unstarted(g, Outcome::Resource);
        m.enter();
        m.own().starves.set(false);
    }

    /// A carrier that has become idle.
    #[inline]
    pub(super) fn pool_carrier(&self, m: CurrentM, slot: &'static Slot) {
        match m.own().p.get() {
            Some(p) if slot.class() == self.config.class && !self.is_starving() => {
                let mut cache = p.own().carriers.borrow_mut();
                cache.push(slot);
                if cache.len() > CACHE {
                    self.pool_all(&mut cache, CACHE / 2);
                }
            }
            _ => self.pool_slow(slot),
        }
    }

    #[cold]
    fn pool_slow(&self, slot: &'static Slot) {
        let class = slot.class();
        slot.since.store(self.monitor.seconds(), Ordering::Relaxed);
        self.pool[class.index()].lock().push(slot);
        fence(atomic::Ordering::SeqCst);
        if self.is_starving() {
            self.feed(class);
        }
    }

    /// Moves all but the first `keep` into the pool. They are of the default class.
    pub(super) fn pool_all(&self, slots: &mut Vec<&'static Slot>, keep: usize) {
        if slots.len() <= keep {
            return;
        }
        let now = self.monitor.seconds();
        for slot in &slots[keep..] {
            slot.since.store(now, Ordering::Relaxed);
        }
        let count = slots.len() - keep;
        self.pool[self.config.class.index()].lock().extend(slots.drain(keep..));
        self.feed_some(self.config.class, count);
    }

    /// The older half of what a busy P caches goes to the pool, or all of it if somebody waits for a stack. What it needs it fetches again; the
    /// rest grows old there and is taken apart, with every page that a deep call once touched.
    pub(super) fn sweep_carriers(&self, p: Held) {
        let mut cache = p.own().carriers.borrow_mut();
        let count = if self.is_starving() { cache.len() } else { cache.len() / 2 };
        let mut old: Vec<_> = cache.drain(..count).collect();
        drop(cache);
        self.pool_all(&mut old, 0);
    }

    /// `count` carriers, or their stacks, can be had: lets that many try again that wait for one.
    fn feed_some(&self, class: Class, count: usize) {
        fence(atomic::Ordering::SeqCst);
        for _ in 0..count {
            if !self.is_starving() {
                return;
            }
            self.feed(class);
        }
    }

    pub(super) fn is_starving(&self) -> bool {
        self.starving.load(Ordering::Relaxed) != 0
    }

    /// One goroutine of `class` that waits for a stack tries again.
    fn feed(&self, class: Class) {
        let fed = {
            let mut starved = self.starved.lock();
            // SAFETY: those in the list are in no other queue: we are their runtime side.
            let at = starved.iter().position(|g| unsafe { g.get() }.class() == class);
            at.and_then(|at| starved.remove(at))
        };
        if let Some(g) = fed {
            self.starving.fetch_sub(1, Ordering::SeqCst);
            let idle = self.pool[class.index()].lock().pop();
            match idle {
                Some(slot) => {
                    // SAFETY: as above.
                    let id = unsafe { g.get() }.id();
                    slot.set_job(g.as_ptr().as_ptr().cast(), id);
                    if !self.config.migrate {
                        // Who feeds is not who runs it: its home is where it begins.
                        slot.bound.set(FIRST);
                    }
                    self.inject(Runnable::Started(slot));
                }
                None => {
                    // Somebody was quicker, or the carrier was taken apart: there may be a stack.
                    // SAFETY: as above.
                    unsafe { g.get() }.state.unbegin();
                    self.inject(Runnable::Fresh(g));
                }
            }
        }
    }

    /// Takes apart carriers that have been idle since `before`, some at a time. Returns when the
    /// oldest that is left became idle.
    pub(super) fn free_idle_carriers(&self, before: u32) -> Option<u32> {
        let mut oldest: Option<u32> = None;
        for pool in &self.pool {
            let old: Vec<_> = {
                let mut pool = pool.lock();
                let young =
                    pool.iter().position(|slot| slot.since.load(Ordering::Relaxed) > before);
                let count = young.unwrap_or(pool.len()).min(8 * BATCH);
                let old = pool.drain(..count).collect();
                if let Some(first) = pool.first() {
                    let since = first.since.load(Ordering::Relaxed);
                    oldest = Some(oldest.map_or(since, |o| o.min(since)));
                }
                old
            };
            let freed = old.first().map(|slot| (slot.class(), old.len()));
            self.dismantle(old);
            if let Some((class, count)) = freed {
                self.feed_some(class, count);
            }
        }
        oldest
    }

    /// When the oldest idle carrier became idle.
    pub(super) fn oldest_idle(&self) -> Option<u32> {
        let firsts = self
            .pool
            .iter()
            .filter_map(|pool| pool.lock().first().map(|s| s.since.load(Ordering::Relaxed)));
        firsts.min()
    }

    /// Takes apart all that is in the pool; see `stop`.
    pub(super) fn give_carriers_back(&self) {
        for pool in &self.pool {
            let all = std::mem::take(&mut *pool.lock());
            self.dismantle(all);
        }
    }

    /// Gives carriers and their stacks back.
    pub(super) fn dismantle(&self, slots: Vec<&'static Slot>) {
        let Some(first) = slots.first() else { return };
        let (class, count) = (first.class(), slots.len());
        let mut stacks = Vec::with_capacity(slots.len());
        for slot in &slots {
            // SAFETY: out of the pool: we hold it, it is idle, and without a job its body
            // returns and does not look at the input.
            stacks.push(unsafe { slot.dismantle(NonNull::dangling()) });
        }
        stack::give(stacks);
        carrier::give(slots);
        self.carriers[class.index()].are_gone(count);
    }
}

impl Drop for Sched {
    fn drop(&mut self) {
        self.end_too_late();
        let global = &self.global;
        super::find::bury_rest(|| global.pop());
        for p in &mut self.ps {
            let p = &*p;
            super::find::bury_rest(|| p.drain());
        }
        for p in &mut self.ps {
            let mut slots = p.take_carriers();
            self.pool[self.config.class.index()].lock().append(&mut slots);
        }
        self.give_carriers_back();
    }
}

/// How many carriers of a class there are, and are just being built. Those count as well: who finds no stack since others are about to
/// have the last ones waits for them. And how often some have given their stacks back: who has asked for one before that asks again, and does
/// not wait for those that are left.
#[derive(Debug)]
pub(super) struct Count {
    there_are: AtomicUsize,
    given: AtomicUsize,
}

impl Count {
    pub(super) fn new() -> Self {
        Self { there_are: AtomicUsize::new(0), given: AtomicUsize::new(0) }
    }

    /// Acquire pairs with the Release of `take_off`: where there is no carrier, none has a stack.
    pub(super) fn get(&self) -> usize {
        self.there_are.load(Ordering::Acquire)
    }

    /// So many have given their stacks back. The caller feeds who waits for them, after a fence.
    pub(super) fn are_gone(&self, count: usize) {
        self.take_off(count);
        // Release pairs with the Acquire of `given`.
        self.given.fetch_add(1, Ordering::Release);
    }

    /// `true`: there are no more.
    fn take_off(&self, count: usize) -> bool {
        self.there_are.fetch_sub(count, Ordering::Release) == count
    }

    /// How often some have: who asks for a stack afterwards finds what they have given.
    pub(super) fn given(&self) -> usize {
        self.given.load(Ordering::Acquire)
    }

    /// Whether who has asked for a stack after `given` has nobody to wait for, or is to ask again. After a fence.
    pub(super) fn has_changed(&self, given: usize) -> bool {
        self.get() == 0 || self.given() != given
    }

    /// Builds `want` of them by `f`, which says how many it has built. If there are none at all then, `feed` is called, for who has waited
    /// for them.
    pub(super) fn build<T, E>(
        &self,
        want: usize,
        f: impl FnOnce() -> Result<(T, usize), E>,
        feed: impl FnOnce(),
    ) -> Result<T, E> {
        self.there_are.fetch_add(want, Ordering::Relaxed);
        let result = f();
        let built = result.as_ref().map_or(0, |(_, built)| *built);
        if built < want && self.take_off(want - built) {
            feed();
        }
        result.map(|(first, _)| first)
    }
}

/// Why there is no stack.
#[derive(Debug)]
pub(super) enum NoStack<E> {
    /// Others have some.
    ForNow(E),
    AtAll(E),
}

/// What `build` builds, which is told whether it is asked again. If it cannot: whether there was anybody to wait for *after* that, whatever
/// becomes of him since. Those that there were may have given their stacks back before, and then one is to be had.
#[inline]
pub(super) fn build_or_wait<T, E>(
    mut build: impl FnMut(bool) -> Result<T, E>,
    are_there: impl Fn() -> bool,
) -> Result<T, NoStack<E>> {
    match build(false) {
        Err(error) if are_there() => Err(NoStack::ForNow(error)),
        Err(_) => match build(true) {
            Err(error) if are_there() => Err(NoStack::ForNow(error)),
            built => built.map_err(NoStack::AtAll),
        },
        Ok(built) => Ok(built),
    }
}

/// An idle carrier of the P.
///
/// While they become fewer, each goroutine parks and the next one takes another: asks the memory for the stack of that, and for
/// the slot of the one after, that says where its stack is.
#[inline]
fn cached(p: Held) -> Option<&'static Slot> {
    let own = p.own();
    let mut cache = own.carriers.borrow_mut();
    let slot = cache.pop();
    let left = cache.len();
    if own.carriers_left.replace(left) > left
        && let [.., second, first] = cache[..]
    {
        sys::prefetch_all(std::ptr::from_ref(second).addr(), size_of::<Slot>());
        first.fetch_idle();
    }
    slot
}
