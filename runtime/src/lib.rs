//! Go's concurrency for Rust: ordinary blocking code, by the million.
//!
//! `rt` runs goroutines (stackful green threads) on a few OS threads, with Go's scheduler:
//! processors with local run queues, work stealing, direct hand-off. You write straight-line code,
//! put [`go!`] in front of it, and join it, scope it, or let it talk over a [channel](chan).
//!
//! ```
//! #[rt::main]
//! fn main() {
//!     let squares: Vec<_> = (1..=3_u32).map(|n| rt::go!(u32::pow(n, 2))).collect();
//!     let squares: Vec<_> = squares.into_iter().map(|h| h.join().unwrap()).collect();
//!     assert_eq!(squares, [1, 4, 9]);
//! }
//! ```
//!
//! Start at [`go!`] and [`spawn`], [`scope`], [`chan::Chan`] and [`sync::WaitGroup`]; a
//! [`Runtime`] of your own if a macro on `main` is not what you want.
//!
//! # Coming from Go
//!
//! | Go | here |
//! |---|---|
//! | `go f(x)` | `go!(f(x))`: see [`go!`] for its other forms |
//! | `make(chan T, n)`, `ch <- v`, `v, ok := <-ch`, `close(ch)`, `for v := range ch` | [`Chan::new(n)`](chan::Chan::new), `ch.send(v)`, `ch.recv()`, `ch.close()`, `for v in &ch` |
//! | `chan<- T`, `<-chan T` | [`chan::Sender`], [`chan::Receiver`], made by [`chan::bounded`]; or a `Chan` |
//! | `select { .. }` | [`select!`] |
//! | `defer`, `recover`, named results | [`panic::frame`](panic::frame()); for clean-up alone [`defer!`], [`defer_call!`] |
//! | `sync`, `context`, `time`, `net`, `os/signal` | [`sync`], [`context`], [`time`], [`net`], [`signal`] |
//! | `sync.OnceFunc`, `OnceValue`; `sync/atomic` | [`sync::OnceLock`], [`sync::LazyLock`]; std's atomics |
//! | `time.After`, `Tick`, `NewTimer`, `NewTicker`, `AfterFunc`, `Since(t)` | [`chan::after`], [`chan::tick`], [`time::Timer`], [`time::Ticker`], [`time::after_func`] (or [`Timer::with_func`](time::Timer::with_func)), `time::now() - t` |
//! | `errgroup`, `singleflight`, `semaphore` of `golang.org/x/sync` | [`sync::ErrGroup`], [`sync::SingleFlight`], [`sync::Semaphore`] |
//! | `signal.NotifyContext` | [`signal::notify_context`] |
//! | `os`, `os/exec`, `bufio`, `io.Copy` | std's: what blocks, blocks nobody else |
//! | `runtime.Gosched`, `Goexit`, `LockOSThread`, `NumGoroutine`, `GOMAXPROCS(0)` | [`yield_now`], [`task::exit`], [`task::pin_thread`], [`num_goroutines`], [`procs`] |
//! | `[]T`, `map[K]V`, `any`, `switch v := x.(type)` | [`collections`], [`any`], [`type_switch!`] |
//! | `testing/synctest` ([its `Wait`](testing#virtual-time)); `runtime/pprof`'s goroutines, `runtime/trace` | `#[rt::test(virtual_time)]`; [`dump`], [`trace`] |
//!
//! What is different: what a goroutine uses is moved into it, unless it is spawned in a [`scope`]. It has a [handle](JoinHandle) to wait for
//! its result, or to end it. A panic that nobody catches ends its goroutine, and the process only with [`PanicPolicy::Abort`]. An `ErrGroup`
//! gives its error to one of those who [wait](sync::ErrGroup::wait). A TCP stream gathers small writes, as std's do, until told not to by
//! [`set_nodelay(true)`](net::TcpStream::set_nodelay): who writes a head and a body and then reads waits tens of milliseconds each time. For
//! `net/http` there is nothing; std's traits are how other crates meet a stream, and the example `httpd` is a server written by hand.
//!
//! # Coming from tokio
//!
//! | tokio | here |
//! |---|---|
//! | `#[tokio::main]`, `#[tokio::test]` | [`#[rt::main]`](macro@main), [`#[rt::test]`](macro@test), on functions that are not `async` |
//! | `Runtime::new()`, `block_on`, `Handle` | [`Runtime::builder()`], [`run`](Runtime::run), [`Handle`] |
//! | `tokio::spawn(async { .. })`, `handle.await` | `rt::spawn(\|\| ..)`, [`handle.join()`](JoinHandle::join) |
//! | `spawn_blocking`, `block_in_place`, `tokio::fs`, `tokio::process` | nothing: call what blocks; [`blocking`] saves the others a moment |
//! | `handle.abort()` | [the same](JoinHandle::abort): it unwinds the goroutine from where it waits |
//! | `sync::{Mutex, RwLock, Semaphore, Barrier, OnceCell}`, `net`, `time::sleep`, `yield_now` | [`sync`], where the last is [`OnceLock`](sync::OnceLock), [`net`], [`time::sleep`], [`yield_now`]: without the `await` |
//! | `mpsc`, `oneshot` | [`chan::bounded`], [`chan::unbounded`], of which several may receive, too |
//! | `broadcast` | a `Sender` for each who listens, as the example `chat` has it |
//! | `watch`, `Notify` | a [`sync::Mutex`] and a [`sync::Condvar`]; a notification also a [`Chan`](chan::Chan) of one slot and its `try_send` |
//! | `select!` | [`select!`], of operations on channels; a timeout is `default(duration)`, a cancellation `recv(ctx.done())` |
//! | `time::timeout`, `time::interval` | [`time::timeout`], but mostly a call has a form that ends in `_timeout`; [`time::Ticker`], whose first tick comes after a period |
//! | `CancellationToken`, `task_local!` | [`context::Context`], [`goroutine_local!`] |
//! | `join!`, `try_join!` | [`join`] for two that compute, [`scope`] for any; [`sync::ErrGroup`] |
//! | `JoinSet`, `TaskTracker` | [`scope`], [`sync::ErrGroup`] or [`sync::WaitGroup`], and a channel for results as they come |
//! | `stream.split()`, `io::copy_bidirectional`, `AsyncRead` | `&stream` reads and writes, or [`try_clone`](net::TcpStream::try_clone); `std::io::copy` twice, in a `scope`; `std::io::Read` |
//! | `signal::ctrl_c` | [`signal::notify`], [`signal::notify_context`] |
//! | `time::pause` | `#[rt::test(virtual_time)]` |
//! | `tokio-console`, `RuntimeMetrics` | [`dump`], [`metrics`], and `debug::serve` with a feature |
//! | any future | [`block_on`] |
//!
//! # Coming from threads
//!
//! | `std::thread` | here |
//! |---|---|
//! | `spawn`, `Builder`, `JoinHandle` | [`spawn`], [`task::Builder`], [`JoinHandle`], whose [`join`](JoinHandle::join) has an error with more to say |
//! | `scope`, `Builder::spawn_scoped` | [`scope`], [`spawn_scoped`](task::Builder::spawn_scoped) |
//! | `sleep`, `yield_now`, `current().id()`, `available_parallelism` | [`time::sleep`], [`yield_now`], [`task::current`], [`procs`] |
//! | `thread_local!` | [`goroutine_local!`]: a goroutine goes from thread to thread |
//! | `mpsc`, crossbeam's channels and `select!` | [`chan`], [`select!`]; those themselves not in a loop that waits here, too: see SOUNDNESS.md |
//! | `park`, `unpark` | a [`Chan`](chan::Chan) of one slot: `recv`, and `try_send` |
//! | `Mutex`, `RwLock`, `Condvar`, `Once`, `OnceLock`, `LazyLock`, `Barrier` | [`sync`]; std's work, too, and hold up a thread |
//!
//! # Under another name
//!
//! The macros name the crate `::rt`. Where the dependency has another name, such as `goroutines = { package = "rt", .. }`, put
//! `extern crate goroutines as rt;` at the root of the crate that uses them; in a module it does not help.

