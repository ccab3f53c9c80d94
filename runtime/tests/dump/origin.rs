//! Whose goroutines they are: of which runtime, and spawned by whom.

use crate::common::{self, eventually, runtime};
use crate::{assert_frames, done, named, outer_frame, spawn};
use rt::chan::Chan;
use rt::debug::{Dump, State};

#[test]
fn two_runtimes_and_plain_threads() {
    let _t = common::alone();
    let (one, two) = (runtime(1), runtime(2));
    let ch = Chan::<u32>::new(0);
    let wait = |runtime: &rt::Runtime, name: &'static str| {
        let ch = ch.clone();
        runtime.run(move || done(spawn(name, move || outer_frame(|| done(ch.recv())))));
    };
    wait(&one, "in one");
    wait(&two, "in two");
    let thread = std::thread::spawn({
        let ch = ch.clone();
        move || ch.recv()
    });
    let waits = |dump: &Dump| {
        let all = dump.goroutines();
        all.len() == 1 && all[0].state() == State::Waiting
    };
    eventually("all wait", || {
        let dump = one.dump();
        waits(&dump) && waits(&two.dump()) && dump.waiting_threads() == 1
    });
    let dump = one.handle().dump();
    assert_eq!(dump.goroutines().len(), 1);
    assert_frames(named(&dump, "in one"));
    assert_frames(named(&two.dump(), "in two"));
    // Spawned by a goroutine that has ended.
    assert!(named(&dump, "in one").parent().is_some());
    // From the other runtime.
    let handle = two.handle();
    assert_eq!(one.run(move || handle.dump().goroutines().len()), 1);
    ch.close();
    assert_eq!(thread.join().unwrap(), None);
}

#[test]
fn who_spawned_whom_from_where() {
    let _t = common::test();
    let runtime = runtime(2);
    let ch = Chan::<()>::new(0);
    let rx = ch.clone();
    let from_thread = runtime.handle().spawn(move || rx.recv());
    eventually("it waits", || {
        let dump = runtime.dump();
        dump.goroutines().iter().any(|g| g.state() == State::Waiting)
    });
    let dump = runtime.dump();
    assert_eq!(dump.goroutines()[0].parent(), None);
    assert!(dump.to_string().contains("created at runtime/tests/dump/origin.rs:"), "{dump}");
    ch.close();
    from_thread.join().unwrap();
}

#[test]
#[should_panic = "there is no rt runtime here"]
fn outside_of_a_runtime_it_says_so() {
    let _ = rt::dump();
}

/// A name that could pass for lines of the dump, or dress the terminal.
#[test]
fn names_stay_on_their_line() {
    let _t = common::alone();
    runtime(1).run(|| {
        let ch = Chan::<u32>::new(0);
        let waits = ch.clone();
        let name = "odd\ngoroutine 99 \u{1b}[31m \u{202e}";
        let odd = spawn(name, move || done(waits.recv()));
        let mut dump = rt::dump();
        eventually("it waits", || {
            rt::yield_now();
            dump = rt::dump();
            named(&dump, name).state() == State::Waiting
        });
        let text = dump.to_string();
        assert!(text.contains(" 'odd\\ngoroutine 99 \\u{1b}[31m \\u{202e}' "), "{text}");
        assert!(!text.contains("\ngoroutine 99"), "{text}");
        let json = dump.to_json();
        assert!(json.contains(r#""odd\ngoroutine 99 \u001b[31m \u202e""#), "{json}");
        assert!(
            [&text, &json].iter().all(|text| !text.contains(['\u{1b}', '\u{202e}'])),
            "{text} {json}"
        );
        ch.close();
        odd.join().unwrap();
    });
}
