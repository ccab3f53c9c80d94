struct Server {
    name: String,
}

impl Server {
    fn start(&self) {
        rt::go!(self.name => { println!("{}", self.name) });
        rt::go!(self => { println!("{}", self.name) });
    }
}

fn main() {}
