//! Markdown: a part for each heading, its title the headings above it.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{Loaded, Piece};
use crate::ingest::day;

/// The most lines of front matter that are looked at.
const FRONT_MATTER_LINES_MAX: usize = 100;
/// What stands between headings in a title.
const BETWEEN: &str = " > ";

/// Reads any text: what is no Markdown is a paragraph.
pub(super) fn load(text: &str) -> Loaded {
    let (mut loaded, body) = front_matter(text);
    loaded.markdown = true;
    let mut titles: Vec<(HeadingLevel, String)> = Vec::new();
    let mut from = 0;
    let mut heading: Option<(HeadingLevel, String)> = None;
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                push(&mut loaded.parts, &titles, &body[from..range.start]);
                from = range.end;
                heading = Some((level, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, title)) = heading.take() else {
                    continue;
                };
                titles.retain(|(above, _)| *above < level);
                let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
                if level == HeadingLevel::H1 && loaded.title.is_none() && !title.is_empty() {
                    // The document's own title is on every citation anyway.
                    loaded.title = Some(title);
                } else {
                    titles.push((level, title));
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, title)) = &mut heading {
                    title.push_str(&text);
                }
            }
            _ => {}
        }
    }
    push(&mut loaded.parts, &titles, &body[from..]);
    loaded
}

fn push(parts: &mut Vec<Piece>, titles: &[(HeadingLevel, String)], text: &str) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let titles: Vec<_> = titles.iter().map(|(_, title)| title.as_str()).collect();
    parts.push(Piece {
        title: titles.join(BETWEEN),
        text: text.to_owned(),
        ..Piece::default()
    });
}

/// Fields between two lines `---` at the very beginning, and what follows. Other tools' fields are their business.
fn front_matter(text: &str) -> (Loaded, &str) {
    let none = (Loaded::default(), text);
    let Some(rest) = text
        .strip_prefix("---\n")
        .or_else(|| text.strip_prefix("---\r\n"))
    else {
        return none;
    };
    let mut loaded = Loaded::default();
    let mut at = text.len() - rest.len();
    for line in rest.split_inclusive('\n').take(FRONT_MATTER_LINES_MAX) {
        at += line.len();
        if line.trim_end() == "---" {
            return (loaded, &text[at..]);
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim().trim_matches(['"', '\'']);
        match key.trim() {
            "title" if !value.is_empty() => loaded.title = Some(value.to_owned()),
            "as_of" | "date" => loaded.as_of_day = value.get(..10).and_then(day),
            "licence" | "license" if !value.is_empty() => {
                loaded.licence = Some(value.to_owned());
            }
            _ => {}
        }
    }
    none
}
