//! The idle protocol: `Idle` as it is; the queues, the Ps and the Ms are stand-ins.
//!
//! A queue is a Relaxed count, so that what is seen of it is owed to the protocol alone. An M that
//! sleeps is a parked word: who gives it a P runs it on the spot. An M that takes an item burns it
//! for ever and never looks at a queue again: the hardest reading of "no surplus work is left while
//! an M sleeps", for with as many Ms as items each must find one.
//!
//! Broken on purpose, and noticed: no fence in `wants_wake`; no fence in `retire`, or in `retire_p`;
//! no second look after `retire`, `retire_p`; the second look before the decrement of `spinning`; a
//! last spinner that does not wake the next; `stop_spinning` Relaxed; `claim` that does not count the
//! spinner it makes; a claim that fails and does not look again; an M that comes back without a P and does not look.

mod next;
mod waiting;

use crate::parker::{ParkWord, Woke};
use crate::sched::idle::{Idle, Rejoin};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering, fence};
use loom::thread;

struct World {
    idle: Idle,
    global: AtomicU32,
    ps: Vec<Processor>,
    ms: Vec<Machine>,
    /// Ms that have a thread.
    threads: AtomicU32,
    taken: AtomicU32,
    /// Those that wait for a P with a thread, and those that got one.
    line: AtomicU32,
    served: AtomicU32,
    /// An M goes on after an item.
    goes_on: bool,
    /// Somebody may lie in a `next` (else nobody looks there: that is for loom to be done soon).
    has_next: bool,
}

struct Processor {
    queue: AtomicU32,
    /// Who runs next is one for whom a thread is woken.
    next: AtomicU32,
    /// What only the holder may touch.
    own: UnsafeCell<()>,
}

struct Machine {
    word: ParkWord,
    given: AtomicU32,
    own: UnsafeCell<Own>,
}

#[derive(Clone, Copy, Default)]
struct Own {
    p: Option<u32>,
    spinning: bool,
}

const SPINNING: u32 = 1 << 31;

impl World {
    /// `procs` idle Ps and `ms` Ms, of which `asleep` sleep.
    fn new(procs: u32, ms: u32, threads: u32, asleep: &[u32]) -> Self {
        let processor = |_| Processor {
            queue: AtomicU32::new(0),
            next: AtomicU32::new(0),
            own: UnsafeCell::new(()),
        };
        let machine = |_| Machine {
            word: ParkWord::new(),
            given: AtomicU32::new(0),
            own: UnsafeCell::new(Own::default()),
        };
        let world = Self {
            idle: Idle::new(procs),
            global: AtomicU32::new(0),
            ps: (0..procs).map(processor).collect(),
            ms: (0..ms).map(machine).collect(),
            threads: AtomicU32::new(threads),
            taken: AtomicU32::new(0),
            line: AtomicU32::new(0),
            served: AtomicU32::new(0),
            goes_on: false,
            has_next: false,
        };
        for &m in asleep {
            world.idle.retire_m(m);
            assert!(world.ms[m as usize].word.suspend());
        }
        world
    }

    /// Lets M `m` begin with an idle P.
    fn begin(&self, m: u32) {
        let p = self.idle.take_p().expect("a P is idle");
        self.hold(m, p, false);
    }

    fn own(&self, m: u32) -> Own {
        // SAFETY: the cell itself checks.
        self.ms[m as usize].own.with(|own| unsafe { *own })
    }

    fn set_own(&self, m: u32, new: Own) {
        // SAFETY: the cell itself checks.
        self.ms[m as usize].own.with_mut(|own| unsafe { *own = new });
    }

    fn hold(&self, m: u32, p: u32, spinning: bool) {
        self.ps[p as usize].own.with_mut(|_| ());
        self.set_own(m, Own { p: Some(p), spinning });
    }

    fn release(&self, m: u32) -> Option<Own> {
        let own = self.own(m);
        self.ps[own.p? as usize].own.with_mut(|_| ());
        self.set_own(m, Own::default());
        Some(own)
    }

    /// As `Sched::inject`.
    fn inject(&self) {
        self.global.fetch_add(1, Ordering::Relaxed);
        self.surplus();
    }

    /// As a goroutine's spawn that drives out what was in `next`.
    fn push(&self, m: u32) {
        let p = self.own(m).p.expect("runs with a P");
        self.ps[p as usize].queue.fetch_add(1, Ordering::Relaxed);
        self.surplus();
    }

    /// As `Sched::surplus` and `wake_one`.
    fn surplus(&self) {
        if self.idle.wants_wake()
            && let Some(claim) = self.idle.claim()
        {
            self.start(claim.p, claim.m, true);
        }
    }

    /// As `Sched::start`.
    fn start(&self, p: u32, m: Option<u32>, spinning: bool) {
        match m.or_else(|| self.new_thread()) {
            Some(m) => self.give(m, p, spinning),
            None => {
                if self.idle.unclaim(p, spinning) {
                    self.surplus();
                } else {
                    self.serve_waiting();
                }
            }
        }
    }

