//! What the environment asks for.

use crate::stack::Class;
use std::env::VarError;
use std::io;
use std::time::Duration;

/// A whole number from `least` to `most`; `None` when the variable is not set, or empty.
///
/// # Errors
/// For anything else, naming the variable and what it may be.
pub(crate) fn number(name: &str, least: usize, most: usize) -> io::Result<Option<usize>> {
    let Some(text) = text(name)? else { return Ok(None) };
    parse(name, &text, least, most).map(Some)
}

/// `RT_STACK_SIZE`.
///
/// # Errors
/// As [`number`].
pub(super) fn stack_size() -> io::Result<Option<Class>> {
    let Some(text) = text("RT_STACK_SIZE")? else { return Ok(None) };
    class("RT_STACK_SIZE", &text).map(Some)
}

/// What `RT_DEBUG` asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debug {
    /// How often a line about the scheduler is printed.
    pub(super) schedtrace: Option<Duration>,
}

/// A day.
const MOST_MS: usize = 86_400_000;

/// `RT_DEBUG`: a comma-separated list, of which `schedtrace=MS` is known.
///
/// # Errors
/// For a word that is not known.
pub(super) fn debug() -> io::Result<Debug> {
    let mut debug = Debug::default();
    let Some(text) = text("RT_DEBUG")? else { return Ok(debug) };
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            Some(("schedtrace", ms)) => {
                let ms = parse("RT_DEBUG=schedtrace", ms, 1, MOST_MS)?;
                debug.schedtrace = Some(Duration::from_millis(ms as u64));
            }
            _ => {
                return Err(invalid(format!(
                    "the environment variable RT_DEBUG has {word:?}: known is schedtrace=MILLISECONDS"
                )));
            }
        }
    }
    Ok(debug)
}

/// `RT_BARRIER`: `membarrier`, or `fence` to do without.
///
/// # Errors
/// For a word that is not known.
pub(super) fn barrier() -> io::Result<()> {
    match text("RT_BARRIER")?.as_deref().map(str::trim) {
        None | Some("fence" | "membarrier") => Ok(()),
        Some(word) => Err(invalid(format!(
            "the environment variable RT_BARRIER is {word:?}: it must be \"fence\" or \"membarrier\""
        ))),
    }
}

fn text(name: &str) -> io::Result<Option<String>> {
    match std::env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(text)) => {
            Err(invalid(format!("the environment variable {name} is not text: {text:?}")))
        }
    }
}

fn parse(name: &str, text: &str, least: usize, most: usize) -> io::Result<usize> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| must_be(name, text, least, most))
}

fn class(name: &str, text: &str) -> io::Result<Class> {
    let (least, most) = Class::RANGE.into_inner();
    let bytes = text.trim().parse().map_err(|_| must_be(name, text, least, most))?;
    Class::for_size(bytes)
        .map_err(|error| invalid(format!("the environment variable {name} is {text:?}: {error}")))
}

fn must_be(name: &str, text: &str, least: usize, most: usize) -> io::Error {
    invalid(format!(
        "the environment variable {name} is {text:?}: it must be a whole number from {least} to {most}"
    ))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::{class, parse};

    #[test]
    fn numbers_in_range_pass_and_all_else_is_named() {
        assert_eq!(parse("RT_X", " 4 ", 1, 8).unwrap(), 4);
        for bad in ["0", "9", "-1", "two", "1.5", "99999999999999999999999"] {
            let error = parse("RT_X", bad, 1, 8).unwrap_err().to_string();
            assert!(error.contains("RT_X") && error.contains(bad), "{error}");
            assert!(error.contains("from 1 to 8"), "{error}");
        }
    }

    #[test]
    fn a_stack_size_is_named_with_what_it_may_be() {
        assert_eq!(class("RT_X", "262144").unwrap().bytes(), 1 << 18);
        for (bad, says) in [
            ("abc", "it must be a whole number from 32768 to 1073741824"),
            ("-1", "it must be a whole number from 32768 to 1073741824"),
            ("99999999999999999999999", "it must be a whole number from 32768 to 1073741824"),
            ("1000", "stack size of 1000 bytes is too small: at least 32768"),
        ] {
            let error = class("RT_X", bad).unwrap_err().to_string();
            let start = format!("the environment variable RT_X is {bad:?}: {says}");
            assert!(error.starts_with(&start), "{error}");
        }
    }
}
