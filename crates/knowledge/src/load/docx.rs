//! Word documents: their paragraphs, headings as Markdown's, so that both are cut alike.

use std::io::{Cursor, Read as _};

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use zip::ZipArchive;

use super::{LoadError, Loaded, NESTING_MAX, TEXT_LENGTH_MAX, markdown};

const TEXT: &str = "word/document.xml";
const PROPERTIES: &str = "docProps/core.xml";

pub(super) fn load(bytes: &[u8]) -> Result<Loaded, LoadError> {
    let damaged = |error: &dyn std::fmt::Display| LoadError::Damaged(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let xml = inflate(&mut archive, TEXT)?;
    let mut loaded = markdown::load(&paragraphs(&xml)?);
    // Properties are a courtesy: without them the first heading is the title.
    if let Some(title) = inflate(&mut archive, PROPERTIES)
        .ok()
        .and_then(|xml| title(&xml))
    {
        loaded.title = Some(title);
    }
    Ok(loaded)
}

/// A file of the archive. What it says of its size is not believed: the bound is on what comes out.
fn inflate(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<String, LoadError> {
    let damaged = |error: &dyn std::fmt::Display| LoadError::Damaged(format!("{name}: {error}"));
    let file = archive.by_name(name).map_err(|error| damaged(&error))?;
    let mut bytes = Vec::new();
    file.take(TEXT_LENGTH_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(&error))?;
    if bytes.len() > TEXT_LENGTH_MAX {
        return Err(LoadError::TooLarge {
            what: "its text, inflated,",
            limit: TEXT_LENGTH_MAX,
            unit: "bytes",
        });
    }
    String::from_utf8(bytes).map_err(|error| damaged(&error))
}

fn paragraphs(xml: &str) -> Result<String, LoadError> {
    let mut reader = Reader::from_str(xml);
    let (mut text, mut paragraph) = (String::new(), String::new());
    let (mut level, mut depth, mut in_text) = (0, 0_usize, false);
    loop {
        let event = reader
            .read_event()
            .map_err(|error| LoadError::Damaged(format!("{TEXT}: {error}")))?;
        match event {
            Event::Eof => break,
            Event::Start(element) => {
                depth += 1;
                if depth > NESTING_MAX {
                    return Err(LoadError::TooLarge {
                        what: "an element",
                        limit: NESTING_MAX,
                        unit: "elements around it",
                    });
                }
                in_text |= name(&element) == "t";
                level = heading(&element).unwrap_or(level);
            }
            Event::Empty(element) => match name(&element) {
                "tab" => paragraph.push('\t'),
                "br" | "cr" => paragraph.push('\n'),
                _ => level = heading(&element).unwrap_or(level),
            },
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                match element.local_name().as_ref() {
                    "t" => in_text = false,
                    "p" => {
                        end(&mut text, &mut paragraph, level);
                        level = 0;
                    }
                    _ => {}
                }
            }
            Event::Text(words) if in_text => paragraph.push_str(&words.xml10_content()),
            Event::CData(words) if in_text => paragraph.push_str(&words.xml10_content()),
            Event::GeneralRef(reference) if in_text => {
                let character = match &*reference.xml10_content() {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                paragraph.extend(character);
            }
            _ => {}
        }
    }
    end(&mut text, &mut paragraph, level);
    Ok(text)
}

fn name<'a>(element: &'a BytesStart<'_>) -> &'a str {
    element.local_name().into_inner()
}

/// The level of `<w:pStyle w:val="Heading2"/>`; of a title, the first.
fn heading(element: &BytesStart<'_>) -> Option<usize> {
    if name(element) != "pStyle" {
        return None;
    }
    let style = element
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == "val")?;
    let style = style.value.to_ascii_lowercase();
    if style == "title" {
        return Some(1);
    }
    let level: usize = style.strip_prefix("heading")?.trim().parse().ok()?;
    Some(level.clamp(1, 6))
}

fn end(text: &mut String, paragraph: &mut String, level: usize) {
    let words = paragraph.trim();
    if !words.is_empty() {
        if level > 0 {
            text.push_str(&"#".repeat(level));
            text.push(' ');
            text.push_str(&words.replace('\n', " "));
        } else {
            text.push_str(words);
        }
        text.push_str("\n\n");
    }
    paragraph.clear();
}

fn title(xml: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    let mut inside = false;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return None,
            Event::Start(element) => inside = name(&element) == "title",
            Event::End(_) => inside = false,
            Event::Text(words) if inside => {
                let words = words.xml10_content();
                let words = words.trim();
                return (!words.is_empty()).then(|| words.to_owned());
            }
            _ => {}
        }
    }
}
