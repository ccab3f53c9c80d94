//! What the monitor sees of the Ps, and what it does about those that do not get on.
//!
//! A P that has begun nothing new since the last look has a holder that is in user code, in one of
//! three ways, told apart by the state of its thread:
//!
//! * **It waits in the kernel**, in two looks one after the other: the goroutine made a blocking call. Its P
//!   is taken away at once, if there is work for it or no other P is idle.
//! * **It runs**, or was preempted by the kernel, and others wait. After a slice it is asked to
//!   yield at its next checkpoint. If it runs on without coming to one it burns, and its P is taken away: after
//!   one slice at first, and later the more of such threads there are, for the kernel has to share
//!   the CPUs among them: their number grows with the square root of time. Who does not run at
//!   all, because other processes do, keeps its P: another thread would not run either. While a deadline has passed
//!   that nobody has got to, the first ones lose theirs after less than a slice: who sleeps is to be woken in time.
//! * **It runs, and nothing but second halves of joins lies there**, which may be its own, or may be awaited by others. It is asked to yield as
//!   above, and then it is seen which (`offers`); but if it burns it keeps its P for a second, for it may be a join with large leaves.
//! * Where the state of a thread is not to be had, because no file can be opened or there is no `/proc`, who has not run at
//!   all for a slice is taken to wait in the kernel. A clock that stands still says less: beside others that run it
//!   may just have had no CPU. It loses its P all the same, to one that will have no more of the CPUs.
//! * Where the system says nothing at all, everybody is taken to run.
//!
//! In a lab with a seed nobody is asked for anything, for that would come at another place each time. Only who has waited in
//! the kernel for [`LONG`] loses its P, if others wait for it: perhaps it waits for them. That is noted.
//!
//! Who lost its P goes on with its thread, and gets in line for a P when it next enters the runtime.
//! If no thread is to be had for the others, the P stays where it is.

use super::Sched;
use super::monitor::SLICE;
use crate::m::{M, OTHERS, PREEMPT};
use crate::p::{LONG_RUN, P, Seen as Owner};
use crate::prim::global::Ordering;
use crate::sys::{self, ThreadState};
use crate::trace::Reason;
use crate::util;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Files kept open between looks: they count among the user's. To open one costs some microseconds.
const OPEN: usize = 4;
/// The first slice of who burns while a deadline has passed that nobody has got to.
const URGENT: Duration = Duration::from_millis(3);
/// Who runs on for so long after it was asked to yield comes to no checkpoint.
const BURNS: Duration = Duration::from_micros(200);

/// Of less time than this between two looks no average is taken.
const LONG_LOOK: Duration = Duration::from_millis(2);

/// The Ps as they were at the last look, and the threads that burn without one.
pub(super) struct Watch {
    at: Instant,
    seen: Vec<Seen>,
    /// The states of some threads, by their numbers, kept open for the next look; the oldest first.
    threads: VecDeque<(u32, ThreadState)>,
    hogs: Vec<u32>,
    /// Something that belongs to no P waited at the last look, and no thread was free for it.
    shared: bool,
}

/// So long a call that blocks keeps its P, in a lab with a seed; and so long who burns keeps it from what is only on offer.
const LONG: Duration = Duration::from_secs(1);

/// A P as it was.
#[derive(Clone, Copy)]
struct Seen {
    owner: Owner,
    next: usize,
    runs: u64,
    tick: u32,
    /// Second halves of joins lie there, which may be awaited.
    offers: bool,
    slice_since: Instant,
    /// It has run nothing new since the look before.
    rests: bool,
    /// Looks in a row that found its thread waiting in the kernel.
    blocked: u32,
    /// Since when.
    blocked_since: Instant,
    /// Where the state of its thread is not to be had: how long the thread had run, and since when that has been so.
    stands: Option<(Duration, Instant)>,
    /// When the goroutine was asked to yield, and how long its thread had run by then.
    asked: Option<(Instant, Option<Duration>)>,
}

