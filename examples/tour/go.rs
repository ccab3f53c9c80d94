//! `go!` in all its forms. Each gives back a handle; whoever drops it does not wait.
//!
//! ```text
//! == go: go! in all its forms
//! a call: 3
//! its arguments are evaluated at once: 11
//! a method: 5
//! a block: 6
//! a closure: gopher
//! clones: 3 pushes
//! a called closure: 42
//! ```

use std::sync::{Arc, Mutex};

use rt::go;

fn add(a: u32, b: u32) -> u32 {
    a + b
}

pub(crate) fn run() {
    println!("a call: {}", go!(add(1, 2)).join().unwrap());

    let mut n = 1;
    let sum = go!(add(n, 10));
    n += 100;
    assert_eq!(n, 101);
    println!("its arguments are evaluated at once: {}", sum.join().unwrap());

    let text = "hello";
    println!("a method: {}", go!(text.len()).join().unwrap());

    let numbers = [1, 2, 3];
    let total = go!({ numbers.iter().sum::<u32>() });
    println!("a block: {}", total.join().unwrap());

    let name = String::from("gopher");
    println!("a closure: {}", go!(|| name).join().unwrap());

    // Clones of `log` are made now, one for each goroutine.
    let log = Arc::new(Mutex::new(Vec::new()));
    let handles: Vec<_> = (1..=3).map(|i| go!(log => log.lock().unwrap().push(i))).collect();
    for handle in handles {
        handle.join().unwrap();
    }
    println!("clones: {} pushes", log.lock().unwrap().len());

    // Go's `go func(x int) { .. }(21)`
    println!("a called closure: {}", go!((|x: u32| x * 2)(21)).join().unwrap());
}
