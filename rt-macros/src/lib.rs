//! The macros of `rt`; use them from there: `rt::go!`, `rt::defer_call!`, `rt::select!`, `rt::type_switch!`, `#[rt::main]`,
//! `#[rt::test]`.
//!
//! What they expand to is written down, with the invariants, at the heads of `go.rs`, `defer.rs`, `select.rs`,
//! `type_switch.rs` and `entry.rs`.
//! Every path in an expansion starts with `::rt`, so the crate must be known under that name where they are used.

mod arms;
mod defer;
mod entry;
mod go;
mod select;
mod type_switch;

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
/// Names before a `=>` are cloned now and the clones moved in: what a handle that several goroutines share wants. Of a name that
/// is a reference, as a parameter `ctx: &Context`, what it refers to is cloned, if that is `Clone`; a `&'static` that is to stay
/// one needs no clone, and is not named. The type of a name must be known where the macro stands.
/// After the `=>` comes a block, any other expression, or a closure, which then is what runs. (The name of a function does not
/// call it, and is refused.) `name = value` binds a value, evaluated now, instead of a clone; `mut name` binds it mutably.
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

/// Evaluates the operands of a call now, and calls at the end of the scope: Go's `defer` statement.
///
/// ```
/// use rt::defer_call;
/// use std::cell::RefCell;
///
/// let said = RefCell::new(Vec::new());
/// let say = |n: u32| said.borrow_mut().push(n);
/// {
///     let mut i = 0;
///     defer_call!(say(i)); // 0, whatever becomes of `i`
///     i += 1;
///     defer_call!(say(i)); // runs first
///     i += 1;
///     say(i);
/// }
/// assert_eq!(said.take(), [2, 1, 0]);
/// ```
///
/// * **`f(x)`, `path::f(x)`, `(self.f)(x)`, `(|x| ..)(x)`**: the arguments are evaluated, and a callee that is more than
///   a name.
/// * **`x.f(y)`**: the receiver, too. One that is a place (`x`, `self.log`, `table[i]`) is borrowed until the call, or moved if the
///   method takes it by value; anything else (`open()?.close()`) is evaluated now and kept.
/// * **`println!(..)`**, `print!`, `eprintln!`, `eprint!`: the text is made now and printed later.
/// * **`frame => f(x)`**: the same for a `rt::panic::Frame`: what it defers owns its operands, as a goroutine's call does.
///
/// ```
/// use rt::{defer_call, panic};
/// use std::sync::Mutex;
///
/// let log = Mutex::new(Vec::new());
/// let note = |word| log.lock().unwrap().push(word);
/// panic::frame(|f| {
///     let word = String::from("deferred");
///     defer_call!(f => note(word));
/// });
/// assert_eq!(*log.lock().unwrap(), ["deferred"]);
/// ```
///
/// The call runs however the scope is left: also by a panic, or an abort. What it returns is dropped. The last one that
/// was deferred runs first. It costs no allocation. In Go it would run at the end of the function; put it into the
/// outermost scope for that, or use a frame.
///
/// To defer statements, evaluated later as a whole, there is `rt::defer! { .. }`.
///
/// Whatever is no call is a compile error that says what to write:
///
/// ```compile_fail
/// rt::defer_call!(1 + 2);
/// ```
///
/// Leave the macro a statement: at the end of a block, put a semicolon after its parentheses.
#[proc_macro]
pub fn defer_call(input: TokenStream) -> TokenStream {
    defer::expand(input.into()).into()
}

