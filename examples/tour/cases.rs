//! A case can be switched off. One on a nil channel never happens, so whoever is done with a channel makes it nil; a
//! closed one would be ready all the time. A `send_from` happens only while there is something in its `Option`, and takes
//! it out only then; a plain `send` has moved its value, and drops it if another case wins.
//!
//! ```text
//! == cases: cases that come and go
//! merged until both are closed: [1, 2, 3, 10, 20, 30]
//! the relay has taken 5, and nobody has received yet
//! in their order: [0, 1, 2, 3, 4]
//! ```

use std::collections::VecDeque;

use rt::chan::Chan;
use rt::{go, select};

fn closed_after(numbers: [u32; 3]) -> Chan<u32> {
    let ch = Chan::new(3);
    numbers.into_iter().for_each(|n| ch.send(n));
    ch.close();
    ch
}

fn merge(mut a: Chan<u32>, mut b: Chan<u32>) -> Vec<u32> {
    let mut merged = Vec::new();
    while !(a.is_nil() && b.is_nil()) {
        select! {
            recv(a) -> n => match n { Some(n) => merged.push(n), None => a = Chan::nil() },
            recv(b) -> n => match n { Some(n) => merged.push(n), None => b = Chan::nil() },
        }
    }
    merged.sort_unstable();
    merged
}

/// Takes whatever comes, and passes it on when somebody wants it.
fn relay(mut input: Chan<u32>, output: Chan<u32>) {
    let (mut queue, mut next) = (VecDeque::new(), None);
    while !input.is_nil() || next.is_some() {
        select! {
            recv(input) -> n => match n { Some(n) => queue.push_back(n), None => input = Chan::nil() },
            send_from(output, &mut next) => {}
        }
        next = next.or_else(|| queue.pop_front());
    }
    output.close();
}

pub(crate) fn run() {
    let merged = merge(closed_after([1, 2, 3]), closed_after([10, 20, 30]));
    println!("merged until both are closed: {merged:?}");

    let (input, output) = (Chan::new(0), Chan::new(0));
    go!(relay(input.clone(), output.clone()));
    (0..5).for_each(|n| input.send(n));
    input.close();
    println!("the relay has taken 5, and nobody has received yet");
    println!("in their order: {:?}", output.iter().collect::<Vec<_>>());
}