#![cfg_attr(any(loom, shuttle), allow(dead_code, reason = "a model uses a part of the crate"))]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("rt needs a machine with pointers of 64 bits, as x86-64 and aarch64 are");

extern crate self as rt;

mod carrier;
mod g;
mod lock;
mod m;
mod p;
mod parker;
mod poller;
mod prim;
mod queue;
mod sched;
mod stack;
mod sys;
mod timer;
mod util;
mod wait;

pub mod any;
pub mod chan;
pub mod collections;
pub mod context;
pub mod debug;
pub mod net;
pub mod panic;
pub mod pool;
mod runtime;
pub mod signal;
pub mod sync;
pub mod task;
pub mod testing;
pub mod time;
pub mod trace;

pub use debug::dump;
pub use panic::PanicPolicy;
pub use rt_macros::{defer_call, go, main, select, test, type_switch};
pub use runtime::{Builder, EnterGuard, Handle, Runtime, ShutdownTimeout};
pub use task::{JoinError, JoinHandle, block_on, blocking, join, scope, spawn, yield_now};

/// How many goroutines of the current runtime have been spawned and have not ended; about that
/// many, while others come and go. Go's `runtime.NumGoroutine`.
///
/// # Panics
/// When there is no runtime here.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     assert_eq!(rt::num_goroutines(), 1);
/// }
/// ```
#[track_caller]
pub fn num_goroutines() -> usize {
    Handle::current().num_goroutines()
}