impl Seen {
    fn of(p: &P, now: Instant) -> Self {
        Self {
            owner: p.owner.look(),
            next: p.remote.peek_next(),
            runs: p.runs(),
            tick: p.tick(),
            offers: !p.offered.is_empty(),
            slice_since: now,
            rests: false,
            blocked: 0,
            blocked_since: now,
            stands: None,
            asked: None,
        }
    }
}

/// What a look found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// Work waits in front of somebody who does not get to it.
    pub(super) stuck: bool,
    /// A P has not got on, and none is idle: the next work that comes finds nobody.
    pub(super) tight: bool,
    /// A P is held by somebody who has run nothing new.
    pub(super) rests: bool,
    /// Somebody computes beside an idle P: whom it wakes might run there, and waits until the monitor sees that.
    pub(super) lone: bool,
}

impl Watch {
    pub(super) fn new(sched: &Sched, now: Instant) -> Self {
        Self {
            at: now,
            seen: sched.ps.iter().map(|p| Seen::of(p, now)).collect(),
            threads: VecDeque::new(),
            hogs: Vec::new(),
            shared: false,
        }
    }

    /// `late`: a deadline has passed that nobody has got to; `short`: no thread is to be had for an idle P.
    pub(super) fn look(&mut self, sched: &Sched, late: bool, short: bool, now: Instant) -> Look {
        self.hogs.retain(|&id| sched.machines.get(id).is_some_and(|m| m.entry.is_bereft()));
        let mut found = Look::default();
        let time = now.duration_since(std::mem::replace(&mut self.at, now));
        let few = time.as_nanos() as u64 / LONG_RUN.as_nanos() as u64;
        let shared = sched.has_shared() && (short || sched.idle.idle_ps() == 0);
        if std::mem::replace(&mut self.shared, shared) && shared && !sched.is_seeded() {
            // By itself a P comes to that in every 61st slice, which may be half a second.
            let holders = sched.ps.iter().filter_map(|p| sched.machines.get(p.holder()?));
            holders.for_each(|m| m.entry.ask(OTHERS));
        }
        for (index, p) in sched.ps.iter().enumerate() {
            let old = self.seen[index];
            let new = Seen::of(p, now);
            self.seen[index] = new;
            if new.owner.holder().is_none() {
                continue;
            }
            if new.offers
                && old.offers
                && let Some(m) = new.owner.holder().and_then(|id| sched.machines.get(id))
            {
                m.entry.ask(OTHERS);
            }
            if new.owner != old.owner {
                // Perhaps it computes: the next look tells.
                found.lone |= new.next != 0 && sched.idle.idle_ps() != 0;
                continue;
            }
            let rests = new.runs == old.runs;
            found.rests |= rests;
            let waiting = new.next != 0 || !p.remote.is_empty();
            if waiting && rests {
                found.stuck = true;
                if !p.remote.is_empty() || sched.moves(new.next) {
                    // A spinner finds it, in the queue or as a stale `next`.
                    sched.surplus();
                }
            }
            if new.next != 0 && time >= LONG_LOOK && new.runs - old.runs <= few {
                sched.idle.credit.renew();
                // Who only talks has long runs on the average, too, for a while: this one is long.
                if rests && sched.moves(new.next) {
                    p.credit.renew();
                }
            }
            if new.tick == old.tick {
                let blocked = if rests { old.blocked } else { 0 };
                let (slice_since, asked) = (old.slice_since, old.asked);
                let blocked_since = if blocked == 0 { now } else { old.blocked_since };
                let stands = old.stands.filter(|_| rests);
                let seen =
                    Seen { slice_since, rests, blocked, blocked_since, stands, asked, ..new };
                self.seen[index] = seen;
                found.tight |= rests && sched.idle.idle_ps() == 0;
                found.stuck |= self.look_at(sched, p, seen, late, short, now);
                found.lone |= rests && self.seen[index].blocked == 0 && sched.idle.idle_ps() != 0;
            }
        }
        found
    }

