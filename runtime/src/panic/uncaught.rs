//! A panic that ends a goroutine.

use super::{hook, message};
use crate::g::G;
use std::any::Any;
use std::fmt::Write as _;
use std::io::Write as _;

/// Appends `goroutine 18 'name'`.
pub(crate) fn describe(text: &mut String, g: &G) {
    let _ = write!(text, "goroutine {}", g.id());
    if let Some(name) = g.name() {
        let _ = write!(text, " '{name}'");
    }
}

/// Says which goroutine it was, if the hook has not.
pub(crate) fn uncaught(g: &G, payload: &(dyn Any + Send)) {
    if hook::is_installed() {
        return;
    }
    let mut text = String::new();
    describe(&mut text, g);
    text.push_str(" panicked");
    if let Some(message) = message(payload) {
        let _ = write!(text, ": {message}");
    }
    let site = g.site();
    let _ = writeln!(text, " (spawned at {}:{}:{})", site.file(), site.line(), site.column());
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
