//! Every goroutine has an id; a `Builder` gives it a name, which its panic shows, and a stack of another size.
//!
//! ```text
//! == names: names and ids
//! I am the printer
//! without a Builder: no name
//! the handle knows it too: true
//! no id is used twice: true
//! a deep recursion on a big stack: 100000
//! ```

use rt::go;
use rt::task::{self, Builder};

fn depth(n: u32) -> u32 {
    if n == 0 { 0 } else { std::hint::black_box(depth(n - 1)) + 1 }
}

pub(crate) fn run() {
    let printer = Builder::new()
        .name("printer")
        .spawn(|| println!("I am the {}", task::current().name().unwrap_or("unnamed")))
        .unwrap();
    printer.join().unwrap();

    let name = go!({ task::current().name().map(String::from) }).join().unwrap();
    println!("without a Builder: {}", name.unwrap_or_else(|| "no name".into()));

    let handle = go!({ task::current().id() });
    let id = handle.task().id();
    println!("the handle knows it too: {}", handle.join().unwrap() == id);
    let another = go!({ task::current().id() }).join().unwrap();
    println!("no id is used twice: {}", another != id);

    let deep = Builder::new().name("deep").stack_size(64 << 20).spawn(|| depth(100_000)).unwrap();
    println!("a deep recursion on a big stack: {}", deep.join().unwrap());
}
