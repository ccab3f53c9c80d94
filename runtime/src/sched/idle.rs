//! Who sleeps, who looks for work, and how no work is left lying while somebody sleeps.
//!
//! # The protocol
//!
//! Three facts are shared: the list of idle Ps and the list of idle Ms (under one lock, with
//! `idle_ps` mirroring the length of the first), and `spinning`, the number of Ms that hold a P
//! and look for work.
//!
//! **A producer** makes work visible in a queue, then, if it is *surplus* (more than its own P
//! is about to run):
//!
//! ```text
//!   P1  publish the work
//!   P2  fence(SeqCst)
//!   P3  if idle_ps == 0 or spinning > 0: done
//!   P4  lock; if still so: take an idle P, spinning += 1; unlock; wake an M with it
//! ```
//!
//! **An M that finds nothing** retires:
//!
//! ```text
//!   R1  lock; put its P and itself in the lists, idle_ps += 1; unlock
//!   R2  if it was spinning: spinning -= 1
//!   R3  fence(SeqCst)
//!   R4  look at every queue once more; if there is work: lock, take an idle P back,
//!       spinning += 1, unlock, and go on looking
//!   R5  else sleep until given a P
//! ```
//!
//! **An M that was spinning and finds work** does `spinning -= 1`, and if it was the last one,
//! acts as a producer from P2 on (there may be more work, and nobody looks for it now).
//!
//! # Why no work is lost
//!
//! Claim: when work is surplus and visible, then a P is running that will get to it, or some
//! M will look at every queue after the work was published.
//!
//! Take a producer that gives up at P3.
//! * It read `idle_ps == 0`. If every P is held, each holder looks at all queues before it
//!   retires. If a P was being put in the list (R1) and the producer did not see it, then by
//!   the two fences the retiring M's R4 comes after P1 in the order of the fences, and sees the
//!   work. (Store R1, fence R3, load R4; store P1, fence P2, load P3: both loads cannot miss.)
//! * It read `spinning > 0`. Let M be a spinner it counted. If M finds other work, it is the
//!   last spinner or another is left to argue about; the last one acts as a producer (P2, P3)
//!   *after* its decrement, hence after ours saw it. If M gives up, its R2 comes after our P3
//!   read the old value, so its R3 is ordered after our P2, and its R4 sees the work.
//!
//! A thief moves work while others look: half of what it steals goes into its own queue, where they
//! may have looked already. It is a spinner, so this is before its decrement, which is a Release: if it
//! is the last it acts as a producer; if not, the last one decrements later, and its fence and what
//! it does then come after.
//!
//! P4 repeats the test under the lock, so that one burst of work wakes one M; that M is a
//! spinner and wakes the next when it finds something (a chain, not a storm).
//!
//! An M that sees work in R4 but finds no idle P leaves it: whoever took the P holds it as a
//! spinner (P4), and will look.
//!
//! *Warm* work (see `find`) is not claimed for while `calm` is set: a spinner has looked at it for
//! microseconds, and its own P got to it faster. Neither P1 to P4 nor R4 count it then. The monitor, which
//! the spinner has nudged, looks every millisecond while `calm` is set: it acts as a producer for any P that
//! has work and has run nothing since the last look, and when it ends the calm, for all.
//!
//! **A claim may find no thread**, neither an M that sleeps nor one that the system, or `max_threads`, would give. Its P goes back;
//! whoever waits for a P on a thread of its own gets it (`waiting`); for the rest the monitor tries again, for as long as
//! there is work for an idle P. An M that comes back without a P sees to that work itself, as in R4.
//!
//! The lone item in a P's `next` slot is not surplus. Its owner usually gets to it within a
//! microsecond; if not, the monitor sees it unchanged and acts as a producer for it.
//!
//! *Except among goroutines that compute for long.* Who starts or wakes one and then computes would keep it waiting for as long, beside an
//! idle P, and the monitor may be milliseconds between two looks. Whether it computes nobody knows beforehand, but what became of the last ones
//! is known: the thief that was woken found the same run still going on, or another one, and runs were long or short since (`p::calls`). So such
//! wakes have credit: all of it while the last one was worth it, and else one less for each; and all of it when the monitor sees a `next` in front
//! of a P whose runs are long. It is a hint: nothing above depends on it. For fresh goroutines there is one credit, full at first: two side by side,
//! each of 1 ms, took 2 ms for the pair, and take 1.1. For warm ones each P has its own, empty until the monitor has seen one run last from look to look: partners that
//! talk in batches are found to wait, too, and once some are on another P they stay there; a select over four channels took 80 ns so instead of 50.
//! A consumer of 0.1 ms behind a producer of 1 ms had its item after 0.24 ms (p99 1.4 ms), and has it after 0.06.
//!
//! *Who has credit is not missed by a spinner that leaves*, though that has begun to look before (only what lay in `next` all the time is stale): in R4 a spinner
//! looks at every `next`, too, and goes on if there is credit for one, which it spends. Where the producer has seen an idle P, this is the argument
//! above. Where it has seen none, for the spinner held the last one, it has not fenced: its store may still be on its way when R4 looks, and the monitor sees to it.
//!
//! The models in `loom_tests` check the claim on this code.

