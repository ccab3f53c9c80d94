//! The arms of `select!`: patterns, bodies, forms, and that it compiles without a warning. Operands are in `select.rs`.
#![deny(warnings)]

use std::cell::Cell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rt::chan::{self, Chan, SendError};
use rt::select;

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

#[rt::test]
fn irrefutable_patterns_of_every_kind() {
    let ch = filled([1, 2, 3, 4, 5]);
    let (tx, rx) = chan::bounded(2);
    select! { recv(ch) -> mut v => assert_eq!(v.take().or(v), Some(1)) }
    select! { recv(ch) -> ref v => assert_eq!(v.as_ref(), Some(&2)) }
    select! { recv(ch) -> ref mut v => assert_eq!(v.insert(7), &7) }
    select! { recv(ch) -> whole @ (Some(_) | None) => assert_eq!(whole, Some(4)) }
    select! { recv(ch) -> Some(_) | None => {} }
    select! { recv(ch) -> | Some(_) | None => {} }
    select! { send(tx, 1) -> Ok(()) | Err(SendError(_)) => {} }
    select! { send(tx, 2) -> (Ok(()) | Err(SendError { .. })) => {} }
    let out = Chan::new(1);
    select! { send(out, 1) -> () => {} }
    assert_eq!((rx.recv(), out.len()), (Ok(1), 1));
}

/// `break`, `continue`, `return` and `?` are those of the loop and the function around.
#[rt::test]
fn bodies_leave_the_loops_and_the_function_around() {
    fn first_even(ch: &Chan<u32>) -> Result<u32, &'static str> {
        loop {
            let n = select! {
                recv(ch) -> v => v.ok_or("closed")?,
                default(LONG) => return Err("late"),
            };
            if n == 0 {
                break Err("zero");
            }
            select! {
                default => if n % 2 == 1 { continue } else { return Ok(n) }
            }
        }
    }
    assert_eq!(first_even(&filled([1, 3, 4])), Ok(4));
    assert_eq!(first_even(&filled([1, 3])), Err("closed"));
    assert_eq!(first_even(&filled([1, 0, 2])), Err("zero"));

    fn from_an_operand(ch: Option<&Chan<u32>>) -> Option<u32> {
        let n = select! { recv(ch?) -> v => v?, default(LONG) => return Some(0) };
        Some(n + 1)
    }
    assert_eq!(from_an_operand(None), None);
    assert_eq!(from_an_operand(Some(&filled([1]))), Some(2));
}

#[rt::test]
fn labels_are_seen_through_select_and_select_through_labels() {
    let (rows, mut seen) = (filled([1, 2, 3, 4]), Vec::new());
    let last = 'rows: loop {
        let columns = filled(0..10);
        let row = select! {
            recv(rows) -> row => match row {
                Some(2) => continue 'rows,
                Some(row) => row,
                None => break 'rows seen.len(),
            },
        };
        loop {
            select! {
                recv(columns) -> column => {
                    let column = column.unwrap();
                    seen.push((row, column));
                    if column == row { continue 'rows }
                }
                default => unreachable!(),
            }
        }
    };
    assert_eq!(last, 2 + 4 + 5);
    assert_eq!(seen[..3], [(1, 0), (1, 1), (3, 0)]);
}

#[rt::test]
fn one_select_in_another() {
    let (outer, inner, deepest) = (filled([1]), filled([10]), filled([100]));
    let sum = select! {
        recv(outer) -> a => select! {
            recv(inner) -> b => {
                let c = select! { recv(select! { default => &deepest }) -> c => c };
                a.unwrap() + b.unwrap() + c.unwrap()
            }
            default => 0,
        },
        default(LONG) => 0,
    };
    assert_eq!(sum, 111);
}

#[rt::test]
fn it_is_an_expression() {
    let ch = filled([1, 2, 3, 4]);
    let boxed: Box<dyn Fn() -> u32> = select! {
        recv(ch) -> v => Box::new(move || v.unwrap()),
        default => Box::new(|| 0),
    };
    let text = match select! { recv(ch) -> v => v, default => None } {
        Some(2) => "two",
        _ => "other",
    };
    let sum = boxed() * 2 + select! { recv(ch) -> v => v.unwrap() } * 2;
    assert_eq!((text, sum), ("two", 8));
    if let Some(n) = select! { recv(ch) -> v => v } {
        assert_eq!(n, 4);
    }
    let never_returns = || -> u32 {
        select! { default => panic!("on purpose") }
    };
    assert!(std::panic::catch_unwind(never_returns).is_err());
}

#[rt::test]
fn temporaries_of_a_body_end_before_its_bindings() {
    let ch = filled([Mutex::new(1)]);
    let n = select! { recv(ch) -> v => *v.unwrap_or_default().lock().unwrap() };
    let ch = filled([Mutex::new(2)]);
    let m = select! { recv(ch) -> v => { *v.as_ref().unwrap().lock().unwrap() } };
    assert_eq!((n, m), (1, 2));
}

#[rt::test]
fn default_in_every_form_and_place() {
    let nil = Chan::<u32>::nil();
    let calls = Cell::new(0);
    let called = |d| {
        calls.set(calls.get() + 1);
        d
    };
    select! { default => {} }
    select! { default() => {} }
    select! { default(SHORT) => {} }
    select! { biased; default => {} }
    assert_eq!(select! { default => 1, recv(nil) -> v => v.unwrap() }, 1);
    assert_eq!(select! { recv(nil) -> v => v.unwrap(), default() => 2 }, 2);
    assert_eq!(select! { recv(nil) => 0, default(called(SHORT)) => 3, recv(nil) => 0 }, 3);
    assert_eq!(calls.get(), 1);
    let begin = Instant::now();
    select! { default(SHORT) => assert!(begin.elapsed() >= SHORT) }
}

