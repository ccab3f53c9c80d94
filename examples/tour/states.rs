//! What each operation does on a nil, an open and a closed channel: Go's table, found by trying. A nil channel waits for
//! ever, for which 5 ms stand here; who uses a closed one in a wrong way panics.
//!
//! ```text
//! == states: nil, open and closed channels
//!                receive  send                            close
//! nil            waits    waits                           panics: close of nil channel
//! open, empty    waits    sends                           closes
//! open, full     Some(1)  waits                           closes
//! closed, full   Some(1)  panics: send on closed channel  panics: close of closed channel
//! closed, empty  None     panics: send on closed channel  panics: close of closed channel
//! ```

use std::time::Duration;

use rt::chan::Chan;
use rt::{go, select};

const FOR_EVER: Duration = Duration::from_millis(5);

type Operation = fn(Chan<u32>) -> String;

fn receive(ch: Chan<u32>) -> String {
    select! { recv(ch) -> value => format!("{value:?}"), default(FOR_EVER) => "waits".into() }
}

fn send(ch: Chan<u32>) -> String {
    select! { send(ch, 1) => "sends".into(), default(FOR_EVER) => "waits".into() }
}

fn close(ch: Chan<u32>) -> String {
    ch.close();
    "closes".into()
}

/// Tries everything on a new channel, to which something was done before.
fn state(name: &str, new: impl Fn() -> Chan<u32>, before: &[Operation]) {
    let [receive, send, close] = [receive, send, close].map(|operation| {
        let ch = new();
        before.iter().for_each(|operation| drop(operation(ch.clone())));
        let outcome = go!(operation(ch)).join();
        outcome
            .unwrap_or_else(|error| error.to_string().replace("the goroutine panicked", "panics"))
    });
    println!("{name:<13}  {receive:<7}  {send:<30}  {close}");
}

pub(crate) fn run() {
    println!("{:<13}  {:<7}  {:<30}  close", "", "receive", "send");
    state("nil", Chan::nil, &[]);
    state("open, empty", || Chan::new(1), &[]);
    state("open, full", || Chan::new(1), &[send]);
    state("closed, full", || Chan::new(1), &[send, close]);
    state("closed, empty", || Chan::new(1), &[close]);
}
