//! Channels and select under shuttle: mixes that are too large for loom, in random orders.
//!
//! What is sent is a [`Parcel`]: who sends it, receives it or drops it says so. In the end each one that was sent was
//! received or taken out of its channel, each one that was not was given back, every one was dropped once, and the channels
//! remember nobody who waits and keep no place. The choices of a select are random here, too.
//!
//! It takes all atomics for sequentially consistent, so it is no evidence on orderings. A waiter that
//! nobody wakes is a deadlock, which shuttle reports with the schedule that leads there.
//!
//! Broken on purpose, and noticed: a claim that loads and then stores (8 of 11 models), and a `give_up` that does;
//! losing nodes that stay queued, all or the last; gates locked in the order of the arms (a step without end); a partner
//! that does not wake; a close that wakes nobody, or no senders, or no watchers; a select that does not tell watchers that
//! it waits; a kept receiver that can give up; a `default` that looks at one gate after the other; a withdrawn offer that
//! keeps its place; a give-up that does not look whether it was claimed.

mod mixes;

use super::gate::{CLOCK, CLOSED};
use super::select::{
    Arm, RecvCase, SendCase, SendFromCase, Wait, recv_case, select, send_case, send_from_case,
};
use super::{Receiver, Select, SelectedOperation, Sender, bounded, unbounded};
use crate::prim::global::{AtomicUsize, Ordering};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::thread;
use std::sync::Arc;
use std::time::Duration;

/// It is over once the wait has begun, unless somebody comes.
const SOON: Duration = Duration::from_millis(1);
/// The most parcels of a model.
const MOST: usize = 96;

/// Random orders, and orders that a few switches at the worst places make.
fn check(f: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(f.clone(), 3000);
    shuttle::check_pct(f, 3000, 4);
}

fn below(n: usize) -> usize {
    thread_rng().gen_range(0..n)
}

/// What became of the parcels.
struct Ledger {
    made: AtomicUsize,
    sent: [AtomicUsize; MOST],
    received: [AtomicUsize; MOST],
    dropped: [AtomicUsize; MOST],
}

impl Ledger {
    fn new() -> Arc<Self> {
        let none = || std::array::from_fn(|_| AtomicUsize::new(0));
        Arc::new(Self {
            made: AtomicUsize::new(0),
            sent: none(),
            received: none(),
            dropped: none(),
        })
    }
}

/// A value that is sent once, received once and dropped once. Its number is there twice, so that half a one is noticed.
struct Parcel {
    id: usize,
    ledger: Arc<Ledger>,
    again: usize,
}

impl Parcel {
    fn receive(self) {
        assert_eq!(self.id, !self.again, "not a parcel");
        assert_eq!(self.ledger.received[self.id].fetch_add(1, Ordering::Relaxed), 0, "twice");
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.ledger.dropped[self.id].fetch_add(1, Ordering::Relaxed);
    }
}

/// Some channels, and the parcels that go through them.
struct World {
    ledger: Arc<Ledger>,
    chans: Vec<(Sender<Parcel>, Receiver<Parcel>)>,
}

/// The capacity of a channel without bounds.
const ANY: usize = usize::MAX;

impl World {
    fn new(caps: &[usize]) -> Self {
        let chan = |cap: &usize| if *cap == ANY { unbounded() } else { bounded(*cap) };
        Self { ledger: Ledger::new(), chans: caps.iter().map(chan).collect() }
    }

    /// So many channels of any kind.
    fn any(count: usize) -> Self {
        let caps: Vec<_> = (0..count).map(|_| [0, 0, 1, 2, ANY][below(5)]).collect();
        Self::new(&caps)
    }

    fn parcel(&self) -> Parcel {
        let id = self.ledger.made.fetch_add(1, Ordering::Relaxed);
        Parcel { id, ledger: Arc::clone(&self.ledger), again: !id }
    }

    fn sent(&self, id: usize) {
        self.ledger.sent[id].fetch_add(1, Ordering::Relaxed);
    }

    fn made(&self) -> usize {
        self.ledger.made.load(Ordering::Relaxed)
    }

    fn any_chan(&self) -> &(Sender<Parcel>, Receiver<Parcel>) {
        &self.chans[below(self.chans.len())]
    }

    /// Sends into `tx` and waits for it, in one of the ways that there are. `false`: it is closed.
    fn send(&self, tx: &Sender<Parcel>) -> bool {
        let parcel = self.parcel();
        let id = parcel.id;
        let sent = match below(4) {
            0 => tx.send(parcel).is_ok(),
            1 => {
                let mut case = send_case(tx, parcel);
                assert_eq!(select([case.arm()], false, Wait::Forever), Some(0));
                case.finish().is_ok()
            }
            2 => {
                let mut slot = Some(parcel);
                let mut case = send_from_case(tx, &mut slot);
                assert_eq!(select([case.arm()], false, Wait::Forever), Some(0));
                case.finish().is_ok()
            }
            _ => {
                let mut select = Select::new();
                select.send(tx);
                select.select().send(tx, parcel).is_ok()
            }
        };
        if sent {
            self.sent(id);
        }
        sent
    }

