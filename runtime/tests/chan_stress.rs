//! Channels under seeded stress, both faces at once, with the fate of each value on record.
//!
//! A round has one channel of each face and parties, goroutines and plain threads, that send, receive, try,
//! wait for a while, select, close, drop their handles early and are aborted. A value that was sent comes out
//! once; one that was not is given back, or was dropped with who was to send it.
//! `RT_STRESS_ROUNDS` sets the rounds, `RT_STRESS_SEED` replays one.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{Party, Rng, Tally, Token, eventually, seeded, text_of, turns};
use rt::chan::{self, Chan, Receiver, RecvTimeoutError, Select, Sender, TryRecvError};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CLOSED: &str = "send on closed channel";
const PARTIES: usize = 8;
const STEPS: usize = 40;

/// What has become of a value: bits.
const SENT: u8 = 1;
const BACK: u8 = 2;
const OUT: u8 = 4;
/// It went to the Rust face.
const RUST: u8 = 8;

struct Item {
    id: usize,
    party: usize,
    _token: Token,
}

/// What a round's parties share.
#[derive(Clone)]
struct World {
    tally: Tally,
    fates: Arc<[AtomicU8]>,
    next: Arc<AtomicUsize>,
    go_closed: Arc<AtomicBool>,
    /// Two parties receive until the end, so whoever waits to send will be served.
    steady: bool,
    /// The channels are closed now and then.
    closes: bool,
}

impl World {
    fn item(&self, party: usize) -> Item {
        Item { id: self.next.fetch_add(1, Ordering::Relaxed), party, _token: self.tally.token() }
    }

    #[track_caller]
    fn mark(&self, id: usize, bits: u8) {
        let before = self.fates[id].fetch_or(bits, Ordering::Relaxed);
        let clash = if bits & BACK != 0 { SENT | BACK | OUT } else { bits & !RUST | BACK };
        assert_eq!(before & clash, 0, "value {id}: {before:b} and then {bits:b}");
    }

    fn sent_or_back(&self, id: usize, bits: u8, back: Option<Item>) {
        match back {
            None => self.mark(id, SENT | bits),
            Some(item) => {
                assert_eq!(item.id, id, "another's value came back");
                self.mark(id, BACK);
            }
        }
    }

    fn close_go(&self, go: &Chan<Item>) {
        if !self.go_closed.swap(true, Ordering::SeqCst) {
            go.close();
        }
    }
}

/// A sender's values come to a receiver in the order in which they were sent, on each channel.
#[derive(Default)]
struct Seen([[Option<usize>; PARTIES]; 2]);

impl Seen {
    fn took(&mut self, world: &World, channel: usize, item: Item) {
        world.mark(item.id, OUT);
        let last = self.0[channel][item.party].replace(item.id);
        assert!(last < Some(item.id), "{last:?} before {}", item.id);
    }
}

/// One party's handles; what it has not got, it does not do.
struct Actor {
    world: World,
    me: usize,
    go: Chan<Item>,
    sends: bool,
    receives: bool,
    tx: Option<Sender<Item>>,
    rx: Option<Receiver<Item>>,
    rng: Rng,
    seen: Seen,
}

impl Actor {
    fn time(&mut self) -> Duration {
        Duration::from_micros(self.rng.below(80))
    }

    fn run(mut self) {
        for _ in 0..STEPS / 2 + self.rng.below(STEPS as u64 / 2) as usize {
            match self.rng.below(40) {
                0 if self.world.closes => self.world.close_go(&self.go),
                1 if self.world.closes => drop(self.tx.as_ref().map(Sender::close)),
                2 if self.world.closes => drop(self.rx.as_ref().map(Receiver::close)),
                3 => drop(self.tx.take()),
                4 => drop(self.rx.take()),
                5 => self.tx = self.tx.clone(),
                6 => self.rx = self.rx.clone(),
                7 | 8 => rt::yield_now(),
                9..24 if self.sends => {
                    if self.rng.one_in(2) {
                        self.send_go();
                    } else if let Some(tx) = self.tx.clone() {
                        self.send_rust(&tx);
                    }
                }
                24..40 if self.receives => {
                    if self.rng.one_in(2) {
                        self.recv_go();
                    } else if let Some(rx) = self.rx.clone() {
                        self.recv_rust(&rx);
                    }
                }
                _ => {}
            }
        }
    }