/// How many goroutines of the current runtime run at the same time. Go's `GOMAXPROCS(0)`.
///
/// # Panics
/// When there is no runtime here.
///
/// # Examples
/// ```
/// #[rt::main(procs = 2)]
/// fn main() {
///     assert_eq!(rt::procs(), 2);
/// }
/// ```
#[track_caller]
pub fn procs() -> usize {
    Handle::current().procs()
}

/// The current runtime in numbers: what its processors did, who waits for what, how long goroutines wait for their turn.
/// Go's `runtime/metrics`.
///
/// The counting goes on all the time, and costs next to nothing; to ask costs a look at each goroutine's header.
/// [`Metrics::to_prometheus`](debug::Metrics::to_prometheus) has it as text.
///
/// # Panics
/// When there is no runtime here. See [`Handle::metrics`].
///
/// # Examples
/// ```
/// #[rt::main(procs = 2)]
/// fn main() {
///     let sleeper = rt::spawn(|| rt::time::sleep(std::time::Duration::from_secs(60)));
///     while rt::metrics().goroutines.waiting != [("sleep", 1)] {
///         rt::yield_now();
///     }
///     let metrics = rt::metrics();
///     assert_eq!((metrics.goroutines.live, metrics.goroutines.running), (2, 1));
///     assert_eq!((metrics.procs.len(), metrics.timers), (2, 1));
///     sleeper.abort();
/// }
/// ```
#[track_caller]
pub fn metrics() -> debug::Metrics {
    Handle::current().metrics()
}

/// What the macros expand to. Not for direct use.
#[doc(hidden)]
pub mod __private {
    /// Of `type_switch!`.
    pub mod any {
        pub use crate::any::switch::{
            Concrete, Errors, Interface, InterfaceValue, Look, Object, Peel, Plain, Pointer,
            Values, case, case_dyn,
        };
    }
    pub use crate::chan::select::{
        Arm, Case, RecvCase, RecvOperand, SendCase, SendFromCase, SendOperand, Wait, recv_case,
        select, select_forever, send_case, send_from_case,
    };
    pub use crate::panic::Guard;
    pub use crate::runtime::Entry;
    pub use crate::task::{Given, GivenPlain};
    pub use crate::testing::Test;
}
