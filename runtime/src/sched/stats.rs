//! The runtime in numbers.
//!
//! Nothing stands still meanwhile: each number was true at some instant of the call. Nobody waits for it but for the short locks
//! of the lists; it goes through the headers of all carriers, 128 bytes each.

use super::depth::Sample;
use super::tell::queued;
use super::why::TIMED;
use super::{Sched, Why};
use crate::carrier;
use crate::p::P;
use crate::prim::global::Ordering;
use crate::stack::{self, Class};
use crate::trace::{
    GoroutineMetrics, HandOffMetrics, Metrics, ProcMetrics, Reason, StackMetrics, ThreadMetrics,
};
use crate::util;
use std::collections::HashSet;
use std::fmt::Write;
#[cfg(feature = "debug-server")]
use std::time::Duration;

/// A goroutine that runs without a P.
#[cfg(feature = "debug-server")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hog {
    pub(crate) g: u64,
    pub(crate) m: u32,
    pub(crate) why: Reason,
    pub(crate) since: Duration,
}

/// A goroutine that runs with a P, which has begun so many runs.
#[cfg(feature = "debug-server")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtWork {
    pub(crate) g: u64,
    pub(crate) p: u32,
    pub(crate) m: u32,
    pub(crate) runs: u64,
}

impl Sched {
    pub(crate) fn metrics(&self) -> Metrics {
        let holders: HashSet<u32> = self.ps.iter().filter_map(P::holder).collect();
        let (mut running, mut detached) = (0, 0);
        for m in self.machines.all().iter().filter(|m| m.slot.get().is_some()) {
            *if holders.contains(&m.id) { &mut running } else { &mut detached } += 1;
        }
        let mut parked = [0_u64; TIMED as usize];
        let mut in_use = 0;
        let mut fresh = Sample::new();
        let home = self.this();
        carrier::for_each(|slot| {
            if slot.home() == home && !slot.job().is_null() {
                in_use += 1;
                if slot.is_fresh() {
                    fresh.show(slot);
                }
                if slot.word.is_parked() {
                    parked[usize::from(slot.reason.load(Ordering::Relaxed) & !TIMED)] += 1;
                }
            }
        });
        let mut waiting: Vec<_> = (0..TIMED)
            .zip(parked)
            .filter(|(_, n)| *n != 0)
            .map(|(why, n)| (Why::name_of(why), n))
            .collect();
        waiting.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        // Of one look: else `spawned` would count some twice that end meanwhile, and fall again.
        let (spawned, finished) = self.counts();
        let live = spawned.saturating_sub(finished);
        let stay: u64 = running + detached + parked.iter().sum::<u64>();
        let goroutines = GoroutineMetrics {
            live,
            running,
            runnable: live.saturating_sub(stay),
            detached,
            waiting,
            finished,
            spawned,
        };
        let (idle, spinning) = self.idle.count();
        Metrics {
            uptime: util::now().saturating_duration_since(self.start),
            procs: self.ps.iter().map(|p| self.proc_metrics(p)).collect(),
            global_queue: self.shared_len(),
            goroutines,
            threads: ThreadMetrics {
                total: self.machines.alive().into(),
                running: holders.len() as u64,
                spinning: spinning.into(),
                detached,
                idle: idle as u64,
            },
            timers: self.timers.iter().map(super::timers::Timers::len).sum(),
            latency: self.hub.latency(),
            slices: self.hub.slices(),
            stacks: self.stack_metrics(in_use),
            stack_high_water: self.stack_high_water(fresh),
        }
    }

