//! A goroutine may call what blocks: `std::fs`, a pipe, `std::sync`, C. Its processor goes to other goroutines
//! meanwhile; nothing has to be wrapped or marked. Here there is one processor only.
//!
//! ```text
//! == blocking: std calls that block
//! others ran while one was blocked in read(2): true
//! read from the pipe: "through the kernel"
//! 10 goroutines, each blocking its thread, met at a std::sync::Barrier
//! ```

use std::io::{Read, Write};
use std::sync::{Arc, Barrier};

use rt::Runtime;
use rt::chan::Chan;
use rt::go;

fn read_a_pipe() {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let about_to_read = Chan::new(0);
    let read = go!(about_to_read => {
        let mut text = String::new();
        about_to_read.send(());
        reader.read_to_string(&mut text).unwrap(); // until the writer is dropped
        text
    });
    about_to_read.recv();
    let others: Vec<_> = (0..100).map(|n| go!({ n })).collect();
    let sum: u32 = others.into_iter().map(|other| other.join().unwrap()).sum();
    let ran = sum == 4950 && !read.is_finished();
    println!("others ran while one was blocked in read(2): {ran}");
    writer.write_all(b"through the kernel").unwrap();
    drop(writer);
    println!("read from the pipe: {:?}", read.join().unwrap());
}

fn meet() {
    let barrier = Arc::new(Barrier::new(10));
    let waiting: Vec<_> = (0..10).map(|_| go!(barrier => barrier.wait().is_leader())).collect();
    let met: Vec<bool> = waiting.into_iter().map(|one| one.join().unwrap()).collect();
    println!("{} goroutines, each blocking its thread, met at a std::sync::Barrier", met.len());
}

pub(crate) fn run() {
    let one_processor = Runtime::builder().procs(1).build().unwrap();
    one_processor.run(read_a_pipe);
    one_processor.run(meet);
}