    /// Ends a model.
    fn is_settled(self) {
        for (tx, rx) in &self.chans {
            rx.try_iter().for_each(Parcel::receive);
            let gate = &tx.core().gate;
            assert_eq!(gate.flags() & !(CLOSED | CLOCK), 0, "somebody waits");
            assert_eq!((gate.len(), gate.limit()), (0, gate.cap), "a place is kept");
        }
        let ledger = Arc::clone(&self.ledger);
        drop(self);
        let count = |what: &AtomicUsize| what.load(Ordering::Relaxed);
        for id in 0..count(&ledger.made) {
            assert_eq!(count(&ledger.received[id]), count(&ledger.sent[id]), "{id} was lost");
            assert_eq!(count(&ledger.dropped[id]), 1, "{id} was dropped so often");
        }
    }
}

/// Runs `body` in so many threads at once, and settles up.
fn together(count: usize, world: World, body: fn(&World, usize)) {
    let world = Arc::new(world);
    let threads: Vec<_> = (0..count)
        .map(|i| {
            let world = Arc::clone(&world);
            thread::spawn(move || body(&world, i))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    Arc::into_inner(world).unwrap().is_settled();
}

/// A case of any kind.
enum Any<'a> {
    Recv(RecvCase<'a, Receiver<Parcel>>),
    Send(usize, SendCase<'a, Sender<Parcel>>),
    From(usize, SendFromCase<'a, Sender<Parcel>>),
}

impl<'a> Any<'a> {
    fn recv(rx: &'a Receiver<Parcel>) -> Self {
        Self::Recv(recv_case(rx))
    }

    /// Sends what is in `slot`, which may lose it or keep it.
    fn send(tx: &'a Sender<Parcel>, slot: &'a mut Option<Parcel>) -> Self {
        let id = slot.as_ref().unwrap().id;
        match below(2) {
            0 => Self::Send(id, send_case(tx, slot.take().unwrap())),
            _ => Self::From(id, send_from_case(tx, slot)),
        }
    }

    /// Either side of any channel.
    fn of(world: &'a World, slot: &'a mut Option<Parcel>) -> Self {
        let (tx, rx) = world.any_chan();
        if below(2) == 0 { Self::recv(rx) } else { Self::send(tx, slot) }
    }

    fn arm(&mut self) -> Arm<'_> {
        match self {
            Self::Recv(case) => case.arm(),
            Self::Send(_, case) => case.arm(),
            Self::From(_, case) => case.arm(),
        }
    }

    /// It was chosen. `Some(true)`: it sent; `None`: it found its channel closed.
    fn finish(self, world: &World) -> Option<bool> {
        let (id, sent) = match self {
            Self::Recv(case) => {
                case.finish().ok()?.receive();
                return Some(false);
            }
            Self::Send(id, case) => (id, case.finish()),
            Self::From(id, case) => (id, case.finish()),
        };
        sent.ok()?;
        world.sent(id);
        Some(true)
    }
}

/// A select of these cases, completed. `None`: nothing has happened.
fn one_of<const N: usize>(
    world: &World,
    mut cases: [Any<'_>; N],
    wait: Wait,
) -> Option<Option<bool>> {
    let chosen = select(cases.each_mut().map(Any::arm), below(4) == 0, wait)?;
    // The losers go before or after.
    let mut cases = cases.map(Some);
    let won = cases[chosen].take()?;
    if below(2) == 0 {
        drop(cases);
    }
    Some(won.finish(world))
}

/// What a `Select` has chosen, completed or, at times, withdrawn.
fn complete(world: &World, chosen: SelectedOperation<'_>, n: usize) -> Option<bool> {
    let index = chosen.index();
    let (tx, rx) = &world.chans[index % n];
    if index < n {
        chosen.recv(rx).ok()?.receive();
        return Some(false);
    }
    if below(4) == 0 {
        chosen.withdraw();
        return Some(false);
    }
    let parcel = world.parcel();
    let id = parcel.id;
    chosen.send(tx, parcel).ok()?;
    world.sent(id);
    Some(true)
}

/// Both sides of all channels.
fn all_of(world: &World) -> Select<'_> {
    let mut select = if below(4) == 0 { Select::new_biased() } else { Select::new() };
    for (_, rx) in &world.chans {
        select.recv(rx);
    }
    for (tx, _) in &world.chans {
        select.send(tx);
    }
    select
}

/// Receives from any of these.
fn receiving<const N: usize>(rxs: [&Receiver<Parcel>; N]) -> Select<'_> {
    let mut select = Select::new();
    for rx in rxs {
        select.recv(rx);
    }
    select
}