    fn proc_metrics(&self, p: &P) -> ProcMetrics {
        let counters = &p.counters;
        let of = |why| counters.hand_off(why).get();
        let hand_offs = HandOffMetrics {
            blocked: of(Reason::Blocked),
            burning: of(Reason::Burning),
            asked: of(Reason::Asked),
            pinned: of(Reason::Pinned),
        };
        let all_idle = || self.idle.idle_ps() == self.config.procs;
        let (thread, looks, idle) = (p.holder(), p.runs(), all_idle());
        // What began or came here, less what ended in another way, or has not ended. In this order: what begins and ends
        // meanwhile is not taken for one that waits, of however many that is.
        let runs = p.true_runs();
        let begun = runs + counters.continued.get();
        let runs_now = thread.and_then(|id| self.machines.get(id)?.slot.get()).is_some();
        let others = counters.yields.get()
            + p.finished()
            + Reason::ALL.map(of).iter().sum::<u64>()
            + u64::from(runs_now);
        // Where all stands still that is exact. Else a look may be counted that finds nothing, or a run before it begins; and one
        // that has ended may not be counted yet.
        let stood = idle && all_idle() && p.runs() == looks;
        let (early, late) = if stood { (0, 0) } else { (1, 1) };
        let runs = counters.told_runs.at_least(runs.saturating_sub(early));
        let parks = counters.told_parks.at_least(begun.saturating_sub(others + early + late));
        ProcMetrics {
            thread,
            queue: queued(p),
            spawned: p.spawned(),
            finished: p.finished(),
            runs,
            parks,
            yields: counters.yields.get(),
            wakes: counters.wakes.get(),
            steals: counters.steals.get(),
            steal_attempts: counters.steal_attempts.get(),
            global: counters.global.get(),
            timers: counters.timers.get(),
            polls: counters.polls.get(),
            hand_offs,
        }
    }

    fn stack_metrics(&self, in_use: usize) -> StackMetrics {
        let (mut all, mut all_bytes, mut pooled, mut pooled_bytes) = (0_usize, 0_usize, 0, 0);
        for class in Class::all() {
            let carriers = self.carriers[class.index()].get();
            all += carriers;
            all_bytes += carriers * class.bytes();
            let idle = self.pool[class.index()].lock().len();
            pooled += idle;
            pooled_bytes += idle * class.bytes();
        }
        // The Ps' own are of the default class.
        let cached = all.saturating_sub(in_use);
        let cached_bytes = pooled_bytes + cached.saturating_sub(pooled) * self.config.class.bytes();
        let process = stack::stats();
        StackMetrics {
            in_use,
            in_use_bytes: all_bytes.saturating_sub(cached_bytes),
            cached,
            cached_bytes,
            free: process.free,
            reserved_bytes: process.reserved_bytes,
        }
    }

    /// The goroutines that run without a P, or block: the longest first.
    #[cfg(feature = "debug-server")]
    pub(crate) fn hogs(&self) -> Vec<Hog> {
        let now = crate::trace::clock();
        let hog = |m: &crate::m::M| {
            let (at, why) = m.detached.get()?;
            let g = m.slot.get()?.id.load(Ordering::Relaxed);
            Some(Hog { g, m: m.id, why, since: Duration::from_nanos(now.saturating_sub(at)) })
        };
        let mut hogs: Vec<_> = self.machines.all().iter().filter_map(|m| hog(m)).collect();
        hogs.sort_by_key(|hog| std::cmp::Reverse(hog.since));
        hogs
    }

    /// The goroutines that run with a P.
    #[cfg(feature = "debug-server")]
    pub(crate) fn at_work(&self) -> Vec<AtWork> {
        let at_work = |p: &P| {
            let m = self.machines.get(p.holder()?)?;
            let g = m.slot.get()?.id.load(Ordering::Relaxed);
            Some(AtWork { g, p: p.index, m: m.id, runs: p.runs() })
        };
        self.ps.iter().filter_map(at_work).collect()
    }

    /// A line as Go's `GODEBUG=schedtrace` prints it. The monitor is one of the threads.
    pub(super) fn schedtrace(&self) -> String {
        let (idle, spinning) = self.idle.count();
        let mut line = format!(
            "SCHED {}ms: gomaxprocs={} idleprocs={} threads={} spinningthreads={spinning} \
             idlethreads={idle} runqueue={} [",
            util::now().saturating_duration_since(self.start).as_millis(),
            self.config.procs,
            self.idle.idle_ps(),
            self.machines.alive() + 1,
            self.shared_len(),
        );
        for (i, p) in self.ps.iter().enumerate() {
            let _ = write!(line, "{}{}", if i == 0 { "" } else { " " }, queued(p));
        }
        line.push(']');
        line
    }
}
