//! A goroutine that waits costs some memory and no processor time, so there may be very many.
//!
//! ```text
//! == parked: 100,000 goroutines that wait
//! all of them are there at once: true
//! closing one channel woke 100000
//! none is left
//! ```

use rt::chan::Chan;
use rt::go;
use rt::sync::WaitGroup;

const MANY: usize = 100_000;

pub(crate) fn run() {
    let before = rt::num_goroutines();
    let (ready, done) = (WaitGroup::new(), WaitGroup::new());
    let gate = Chan::<u32>::new(0);
    let woken = Chan::new(MANY);
    for _ in 0..MANY {
        ready.add(1);
        done.add(1);
        go!(gate, ready, done, woken => {
            ready.done();
            if gate.recv().is_none() {
                woken.send(());
            }
            done.done();
        });
    }
    ready.wait();
    println!("all of them are there at once: {}", rt::num_goroutines() > MANY);

    gate.close();
    done.wait();
    println!("closing one channel woke {}", woken.len());

    // `done` counts a moment before its goroutine is gone.
    while rt::num_goroutines() > before {
        rt::yield_now();
    }
    println!("none is left");
}
