//! `join` gives what the goroutine returned. A panic ends its goroutine only, and arrives at the joiner as a value.
//!
//! ```text
//! == join: results, and panics as values
//! joined: 42
//! panicked: "index out of bounds: the len is 3 but the index is 7"
//! panicked with a value: 3
//! the others go on: [0, 2, 4]
//! ```

use rt::go;

struct Odd(u32);

fn even(n: u32) -> u32 {
    if n % 2 == 1 {
        std::panic::panic_any(Odd(n));
    }
    n
}

pub(crate) fn run() {
    println!("joined: {}", go!({ 6 * 7 }).join().unwrap());

    let numbers: Vec<usize> = (1..=3).collect();
    let error = go!({ numbers[numbers.len() + 4] }).join().unwrap_err();
    assert!(error.is_panic());
    let message = error.into_panic().downcast::<String>().unwrap();
    println!("panicked: {message:?}");

    let error = go!(even(3)).join().unwrap_err();
    let odd = error.into_panic().downcast::<Odd>().unwrap();
    println!("panicked with a value: {}", odd.0);

    let handles: Vec<_> = (0..6).map(|n| go!(even(n))).collect();
    let evens: Vec<u32> = handles.into_iter().filter_map(|handle| handle.join().ok()).collect();
    println!("the others go on: {evens:?}");
}
