//! What each form of `go!` evaluates where, and that it compiles without a warning.
#![deny(warnings)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rt::go;

static HITS: AtomicU32 = AtomicU32::new(0);

struct Table {
    rows: AtomicU32,
}

static TABLE: Table = Table { rows: AtomicU32::new(7) };

struct Adder {
    by: u32,
    apply: fn(u32, u32) -> u32,
}

impl Adder {
    fn new(by: u32) -> Self {
        Adder { by, apply: add }
    }

    fn add(&self, n: u32) -> u32 {
        self.by + n
    }

    fn grow<T: Into<u32>>(&mut self, by: T) -> u32 {
        self.by += by.into();
        self.by
    }

    fn start(&self, n: u32) -> rt::JoinHandle<u32> {
        go!((self.apply)(self.by, n))
    }

    fn start_shared(self: Arc<Self>, n: u32) -> rt::JoinHandle<u32> {
        go!(self.add(n))
    }
}

fn add(a: u32, b: u32) -> u32 {
    a + b
}

fn apply<T>(value: T, f: impl Fn(&T) -> usize) -> usize {
    f(&value)
}

fn total(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

/// Notes `name` and gives back `value`: shows when an operand is evaluated.
fn noted<T>(log: &Mutex<Vec<&'static str>>, name: &'static str, value: T) -> T {
    log.lock().unwrap().push(name);
    value
}

#[rt::test]
fn operands_of_a_call_are_evaluated_now_from_left_to_right() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let inside = Arc::clone(&log);
    let callee = move |a: u32, b: u32| noted(&inside, "call", a + b);
    let handle =
        go!(noted(&log, "callee", callee)(noted(&log, "first", 1), noted(&log, "second", 2)));
    assert_eq!(handle.join().unwrap(), 3);
    assert_eq!(*log.lock().unwrap(), ["callee", "first", "second", "call"]);
}

#[rt::test]
fn operands_of_a_method_call_are_evaluated_now_from_left_to_right() {
    let log = Mutex::new(Vec::new());
    let handle = go!(noted(&log, "receiver", Adder::new(1)).add(noted(&log, "argument", 2)));
    assert_eq!(*log.lock().unwrap(), ["receiver", "argument"]);
    assert_eq!(handle.join().unwrap(), 3);
}

#[rt::test]
fn a_later_change_comes_too_late() {
    let mut n = 1;
    let handle = go!(add(n, n));
    n = 100;
    assert_eq!(handle.join().unwrap(), 2);
    assert_eq!(n, 100);
}

#[rt::test]
fn callees_of_every_kind() {
    assert_eq!(go!(u32::pow(2, 3)).join().unwrap(), 8);
    assert_eq!(go!(<u8 as Into<u32>>::into(2)).join().unwrap(), 2);
    assert_eq!(go!(size_of::<u64>()).join().unwrap(), 8);
    assert_eq!(go!(Adder::new(4)).join().unwrap().by, 4);
    assert_eq!(go!(Some(4)).join().unwrap(), Some(4));

    let boxed: Box<dyn FnOnce(u32) -> u32 + Send> = Box::new(|n| n + 1);
    assert_eq!(go!(boxed(1)).join().unwrap(), 2);

    let shared: Arc<dyn Fn(u32) -> u32 + Send + Sync> = Arc::new(|n| n + 1);
    assert_eq!(go!((shared.clone())(1)).join().unwrap(), 2);
    assert_eq!(shared(2), 3);

    let mut calls = 0;
    let mut counter = move || {
        calls += 1;
        calls
    };
    assert_eq!(go!(counter()).join().unwrap(), 1);

    let text = String::from("abc");
    assert_eq!(go!((|suffix: &str| text + suffix)("d")).join().unwrap(), "abcd");

    assert_eq!(Adder::new(1).start(2).join().unwrap(), 3);
    assert_eq!(Arc::new(Adder::new(1)).start_shared(2).join().unwrap(), 3);
}

#[rt::test]
fn types_are_inferred_as_in_a_plain_call() {
    // The literals are u64 and the array a slice, because the callee says so.
    assert_eq!(go!(total(&[1, 2, 1 << 40])).join().unwrap(), 3 + (1 << 40));
    assert_eq!(go!(add("7".parse().unwrap(), 1_u8.into())).join().unwrap(), 8);
    // The parameter of a closure literal gets its type, a reference of any lifetime, from the callee.
    assert_eq!(go!(apply(vec![1, 2], |v| v.len())).join().unwrap(), 2);
    let extra = String::from("!");
    assert_eq!(go!(apply("ab".to_string(), |s| s.len() + extra.len())).join().unwrap(), 3);
    assert_eq!(go!((0..4).map(|n| n * n).sum::<u32>()).join().unwrap(), 14);
}

#[rt::test]
fn receivers_of_every_kind() {
    assert_eq!(go!(Adder::new(1).grow::<u8>(2)).join().unwrap(), 3);
    let adder = Adder::new(1);
    assert_eq!(go!(adder.grow(2_u32)).join().unwrap(), 3);
    let shared = Arc::new(Adder::new(1));
    assert_eq!(go!(shared.clone().add(2)).join().unwrap(), 3);
    assert_eq!(shared.by, 1);

    go!(HITS.fetch_add(1, Ordering::Relaxed)).join().unwrap();
    go!((&HITS).fetch_add(1, Ordering::Relaxed)).join().unwrap();
    assert_eq!(HITS.load(Ordering::Relaxed), 2);
    assert_eq!(go!(TABLE.rows.load(Ordering::Relaxed)).join().unwrap(), 7);
}

