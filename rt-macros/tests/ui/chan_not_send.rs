use rt::chan::{self, Chan};
use std::rc::Rc;

fn main() {
    let (tx, rx) = chan::bounded::<Rc<str>>(1);
    rt::go!(tx => {
        let _ = tx.send("not Send".into());
    });
    drop(rx);
    let ch = Chan::<Rc<u8>>::new(1);
    rt::go!(ch => println!("{:?}", ch.recv()));
}
