//! Seeded stress: goroutines and plain threads do everything at once.
//!
//! Each round builds a runtime, lets actors run random programs in it, drops it, and checks that every
//! sum is right and that everything made was dropped once. `RT_STRESS_ROUNDS` sets the rounds
//! (10,000 before a release), `RT_STRESS_SEED` replays the one that failed.
#![allow(clippy::disallowed_types, reason = "std's own atomics check from outside")]

mod common;

use common::{Rng, Tally, Token, Watchdog, builder, fail};
use rt::chan::Chan;
use rt::sync::WaitGroup;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

rt::goroutine_local! {
    static MINE: Cell<u64> = Cell::new(0);
}

/// What the actors of a round share.
#[derive(Clone)]
struct World {
    tally: Tally,
    chans: [Chan<(u64, Token)>; 3],
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    /// A runtime beside the one that is tested.
    other: rt::Handle,
    /// The runtime is being dropped: any goroutine may be cut short, and who joins it is told.
    stops: Arc<AtomicBool>,
}

impl World {
    fn new(other: rt::Handle) -> Self {
        Self {
            tally: Tally::default(),
            chans: [Chan::new(0), Chan::new(1), Chan::new(8)],
            sent: Arc::default(),
            received: Arc::default(),
            other,
            stops: Arc::default(),
        }
    }

    /// Unwraps what a join gave; when the runtime stops, a goroutine that was cut short ends the caller.
    #[track_caller]
    fn done<T>(&self, result: Result<T, rt::JoinError>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => self.excuse(error),
        }
    }

    #[track_caller]
    fn excuse(&self, error: rt::JoinError) -> ! {
        if error.is_cancelled() && self.stops.load(Ordering::SeqCst) {
            rt::task::exit()
        }
        panic!("{error:?}")
    }

    fn chan(&self, rng: &mut Rng) -> &Chan<(u64, Token)> {
        &self.chans[rng.below(3) as usize]
    }
}

/// Parks while the thread unwinds.
struct ParksInDrop(u64);

impl Drop for ParksInDrop {
    fn drop(&mut self) {
        let before = std::thread::current().id();
        match self.0 % 3 {
            0 => rt::yield_now(),
            1 => rt::time::sleep(Duration::from_micros(50)),
            _ => {
                let _ = Chan::<()>::nil().recv_timeout(Duration::from_micros(50));
            }
        }
        if std::thread::panicking() {
            assert_eq!(std::thread::current().id(), before, "left its thread while panicking");
        }
    }
}

/// Runs a random program. It may be aborted anywhere.
fn actor(world: &World, seed: u64, depth: u32) -> u64 {
    let mut rng = Rng::new(seed);
    let _token = world.tally.token();
    let me = rng.next();
    MINE.with(|mine| {
        assert_eq!(mine.get(), 0, "somebody else's local");
        mine.set(me);
    });
    for _ in 0..rng.below(12) {
        assert!(!std::thread::panicking(), "another goroutine's panic is ours");
        step(world, &mut rng, depth);
        assert_eq!(MINE.with(Cell::get), me);
    }
    seed
}

fn spawn_actor(world: &World, rng: &mut Rng, depth: u32) -> (rt::JoinHandle<u64>, u64) {
    let seed = rng.next();
    let theirs = world.clone();
    let cargo = world.tally.token();
    let handle = rt::spawn(move || {
        let _cargo = cargo;
        actor(&theirs, seed, depth + 1)
    });
    (handle, seed)
}

