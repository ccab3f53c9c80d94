//! Dumps for programs.

#![forbid(unsafe_code)]

use super::dump::Dump;
use super::goroutine::Goroutine;
use super::symbol::Frame;
use super::wait::{Channel, Wait};
use crate::util::is_obeyed;
use std::collections::HashMap;
use std::fmt::Write as _;

impl Dump {
    /// The dump as JSON. What is not known is left out. Stacks are listed once each: `stack` is the place in `stacks`.
    ///
    /// ```json
    /// {"procs": 2, "unstarted": 0, "waiting_threads": 0,
    ///  "goroutines": [{"id": 18, "name": "worker", "state": "waiting", "parent": 1, "site": "src/main.rs:10:5",
    ///    "wait": {"kind": "chan receive", "address": "0x7f20c0", "channels":
    ///      [{"address": "0x7f20c0", "sends": false, "cap": 0, "len": 0, "handles": 2}]},
    ///    "waiting_ms": 180000, "left_ms": 2000, "pinned": false, "stack_size": 262144, "stack_used": 700, "stack": 0}],
    ///  "stacks": [[{"function": "app::read", "file": "src/main.rs", "line": 12, "column": 9}]],
    ///  "threads": [{"id": 4711, "goroutine": 18, "has_processor": false, "state": "S", "waits_in": "read"}],
    ///  "cycles": [[18, 19]]}
    /// ```
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert!(rt::dump().to_json().contains(r#""goroutines":[{"id":1,"#));
    /// }
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = Json::default();
        out.object(|out| {
            out.number("procs", u64::from(self.procs));
            out.number("unstarted", self.unstarted);
            out.number("waiting_threads", self.waiting_threads as u64);
            let mut stacks = Stacks::default();
            out.list("goroutines", &self.goroutines, |out, g| goroutine(out, g, &mut stacks));
            out.list("stacks", &stacks.all, |out, frames| out.array(frames, frame));
            out.list("threads", &self.threads, |out, thread| {
                out.object(|out| {
                    out.number("id", u64::from(thread.id));
                    thread.goroutine().into_iter().for_each(|id| out.number("goroutine", id));
                    out.bool("has_processor", thread.has_processor);
                    thread.state.iter().for_each(|c| out.text("state", &c.to_string()));
                    thread.waits_in.iter().for_each(|place| out.text("waits_in", place));
                });
            });
            out.list("cycles", &self.cycles, |out, cycle| {
                out.array(cycle.goroutines(), |out, id| out.raw(&id.to_string()));
            });
        });
        out.text
    }
}

/// Different stacks, in the order in which they came.
#[derive(Default)]
struct Stacks<'a> {
    places: HashMap<&'a [usize], usize>,
    all: Vec<&'a [Frame]>,
}

impl<'a> Stacks<'a> {
    fn place(&mut self, g: &'a Goroutine) -> usize {
        *self.places.entry(&g.stack).or_insert_with(|| {
            self.all.push(g.backtrace());
            self.all.len() - 1
        })
    }
}

fn goroutine<'a>(out: &mut Json, g: &'a Goroutine, stacks: &mut Stacks<'a>) {
    out.object(|out| {
        out.number("id", g.id);
        g.name.iter().for_each(|name| out.text("name", name));
        out.text(
            "state",
            if g.wait.is_some() { "waiting".into() } else { g.state.to_string() }.as_str(),
        );
        if !g.has_started {
            out.bool("has_started", false);
        }
        g.parent().into_iter().for_each(|id| out.number("parent", id));
        g.site.iter().for_each(|site| out.text("site", &site.to_string()));
        if let Some(w) = &g.wait {
            out.key("wait");
            wait(out, w);
        }
        let ms = |time: std::time::Duration| time.as_millis() as u64;
        g.since.into_iter().for_each(|since| out.number("waiting_ms", ms(since)));
        g.left.into_iter().for_each(|left| out.number("left_ms", ms(left)));
        out.bool("pinned", g.pinned);
        g.thread.into_iter().for_each(|id| out.number("thread", u64::from(id)));
        g.stack_size.into_iter().for_each(|size| out.number("stack_size", size as u64));
        g.stack_used.into_iter().for_each(|used| out.number("stack_used", used as u64));
        if !g.stack.is_empty() {
            out.number("stack", stacks.place(g) as u64);
        }
    });
}

