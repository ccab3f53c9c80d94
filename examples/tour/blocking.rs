//! A goroutine may call what blocks: `std::fs`, a pipe, `std::sync`, C; nothing has to be wrapped or marked. Such a call
//! holds a thread until it returns; the processor it had goes on with the others on another thread, here the only
//! processor there is. What is known to take long may say so, with `rt::blocking`, and hands it over at once.
//!
//! ```text
//! == blocking: std calls that block
//! each wrote a file and read it: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
//! others ran while one was blocked in read(2): true
//! read from the pipe: "through the kernel"
//! announced: 7
//! ```

use std::io::{Read, Write};
use std::{env, fs, process};

use rt::Runtime;
use rt::chan::Chan;
use rt::go;

fn through_a_file(n: u32) -> u32 {
    let path = env::temp_dir().join(format!("rt-tour-{}-{n}", process::id()));
    fs::write(&path, n.to_string()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    text.parse().unwrap()
}

fn use_files() {
    let files: Vec<_> = (0..10).map(|n| go!(through_a_file(n))).collect();
    let numbers: Vec<_> = files.into_iter().map(|file| file.join().unwrap()).collect();
    println!("each wrote a file and read it: {numbers:?}");
}

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

pub(crate) fn run() {
    let one_processor = Runtime::builder().procs(1).build().unwrap();
    one_processor.run(use_files);
    one_processor.run(read_a_pipe);
    let announced = one_processor.run(|| rt::blocking(|| through_a_file(7)));
    println!("announced: {announced}");
}