    /// A P that has begun no new slice. `true`: it was taken, or is to be.
    fn look_at(
        &mut self,
        sched: &Sched,
        p: &P,
        seen: Seen,
        late: bool,
        short: bool,
        now: Instant,
    ) -> bool {
        let Some(m) = seen.owner.holder().and_then(|id| sched.machines.get(id)) else {
            return false;
        };
        let index = p.index as usize;
        let nobody = sched.idle.idle_ps() == 0;
        let waiting = seen.next != 0 || !p.remote.is_empty();
        let work = waiting || (nobody || short) && (late || sched.has_shared());
        // Else an idle P runs them.
        let offers = seen.offers && (nobody || short);
        // Its holder may keep idle carriers, for which somebody waits.
        let starving = sched.is_starving();
        if seen.rests && !m.entry.is_inside() {
            let (blocked, stands) = match self.is_blocked(&m) {
                Some(true) => (seen.blocked + 1, None),
                Some(false) => (0, None),
                None => stands_still(&m, seen, now),
            };
            self.seen[index].blocked = blocked;
            self.seen[index].stands = stands;
            if sched.is_seeded() {
                let takes = blocked >= 2 && work && now.duration_since(seen.blocked_since) >= LONG;
                return takes && sched.take_from_blocked(p, seen.owner, &m) || work && blocked != 0;
            }
            if blocked >= 2 && (work || nobody || starving) {
                sched.take_away(p, seen.owner, &m, work, Reason::Blocked);
                return true;
            }
            if blocked == 1 && (work || nobody || starving) {
                return true;
            }
        }
        let spent = now.duration_since(seen.slice_since);
        let urgent = late && nobody;
        if sched.is_seeded() || spent < if urgent { URGENT } else { SLICE } {
            return false;
        }
        if !work && !offers && !starving && !sched.has_line(m.id) {
            return false;
        }
        let Some(asked) = seen.asked else {
            m.entry.ask(PREEMPT);
            self.seen[index].asked = Some((now, time_of(&m)));
            return true;
        };
        if !(work || starving || offers && spent >= LONG) {
            // Who waits for this very thread has nothing of it if another has the P.
            return false;
        }
        let hogs = self.hogs.len() as u32;
        let slice = if urgent {
            URGENT.max(SLICE * hogs / sched.config.procs)
        } else {
            SLICE * (1 + hogs / sched.config.procs)
        };
        if spent >= slice
            && ignores(&m, asked, now)
            && sched.take_away(p, seen.owner, &m, work || offers, Reason::Burning)
        {
            self.hogs.push(m.id);
        }
        true
    }

    /// Whether the thread of `m` waits in the kernel. `None`: the system does not say.
    fn is_blocked(&mut self, m: &M) -> Option<bool> {
        let tid = m.tid.load(Ordering::Relaxed);
        if let Some(at) = self.threads.iter().position(|(known, _)| *known == tid) {
            let blocked = self.threads[at].1.is_blocked();
            if blocked.is_some() {
                return blocked;
            }
            // It was of another thread, which had the number before.
            self.threads.remove(at);
        }
        let state = ThreadState::open(tid).ok()?;
        let blocked = state.is_blocked()?;
        self.threads.push_back((tid, state));
        if self.threads.len() > OPEN {
            self.threads.pop_front();
        }
        Some(blocked)
    }
}

/// In how many looks in a row the thread of `m` may be taken to have waited in the kernel, by its clock alone; and since when
/// that has stood still.
fn stands_still(m: &M, seen: Seen, now: Instant) -> (u32, Option<(Duration, Instant)>) {
    let Some(time) = time_of(m) else { return (0, None) };
    let since = seen.stands.filter(|(then, _)| *then == time).map_or(now, |(_, since)| since);
    let blocked = if now.duration_since(since) >= SLICE { seen.blocked.max(1) + 1 } else { 0 };
    (blocked, Some((time, since)))
}

fn time_of(m: &M) -> Option<Duration> {
    sys::thread_time(m.tid.load(Ordering::Relaxed))
}

/// Whether it has run on since it was asked; by the clock on the wall where the thread's own is not to
/// be had.
fn ignores(m: &M, (at, time): (Instant, Option<Duration>), now: Instant) -> bool {
    match (time, time_of(m)) {
        (Some(before), Some(after)) => after.saturating_sub(before) >= BURNS,
        _ => now.duration_since(at) >= SLICE,
    }
}