use super::timers::NEVER;
use crate::carrier::Slot;
use crate::p::Credit;
use crate::prim::Mutex;
use crate::prim::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

/// The two lists and the two counts.
pub(crate) struct Idle {
    lists: Mutex<Lists>,
    idle_ps: AtomicU32,
    spinning: AtomicU32,
    /// Warm work wakes nobody until the monitor says so: a spinner has just left some alone.
    calm: AtomicU32,
    /// When the first of the idle Ms wakes by itself. Written under the lock.
    promised: AtomicU64,
    /// One of them sleeps in the poller. Written under the lock.
    polled: AtomicBool,
    /// For a lone `next` that is fresh.
    pub(crate) credit: Credit,
}

struct Lists {
    ps: Vec<u32>,
    ms: Vec<Sleeper>,
    /// In a lab, who waits on a thread without being in `ms`: see `lab::time`.
    resting: Vec<&'static Slot>,
}

/// An idle M, and what it has promised: see `timers` and `poll`.
#[derive(Clone, Copy, Debug)]
struct Sleeper {
    m: u32,
    /// It wakes by itself then.
    until: u64,
    /// It sleeps in the poller.
    polls: bool,
}

impl Sleeper {
    fn new(m: u32) -> Self {
        Self { m, until: NEVER, polls: false }
    }
}

impl Lists {
    fn position(&self, m: u32) -> Option<usize> {
        self.ms.iter().rposition(|sleeper| sleeper.m == m)
    }
}

/// A P to run with, and an M to wake for it; without one, a thread must be started.
#[must_use = "the P is out of the list: wake the M, or put the P back"]
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) p: u32,
    pub(crate) m: Option<u32>,
}

/// What an M that has retired finds when it wants back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejoin {
    /// This P; the M counts as spinning, if it said so.
    With(u32),
    /// Somebody has given it a P meanwhile: it is in the M's word.
    Given,
    /// There is none left.
    NoP,
}

impl Idle {
    /// All of `procs` Ps idle, no M.
    pub(crate) fn new(procs: u32) -> Self {
        Self {
            lists: Mutex::new(Lists {
                ps: (0..procs).rev().collect(),
                ms: Vec::new(),
                resting: Vec::new(),
            }),
            idle_ps: AtomicU32::new(procs),
            spinning: AtomicU32::new(0),
            calm: AtomicU32::new(0),
            promised: AtomicU64::new(NEVER),
            polled: AtomicBool::new(false),
            credit: Credit::full(),
        }
    }

