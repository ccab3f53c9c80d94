//! One kind of channel, two faces. A `Chan` is Go's: one handle for both ends, and somebody closes it. `Sender` and
//! `Receiver` are crossbeam's: the channel ends when the last handle of a side is dropped, and errors are values.
//!
//! ```text
//! == faces: Chan, or Sender and Receiver
//! until somebody closes it: [0, 1, 2]
//! until the last sender is dropped: [0, 0, 1, 1, 2, 2]
//! nobody receives any more: "hello" comes back
//! closed by hand, what is in it is still received: [1, 2]
//! without a limit: 1000 sent, and nobody has received
//! ```

use rt::chan::{self, Chan, Receiver, RecvError, SendError, Sender};
use rt::go;

fn count(tx: Sender<u32>) {
    for n in 0..3 {
        tx.send(n).unwrap();
    }
} // `tx` is dropped here, so nobody forgets it.

fn sorted(rx: &Receiver<u32>) -> Vec<u32> {
    let mut values: Vec<u32> = rx.iter().collect();
    values.sort_unstable();
    values
}

pub(crate) fn run() {
    let ch = Chan::new(0);
    go!(ch => {
        (0..3).for_each(|n| ch.send(n));
        ch.close();
    });
    println!("until somebody closes it: {:?}", ch.iter().collect::<Vec<u32>>());

    let (tx, rx) = chan::bounded(0);
    go!(count(tx.clone()));
    go!(count(tx));
    println!("until the last sender is dropped: {:?}", sorted(&rx));

    let (tx, rx) = chan::bounded(1);
    drop(rx);
    let Err(SendError(word)) = tx.send("hello") else { unreachable!("nobody receives") };
    println!("nobody receives any more: {word:?} comes back");

    let (tx, rx) = chan::bounded(2);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    rx.close();
    assert_eq!(tx.send(3), Err(SendError(3)));
    println!("closed by hand, what is in it is still received: {:?}", sorted(&rx));
    assert_eq!(rx.recv(), Err(RecvError));

    let (tx, rx) = chan::unbounded();
    (0..1000).for_each(|n| tx.send(n).unwrap());
    println!("without a limit: {} sent, and nobody has received", rx.len());
}
