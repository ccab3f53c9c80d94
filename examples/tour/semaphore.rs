//! A `Semaphore` hands out a number of permits, one or more at a time, first come first served: a big request waits until
//! there are enough, and small ones that come later do not overtake it.
//!
//! ```text
//! == semaphore: so many at a time
//! 20 goroutines, never more than 3 at a time: true
//! one of three is free, but somebody waits for all: try_acquire None
//! in their order: ["all three", "one"]
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};

use rt::sync::{Mutex, Semaphore};

pub(crate) fn run() {
    let (three, inside) = (Semaphore::new(3), AtomicUsize::new(0));
    let most = rt::scope(|s| {
        let visit = || {
            let _permit = three.acquire(1); // given back when it is dropped
            let now = inside.fetch_add(1, Ordering::Relaxed) + 1;
            rt::yield_now();
            inside.fetch_sub(1, Ordering::Relaxed);
            now
        };
        let visitors: Vec<_> = (0..20).map(|_| s.spawn(visit)).collect();
        visitors.into_iter().map(|visitor| visitor.join().unwrap()).max()
    });
    println!("20 goroutines, never more than 3 at a time: {}", most <= Some(3));

    let order = Mutex::new(Vec::new());
    let come = |permits, who| {
        let _permits = three.acquire(permits);
        order.lock().push(who);
    };
    rt::scope(|s| {
        let two = three.acquire(2);
        s.spawn(|| come(3, "all three"));
        // Until it waits.
        while three.try_acquire(1).is_some() {
            rt::yield_now();
        }
        let one = three.try_acquire(1);
        println!("one of three is free, but somebody waits for all: try_acquire {one:?}");
        s.spawn(|| come(1, "one"));
        rt::yield_now();
        drop(two);
    });
    println!("in their order: {:?}", order.lock());
}
