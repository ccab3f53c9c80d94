//! `goroutine_local!`: what `thread_local!` is to a thread. A goroutine may move from thread to thread; its values move
//! with it, and are dropped when it ends.
//!
//! ```text
//! == locals: goroutine_local!
//! dropped: 10
//! dropped: 11
//! each has its own: [11, 12]
//! mine is untouched: 0
//! ```

use std::cell::{Cell, RefCell};

use rt::go;

struct Noisy(u32);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("dropped: {}", self.0);
    }
}

rt::goroutine_local! {
    static COUNT: Cell<u32> = Cell::new(0);
    static LAST: RefCell<Option<Noisy>> = RefCell::new(None);
}

fn count_from(start: u32) -> u32 {
    COUNT.with(|count| count.set(start));
    rt::yield_now(); // perhaps on another thread from here
    COUNT.with(|count| count.set(count.get() + 1));
    LAST.with(|last| last.replace(Some(Noisy(start))));
    COUNT.with(Cell::get)
}

pub(crate) fn run() {
    let first = go!(count_from(10)).join().unwrap();
    let second = go!(count_from(11)).join().unwrap();
    println!("each has its own: {:?}", [first, second]);
    println!("mine is untouched: {}", COUNT.with(Cell::get));
}
