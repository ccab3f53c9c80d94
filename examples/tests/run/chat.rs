//! `chat`.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use super::{LIMIT, command, output, output_until, printed, run, source, text, to_a_full_disk};

#[test]
fn the_script_prints_what_the_head_says_on_any_number_of_processors() {
    let expected = printed(&source("chat/main.rs")).1;
    for procs in ["1", "2", "8"] {
        let output = output(command("chat", &[]).env("RT_PROCS", procs), LIMIT);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text(output.stdout), expected, "{procs} processors");
        assert_eq!(text(output.stderr), "");
    }
}

#[test]
fn chat_refuses_what_it_does_not_know() {
    for arguments in [&["--frob"][..], &["--interactive", "x"], &[""]] {
        let output = run("chat", arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert_eq!(output.stderr, b"usage: chat [--interactive]\n");
    }
}

#[test]
fn chat_stops_when_its_output_is_closed_and_says_when_it_is_full() {
    let closed = output_until(&mut command("chat", &[]), 1, LIMIT);
    assert_eq!((closed.status.code(), text(closed.stderr)), (Some(0), String::new()));
    let full = to_a_full_disk(&mut command("chat", &[]));
    assert_eq!(full.status.code(), Some(2));
    let message = "chat: standard output: No space left on device (os error 28)\n";
    assert_eq!(text(full.stderr), message);
}

/// Everything is typed when the answer to what was typed before has come.
#[test]
fn chat_answers_what_is_typed() {
    for (procs, end) in [("1", ""), ("2", "/quit\n")] {
        let mut command = command("chat", &["--interactive"]);
        command.env("RT_PROCS", procs).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut chat = command.spawn().expect("it is built");
        let mut typed = chat.stdin.take().expect("it is piped");
        let stdout = BufReader::new(chat.stdout.take().expect("it is piped"));
        let (to_us, printed) = mpsc::channel();
        let reader = thread::spawn(move || {
            for line in stdout.lines() {
                to_us.send(line.expect("it prints UTF-8")).expect("we are there");
            }
        });
        for (line, answer) in [
            ("", "* you joined"),
            ("hello\n", "parrot: hello"),
            ("/who\n", "* here: parrot, you"),
            ("\n/frob\n", "* Say something, or /who, or /quit."),
            ("caf\u{e9} \r\n", "parrot: caf\u{e9}"),
        ] {
            typed.write_all(line.as_bytes()).unwrap();
            while printed.recv_timeout(LIMIT).expect("it answers") != answer {}
        }
        typed.write_all(b"\xff\n").unwrap();
        while printed.recv_timeout(LIMIT).expect("it answers") != "parrot: \u{fffd}" {}
        typed.write_all(end.as_bytes()).unwrap();
        drop(typed);
        let ended = printed.recv_timeout(LIMIT);
        assert_eq!(ended, Err(RecvTimeoutError::Disconnected), "it says nothing more");
        reader.join().unwrap();
        assert!(chat.wait().unwrap().success());
    }
}
