//! From addresses to names and lines, once for each address; and which frames are the user's.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

/// A place in a backtrace. A call that the compiler has inlined is one of its own.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() {
///     let dump = rt::dump();
///     let me = &dump.goroutines()[0];
///     let main = me.backtrace().iter().find(|frame| frame.function().contains("main")).unwrap();
///     // What the program's symbols tell, where it has some.
///     assert!(main.file().is_none() || (main.line() > 0 && main.column() > 0));
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    function: String,
    file: Option<String>,
    line: u32,
    column: u32,
    origin: Origin,
}

impl Frame {
    /// The function's path; its address, where the program has no symbols.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The source file, if the program says.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line in it, from 1; 0 if it is not known.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, from 1; 0 if it is not known.
    pub fn column(&self) -> u32 {
        self.column
    }

    fn unknown(address: usize) -> Self {
        Self {
            function: format!("{address:#x}"),
            file: None,
            line: 0,
            column: 0,
            origin: Origin::User,
        }
    }

    #[cfg(test)]
    fn named(function: &str) -> Self {
        let origin = Origin::of(function, None);
        Self { function: function.to_owned(), file: None, line: 0, column: 0, origin }
    }
}

/// Whose code a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    /// This crate's, and that of what carries its goroutines.
    Rt,
    /// The standard library's.
    Std,
    User,
}

impl Origin {
    /// By the file, if it is known: the names of functions that were inlined may be short.
    fn of(function: &str, file: Option<&str>) -> Self {
        const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
        const LIBRARIES: [&str; 2] = ["/rustc/", "/rustlib/src/rust/library/"];
        if let Some(file) = file {
            if file.starts_with(SOURCE) || file.contains("/corosensei-") {
                return Self::Rt;
            }
            if file.starts_with(LIBRARIES[0]) || file.contains(LIBRARIES[1]) {
                return Self::Std;
            }
        }
        let path = function.trim_start_matches('<');
        let starts = |with: &[&str]| with.iter().any(|start| path.starts_with(start));
        match file {
            None if starts(&["std::", "core::", "alloc::", "__rust"]) => Self::Std,
            _ if starts(&["rt::", "corosensei::"]) => Self::Rt,
            _ => Self::User,
        }
    }
}

/// Two lines as in Go; `{:#}` is one.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if f.alternate() { " at " } else { "\n        at " };
        write!(f, "{}{at}", self.function)?;
        match &self.file {
            Some(file) => write!(f, "{file}:{}:{}", self.line, self.column),
            None => f.write_str("?"),
        }
    }
}

/// What an address is, as far as it was asked.
#[derive(Default)]
pub(super) struct Symbols {
    known: HashMap<usize, Arc<[Frame]>>,
    home: Option<String>,
}

impl Symbols {
    pub(super) fn new() -> Self {
        // Paths below the directory where the program runs are shown from there.
        let home = std::env::current_dir().ok();
        let home = home.and_then(|path| Some(format!("{}/", path.to_str()?)));
        Self { known: HashMap::new(), home: home.filter(|home| home != "//") }
    }

    /// The frames at the addresses, which are those where calls return to; the innermost first.
    pub(super) fn frames(&mut self, stack: &[usize]) -> Vec<Frame> {
        let mut frames: Vec<_> = stack.iter().flat_map(|&at| self.at(at).to_vec()).collect();
        // The root of a goroutine's stack. What seems to lie behind it is another thread's.
        if let Some(root) = frames.iter().position(|f| f.function == "stack_init_trampoline") {
            frames.truncate(root);
        }
        frames
    }

    fn at(&mut self, address: usize) -> Arc<[Frame]> {
        if let Some(known) = self.known.get(&address) {
            return Arc::clone(known);
        }
        let mut frames = Vec::new();
        let home = self.home.as_deref();
        backtrace::resolve(std::ptr::without_provenance_mut::<c_void>(address), |symbol| {
            let Some(name) = symbol.name() else { return };
            let file = symbol.filename().map(|file| file.to_string_lossy().into_owned());
            let short = |file: String| match home.and_then(|home| file.strip_prefix(home)) {
                Some(rest) => rest.to_owned(),
                None => file,
            };
            // Without the hash, and what `#[rt::main]` adds.
            let function = format!("{name:#}").replace("::__rt_body", "");
            frames.push(Frame {
                origin: Origin::of(&function, file.as_deref()),
                function,
                file: file.map(short),
                line: symbol.lineno().unwrap_or(0),
                column: symbol.colno().unwrap_or(0),
            });
        });
        if frames.is_empty() {
            frames.push(Frame::unknown(address));
        }
        let frames: Arc<[Frame]> = frames.into();
        self.known.insert(address, Arc::clone(&frames));
        frames
    }
}

