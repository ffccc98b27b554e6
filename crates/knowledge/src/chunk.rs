//! What a file says, cut into passages small enough to quote whole.

use llmnet_types::{codec::Text, passage::Passage};
use text_splitter::{ChunkConfig, ChunkSizer, MarkdownSplitter, TextSplitter};

use crate::{
    ingest::Section,
    load::{Loaded, Piece},
};

/// The most bytes of a passage: a few paragraphs. Less than what a passage may have, so that several fit before a
/// model.
pub const CHUNK_LENGTH_MAX: usize = 1_600;
/// From how many bytes on no further sentence needs to join a passage.
const CHUNK_LENGTH_WANTED: usize = 1_000;
/// The most passages of one file.
pub const CHUNKS_MAX: usize = 500_000;

/// Bounds are in bytes, as those of the vocabulary are.
struct Bytes;

impl ChunkSizer for Bytes {
    fn size(&self, chunk: &str) -> usize {
        chunk.len()
    }
}

/// The passages of a document, in order; `name` is its title where it has none itself.
///
/// Passages without a letter or digit are left out, as are those past [`CHUNKS_MAX`].
pub fn passages(loaded: &Loaded, name: &str) -> Vec<Section> {
    let config = || {
        ChunkConfig::new(CHUNK_LENGTH_WANTED..CHUNK_LENGTH_MAX)
            .with_sizer(Bytes)
            .with_trim(true)
    };
    let (markdown, plain) = (MarkdownSplitter::new(config()), TextSplitter::new(config()));
    let document = loaded.title.as_deref().unwrap_or(name);
    let mut sections = Vec::new();
    for part in &loaded.parts {
        // Most sections fit as they are; only longer ones are parsed once more.
        if part.text.len() <= CHUNK_LENGTH_MAX {
            sections.extend(section(document, part, &part.text));
        } else if loaded.markdown {
            let chunks = markdown.chunks(&part.text);
            sections.extend(chunks.filter_map(|text| section(document, part, text)));
        } else {
            let chunks = plain.chunks(&part.text);
            sections.extend(chunks.filter_map(|text| section(document, part, text)));
        }
    }
    sections.truncate(CHUNKS_MAX);
    sections
}

fn section(document: &str, part: &Piece, text: &str) -> Option<Section> {
    if !text.chars().any(char::is_alphanumeric) {
        return None;
    }
    let document = match &part.key {
        // A record is a document of its own; its name must survive the cut.
        Some(key) => {
            let key: Text<100> = Text::truncated(key);
            let room = 128 - key.len() - 1;
            let end = document.floor_char_boundary(room.min(document.len()));
            format!("{}/{key}", &document[..end])
        }
        None => document.to_owned(),
    };
    let title = if part.title.is_empty() {
        first_words(text)
    } else {
        &part.title
    };
    Some(Section {
        passage: Passage {
            document: Text::truncated(&document),
            title: Text::truncated(title),
            text: Text::truncated(text),
        },
        terms: String::new(),
    })
}

/// A title for what has none: its first line, cut at a word.
fn first_words(text: &str) -> &str {
    const LENGTH: usize = 60;
    let line = text.trim_start().lines().next().unwrap_or_default();
    if line.len() <= LENGTH {
        return line;
    }
    let cut = &line[..line.floor_char_boundary(LENGTH)];
    cut.rsplit_once(' ').map_or(cut, |(words, _)| words)
}

#[cfg(test)]
mod tests;
