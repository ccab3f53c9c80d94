//! What `defer_call!` and `defer!` evaluate when, and that they compile without a warning.
#![deny(warnings)]

use rt::{defer, defer_call, panic};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What happened, in order.
#[derive(Default)]
struct Log {
    lines: RefCell<Vec<String>>,
    count: u32,
}

impl Log {
    fn say(&self, what: impl ToString) {
        self.lines.borrow_mut().push(what.to_string());
    }

    /// Says `name` and gives back `value`: shows when an operand is evaluated.
    fn noted<T>(&self, name: &str, value: T) -> T {
        self.say(name);
        value
    }

    fn grow<T: Into<u32>>(&mut self, by: T) {
        self.count += by.into();
        self.say(self.count);
    }

    fn into_end(self) -> usize {
        self.say("by value");
        self.lines.borrow().len()
    }

    #[track_caller]
    fn assert(&self, expected: &[&str]) {
        assert_eq!(self.lines.take(), expected);
    }
}

mod module {
    pub(super) fn say<T: ToString>(log: &super::Log, what: T) {
        log.say(what);
    }
}

struct Holder<'a> {
    log: Log,
    say: fn(&Log, u32),
    list: Vec<&'a Log>,
}

#[test]
fn arguments_are_evaluated_now_from_left_to_right() {
    let log = Log::default();
    let add = |a: u32, b: u32| log.say(a + b);
    {
        defer_call!(log.noted("callee", add)(log.noted("first", 1), log.noted("second", 2)));
        log.say("body");
    }
    log.assert(&["callee", "first", "second", "body", "3"]);
    {
        defer_call!(log.noted("receiver", &log).say(log.noted("argument", 4)));
        log.say("body");
    }
    log.assert(&["receiver", "argument", "body", "4"]);
}

#[test]
fn a_value_is_what_it_was() {
    let log = Log::default();
    {
        let mut i = 0;
        defer_call!(module::say(&log, i));
        i += 1;
        defer_call!(log.say(i));
        i += 1;
        defer_call!((|n: u32| log.say(n))(i));
        i += 1;
        log.say(i);
    }
    log.assert(&["3", "2", "1", "0"]);
}

#[test]
fn loops_accumulate_within_their_turn() {
    let log = Log::default();
    for i in 0..2 {
        defer_call!(log.say(i));
        log.say("turn");
    }
    log.assert(&["turn", "0", "turn", "1"]);
}

#[test]
fn every_form_of_call() {
    let log = Log::default();
    {
        defer_call!(module::say::<u8>(&log, 1));
        let word = String::from("2");
        defer_call!(module::say(&log, word));
        let say = move |n: u32, log: &Log| log.say(n);
        defer_call!(say(3, &log),);
        defer_call!((say)(4, &log));
        let base = 3;
        defer_call!((move |n: u32, log: &Log| log.say(base + n))(2, &log));
        defer_call!(drop(Box::new(6)));
        defer_call!(std::convert::identity(&log).say(7));
        defer_call!("8".chars().for_each(|c| log.say(c)));
        defer_call!(Vec::<u32>::with_capacity(9));
    }
    log.assert(&["8", "7", "5", "4", "3", "2", "1"]);
}

#[test]
fn a_place_is_borrowed_until_then() {
    let log = Log::default();
    let mut holder = Holder { log: Log::default(), say: Log::say, list: vec![&log, &log] };
    {
        let mut i = 0;
        defer_call!((holder.say)(&log, 1));
        defer_call!(holder.list[i].say(i));
        i += 1;
        defer_call!(holder.list[i].say(i + 10));
    }
    log.assert(&["11", "0", "1"]);
    {
        defer_call!(holder.log.grow::<u8>(5));
    }
    {
        let holder = &mut holder;
        defer_call!(holder.log.grow(5_u8));
        let mut count = 3;
        let mut down = || count -= 1;
        defer_call!(down());
    }
    holder.log.assert(&["5", "10"]);
    let boxed = Box::new(Log::default());
    {
        defer_call!((*boxed).say("boxed"));
        boxed.say("shared meanwhile");
    }
    boxed.assert(&["shared meanwhile", "boxed"]);
    {
        defer_call!(holder.log.into_end());
        assert_eq!(holder.list.len(), 2);
    }
}

#[test]
fn guards_run_however_the_scope_is_left() {
    let log = Log::default();
    let leaves = |how: u32| -> Option<u32> {
        defer! { log.say("outer") }
        for _ in 0..2 {
            defer_call!(log.say("turn"));
            match how {
                0 => break,
                1 => continue,
                2 => return Some(2),
                3 => None?,
                _ => panic!("on purpose"),
            }
        }
        Some(0)
    };
    assert_eq!(leaves(0), Some(0));
    log.assert(&["turn", "outer"]);
    assert_eq!(leaves(1), Some(0));
    log.assert(&["turn", "turn", "outer"]);
    assert_eq!(leaves(2), Some(2));
    log.assert(&["turn", "outer"]);
    assert_eq!(leaves(3), None);
    log.assert(&["turn", "outer"]);
    assert!(catch_unwind(AssertUnwindSafe(|| leaves(4))).is_err());
    log.assert(&["turn", "outer"]);
}

#[test]
fn a_print_makes_its_text_now() {
    let log = Log::default();
    {
        let mut i = 0;
        defer_call!(eprintln!("{i} {}", log.noted("now", 1)));
        defer_call!(eprintln!());
        defer_call!(print!(""));
        i += 1;
        log.say(i);
    }
    log.assert(&["now", "1"]);
}

#[test]
fn defer_takes_code_in_any_form() {
    let log = Log::default();
    {
        defer! { log.say(1) }
        defer! {
            let three = 3;
            log.say(three);
            if three == 3 {
                return;
            }
            log.say("never");
        }
        defer!(log.say(4));
        defer!(|| log.say(5));
        defer!({ || log.say("in braces") });
        let (log, word) = (&log, String::from("6"));
        defer!(move || {
            log.say(word);
        });
        // Its value is dropped.
        let count = Cell::new(0);
        defer! { count.replace(1) }
        defer! { log.say("7"); }
    }
    log.assert(&["7", "6", "in braces", "5", "4", "3", "1"]);
}

#[test]
fn a_frame_takes_calls_too() {
    let log = Log::default();
    let (log2, two) = (&log, panic::frame_named(1, |_| 2));
    let one = panic::frame_named(0, |f| {
        let mut word = String::from("first");
        defer_call!(f => module::say(log2, word.clone()));
        word.push('!');
        defer_call!(f => log2.say(word));
        defer_call!(f => (|n: u32| log2.say(n + two))(1));
        let held = (f,);
        defer_call!(*held.0 => log2.say("through a reference"));
        log2.say("body");
        1
    });
    assert_eq!(one, 1);
    log.assert(&["body", "through a reference", "3", "first!", "first"]);
}

#[rt::test]
fn a_deferred_call_may_wait() {
    let ch = rt::chan::Chan::new(0);
    let sends = ch.clone();
    let handle = rt::go!({
        defer_call!(sends.send(7));
        rt::yield_now();
    });
    assert_eq!(ch.recv(), Some(7));
    handle.join().unwrap();
}
