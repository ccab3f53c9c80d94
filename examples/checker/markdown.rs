//! What matters of a Markdown file: its links, and what others can link to.

use std::collections::{HashMap, HashSet};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Each with its line, the first of which is 1.
    pub(crate) links: Vec<(usize, String)>,
    pub(crate) anchors: HashSet<String>,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Document {
        let mut document = Document::default();
        let (mut heading, mut taken) = (None::<String>, HashMap::new());
        let mut html = String::new();
        let (mut line, mut at) = (1, 0);
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    // They come in the order of the text.
                    let between = text.get(at..range.start).unwrap_or_default();
                    line += between.matches('\n').count();
                    at = at.max(range.start);
                    document.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    document.anchors.insert(free(slug, &mut taken));
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(heading) = &mut heading {
                        heading.push(' ');
                    }
                }
                // It comes line by line.
                Event::Html(line) => html.push_str(&line),
                Event::End(TagEnd::HtmlBlock) => {
                    document.add_names(&std::mem::take(&mut html));
                }
                Event::InlineHtml(html) => document.add_names(&html),
                _ => {}
            }
        }
        document
    }

    /// The `id` and `name` of each tag in some HTML.
    fn add_names(&mut self, mut html: &str) {
        while let Some((_, rest)) = html.split_once('<') {
            if let Some(comment) = rest.strip_prefix("!--") {
                html = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            html = rest;
            if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                continue;
            }
            html = html.trim_start_matches(|c: char| !ends_name(c));
            while let Some((name, value, rest)) = attribute(html) {
                if ["id", "name"].iter().any(|this| name.eq_ignore_ascii_case(this)) {
                    self.anchors.insert(value.to_owned());
                }
                html = rest;
            }
        }
    }
}

/// The first attribute of a tag, its value, and the rest. `None`: the tag ends.
fn attribute(html: &str) -> Option<(&str, &str, &str)> {
    let html = html.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    let end = html.find(|c| ends_name(c) || c == '=').unwrap_or(html.len());
    let (name, rest) = html.split_at(end);
    let Some(value) = rest.trim_start().strip_prefix('=') else {
        return (!name.is_empty()).then_some((name, "", rest));
    };
    let value = value.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (value, rest) = match quote {
        Some(quote) => value[1..].split_once(quote)?,
        None => {
            let end = value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len());
            value.split_at(end)
        }
    };
    Some((name, value, rest))
}

/// Of a tag, or of an attribute.
fn ends_name(c: char) -> bool {
    c.is_whitespace() || matches!(c, '/' | '>')
}

/// What a heading with that slug is called: it counts up while the name is taken, by whatever heading. `taken`: how far each
/// has counted.
fn free(slug: String, taken: &mut HashMap<String, usize>) -> String {
    let mut name = slug.clone();
    while taken.contains_key(&name) {
        let count = taken.entry(slug.clone()).or_default();
        *count += 1;
        name = format!("{slug}-{count}");
    }
    taken.insert(name.clone(), 0);
    name
}

/// A heading as GitHub names it: in lower case, with dashes for spaces, and without what is neither letter, digit, dash
/// nor underscore. Superscripts, fractions and what is in circles are no digits.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        '\u{b2}'..='\u{be}' | '\u{2070}'..='\u{33ff}' => c.is_alphabetic().then_some(c),
        _ => c.is_alphanumeric().then_some(c),
    });
    kept.flat_map(char::to_lowercase).collect()
}