    /// As `Sched::come_back`, and `wait_for_p`. Who gets a P keeps it.
    fn wait_for_p(&self) {
        if self.idle.take_p().is_some() {
            self.served.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.line.fetch_add(1, Ordering::Relaxed);
        self.surplus();
    }

    /// As `Sched::serve_waiting`.
    fn serve_waiting(&self) {
        fence(Ordering::SeqCst);
        while self.line.load(Ordering::Relaxed) != 0
            && let Some(p) = self.idle.take_p()
        {
            if take(&self.line, one) == 0 {
                if self.idle.unclaim(p, false) {
                    return self.surplus();
                }
                fence(Ordering::SeqCst);
                continue;
            }
            self.served.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn new_thread(&self) -> Option<u32> {
        let new = self.threads.load(Ordering::Relaxed);
        if new as usize == self.ms.len() {
            return None;
        }
        self.threads.store(new + 1, Ordering::Relaxed);
        assert!(self.ms[new as usize].word.suspend());
        Some(new)
    }

    /// As `M::give`; the one that slept runs here.
    fn give(&self, m: u32, p: u32, spinning: bool) {
        let machine = &self.ms[m as usize];
        machine.given.store((p + 1) | if spinning { SPINNING } else { 0 }, Ordering::Release);
        if machine.word.notify() == Woke::Goroutine {
            self.run(m);
        }
    }

    /// As `Sched::sleep`. `false`: it sleeps.
    fn sleep(&self, m: u32) -> bool {
        let machine = &self.ms[m as usize];
        loop {
            // The look first is for loom's sake, which does not know that a store that a swap did not
            // see comes after it.
            if machine.given.load(Ordering::Relaxed) != 0 {
                let given = machine.given.swap(0, Ordering::Acquire);
                self.hold(m, (given & !SPINNING) - 1, given & SPINNING != 0);
                return true;
            }
            if machine.word.suspend() {
                return false;
            }
            machine.word.take();
        }
    }

    /// As `Sched::find`, until it has found something or sleeps.
    fn run(&self, m: u32) {
        self.ms[m as usize].word.take();
        if self.own(m).p.is_none() && !self.sleep(m) {
            return;
        }
        loop {
            let own = self.own(m);
            let p = own.p.expect("holds a P");
            if self.take_here(p) || self.steal(m, p) {
                let own = self.own(m);
                self.set_own(m, Own { spinning: false, ..own });
                if own.spinning && self.idle.stop_spinning() {
                    self.surplus();
                }
                self.taken.fetch_add(1, Ordering::Relaxed);
                if self.goes_on {
                    continue;
                }
                return;
            }
            self.retire(m);
            if self.own(m).p.is_none() && !self.sleep(m) {
                return;
            }
        }
    }

    fn take_here(&self, p: u32) -> bool {
        self.ps[p as usize].own.with_mut(|_| ());
        take(&self.ps[p as usize].queue, one) != 0 || take(&self.global, one) != 0
    }

    /// Half of another P's queue: one to run, the rest to its own.
    fn steal(&self, m: u32, p: u32) -> bool {
        let own = self.own(m);
        if !own.spinning {
            if !self.idle.start_spinning(self.ps.len() as u32) {
                return false;
            }
            self.set_own(m, Own { spinning: true, ..own });
        }
        let others = || (0..self.ps.len()).filter(|&v| v != p as usize);
        let seen: Vec<_> = others().filter(|&v| self.has_next(v)).collect();
        for victim in others() {
            let queue = &self.ps[victim].queue;
            // A thief may see what was there before.
            if queue.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let got = take(queue, half);
            if got > 0 {
                if got > 1 {
                    self.ps[p as usize].queue.fetch_add(got - 1, Ordering::Relaxed);
                }
                return true;
            }
        }
        // What lay in a `next` all the time is taken.
        take(&self.global, one) != 0 || seen.into_iter().any(|v| take(&self.ps[v].next, one) != 0)
    }

    /// As `Sched::retire`.
    fn retire(&self, m: u32) {
        let Some(Own { p: Some(p), spinning }) = self.release(m) else { panic!("no P") };
        self.idle.retire(p, m, spinning);
        let is_called = || (0..self.ps.len()).any(|p| self.has_next(p));
        if (self.any_work() || spinning && is_called())
            && let Rejoin::With(p) = self.idle.rejoin(m, true)
        {
            self.hold(m, p, true);
        }
    }

    /// As `Sched::retire_without_p`, and what comes after.
    fn come_back(&self, m: u32) {
        self.idle.retire_m(m);
        if self.idle.idle_ps() != 0
            && self.any_work()
            && let Rejoin::With(p) = self.idle.rejoin(m, true)
        {
            self.hold(m, p, true);
        }
        self.run(m);
    }

    /// As `Sched::hand_off`.
    fn hand_off(&self, m: u32) {
        let Some(Own { p: Some(p), .. }) = self.release(m) else { panic!("no P") };
        if self.ps[p as usize].queue.load(Ordering::Relaxed) != 0 || self.has_shared() {
            self.start(p, self.idle.take_m(), false);
            return;
        }
        self.idle.retire_p(p);
        if self.any_work() {
            self.surplus();
        }
    }

    fn has_shared(&self) -> bool {
        self.global.load(Ordering::Relaxed) != 0 || self.line.load(Ordering::Relaxed) != 0
    }

    fn any_work(&self) -> bool {
        self.has_shared() || self.ps.iter().any(|p| p.queue.load(Ordering::Relaxed) != 0)
    }

    fn all_taken(&self, items: u32) {
        assert_eq!(self.taken.load(Ordering::Relaxed), items, "work was left lying");
    }
}

/// Takes what `share` says of what is there. Without a look first: loom forgets that others have
/// loaded what a thread loads itself before it exchanges, and tries fewer orders.
fn take(queue: &AtomicU32, share: fn(u32) -> u32) -> u32 {
    let mut there = 1;
    loop {
        let got = share(there);
        if got == 0 {
            return 0;
        }
        match queue.compare_exchange(there, there - got, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return got,
            Err(seen) => there = seen,
        }
    }
}

fn one(there: u32) -> u32 {
    there.min(1)
}

fn half(there: u32) -> u32 {
    there.div_ceil(2)
}

fn producer(world: &Arc<World>, act: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || act(&world))
}

/// All asleep; two come from outside.
#[test]
fn two_producers_and_sleepers() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 2, 2, &[0, 1]));
        let others = [(); 2].map(|()| producer(&world, World::inject));
        for other in others {
            other.join().unwrap();
        }
        world.all_taken(2);
    });
}

