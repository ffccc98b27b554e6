//! Markdown documents into passages.
//!
//! ```text
//! ---
//! domain: astronomy
//! title: Astronomy
//! as_of: 2026-11-01
//! licence: CC0-1.0
//! ---
//!
//! ## Title of a passage
//!
//! Its text, quoted whole where it is cited.
//!
//! Terms: words, to find it by, never quoted
//! ```

use llmnet_types::{
    codec::Text,
    domain::Domain,
    passage::{PASSAGE_LENGTH_MAX, Passage},
};

/// The most bytes of a document.
pub const DOCUMENT_LENGTH_MAX: usize = 8 * 1024 * 1024;
/// The most bytes of a passage's search words.
pub const TERMS_LENGTH_MAX: usize = 4_000;

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is about.
    pub domain: Domain,
    /// Its title.
    pub title: Text<128>,
    /// The day up to which it is current, as days since 1970-01-01.
    pub as_of_day: u32,
    /// On what terms it may be quoted: an SPDX name.
    pub licence: String,
    /// Its passages, in order.
    pub sections: Vec<Section>,
}

impl Document {
    /// Its passages as labelled samples for a classifier.
    pub fn samples(&self) -> impl Iterator<Item = (Domain, String)> + '_ {
        let sample = |section: &Section| (self.domain.clone(), section.searchable());
        self.sections.iter().map(sample)
    }
}

/// A passage with words to find it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What may be quoted.
    pub passage: Passage,
    /// Words that are indexed and never quoted.
    pub terms: String,
}

impl Section {
    /// All that is indexed of it.
    pub fn searchable(&self) -> String {
        let Passage { title, text, .. } = &self.passage;
        format!("{title}\n{text}\n{}", self.terms)
    }
}

/// A document that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {fault}")]
pub struct IngestError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More bytes than a document may have.
    #[error("{found} bytes where at most {DOCUMENT_LENGTH_MAX} are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// It does not begin and end its front matter with `---`.
    #[error("expected front matter between two lines `---`")]
    NoFrontMatter,
    /// A line of the front matter that is not `key: value`.
    #[error("expected `key: value`")]
    NotAField,
    /// The front matter lacks a field.
    #[error("the front matter has no `{0}`")]
    Missing(&'static str),
    /// A field's value is not what it should be.
    #[error("`{field}` is not {expected}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Text before the first heading.
    #[error("text before the first `## ` heading")]
    Stray,
    /// A passage without text.
    #[error("the passage has no text")]
    Empty,
    /// Two passages of one title.
    #[error("a second passage with this title")]
    Duplicate,
    /// Text after the search words.
    #[error("text after `Terms:`")]
    AfterTerms,
    /// A title or text over its bound.
    #[error("{part} of {found} bytes where at most {limit} are allowed")]
    Oversized {
        /// Which part.
        part: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// Reads a document; `file` is named in errors and nowhere else.
///
/// # Errors
/// The first fault, with its line.
pub fn parse(file: &str, text: &str) -> Result<Document, IngestError> {
    let fail = |(line, fault)| IngestError {
        file: file.to_owned(),
        line,
        fault,
    };
    if text.len() > DOCUMENT_LENGTH_MAX {
        return Err(fail((1, Fault::TooLong { found: text.len() })));
    }
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim_end()));
    let matter = FrontMatter::read(&mut lines).map_err(fail)?;
    let sections = sections(&matter.title, lines).map_err(fail)?;
    Ok(Document {
        domain: matter.domain,
        title: matter.title,
        as_of_day: matter.as_of_day,
        licence: matter.licence,
        sections,
    })
}

struct FrontMatter {
    domain: Domain,
    title: Text<128>,
    as_of_day: u32,
    licence: String,
}