/// Waits until one of several channel operations can happen, and does that one: Go's `select` statement.
///
/// ```
/// use std::time::Duration;
/// use rt::chan::Chan;
/// use rt::select;
///
/// #[rt::main]
/// fn main() {
///     let (numbers, done) = (Chan::new(0), Chan::<()>::new(0));
///     rt::go!(numbers, done => {
///         for n in 1..=3 {
///             numbers.send(n);
///         }
///         done.close();
///     });
///     let mut sum = 0;
///     loop {
///         select! {
///             recv(numbers) -> n => sum += n.unwrap(),
///             recv(done) => break,
///             default(Duration::from_secs(60)) => panic!("nothing happens"),
///         }
///     }
///     assert_eq!(sum, 6);
/// }
/// ```
///
/// In a goroutine it parks the goroutine, elsewhere the thread.
///
/// # Arms
///
/// An arm is `operation -> pattern => body`. The pattern is bound to the operation's result; without `-> pattern`, or
/// with `-> _`, the result is dropped at once. The body is an expression. As in a `match`, a comma stands between the
/// arms, and may be left out after a block.
///
/// | operation | what it does | its result on a `Chan<T>` | on a `Receiver<T>`, a `Sender<T>` |
/// |---|---|---|---|
/// | `recv(rx)` | receives | `Option<T>`: `None` when closed and drained | `Result<T, RecvError>` |
/// | `send(tx, value)` | sends `value` | `()`; panics when closed | `Result<(), SendError<T>>` |
/// | `send_from(tx, slot)` | sends what is in `slot`, a `&mut Option<T>` | `()`; panics when closed | `Result<(), SendError<T>>` |
/// | `default` | happens if nothing else can at once | - | - |
/// | `default(duration)` | happens if nothing else could for so long | - | - |
///
/// A channel is any expression for a channel or for a reference to one; a place, as in `recv(self.rx)`, stays where it
/// is. There is at most one `default`, anywhere among the arms. Without one, `select!` waits as long as it takes.
///
/// ```
/// use rt::chan::{self, Chan};
/// use rt::select;
///
/// #[rt::main]
/// fn main() {
///     let (tx, rx) = chan::bounded(1);
///     let ch = Chan::new(1);
///     ch.send("from a Chan");
///     for _ in 0..2 {
///         select! {
///             recv(ch) -> text => assert_eq!(text, Some("from a Chan")),
///             send(tx, 5) -> sent => assert!(sent.is_ok()),
///         }
///     }
///     // Now nothing is ready: `ch` is empty and `tx` full.
///     select! {
///         recv(ch) => unreachable!(),
///         send(tx, 6) => unreachable!(),
///         default => {}
///     }
///     assert_eq!(rx.recv(), Ok(5));
/// }
/// ```
///
/// # Exactly one happens
///
/// One operation is done and one body is run; the other channels are as if they had not been asked. If several
/// operations can happen, one of them is picked at random, each as likely as the others: a channel that is always ready
/// does not keep the others waiting. `biased;` in front takes the first one in source order instead.
///
/// ```
/// use rt::chan::Chan;
/// use rt::select;
///
/// #[rt::main]
/// fn main() {
///     let (urgent, other) = (Chan::new(10), Chan::new(10));
///     for n in 0..10 {
///         urgent.send(n);
///         other.send(n);
///     }
///     for n in 0..10 {
///         select! {
///             biased;
///             recv(urgent) -> m => assert_eq!(m, Some(n)),
///             recv(other) => unreachable!("as long as something is urgent"),
///         }
///     }
/// }
/// ```
///
/// # Nil channels
///
/// An operation on a nil channel (`Chan::nil()`, `chan::never()`) never happens, and neither does `send_from` when there
/// is nothing in its slot. So an arm is switched off by its channel; a closed one would be ready all the time.
///
/// ```
/// use rt::chan::Chan;
/// use rt::select;
///
/// #[rt::main]
/// fn main() {
///     let (mut a, mut b) = (Chan::new(2), Chan::new(2));
///     for ch in [&a, &b] {
///         ch.send(1);
///         ch.close();
///     }
///     let (mut sum, mut open) = (0, 2);
///     while open > 0 {
///         let (from, got) = select! {
///             recv(a) -> got => (&mut a, got),
///             recv(b) -> got => (&mut b, got),
///         };
///         match got {
///             Some(n) => sum += n,
///             None => {
///                 *from = Chan::nil();
///                 open -= 1;
///             }
///         }
///     }
///     assert_eq!(sum, 2);
/// }
/// ```
///
/// # What is evaluated when
///
/// Before anything is waited for, all operands are evaluated, once, in source order: channels, values, slots, and the
/// duration of `default`. Afterwards only the pattern and the body of the operation that happened are. What an operand
/// borrows or locks on its way, as in `recv(shared.lock().rx)`, stays so during the waiting and is released before the
/// body.
///
/// A value given to `send` has moved: if another arm wins, it is dropped, before the body. `send_from` takes it out of an
/// `Option` only when it wins, and leaves it there otherwise.
///
/// ```
/// use rt::chan::Chan;
/// use rt::select;
///
/// #[rt::main]
/// fn main() {
///     let full = Chan::new(1);
///     full.send(String::from("first"));
///     let mut next = Some(String::from("second"));
///     select! {
///         send_from(full, &mut next) => unreachable!(),
///         default => assert_eq!(next.as_deref(), Some("second")),
///     }
///     full.recv();
///     select! {
///         send_from(full, &mut next) => assert_eq!(next, None),
///     }
///     assert_eq!(full.recv().as_deref(), Some("second"));
/// }
/// ```
///
/// # An expression
///
/// All bodies have one type, and `select!` is an expression of it. `break`, `continue`, `return` and `?` in a body are
/// those of the loop and the function around: unlike in Go, `break` leaves the loop. `select! {}` waits for ever, and
/// therefore is of every type.
///
/// ```
/// use rt::chan::{self, Receiver, RecvError};
/// use rt::select;
///
/// fn first_big(a: &Receiver<u32>, b: &Receiver<u32>) -> Result<u32, RecvError> {
///     loop {
///         let n = select! {
///             recv(a) -> n => n?,
///             recv(b) -> n => n?,
///         };
///         if n >= 10 {
///             return Ok(n);
///         }
///     }
/// }
///
/// #[rt::main]
/// fn main() {
///     let ((to_a, a), (to_b, b)) = (chan::bounded(3), chan::bounded(3));
///     for n in [1, 2, 30] {
///         to_a.send(n).unwrap();
///     }
///     to_b.send(4).unwrap();
///     assert_eq!(first_big(&a, &b), Ok(30));
///     drop(to_b);
///     assert_eq!(first_big(&a, &b), Err(RecvError));
/// }
/// ```
///
/// # What it cannot do
///
/// A pattern must match every result; look at the result in the body:
///
/// ```compile_fail
/// # let ch = rt::chan::Chan::<u32>::new(1);
/// rt::select! {
///     recv(ch) -> Some(n) => println!("{n}"), // write: n => match n { .. }
/// }
/// ```
///
/// There are no `if` guards: see nil channels. The arms are counted when the program is compiled; for a number known only
/// at run time there is `rt::chan::Select`.
///
/// # In other words
///
/// | Go | here |
/// |---|---|
/// | `case v := <-ch:` | `recv(ch) -> v => ..`; Go's zero value of a closed channel is `None` |
/// | `case ch <- v:` | `send(ch, v) => ..` |
/// | `default:` | `default => ..` |
/// | `case <-time.After(d):` | `default(d) => ..` |
/// | `select {}` | `select! {}` |
/// | `reflect.Select` | `rt::chan::Select` |
///
/// The syntax is that of crossbeam-channel's `select!`, its `select_biased!` is `biased;` here. There, the value of a
/// `send` is evaluated when it has won; here, as in Go, before.
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}

