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
        let (mut heading, mut seen) = (None::<String>, HashMap::new());
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
                    let again: &mut usize = seen.entry(slug.clone()).or_default();
                    let name = if *again == 0 { slug } else { format!("{slug}-{again}") };
                    *again += 1;
                    document.anchors.insert(name);
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
                Event::Html(html) | Event::InlineHtml(html) => document.add_names(&html),
                _ => {}
            }
        }
        document
    }

    /// The `id="..."` and `name="..."` of some HTML.
    fn add_names(&mut self, html: &str) {
        for attribute in [" id=", " name="] {
            for part in html.split(attribute).skip(1) {
                let quote = part.chars().next().filter(|c| matches!(c, '"' | '\''));
                let name = quote.and_then(|quote| part[1..].split(quote).next());
                self.anchors.extend(name.map(str::to_owned));
            }
        }
    }
}

/// A heading as GitHub names it: in lower case, with dashes for spaces, and without what is neither letter, digit, dash
/// nor underscore.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then_some(c),
    });
    kept.flat_map(char::to_lowercase).collect()
}
