fn work() {}

fn main() {
    rt::go!(work);
    let (tx, _rx) = rt::chan::bounded::<u8>(1);
    rt::go!(tx => work);
}
