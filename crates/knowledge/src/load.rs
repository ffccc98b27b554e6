//! Files of several kinds into plain parts, by a maintained library for each kind.
//!
//! ```text
//! bytes -> Kind -> loader (a thread of its own: panics, deep nesting and long runs end there) -> Loaded -> chunk
//! ```
//!
//! A file comes from anywhere. So its size, its inflated size, its pages, its nesting, its records and the time it
//! takes have bounds, and what is wrong with one is an error that names it, never the end of the program.

mod guard;
mod markdown;
mod plain;
mod records;

#[cfg(feature = "docx")]
mod docx;
#[cfg(feature = "html")]
mod html;
#[cfg(feature = "pdf")]
mod pdf;

use std::{path::Path, time::Duration};

pub use guard::THREAD;

/// The most bytes of a file.
pub const FILE_LENGTH_MAX: u64 = 64 * 1024 * 1024;
/// The most bytes of text taken from a file, and of a part of an archive once it is inflated.
pub const TEXT_LENGTH_MAX: usize = 64 * 1024 * 1024;
/// The most pages of a PDF.
pub const PAGES_MAX: usize = 5_000;
/// How deep elements may stand in one another.
pub const NESTING_MAX: usize = 1_000;
/// The most rows or lines of a file of records.
pub const RECORDS_MAX: usize = 500_000;
/// How long reading a file may take.
pub const LOAD_TIME_MAX: Duration = Duration::from_secs(120);

/// What a file is, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `.md`, `.markdown`
    Markdown,
    /// `.html`, `.htm`, `.xhtml`
    Html,
    /// `.txt`, `.text`, `.rst`, `.log`
    Text,
    /// `.pdf`
    Pdf,
    /// `.docx`
    Docx,
    /// `.csv`, `.tsv`
    Csv,
    /// `.jsonl`, `.ndjson`
    JsonLines,
}

impl Kind {
    /// The kind of a file; `None` where nothing here reads it.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "md" | "markdown" => Self::Markdown,
            "html" | "htm" | "xhtml" => Self::Html,
            "txt" | "text" | "rst" | "log" => Self::Text,
            "pdf" => Self::Pdf,
            "docx" => Self::Docx,
            "csv" | "tsv" => Self::Csv,
            "jsonl" | "ndjson" => Self::JsonLines,
            _ => return None,
        })
    }

    /// Its name, for people and for the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Text => "text",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

/// What a file says, before it is cut into passages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Its own title, if it has one.
    pub title: Option<String>,
    /// The day it says it is current to, as days since 1970-01-01.
    pub as_of_day: Option<u32>,
    /// The licence it says it is under: an SPDX name.
    pub licence: Option<String>,
    /// Whether its parts are Markdown, which is cut at its blocks.
    pub markdown: bool,
    /// Its parts, in order; at least one has text.
    pub parts: Vec<Piece>,
    /// Pages or records that could not be read, while others could.
    pub unread: usize,
}

/// A stretch of a document under one heading: a section, a page, a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// A record's own name, by which it is a document of its own.
    pub key: Option<String>,
    /// Its heading, with those above it.
    pub title: String,
    /// What stands there.
    pub text: String,
}

/// Why a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Nothing here reads such files.
    #[error("not a kind of file that is read: Markdown, HTML, text, PDF, DOCX, CSV, JSON lines")]
    Kind,
    /// This program was built without the loader.
    #[error("this program was built without the feature `{0}`")]
    NotBuilt(&'static str),
    /// Larger than allowed, before or after it was inflated.
    #[error("{what} has more than {limit} {unit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// It is no such file, or damaged.
    #[error("damaged or not of its kind: {0}")]
    Damaged(String),
    /// A scan, or nothing at all.
    #[error("there is no text in it")]
    Empty,
    /// The library that reads it panicked.
    #[error("damaged: the reader gave up on it ({0})")]
    Panicked(String),
    /// It took too long.
    #[error("reading it took more than {} s", LOAD_TIME_MAX.as_secs())]
    TooSlow,
    /// The operating system.
    #[error("{0}")]
    Io(String),
}

/// Reads a file's bytes.
///
/// # Errors
/// It is too large, damaged, empty or takes too long.
pub fn load(kind: Kind, bytes: Vec<u8>) -> Result<Loaded, LoadError> {
    if bytes.len() as u64 > FILE_LENGTH_MAX {
        return Err(file_too_large());
    }
    let loaded = guard::run(move || match kind {
        Kind::Markdown => Ok(markdown::load(&plain::decode(bytes)?)),
        Kind::Text => Ok(plain::load(plain::decode(bytes)?)),
        Kind::Csv => records::csv(&plain::decode(bytes)?),
        Kind::JsonLines => records::json_lines(&plain::decode(bytes)?),
        #[cfg(feature = "html")]
        Kind::Html => html::load(&plain::decode(bytes)?),
        #[cfg(not(feature = "html"))]
        Kind::Html => Err(LoadError::NotBuilt("html")),
        #[cfg(feature = "pdf")]
        Kind::Pdf => pdf::load(&bytes),
        #[cfg(not(feature = "pdf"))]
        Kind::Pdf => Err(LoadError::NotBuilt("pdf")),
        #[cfg(feature = "docx")]
        Kind::Docx => docx::load(&bytes),
        #[cfg(not(feature = "docx"))]
        Kind::Docx => Err(LoadError::NotBuilt("docx")),
    })?;
    let length: usize = loaded.parts.iter().map(|part| part.text.len()).sum();
    if length > TEXT_LENGTH_MAX {
        return Err(LoadError::TooLarge {
            what: "its text",
            limit: TEXT_LENGTH_MAX,
            unit: "bytes",
        });
    }
    let has_text = |part: &Piece| part.text.chars().any(char::is_alphanumeric);
    if !loaded.parts.iter().any(has_text) {
        return Err(LoadError::Empty);
    }
    Ok(loaded)
}

/// Reads a file, of the kind its name says.
///
/// # Errors
/// As [`load`]; nothing reads such a file; the operating system does not give it.
pub fn load_file(path: &Path) -> Result<(Kind, Vec<u8>), LoadError> {
    use std::io::Read as _;
    let kind = Kind::of(path).ok_or(LoadError::Kind)?;
    let io = |error: std::io::Error| LoadError::Io(error.to_string());
    let file = std::fs::File::open(path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        return Err(LoadError::Io("not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    // Its length may change while it is read, so the bound is on what is read.
    let read = file.take(FILE_LENGTH_MAX + 1).read_to_end(&mut bytes);
    if read.map_err(io)? as u64 > FILE_LENGTH_MAX {
        return Err(file_too_large());
    }
    Ok((kind, bytes))
}

const fn file_too_large() -> LoadError {
    LoadError::TooLarge {
        what: "the file",
        limit: FILE_LENGTH_MAX as usize,
        unit: "bytes",
    }
}

#[cfg(test)]
mod tests;
