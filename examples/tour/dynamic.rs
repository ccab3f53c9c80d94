//! `select!` has the cases that are written down; a `chan::Select` has those that are added at run time, as many as there are
//! channels. Here they belong to workers, and go as these end.
//!
//! ```text
//! == dynamic: cases of which nobody knows how many
//! nothing is ready: TrySelectError
//! 0 from worker 0, 10 from worker 1, 20 from worker 2, 30 from worker 3, 40 from worker 4
//! together 100
//! ```

use rt::chan::{Receiver, RecvError, Select, bounded};
use rt::go;

fn worker(id: u32, go_on: Receiver<()>) -> Receiver<u32> {
    let (tx, results) = bounded(0);
    go!({
        if let Err(RecvError) = go_on.recv() {
            (0..id).for_each(|_| tx.send(10).unwrap());
        }
    });
    results
}

pub(crate) fn run() {
    let (stopped, go_on) = bounded(0);
    let workers: Vec<Receiver<u32>> = (0..5).map(|id| worker(id, go_on.clone())).collect();

    let mut select = Select::new();
    for results in &workers {
        select.recv(results);
    }
    println!("nothing is ready: {:?}", select.try_select().unwrap_err());

    // The last sender is gone, and with it the channel that all of them wait for.
    drop(stopped);
    let (mut sums, mut open) = (vec![0; workers.len()], workers.len());
    while open > 0 {
        let chosen = select.select();
        let i = chosen.index();
        match chosen.recv(&workers[i]) {
            Ok(n) => sums[i] += n,
            Err(RecvError) => {
                select.remove(i);
                open -= 1;
            }
        }
    }
    let each = sums.iter().enumerate().map(|(i, sum)| format!("{sum} from worker {i}"));
    println!("{}", each.collect::<Vec<_>>().join(", "));
    println!("together {}", sums.iter().sum::<u32>());
}
