//! `#[rt::main]` makes a runtime; a program may have others, and start goroutines from its own threads: a handle names
//! the runtime. A channel, a `WaitGroup` and a `JoinHandle` work across runtimes, and from plain threads.
//!
//! ```text
//! == runtimes: several runtimes, and plain threads
//! a runtime with 2 procs answers 2
//! a runtime with 3 procs answers 3
//! a plain thread joined 42
//! a plain thread sent "hello"
//! between two runtimes: [1, 2, 3]
//! ```

use std::thread;

use rt::Runtime;
use rt::chan::Chan;
use rt::go;

fn runtime(procs: usize) -> Runtime {
    Runtime::builder().procs(procs).build().unwrap()
}

pub(crate) fn run() {
    let (two, three) = (runtime(2), runtime(3));
    for (runtime, procs) in [(&two, 2), (&three, 3)] {
        println!("a runtime with {procs} procs answers {}", runtime.run(rt::procs));
    }

    let handle = two.handle();
    let thread = thread::spawn(move || handle.spawn(|| 6 * 7).join().unwrap());
    println!("a plain thread joined {}", thread.join().unwrap());

    let words = Chan::new(0);
    let sender = words.clone();
    let thread = thread::spawn(move || sender.send("hello"));
    println!("a plain thread sent {:?}", words.recv().unwrap());
    thread.join().unwrap();

    let numbers = Chan::new(0);
    let sender = numbers.clone();
    let sending = two.handle().spawn(move || {
        (1..=3).for_each(|n| sender.send(n));
        sender.close();
    });
    let received =
        three.run(|| go!(numbers => (&numbers).into_iter().collect::<Vec<i32>>()).join());
    println!("between two runtimes: {:?}", received.unwrap());
    sending.join().unwrap();
}
