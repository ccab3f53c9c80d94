use rt::chan::Chan;
use std::rc::Rc;

fn main() {
    let (ch, done) = (Chan::<Rc<u8>>::new(1), Chan::<()>::new(0));
    rt::go!(ch, done => rt::select! {
        recv(ch) -> text => println!("{text:?}"),
        recv(done) => {}
    });
    let text: Rc<str> = "not Send".into();
    rt::go!(done => rt::select! {
        recv(done) => println!("{text}"),
        default => {}
    });
    // In one goroutine it may.
    let local = Chan::new(1);
    let text: Rc<str> = "not Send".into();
    rt::select! { send(local, text) => {} recv(done) => {} }
}
