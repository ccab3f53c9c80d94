//! One runtime as it is looked at: where its events go, and the goroutine that is followed for the histograms.
//!
//! Whoever comes by an event says so with [`Hub::note`]; but only on Ms that are *watched* (`m::Entry`), and so for
//! nothing when nobody looks. Ms are watched while a trace is on, and while a goroutine is followed.
//!
//! **Following.** The clock is too dear to be read at every switch. So now and then (the monitor says when, at
//! most a thousand times a second) one goroutine that becomes runnable, by whatever way, is followed: until it runs,
//! which is its latency, and until it waits, makes way, ends or loses its P, which is its slice. What takes longer than a
//! second is entered as it stands then, so that one goroutine does not keep all others out. All Ms are watched meanwhile: so
//! after one who took long in a long queue nobody is followed for [`REST`] times as long, and what that costs stays small.
//! It is not always the next one: where many become runnable together, that would be the first of them, who waits the
//! least. Some are let pass, up to [`CROWD`], often few; but nobody is waited for longer than [`PATIENCE`].
//!
//! Invariants:
//! 1. The track of a P is written by its holder alone, inside the runtime; the one of no P under its lock.
//! 2. No user code runs here.

use super::depths::Depths;
use super::event::{Entry, Event};
use super::histogram::Recorder;
use super::track::Track;
use crate::prim::global::{AtomicBool, AtomicU64, Mutex, Ordering};
use crate::util::{self, Rng};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

/// What the trace asks of the floor above.
pub(crate) trait Watched: Send + Sync {
    /// A trace begins: every M is to be watched.
    fn watch_all(&self);
    /// What a goroutine waits for that parks with this code.
    fn reason(&self, why: u8) -> &'static str;
}

/// In [`Hub::want`]: nobody, and whoever is made runnable next.
const NOBODY: u64 = 0;
const ANYBODY: u64 = u64::MAX;
/// Whom it is followed for no longer, in nanoseconds.
const ENOUGH: u64 = 1_000_000_000;
/// After somebody was followed nobody is for so many times as long, but for no longer than [`ENOUGH`].
const REST: u64 = 16;
/// Below so many goroutines are let pass before one is followed: a power of two.
const CROWD: usize = 1 << 8;
/// Who becomes runnable so many nanoseconds after the first that was let pass, or later, is followed.
const PATIENCE: u64 = 1_000_000;
/// Names that are kept for a trace.
const NAMES: usize = 1 << 14;

/// See the [module](self).
pub(crate) struct Hub {
    /// The runtime's number in the process, from 1.
    pub(super) runtime: u32,
    pub(super) of: OnceLock<Weak<dyn Watched>>,
    pub(super) tracks: Box<[Track]>,
    pub(super) outside: Mutex<Track>,
    /// What goroutines are called that were spawned during the trace.
    pub(super) names: Mutex<HashMap<u64, Arc<str>>>,
    traced: AtomicBool,
    /// Whom to follow: nobody, anybody, or this goroutine. Written under the lock.
    want: AtomicU64,
    followed: Mutex<Followed>,
    latency: Recorder,
    slices: Recorder,
    pub(crate) depths: Depths,
}

/// What [`Hub::follow_next`] wants of the floor above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Nothing.
    AsBefore,
    /// The Ms that hold a P are to be watched, after a fence.
    Somebody,
    /// It has been given up: no M is to be watched for it.
    Nobody,
}

/// The goroutine that is followed.
#[derive(Debug)]
struct Followed {
    /// It runs, since `at`; else it is runnable since then.
    runs: bool,
    at: u64,
    /// So many are still let pass.
    skip: usize,
    /// When the first of them came.
    first: Option<u64>,
    draw: Rng,
    /// When somebody was wanted to follow.
    begun: u64,
    /// Nobody is followed until then.
    rest: u64,
}

impl Followed {
    fn new(runtime: u32) -> Self {
        let draw = Rng::seeded(u64::from(runtime));
        Self { runs: false, at: 0, skip: 0, first: None, draw, begun: 0, rest: 0 }
    }

    /// Somebody is wanted from `now` on.
    fn begin(&mut self, now: u64) {
        (self.begun, self.first) = (now, None);
        // As many below 2 as from 2 to 4, from 4 to 8, and so on.
        let below = 1 << self.draw.below(CROWD.ilog2() as usize + 1);
        self.skip = self.draw.below(below);
    }

    /// Nobody is followed for a while.
    fn rest_from(&mut self, now: u64) {
        self.rest = now + (now.saturating_sub(self.begun) * REST).min(ENOUGH);
    }

