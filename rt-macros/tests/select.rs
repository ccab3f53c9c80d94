//! The operands of `select!`: what is evaluated when and dropped when, and that it compiles without a warning. Patterns,
//! bodies and forms are in `select_arms.rs`; what a channel does in it is tested beside the channels.
#![deny(warnings)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rt::chan::{self, Chan, Receiver, RecvError, SendError, Sender};
use rt::{go, select};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(1);

/// A channel with these values in it, and closed behind them.
fn filled<T: Send>(values: impl IntoIterator<Item = T>) -> Chan<T> {
    let ch = Chan::new(100);
    for value in values {
        ch.send(value);
    }
    ch.close();
    ch
}

/// A channel that is ready to take one value.
fn room<T: Send>() -> Chan<T> {
    Chan::new(1)
}

/// Notes what happens, in order.
#[derive(Default)]
struct Log(RefCell<Vec<&'static str>>);

impl Log {
    /// Notes `event` and gives back `value`.
    fn note<T>(&self, event: &'static str, value: T) -> T {
        self.0.borrow_mut().push(event);
        value
    }

    /// A pointer to `value` that notes when it is dropped.
    fn guard<'a, T>(&'a self, event: &'static str, value: &'a T) -> Guard<'a, T> {
        Guard { log: self, event, value }
    }

    #[track_caller]
    fn is(&self, events: &[&str]) {
        assert_eq!(*self.0.borrow(), events);
    }
}

struct Guard<'a, T> {
    log: &'a Log,
    event: &'static str,
    value: &'a T,
}

impl<T> std::ops::Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.log.note(self.event, ());
    }
}

/// Notes its drop; it travels in channels.
struct Noted(Arc<Mutex<Vec<&'static str>>>, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(self.1);
    }
}

#[rt::test]
fn operands_are_evaluated_once_in_source_order() {
    let log = Log::default();
    let (never, ready, out) = (Chan::<u32>::nil(), filled([7]), Chan::<u32>::nil());
    let mut slot = Some(3);
    let got = select! {
        recv(log.note("never", &never)) -> _ => 0,
        send(log.note("tx", &out), log.note("value", 1)) => 0,
        default(log.note("duration", LONG)) => 0,
        recv(log.note("ready", &ready)) -> v => log.note("body", v.unwrap()),
        send_from(log.note("tx again", &out), log.note("slot", &mut slot)) => 0,
    };
    assert_eq!(got, 7);
    log.is(&["never", "tx", "value", "duration", "ready", "tx again", "slot", "body"]);
    assert_eq!(slot, Some(3));
}

#[rt::test]
fn temporaries_of_operands_live_through_the_waiting_and_end_before_the_body() {
    let log = Log::default();
    let (ready, nil) = (filled([7]), Chan::nil());
    let value = 5;
    select! {
        recv(*log.guard("drop ready", &ready)) -> v => assert_eq!(log.note("body", v), Some(7)),
        send(*log.guard("drop tx", &nil), *log.guard("drop value", &value)) -> _ => {}
        default(*log.guard("drop duration", &LONG)) => {}
    }
    log.is(&["drop duration", "drop value", "drop tx", "drop ready", "body"]);
}

#[rt::test]
fn a_lock_in_an_operand_is_released_before_the_body() {
    let shared = Mutex::new((filled([1, 2]), Some(3)));
    let sum = select! { recv(shared.lock().unwrap().0) -> v => v.unwrap() + shared.try_lock().unwrap().0.len() };
    assert_eq!(sum, 2);
    let out = room();
    select! {
        send_from(out, &mut shared.lock().unwrap().1) => assert_eq!(shared.try_lock().unwrap().1, None),
    }
    select! {
        recv(Chan::<()>::nil()) => {}
        default(SHORT * shared.lock().unwrap().0.len() as u32) => drop(shared.try_lock().unwrap()),
    }
    // Also where the whole is the value of a block or of a `match`.
    match select! { recv(shared.lock().unwrap().0) -> v => v } {
        Some(_) => assert!(shared.try_lock().is_ok()),
        None => unreachable!(),
    }
}