/// The one M falls asleep while an item comes.
#[test]
fn a_producer_and_an_m_that_retires() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1, 1, &[]));
        world.begin(0);
        let other = producer(&world, World::inject);
        world.run(0);
        other.join().unwrap();
        world.all_taken(1);
    });
}

/// One M looks and falls asleep, the other sleeps, two items come.
#[test]
fn two_producers_a_spinner_and_a_sleeper() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 2, 2, &[1]));
        world.begin(0);
        let others = [(); 2].map(|()| producer(&world, World::inject));
        world.run(0);
        for other in others {
            other.join().unwrap();
        }
        world.all_taken(2);
    });
}

/// The same with the item from a goroutine that then burns, and a thief.
#[test]
fn surplus_of_a_burning_goroutine() {
    loom::model(|| {
        let world = Arc::new(World::new(3, 3, 3, &[2]));
        world.begin(0);
        world.begin(1);
        let burner = producer(&world, |world| {
            world.push(0);
            world.push(0);
        });
        world.run(1);
        burner.join().unwrap();
        world.all_taken(2);
    });
}

/// Two spinners and a sleeper; one spinner steals what the other looked for.
#[test]
fn what_a_thief_has_moved_is_found() {
    loom::model(|| {
        let world = Arc::new(World::new(4, 4, 4, &[3]));
        for m in 0..3 {
            world.begin(m);
        }
        for m in [1, 2] {
            assert!(world.idle.start_spinning(4));
            world.set_own(m, Own { spinning: true, ..world.own(m) });
        }
        // Nobody is woken: two look for work.
        for _ in 0..3 {
            world.push(0);
        }
        let thief = producer(&world, |world| world.run(1));
        world.run(2);
        thief.join().unwrap();
        world.all_taken(3);
    });
}

/// An M that blocks hands over its P while an item comes.
#[test]
fn a_producer_and_an_m_that_blocks() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 2, 1, &[]));
        world.begin(0);
        let other = producer(&world, World::inject);
        world.hand_off(0);
        other.join().unwrap();
        world.all_taken(1);
    });
}

/// No thread is to be had for a claim, while the one M there is falls asleep.
#[test]
fn a_claim_that_finds_no_thread() {
    loom::model(|| {
        let world = Arc::new(World { goes_on: true, ..World::new(2, 1, 1, &[]) });
        world.begin(0);
        let others = [(); 2].map(|()| producer(&world, World::inject));
        world.run(0);
        for other in others {
            other.join().unwrap();
        }
        world.all_taken(2);
    });
}

/// The same, while the one M there is comes back from a call for which it had given up its P.
#[test]
fn a_claim_that_finds_no_thread_and_an_m_without_a_p() {
    loom::model(|| {
        let world = Arc::new(World { goes_on: true, ..World::new(1, 1, 1, &[]) });
        let others = [(); 2].map(|()| producer(&world, World::inject));
        world.come_back(0);
        for other in others {
            other.join().unwrap();
        }
        world.all_taken(2);
    });
}