    /// Somebody has become runnable at `now`: whether it is not to be followed.
    fn lets_pass(&mut self, now: u64) -> bool {
        let first = *self.first.get_or_insert(now);
        let pass = self.skip > 0 && now.saturating_sub(first) < PATIENCE;
        self.skip = self.skip.saturating_sub(1);
        pass
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

/// Nanoseconds since the first call, of the real time: threads of several runtimes note what is compared, and of them only some
/// may follow a virtual clock.
pub(crate) fn clock() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = util::real_now();
    let since = now.saturating_duration_since(*START.get_or_init(|| now));
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Hub {
    pub(super) fn new(runtime: u32, procs: u32) -> Self {
        Self {
            runtime,
            of: OnceLock::new(),
            tracks: (0..procs).map(|_| Track::new()).collect(),
            outside: Mutex::new(Track::new()),
            names: Mutex::new(HashMap::new()),
            traced: AtomicBool::new(false),
            want: AtomicU64::new(NOBODY),
            followed: Mutex::new(Followed::new(runtime)),
            latency: Recorder::new(),
            slices: Recorder::new(),
            depths: Depths::new(),
        }
    }

    /// Whether events are wanted: then an M that holds a P is watched.
    pub(crate) fn is_watching(&self) -> bool {
        self.want.load(Ordering::Relaxed) != NOBODY || self.is_traced()
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.traced.load(Ordering::Relaxed)
    }

    pub(super) fn trace(self: &Arc<Self>, capacity: usize) {
        self.tracks.iter().for_each(|track| track.begin(capacity));
        self.outside.lock().begin(capacity);
        self.names.lock().clear();
        // Release pairs with `note`: who sees it finds the rings. The Ms are told afterwards.
        self.traced.store(true, Ordering::Release);
        if let Some(of) = self.of.get().and_then(Weak::upgrade) {
            of.watch_all();
        }
    }

    pub(super) fn end_trace(&self) {
        self.traced.store(false, Ordering::Relaxed);
    }

    /// It has come to `event` on M `m`; the caller holds P `p`, if there is one. Invariant 1.
    pub(crate) fn note(&self, p: Option<u32>, m: u32, event: Event) {
        if self.want.load(Ordering::Relaxed) != NOBODY {
            self.follow(event);
        }
        if !self.traced.load(Ordering::Acquire) {
            return;
        }
        match p.and_then(|p| self.tracks.get(p as usize)) {
            Some(track) => track.push(Entry { at: clock(), m, event }),
            None => {
                let track = self.outside.lock();
                track.push(Entry { at: clock(), m, event });
            }
        }
    }

    /// A goroutine with a name has been spawned.
    pub(crate) fn name(&self, g: u64, name: &Arc<str>) {
        let mut names = self.names.lock();
        if self.is_traced() && names.len() < NAMES {
            names.insert(g, Arc::clone(name));
        }
    }

    fn follow(&self, event: Event) {
        let want = self.want.load(Ordering::Relaxed);
        let (g, begins) = match event {
            Event::Spawn { g, .. } | Event::Ready { g, .. } => (g, true),
            // Runnable from now on, too. Where goroutines do nothing but make way nobody else would ever come.
            Event::Yield { g } if want == ANYBODY => (g, true),
            Event::Run { g, .. }
            | Event::Park { g, .. }
            | Event::Yield { g }
            | Event::End { g }
            | Event::HandOff { g, .. } => (g, false),
            _ => return,
        };
        if want != if begins { ANYBODY } else { g } {
            return;
        }
        let mut followed = self.followed.lock();
        if self.want.load(Ordering::Relaxed) != want {
            return;
        }
        let now = clock();
        let since = now.saturating_sub(followed.at);
        match (event, followed.runs) {
            _ if begins => {
                if followed.lets_pass(now) {
                    return;
                }
                (followed.runs, followed.at) = (false, now);
                self.want.store(g, Ordering::Relaxed);
            }
            (Event::Run { .. }, false) => {
                (followed.runs, followed.at) = (true, now);
                self.latency.add(since);
            }
            (Event::Run { .. }, true) | (_, false) => {}
            (_, true) => {
                self.slices.add(since);
                followed.rest_from(now);
                self.want.store(NOBODY, Ordering::Relaxed);
            }
        }
    }

    /// From time to time: somebody who is made runnable soon is followed.
    #[must_use]
    pub(crate) fn follow_next(&self) -> Follow {
        let mut followed = self.followed.lock();
        let now = clock();
        match self.want.load(Ordering::Relaxed) {
            // Where goroutines compute, and nobody becomes runnable, all Ms would be watched for ever.
            ANYBODY
                if followed.first.is_none() && now.saturating_sub(followed.begun) >= PATIENCE =>
            {
                followed.rest_from(now);
                self.want.store(NOBODY, Ordering::Relaxed);
                return Follow::Nobody;
            }
            ANYBODY => return Follow::Somebody,
            NOBODY if now < followed.rest => return Follow::AsBefore,
            NOBODY => {}
            _ => {
                let since = now.saturating_sub(followed.at);
                if since < ENOUGH {
                    return Follow::AsBefore;
                }
                if followed.runs { &self.slices } else { &self.latency }.add(since);
                followed.at = now;
            }
        }
        followed.begin(now);
        self.want.store(ANYBODY, Ordering::Relaxed);
        Follow::Somebody
    }

    pub(crate) fn latency(&self) -> super::Histogram {
        self.latency.snapshot()
    }

    pub(crate) fn slices(&self) -> super::Histogram {
        self.slices.snapshot()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::site::SiteId;
    use super::*;

    const SITE: SiteId = SiteId::NONE;

    fn follow_the_next(hub: &Hub) {
        assert_eq!(hub.follow_next(), Follow::Somebody);
        hub.followed.lock().skip = 0;
    }

    #[test]
    fn one_goroutine_is_followed_from_ready_to_its_park() {
        let hub = Hub::new(1, 1);
        let counts = || (hub.latency().count(), hub.slices().count());
        let note = |event| hub.note(Some(0), 0, event);
        note(Event::Ready { g: 1, by: 0 });
        note(Event::Run { g: 1, site: SITE });
        assert!(!hub.is_watching());
        follow_the_next(&hub);
        assert!(hub.is_watching());
        note(Event::Park { g: 1, why: 1 });
        note(Event::Run { g: 2, site: SITE });
        note(Event::Ready { g: 3, by: 2 });
        note(Event::Ready { g: 4, by: 2 });
        note(Event::Run { g: 4, site: SITE });
        assert_eq!(counts(), (0, 0));
        assert_eq!(hub.follow_next(), Follow::AsBefore);
        note(Event::Run { g: 3, site: SITE });
        assert_eq!(counts(), (1, 0));
        note(Event::Park { g: 4, why: 1 });
        assert_eq!(counts(), (1, 0));
        note(Event::Yield { g: 3 });
        assert_eq!(counts(), (1, 1));
        assert!(!hub.is_watching());
    }

    /// Else it would never end, and all Ms be watched for ever.
    #[test]
    fn one_that_only_makes_way_is_followed() {
        let hub = Hub::new(1, 1);
        follow_the_next(&hub);
        for _ in 0..2 {
            hub.note(Some(0), 0, Event::Yield { g: 1 });
            hub.note(Some(0), 0, Event::Run { g: 1, site: SITE });
        }
        hub.note(Some(0), 0, Event::Yield { g: 1 });
        assert!(!hub.is_watching());
        assert_eq!((hub.latency().count(), hub.slices().count()), (1, 1));
    }

    /// A sample that always took the first of a crowd would say that nobody waits.
    #[test]
    fn of_a_crowd_any_may_be_followed() {
        let hub = Hub::new(1, 1);
        let mut places = [0; 4];
        for _ in 0..1_000 {
            hub.followed.lock().rest = 0;
            assert_eq!(hub.follow_next(), Follow::Somebody);
            for g in 1..=CROWD as u64 {
                hub.note(Some(0), 0, Event::Ready { g, by: 0 });
            }
            let g = hub.want.load(Ordering::Relaxed);
            assert!((1..=CROWD as u64).contains(&g), "somebody is");
            places[[1, 8, 64].iter().filter(|from| g > **from).count()] += 1;
            hub.note(Some(0), 0, Event::Run { g, site: SITE });
            hub.note(Some(0), 0, Event::End { g });
        }
        assert!(places.iter().all(|times| *times >= 50), "{places:?}");
    }

    /// Else all Ms were watched as long as goroutines do nothing but compute.
    #[test]
    fn where_nobody_comes_it_is_given_up() {
        let hub = Hub::new(1, 1);
        assert_eq!(hub.follow_next(), Follow::Somebody);
        std::thread::sleep(std::time::Duration::from_nanos(PATIENCE));
        let now = clock();
        assert_eq!(hub.follow_next(), Follow::Nobody);
        assert!(!hub.is_watching());
        assert!(hub.followed.lock().rest >= now + REST * PATIENCE);
        hub.followed.lock().rest = u64::MAX;
        assert_eq!(hub.follow_next(), Follow::AsBefore);
        hub.followed.lock().rest = 0;
        assert_eq!(hub.follow_next(), Follow::Somebody);
    }

    /// Where there is no crowd nobody is waited for.
    #[test]
    fn after_a_while_the_next_one_is_followed() {
        let hub = Hub::new(1, 1);
        assert_eq!(hub.follow_next(), Follow::Somebody);
        hub.followed.lock().skip = CROWD;
        hub.note(Some(0), 0, Event::Ready { g: 1, by: 0 });
        assert_eq!(hub.want.load(Ordering::Relaxed), ANYBODY);
        std::thread::sleep(std::time::Duration::from_nanos(PATIENCE));
        hub.note(Some(0), 0, Event::Ready { g: 2, by: 0 });
        assert_eq!(hub.want.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn who_takes_too_long_is_entered_and_let_go() {
        let hub = Hub::new(1, 1);
        for runs in [false, true] {
            follow_the_next(&hub);
            hub.note(None, 0, Event::Spawn { g: 7, by: 0, site: SITE });
            if runs {
                hub.note(None, 0, Event::Run { g: 7, site: SITE });
            }
            let _ = clock();
            (hub.followed.lock().runs, hub.followed.lock().at) = (runs, 0);
            while clock() < ENOUGH {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            assert_eq!(hub.follow_next(), Follow::Somebody);
            hub.want.store(NOBODY, Ordering::Relaxed);
        }
        assert_eq!((hub.latency().count(), hub.slices().count()), (2, 1));
        assert!(hub.latency().quantile(1.0).as_secs() >= 1);
    }
}
