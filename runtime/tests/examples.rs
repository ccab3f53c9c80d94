//! What CONTRIBUTING promises of the documentation, checked on the text of `src`: every public function, method and
//! macro has an example, its own or one at its type that calls it; every public type has one, or a link to what makes it.
//!
//! `pub` is public here: the lint `unreachable_pub` sees to it that nothing else is called so. That the examples run
//! is what `cargo test --doc` checks.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

/// What the macros' expansions name, by `rt::__private`; their users do not.
const OF_MACROS: &[&str] = &[
    "any/switch.rs",
    "chan/select/case.rs",
    "chan/select/mod.rs",
    "chan/wait.rs",
    "task/given.rs",
];

#[test]
fn everything_public_has_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut items = Vec::new();
    read(&root.join("src"), &mut |file, text| {
        if !OF_MACROS.contains(&file) {
            items.extend(items_of(file, text));
        }
    });
    let macros = root.join("../rt-macros/src/lib.rs");
    items.extend(items_of("macros/lib.rs", &fs::read_to_string(macros).unwrap()));
    assert!(items.len() > 800, "only {} public items found", items.len());
    let missing = without_example(&items);
    assert!(missing.is_empty(), "without an example:\n{missing:#?}");
}

fn read(folder: &Path, visit: &mut impl FnMut(&str, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, visit);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let name = path.to_str().unwrap().replace('\\', "/");
            let (_, file) = name.rsplit_once("/src/").unwrap();
            visit(file, &fs::read_to_string(&path).unwrap());
        }
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// With the type that it is of, if any.
    Function(Option<String>),
    Type,
}

#[derive(Debug)]
struct Item {
    /// The top-level module: names are unique in one, nearly.
    room: String,
    place: String,
    name: String,
    kind: Kind,
    /// What lies in its code blocks; `None`: it has none.
    example: Option<String>,
    /// Its documentation leads to something else.
    links: bool,
}

/// The public items of a file.
fn items_of(file: &str, text: &str) -> Vec<Item> {
    let room = file.split(['/', '.']).next().unwrap().to_owned();
    let (mut items, mut docs, mut open, mut hides) = (Vec::new(), Vec::new(), 0, None);
    let (mut owner, mut in_trait) = (None, false);
    for (number, line) in text.lines().enumerate() {
        let word = line.trim();
        // An attribute, perhaps of several lines.
        if open > 0 || word.starts_with("#[") || word.starts_with("///") {
            if !word.starts_with("///") {
                open += brackets(word);
            }
            docs.push(word);
            continue;
        }
        let before = std::mem::take(&mut docs);
        let hides_it = |line: &&str| *line == "#[doc(hidden)]" || line.contains("unnameable_types");
        let hidden = before.iter().any(hides_it);
        // What is in a module or an `impl` that is hidden.
        if let Some(end) = hides {
            hides = (line != end).then_some(end);
            continue;
        }
        if hidden && word.ends_with('{') && !word.contains("fn ") {
            let indent = line.len() - word.len();
            hides =
                text.lines().skip(number).find(|l| l.trim() == "}" && l.find('}') == Some(indent));
            continue;
        }
        if line == "}" {
            (owner, in_trait) = (None, false);
        }
        if word.starts_with("impl") {
            owner = implemented(word);
        }
        let Some((name, is_type)) = named(word, in_trait, &before) else { continue };
        if is_type && word.contains("trait ") {
            (owner, in_trait) = (Some(name.clone()), !hidden);
        }
        if hidden {
            continue;
        }
        let of = if line.starts_with(' ') { owner.clone() } else { None };
        let kind = if is_type { Kind::Type } else { Kind::Function(of) };
        let links = before.iter().any(|line| line.contains("[`") || line.contains("]("));
        let (room, place) = (room.clone(), format!("{file}:{}", number + 1));
        items.push(Item { room, place, name, kind, example: example(&before), links });
    }
    items
}

/// The name of the item that begins here, if it is public, and whether it is a type.
fn named(line: &str, in_trait: bool, before: &[&str]) -> Option<(String, bool)> {
    if let Some(rest) = line.strip_prefix("macro_rules! ") {
        return before.contains(&"#[macro_export]").then(|| (identifier(rest), false));
    }
    let mut rest = match line.strip_prefix("pub ") {
        Some(rest) => rest,
        None if in_trait => line,
        None => return None,
    };
    for word in ["const ", "unsafe ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let (word, rest) = rest.split_once(' ')?;
    match word {
        "fn" => Some((identifier(rest), false)),
        "struct" | "enum" | "trait" | "union" => Some((identifier(rest), true)),
        _ => None,
    }
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| is_part(*c)).collect()
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn brackets(line: &str) -> i32 {
    line.chars().map(|c| i32::from(c == '[') - i32::from(c == ']')).sum()
}

/// The type of an inherent `impl`.
fn implemented(line: &str) -> Option<String> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|c| {
            depth += i32::from(c == '<') - i32::from(c == '>');
            depth == 0
        });
        rest = &rest[end? + 1..];
    }
    (!rest.contains(" for ")).then(|| identifier(rest.trim_start()))
}