    fn send_go(&mut self) {
        let (item, time) = (self.world.item(self.me), self.time());
        let (id, go, how) = (item.id, self.go.clone(), self.rng.below(6));
        let send = || match how {
            0 if self.world.steady => {
                go.send(item);
                None
            }
            1 => go.try_send(item).err().map(|e| e.into_inner()),
            2 => {
                let mut slot = Some(item);
                rt::select! { send_from(go, &mut slot) => {} default => {} }
                slot
            }
            3 => {
                let mut slot = Some(item);
                rt::select! { send_from(go, &mut slot) => {} default(time) => {} }
                slot
            }
            4 => {
                let mut select = Select::new();
                select.send(&go);
                match select.select_timeout(time) {
                    Ok(chosen) => {
                        chosen.send(&go, item);
                        None
                    }
                    Err(_) => Some(item),
                }
            }
            _ => go.send_timeout(item, time).err().map(|e| e.into_inner()),
        };
        match catch_unwind(AssertUnwindSafe(send)) {
            Ok(back) => self.world.sent_or_back(id, 0, back),
            Err(payload) if payload.is::<&str>() || payload.is::<String>() => {
                assert_eq!(text_of(&*payload), CLOSED);
                self.world.mark(id, BACK);
            }
            Err(payload) => resume_unwind(payload),
        }
    }

    fn send_rust(&mut self, tx: &Sender<Item>) {
        let (item, time) = (self.world.item(self.me), self.time());
        let id = item.id;
        let back = match self.rng.below(8) {
            0 | 1 if self.world.steady || !self.receives => tx.send(item).err().map(|e| e.0),
            2 => tx.try_send(item).err().map(|e| e.into_inner()),
            3 => tx.send_deadline(item, Instant::now()).err().map(|e| e.into_inner()),
            4 => {
                let mut slot = Some(item);
                rt::select! {
                    send_from(tx, &mut slot) -> r => r.err().map(|e| e.0),
                    default => slot,
                }
            }
            5 => {
                // Beside a receive from the other channel, whichever is first.
                let (go, mut slot, mut got) = (self.go.clone(), Some(item), None);
                let back = rt::select! {
                    send_from(tx, &mut slot) -> r => r.err().map(|e| e.0),
                    recv(go) -> v => {
                        got = v;
                        slot
                    }
                    default(time) => slot,
                };
                if let Some(item) = got {
                    self.seen.took(&self.world, 0, item);
                }
                back
            }
            6 => {
                let mut select = Select::new();
                select.send(tx);
                match select.select_timeout(time) {
                    Ok(chosen) => chosen.send(tx, item).err().map(|e| e.0),
                    Err(_) => Some(item),
                }
            }
            _ => tx.send_timeout(item, time).err().map(|e| e.into_inner()),
        };
        self.world.sent_or_back(id, RUST, back);
    }

    fn recv_go(&mut self) {
        let (go, time) = (self.go.clone(), self.time());
        let item = match self.rng.below(6) {
            // A party that only receives is not waited for by one that it waits for.
            0 | 1 if self.world.steady && !self.sends => go.recv(),
            2 => go.try_recv().ok(),
            3 => rt::select! { recv(go) -> v => v, default => None },
            4 => rt::select! { recv(go) -> v => v, default(time) => None },
            _ => go.recv_timeout(time).ok(),
        };
        if let Some(item) = item {
            self.seen.took(&self.world, 0, item);
        }
    }

    fn recv_rust(&mut self, rx: &Receiver<Item>) {
        let time = self.time();
        let item = match self.rng.below(8) {
            0 | 1 if self.world.steady && !self.sends => rx.recv().ok(),
            2 => rx.try_recv().ok(),
            3 => rx.recv_deadline(Instant::now()).ok(),
            4 => rx.try_iter().next(),
            5 => {
                let go = self.go.clone();
                let mut other = None;
                let item = rt::select! {
                    recv(rx) -> v => v.ok(),
                    recv(go) -> v => {
                        other = v;
                        None
                    }
                    default(time) => None,
                };
                if let Some(item) = other {
                    self.seen.took(&self.world, 0, item);
                }
                item
            }
            6 => {
                let mut select = Select::new();
                select.recv(rx);
                select.select_timeout(time).ok().and_then(|chosen| chosen.recv(rx).ok())
            }
            _ => rx.recv_timeout(time).ok(),
        };
        if let Some(item) = item {
            self.seen.took(&self.world, 1, item);
        }
    }
}