/// What calls a goroutine's closure, and has it inlined where it can be.
const ROOT: &str = "__rust_begin_short_backtrace";

/// The user's frames: without what `rt` does to wait, but for the call itself, and without what
/// calls the goroutine's closure. Where none is left, as in a program without line tables whose closure is
/// inlined in what calls it, what `rt` does to wait.
pub(super) fn of_user(frames: &[Frame]) -> &[Frame] {
    let inner = frames.iter().take_while(|frame| frame.origin == Origin::Rt).count();
    let outer = frames.iter().rev().take_while(|frame| frame.origin != Origin::User).count();
    match frames.get(inner.saturating_sub(1)..frames.len() - outer) {
        Some(left) if inner < frames.len() - outer => left,
        _ => match frames.iter().rposition(|frame| frame.function.contains(ROOT)) {
            Some(root) => &frames[..root.max(1)],
            None => frames,
        },
    }
}

/// Whether frames have names, and not one of them a line: the program was built without.
pub(super) fn lack_lines<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> bool {
    // The standard library has its own lines, or none, whatever the program has.
    let mut frames = frames.into_iter().filter(|frame| frame.origin != Origin::Std).peekable();
    frames.peek().is_some() && frames.all(|frame| frame.file.is_none())
}

#[cfg(test)]
mod tests {
    use super::{Frame, lack_lines, of_user};

    fn frames(names: &[&str]) -> Vec<Frame> {
        names.iter().map(|name| Frame::named(name)).collect()
    }

    #[test]
    fn what_waits_and_what_calls_is_left_out() {
        let all = frames(&[
            "corosensei::coroutine::Yielder::suspend",
            "rt::wait::park",
            "<rt::chan::Chan<T>>::recv",
            "app::read",
            "rt::scope",
            "app::main::{{closure}}",
            "core::ops::function::FnOnce::call_once",
            "std::panicking::try",
            "rt::sched::body::run_one",
        ]);
        let left: Vec<_> = of_user(&all).iter().map(Frame::function).collect();
        let user =
            ["<rt::chan::Chan<T>>::recv", "app::read", "rt::scope", "app::main::{{closure}}"];
        assert_eq!(left, user);
    }

    #[test]
    fn nothing_of_the_users_is_all() {
        let all = frames(&["rt::a", "std::panicking::try", "rt::b"]);
        assert_eq!(of_user(&all).len(), 3);
        assert_eq!(of_user(&[]).len(), 0);
        let user = frames(&["app::a"]);
        assert_eq!(of_user(&user).len(), 1);
    }

    #[test]
    fn a_closure_that_is_inlined_in_its_root_leaves_the_call_that_waits() {
        let root = "rt::g::cell::Ops<F,T,S>::__rust_begin_short_backtrace";
        let outside = [root, "rt::sched::body::body", "__rust_try", "corosensei::coroutine::run"];
        let waits = ["rt::net::socket::Socket<S>::op_slow", "rt::net::tcp::TcpListener::accept"];
        let all = frames(&[&waits[..], &outside[..]].concat());
        assert_eq!(of_user(&all).iter().map(Frame::function).collect::<Vec<_>>(), waits);
        // All is inlined: the root is what there is.
        let all = frames(&outside);
        assert_eq!(of_user(&all).iter().map(Frame::function).collect::<Vec<_>>(), [root]);
    }

    #[test]
    fn lines_are_lacking_where_no_frame_but_of_std_has_any() {
        let mut all = frames(&["rt::a", "std::b", "app::c"]);
        assert!(lack_lines(&all));
        assert!(!lack_lines(&[]));
        all[1].file = Some("/rustc/library/std/src/b.rs".to_owned());
        assert!(lack_lines(&all));
        all[2].file = Some("src/c.rs".to_owned());
        assert!(!lack_lines(&all));
    }
}