/// The code in the documentation that a reader can run.
fn example(docs: &[&str]) -> Option<String> {
    let (mut code, mut inside, mut found) = (String::new(), None, false);
    for line in docs {
        let Some(text) = line.strip_prefix("///") else {
            // Made by a macro, or spelled out.
            found |= line.contains("```") || line.contains("example!(");
            continue;
        };
        if let Some(info) = text.trim().strip_prefix("```") {
            inside = match inside {
                Some(_) => None,
                None => Some(
                    !["text", "compile_fail", "ignore", "toml", "sh"]
                        .iter()
                        .any(|no| info.starts_with(no)),
                ),
            };
            found |= inside == Some(true);
        } else if inside == Some(true) {
            code.push_str(text);
            code.push('\n');
        }
    }
    found.then_some(code)
}

fn without_example(items: &[Item]) -> BTreeSet<String> {
    let mut types: HashMap<(&str, &str), String> = HashMap::new();
    for item in items.iter().filter(|item| item.kind == Kind::Type) {
        let shown = types.entry((&item.room, &item.name)).or_default();
        shown.push_str(item.example.as_deref().unwrap_or_default());
    }
    let shown_at_type = |item: &Item| match &item.kind {
        Kind::Function(Some(owner)) => {
            types.get(&(&*item.room, &**owner)).is_some_and(|code| calls(code, &item.name))
        }
        Kind::Function(None) => false,
        Kind::Type => item.links,
    };
    let missing = items.iter().filter(|item| item.example.is_none() && !shown_at_type(item));
    missing.map(|item| format!("{}: {}", item.place, item.name)).collect()
}

/// Whether `name` comes after a `.` or `::`.
fn calls(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        code[..at].ends_with(['.', ':']) && !code[at + name.len()..].starts_with(is_part)
    })
}

/// The check is shown what it must find, and what it must not.
mod the_checker_itself {
    use super::*;

    fn missing(text: &str) -> Vec<String> {
        let names = without_example(&items_of("room/file.rs", text));
        names.iter().map(|name| name.rsplit_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn what_has_no_example_is_found() {
        assert_eq!(missing("/// Does it.\npub fn a() {}"), ["a"]);
        assert_eq!(missing("/// ```text\n/// a\n/// ```\npub const fn a() {}"), ["a"]);
        assert_eq!(missing("/// ```compile_fail\n/// a\n/// ```\npub unsafe fn a() {}"), ["a"]);
        assert_eq!(missing("/// A.\npub struct A;"), ["A"]);
        assert_eq!(missing("impl A {\n    /// See [`b`].\n    pub fn a(&self) {}\n}"), ["a"]);
        assert_eq!(missing("/// ```\n/// x\n/// ```\nfn c() {}\n#[inline]\npub fn a() {}"), ["a"]);
        assert_eq!(missing("/// It.\n#[macro_export]\nmacro_rules! a { () => {}; }"), ["a"]);
        assert_eq!(missing("/// [`b`]\npub trait A: B {\n    /// A.\n    fn a(&self);\n}"), ["a"]);
        assert_eq!(
            missing("        impl $name {\n            /// A.\n            pub fn a() {}"),
            ["a"]
        );
    }

    #[test]
    fn what_has_one_passes() {
        for text in [
            "/// ```\n/// a();\n/// ```\n#[expect(\n    x, reason = \"\"\n)]\npub fn a() {}",
            "/// ```no_run\n/// a();\n/// ```\npub fn a() {}",
            "#[doc = example!($setup, \"a()\")]\npub fn a() {}",
            "#[doc = concat!(\n    \"# Examples\\n```\\n\",\n    \"```\"\n)]\npub fn $a() {}",
            "/// What [`b`] returns.\npub struct A;",
            "#[doc(hidden)]\npub fn a() {}\npub(crate) fn b() {}\nfn c() {}\nmacro_rules! d { () => {}; }",
            "#[doc(hidden)]\npub mod a {\n    pub fn a() {}\n}",
        ] {
            assert_eq!(missing(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn one_at_the_type_shows_its_methods() {
        let text = |of| {
            format!(
                "/// ```\n/// A::new().b::<u8>(a.len());\n/// ```\npub struct A<T>(T);\n\
                 impl<T: Into<B>> {of}<T> {{\n    pub fn new() {{}}\n    pub fn b() {{}}\n    pub fn le() {{}}\n}}"
            )
        };
        assert_eq!(missing(&text("A")), ["le"]);
        assert_eq!(missing(&text("B")), ["new", "b", "le"]);
    }
}
