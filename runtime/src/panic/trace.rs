//! Backtraces in reports: the frames between the panic's machinery and what calls the goroutine's closure, as std's own hook
//! shows a thread's; all of them with `RUST_BACKTRACE=full`.
//!
//! Std's [`Backtrace`] shows its frames as text alone, and all of them:
//!
//! ```text
//!    3: std::sys::backtrace::__rust_end_short_backtrace::<..>
//!              at /rustc/../backtrace.rs:182:18
//!    4: core::panicking::panic_fmt
//!       app::inlined_into_it
//! ```
//!
//! The names between which std cuts are looked for there. Where they are not found, in a program without symbols for instance,
//! nothing is left out.

use crate::prim::global::{AtomicBool, Ordering};
use std::backtrace::Backtrace;
use std::borrow::Borrow;
use std::env;
use std::fmt::{self, Write};

/// The last frame of the panic's machinery. Std's.
const END: &str = "__rust_end_short_backtrace";
/// What calls a thread's closure, or (see `g`) a goroutine's.
const BEGIN: &str = "__rust_begin_short_backtrace";
/// The root of a goroutine's stack. What seems to lie behind it is another thread's.
const ROOT: &str = "stack_init_trampoline";

const OMITTED: &str =
    "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.";

/// A backtrace as a report shows it, after its title.
pub(super) struct Shown<B>(pub(super) B);

impl<B: Borrow<Backtrace>> fmt::Display for Shown<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace = self.0.borrow();
        if env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "full") {
            return write!(f, "{trace:#}");
        }
        match short(&trace.to_string()) {
            Some(text) => f.write_str(&text)?,
            None => return write!(f, "{trace}"),
        }
        f.write_str(OMITTED)
    }
}

/// Std's hint, in the first report without a backtrace that nobody has asked about.
pub(super) fn hint() -> Option<&'static str> {
    static GIVEN: AtomicBool = AtomicBool::new(false);
    let wanted = !GIVEN.swap(true, Ordering::Relaxed) && env::var_os("RUST_BACKTRACE").is_none();
    wanted
        .then_some("note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace")
}

/// A function in a backtrace. One that was inlined has no number, but that of the frame before it.
struct Symbol<'a> {
    has_number: bool,
    name: &'a str,
    /// Where it is.
    rest: Vec<&'a str>,
}

/// What is left of the text of a backtrace, numbered anew; `None`: that would be nothing, or all.
fn short(text: &str) -> Option<String> {
    let mut all: Vec<Symbol<'_>> = Vec::new();
    for line in text.lines() {
        match (symbol(line), all.last_mut()) {
            (Some(symbol), _) => all.push(symbol),
            (None, Some(last)) => last.rest.push(line),
            (None, None) => return None,
        }
    }
    let start = all.iter().position(|symbol| symbol.name.contains(END)).map_or(0, |last| last + 1);
    let kept = all.get(start..)?;
    let ends = |symbol: &Symbol<'_>| symbol.name.contains(BEGIN) || symbol.name == ROOT;
    let kept = kept.get(..kept.iter().position(ends).unwrap_or(kept.len()))?;
    let callers = kept.iter().rev().take_while(|symbol| calls(symbol)).count();
    let kept = kept.get(..kept.len() - callers)?;
    if kept.is_empty() || kept.len() == all.len() {
        return None;
    }
    let (mut out, mut number) = (String::new(), 0);
    for (i, symbol) in kept.iter().enumerate() {
        // Without what `#[rt::main]` adds.
        let name = symbol.name.replace("::__rt_body", "");
        let _ = if symbol.has_number || i == 0 {
            number += 1;
            writeln!(out, "{:>4}: {name}", number - 1)
        } else {
            writeln!(out, "      {name}")
        };
        for line in &symbol.rest {
            let _ = writeln!(out, "{line}");
        }
    }
    Some(out)
}

/// The function that the line names, if it does.
fn symbol(line: &str) -> Option<Symbol<'_>> {
    let name = line.trim_start();
    if let Some((number, name)) = name.split_once(": ")
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Some(Symbol { has_number: true, name, rest: Vec::new() });
    }
    let inlined = line.len() - name.len() == 6;
    inlined.then_some(Symbol { has_number: false, name, rest: Vec::new() })
}

/// Whether it is between what calls a goroutine's closure and the closure itself: what catches, and wraps it. Names of
/// functions that were inlined may be short: then the file tells.
fn calls(symbol: &Symbol<'_>) -> bool {
    const NAMES: [&str; 7] = [
        "rt::",
        "std::panic::",
        "std::panicking::",
        "core::panic::unwind_safe::",
        "core::ops::function::",
        "__rust_try",
        "corosensei::",
    ];
    const FILES: [&str; 4] = [
        concat!(env!("CARGO_MANIFEST_DIR"), "/src/"),
        "/rustc/",
        "/rustlib/src/rust/library/",
        "/corosensei-",
    ];
    let path = symbol.name.trim_start_matches('<');
    NAMES.iter().any(|name| path.starts_with(name))
        || symbol.name.contains(" as core::ops::function::Fn")
        || FILES.iter().any(|file| symbol.rest.iter().any(|at| at.contains(file)))
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::short;

    const TEXT: &str = "   0: rt::panic::hook::trace
             at src/panic/hook.rs:47:17
   1: std::panicking::panic_handler::{closure#0}
      std::sys::backtrace::__rust_end_short_backtrace::<f>
             at /rustc/backtrace.rs:182:18
   2: core::panicking::panic_fmt
   3: app::inlined
             at ./src/main.rs:10:56
      app::main::__rt_body::{{closure}}
             at ./src/main.rs:9:5
      do_call<app::main::{closure#0}, ()>
             at /rustc/library/std/src/panicking.rs:581:40
      std::panicking::catch_unwind::do_call
   4: <rt::g::cell::Ops<F,T,S>>::__rust_begin_short_backtrace
   5: rt::sched::body::run_one
   6: stack_init_trampoline
";

    #[test]
    fn machinery_and_callers_are_left_out() {
        let left = "   0: core::panicking::panic_fmt
   1: app::inlined
             at ./src/main.rs:10:56
      app::main::{{closure}}
             at ./src/main.rs:9:5
";
        assert_eq!(short(TEXT).unwrap(), left);
        // Without the name of what calls the closure, the root is known, and what is ours before it.
        assert_eq!(short(&TEXT.replace("__rust_begin_short_backtrace", "run")).unwrap(), left);
    }

    #[test]
    fn what_is_not_understood_stays_whole() {
        assert_eq!(short(""), None);
        assert_eq!(short("disabled backtrace"), None);
        assert_eq!(short("   0: <unknown>\n   1: <unknown>\n"), None);
        assert_eq!(short("   0: rt::a\n   1: __rust_try\n"), None, "nothing of the user's");
    }
}