const CAPS: [usize; 4] = [0, 1, 7, usize::MAX];

fn round(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut cap = || CAPS[rng.below(4) as usize];
    let (go, (tx, rx)) = (Chan::<Item>::new(cap()), chan::bounded::<Item>(cap()));
    let world = World {
        tally: Tally::default(),
        fates: (0..PARTIES * STEPS).map(|_| AtomicU8::new(0)).collect(),
        next: Arc::default(),
        go_closed: Arc::default(),
        steady: !rng.one_in(4),
        closes: rng.one_in(2),
    };
    let procs = [1, 2, 8][rng.below(3) as usize];
    let runtime = rt::Runtime::builder().procs(procs).migrate(!rng.one_in(4)).build().unwrap();
    let handle = runtime.handle();
    let entered = handle.enter();
    let steady: Vec<_> = if world.steady {
        let (theirs, go) = (world.clone(), go.clone());
        let of_go = Party::new(rng.one_in(4), move || {
            let mut seen = Seen::default();
            go.iter().for_each(|item| seen.took(&theirs, 0, item));
            assert!(matches!(go.try_recv(), Err(TryRecvError::Disconnected)));
        });
        let (theirs, rx) = (world.clone(), rx.clone());
        let of_rust = Party::new(rng.one_in(4), move || {
            let mut seen = Seen::default();
            rx.iter().for_each(|item| seen.took(&theirs, 1, item));
            let end = rx.recv_timeout(Duration::MAX).map(|item| item.id);
            assert_eq!(end, Err(RecvTimeoutError::Disconnected), "and more after the end");
        });
        vec![of_go, of_rust]
    } else {
        vec![]
    };
    let parties: Vec<_> = (0..2 + rng.below(PARTIES as u64 - 1) as usize)
        .map(|me| {
            let role = rng.below(3);
            let (sends, receives) = (role != 0, role != 1);
            let actor = Actor {
                world: world.clone(),
                me,
                go: go.clone(),
                sends,
                receives,
                tx: sends.then(|| tx.clone()),
                rx: receives.then(|| rx.clone()),
                rng: Rng::new(rng.next()),
                seen: Seen::default(),
            };
            let party = Party::new(rng.one_in(3), move || actor.run());
            (party, sends, rng.one_in(5))
        })
        .collect();
    drop((tx, rx));
    if rng.one_in(2) {
        // Into the middle of things, or before they begin.
        std::thread::sleep(Duration::from_micros(rng.below(400)));
    }
    let mut aborted = 0;
    for (party, ..) in parties.iter().filter(|(_, _, abort)| *abort) {
        if let Party::Goroutine(handle) = party {
            handle.abort();
            aborted += 1;
        }
    }
    let join = |(party, _, abort): (Party<()>, bool, bool)| match party {
        Party::Goroutine(handle) if abort => {
            assert!(handle.join().err().is_none_or(|error| error.is_cancelled()));
        }
        party => party.join(),
    };
    // Who receives from the Go face until it is closed waits for this.
    let (senders, others): (Vec<_>, Vec<_>) = parties.into_iter().partition(|party| party.1);
    senders.into_iter().for_each(join);
    world.close_go(&go);
    others.into_iter().for_each(join);
    steady.into_iter().for_each(Party::join);
    let mut seen = Seen::default();
    go.iter().for_each(|item| {
        assert!(!world.steady, "left by who takes all");
        seen.took(&world, 0, item);
    });
    drop(entered);
    drop(runtime);
    check(&world, aborted);
    // Threads end a little after they are joined by their channel.
    eventually("all dropped", || world.tally.dropped() == world.tally.made());
}

fn check(world: &World, aborted: usize) {
    let mut unfinished = 0;
    for (id, fate) in world.fates.iter().enumerate().take(world.next.load(Ordering::Relaxed)) {
        let fate = fate.load(Ordering::Relaxed);
        match fate & !RUST {
            0 => unfinished += 1,
            BACK => {}
            fate if fate == SENT | OUT => {}
            // Gone with the last receiver.
            SENT if fate & RUST != 0 && !world.steady => {}
            _ => panic!("value {id}: {fate:b}"),
        }
    }
    assert!(unfinished <= aborted, "{unfinished} values vanished with {aborted} goroutines");
}

#[test]
fn every_value_has_one_fate() {
    let t = common::test();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some(CLOSED) {
            usual(info);
        }
    }));
    seeded(&t.dog, turns(300, 1000), round);
}