#[rt::test]
fn a_place_is_borrowed_where_it_is() {
    struct Server {
        requests: Receiver<u32>,
        replies: Vec<Sender<u32>>,
        pending: Option<u32>,
    }

    impl Server {
        fn step(&mut self) -> u32 {
            select! {
                recv(self.requests) -> request => {
                    self.pending = request.ok();
                    self.replies.len() as u32
                }
                send_from(self.replies[0], &mut self.pending) -> sent => {
                    sent.unwrap();
                    self.pending = Some(9);
                    20
                }
                default => 30,
            }
        }
    }

    let ((tx, requests), (reply, replies)) = (chan::bounded(1), chan::bounded(1));
    let mut server = Server { requests, replies: vec![reply], pending: Some(4) };
    assert_eq!(server.step(), 20);
    assert_eq!(replies.recv(), Ok(4));
    tx.send(6).unwrap();
    let before = server.pending;
    match server.step() {
        1 => assert_eq!(server.pending, Some(6)),
        20 => assert_eq!(replies.recv(), Ok(before.unwrap())),
        other => panic!("{other}"),
    }
}

#[rt::test]
fn channels_of_every_shape() {
    fn make() -> Chan<u32> {
        filled([1])
    }
    fn by_ref(mut rx: &mut Chan<u32>) -> u32 {
        let n = select! { recv(rx) -> v => v.unwrap() };
        let m = select! { recv(&mut rx) -> v => v.unwrap() };
        n + m
    }
    let (all, one) = ([make(), make()], make());
    let (boxed, shared, local) = (Box::new(make()), Arc::new(make()), Rc::new(make()));
    let nothing = Chan::<()>::nil();
    let total = select! { recv(make()) -> v => v.unwrap() }
        + select! { recv(&one) -> v => v.unwrap() }
        + select! { recv(all[0]) -> v => v.unwrap() }
        + select! { recv(&all[1]) -> v => v.unwrap() }
        + select! { recv(if one.len() > 9 { &all[0] } else { &all[1] }) -> v => v.map_or(1, |_| 100) }
        + select! { recv(boxed) -> v => v.unwrap(), recv(nothing) => 100 }
        + select! { recv(shared) -> v => v.unwrap(), recv(&nothing) => 100 }
        + select! { recv(&&local) -> v => v.unwrap() }
        + by_ref(&mut filled([1, 1]));
    assert_eq!(total, 10);
}

/// Go's channel in a package variable.
#[rt::test]
fn channels_may_be_statics() {
    static JOBS: LazyLock<Chan<u32>> = LazyLock::new(|| Chan::new(1));
    static OURS: rt::sync::LazyLock<Chan<u32>> = rt::sync::LazyLock::new(|| Chan::new(1));
    static ENDS: LazyLock<(Sender<u32>, Receiver<u32>)> = LazyLock::new(|| chan::bounded(1));
    select! { send(JOBS, 7) => {}, default => unreachable!() }
    select! { recv(JOBS) -> v => assert_eq!(v, Some(7)), default => unreachable!() }
    select! { send(OURS, 9) => {}, default => unreachable!() }
    select! { recv(OURS) -> v => assert_eq!(v, Some(9)), recv(&JOBS) => unreachable!() }
    select! { send(ENDS.0, 8) -> sent => assert!(sent.is_ok()) }
    select! { recv(ENDS.1) -> v => assert_eq!(v, Ok(8)), recv(&JOBS) => unreachable!() }
}

#[rt::test]
fn operands_coerce_as_arguments_do() {
    let (tx, rx) = chan::bounded::<Box<dyn Fn(u8) -> u8 + Send>>(1);
    select! { send(tx, Box::new(|n| n + 1)) -> sent => assert!(sent.is_ok()) }
    assert_eq!(rx.recv().unwrap()(1), 2);

    fn send_all(out: &Chan<u64>, slot: &mut Option<u64>) {
        for n in 0..3_u32 {
            // Reborrowed, not moved.
            select! { send_from(out, slot) => *slot = Some(n.into()) }
            select! { send(out, n.into()) => {} }
        }
    }
    let (out, mut slot) = (Chan::new(10), Some(7));
    send_all(&out, &mut slot);
    assert_eq!((slot, out.len(), out.recv()), (Some(2), 6, Some(7)));
    let mut boxed = Box::new(Some("parsed".len() as u64));
    select! { send_from(out, &mut boxed) => {} }
    select! { send(out, "8".parse().unwrap()) => {} }
}

