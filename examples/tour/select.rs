//! `select!` waits until one of several operations can happen, and does that one. With a `default` it does not wait, with
//! `default(duration)` not for longer.
//!
//! ```text
//! == select: whatever comes first
//! fibonacci until it is told to quit: [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]
//! nothing is there: the default
//! nothing came within 5 ms
//! an expression: Some("here")
//! a send or a receive, whatever can be: sent
//! a send or a receive, whatever can be: received Some(1)
//! ```

use std::time::Duration;

use rt::chan::Chan;
use rt::{go, select};

fn fibonacci(numbers: Chan<u32>, quit: Chan<()>) {
    let (mut x, mut y) = (0, 1);
    loop {
        select! {
            send(numbers, x) => (x, y) = (y, x + y),
            recv(quit) => return numbers.close(),
        }
    }
}

pub(crate) fn run() {
    let (numbers, quit) = (Chan::new(0), Chan::new(0));
    go!(fibonacci(numbers.clone(), quit.clone()));
    let first: Vec<u32> = numbers.iter().take(10).collect();
    quit.send(());
    assert_eq!(numbers.recv(), None);
    println!("fibonacci until it is told to quit: {first:?}");

    let words = Chan::new(1);
    select! {
        recv(words) -> word => println!("a word: {word:?}"),
        default => println!("nothing is there: the default"),
    }
    select! {
        recv(words) -> word => println!("a word: {word:?}"),
        default(Duration::from_millis(5)) => println!("nothing came within 5 ms"),
    }
    words.send("here");
    let word = select! { recv(words) -> word => word, default => None };
    println!("an expression: {word:?}");

    let one = Chan::new(1);
    for _ in 0..2 {
        let what = select! {
            send(one, 1) => "sent".to_string(),
            recv(one) -> value => format!("received {value:?}"),
        };
        println!("a send or a receive, whatever can be: {what}");
    }
}
