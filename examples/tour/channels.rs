//! A `Chan` is Go's channel. Without a buffer a value passes when both sides are there; with one, a sender waits only
//! when it is full. After `close` what is in the buffer can still be received.
//!
//! ```text
//! == channels: channels with and without a buffer
//! handed over: 1
//! 2 of 2 in the buffer, the third is refused
//! received 10
//! received 20
//! closed and drained: None
//! ranged over: [0, 1, 4, 9]
//! ```

use rt::chan::Chan;
use rt::go;

pub(crate) fn run() {
    let rendezvous = Chan::new(0);
    go!(rendezvous => rendezvous.send(1));
    println!("handed over: {}", rendezvous.recv().unwrap());

    let buffered = Chan::new(2);
    buffered.send(10);
    buffered.send(20);
    assert!(buffered.try_send(30).is_err());
    println!("{} of {} in the buffer, the third is refused", buffered.len(), buffered.cap());
    buffered.close();
    while let Some(value) = buffered.recv() {
        println!("received {value}");
    }
    println!("closed and drained: {:?}", buffered.recv());

    let squares = Chan::new(0);
    go!(squares => {
        for n in 0..4 {
            squares.send(n * n);
        }
        squares.close();
    });
    println!("ranged over: {:?}", squares.iter().collect::<Vec<u32>>());
}
