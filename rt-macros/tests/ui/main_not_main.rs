#[rt::main]
fn start() {}

fn main() {
    start();
}
