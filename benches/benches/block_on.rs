//! `block_on`: what a future costs that is ready, one that wakes itself, and one that another goroutine wakes.

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use rt::{Runtime, block_on, spawn};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("block_on");
    for procs in [1, 2] {
        let runtime = Runtime::builder().procs(procs).build().expect("a runtime");
        group.bench_function(BenchmarkId::new("ready", procs), |bencher| {
            bencher.iter_custom(|turns| {
                timed(&runtime, turns, || assert_eq!(block_on(ready(black_box(7))), 7))
            });
        });
        group.bench_function(BenchmarkId::new("wakes_itself", procs), |bencher| {
            bencher.iter_custom(|turns| {
                timed(&runtime, turns, || {
                    let mut polled = false;
                    block_on(poll_fn(|cx| {
                        if std::mem::replace(&mut polled, true) {
                            return Poll::Ready(());
                        }
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }));
                })
            });
        });
        // A round trip is two wakes: each side parks until the other hands the turn over.
        group.bench_function(BenchmarkId::new("round_trip", procs), |bencher| {
            bencher.iter_custom(|turns| {
                runtime.run(move || {
                    let game = Arc::new(Mutex::new(Game { turn: 0, waiting: None }));
                    let other = spawn({
                        let game = Arc::clone(&game);
                        move || (0..turns).for_each(|i| block_on(Turn(&game, 2 * i + 1)))
                    });
                    let start = Instant::now();
                    (0..turns).for_each(|i| block_on(Turn(&game, 2 * i)));
                    other.join().expect("joined");
                    start.elapsed()
                })
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

struct Game {
    turn: u64,
    waiting: Option<Waker>,
}

/// Waits for a turn of the game, and hands over to the other side.
struct Turn<'a>(&'a Mutex<Game>, u64);

impl Future for Turn<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut game = self.0.lock().expect("a game");
        if game.turn != self.1 {
            game.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        game.turn += 1;
        let other = game.waiting.take();
        drop(game);
        if let Some(other) = other {
            other.wake();
        }
        Poll::Ready(())
    }
}

/// Times `turns` calls inside one goroutine.
fn timed(runtime: &Runtime, turns: u64, turn: impl Fn() + Send + 'static) -> Duration {
    runtime.run(move || {
        let start = Instant::now();
        for _ in 0..turns {
            turn();
        }
        start.elapsed()
    })
}