fn wait(out: &mut Json, wait: &Wait) {
    out.object(|out| {
        out.text("kind", wait.kind);
        wait.address.iter().for_each(|address| out.text("address", &format!("{address:#x}")));
        wait.file.iter().for_each(|file| out.raw_value("file", &file.to_string()));
        wait.goroutine.into_iter().for_each(|id| out.number("goroutine", id));
        if wait.readers != 0 {
            out.number("readers", u64::from(wait.readers));
        }
        if wait.is_for_ever {
            out.bool("for_ever", true);
        }
        if !wait.channels.is_empty() {
            out.list("channels", &wait.channels, channel);
        }
    });
}

fn channel(out: &mut Json, channel: &Channel) {
    out.object(|out| {
        out.text("address", &format!("{:#x}", channel.address));
        out.bool("sends", channel.sends);
        channel.cap.into_iter().for_each(|cap| out.number("cap", cap as u64));
        out.number("len", channel.len as u64);
        channel.handles.into_iter().for_each(|handles| out.number("handles", handles as u64));
    });
}

fn frame(out: &mut Json, frame: &Frame) {
    out.object(|out| {
        out.text("function", frame.function());
        frame.file().into_iter().for_each(|file| out.text("file", file));
        if frame.line() != 0 {
            out.number("line", u64::from(frame.line()));
        }
        if frame.column() != 0 {
            out.number("column", u64::from(frame.column()));
        }
    });
}

/// JSON that is being written.
#[derive(Default)]
struct Json {
    text: String,
    /// A comma comes before the next item.
    follows: bool,
}

impl Json {
    fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.nest('{', '}', members);
    }

    fn array<'a, T>(&mut self, items: &'a [T], mut item: impl FnMut(&mut Self, &'a T)) {
        self.nest('[', ']', |out| {
            for it in items {
                item(out, it);
            }
        });
    }

    fn list<'a, T>(&mut self, key: &str, items: &'a [T], item: impl FnMut(&mut Self, &'a T)) {
        self.key(key);
        self.array(items, item);
    }

    fn number(&mut self, key: &str, number: u64) {
        self.raw_value(key, &number.to_string());
    }

    fn bool(&mut self, key: &str, value: bool) {
        self.raw_value(key, if value { "true" } else { "false" });
    }

    fn raw_value(&mut self, key: &str, value: &str) {
        self.key(key);
        self.raw(value);
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.comma();
        self.string(text);
        self.follows = true;
    }

    fn raw(&mut self, value: &str) {
        self.comma();
        self.text.push_str(value);
        self.follows = true;
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.string(key);
        self.text.push(':');
        self.follows = false;
    }

    fn nest(&mut self, open: char, close: char, inside: impl FnOnce(&mut Self)) {
        self.comma();
        self.text.push(open);
        self.follows = false;
        inside(self);
        self.text.push(close);
        self.follows = true;
    }

    fn comma(&mut self) {
        if self.follows {
            self.text.push(',');
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                '\n' => self.text.push_str("\\n"),
                c if is_obeyed(c) => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(c));
                }
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn strings_are_escaped_and_commas_are_where_they_belong() {
        let mut out = Json::default();
        out.object(|out| {
            out.text("a\"b", "c\\\n\u{1}\u{202e}ü");
            out.number("n", 1);
            out.list("l", &[1, 2], |out, n| out.raw(&n.to_string()));
            out.list("none", &[0_u8; 0], |_, _| {});
            out.bool("t", true);
        });
        let expected = r#"{"a\"b":"c\\\n\u0001\u202eü","n":1,"l":[1,2],"none":[],"t":true}"#;
        assert_eq!(out.text, expected);
    }
}