/// Looks at the type of what an interface value holds: Go's `switch v := x.(type)`.
///
/// ```
/// use rt::any::Dyn;
/// use rt::type_switch;
///
/// struct Student(&'static str);
///
/// fn describe(x: &Dyn) -> String {
///     type_switch! { v = x;
///         nil => "nothing".to_string(),
///         bool => format!("a bool: {v}"),
///         i32 | i64 => format!("an integer, {}", v.type_name()),
///         Student => format!("a student, {}", v.0),
///         _ => format!("something else, {}", v.type_name()),
///     }
/// }
///
/// assert_eq!(describe(&Dyn::nil()), "nothing");
/// assert_eq!(describe(&Dyn::new(true)), "a bool: true");
/// assert_eq!(describe(&Dyn::new(5_i64)), "an integer, i64");
/// assert_eq!(describe(&Dyn::new(Student("Ann"))), "a student, Ann");
/// assert_eq!(describe(&Dyn::new(1.5)), "something else, f64");
/// ```
///
/// # The operand
///
/// A `Dyn`, a `dyn Trait` whose trait has `Any` above it, or a `dyn Error`; in its place or behind pointers, at most three: `&`, `&mut`, `Box`,
/// `Rc`, `Arc`. It is borrowed, once. Without a name for the value it is written `type_switch! { x; .. }`.
///
/// ```
/// use std::any::Any;
/// use rt::type_switch;
///
/// trait Shape: Any {
///     fn area(&self) -> f64;
/// }
/// # struct Square(f64);
/// # impl Shape for Square { fn area(&self) -> f64 { self.0 * self.0 } }
/// # struct Circle(f64);
/// # impl Shape for Circle { fn area(&self) -> f64 { 3.0 * self.0 * self.0 } }
///
/// let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Square(2.0)), Box::new(Circle(1.0))];
/// let mut sides = Vec::new();
/// for shape in &shapes {
///     type_switch! { v = shape;
///         Square => sides.push(v.0),
///         _ => assert_eq!(v.area(), 3.0), // v is a `&dyn Shape`
///     }
/// }
/// assert_eq!(sides, [2.0]);
/// ```
///
/// Of a `dyn Error` all arms are types that are errors: Go's `switch e := err.(type)`.
///
/// ```
/// use rt::type_switch;
/// use std::error::Error;
/// use std::num::{ParseFloatError, ParseIntError};
///
/// fn what(text: &str) -> Result<u32, Box<dyn Error>> {
///     Ok(text.parse::<u32>()? + text.parse::<f32>()? as u32)
/// }
///
/// type_switch! { e = what("x").unwrap_err();
///     ParseIntError => assert_eq!(e.to_string(), "invalid digit found in string"),
///     ParseFloatError => unreachable!("it did not come to that"),
///     _ => panic!("{e}"),
/// }
/// ```
///
/// # Arms
///
/// An arm is `TYPE => body`. As in a `match`, a comma stands between the arms, and may be left out after a block. The first
/// arm that fits is taken; if none does, nothing happens, and then all bodies are `()`.
///
/// | arm | is taken if the value | `v` in its body |
/// |---|---|---|
/// | `T` | is a `T` | `&T` |
/// | `dyn Trait` | is of a type that `rt::any::register` was told is one | `&dyn Trait` |
/// | `nil` | is not there; only a `Dyn` can be nil | the interface value: a `&Dyn` |
/// | `T \| U \| nil` | is one of these | the interface value: a `&Dyn`, a `&dyn Trait` |
/// | `_` | is anything; it stands last | the interface value |
///
/// `break`, `continue`, `return` and `?` in a body are those of the loop and the function around.
///
/// # What it cannot do
///
/// Look at what is no interface value:
///
/// ```compile_fail
/// rt::type_switch! { v = 5; i32 => println!("{v}") }
/// ```
///
/// There are no guards, and no lifetime but `'static` in a type: `&str` is `&'static str`.
#[proc_macro]
pub fn type_switch(input: TokenStream) -> TokenStream {
    type_switch::expand(input.into()).into()
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
/// - `stack_size = bytes`: the stack of a goroutine. Without it, `RT_STACK_SIZE` or the default. `main`'s own has at least
///   8 MiB, as a main thread's.
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
/// A deadlock is reported with `virtual_time`, `seed` or `explore`. Without one of them the test hangs: the harness has threads
/// of its own, and for all that is known one of them may wake a goroutine.
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
/// * `procs` and `stack_size`, as for [`main`](macro@main).
/// * `virtual_time`: time stands still while anything runs and jumps to the next deadline when all wait, so hours of sleep
///   take no time and deadlines are exact.
/// * `seed = 7`: one processor, and each choice of the scheduler drawn from the seed, the same each time. Time is virtual.
/// * `explore = 1_000`: the body runs under the schedules of that many seeds, from `seed` or 0 on, until one fails; the seed and
///   the schedule are reported. `RT_TEST_SEED=4711 cargo test name` replays it. Not together with `procs`.
/// * `leaks`: what becomes of goroutines that are left when the body has returned: `"report"`, which is the default, names them on
///   standard error; `"deny"` fails the test; `"allow"` does not look.
///
/// All of it is explained in the `testing` module of `rt`.
///
/// ```
/// # fn main() {}
/// use std::time::Duration;
///
/// #[rt::test(virtual_time)]
/// fn an_hour_passes() {
///     let start = rt::time::now();
///     rt::time::sleep(Duration::from_secs(3600));
///     assert_eq!(rt::time::now() - start, Duration::from_secs(3600));
/// }
///
/// #[rt::test(explore = 100, leaks = "deny")]
/// fn nothing_is_lost() {
///     let sum = rt::sync::Mutex::new(0);
///     rt::scope(|s| (1..=3).for_each(|n| drop(s.spawn({ let sum = &sum; move || *sum.lock() += n }))));
///     assert_eq!(*sum.lock(), 6);
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand_test(options.into(), item.into()).into()
}
