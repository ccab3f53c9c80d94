//! Stages in a row, a channel between each two. A stage that is done drops its sender, which ends the next one. A stage
//! that wants no more drops its receiver, which ends the one before. The example `pipeline` is a real one, `sieve` one that
//! grows.
//!
//! ```text
//! == pipeline: goroutines in a row
//! squares of the odd numbers: [1, 9, 25, 49, 81]
//! 4 workers summed 1000 numbers: 500500
//! the first 5 of endless numbers: [0, 10, 20, 30, 40]
//! and no stage is left
//! ```

use rt::chan::{Receiver, Sender, bounded};

fn generate(numbers: impl Iterator<Item = u32>, to: Sender<u32>) {
    for n in numbers {
        if to.send(n).is_err() {
            return;
        }
    }
}

/// A stage: sends on what `f` makes of each value.
fn stage(from: Receiver<u32>, f: impl Fn(u32) -> Option<u32>, to: Sender<u32>) {
    generate(from.into_iter().filter_map(f), to);
}

pub(crate) fn run() {
    rt::scope(|s| {
        let ((to_square, numbers), (to_main, squares)) = (bounded(0), bounded(0));
        s.spawn(|| generate(1..10, to_square));
        s.spawn(|| stage(numbers, |n| (n % 2 == 1).then_some(n * n), to_main));
        println!("squares of the odd numbers: {:?}", squares.iter().collect::<Vec<_>>());
    });

    rt::scope(|s| {
        let ((to_workers, numbers), (to_main, sums)) = (bounded(0), bounded(0));
        s.spawn(|| generate(1..=1000, to_workers));
        for (numbers, sums) in [(); 4].map(|()| (numbers.clone(), to_main.clone())) {
            s.spawn(move || sums.send(numbers.iter().sum::<u32>()).unwrap());
        }
        drop(to_main); // only the workers still have it
        println!("4 workers summed 1000 numbers: {}", sums.iter().sum::<u32>());
    });

    rt::scope(|s| {
        let ((to_tenfold, numbers), (to_main, tens)) = (bounded(0), bounded(0));
        s.spawn(|| generate(0.., to_tenfold));
        s.spawn(|| stage(numbers, |n| n.checked_mul(10), to_main));
        println!("the first 5 of endless numbers: {:?}", Vec::from_iter(tens.into_iter().take(5)));
    });
    println!("and no stage is left");
}