fn step(world: &World, rng: &mut Rng, depth: u32) {
    let leaf = depth >= 3;
    match rng.below(22) {
        0 | 1 => rt::yield_now(),
        2 => rt::time::sleep(Duration::from_micros(rng.below(300))),
        3 | 4 if !leaf => {
            let (handle, seed) = spawn_actor(world, rng, depth);
            assert_eq!(world.done(handle.join()), seed);
        }
        5 if !leaf => drop(spawn_actor(world, rng, depth)),
        6 | 7 if !leaf => {
            let (handle, seed) = spawn_actor(world, rng, depth);
            for _ in 0..rng.below(4) {
                rt::yield_now();
            }
            handle.abort();
            match handle.join() {
                Ok(value) => assert_eq!(value, seed),
                Err(error) => assert!(error.is_cancelled(), "{error:?}"),
            }
        }
        8 => scope(world, rng, depth),
        9 => {
            let value = rng.below(1000);
            // Counted before: it may be received before the call returns.
            world.sent.fetch_add(value, Ordering::Relaxed);
            let unsent = world
                .chan(rng)
                .send_timeout((value, world.tally.token()), Duration::from_micros(rng.below(200)));
            if unsent.is_err() {
                world.sent.fetch_sub(value, Ordering::Relaxed);
            }
        }
        10 => {
            let timeout = Duration::from_micros(rng.below(200));
            if let Ok((value, _token)) = world.chan(rng).recv_timeout(timeout) {
                world.received.fetch_add(value, Ordering::Relaxed);
            }
        }
        11 => {
            if let Ok((value, _token)) = world.chan(rng).try_recv() {
                world.received.fetch_add(value, Ordering::Relaxed);
            }
        }
        12 => pipe(world, rng),
        13 => wait_group(world, rng),
        14 => {
            let token = world.tally.token();
            let number = rng.next();
            let panics = rt::spawn(move || {
                let _token = token;
                let _parks = ParksInDrop(number);
                if number.is_multiple_of(2) {
                    rt::yield_now();
                }
                fail(number)
            });
            let error = match panics.join() {
                Err(error) => error,
                Ok(()) => unreachable!("it panics"),
            };
            if !error.is_panic() {
                world.excuse(error);
            }
            assert_eq!(*error.into_panic().downcast::<u64>().unwrap(), number);
        }
        15 => {
            let token = world.tally.token();
            let exits = rt::spawn(move || {
                let _token = token;
                rt::task::exit()
            });
            assert!(exits.join().unwrap_err().is_cancelled());
        }
        16 => plain_thread(world, rng),
        17 => {
            let token = world.tally.token();
            let (tx, rx) = (Chan::<Token>::new(0), Chan::new(0));
            let (tx2, rx2) = (tx.clone(), rx.clone());
            let waits = rt::spawn(move || {
                let _token = token;
                rx2.send(());
                tx2.recv();
            });
            rx.recv();
            waits.abort();
            assert!(waits.join().unwrap_err().is_cancelled());
            // Nobody is left in it.
            assert!(tx.try_send(world.tally.token()).is_err());
        }
        18 => {
            let _pin = rt::task::pin_thread();
            let id = std::thread::current().id();
            match rng.below(3) {
                0 => rt::yield_now(),
                1 => rt::time::sleep(Duration::from_micros(30)),
                _ => world.done(rt::spawn(|| ()).join()),
            }
            assert_eq!(std::thread::current().id(), id);
        }
        19 => {
            let number = rng.next();
            let token = world.tally.token();
            let got = world.other.run(|| {
                let _token = token;
                rt::yield_now();
                number
            });
            assert_eq!(got, number);
        }
        20 if !leaf => {
            let (handle, seed) = spawn_actor(world, rng, depth);
            match handle.join_timeout(Duration::from_micros(rng.below(100))) {
                Ok(value) => assert_eq!(value, seed),
                Err(error) if error.is_timeout() => assert_eq!(world.done(handle.join()), seed),
                Err(error) => world.excuse(error),
            }
        }
        _ => {
            // Burns a little, without a checkpoint.
            let until = Instant::now() + Duration::from_micros(rng.below(100));
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
    }
}

fn scope(world: &World, rng: &mut Rng, depth: u32) {
    let children = rng.below(5);
    let seeds: Vec<u64> = (0..children).map(|_| rng.next()).collect();
    let sum = AtomicU64::new(0);
    let local = world.tally.token();
    rt::scope(|s| {
        for seed in &seeds {
            let (sum, local) = (&sum, &local);
            s.spawn(move || {
                rt::yield_now();
                assert!(!format!("{local:?}").is_empty());
                sum.fetch_add(
                    if depth < 2 { actor(world, *seed, depth + 2) } else { *seed } % 1000,
                    Ordering::Relaxed,
                );
            });
        }
    });
    assert_eq!(sum.into_inner(), seeds.iter().map(|s| s % 1000).sum());
}

/// A sender and a receiver that meet for every value.
fn pipe(world: &World, rng: &mut Rng) {
    let ch = Chan::new(rng.below(3) as usize);
    let count = rng.below(20);
    let (tx, tally) = (ch.clone(), world.tally.clone());
    let sender = rt::spawn(move || {
        for i in 0..count {
            tx.send((i, tally.token()));
        }
        tx.close();
    });
    let got: Vec<u64> = ch.iter().map(|(i, _token)| i).collect();
    world.done(sender.join());
    assert_eq!(got, (0..count).collect::<Vec<_>>());
}

fn wait_group(world: &World, rng: &mut Rng) {
    let wg = WaitGroup::new();
    let done = Arc::new(AtomicU64::new(0));
    let count = rng.below(6);
    for i in 0..count {
        let (done, token) = (done.clone(), world.tally.token());
        wg.go(move || {
            let _token = token;
            if i % 2 == 0 {
                rt::yield_now();
            }
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    wg.wait();
    if world.stops.load(Ordering::SeqCst) {
        return;
    }
    assert_eq!(done.load(Ordering::Relaxed), count);
}

/// A plain thread and the goroutine hand values to each other.
fn plain_thread(world: &World, rng: &mut Rng) {
    let (to, from) = (Chan::new(0), Chan::new(0));
    let ended = Chan::new(1);
    let (thread_in, thread_out, thread_ended) = (to.clone(), from.clone(), ended.clone());
    let handle = rt::Handle::current();
    let tally = world.tally.clone();
    let thread = std::thread::spawn(move || {
        let token = tally.token();
        let spawned = handle.spawn(move || {
            let _token = token;
            rt::yield_now();
            5
        });
        while let Some(value) = thread_in.recv() {
            while thread_out.send_timeout(value + 1, Duration::from_millis(1)).is_err() {
                if thread_in.is_closed() {
                    break;
                }
            }
        }
        match spawned.join() {
            Ok(value) => assert_eq!(value, 5),
            Err(error) => assert!(error.is_cancelled(), "{error:?}"),
        }
        thread_ended.send(());
    });
    /// Lets the thread end, also when the goroutine is aborted.
    struct Close(Chan<u64>);
    impl Drop for Close {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    let close = Close(to.clone());
    for i in 0..rng.below(4) {
        to.send(i);
        assert_eq!(from.recv(), Some(i + 1));
    }
    drop(close);
    // The wait for it parks; `join` alone would keep the processor from the goroutine it waits for.
    ended.recv();
    thread.join().unwrap();
}

/// One round; what it leaves parked is unwound by the runtime's end.
fn round(seed: u64, other: &rt::Runtime) {
    let mut rng = Rng::new(seed);
    let procs = 1 + rng.below(4) as usize;
    let runtime = builder(procs).migrate(!rng.one_in(4)).build().unwrap();
    let world = World::new(other.handle());
    let from_thread = rng.one_in(3);
    let seeds: Vec<u64> = (0..1 + rng.below(16)).map(|_| rng.next()).collect();
    let spawn_all = |rng: &mut Rng| {
        let handle = runtime.handle();
        seeds
            .iter()
            .map(|&seed| {
                let theirs = world.clone();
                let spawned = handle.spawn(move || actor(&theirs, seed, 0));
                (spawned, seed, rng.one_in(6))
            })
            .collect::<Vec<_>>()
    };
    let join_all = |actors: Vec<(rt::JoinHandle<u64>, u64, bool)>| {
        for (handle, seed, abort) in actors {
            if abort {
                handle.abort();
            }
            match handle.join() {
                Ok(value) => assert_eq!(value, seed),
                Err(error) if error.is_cancelled() && abort => {}
                Err(error) => panic!("an actor failed: {error}"),
            }
        }
    };
    let actors = spawn_all(&mut rng);
    if from_thread {
        join_all(actors);
    } else {
        runtime.run(|| join_all(actors));
    }
    let aborted = rng.one_in(2);
    for _ in 0..rng.below(8) {
        let (ch, token) = (world.chans[0].clone(), world.tally.token());
        runtime.handle().spawn(move || {
            let _token = token;
            let _ = catch_unwind(AssertUnwindSafe(|| Chan::<()>::nil().recv()));
            let _parks = ParksInDrop(seed);
            Chan::<()>::nil().recv();
            drop(ch);
        });
    }
    if aborted {
        // Actors that are in the middle of things when the runtime ends.
        drop(spawn_all(&mut rng));
        if rng.one_in(2) {
            std::thread::sleep(Duration::from_micros(rng.below(500)));
        }
    }
    world.stops.store(true, Ordering::SeqCst);
    drop(runtime);
    let mut left = 0;
    for ch in &world.chans {
        while let Ok((value, _token)) = ch.try_recv() {
            left += value;
        }
    }
    let (sent, received) =
        (world.sent.load(Ordering::Relaxed), world.received.load(Ordering::Relaxed));
    // An actor that was cut short may have counted without sending, or received without counting.
    assert!(received + left <= sent, "{received} received and {left} left of {sent} sent");
    // The other runtime and plain threads may still be about to drop theirs.
    common::eventually("all dropped", || world.tally.dropped() == world.tally.made());
}

#[test]
fn everything_at_once() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let dog = Watchdog::new("everything_at_once");
    let other = common::runtime(1);
    if let Some(seed) = number("RT_STRESS_SEED") {
        common::note(seed);
        for _ in 0..number("RT_STRESS_ROUNDS").unwrap_or(1) {
            round(seed, &other);
            dog.pet();
        }
        return;
    }
    let rounds = number("RT_STRESS_ROUNDS").unwrap_or(200);
    let start = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut seeds = Rng::new(start.as_nanos() as u64);
    for _ in 0..rounds {
        let seed = seeds.next();
        common::note(seed);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| round(seed, &other))) {
            eprintln!("replay with RT_STRESS_SEED={seed}");
            std::panic::resume_unwind(payload);
        }
        dog.pet();
    }
}