#[rt::test]
fn biased_takes_the_first_that_is_ready() {
    let (nil, a, b) = (Chan::nil(), filled([1; 50]), filled([2; 50]));
    for _ in 0..50 {
        let got = select! { biased; recv(nil) -> v => v, recv(a) -> v => v, recv(b) -> v => v };
        assert_eq!(got, Some(1));
    }
}

#[rt::test]
fn without_biased_each_that_is_ready_gets_its_turn() {
    let (a, b) = (filled([0; 100]), filled([1; 100]));
    let mut seen = [0; 2];
    for _ in 0..100 {
        seen[select! { recv(a) -> v => v, recv(b) -> v => v }.unwrap()] += 1;
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

/// It has no value to give, so it is of every type.
#[rt::test]
fn no_arms_wait_for_ever() {
    fn never(wait: bool) -> u32 {
        if wait {
            select! {}
        } else {
            1
        }
    }
    fn biased_never(wait: bool) -> String {
        if wait { select!(biased;) } else { String::new() }
    }
    fn stops() -> ! {
        select! {}
    }
    assert_eq!((never(false), biased_never(false).len()), (1, 0));
    assert_eq!(size_of_val(&stops), 0);
}

#[rt::test]
#[rustfmt::skip]
fn commas_as_between_the_arms_of_a_match() {
    let nil = Chan::<u32>::nil();
    let n = select! {
        recv(nil) -> _v => { 1 }
        recv(nil) -> _v => { 2 },
        recv(nil) => if nil.is_empty() { 4 } else { 5 }
        recv(nil) => match nil.len() { 0 => 6, _ => 7 }
        recv(nil) => loop { if nil.is_empty() { break 8 } }
        recv(nil,) => 9,
        send(nil, 1,) => 10,
        recv(nil) => [{ 11 }][0],
        default() => 12,
    };
    let m = select!(recv(nil) => 1, default => 2);
    let k = select!(recv(nil) => 1, default => 2,);
    assert_eq!((n, m, k), (12, 2, 2));
}

#[rt::test]
fn many_arms() {
    let chs: Vec<Chan<usize>> = (0..20).map(|_| Chan::new(1)).collect();
    let mut slot = None;
    for n in 0..20 {
        chs[n].send(n);
        let got = select! {
            recv(chs[0]) -> v => v, recv(chs[1]) -> v => v, recv(chs[2]) -> v => v, recv(chs[3]) -> v => v,
            recv(chs[4]) -> v => v, recv(chs[5]) -> v => v, recv(chs[6]) -> v => v, recv(chs[7]) -> v => v,
            recv(chs[8]) -> v => v, recv(chs[9]) -> v => v, recv(chs[10]) -> v => v, recv(chs[11]) -> v => v,
            default(LONG) => None,
            recv(chs[12]) -> v => v, recv(chs[13]) -> v => v, recv(chs[14]) -> v => v, recv(chs[15]) -> v => v,
            recv(chs[16]) -> v => v, recv(chs[17]) -> v => v, recv(chs[18]) -> v => v,
            recv(chs[19]) -> v => { slot = v; v }
        };
        assert_eq!(got, Some(n));
    }
    assert_eq!(slot, Some(19));
}

macro_rules! either {
    ($a:expr, $b:expr; $v:pat => $body:expr) => {
        select! { recv($a) -> $v => $body, recv($b) -> $v => $body, default($crate::LONG) => panic!() }
    };
    (in $v:ident, $chs:tt, $body:block) => {
        select! { recv($chs.0) -> $v => $body recv($chs.1) -> $v => $body }
    };
    ($($tokens:tt)*) => {
        select! { $($tokens)* }
    };
}

macro_rules! recv_all {
    ($($ch:ident),*; $operation:ident) => {
        select! { $($operation($ch) -> v => (v, stringify!($ch)),)* default => (None, "none") }
    };
}

#[rt::test]
fn arms_out_of_macro_rules() {
    let (a, b, nil) = (filled([1, 2, 3]), Chan::nil(), Chan::nil());
    assert_eq!(either!(a, b; v => v.unwrap() + 1), 2);
    assert_eq!(either!(&a, &b; v => { v.unwrap() + 1 }), 3);
    let chs = (a.clone(), b.clone());
    assert_eq!(either!(in v, chs, { v.unwrap() }), 3);
    assert_eq!(recv_all!(nil, a, b; recv), (None, "a"));
    assert_eq!(recv_all!(nil, b; recv), (None::<u32>, "none"));
    assert_eq!(either!(biased; recv(b) -> v => v, default => Some(4)), Some(4));
}

#[rt::test]
fn our_names_and_the_users_do_not_meet() {
    let (result, chosen, wait, c0) = (filled([1]), 2, LONG, 4);
    enum Chosen {
        Case0(u32),
        Default,
    }
    use Chosen::{Case0, Default};
    let got = select! {
        recv(result) -> v => Case0(v.unwrap() + chosen + c0),
        default(wait) => Default,
    };
    assert!(matches!(got, Case0(7)));
    let (v0, r) = (Chan::<u32>::nil(), 5);
    assert_eq!(select! { send(v0, r) => 0, default => r }, 5);
}
