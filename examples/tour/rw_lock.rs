//! An `RwLock` lets in many who read, or one who writes. A writer who waits keeps new readers away, so that those who
//! come and go do not keep it out for ever.
//!
//! ```text
//! == rw_lock: many readers, or one writer
//! 3 readers were in at the same time
//! with a reader inside: read true, write false
//! with a writer who waits: read false
//! the writer came in when the reader left: [1, 2]
//! downgraded, others read, too: [1, 2, 3]
//! ```

use rt::sync::{Barrier, RwLock, RwLockWriteGuard};

pub(crate) fn run() {
    let list = RwLock::new(vec![1]);
    let all_are_in = Barrier::new(3);
    rt::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let _guard = list.read();
                all_are_in.wait();
            });
        }
    });
    println!("3 readers were in at the same time");

    rt::scope(|s| {
        let reader = list.read();
        let (read, write) = (list.try_read().is_some(), list.try_write().is_some());
        println!("with a reader inside: read {read}, write {write}");

        let writer = s.spawn(|| list.write().push(2));
        while list.try_read().is_some() {
            rt::yield_now();
        }
        println!("with a writer who waits: read {}", list.try_read().is_some());
        drop(reader);
        writer.join().unwrap();
    });
    println!("the writer came in when the reader left: {:?}", list.read());

    let mut guard = list.write();
    guard.push(3);
    let _reading = RwLockWriteGuard::downgrade(guard);
    println!("downgraded, others read, too: {:?}", list.read());
}
