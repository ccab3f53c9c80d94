//! If several cases are ready, `select!` draws one of them: who is always ready does not keep others waiting. With `biased;`
//! it takes the first in the order in which they are written.
//!
//! ```text
//! == fairness: by chance, or in order
//! of 10,000 draws between two, each got more than 4,000: true
//! a closed channel is ready all the time, and yet 10 values got through: true
//! biased: all that is urgent comes first: [1, 2, 3, 100, 200, 300]
//! ```

use rt::chan::Chan;
use rt::select;

/// A channel with some values in it.
fn filled(values: impl IntoIterator<Item = u32>) -> Chan<u32> {
    let ch = Chan::new(10_000);
    values.into_iter().for_each(|value| ch.send(value));
    ch
}

pub(crate) fn run() {
    let (left, right) = (filled(0..10_000), filled(0..10_000));
    let mut drawn = [0, 0];
    for _ in 0..10_000 {
        select! {
            recv(left) => drawn[0] += 1,
            recv(right) => drawn[1] += 1,
        }
    }
    let fair = drawn.iter().all(|n| *n > 4_000);
    println!("of 10,000 draws between two, each got more than 4,000: {fair}");

    let (closed, values) = (filled([]), filled(0..10));
    closed.close();
    let mut received = Vec::new();
    while received.len() < 10 {
        select! {
            recv(closed) -> nothing => assert_eq!(nothing, None),
            recv(values) -> value => received.extend(value),
        }
    }
    let all = received == Vec::from_iter(0..10);
    println!("a closed channel is ready all the time, and yet 10 values got through: {all}");

    let (urgent, other) = (filled([1, 2, 3]), filled([100, 200, 300]));
    let mut order = Vec::new();
    while order.len() < 6 {
        select! {
            biased;
            recv(urgent) -> n => order.extend(n),
            recv(other) -> n => order.extend(n),
        }
    }
    println!("biased: all that is urgent comes first: {order:?}");
}
