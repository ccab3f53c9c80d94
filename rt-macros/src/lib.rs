//! The macros of `rt`; use them from there: `rt::go!`, `#[rt::main]`, `#[rt::test]`.
//!
//! What they expand to is written down, with the invariants, at the head of `go.rs` and of `entry.rs`. Every path in
//! an expansion starts with `::rt`, so the crate must be known under that name where they are used.

mod entry;
mod go;

use proc_macro::TokenStream;

/// Starts a goroutine: Go's `go` statement.
///
/// Every form returns the `rt::JoinHandle<T>` of the goroutine; dropping it detaches. All forms are
/// `rt::spawn` in the end, so what goes into the goroutine must be `Send + 'static`.
///
/// # A call
///
/// As in Go, the function and its arguments are evaluated **now**, in the caller, from left to right; only the call
/// runs in the goroutine.
///
/// ```
/// use rt::go;
///
/// fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// #[rt::main]
/// fn main() {
///     let mut n = 1;
///     let sum = go!(add(n, 10));
///     n += 100; // too late to matter
///     assert_eq!(sum.join().unwrap(), 11);
///     assert_eq!(n, 101);
///
///     // Go's `go func(x int) { .. }(n)`
///     let next = go!((|x: u32| x + 1)(n));
///     assert_eq!(next.join().unwrap(), 102);
/// }
/// ```
///
/// An argument that is a closure literal takes what it captures with it, `move` or not.
///
/// # A method call
///
/// The receiver and the arguments are evaluated now; the receiver moves into the goroutine. Only the last method of a
/// chain runs there: in `a.b().c(x)`, `a.b()` and `x` are evaluated first. What cannot move out of its place is
/// cloned or borrowed by hand, as in `go!(self.tx.clone().send(1))`; a `static` is used where it is.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use rt::go;
///
/// static HITS: AtomicU32 = AtomicU32::new(0);
///
/// #[rt::main]
/// fn main() {
///     let count = Arc::new(AtomicU32::new(5));
///     let before = go!(count.clone().fetch_add(1, Ordering::Relaxed));
///     assert_eq!(before.join().unwrap(), 5);
///     assert_eq!(count.load(Ordering::Relaxed), 6);
///
///     go!(HITS.fetch_add(1, Ordering::Relaxed)).join().unwrap();
///     assert_eq!(HITS.load(Ordering::Relaxed), 1);
/// }
/// ```
///
/// # A block or a closure
///
/// The whole of it runs in the goroutine. Captures are moved, also where the closure does not say `move`. A closure
/// takes no parameters. A macro call counts as a block: `go!(println!("{x}"))` moves `x` and formats it later.
///
/// ```
/// use rt::go;
///
/// #[rt::main]
/// fn main() {
///     let words = vec!["to", "be"];
///     let joined = go!({
///         let mut line = words.join(" ");
///         line.push('!');
///         line
///     });
///     assert_eq!(joined.join().unwrap(), "to be!");
///
///     let name = String::from("gopher");
///     let length = go!(|| name.len());
///     assert_eq!(length.join().unwrap(), 6);
/// }
/// ```
///
/// # Clones first
///
/// Names before a `=>` are cloned now and the clones moved in: what a handle that several goroutines share wants.
/// After the `=>` comes a block, any other expression, or a closure, which then is what runs. `name = value` binds a
/// value, evaluated now, instead of a clone; `mut name` binds it mutably.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use rt::go;
///
/// #[rt::main]
/// fn main() {
///     let log = Arc::new(Mutex::new(Vec::new()));
///     let handles: Vec<_> = (0..3)
///         .map(|i| go!(log, square = i * i => { log.lock().unwrap().push(square) }))
///         .collect();
///     for handle in handles {
///         handle.join().unwrap();
///     }
///     log.lock().unwrap().sort();
///     assert_eq!(*log.lock().unwrap(), [0, 1, 4]);
/// }
/// ```
///
/// # What it cannot do
///
/// Whatever is none of these is a compile error that names the forms:
///
/// ```compile_fail
/// rt::go!(1 + 2);
/// ```
///
/// Because an argument is evaluated apart from the call, a closure *inside* an argument, as in `f(Box::new(|x| ..))`,
/// may need its parameter types written out. An `unsafe fn` is called in a block: `go!({ unsafe { f() } })`.
#[proc_macro]
pub fn go(input: TokenStream) -> TokenStream {
    go::expand(input.into()).into()
}

/// Runs `main` as the first goroutine of a runtime.
///
/// `main` may return whatever a `main` may: `()`, a `Result`, an `ExitCode`, anything that is
/// [`Termination`](std::process::Termination); it need not be `Send`. When it returns, the process exits, as in Go:
/// other goroutines are not awaited.
///
/// ```
/// #[rt::main]
/// fn main() -> Result<(), std::num::ParseIntError> {
///     let n = rt::go!("42".parse::<u32>()).join().unwrap()?;
///     assert_eq!(n, 42);
///     Ok(())
/// }
/// ```
///
/// # Options
///
/// - `procs = n`: how many goroutines run at the same time at most (Go's `GOMAXPROCS`). Without it, `RT_PROCS` or the
///   CPUs this process may use.
/// - `stack_size = bytes`: the stack of a goroutine. Without it, `RT_STACK_SIZE` or the default.
///
/// Each takes any expression of type `usize`.
///
/// ```
/// #[rt::main(procs = 4, stack_size = 256 * 1024)]
/// fn main() {
///     assert_eq!(rt::procs(), 4);
/// }
/// ```
///
/// # What it cannot do
///
/// An `async` function is refused: a goroutine waits without `await`.
///
/// ```compile_fail
/// #[rt::main]
/// async fn main() {}
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand_main(options.into(), item.into()).into()
}

/// A `#[test]` whose body runs as the first goroutine of a runtime of its own.
///
/// It may return what a test may, and stands with the other attributes of a test: `#[ignore]`,
/// `#[should_panic(expected = "..")]`. Not with `#[test]`, which it puts there itself.
///
/// ```
/// # fn main() {}
/// #[rt::test]
/// fn a_goroutine_answers() {
///     assert_eq!(rt::go!({ 42 }).join().unwrap(), 42);
/// }
///
/// #[rt::test(procs = 1)]
/// #[should_panic(expected = "out of cheese")]
/// fn panics() {
///     panic!("out of cheese");
/// }
/// ```
///
/// # Options
///
/// `procs` and `stack_size`, as for [`main`](macro@main).
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand_test(options.into(), item.into()).into()
}
