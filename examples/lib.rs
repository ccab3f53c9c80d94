//! What the examples share: the files under a path, numbers and paths for people, and what the process weighs.

pub mod walk;

/// The program in the README, which thus is compiled and run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// `1234567` as `1,234,567`.
///
/// ```
/// assert_eq!(examples::thousands(1_234_567), "1,234,567");
/// ```
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun, in the plural unless it is one.
///
/// ```
/// assert_eq!(examples::plural(1, "file"), "1 file");
/// assert_eq!(examples::plural(1000, "file"), "1,000 files");
/// ```
pub fn plural(n: u64, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", thousands(n))
}

/// An amount of memory, in the unit that suits it.
///
/// ```
/// assert_eq!(examples::memory(1_700), "1.7 KiB");
/// assert_eq!(examples::memory(3 << 30), "3.0 GiB");
/// ```
pub fn memory(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if amount < 1024.0 {
            return format!("{amount:.1} {unit}");
        }
        amount /= 1024.0;
    }
    format!("{amount:.1} GiB")
}

/// Whether that is all that the program was called with: how it is called.
///
/// ```
/// assert!(examples::wants_help(["--help"]) && examples::wants_help(["-h"]));
/// assert!(!examples::wants_help(["--help", "--now"]) && !examples::wants_help([""; 0]));
/// ```
pub fn wants_help(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> bool {
    let mut arguments = arguments.into_iter();
    let first = arguments.next();
    first.is_some_and(|first| ["--help", "-h"].iter().any(|help| first.as_ref() == *help))
        && arguments.next().is_none()
}

/// Says how the program is called, to who has asked. The exit code, for that is all that it does then.
///
/// ```
/// assert_eq!(examples::help("usage: nothing [AT_ALL]"), std::process::ExitCode::SUCCESS);
/// ```
pub fn help(usage: &str) -> ExitCode {
    match writeln!(io::stdout(), "{}", usage.trim_end()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("standard output: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// What the program was called with. What is no text is shown as well as it can be; it is no name and no number.
pub fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// A path for a line of output: one with control characters would garble the line, so it is quoted.
///
/// ```
/// assert_eq!(examples::shown("a/b.txt".as_ref()), "a/b.txt");
/// assert_eq!(examples::shown("a\nb".as_ref()), r#""a\nb""#);
/// ```
pub fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains(char::is_control) { format!("{path:?}") } else { text }
}

/// From now on the process ends when its output is closed, as others do behind `| head`.
///
/// `println!` panics then. That would end its goroutine alone, and perhaps others wait for that one, for ever.
pub fn end_with_the_output() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        let Some(error) = message.strip_prefix("failed printing to stdout: ") else {
            return hook(panic);
        };
        if error.contains("Broken pipe") {
            std::process::exit(0);
        }
        eprintln!("standard output: {error}");
        std::process::exit(2);
    }));
}

/// The most memory this process ever had resident, in bytes: `VmHWM`, which Linux keeps.
///
/// ```
/// assert!(examples::peak_memory().is_none_or(|bytes| bytes > 100_000));
/// ```
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
