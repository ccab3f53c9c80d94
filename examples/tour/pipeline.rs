//! Stages in a row, a channel between each two: every stage ends when the one before it closes. Several workers may
//! share a channel; the last of them closes the next.
//!
//! ```text
//! == pipeline: goroutines in a row
//! squares: [1, 4, 9, 16, 25]
//! the primes below 50, each filtered by a goroutine: [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]
//! 4 workers summed 1000 numbers: 500500
//! ```

use rt::chan::Chan;
use rt::go;
use rt::sync::WaitGroup;

/// A stage: sends on what `f` makes of each value.
fn stage(input: Chan<u32>, f: impl Fn(u32) -> Option<u32> + Send + 'static) -> Chan<u32> {
    let output = Chan::new(0);
    go!(output => {
        for value in (&input).into_iter().filter_map(f) {
            output.send(value);
        }
        output.close();
    });
    output
}

fn generate(numbers: impl Iterator<Item = u32> + Send + 'static) -> Chan<u32> {
    let output = Chan::new(0);
    go!(output => {
        numbers.for_each(|n| output.send(n));
        output.close();
    });
    output
}

pub(crate) fn run() {
    let squares = stage(generate(1..=5), |n| Some(n * n));
    println!("squares: {:?}", (&squares).into_iter().collect::<Vec<_>>());

    let (mut sieve, mut primes) = (generate(2..50), Vec::new());
    while let Some(prime) = sieve.recv() {
        primes.push(prime);
        sieve = stage(sieve, move |n| (n % prime != 0).then_some(n));
    }
    println!("the primes below 50, each filtered by a goroutine: {primes:?}");

    let (numbers, sums, workers) = (generate(1..=1000), Chan::new(4), WaitGroup::new());
    for _ in 0..4 {
        let (numbers, sums) = (numbers.clone(), sums.clone());
        workers.go(move || sums.send((&numbers).into_iter().sum::<u32>()));
    }
    go!(sums => { workers.wait(); sums.close() });
    println!("4 workers summed 1000 numbers: {}", (&sums).into_iter().sum::<u32>());
}