    #[inline]
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed) != 0
    }

    /// `true`: it was not so before.
    pub(crate) fn set_calm(&self, calm: bool) -> bool {
        self.calm.swap(u32::from(calm), Ordering::Relaxed) != u32::from(calm)
    }

    /// P2 and P3: whether somebody should be woken for work that was just published.
    #[inline]
    pub(crate) fn wants_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.idle_ps.load(Ordering::Relaxed) != 0 && self.spinning.load(Ordering::Relaxed) == 0
    }

    /// P4: an idle P for a new spinner, unless there is one.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let mut lists = self.lists.lock();
        if self.spinning.load(Ordering::Relaxed) != 0 {
            return None;
        }
        let claim = self.pop(&mut lists)?;
        self.spinning.fetch_add(1, Ordering::Relaxed);
        Some(claim)
    }

    /// An idle M for a P that its holder hands over; `None`: a thread must be started.
    pub(crate) fn take_m(&self) -> Option<u32> {
        let mut lists = self.lists.lock();
        self.pop_m(&mut lists)
    }

    /// An idle P for an M that comes back and has something to run.
    pub(crate) fn take_p(&self) -> Option<u32> {
        let mut lists = self.lists.lock();
        let p = lists.ps.pop()?;
        self.idle_ps.fetch_sub(1, Ordering::Relaxed);
        Some(p)
    }

    /// The claimed P finds no thread: back into the list. `true`: an M sleeps, and the caller acts
    /// as a producer. For while the claim stood, others may have left it to its spinner, which
    /// never was, to find their work.
    #[must_use]
    pub(crate) fn unclaim(&self, p: u32, spinning: bool) -> bool {
        let mut lists = self.lists.lock();
        lists.ps.push(p);
        self.idle_ps.fetch_add(1, Ordering::Relaxed);
        if spinning {
            self.spinning.fetch_sub(1, Ordering::Relaxed);
        }
        !lists.ms.is_empty()
    }

    /// R1 to R3. The caller looks at every queue afterwards (R4).
    pub(crate) fn retire(&self, p: u32, m: u32, spinning: bool) {
        {
            let mut lists = self.lists.lock();
            lists.ps.push(p);
            lists.ms.push(Sleeper::new(m));
            self.idle_ps.fetch_add(1, Ordering::Relaxed);
        }
        if spinning {
            self.spinning.fetch_sub(1, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    /// The same for an M that blocks: its P goes, it does not wait to be given one. The
    /// caller looks at every queue afterwards and acts as a producer for what it finds.
    pub(crate) fn retire_p(&self, p: u32) {
        {
            let mut lists = self.lists.lock();
            lists.ps.push(p);
            self.idle_ps.fetch_add(1, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    /// How many Ms sleep, and how many spin. For those who look from outside.
    pub(crate) fn count(&self) -> (usize, u32) {
        (self.lists.lock().ms.len(), self.spinning.load(Ordering::Relaxed))
    }

    /// Whether an M sleeps that could be given a P.
    pub(crate) fn has_m(&self) -> bool {
        !self.lists.lock().ms.is_empty()
    }

    /// An idle M has slept for long, and ends if more of them sleep than there are idle Ps. `false`: it
    /// stays, or has been given a P.
    pub(crate) fn leave(&self, m: u32) -> bool {
        let mut lists = self.lists.lock();
        if lists.ms.len() <= lists.ps.len() {
            return false;
        }
        self.remove(&mut lists, m)
    }

    /// An idle M is about to sleep. `look`: the first deadline, and whether there are sockets to watch. When it
    /// is to wake by itself, and whether it is to sleep in the poller; `None`: it has been given a P.
    ///
    /// It looks again after it has promised: who puts a deadline in looks at the promises after that, and may
    /// have left it to what this M had promised *before*. One of them sees the other, by the fences.
    pub(crate) fn keep(&self, m: u32, look: impl Fn() -> (u64, bool)) -> Option<(u64, bool)> {
        let mut lists = self.lists.lock();
        let at = lists.position(m)?;
        let (mut earliest, mut sockets) = look();
        loop {
            let others = || lists.ms.iter().filter(|other| other.m != m);
            let promised = others().map(|other| other.until).min();
            let until = if promised.is_none_or(|at| earliest < at) { earliest } else { NEVER };
            let polls = sockets && !others().any(|other| other.polls);
            lists.ms[at] = Sleeper { m, until, polls };
            self.promise(&lists);
            fence(Ordering::SeqCst);
            (earliest, sockets) = look();
            if earliest >= self.promised() && (!sockets || self.is_polled()) {
                return Some((until, polls));
            }
        }
    }

    /// Calls `f` under the lock if all is quiet: every P is idle, and of the `alive` threads each is an idle M or rests
    /// and has not been woken. See `lab::time`.
    pub(crate) fn when_quiet<R>(
        &self,
        procs: u32,
        alive: impl Fn() -> u32,
        f: impl FnOnce() -> R,
    ) -> Option<R> {
        let lists = self.lists.lock();
        let is_quiet = lists.ps.len() == procs as usize
            && lists.ms.len() + lists.resting.len() == alive() as usize
            && lists.resting.iter().all(|slot| !slot.word.has_token());
        is_quiet.then(f)
    }

    /// Who waits on `slot` is about to block its thread for that, and has no P.
    pub(crate) fn rest(&self, slot: &'static Slot) {
        self.lists.lock().resting.push(slot);
    }

    /// It has been woken, and has not taken the token.
    pub(crate) fn end_rest(&self, slot: &'static Slot) {
        self.lists.lock().resting.retain(|other| !std::ptr::eq(*other, slot));
    }

    /// When the first of the idle Ms wakes by itself.
    pub(crate) fn promised(&self) -> u64 {
        self.promised.load(Ordering::Relaxed)
    }

    fn promise(&self, lists: &Lists) {
        let first = lists.ms.iter().map(|sleeper| sleeper.until).min().unwrap_or(NEVER);
        self.promised.store(first, Ordering::Relaxed);
        self.polled.store(lists.ms.iter().any(|sleeper| sleeper.polls), Ordering::Relaxed);
    }

    /// Whether one of the idle Ms sleeps in the poller.
    pub(crate) fn is_polled(&self) -> bool {
        self.polled.load(Ordering::Relaxed)
    }

    /// An M without a P goes to sleep until it is given one.
    pub(crate) fn retire_m(&self, m: u32) {
        self.lists.lock().ms.push(Sleeper::new(m));
        // As in `retire`: for its look at the phase, after its goroutine has been counted as ended.
        fence(Ordering::SeqCst);
    }

    /// Takes a certain M out of the idle ones, if it is there, to give it a P.
    pub(crate) fn remove_m(&self, m: u32) -> bool {
        let mut lists = self.lists.lock();
        self.remove(&mut lists, m)
    }

    /// R4's second half; also for an M whose time has come: not as a spinner, for it knows what it wakes for.
    pub(crate) fn rejoin(&self, m: u32, spinning: bool) -> Rejoin {
        let mut lists = self.lists.lock();
        if lists.position(m).is_none() {
            return Rejoin::Given;
        }
        let Some(p) = lists.ps.pop() else { return Rejoin::NoP };
        self.remove(&mut lists, m);
        self.idle_ps.fetch_sub(1, Ordering::Relaxed);
        if spinning {
            self.spinning.fetch_add(1, Ordering::Relaxed);
        }
        Rejoin::With(p)
    }

    /// A holder begins to look at other Ps' queues, unless enough do: at most half of the busy
    /// ones spin.
    pub(crate) fn start_spinning(&self, procs: u32) -> bool {
        let busy = procs - self.idle_ps.load(Ordering::Relaxed).min(procs);
        if 2 * self.spinning.load(Ordering::Relaxed) >= busy {
            return false;
        }
        self.spinning.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A spinner found work. `true`: it was the last, and must act as a producer.
    ///
    /// Release pairs with the fence that follows the decrement of who is the last after us, here or
    /// in [`retire`](Self::retire): it sees what we stole and put into our own queue.
    #[must_use]
    pub(crate) fn stop_spinning(&self) -> bool {
        self.spinning.fetch_sub(1, Ordering::Release) == 1
    }

    /// How many Ps are idle.
    pub(crate) fn idle_ps(&self) -> u32 {
        self.idle_ps.load(Ordering::Relaxed)
    }

    fn pop(&self, lists: &mut Lists) -> Option<Claim> {
        let p = lists.ps.pop()?;
        self.idle_ps.fetch_sub(1, Ordering::Relaxed);
        Some(Claim { p, m: self.pop_m(lists) })
    }

    /// The one that has slept for the shortest time, of those that have promised nothing; else of those that do not poll the
    /// network; else the last one.
    fn pop_m(&self, lists: &mut Lists) -> Option<u32> {
        let last = lists.ms.len().checked_sub(1)?;
        let all = || lists.ms.iter();
        let free = all().rposition(|sleeper| !sleeper.polls && sleeper.until == NEVER);
        let at = free.or_else(|| all().rposition(|sleeper| !sleeper.polls)).unwrap_or(last);
        let sleeper = lists.ms.remove(at);
        self.broke(lists, sleeper);
        Some(sleeper.m)
    }

    /// What it promised, nobody does.
    fn broke(&self, lists: &Lists, sleeper: Sleeper) {
        if sleeper.until != NEVER || sleeper.polls {
            self.promise(lists);
        }
    }

    /// `false`: it was not there.
    fn remove(&self, lists: &mut Lists, m: u32) -> bool {
        let Some(at) = lists.position(m) else { return false };
        let sleeper = lists.ms.remove(at);
        self.broke(lists, sleeper);
        true
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{Idle, NEVER};

    /// A promise that is broken has somebody else look after the deadline.
    #[test]
    fn who_has_promised_to_wake_is_woken_last() {
        let idle = Idle::new(0);
        let with = |m, deadline, sockets| {
            idle.retire_m(m);
            idle.keep(m, || (deadline, sockets)).unwrap()
        };
        let all = || {
            assert_eq!(with(0, 100, true), (100, true), "it promises, and polls");
            assert_eq!(with(1, 100, true), (NEVER, false), "there is somebody who does");
            assert_eq!(with(2, 50, true), (50, false), "it is earlier");
            assert_eq!(with(3, 50, true), (NEVER, false));
        };
        all();
        assert_eq!(idle.promised(), 50);
        let woken = || std::iter::from_fn(|| idle.take_m()).collect::<Vec<_>>();
        assert_eq!(woken(), [3, 1, 2, 0]);
        assert_eq!((idle.promised(), idle.is_polled()), (NEVER, false), "nobody sleeps");
        // With each the promise goes that it has given, and no other.
        all();
        let left = [(50, true), (50, true), (100, true), (NEVER, false)];
        for (m, left) in [3, 1, 2, 0].into_iter().zip(left) {
            assert_eq!(idle.take_m(), Some(m));
            assert_eq!((idle.promised(), idle.is_polled()), left, "without {m}");
        }
    }
}