#[rt::test]
fn a_question_mark_returns_from_the_caller() {
    fn start(text: &str) -> Result<u32, std::num::ParseIntError> {
        Ok(go!(add(text.parse()?, 1)).join().unwrap())
    }
    assert_eq!(start("1"), Ok(2));
    assert!(start("one").is_err());
}

#[rt::test]
fn blocks_and_closures_take_what_they_use() {
    let words = ["a", "b"].map(String::from);
    assert_eq!(go!({ words.concat() }).join().unwrap(), "ab");
    let words = ["a", "b"].map(String::from);
    assert_eq!(go!(|| words.len()).join().unwrap(), 2);
    let words = ["a", "b"].map(String::from);
    assert_eq!(go!(move || -> usize { words.len() }).join().unwrap(), 2);
    let words = ["a", "b"].map(String::from);
    assert_eq!(go!(format!("{words:?}")).join().unwrap(), r#"["a", "b"]"#);
    go!(println!("a macro call"));
    // `return` leaves the goroutine, not the caller.
    let early = go!({
        if HITS.load(Ordering::Relaxed) < u32::MAX {
            return 1;
        }
        2
    });
    assert_eq!(early.join().unwrap(), 1);
}

#[rt::test]
fn names_before_the_arrow_are_cloned() {
    let log = Arc::new(Mutex::new(vec![0]));
    let mut count = 1;
    let (mine, theirs) = (Arc::as_ptr(&log) as usize, count);
    go!(log => { log.lock().unwrap().push(1) }).join().unwrap();
    go!(log, => log.lock().unwrap().push(2)).join().unwrap();
    go!(log => move || log.lock().unwrap().push(3)).join().unwrap();
    go!(log, mut count => {
        count += 10;
        log.lock().unwrap().push(count);
    })
    .join()
    .unwrap();
    let same =
        go!(shared = Arc::clone(&log), count = count * 2 => (Arc::as_ptr(&shared) as usize, count));
    count += 1;
    assert_eq!(same.join().unwrap(), (mine, theirs * 2));
    assert_eq!(*log.lock().unwrap(), [0, 1, 2, 3, 11]);
    assert_eq!(count, 2);
}

/// What is lent to a function is cloned for its goroutines, not the loan.
#[rt::test]
fn a_reference_before_the_arrow_gives_a_clone_of_what_it_refers_to() {
    fn with(shared: &Arc<u32>, own: &mut Vec<u32>, name: &'static str) -> rt::JoinHandle<usize> {
        let one = go!(shared, mut own => {
            own.push(*shared);
            let _: &Vec<u32> = &own;
            let _: Arc<u32> = shared;
            own.len()
        });
        own.clear();
        let (slice, unsized_) = (&TABLE, name);
        go!(slice, unsized_, one = one => {
            let _: &'static Table = slice; // no `Clone`
            let _: &'static str = unsized_;
            one.join().unwrap()
        })
    }
    let (shared, mut own) = (Arc::new(3), vec![1, 2]);
    assert_eq!(with(&shared, &mut own, "name").join().unwrap(), 3);
    assert!(own.is_empty());
    // Not all of its type need be known.
    let ch = rt::chan::Chan::new(1);
    go!(ch => ch.send(1_u8)).join().unwrap();
    assert_eq!(ch.recv(), Some(1));
    // What is `Clone` only as a reference.
    let number = 5;
    go!(number => assert_eq!(number, 5_u64)).join().unwrap();
}

#[rt::test]
fn the_clone_is_made_now() {
    let mut numbers = vec![1];
    let handle = go!(numbers => numbers.len());
    numbers.push(2);
    assert_eq!(handle.join().unwrap(), 1);
}

#[rt::test]
fn our_names_and_the_users_do_not_meet() {
    let __rt_f = 1;
    let __rt_a0 = 2;
    assert_eq!(go!(add(__rt_a0, __rt_f)).join().unwrap(), 3);
    let nested = go!(add(go!(add(1, 2)).join().unwrap(), go!({ __rt_a0 }).join().unwrap()));
    assert_eq!(nested.join().unwrap(), 5);
}

macro_rules! started {
    ($e:expr) => {
        go!($e)
    };
    ($name:ident; $e:expr) => {
        go!($name => $e)
    };
}

#[rt::test]
fn fragments_of_macro_rules_are_seen_through() {
    assert_eq!(started!(add(1, 2)).join().unwrap(), 3);
    assert_eq!(started!(Adder::new(1).add(2)).join().unwrap(), 3);
    assert_eq!(started!({ 3 }).join().unwrap(), 3);
    assert_eq!(started!(|| 3).join().unwrap(), 3);
    let n = 3;
    assert_eq!(started!(n; n + 1).join().unwrap(), 4);
}

#[rt::test]
fn a_statement_detaches() {
    go!(add(1, 2));
    go!({});
    go!(HITS.load(Ordering::Relaxed));
}

#[rt::test]
fn a_block_that_never_returns_has_a_type() {
    let handle = go!({ panic!("on purpose") });
    assert!(handle.join().is_err());
}
