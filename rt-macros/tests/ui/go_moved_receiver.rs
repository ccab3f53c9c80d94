use std::sync::mpsc::Sender;

struct Server {
    tx: Sender<u32>,
}

impl Server {
    fn start(&self) {
        rt::go!(self.tx.send(1));
    }
}

fn main() {}
