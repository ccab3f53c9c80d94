//! When `main` returns the program ends, and nobody waits for a goroutine. So the first program of every Go course
//! prints one line, and the second, whose goroutine says goodbye over a channel, prints two.
//!
//! ```text
//! == hello: main waits for nobody, unless a channel says so
//! Golang梦工厂
//! hello everybody , I'm asong
//! ```

use rt::chan::Chan;
use rt::go;

fn hello_too_late() {
    rt::time::sleep(std::time::Duration::from_secs(3600));
    println!("hello everybody , I'm Junqi Liao");
}

fn hello(ch: Chan<i32>) {
    println!("hello everybody , I'm asong");
    ch.send(1);
}

pub(crate) fn run() {
    // Dropping the handle detaches: this goroutine is still asleep when the tour is over.
    go!(hello_too_late());
    println!("Golang梦工厂");

    let ch = Chan::new(0);
    go!(hello(ch.clone()));
    ch.recv();
}