impl FrontMatter {
    fn read<'a>(
        lines: &mut impl Iterator<Item = (usize, &'a str)>,
    ) -> Result<Self, (usize, Fault)> {
        if lines.next().is_none_or(|(_, line)| line != "---") {
            return Err((1, Fault::NoFrontMatter));
        }
        let (mut domain, mut title, mut as_of_day, mut licence) = (None, None, None, None);
        let mut last = 1;
        for (at, line) in lines {
            last = at;
            if line == "---" {
                let missing = |field| move || (at, Fault::Missing(field));
                return Ok(Self {
                    domain: domain.ok_or_else(missing("domain"))?,
                    title: title.ok_or_else(missing("title"))?,
                    as_of_day: as_of_day.ok_or_else(missing("as_of"))?,
                    licence: licence.ok_or_else(missing("licence"))?,
                });
            }
            let (key, value) = line.split_once(':').ok_or((at, Fault::NotAField))?;
            let value = value.trim();
            let invalid = |field, expected| (at, Fault::Invalid { field, expected });
            match key.trim() {
                "domain" => {
                    let name = Domain::new(value)
                        .map_err(|_| invalid("domain", "a domain of a-z, 0-9 and -"))?;
                    domain = Some(name);
                }
                "title" => title = Some(bounded("a title", at, value)?),
                "as_of" => {
                    let day = day(value).ok_or_else(|| invalid("as_of", "a day as 2026-11-01"))?;
                    as_of_day = Some(day);
                }
                "licence" if !value.is_empty() && value.len() <= 64 => {
                    licence = Some(value.to_owned());
                }
                "licence" => return Err(invalid("licence", "a name of 1 to 64 bytes")),
                // Other fields are other tools' business.
                _ => {}
            }
        }
        Err((last, Fault::NoFrontMatter))
    }
}

fn bounded<const MAX: usize>(
    part: &'static str,
    at: usize,
    text: &str,
) -> Result<Text<MAX>, (usize, Fault)> {
    Text::new(text).map_err(|error| {
        let fault = Fault::Oversized {
            part,
            found: error.found,
            limit: error.limit,
        };
        (at, fault)
    })
}

struct Draft<'a> {
    at: usize,
    title: &'a str,
    text: Vec<&'a str>,
    terms: Option<&'a str>,
}

impl Draft<'_> {
    fn finish(self, document: &Text<128>) -> Result<Section, (usize, Fault)> {
        let text = self.text.join("\n");
        let text = text.trim();
        if text.is_empty() {
            return Err((self.at, Fault::Empty));
        }
        let terms: Text<TERMS_LENGTH_MAX> =
            bounded("search words", self.at, self.terms.unwrap_or_default())?;
        Ok(Section {
            passage: Passage {
                document: document.clone(),
                title: bounded("a title", self.at, self.title)?,
                text: bounded::<PASSAGE_LENGTH_MAX>("a passage", self.at, text)?,
            },
            terms: terms.as_str().to_owned(),
        })
    }
}

fn sections<'a>(
    document: &Text<128>,
    lines: impl Iterator<Item = (usize, &'a str)>,
) -> Result<Vec<Section>, (usize, Fault)> {
    let mut sections = Vec::new();
    let mut titles = std::collections::BTreeSet::new();
    let mut draft: Option<Draft<'_>> = None;
    for (at, line) in lines {
        if let Some(title) = line.strip_prefix("## ") {
            if let Some(draft) = draft.take() {
                sections.push(draft.finish(document)?);
            }
            let title = title.trim();
            if !titles.insert(title) {
                return Err((at, Fault::Duplicate));
            }
            draft = Some(Draft {
                at,
                title,
                text: Vec::new(),
                terms: None,
            });
            continue;
        }
        match &mut draft {
            None if line.is_empty() => {}
            None => return Err((at, Fault::Stray)),
            Some(draft) => {
                if let Some(terms) = line.strip_prefix("Terms:") {
                    draft.terms = Some(terms.trim());
                } else if draft.terms.is_none() {
                    draft.text.push(line);
                } else if !line.is_empty() {
                    return Err((at, Fault::AfterTerms));
                }
            }
        }
    }
    if let Some(draft) = draft {
        sections.push(draft.finish(document)?);
    }
    Ok(sections)
}

/// Days since 1970-01-01 of a day as `2026-11-01`; `None` for what is no day since then.
pub(crate) fn day(text: &str) -> Option<u32> {
    let mut parts = text.split('-');
    let mut number = |length: usize| {
        let part = parts.next()?;
        let digits = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits {
            part.parse::<u32>().ok()
        } else {
            None
        }
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() || year < 1970 {
        return None;
    }
    let leap = |year: u32| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(1..=length).contains(&day) {
        return None;
    }
    let years: u32 = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum();
    let months: u32 = lengths.iter().take(month as usize - 1).sum();
    Some(years + months + day - 1)
}

#[cfg(test)]
mod tests;