#[rt::test]
fn only_the_winner_happens() {
    let (a, b) = (filled([1]), filled([2]));
    let (out, mut slot) = (room::<u32>(), Some(3));
    for _ in 0..3 {
        select! {
            recv(a) -> v => assert!(matches!(v, Some(1) | None)),
            recv(b) -> v => assert!(matches!(v, Some(2) | None)),
            send_from(out, &mut slot) => assert_eq!(slot, None),
        }
        let moved = [a.is_empty(), b.is_empty(), out.len() == 1];
        assert!(moved.contains(&true));
        if slot.is_none() {
            slot = Some(out.recv().unwrap());
        }
    }
}

#[rt::test]
fn a_value_that_is_not_sent_is_dropped_before_the_body_and_a_slot_keeps_it() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |event| log.lock().unwrap().push(event);
    let (ready, nil) = (filled([()]), Chan::nil());
    let mut slot = Some(Noted(Arc::clone(&log), "kept"));
    select! {
        send(nil, Noted(Arc::clone(&log), "lost")) => {}
        send_from(nil, &mut slot) => {}
        recv(ready) => note("body"),
    }
    note("after");
    drop(slot);
    assert_eq!(*log.lock().unwrap(), ["lost", "body", "after", "kept"]);
}

#[rt::test]
fn from_an_empty_slot_nothing_is_sent() {
    let out = room::<u32>();
    select! { send_from(out, &mut None) => unreachable!(), default => {} }
    assert!(out.is_empty());
}

#[rt::test]
fn an_ignored_result_is_dropped_before_the_body() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |event| log.lock().unwrap().push(event);
    let ch = filled(["first", "second", "third", "fourth"].map(|s| Noted(Arc::clone(&log), s)));
    select! { recv(ch) => note("body 1") }
    select! { recv(ch) -> _ => note("body 2") }
    select! { recv(ch) -> _kept => note("body 3") }
    select! { recv(ch) -> v => { drop(v); note("body 4") } }
    let expected = ["first", "body 1", "second", "body 2", "body 3", "third", "fourth", "body 4"];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[rt::test]
fn results_have_the_types_of_their_channels() {
    let (ch, (tx, rx)) = (Chan::new(1), chan::bounded(1));
    let () = select! { send(ch, 1) -> unit => unit };
    let one: Option<u32> = select! { recv(ch) -> v => v };
    let sent: Result<(), SendError<u32>> = select! { send(tx, 2) -> r => r };
    let two: Result<u32, RecvError> = select! { recv(rx) -> r => r };
    assert_eq!((one, sent, two), (Some(1), Ok(()), Ok(2)));
    drop(rx);
    let mut slot = Some(3);
    select! { send_from(tx, &mut slot) -> r => assert!(r.is_err()) }
    select! { send(tx, 4) -> r => assert_eq!(r.unwrap_err().0, 4) }
    // Ignored, without a warning.
    select! { send(tx, 5) => {} }
    select! { send(tx, 6) -> _ => {} }
    drop(tx);
}

#[rt::test]
fn a_panic_is_located_at_its_arm() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&lines);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| match info.payload_as_str() {
        Some("send on closed channel") => {
            noted.lock().unwrap().push(info.location().unwrap().line())
        }
        _ => before(info),
    }));
    let (nil, closed) = (Chan::<u32>::nil(), filled([]));
    let here = line!();
    let first = go!(nil, closed => select! {
        recv(nil) -> _v => {}
        send(closed, ()) => {}
    });
    let second = go!(select! {
        recv(nil) -> _v => {}
        send_from(closed, &mut Some(())) => {}
    });
    assert!(first.join().is_err() && second.join().is_err());
    lines.lock().unwrap().sort();
    assert_eq!(*lines.lock().unwrap(), [here + 3, here + 7]);
}