impl Sched {
    /// Takes `p` from `m`, which held it as of `owner` and is in user code, and gives it to who can use it.
    fn take_away(&self, p: &P, owner: Owner, m: &M, work: bool, why: Reason) -> bool {
        if work && !self.has_machine() {
            self.warn_stays(m);
            return false;
        }
        // Before: once it is taken, the M may have another one at any time.
        let begun = m.detached.begin(why);
        let is_off = || sys::thread_is_off(m.tid.load(Ordering::Relaxed));
        if !m.entry.take_p(|| p.owner.take(owner), is_off) {
            m.detached.undo(begun);
            return false;
        }
        // It may be long in entering the runtime, though it comes to checkpoints: those only look whether something is asked.
        m.entry.ask(PREEMPT);
        // Nobody else is its holder yet.
        self.tell_hand_off(p, m, why);
        // Its holder may have come and gone since the look, and left something. A lone `next` of a P that nobody
        // holds is found by nobody.
        if work || p.remote.peek_next() != 0 || !p.remote.is_empty() {
            self.start(p.index, self.idle.take_m(), false);
        } else {
            // SAFETY: it was just taken, and lies in no list yet: nobody else is its holder.
            let mut carriers = unsafe { p.carriers_of_taken() };
            self.pool_all(&mut carriers, 0);
            self.idle.retire_p(p.index);
            if self.any_work(false) {
                self.surplus();
            }
            self.cover();
        }
        true
    }

    /// In a lab with a seed: it has blocked its thread for long, and others wait.
    #[cold]
    fn take_from_blocked(&self, p: &P, owner: Owner, m: &M) -> bool {
        if !self.end_alone() {
            return false;
        }
        self.note(|| {
            let who = m.slot.get().map_or(0, |slot| self.number_of(slot));
            format!("goroutine {who} blocked its thread, and others went on after {LONG:?}")
        });
        self.take_away(p, owner, m, true, Reason::Blocked)
    }

    #[cold]
    fn warn_stays(&self, m: &M) {
        if !self.machines.first_warning() {
            return;
        }
        let id = m.slot.get().map_or(0, |slot| slot.id.load(Ordering::Relaxed));
        util::say(format_args!(
            "rt: goroutine {id} blocks its thread, or runs without calling the runtime, and others wait \
             for its processor: all {} threads that max_threads of the Builder allows are in use",
            self.config.max_threads,
        ));
    }
}

#[cfg(all(test, target_os = "linux", not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    /// A thread that waits until it is let go, and what the system says of it.
    fn waits() -> (u32, ThreadState, impl FnOnce()) {
        let (tell, told) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            tell.send(sys::thread_id()).unwrap();
            wait.recv().unwrap_err();
        });
        let tid = told.recv().unwrap();
        let end = move || {
            drop(go);
            thread.join().unwrap();
        };
        (tid, ThreadState::open(tid).unwrap(), end)
    }

    /// What was opened for the thread that had the number before says nothing of the one that has it now.
    #[test]
    fn a_number_that_comes_again_is_looked_up_anew() {
        let (_, of_a_dead_one, end) = waits();
        end();
        let (tid, _, end) = waits();
        let m = M::new(0);
        m.tid.store(tid, Ordering::Relaxed);
        let threads = VecDeque::from([(tid, of_a_dead_one)]);
        let at = Instant::now();
        let mut watch = Watch { at, seen: Vec::new(), threads, hogs: Vec::new(), shared: false };
        let says = |watch: &mut Watch, what| {
            let start = Instant::now();
            while watch.is_blocked(&m) != what {
                assert!(start.elapsed() < Duration::from_secs(60), "it never says {what:?}");
                thread::sleep(Duration::from_millis(1));
            }
        };
        says(&mut watch, Some(true));
        assert_eq!(watch.threads.len(), 1);
        end();
        // Of one that is gone, which it is some time after it was joined, nothing is said, and nothing is kept.
        says(&mut watch, None);
        assert!(watch.threads.is_empty());
    }
}
