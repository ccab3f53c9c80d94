//! A slice is a window on an array: where it starts, how long it is (len), how far it may grow (cap). Windows on one
//! array see each other's writes, until an append finds no room and moves to a new array.
//!
//! ```text
//! == slices: windows on one array
//! array   [ 0  1  2  3  4  5  6  7 ]
//! s1      [ 0  1  2  3  4 ........ ]  len 5 cap 8
//! s2               [ 3  4  5 ..... ]  len 3 cap 5
//! append to s1: there is room, and s2 sees it
//! s1      [ 0  1  2  3  4 50 ..... ]  len 6 cap 8
//! s2               [ 3  4 50 ..... ]  len 3 cap 5
//! append three to s2: no room, a new array
//! s2      [ 3  4 50 60 70 80 ........... ]  len 6 cap 10
//! array   [ 0  1  2  3  4 50  6  7 ]
//! make(4, 8) is [0 0 0 0], [1 2 3 4] and 5 is [1 2 3 4 5] with cap 8, and [6 7 8] more [1 2 3 4 5 6 7 8]
//! grown from 1023, 1024 and 1280: 2046, 1280, 1600
//! ```

use rt::collections::Slice;

/// A window as it lies `start` places into its array, with what it may still grow over.
fn draw(name: &str, slice: &Slice<i32>, start: usize) {
    let elements: String = slice.view().iter().map(|n| format!("{n:>2} ")).collect();
    let room = ".".repeat((3 * (slice.cap() - slice.len())).saturating_sub(1));
    let indent = "   ".repeat(start);
    let room = if room.is_empty() { room } else { room + " " };
    print!("{name:<8}{indent}[{elements}{room}]");
    match name {
        "array" => println!(),
        _ => println!("  len {} cap {}", slice.len(), slice.cap()),
    }
}

pub(crate) fn run() {
    let array = Slice::from([0, 1, 2, 3, 4, 5, 6, 7]);
    let (s1, s2) = (array.reslice(..5), array.reslice(3..6));
    draw("array", &array, 0);
    draw("s1", &s1, 0);
    draw("s2", &s2, 3);
    println!("append to s1: there is room, and s2 sees it");
    draw("s1", &s1.append(50), 0);
    draw("s2", &s2, 3);
    println!("append three to s2: no room, a new array");
    draw("s2", &s2.append_all([60, 70, 80]), 0);
    draw("array", &array, 0);

    let (made, four) = (Slice::<i32>::make(4, 8), Slice::from([1, 2, 3, 4]));
    let five = four.append(5);
    let eight = five.append_slice(&Slice::from([6, 7, 8]));
    print!("make(4, 8) is {made}, {four} and 5 is {five} with cap {}, ", five.cap());
    println!("and [6 7 8] more {eight}");
    let grown = [1023, 1024, 1280].map(|cap| Slice::from_vec(vec![0; cap]).append(1).cap());
    println!("grown from 1023, 1024 and 1280: {}, {}, {}", grown[0], grown[1], grown[2]);
}
