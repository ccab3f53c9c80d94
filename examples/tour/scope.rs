//! Goroutines of a `scope` end before it does, so they may borrow what is around it: no `Arc`, no clone.
//! It has the shape of `std::thread::scope`.
//!
//! ```text
//! == scope: goroutines that borrow
//! sums: [6, 15, 24]
//! changed in place: [10, 20, 30, 40, 50, 60, 70, 80, 90]
//! the longest word has 9 letters
//! ```

pub(crate) fn run() {
    let mut numbers = vec![1, 2, 3, 4, 5, 6, 7, 8, 9];

    let sums = rt::scope(|s| {
        let parts: Vec<_> =
            numbers.chunks(3).map(|part| s.spawn(move || part.iter().sum::<u32>())).collect();
        parts.into_iter().map(|part| part.join().unwrap()).collect::<Vec<_>>()
    });
    println!("sums: {sums:?}");

    // Each borrows its own part, and may change it.
    rt::scope(|s| {
        for part in numbers.chunks_mut(3) {
            s.spawn(move || part.iter_mut().for_each(|n| *n *= 10));
        }
    });
    println!("changed in place: {numbers:?}");

    let text = "share memory by communicating".replace("communicating", "borrowing");
    let longest = rt::scope(|s| {
        let lengths: Vec<_> = text.split(' ').map(|word| s.spawn(|| word.len())).collect();
        lengths.into_iter().map(|length| length.join().unwrap()).max()
    });
    println!("the longest word has {} letters", longest.unwrap());
}
